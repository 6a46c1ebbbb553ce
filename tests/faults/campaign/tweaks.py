"""What is wrong with the machine: each function changes the Command that is about to be started, by name.

They are registered in TWEAKS; `command.after` collects what has to be undone before the next, healthy run."""
import dataclasses
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import threading

TWEAKS = {}


class Left(str):
    """What something that is undone finds to be wrong afterwards."""


@dataclasses.dataclass
class Command:
    """`shell` are redirections for a shell that replaces itself by the command; `limits` are lines for it before that."""

    words: list
    environment: dict
    directory: pathlib.Path
    machine: object
    flake: pathlib.Path
    shell: str = ""
    limits: str = ""
    stdout: str = "file"  # or "broken pipe"
    after: list = dataclasses.field(default_factory=list)

    def bin(self, name, text):
        """A program of this name that comes first on PATH."""
        folder = self.directory / "bin"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        if not self.environment["PATH"].startswith(f"{folder}:"):
            self.environment["PATH"] = f"{folder}:{self.environment['PATH']}"
        self.after.append(lambda: (folder / name).unlink(missing_ok=True))

    def mount(self, *words):
        subprocess.run(["mount", *map(str, words)], check=True)
        self.after.append(lambda: subprocess.run(["umount", "-l", str(words[-1])], check=False))


def tweak(function):
    TWEAKS[function.__name__.replace("_", "-")] = function
    return function


# TMPDIR


@tweak
def tmp_missing(c):
    c.environment["TMPDIR"] = str(c.directory / "nowhere")


@tweak
def tmp_is_file(c):
    (c.directory / "a-file").write_text("x")
    c.environment["TMPDIR"] = str(c.directory / "a-file")


@tweak
def tmp_full(c):
    c.mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", c.machine.tmp)
    try:
        (c.machine.tmp / "filler").write_bytes(b"x" * 8192)
    except OSError:
        pass


@tweak
def tmp_without_inodes(c):
    c.mount("-t", "tmpfs", "-o", "nr_inodes=1", "tmpfs", c.machine.tmp)


@tweak
def tmp_readonly(c):
    c.mount("--bind", "-o", "ro", c.machine.tmp, c.machine.tmp)


# state and home


@tweak
def state_readonly(c):
    c.mount("--bind", "-o", "ro", c.machine.state, c.machine.state)


@tweak
def state_is_file(c):
    state = c.directory / "state-file"
    state.write_text("x")
    c.environment["XDG_STATE_HOME"] = str(state)
    c.after.append(lambda: c.environment.update(XDG_STATE_HOME=str(c.machine.state)))


@tweak
def state_full(c):
    c.mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", c.machine.state)


@tweak
def state_of_another(c):
    folder = c.machine.state / "cachefill"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    folder.chmod(0o700)
    c.after.append(lambda: shutil.rmtree(folder, ignore_errors=True))


@tweak
def state_open_to_all(c):
    folder = c.machine.state / "cachefill"
    folder.mkdir()
    folder.chmod(0o777)
    c.after.append(lambda: shutil.rmtree(folder, ignore_errors=True))


@tweak
def state_is_nonsense(c):
    folder = c.machine.state / "cachefill"
    folder.mkdir()
    for name in ("history.sqlite", "queue.db", "evaluation-memory.json"):
        (folder / name).write_bytes(os.urandom(5000))


@tweak
def state_is_cut(c):
    folder = c.machine.state / "cachefill"
    folder.mkdir()
    for name in ("history.sqlite", "queue.db"):
        (folder / name).write_bytes(b"SQLite format 3\0" + b"\0" * 50)
    (folder / "evaluation-memory.json").write_text('{"a": [')


@tweak
def home_missing(c):
    c.environment["HOME"] = str(c.directory / "no-home")
    c.environment.pop("XDG_CACHE_HOME")
    c.after.append(lambda: c.environment.update(HOME=str(c.machine.home), XDG_CACHE_HOME=str(c.machine.home / ".cache")))


@tweak
def home_readonly(c):
    c.mount("--bind", "-o", "ro", c.machine.home, c.machine.home)


# standard streams


@tweak
def stdin_closed(c):
    c.shell = "<&-"


@tweak
def stdout_closed(c):
    c.shell = ">&-"


@tweak
def stderr_closed(c):
    c.shell = "2>&-"


@tweak
def all_closed(c):
    c.shell = "<&- >&- 2>&-"


@tweak
def stdout_full(c):
    c.shell = "> /dev/full"


@tweak
def both_full(c):
    c.shell = "> /dev/full 2>&1"


@tweak
def stdout_broken(c):
    c.stdout = "broken pipe"


@tweak
def stdout_json_full(c):
    c.words = ["-" if word.endswith("report.json") else word for word in c.words]
    c.shell = "> /dev/full"


# programs


def _fake(c, name, when, what):
    real = subprocess.run(["which", name], capture_output=True, text=True).stdout.strip()
    c.bin(name, f'#!/bin/sh\ncase "$*" in {when}) {what};; esac\nexec {real} "$@"\n')


PROGRAMS = {
    "hangs": "sleep 1000 & wait; exit 1", "crashes": "kill -SEGV $$", "nonsense": "head -c 3000 /dev/urandom; exit 0",
    "silent": "exit 0", "fails": "echo 'error: no such luck' >&2; exit 1", "endless": "exec yes '{\"x\": 1}'",
    "empty-json": "echo '{}'; exit 0", "closes": "exec >&- 2>&-; sleep 1000 & wait",
    "ignores-signals": "trap '' INT TERM HUP; while :; do sleep 1; done",
}
WHENS = {"all": "*", "eval": "*eval*", "version": "*--version*", "settings": "*show-config*|*config\\ show*",
         "daemon": "*daemon*", "metadata": "*metadata*"}


def _register_programs():
    for program in ("nix", "git"):
        for when, pattern in WHENS.items():
            for what, text in PROGRAMS.items():
                TWEAKS[f"{program}-{what}-{when}"] = lambda c, p=program, w=pattern, t=text: _fake(c, p, w, t)


_register_programs()


@tweak
def nix_missing(c):
    folder = c.directory / "bin"
    folder.mkdir()
    for program in ("sh", "git", "uname", "cat", "tar", "gzip"):
        where = subprocess.run(["which", program], capture_output=True, text=True).stdout.strip()
        if where:
            (folder / program).symlink_to(where)
    before = c.environment["PATH"]
    c.environment["PATH"] = str(folder)
    c.after.append(lambda: c.environment.update(PATH=before))


@tweak
def nix_not_executable(c):
    c.bin("nix", "#!/no/such/interpreter\n")


@tweak
def nix_of_tomorrow(c):
    c.bin("nix", '#!/bin/sh\ncase "$*" in --version) echo "nix (Nix) 9.99pre"; exit 0;; esac\nexec /usr/bin/env -S nix-real "$@"\n')
    real = subprocess.run(["which", "nix"], capture_output=True, text=True).stdout.strip()
    (c.directory / "bin/nix-real").symlink_to(real)


# the daemon

GREETINGS = {
    "closes": lambda s: None,
    "hangs": lambda s: s.recv(1 << 20) and threading.Event().wait(600),
    "nonsense": lambda s: s.sendall(os.urandom(4096)),
    "http": lambda s: s.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "dies-in-greeting": lambda s: (s.recv(8), s.sendall(b"oixd")),
    "dies-after-greeting": lambda s: (s.recv(8), s.sendall(b"oixd" + b"\0" * 4 + (0x122).to_bytes(8, "little"))),
    "hangs-after-greeting": lambda s: (s.recv(8), s.sendall(b"oixd" + b"\0" * 4 + (0x122).to_bytes(8, "little")),
                                       threading.Event().wait(600)),
    "of-the-past": lambda s: (s.recv(8), s.sendall(b"oixd" + b"\0" * 4 + (0x105).to_bytes(8, "little")), s.recv(8)),
    "endless": lambda s: [s.sendall(b"\xff" * 65536) for _ in range(20000)],
}


def _daemon(c, greeting):
    path = c.directory / "d.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(16)

    def talk(connection):
        try:
            greeting(connection)
        except OSError:
            pass
        connection.close()

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    before = c.environment["NIX_REMOTE"]
    c.environment["NIX_REMOTE"] = f"unix://{path}"

    def undo():
        c.environment["NIX_REMOTE"] = before
        listener.close()
        path.unlink(missing_ok=True)

    c.after.append(undo)


for _name, _greeting in GREETINGS.items():
    TWEAKS[f"daemon-{_name}"] = lambda c, g=_greeting: _daemon(c, g)


@tweak
def daemon_missing(c):
    before = c.environment["NIX_REMOTE"]
    c.environment["NIX_REMOTE"] = f"unix://{c.directory}/none.sock"
    c.after.append(lambda: c.environment.update(NIX_REMOTE=before))


# the flake and the configuration


@tweak
def flake_dirty(c):
    with open(c.flake / "flake.nix", "a") as file:
        file.write("# changed\n")


def _change_flake(c, text):
    before = (c.flake / "flake.nix").read_bytes()
    (c.flake / "flake.nix").write_bytes(text)
    c.after.append(lambda: (c.flake / "flake.nix").write_bytes(before))


@tweak
def flake_missing(c):
    file = c.flake / "flake.nix"
    file.rename(c.flake / "aside.nix")
    c.after.append(lambda: (c.flake / "aside.nix").rename(file))


@tweak
def flake_of_half(c):
    _change_flake(c, (c.flake / "flake.nix").read_bytes()[:150])


@tweak
def flake_is_binary(c):
    _change_flake(c, os.urandom(2000))


@tweak
def flake_throws(c):
    _change_flake(c, b'{ outputs = _: throw "no"; }\n')


@tweak
def flake_loops(c):
    _change_flake(c, b"{ outputs = _: let f = x: f (x + 1); in { nixosConfigurations.box = f 0; }; }\n")


@tweak
def flake_without_hosts(c):
    _change_flake(c, b"{ outputs = _: { }; }\n")


@tweak
def flake_untracked(c):
    (c.flake / "extra.nix").write_text("1")
    _change_flake(c, (c.flake / "flake.nix").read_bytes().replace(b"outputs = _: let", b"outputs = _: assert import ./extra.nix == 1; let"))
    c.after.append(lambda: (c.flake / "extra.nix").unlink())


@tweak
def flake_repository_broken(c):
    file = c.flake / ".git/HEAD"
    file.rename(c.flake / ".git/HEAD.aside")
    c.after.append(lambda: (c.flake / ".git/HEAD.aside").rename(file))


def _configuration(c, content):
    file = c.directory / "given.yml"
    file.write_bytes(content)
    c.environment["CACHEFILL_CONFIG"] = str(file)
    c.after.append(lambda: c.environment.pop("CACHEFILL_CONFIG"))


CONFIGURATIONS = {
    "nonsense": b"\x00\xff\xfe nonsense", "unknown-key": b"no-such-key: 1\n", "wrong-type": b"deadline: [1, 2]\n",
    "half": b"hosts: [nas, \n", "twice": b"jobs: 1\njobs: 2\n", "bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(8)),
    "deep": b"[" * 20000, "long": b"hosts: [" + b"a," * 400000 + b"]\n",
}
for _name, _content in CONFIGURATIONS.items():
    TWEAKS[f"config-{_name}"] = lambda c, content=_content: _configuration(c, content)


@tweak
def config_missing(c):
    c.environment["CACHEFILL_CONFIG"] = str(c.directory / "none.yml")
    c.after.append(lambda: c.environment.pop("CACHEFILL_CONFIG"))


@tweak
def config_of_flake_bad(c):
    (c.flake / "cachefill.yml").write_text("hosts: {\n")
    subprocess.run(["git", "-C", c.flake, "add", "-A"], check=True)
    c.after.append(lambda: (subprocess.run(["git", "-C", c.flake, "rm", "-qf", "cachefill.yml"], check=True)))


# credentials


def _variable(c, name, value):
    before = c.environment.get(name)
    if value is None:
        c.environment.pop(name, None)
    else:
        c.environment[name] = value
    c.after.append(lambda: c.environment.update({name: before}) if before is not None else c.environment.pop(name, None))


@tweak
def no_credentials(c):
    for name in ("CACHIX_AUTH_TOKEN", "CACHEFILL_SIGNING_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"):
        _variable(c, name, None)


@tweak
def wrong_token(c):
    _variable(c, "CACHIX_AUTH_TOKEN", "nonsense-token")


@tweak
def reading_token(c):
    _variable(c, "CACHIX_AUTH_TOKEN", "reader-token")


@tweak
def bad_key(c):
    _variable(c, "CACHEFILL_SIGNING_KEY", "cache-1:bm90IGEga2V5")


@tweak
def key_file_missing(c):
    _variable(c, "CACHEFILL_SIGNING_KEY", None)
    _variable(c, "CACHEFILL_SIGNING_KEY_FILE", str(c.directory / "no-key"))


# the report's place


def _report_to(c, place):
    c.words = [str(place) if str(word).endswith("report.json") else word for word in c.words]


@tweak
def json_in_missing_folder(c):
    _report_to(c, c.directory / "nowhere/report.json")


@tweak
def json_is_folder(c):
    (c.directory / "folder").mkdir()
    _report_to(c, c.directory / "folder")


@tweak
def json_in_readonly_folder(c):
    folder = c.directory / "locked"
    folder.mkdir()
    c.mount("--bind", "-o", "ro", folder, folder)
    _report_to(c, folder / "report.json")


@tweak
def json_on_full_disk(c):
    folder = c.directory / "small"
    folder.mkdir()
    c.mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", folder)
    (folder / "filler").write_bytes(b"x" * 4096)
    _report_to(c, folder / "report.json")


@tweak
def json_is_fifo(c):
    """Somebody reads at its other end; it has to be a FIFO afterwards."""
    fifo = c.directory / "fifo"
    os.mkfifo(fifo)
    threading.Thread(target=lambda: (c.directory / "from-fifo").write_bytes(fifo.read_bytes()), daemon=True).start()
    _report_to(c, fifo)

    def look():
        if not stat.S_ISFIFO(os.stat(fifo).st_mode):
            return Left("the FIFO has been replaced by a file")
        try:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))  # whoever still reads is let go
        except OSError:
            pass
        return None

    c.after.append(look)


@tweak
def json_is_link(c):
    """Of a file elsewhere: the link has to stay one."""
    (c.directory / "aim").write_text("old")
    (c.directory / "link").symlink_to(c.directory / "aim")
    _report_to(c, c.directory / "link")
    c.after.append(lambda: None if (c.directory / "link").is_symlink() else Left("the link has been replaced by a file"))


# limits


@tweak
def few_descriptors(c):
    c.limits = "ulimit -n 40"


@tweak
def file_size_limit(c):
    c.limits = "ulimit -f 8"


@tweak
def no_core_no_stack(c):
    c.limits = "ulimit -s 256"


@tweak
def proxy_away(c):
    _variable(c, "http_proxy", "http://127.0.0.1:9")


@tweak
def umask_open(c):
    c.limits = "umask 0"


@tweak
def folder_gone(c):
    """The working directory is removed before it starts."""
    folder = c.directory / "gone"
    folder.mkdir()
    c.limits = f"cd {folder}; rmdir {folder}"
