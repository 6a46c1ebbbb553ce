"""What is wrong with a directory that is a cache, before or while it is used: functions by name in DAMAGES.

Each gets the backend, the argument and the list of what has to be undone before the next run."""
import os
import pathlib
import shutil
import subprocess
import threading
import time

from .ledger import parse_narinfo

DAMAGES = {}


def damage(function):
    DAMAGES[function.__name__.replace("_", "-")] = function
    return function


def _narinfo(backend, part):
    return next(file for file in sorted(backend.files.glob("*.narinfo")) if part in file.read_text().splitlines()[0])


def _archive(backend, part):
    return backend.files / parse_narinfo(_narinfo(backend, part).read_text())["URL"]


def _keep(file, after):
    content = file.read_bytes()

    def put_back():
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        file.unlink(missing_ok=True)
        file.write_bytes(content)

    after.append(put_back)
    return content


@damage
def narinfo_gone(backend, part, after):
    file = _narinfo(backend, part)
    _keep(file, after)
    file.unlink()


@damage
def archive_gone(backend, part, after):
    file = _archive(backend, part)
    _keep(file, after)
    file.unlink()


@damage
def archive_half(backend, part, after):
    file = _archive(backend, part)
    content = _keep(file, after)
    file.write_bytes(content[: len(content) // 2])


@damage
def archive_empty(backend, part, after):
    file = _archive(backend, part)
    _keep(file, after)
    file.write_bytes(b"")


@damage
def archive_flipped(backend, part, after):
    """One bit in the middle of what is compressed."""
    file = _archive(backend, part)
    content = bytearray(_keep(file, after))
    content[len(content) // 2] ^= 8
    file.write_bytes(content)


@damage
def archive_of_another(backend, part, after):
    file = _archive(backend, part)
    _keep(file, after)
    other = next(other for other in file.parent.iterdir() if other != file)
    file.write_bytes(other.read_bytes())


@damage
def archive_is_folder(backend, part, after):
    file = _archive(backend, part)
    _keep(file, after)
    file.unlink()
    file.mkdir()


def _edit(backend, part, after, old, new):
    file = _narinfo(backend, part)
    text = _keep(file, after).decode()
    file.write_text("".join(line for line in (new(l) if l.startswith(old) else l for l in text.splitlines(True)) if line))


@damage
def narinfo_of_stranger(backend, part, after):
    """Signed by a key that nobody here knows: the line is real, the name is not."""
    _edit(backend, part, after, "Sig:", lambda line: line.replace("Sig: cache-1:", "Sig: stranger-1:"))


@damage
def narinfo_unsigned(backend, part, after):
    _edit(backend, part, after, "Sig:", lambda line: "")


@damage
def narinfo_bad_signature(backend, part, after):
    _edit(backend, part, after, "Sig:", lambda line: line.replace("==", "").rstrip()[:-6] + "AAAAAA==\n")


@damage
def narinfo_of_other_path(backend, part, after):
    _edit(backend, part, after, "StorePath:", lambda line: "StorePath: /nix/store/" + "0" * 32 + "-other\n")


@damage
def narinfo_climbs(backend, part, after):
    _edit(backend, part, after, "URL:", lambda line: "URL: ../../../../etc/passwd\n")


@damage
def narinfo_without_url(backend, part, after):
    _edit(backend, part, after, "URL:", lambda line: "")


@damage
def narinfo_of_huge_size(backend, part, after):
    _edit(backend, part, after, "NarSize:", lambda line: "NarSize: 99999999999999999999\n")


@damage
def narinfo_refers_to_nothing(backend, part, after):
    _edit(backend, part, after, "References:", lambda line: "References: " + "0" * 32 + "-nothing\n")


@damage
def narinfo_half(backend, part, after):
    file = _narinfo(backend, part)
    content = _keep(file, after)
    file.write_bytes(content[: len(content) // 3])


@damage
def narinfo_empty(backend, part, after):
    file = _narinfo(backend, part)
    _keep(file, after)
    file.write_bytes(b"")


@damage
def narinfo_binary(backend, part, after):
    file = _narinfo(backend, part)
    _keep(file, after)
    file.write_bytes(os.urandom(2000))


@damage
def narinfo_huge(backend, part, after):
    file = _narinfo(backend, part)
    _keep(file, after)
    with open(file, "ab") as appended:
        appended.write(b"Extra: " + b"x" * 50_000_000 + b"\n")


@damage
def narinfo_is_folder(backend, part, after):
    file = _narinfo(backend, part)
    _keep(file, after)
    file.unlink()
    file.mkdir()


@damage
def narinfo_link_loop(backend, part, after):
    file = _narinfo(backend, part)
    _keep(file, after)
    file.unlink()
    file.symlink_to(file)


def _info(backend, after, content):
    file = backend.files / "nix-cache-info"
    backend.files.mkdir(exist_ok=True)
    before = file.read_bytes() if file.exists() else b"StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n"
    file.write_bytes(content)
    after.append(lambda: file.write_bytes(before))


@damage
def info_of_other_store(backend, part, after):
    _info(backend, after, b"StoreDir: /gnu/store\n")


@damage
def info_binary(backend, part, after):
    _info(backend, after, os.urandom(500))


@damage
def info_empty(backend, part, after):
    _info(backend, after, b"")


@damage
def cache_readonly(backend, part, after):
    backend.files.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", "-o", "ro", backend.files, backend.files], check=True)
    after.append(lambda: subprocess.run(["umount", "-l", backend.files], check=False))


def _small(backend, after, options, first=b""):
    backend.files.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", backend.files], check=True)
    if first:
        (backend.files / "filler").write_bytes(first)
    after.append(lambda: subprocess.run(["mount", "-o", "remount,size=50m,nr_inodes=1000", backend.files], check=True))


@damage
def cache_full(backend, part, after):
    _small(backend, after, "size=4k", b"x" * 4096)


@damage
def cache_nearly_full(backend, part, after):
    """Room for the small ones, not for the archive of a hundred kilobytes or so."""
    _small(backend, after, "size=24k")


@damage
def cache_without_inodes(backend, part, after):
    _small(backend, after, "size=10m,nr_inodes=6")


@damage
def cache_is_file(backend, part, after):
    backend.files.write_text("a file")
    after.append(lambda: backend.files.unlink(missing_ok=True))


@damage
def nar_is_file(backend, part, after):
    backend.files.mkdir(exist_ok=True)
    (backend.files / "nar").write_text("a file")
    after.append(lambda: (backend.files / "nar").unlink(missing_ok=True))


@damage
def cache_link_dangles(backend, part, after):
    backend.files.symlink_to(backend.files.parent / "elsewhere")
    after.append(lambda: backend.files.unlink() if backend.files.is_symlink() and not backend.files.exists() else None)


@damage
def cache_disappears(backend, part, after):
    """It is moved away while the run goes on."""
    aside = pathlib.Path(f"{backend.files}.aside")

    def move():
        until = time.monotonic() + 10
        while time.monotonic() < until and not list(backend.files.glob("*.narinfo")):
            time.sleep(0.005)
        try:
            backend.files.rename(aside)
        except OSError:
            pass

    mover = threading.Thread(target=move, daemon=True)
    mover.start()

    def undo():
        mover.join()
        if aside.exists():
            shutil.rmtree(backend.files, ignore_errors=True)
            aside.rename(backend.files)

    after.append(undo)


@damage
def evicted_meanwhile(backend, part, after):
    """As soon as the next narinfo is there, that of `part` is taken away."""

    def take():
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                file = _narinfo(backend, part)
                file.unlink()
                return
            except (StopIteration, OSError, IndexError):
                time.sleep(0.003)

    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    after.append(taker.join)
