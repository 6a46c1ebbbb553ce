"""What all cases start from, made once: keys, flakes, machines, filled caches, the server of S3."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request

from . import flakes
from .machine import Machine

SUPPORT = pathlib.Path(__file__).resolve().parents[2] / "support"
SIGNED = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def wait_for_file(path, seconds=30):
    until = time.monotonic() + seconds
    while not (path.exists() and path.stat().st_size):
        if time.monotonic() > until:
            raise RuntimeError(f"{path} did not come")
        time.sleep(0.02)
    return path.read_text()


def s3_request(url, method, body=None):
    headers = {"Authorization": SIGNED, "Content-Type": "application/octet-stream"}
    return urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=20)


class Nursery:
    """Attributes: `directory`, `key_name`/`signing_key`/`public_key` of plain caches, `flakes` (kind → directory),
    `hosts` (kind → store path of box), `machines` (template name → directory), `filled` (plain cache of the flake "plain"),
    `filled_cachix` (the stand-in's directory of it), `upstream` and `upstream_public_key`, `s3` (URL or None), `memory_limit` (bytes)."""

    def __init__(self, binaries, with_s3=True):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cf-", dir=os.environ.get("TMPDIR", "/tmp")))
        self.directory.chmod(0o755)
        self.binaries = pathlib.Path(binaries)
        self.cachefill, self.cachix_server = self.program("cachefill"), self.program("cachix-server")
        # Built with AddressSanitizer a program takes some times the memory.
        self.memory_limit = (1200 if b"__asan_init" in self.cachefill.read_bytes() else 300) << 20
        self._children = []
        empty = Machine(self.directory / "m/empty")
        empty.nix("nix-store", "--init")
        self.machines = {"empty": empty.directory}
        self.signing_key, self.public_key = self._key(empty, "cache-1")
        self.foreign_key, self.foreign_public_key = self._key(empty, "stranger-1")
        self.upstream_key, self.upstream_public_key = self._key(empty, "upstream-1")
        self.flakes = {kind: flakes.write(kind, self.directory / "f" / kind) for kind in flakes.KINDS}
        self._make_machines()
        self.filled = self._fill_plain()
        self.filled_cachix = self._fill_cachix()
        self.s3 = self._start_s3() if with_s3 else None

    def program(self, name):
        """Where one of this name is, built here or copied."""
        for place in (self.binaries / name, self.binaries / "runner" / name, self.binaries / "tests/support" / name):
            if place.exists():
                return place
        raise SystemExit(f"no {name} in {self.binaries}")

    @staticmethod
    def _key(machine, name):
        secret = machine.nix("nix", "key", "generate-secret", "--key-name", name).strip()
        public = subprocess.run(["nix", "key", "convert-secret-to-public"], input=secret, env=machine.environment(), check=True,
                                capture_output=True, text=True).stdout.strip()
        return secret, public

    def _make_machines(self):
        self.hosts = {}
        for kind in ("plain", "upstream"):
            machine = Machine(self.directory / "m" / kind, self.machines["empty"])
            where = f"git+file://{self.flakes[kind]}#box"
            machine.nix("nix", "build", "--no-link", where)
            self.hosts[kind] = machine.nix("nix", "eval", "--raw", where + ".outPath")
            self.machines[kind] = machine.directory
        machine = Machine(self.directory / "m/seed", self.machines["empty"])
        key = self.directory / "upstream.sec"
        key.write_text(self.upstream_key)
        base = f"git+file://{self.flakes['upstream']}#base"
        machine.nix("nix", "build", "--no-link", base)
        self.base = machine.nix("nix", "eval", "--raw", base + ".outPath")
        machine.nix("nix", "store", "sign", "--key-file", str(key), self.base)
        self.upstream = self.directory / "upstream"
        machine.nix("nix", "copy", "--to", f"file://{self.upstream}", self.base)

    def _run(self, machine, cache, **environment):
        words = [self.cachefill, "run", self.flakes["plain"], "--cache", cache, "--no-manifest"]
        done = subprocess.run(words, env=machine.environment(**environment), capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, cwd=machine.directory)
        if done.returncode:
            raise SystemExit(f"the healthy run that the campaign starts from: {done.returncode}\n{done.stdout}{done.stderr}")

    def _fill_plain(self):
        machine = Machine(self.directory / "m/filler", self.machines["plain"])
        cache = self.directory / "filled"
        self._run(machine, f"file://{cache}", CACHEFILL_SIGNING_KEY=self.signing_key)
        return cache

    def _fill_cachix(self):
        machine = Machine(self.directory / "m/cachix-filler", self.machines["plain"])
        directory = self.directory / "filled-cachix"
        process, addresses = self.start_cachix(directory, "first-token")
        self._run(machine, "cachix://demo", CACHEFILL_CACHIX_API=addresses["api"], CACHIX_AUTH_TOKEN="first-token")
        process.terminate()
        process.wait()
        self.cachix_public_key = addresses["public_key"]
        return directory

    def start_cachix(self, directory, token):
        """The stand-in; returns its process and what it says of its addresses."""
        ready = directory.with_name(directory.name + ".ready")
        ready.unlink(missing_ok=True)
        process = subprocess.Popen([self.cachix_server, "--cache", "demo", "--dir", directory, "--port-file", ready, "--token",
                                    f"rw:{token}", "--token", "ro:reader-token", "--log-file", directory.with_name(directory.name + ".log")],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return process, json.loads(wait_for_file(ready))

    def _start_s3(self):
        installed = subprocess.run([SUPPORT / "s3_server", "--install"], capture_output=True, text=True)
        if installed.returncode:
            return None
        ready = self.directory / "s3.ready"
        self._children.append(subprocess.Popen([SUPPORT / "s3_server", ready, "fleet"], stdin=subprocess.DEVNULL,
                                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return f"http://127.0.0.1:{wait_for_file(ready, 60).strip()}"

    def close(self):
        for process in self._children:
            process.terminate()
            process.wait()
        subprocess.run(["chmod", "-R", "u+w", self.directory], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)
