# A host, its repository on "GitHub" and the machines around it: bash functions, to be sourced after e2e/lib.sh.
#
# The host "box" has a library, an editor that needs it, and two small derivations that are local by design. Its flake
# has one input, "data", whose text goes into the library, and reads the file "motd", which goes into the editor.

github_server=$binaries/github-server
[[ -x $github_server ]] || github_server=$binaries/tests/support/github-server

git_quietly() { git -c user.name=x -c user.email=x@example.org -c init.defaultBranch=main "$@"; }

# story_repository: $work/data.git and $work/remote.git, and the clone $work/repo whose origin is called github.com/o/r.
story_repository() {
    git_quietly init -q "$work/data"
    echo one > "$work/data/text"
    git_quietly -C "$work/data" add . && git_quietly -C "$work/data" commit -qm one
    git_quietly init -q --bare "$work/remote.git"
    git_quietly init -q "$work/repo"
    mkdir -p "$work/repo/.github/workflows"
    echo 'run: cachefill run' > "$work/repo/.github/workflows/fill.yml"
    echo 'run: lint' > "$work/repo/.github/workflows/lint.yml"
    echo hello > "$work/repo/motd"
    cat > "$work/repo/flake.nix" <<NIX
{
  inputs.data = { url = "git+file://$work/data"; flake = false; };
  outputs = { self, data }:
    let
      make = name: local: script: derivation ({
        inherit name;
        system = "x86_64-linux";
        builder = "/bin/sh";
        args = [ "-c" script ];
      } // (if local then { allowSubstitutes = false; preferLocalBuild = true; } else { }));
      text = builtins.readFile "\${data}/text";
      library = make "library-1.0" false "echo '\${text}' > \$out";
      editor = make "editor-1.0" false "echo '\${builtins.readFile ./motd}' \${library} > \$out";
      conf = make "etc-conf" true "echo \${editor} > \$out";
      system = make "nixos-system-box" true "echo \${conf} \${editor} > \$out";
    in
    {
      nixosConfigurations.box.config.system.build.toplevel = system;
      # The same host with an evaluated configuration that names caches, for what it trusts.
      nixosConfigurations.believer.config = {
        system.build.toplevel = system;
        nix.settings = import ./believes.nix;
      };
    };
}
NIX
    echo '{ substituters = [ ]; trusted-public-keys = [ ]; }' > "$work/repo/believes.nix"
    git_quietly -C "$work/repo" add .
    nix_in "$work/makers" nix flake lock "$work/repo" 2> /dev/null
    git_quietly -C "$work/repo" add . && git_quietly -C "$work/repo" commit -qm first
    git -C "$work/repo" remote add origin https://github.com/o/r
    git -C "$work/repo" config "url.file://$work/remote.git.insteadOf" https://github.com/o/r
    story_push
}
story_commit() { git_quietly -C "$work/repo" commit -qam "${1:-change}"; }
story_push() { git -C "$work/repo" push -q origin HEAD:main && git -C "$work/repo" branch -q --set-upstream-to origin/main; }
story_head() { git -C "$work/repo" rev-parse HEAD; }

# start_github: sets GITHUB_API_URL.
start_github() {
    local ready=$work/github.ready waited
    rm -f "$ready"
    "$github_server" --url-file "$ready" --limit 100000 "$@" &
    servers+=($!)
    for ((waited = 0; waited < 200; ++waited)); do [[ -s $ready ]] && break; sleep 0.05; done
    GITHUB_API_URL=$(cat "$ready")
    export GITHUB_API_URL
}
# github_state JSON: what it knows; github_patch JSON changes it.
github_state() { github_send PUT "$1"; }
github_patch() { github_send PATCH "$1"; }
github_send() {
    python3 -c '
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/_state", data=sys.argv[3].encode(), method=sys.argv[2]), timeout=20)' \
        "$GITHUB_API_URL" "$1" "$2"
}
# github_runs FRAME...: one run of the current commit, with these frames (JSON objects).
github_runs() {
    local head frames
    head=$(story_head)
    frames=$(IFS=,; echo "$*")
    github_state "{\"o/r\": {\"branches\": {\"main\": \"$head\"}, \"commits\": [\"$head\"], \"runs\": [
        {\"id\": 1, \"workflow\": \"Lint\", \"file\": \"lint.yml\", \"branch\": \"main\", \"sha\": \"$head\",
         \"frames\": [{\"status\": \"completed\", \"conclusion\": \"failure\"}]},
        {\"id\": 7, \"workflow\": \"Fill\", \"file\": \"fill.yml\", \"branch\": \"main\", \"sha\": \"$head\", \"number\": 3,
         \"frames\": [$frames]}]}}"
}
github_no_runs() { github_state "{\"o/r\": {\"branches\": {\"main\": \"$(story_head)\"}, \"commits\": [\"$(story_head)\"], \"runs\": []}}"; }

# on_machine NAME URLS KEYS COMMAND ARGUMENT...: cachefill as the user of a machine with these substituters and keys.
# Output in $work/out, exit code in $code, the answer as data in $work/answer.json where there is one.
on_machine() {
    local name=$1 urls=$2 keys=$3
    shift 3
    code=0
    rm -f "$work/answer.json"
    mkdir -p "$work/tools" && ln -sf "$cachefill" "$work/tools/cachefill" # found as a person's shell would find it
    XDG_STATE_HOME=$work/$name/state nix_consumer "$work/$name" "$urls" "$keys" env CACHEFILL_HOSTNAME=box \
        PATH="$work/tools:$PATH" cachefill "$@" > "$work/out" 2>&1 < /dev/null || code=$?
}
examine() { # examine NAME URLS KEYS [OPTION...]: doctor on that machine
    local name=$1 urls=$2 keys=$3
    shift 3
    on_machine "$name" "$urls" "$keys" doctor --flake "$work/repo" --json "$work/answer.json" "$@"
}
# build_and_push NAME: the cloud, or a desktop, fills the cache with what is committed.
fill() { cachefill_in "$work/$1" run "$work/repo" --hosts nixos:box "${@:2}"; }
# primary CAUSE TEXT COMMAND: the first reason, and what it says to do.
primary() {
    equal "$1: exit code" "$code" 1 "$(cat "$work/out")"
    equal "primary reason" "$(report_value "$work/answer.json" 'r["reasons"][0]["cause"]' 2> /dev/null)" "$1" "$(cat "$work/out")"
    contains "$1: says so" "^reason: .*$2" "$work/out"
    contains "$1: says what to do" "^do: +$3" "$work/out"
}
healthy() {
    equal "$1: exit code" "$code" 0 "$(cat "$work/out")"
    equal "$1: reasons" "$(report_value "$work/answer.json" 'len(r["reasons"])' 2> /dev/null)" 0 "$(cat "$work/out")"
    contains "$1: says so" "^nothing to compile for nixos:box" "$work/out"
}
