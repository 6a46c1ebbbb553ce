"""Plays one case and returns what was seen of it, as Evidence."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from . import backends, damage, flakes, kinds, tweaks, watching
from .evidence import Evidence
from .machine import Machine

SIGNALS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP, "KILL": signal.SIGKILL, "PIPE": signal.SIGPIPE,
           "QUIT": signal.SIGQUIT, "STOP": signal.SIGSTOP}


def catches(pid, number):
    """Has the process asked to be told of this signal?"""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.MULTILINE)
    return bool(caught and int(caught[1], 16) >> (number - 1) & 1)


class Play:
    """One case in one directory."""

    def __init__(self, case, nursery, directory):
        self.case, self.nursery = case, nursery
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.machine = Machine(self.directory / "m", nursery.machines[case.machine])
        self.flake = self.directory / "flake"
        shutil.copytree(nursery.flakes[case.flake], self.flake)
        self.backend = kinds.KINDS[case.backend](case, self.directory, nursery)
        self.upstream = backends.Upstream(case, nursery) if case.upstream_rules is not None else None
        self.report = self.directory / "report.json"
        self.marker = self.directory / "switched"

    # what is started

    def environment(self):
        keys = [self.backend.public_key]
        urls = [self.backend.url]
        if self.upstream:
            keys.append(self.upstream.public_key)
            urls.append(self.upstream.url)
        consumer = self.case.command in ("doctor", "wait", "guard")
        more = dict(substituters=" ".join(urls), keys=" ".join(keys)) if consumer else {}
        reader = {name: value for name, value in self.backend.environment.items() if not consumer or "TOKEN" not in name and "KEY" not in name}
        environment = self.machine.environment(more=self.case.config, **more, **reader)
        environment["NH_FLAKE"] = str(self.flake)
        if self.case.command == "ci":
            environment |= self._step()
        return environment

    def _step(self):
        for name in ("output", "summary", "env"):
            (self.directory / name).write_text("")
        (self.directory / "runner-temp").mkdir(exist_ok=True)
        return {
            "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "o/r", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main",
            "GITHUB_REF_NAME": "main", "GITHUB_SHA": "0" * 40, "GITHUB_RUN_ID": "77", "GITHUB_RUN_NUMBER": "5",
            "GITHUB_RUN_ATTEMPT": "1", "GITHUB_ACTOR": "alex", "GITHUB_WORKSPACE": str(self.flake),
            "RUNNER_TEMP": str(self.directory / "runner-temp"), "GITHUB_OUTPUT": str(self.directory / "output"),
            "GITHUB_STEP_SUMMARY": str(self.directory / "summary"), "GITHUB_ENV": str(self.directory / "env"),
            "GITHUB_WORKFLOW_REF": "o/r/.github/workflows/fill.yml@refs/heads/main", "CACHEFILL_INPUT_DEADLINE": "1h",
            "GITHUB_API_URL": "http://127.0.0.1:9", "CACHEFILL_INPUT_CACHE": self.backend.uri}

    def words(self):
        """What passes has to be survived by a machine that is busy; what stays must not take long."""
        case, program = self.case, str(self.nursery.cachefill)
        patience = ["--retry-budget", "5s" if case.harmless else "1s"]
        cache = ["--cache", self.backend.uri, *patience]
        report = ["--json", str(self.report)]
        keys = ["--trusted-public-keys", self.backend.public_key] if case.backend in ("file", "http", "s3") else []
        if self.upstream:
            keys += ["--upstream", self.upstream.url, "--trusted-public-keys", self.upstream.public_key]
        if case.command == "run":
            return [program, "run", str(self.flake), *cache, *keys, *report, "--wait-for-caches", "2s", *case.options]
        if case.command == "ci":
            return [program, "ci", str(self.flake), *patience, *keys, *report, "--wait-for-caches", "2s", *case.options]
        if case.command == "push":
            return [program, "push", self.nursery.hosts[case.flake], *cache, *keys, *report, "--wait-for-caches", "2s", *case.options]
        if case.command == "verify":
            return [program, "verify", "box", *cache, *keys, *report, "--wait-for-caches", "2s", *case.options]
        if case.command == "push --watch":
            return [program, "push", "--watch", "--push-scope", "all", "--state-directory", str(self.machine.state / "watch"), *cache,
                    "--store", str(self.machine.root), *case.options]
        here = ["--flake", str(self.flake)]
        if case.command == "doctor":
            return [program, "doctor", *cache, *keys, *report, *here, *case.options, "box"]
        if case.command == "wait":
            return [program, "wait", *cache, *keys, *report, *here, "--timeout", "4s", "--interval", "1s", *case.options, "box"]
        return [program, "guard", *cache, *keys, *report, *here, "--kind", "nixos", "-H", "box", *case.options, "--", "touch",
                str(self.marker)]

    def command(self):
        return tweaks.Command(self.words(), self.environment(), self.directory, self.machine, self.flake)

    # the run

    def start(self, command, name):
        words = [str(word) for word in command.words]
        if command.shell or command.limits:
            words = ["/bin/sh", "-c", f'{command.limits or ":"}; exec "$@" {command.shell}', "sh", *words]
        out = open(self.directory / f"{name}.out", "wb")
        err = open(self.directory / f"{name}.err", "wb")
        if command.stdout == "broken pipe":
            reading, writing = os.pipe()
            os.close(reading)
            out.close()
            out = os.fdopen(writing, "wb")
        with out, err:
            return subprocess.Popen(words, env=command.environment, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                    start_new_session=True)

    def output(self, name):
        return "".join((self.directory / f"{name}.{kind}").read_text(errors="replace") for kind in ("out", "err")
                       if (self.directory / f"{name}.{kind}").exists())

    def wait(self, process, seconds):
        """The exit code, or None after that time."""
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def signal_when_due(self, process, told):
        """Sends the case's signal at its moment; returns when that was."""
        name, when = self.case.signal
        kind, _, detail = when.partition(" ")
        until = time.monotonic() + 25
        begun = None  # before that the kernel ends it, as any program that has not begun
        while process.poll() is None and time.monotonic() < until:
            if begun is None and (name not in ("INT", "TERM", "HUP") or catches(process.pid, SIGNALS[name])):
                begun = time.monotonic()
            due = (kind == "tell" and told.is_set()) or (
                kind == "after" and begun is not None and time.monotonic() > begun + float(detail)) or (
                kind == "output" and re.search(detail, self.output("first")))
            if due:
                self.was_due = True
                os.kill(process.pid, SIGNALS[name])
                if name == "STOP":
                    time.sleep(3)
                    os.kill(process.pid, signal.SIGCONT)
                return time.monotonic()
            time.sleep(0.005)
        return time.monotonic()

    def listen(self):
        told = threading.Event()
        for front in self.backend.fronts + ([self.upstream.front] if self.upstream else []):
            front.on_tell = told.set
        return told

    def play(self):
        case, e = self.case, Evidence(name=self.case.name, command=self.case.command)
        e.wanted_codes, e.says, e.deadline, e.harmless = case.codes, case.says, case.deadline, case.harmless
        e.memory_limit = self.nursery.memory_limit
        e.may_rebuild, e.killed = case.may_rebuild, bool(case.signal and case.signal[0] in ("KILL", "QUIT"))
        e.report_wanted = case.command in ("run", "ci", "push", "verify") and not case.tweak.startswith(("json", "stdout-json"))
        e.reads_lie = bool(case.damage) or any(rule.stage in ("look", "archive", "query", "*") and rule.times is None for rule in case.rules)
        self.was_due, after = False, []
        before = self.machine.built()
        if case.damage:
            damage.DAMAGES[case.damage[0]](self.backend, case.damage[1] if len(case.damage) > 1 else "", after)
        command = self.command()
        if case.tweak:
            tweaks.TWEAKS[case.tweak](command)
        told = self.listen()
        self.started = time.monotonic()
        process = self.start(command, "first")
        # A directory whose files are harmed from the start is not closed; whose harm that is, is known.
        instant = self.backend.instant if case.backend == "file" and not case.damage else None
        watcher = watching.Watcher(process.pid, self.nursery.cachefill, self.backend.secrets, instant)
        try:
            self._run_to_end(process, told, e)
            self._gather(e, watcher, before)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            watcher.stop()
            watcher.kill_survivors()
        for undo in command.after[::-1] + after[::-1]:
            complaint = undo()
            if isinstance(complaint, tweaks.Left):
                e.left.append(complaint)
        self._again(e)
        return e

    def _run_to_end(self, process, told, e):
        since = self.started
        if self.case.command == "push --watch":
            since = self._watch(process, told)
        elif self.case.signal:
            since = self.signal_when_due(process, told)
        e.code = self.wait(process, max(since + self.case.deadline + 1 - time.monotonic(), 1))
        e.took = time.monotonic() - since

    def _watch(self, process, told):
        """A service: it starts, something is built, it has some time to push that, and is ended."""
        seconds = time.monotonic() + 10
        while process.poll() is None and "watching" not in self.output("first") and time.monotonic() < seconds:
            time.sleep(0.02)
        where = f"git+file://{self.nursery.flakes[self.case.flake]}#box"
        self.machine.nix("nix", "build", "--no-link", where)
        if self.case.signal:
            return self.signal_when_due(process, told)
        until = time.monotonic() + 4
        while process.poll() is None and time.monotonic() < until and not self._all_served():
            time.sleep(0.1)
        time.sleep(0.3)
        if process.poll() is None:
            process.terminate()
        return time.monotonic()

    def _all_served(self):
        try:
            return len(self.backend.served()) >= len(self.machine.built())
        except (OSError, ValueError):
            return False

    def _gather(self, e, watcher, before):
        case = self.case
        e.left = watcher.survivors()
        watcher.stop()
        e.peak_memory, e.secrets, e.open_moments = watcher.peak, watcher.found, watcher.open_moments + self.backend.problems()
        e.output = self.output("first")
        for place in (self.report, self.directory / "from-fifo", self.directory / "aim", *self.directory.glob("runner-temp/*.json")):
            if place.is_file() and not e.report_text:
                e.report_text = place.read_text(errors="replace")
        try:
            e.report = json.loads(e.report_text) if e.report_text else None
        except ValueError:
            e.report = None
        e.built = frozenset((self.machine.built() - before) if case.builds or case.command == "push --watch" else ())
        if case.command == "push":
            e.given = frozenset({self.nursery.hosts[case.flake]})
            e.built = frozenset(self.machine.closure(self.nursery.hosts[case.flake]))
        e.served = self.backend.served()
        e.wanted = self._wanted()
        e.marker = self.marker.exists()
        if not e.killed:
            e.left += watching.temporary_files(self.machine, getattr(self.backend, "files", None) if case.backend == "file" else None)
        e.left += watching.locks_below(self.directory)
        self.secrets_of(e)
        e.waiting = self._queue() if case.command == "push --watch" else 0
        rules = list(case.rules) + list(case.upstream_rules or ())
        books = [self.backend.book] + ([self.upstream.book] if self.upstream else [])
        e.struck = (not rules or any(book.hits for book in books)) and (not case.signal or self.was_due)

    def secrets_of(self, e):
        own = {self.directory / "cachix/secret-key"}
        e.secrets += watching.places_of(self.backend.secrets, [self.directory], own)
        forbidden = {name: text.encode() for name, text in self.backend.secrets.items() if name != "token"}
        heads = [(text, forbidden) for front in self.backend.fronts for text in front.seen]
        if self.upstream:
            heads += [(text, {n: t.encode() for n, t in self.backend.secrets.items()}) for text in self.upstream.front.seen]
        for text, secrets in heads:
            e.secrets += [f"the {name} in a request: {text[:80]!r}" for name, secret in secrets.items() if secret in text]

    def _wanted(self):
        """What exit 0 of a command that fills or looks means."""
        if self.case.command in ("doctor", "wait", "guard"):
            return frozenset()
        host = self.nursery.hosts.get(self.case.flake)
        if host is None:
            return self.machine.built() if self.case.builds else frozenset()
        closure = self._template_closure(host)
        upstream = {self.nursery.base} if self.upstream else set()
        return frozenset(closure - upstream)

    def _template_closure(self, host):
        template = Machine.__new__(Machine)
        template.root = pathlib.Path(self.nursery.machines[self.case.flake]) / "root"
        return template.closure(host)

    def _queue(self):
        words = [str(self.nursery.cachefill), "push", "--status", "--json", "-", "--state-directory", str(self.machine.state / "watch"),
                 "--cache", self.backend.uri]
        done = subprocess.run(words, env=self.environment(), capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        try:
            return sum(cache["waiting"] for cache in json.loads(done.stdout)["caches"])
        except (ValueError, KeyError):
            return 0

    # the next one, with nothing wrong any more

    def _again(self, e):
        self.backend.heal()
        if self.upstream:
            self.upstream.heal()
        self.report.unlink(missing_ok=True)
        self.marker.unlink(missing_ok=True)
        if self.case.flake == "broken":
            shutil.rmtree(self.flake)
            flakes.write("plain", self.flake)
        self.backend.secrets = {}
        command = self.command()
        started = time.monotonic()
        process = self.start(command, "second")
        if self.case.command == "push --watch":
            until = time.monotonic() + 100
            while process.poll() is None and time.monotonic() < until and not (
                    "watching" in self.output("second") and self._all_served()):
                time.sleep(0.2)
            time.sleep(0.2)
            process.terminate()
        e.second_code = self.wait(process, 60)
        if process.poll() is None:
            process.kill()
            process.wait()
        e.second_took = time.monotonic() - started
        e.second_output = self.output("second")
        e.second_served = self.backend.served()
        if self.report.exists() and self.case.builds:
            report = json.loads(self.report.read_text())
            e.second_built = frozenset(o for b in report["builds"] if b["outcome"] == "built" for o in b["outputs"])
        e.open_moments += [problem for problem in self.backend.problems() if problem not in e.open_moments]

    def close(self, keep):
        self.backend.close()
        if self.upstream:
            self.upstream.close()
        if keep:
            print(f"kept: {self.directory}", file=sys.stderr)
            return
        subprocess.run(["chmod", "-R", "u+w", self.directory], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)
