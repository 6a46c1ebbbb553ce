"""Judges a case by what was seen from outside. Knows nothing of the program but its documentation.

`verdict(evidence)` is a list of complaints, each (check, sentence); an empty list is a pass. Each check is a function of its own
and has to be able to say no: tests/faults/self_test."""
import re

from .case import DOCUMENTED

GRACE = 1.5  # seconds, for a machine that is busy
THERE = ("published", "already-there")


def _hash(path):
    return path.rsplit("/", 1)[-1][:32]


def ends_in_time(e):
    if e.code is None:
        yield f"it had not ended after {e.deadline:.0f} s"
    elif e.took > e.deadline + GRACE:
        yield f"it ended after {e.took:.1f} s, not within {e.deadline:.0f}"


def documented_code(e):
    if e.code is None or e.killed:
        return
    if e.code not in DOCUMENTED:
        yield f"exit code {e.code} is not documented"
    elif e.wanted_codes is not None and e.code not in e.wanted_codes:
        yield f"exit code {e.code}, where {' or '.join(map(str, sorted(e.wanted_codes)))} is right"


def does_not_crash(e):
    found = re.search(r".*(AddressSanitizer|LeakSanitizer|runtime error: |terminate called|Assertion .* failed).*", e.output + e.second_output)
    if found:
        yield found.group(0)[:200]


def harmless_is_survived(e):
    if e.harmless and e.code != 0:
        yield f"exit code {e.code}, although this can be survived"


def zero_is_true(e):
    """Exit 0 of what fills: everything wanted is served. A watch that is ended keeps a queue."""
    if e.code != 0 or e.killed or e.command == "push --watch":
        return
    for path in sorted(e.wanted):
        if not e.served.get(_hash(path)):
            yield f"exit code 0, but {path} is not whole in the cache"


def says_why(e):
    if e.code in (0, None) or e.killed or not e.says:
        return
    if not re.search(e.says, e.output + e.report_text, re.IGNORECASE | re.DOTALL):
        yield f"nothing of '{e.says}' is told"


def says_anything(e):
    """An exit code that is not 0 comes with words."""
    if e.code not in (0, None) and not e.killed and e.report_wanted and not (e.output.strip() or e.report_text.strip()):
        yield "not a word"


def report_is_there(e):
    if not e.report_wanted or e.killed or e.code is None:
        return
    if e.report_text and e.report is None:
        yield "the report is no JSON"
    elif e.report is None and e.code != 2:
        yield "there is no report"
    elif e.report is not None and e.report.get("exit_code") != e.code:
        yield f"the report says exit code {e.report.get('exit_code')}, not {e.code}"


def _named(report):
    """Paths that a report says are not there, with a reason; and those it says are."""
    report = report or {}
    absent, present = {}, set()
    for push in report.get("pushes", ()):
        if push["outcome"] in THERE:
            present.add(push["path"])
        else:
            absent[push["path"]] = push.get("reason", "")
    for key in ("undecided", "holes"):
        for path in report.get(key, ()):
            absent.setdefault(path, key)
    causes = "; ".join(report.get("causes", ()))
    for target in report.get("targets", ()):
        for path in target.get("missing", ()):
            absent.setdefault(path, causes)
    return absent, present


def nothing_is_lost(e):
    """Everything built is in the cache, or named with a reason."""
    if e.killed or e.code is None or not e.built:
        return
    missing = [path for path in sorted(e.built) if not e.served.get(_hash(path))]
    if e.command == "push --watch":  # what it has not seen yet is no part of its queue, but of what it looks at when it comes back
        for path in missing:
            if not e.second_served.get(_hash(path)):
                yield f"{path} is neither in the cache nor pushed by the next watch; {e.waiting} waited in the queue"
        return
    absent, _ = _named(e.report)
    if e.command == "push" and (e.code == 2 or e.code == 5 and e.report and e.report.get("causes")) and not (e.report or {}).get("pushes"):
        return  # nothing was begun, and that is said of what the caller named himself
    if e.command == "push" and e.code == 5 and e.report is None and "before anything is begun" in e.output:
        return  # the same, where there is no place for a report
    if any(absent.get(path) for path in e.given):
        return  # it was not begun with what was asked for, and so with nothing of its closure
    for path in missing:
        if path not in absent:
            yield f"{path} is not in the cache, and the report does not name it"
        elif not absent[path]:
            yield f"{path} is named without a reason"


def report_is_true(e):
    """What the report calls published is served; what it calls missing is not."""
    if e.killed or e.report is None:
        return
    absent, present = _named(e.report)
    missing = {path for target in e.report.get("targets", ()) for path in target.get("missing", ())}
    for path in sorted(present - missing):
        if not e.served.get(_hash(path)):
            yield f"{path} is not whole in the cache, but the report has it as published or already there"
    if e.code == 3 and not e.reads_lie and e.wanted and all(e.served.get(_hash(path)) for path in e.wanted) and not e.wanted_codes:
        yield "exit code 3, but all of it is in the cache"


def always_closed(e):
    for moment in e.open_moments[:3]:
        yield f"the cache was not closed: {moment}"


def no_secret(e):
    for place in e.secrets[:3]:
        yield f"a secret: {place}"


def memory_is_bounded(e):
    if e.peak_memory > e.memory_limit:
        yield f"{e.peak_memory >> 20} MiB"


def nothing_left(e):
    if e.code is None:
        return
    for thing in e.left[:5]:
        yield f"left over: {thing}"


def guard_keeps(e):
    if e.command == "guard" and e.marker and e.code not in (0, None):
        yield "the command was run, although the guard says no"
    if e.command == "guard" and e.code == 0 and not e.marker:
        yield "the guard says yes, but the command was not run"


def next_run_completes(e):
    if e.second_code != 0:
        yield f"the next healthy run: exit code {e.second_code}"
        return
    for path in sorted(e.wanted):
        if not e.second_served.get(_hash(path)):
            yield f"the next healthy run leaves out {path}"


def nothing_built_twice(e):
    if e.may_rebuild:
        return
    for path in sorted(e.second_built):
        if e.served.get(_hash(path)):
            yield f"the next run built {path}, which was in the cache"


def fault_was_met(e):
    """Of the campaign, not of the program: a case whose fault never strikes tests nothing."""
    if not e.struck:
        yield "the fault was never met"


CHECKS = (ends_in_time, documented_code, does_not_crash, harmless_is_survived, zero_is_true, says_why, says_anything, report_is_there, nothing_is_lost,
          report_is_true, always_closed, no_secret, memory_is_bounded, nothing_left, guard_keeps, next_run_completes,
          nothing_built_twice, fault_was_met)


def verdict(evidence):
    return [(check.__name__, complaint) for check in CHECKS for complaint in check(evidence)]
