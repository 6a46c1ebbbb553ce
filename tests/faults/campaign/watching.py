"""Looks on while a command runs: its memory, the environment and the command lines of its children, whether a directory cache is
closed; and afterwards, what is left of it."""
import os
import pathlib
import threading
import time


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _start_of(pid):
    fields = _read(f"/proc/{pid}/stat").rsplit(b")", 1)[-1].split()
    return fields[19] if len(fields) > 19 and fields[0] not in (b"Z", b"X") else None


def _children(pid):
    found = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        found += [int(child) for child in _read(f"/proc/{pid}/task/{thread}/children").split()]
    return found


class Watcher:
    """From its start until stop(). `program` is what it runs, in the end; `secrets` maps names to texts that no child may be given."""

    def __init__(self, pid, program, secrets, instant=None):
        self.pid, self.program, self.instant = pid, os.path.realpath(program), instant
        # Nix itself fetches from buckets with AWS's own variables, so they are no secret to it (docs/security.md).
        self.secrets = {name: text.encode() for name, text in secrets.items() if not name.startswith("AWS")}
        self.peak, self.found, self.open_moments = 0, [], []
        self._known = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._look, daemon=True)]
        if instant:
            self._threads.append(threading.Thread(target=self._look_at_cache, daemon=True))
        for thread in self._threads:
            thread.start()

    def _look(self):
        while not self._stop.wait(0.015):
            for line in _read(f"/proc/{self.pid}/status").splitlines():
                if line.startswith(b"VmHWM:"):
                    self.peak = max(self.peak, int(line.split()[1]) * 1024)
            open_ends = _children(self.pid)
            while open_ends:
                child = open_ends.pop()
                self._look_at(child)
                open_ends += _children(child)

    def _look_at(self, child):
        start = _start_of(child)
        if start is None:
            return
        try:
            program = os.readlink(f"/proc/{child}/exe")
        except OSError:
            return
        line = _read(f"/proc/{child}/cmdline")
        seen = (start, program, line)
        if self._known.get(child) == seen:
            return
        self._known[child] = seen
        if program == self.program:  # between fork and exec it is still its parent
            return
        everything = line + _read(f"/proc/{child}/environ")
        for name, text in self.secrets.items():
            if text in everything:
                self.found.append(f"the {name} in the command line or environment of {line.replace(bytes(1), b' ').decode()[:80]}")

    def _look_at_cache(self):
        before = set()
        while not self._stop.wait(0.03):
            try:
                self.open_moments += [moment for moment in self.instant() if moment not in before]
                before.update(self.open_moments)
            except OSError:
                pass

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def survivors(self, seconds=5):
        """Its descendants that still live after so long, as text."""
        until = time.monotonic() + seconds
        while True:
            alive = [f"process {pid}: {seen[2].replace(bytes(1), b' ').decode()[:100]}" for pid, seen in list(self._known.items())
                     if _start_of(pid) == seen[0]]
            if not alive or time.monotonic() > until:
                return alive
            time.sleep(0.1)

    def kill_survivors(self):
        for pid, seen in list(self._known.items()):
            if _start_of(pid) == seen[0]:
                try:
                    os.kill(pid, 9)
                except OSError:
                    pass


def locks_below(directory):
    """Files below the directory on which somebody holds a lock."""
    inodes = {}
    for file in pathlib.Path(directory).rglob("*"):
        try:
            status = file.lstat()
            inodes[f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"] = file
        except OSError:
            pass
    found = []
    for line in _read("/proc/locks").decode().splitlines():
        words = line.split()
        place = next((word for word in words if word.count(":") == 2), None)
        if place in inodes and "->" not in words:
            found.append(f"a lock on {inodes[place]}")
    return found


def temporary_files(machine, cache_files):
    """What nobody needs any more: all in TMPDIR, and what looks half-written in state, home and cache."""
    found = []
    if machine.tmp.is_dir():
        found += [f"{entry} in TMPDIR" for entry in machine.tmp.iterdir() if entry.name != "filler"]  # the campaign's own
    for place in (machine.state, machine.home, cache_files):
        if place is None or not place.is_dir():
            continue
        for file in place.rglob("*"):
            if file.is_socket() or file.name.endswith((".tmp", ".partial", ".new", ".part")) or ".tmp" in file.name:
                found.append(str(file))
    return found


def places_of(secrets, directories, but):
    """Files below the directories in which a secret stands, `but` for some files."""
    found = []
    for directory in directories:
        for file in pathlib.Path(directory).rglob("*"):
            if file in but or file.is_symlink() or not file.is_file():
                continue
            # In a step the first line asks the runner to mask it.
            content = b"\n".join(line for line in _read(file).split(b"\n") if not line.startswith(b"::add-mask::"))
            found += [f"the {name} in {file}" for name, text in secrets.items() if text.encode() in content]
    return found
