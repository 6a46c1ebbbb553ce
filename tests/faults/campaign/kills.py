"""SIGKILL at random moments: each kind of cache is filled by a run that is killed, looked at as a consumer sees it, filled by the next
run on the same machine, and asked by a third on a machine that has nothing."""
import dataclasses
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import time

from . import flakes, kinds
from .case import Case
from .ledger import parse_narinfo, references
from .machine import Machine
from .nursery import SUPPORT, s3_request
from .rules import Rule

LARGE = {"s3": 70 << 20, "niks3": 24 << 20}  # more than these take in one piece; of the others:
USUAL = 6 << 20
SMALL_ONES = 12
FLAKE = """{ outputs = _: let
  make = name: text: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" text ]; };
  large = derivation { name = "large"; system = "x86_64-linux"; builder = "/bin/false"; outputHashMode = "flat";
    outputHashAlgo = "sha256"; outputHash = "@hash@"; };
  parts = builtins.foldl' (before: i: before ++ [ (make "part-${toString i}" "echo ${toString i} ${
    if before == [ ] then "" else builtins.elemAt before ((i - 1) / 2)} > $out") ]) [ ] (builtins.genList (i: i) @count@);
  box = make "nixos-system-box" "echo ${toString parts} ${large} > $out";
  in { nixosConfigurations.box.config.system.build.toplevel = box; }; }
"""
PACE = (Rule("slow", "nar", 0.06), Rule("slow", "narinfo", 0.04), Rule("slow", "begin", 0.03))


@dataclasses.dataclass
class Round:
    """What was seen of one kill. `wrong` has a sentence for each promise that was broken."""

    kind: str
    number: int
    killed: bool = False
    moment: str = ""
    published: int = 0
    begun: int = 0  # uploads begun and not published, parts of a large one among them
    parts: int = 0  # uploads in parts that the dead left behind
    again: int = 0  # paths that the next run published
    wrong: list = dataclasses.field(default_factory=list)


def holes(backend):
    """What a consumer would stumble over: each path that is served refers only to what is, and its archive can be had."""
    served = {key: parse_narinfo(text) for key, text in backend.narinfos().items()}
    for key, fields in served.items():
        if "Sig" not in fields or "NarHash" not in fields:
            yield f"{key} is no signed narinfo"
        for other in references(fields) - set(served):
            yield f"{fields.get('StorePath')} refers to {other}, which is not served"
        if not backend.archive_is_whole(fields):
            yield f"the archive of {fields.get('StorePath')} is not whole"


def parts_left(backend):
    """Uploads in parts that nobody ended."""
    if backend.name == "s3":
        return s3_request(backend.base + "?uploads", "GET").read().decode().count("<UploadId>")
    if backend.name == "niks3":
        return backend.state()["uploads"]
    if backend.name == "cachix":
        return json.load(backend._get(backend.addresses["api"] + "/_state"))["open_uploads"]
    if backend.name == "file" and backend.files.is_dir():
        return sum(1 for file in backend.files.rglob(".tmp-*"))
    return 0


def begun(backend):
    """Uploads under way at this moment, as far as the kind lets one see them from outside."""
    if backend.name in ("file", "http"):
        archives = {file.name for file in (backend.files / "nar").glob("*")} if (backend.files / "nar").is_dir() else set()
        told = {parse_narinfo(text).get("URL", "/").split("/")[-1] for text in backend.narinfos().values()}
        return len(archives - told)
    if backend.name == "s3":
        names = backend.names()
        return sum(1 for name in names if "nar/" in name) - sum(1 for name in names if name.endswith(".narinfo")) + parts_left(backend)
    if backend.name == "niks3":
        return backend.state()["pending"]
    if backend.name == "attic":
        return backend.fronts[0].in_hand
    return parts_left(backend)


class Killing:
    def __init__(self, nursery, seed):
        self.nursery, self.random = nursery, random.Random(seed)
        self.usual = {}  # kind → seconds of a run that nobody killed, and how many paths it publishes
        self.made = {}  # size of the large one → a machine that has it, and the flake that wants it

    def start_of(self, kind):
        size = LARGE.get(kind, USUAL)
        if size not in self.made:
            self.made[size] = self._prepare(size)
        return self.made[size]

    def _prepare(self, size):
        machine = Machine(self.nursery.directory / f"m/large-{size}", self.nursery.machines["empty"])
        large = self.nursery.directory / "large"
        large.write_bytes(random.Random(size).randbytes(size))
        machine.nix("nix-store", "--add-fixed", "sha256", str(large))
        digest = machine.nix("nix-hash", "--type", "sha256", "--flat", "--base32", str(large)).strip()
        large.unlink()
        flake = self.nursery.directory / f"f/kills-{size}"
        flake.mkdir(parents=True)
        (flake / "flake.nix").write_text(FLAKE.replace("@hash@", digest).replace("@count@", str(SMALL_ONES)))
        flakes.git(flake, "init", "-q", "-b", "main")
        flakes.commit(flake)
        return machine.directory, flake

    def start(self, machine, backend, name):
        keys = ["--trusted-public-keys", backend.public_key] if backend.name in ("file", "http", "s3") else []
        words = [self.nursery.cachefill, "run", self.start_of(backend.name)[1], "--cache", backend.uri, *keys, "--json", machine.directory / f"{name}.json"]
        with open(machine.directory / f"{name}.out", "wb") as out:
            return subprocess.Popen([str(word) for word in words], env=machine.environment(**backend.environment), stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=subprocess.STDOUT, start_new_session=True)

    def to_end(self, machine, backend, name, seen):
        """A run that nobody kills; its report, or None with the complaint noted."""
        process = self.start(machine, backend, name)
        try:
            code = process.wait(180)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code == 0:
            return json.loads((machine.directory / f"{name}.json").read_text())
        text = (machine.directory / f"{name}.out").read_text(errors="replace").strip().splitlines()
        seen.wrong.append(f"the {name} run ended with {code}: {' | '.join(text[-6:])}")
        return None

    def kill_in_time(self, process, backend, seen):
        """Half of them at a moment drawn from the usual length; the others after a drawn number of publications, at the next
        moment at which an upload is under way, or some while after the first part of a large one has begun."""
        seconds, paths = self.usual[backend.name]
        if seen.number % 4 == 0 and backend.name in LARGE:
            more = self.random.uniform(0, 0.5)
            seen.moment = f"{more:.2f} s after an upload in parts began"
            until = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < until and not parts_left(backend):
                time.sleep(0.01)
            time.sleep(more)
        elif seen.number % 2:
            at = self.random.uniform(0.05, 0.98) * seconds
            seen.moment = f"after {at:.2f} s"
            time.sleep(at)
        else:
            goal = self.random.randrange(1, max(paths - 2, 2))
            seen.moment = f"after {goal} publications"
            until = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < until and not (self.count(backend) >= goal and begun(backend) > 0):
                time.sleep(0.01)
        killed = subprocess.run([SUPPORT / "kill_tree", str(process.pid)], capture_output=True, text=True)
        process.wait()
        if killed.returncode == 0 and (left := json.loads(killed.stdout)["survivors"]):
            seen.wrong.append(f"what it had started lives on: {left}")
        return killed.returncode == 0 and process.returncode == -9

    @staticmethod
    def count(backend):
        if backend.name in ("file", "http"):
            return sum(1 for _ in backend.files.glob("*.narinfo")) if backend.files.is_dir() else 0
        if backend.name == "s3":
            return sum(1 for name in backend.names() if name.endswith(".narinfo"))
        if backend.name == "cachix":
            return len(json.load(backend._get(backend.addresses["api"] + "/_state"))["narinfos"])
        return len(backend.state()["narinfos"])

    def learn(self, kind, directory):
        """How long a run takes that nobody kills."""
        seen = Round(kind, 0)
        backend = kinds.KINDS[kind](Case("run", kind, "kill", "none", PACE, number=0), directory, self.nursery)
        machine = Machine(directory / "m", self.start_of(kind)[0])
        began = time.monotonic()
        self.to_end(machine, backend, "whole", seen)
        self.usual[kind] = (time.monotonic() - began, self.count(backend))
        backend.close()
        if seen.wrong:
            raise SystemExit(f"{kind}: {seen.wrong[0]}")

    def play(self, kind, number):
        directory = pathlib.Path(self.nursery.directory / "k" / f"{kind}-{number}")
        for name in ("learn", "round"):
            if name == "learn" and kind in self.usual:
                continue
            (directory / name).mkdir(parents=True)
            if name == "learn":
                self.learn(kind, directory / name)
        seen = Round(kind, number)
        backend = kinds.KINDS[kind](Case("run", kind, "kill", str(number), PACE, number=number), directory / "round", self.nursery)
        try:
            self._round(backend, directory / "round", seen)
        finally:
            backend.close()
            subprocess.run(["chmod", "-R", "u+w", directory], check=False, stderr=subprocess.DEVNULL)
            shutil.rmtree(directory, ignore_errors=True)
        return seen

    def _round(self, backend, directory, seen):
        machine = Machine(directory / "first", self.start_of(backend.name)[0])
        process = self.start(machine, backend, "killed")
        seen.killed = self.kill_in_time(process, backend, seen)
        time.sleep(0.3)  # what the server still has in hand
        there = set(backend.narinfos())
        seen.published, seen.begun, seen.parts = len(there), begun(backend), parts_left(backend)
        seen.wrong += [f"after the kill {hole}" for hole in holes(backend)]
        backend.heal()
        report = self.to_end(machine, backend, "next", seen)
        if report is None:
            return
        seen.again = sum(1 for push in report["pushes"] if push["outcome"] == "published")
        again = [f"{push['path']} was published again" for push in report["pushes"]
                 if push["outcome"] == "published" and push["path"][11:43] in there]
        # What niks3 serves and has not completed is in nobody's closure: it has to go up again, or its clean-up takes it.
        if len(again) > (seen.begun if backend.name == "niks3" else 0):
            seen.wrong += again
        seen.wrong += [f"after the next run {hole}" for hole in holes(backend)]
        seen.wrong += backend.problems()
        self._complete(backend, machine, report, seen)
        self._clean(backend, machine, seen)
        self._from_nothing(backend, directory, seen)

    def _complete(self, backend, machine, report, seen):
        host = next(target["output"] for target in report["targets"])
        served = backend.narinfos()
        seen.wrong += [f"{path} is not there in the end" for path in machine.closure(host) if path[11:43] not in served]

    def _clean(self, backend, machine, seen):
        if backend.name == "file":  # what another process may be writing is left alone for a day
            for file in backend.files.rglob(".tmp-*"):
                os.utime(file, (time.time() - 90000,) * 2)
            self.to_end(machine, backend, "later", seen)
        allowed = seen.parts if backend.name == "cachix" else 0  # Cachix lists none to anybody, and ends them itself
        if (left := parts_left(backend)) > allowed:
            seen.wrong.append(f"{left} uploads in parts are left behind")
        if backend.name == "niks3":
            backend.clean_up()
            if pending := backend.state()["pending"]:
                seen.wrong.append(f"{pending} pending closures are left after the server's clean-up")

    def _from_nothing(self, backend, directory, seen):
        machine = Machine(directory / "nothing", self.nursery.machines["empty"])
        report = self.to_end(machine, backend, "third", seen)
        if report is None:
            return
        built = [build["name"] for build in report["builds"] if build["outcome"] == "built"]
        pushed = [push["path"] for push in report["pushes"] if push["outcome"] == "published"]
        if built or pushed:
            seen.wrong.append(f"a machine that has nothing built {built} and published {pushed}")


def table(rounds):
    """Markdown: what each kind came to."""
    lines = ["| cache | killed | of them with a path published and an upload under way | uploads in parts left by the dead | wrong |", "|---|---|---|---|---|"]
    for kind in dict.fromkeys(seen.kind for seen in rounds):
        own = [seen for seen in rounds if seen.kind == kind]
        lines.append(f"| {kind} | {sum(seen.killed for seen in own)} | {sum(seen.killed and seen.published > 0 and seen.begun > 0 for seen in own)} | "
                     f"{sum(seen.parts for seen in own)} | {sum(bool(seen.wrong) for seen in own)} |")
    return "\n".join(lines)
