"""The campaign as a program: chooses cases, plays them, prints what fails and the score."""
import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import signal
import threading
import time
import traceback

from . import judge, matrix, table
from .nursery import Nursery
from .perform import Play


def arguments(words, text):
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="PATTERN", action="append", help="cases whose name matches this glob, repeatable")
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--ten-minutes", action="store_true", help="a fixed part, in which each known cause has a case")
    parser.add_argument("--everything", action="store_true", help="the whole product, not the share that the seed draws")
    parser.add_argument("--random", type=float, metavar="MINUTES", help="drawn combinations, for so long")
    parser.add_argument("--jobs", type=int, default=2, help="cases at once; those that wait for a timeout come on top")
    parser.add_argument("--twice", action="store_true", help="a case that fails is played once more, by itself, and that counts")
    parser.add_argument("--keep", action="store_true", help="leave the directories of the cases")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", help="the matrix and the score as Markdown")
    return parser.parse_args(words)


class Campaign:
    def __init__(self, options, nursery):
        self.options, self.nursery = options, nursery
        self.results = []  # (case, complaints, seconds)
        self.lock = threading.Lock()
        self.started = time.monotonic()

    def one(self, case, place=""):
        began = time.monotonic()
        play = None
        try:
            play = Play(case, self.nursery, self.nursery.directory / "c" / f"{case.number}{place}")
            evidence = play.play()
            complaints = judge.verdict(evidence)
        except Exception:  # the campaign's own mistakes must not stop it, and are no passes
            complaints = [("campaign", traceback.format_exc())]
            evidence = None
        if play:
            play.close(self.options.keep)
        with self.lock:
            self.results.append((case, complaints, time.monotonic() - began))
            if complaints:
                self._tell(case, complaints, evidence)
            if len(self.results) % 25 == 0:
                failed = sum(1 for result in self.results if result[1])
                print(f"… {len(self.results)} cases, {failed} failed, {time.monotonic() - self.started:.0f} s", flush=True)

    def _tell(self, case, complaints, evidence):
        for check, sentence in complaints:
            print(f"FAIL {case.name}: {check}: {sentence}")
        print(f"     again: tests/faults/run --seed {self.options.seed} --only '{case.name}' --keep")
        if evidence:
            print("".join(f"     | {line[:200]}\n" for line in evidence.output.strip().splitlines()[-8:]), end="")
            if any(check in ("next_run_completes", "nothing_built_twice") for check, _ in complaints):
                print("".join(f"     2| {line[:200]}\n" for line in evidence.second_output.strip().splitlines()[-8:]), end="", flush=True)

    def play(self, cases):
        """Those that sit a timeout out need no processor: they have a lane of their own."""
        slow = [case for case in cases if case.slow]
        quick = [case for case in cases if not case.slow]
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as two, concurrent.futures.ThreadPoolExecutor(8) as many:
            for lane, chosen in ((many, slow), (two, quick)):
                for case in chosen:
                    lane.submit(self.one, case)

    def play_again(self):
        """Those that failed, one after another: on a busy machine a limit of seconds is missed now and then."""
        failed = [case for case, complaints, _ in self.results if complaints]
        self.results = [result for result in self.results if not result[1]]
        for case in failed:
            print(f"once more: {case.name}", flush=True)
            self.one(case, "-again")
        return len(failed)

    def play_random(self, minutes):
        until = time.monotonic() + 60 * minutes
        draw = matrix.drawn(self.options.seed, self.nursery.s3 is not None)
        lock = threading.Lock()

        def player():
            while time.monotonic() < until:
                with lock:
                    case = next(draw)
                self.one(case)

        players = [threading.Thread(target=player) for _ in range(self.options.jobs)]
        for thread in players:
            thread.start()
        for thread in players:
            thread.join()

    def score(self):
        passed = sum(1 for result in self.results if not result[1])
        return passed, len(self.results)


def main(words, text):
    options = arguments(words, text)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup every command would rightly ignore it
    cases = matrix.all_cases(options.seed, options.everything)
    if options.ten_minutes and not options.only:
        cases = matrix.ten_minutes(cases)
    if options.only:  # also what the seed has not drawn
        cases = matrix.all_cases(options.seed, True)
        cases = [case for case in cases if any(fnmatch.fnmatch(case.name, pattern) for pattern in options.only)]
    if options.list:
        print("\n".join(case.name for case in cases))
        return 0
    apart = bool(os.environ.get("CACHEFILL_FAULTS_APART"))
    nursery = Nursery(os.environ.get("CACHEFILL_BINARY_DIR") or exit("CACHEFILL_BINARY_DIR: the directory of cachefill and cachix-server"))
    try:
        left_out = [case for case in cases if (case.backend == "s3" and not nursery.s3) or (matrix.needs_mounts(case) and not apart)]
        for case in left_out:
            print(f"skip {case.name}: {'no S3 server can be installed here' if case.backend == 's3' else 'nothing can be mounted here'}")
        campaign = Campaign(options, nursery)
        if options.random:
            campaign.play_random(options.random)
        else:
            campaign.play([case for case in cases if case not in left_out])
        again = campaign.play_again() if options.twice else 0
        passed, all_of_them = campaign.score()
        if options.table:
            table.write(options.table, campaign.results, options.seed)
        print(f"faults: {passed} of {all_of_them} (seed {options.seed}, {time.monotonic() - campaign.started:.0f} s{f', {again} of them played twice' if again else ''})")
        return 0 if passed == all_of_them else 1
    finally:
        if not options.keep:
            nursery.close()
