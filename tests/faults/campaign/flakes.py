"""The flakes of the campaign: hosts of a few tiny derivations."""
import subprocess

HEAD = """{ outputs = _: let
  make = name: text: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" text ]; };
"""
TAIL = """
  in { nixosConfigurations = hosts; packages.x86_64-linux = packages; }; }
"""
# What is incompressible, of some hundred kilobytes, so that there is a body to cut.
NOISE = "x=1; i=0; while [ $i -lt 4000 ]; do x=$(( (x * 1103515245 + 12345) % 2147483648 )); echo $x; i=$((i+1)); done > $out"
KINDS = {
    # three in a chain
    "plain": """
  library = make "library-1.0" "%s";
  tool = make "tool" "echo ${library} > $out";
  box = make "nixos-system-box" "echo ${library} ${tool} > $out";
  packages = { inherit library tool box; };
  hosts.box.config.system.build.toplevel = box;""" % NOISE,
    # the first of three is what the upstream has
    "upstream": """
  base = make "base-1.0" "%s";
  tool = make "tool" "echo ${base} > $out";
  box = make "nixos-system-box" "echo ${base} ${tool} > $out";
  packages = { inherit base tool box; };
  hosts.box.config.system.build.toplevel = box;""" % NOISE,
    # one builds at once, the next takes a while
    "slow": """
  library = make "library-1.0" "echo library > $out";
  tool = make "tool" "echo ${library} > $out; i=0; while [ $i -lt 400000 ]; do i=$((i + 1)); done";
  box = make "nixos-system-box" "echo ${library} ${tool} > $out";
  packages = { inherit library tool box; };
  hosts.box.config.system.build.toplevel = box;""",
    # two hosts, one of which fails
    "broken": """
  library = make "library-1.0" "echo library > $out";
  bad = make "bad" "echo no; exit 1";
  box = make "nixos-system-box" "echo ${library} > $out";
  packages = { inherit library box; };
  hosts.box.config.system.build.toplevel = box;
  hosts.nas.config.system.build.toplevel = make "nixos-system-nas" "echo ${library} ${bad} > $out";""",
    # many small ones beside each other
    "wide": """
  parts = builtins.genList (i: make "part-${toString i}" "echo ${toString i} > $out") 8;
  box = make "nixos-system-box" "echo ${toString parts} > $out";
  packages = { inherit box; };
  hosts.box.config.system.build.toplevel = box;""",
}


def write(kind, directory):
    """A git repository with this flake."""
    directory.mkdir(parents=True)
    (directory / "flake.nix").write_text(HEAD + KINDS[kind] + TAIL)
    git(directory, "init", "-q", "-b", "main")
    commit(directory)
    return directory


def git(directory, *words):
    subprocess.run(["git", "-c", "user.name=f", "-c", "user.email=f@example.org", "-C", directory, *words], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def commit(directory):
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "--allow-empty", "-m", "x")
