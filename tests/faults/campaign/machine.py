"""A machine for one case: a Nix store, a home, a state directory and a TMPDIR of its own, below one directory."""
import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess

SHELLS = (os.environ.get("NIX_SANDBOX_SHELL", ""), "/usr/bin/bash-static", "/bin/bash-static", "/bin/busybox", "/usr/bin/busybox")
CONFIG = """experimental-features = nix-command flakes
sandbox = true
sandbox-paths = /bin/sh={shell}
build-users-group =
substituters = {substituters}
trusted-public-keys = {keys}
builders =
max-jobs = 2
fsync-metadata = false
narinfo-cache-negative-ttl = 0
narinfo-cache-positive-ttl = 0
{more}
"""


def sandbox_shell():
    """A static shell for builders; see tests/support/nix_store.sh."""
    return next(shell for shell in SHELLS if shell and os.access(shell, os.X_OK))


class Machine:
    def __init__(self, directory, template=None):
        """With a template (another machine's directory) its store is the start."""
        self.directory = pathlib.Path(directory)
        if template:
            subprocess.run(["cp", "-a", f"{template}/.", self.directory], check=True)
        self.root, self.home = self.directory / "root", self.directory / "home"
        self.state, self.tmp = self.directory / "state", self.directory / "tmp"
        for place in (self.root, self.home, self.state, self.tmp, self.directory / "empty"):
            place.mkdir(parents=True, exist_ok=True)
        (self.home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n[user]\n\tname = f\n\temail = f@example.org\n")

    def environment(self, substituters="", keys="", more="", **extra):
        """Everything that a command on this machine sees."""
        config = CONFIG.format(shell=sandbox_shell(), substituters=substituters, keys=keys, more=more)
        return {
            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.home), "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_STATE_HOME": str(self.state), "TMPDIR": str(self.tmp), "NIX_CONF_DIR": str(self.directory / "empty"),
            "NIX_REMOTE": f"local?root={self.root}", "NIX_CONFIG": config, "CACHEFILL_HOSTNAME": "box", **extra}

    def nix(self, *words, **more):
        """Runs a command of Nix here and returns what it prints."""
        return subprocess.run(words, env=self.environment(**more), check=True, capture_output=True, text=True, timeout=120).stdout

    def _database(self):
        return contextlib.closing(sqlite3.connect(f"file:{self.root}/nix/var/nix/db/db.sqlite?mode=ro", uri=True, timeout=20))

    def built(self):
        """The outputs that were built in this store: (path, …), by its database."""
        database = self.root / "nix/var/nix/db/db.sqlite"
        if not database.exists():
            return set()
        with self._database() as db:
            return {row[0] for row in db.execute("select path from ValidPaths where ultimate = 1 and deriver is not null")}

    def closure(self, path):
        """Of a valid path: itself and all that it refers to."""
        with self._database() as db:
            edges = {}
            query = "select a.path, b.path from Refs join ValidPaths a on a.id = referrer join ValidPaths b on b.id = reference"
            for a, b in db.execute(query):
                edges.setdefault(a, set()).add(b)
        found, open_ends = set(), [path]
        while open_ends:
            here = open_ends.pop()
            if here not in found:
                found.add(here)
                open_ends += edges.get(here, ())
        return found

    def remove(self):
        subprocess.run(["chmod", "-R", "u+w", self.directory], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)
