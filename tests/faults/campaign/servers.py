"""The part of the matrix in which servers misbehave: which faults there are, at which stages, and what is right then."""
import dataclasses

from .case import Case
from .rules import Rule

TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
AGAIN = r"reset|closed|connection|broken|end of|cut|short|answer|time|silent|HTTP|incomplete|length|half"


@dataclasses.dataclass(frozen=True)
class Fault:
    """`passing`: once it is over within the patience of a client, nobody should notice. `says`: what is told if it stays.
    `lasts`: what it is when it stays: "fails" (no upload, no answer), "lies" (says yes), "slow" (but well)."""

    name: str
    action: str
    argument: object = None
    says: str = AGAIN
    lasts: str = "fails"
    stages: tuple = ("open", "query", "nar", "narinfo", "look", "archive", "begin")
    passing: bool = True
    slow: bool = False


def status(number, retry_after=None, body=None, passing=True, suffix=""):
    name = f"status-{number}{suffix}" + ("-retry-after" if retry_after is not None else "")
    return Fault(name, "status", (number, retry_after, body), says=str(number), passing=passing)


def odd_success(number):
    """Says yes in a way that says of a file nothing, or not that it is there."""
    return Fault(f"status-{number}", "status", (number, None, None), says=r".", lasts="lies", passing=False)


ODD_SUCCESSES = tuple(odd_success(number) for number in (201, 202, 203, 205, 206))
SKEWED = b"<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the server's time is too large.</Message></Error>"
READS = ("open", "query", "look", "archive")
WRITES = ("begin", "nar", "narinfo")
FAULTS = (
    status(403, passing=False), status(404, passing=False), status(411, passing=False), status(412, passing=False),
    status(413, passing=False), status(429), status(429, 1), status(500), status(503), status(503, 1), status(503, 86400, passing=False, suffix="-tomorrow"),
    status(401, passing=False), status(507, passing=False), status(403, None, SKEWED, False, "-clock"), status(418, passing=False), status(204, passing=False),
    status(301, passing=False, suffix="-to-nowhere"), status(599), status(408), status(429, 86400, passing=False, suffix="-tomorrow"),
    status(429, 30, passing=False, suffix="-beyond-the-budget"), *ODD_SUCCESSES,
    Fault("hang-head", "hang-head", passing=False), Fault("hang-body", "hang-body", passing=False), Fault("reset-before", "reset-before"),
    Fault("close-before", "close-before"), Fault("reset-head", "reset-head"), Fault("cut-body-0", "cut-body", 0.0, stages=READS),
    Fault("cut-body-half", "cut-body", 0.5, stages=READS), Fault("cut-body-last", "cut-body", 0.95, stages=READS),
    Fault("lost-reply", "lost-reply", lasts="done", stages=WRITES), Fault("done-but-500", "done-but", 500, lasts="done", stages=WRITES),
    Fault("done-but-412", "done-but", 412, lasts="done", stages=WRITES, passing=False),
    Fault("drip", "drip", 2.0, lasts="slow"), Fault("slow", "slow", 1.5, lasts="slow"),
    Fault("swallow", "swallow", lasts="lies", says=r"not served|not there|missing|not whole|gone|404|not shown|cannot|no", stages=("nar", "narinfo"), passing=False),
    Fault("error-body", "error-body", lasts="lies", says=r".", passing=False), Fault("page", "page", lasts="lies", says=r".", passing=False),
    Fault("empty-ok", "empty-ok", lasts="lies", says=r".", passing=False),
    Fault("not-http", "raw", b"SSH-2.0-OpenSSH_9.6\r\n"), Fault("tls-alert", "raw", TLS_ALERT), Fault("binary", "raw", bytes(range(256)) * 4),
    Fault("half-line", "raw", b"HTTP/1.1 2"), Fault("bad-status", "raw", b"HTTP/1.1 999999 OK\r\nContent-Length: 0\r\n\r\n"),
    Fault("bad-chunks", "raw", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"),
    Fault("two-lengths", "raw", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nhello"),
    Fault("long-length", "long-length"), Fault("short-length", "short-length", lasts="lies", says=r".", stages=READS),
    Fault("flip", "flip", 0.5, lasts="lies", says=r".", stages=("query", "look", "archive"), passing=False),
    Fault("foreign-key", "rewrite", (b"Sig: cache-1:", b"Sig: stranger-1:"), lasts="lies", says=r"sign|key|trust", stages=("query", "look"), passing=False),
    Fault("loop-302", "loop", 302, says=r"redirect"), Fault("loop-308", "loop", 308, says=r"redirect"),
    Fault("endless", "endless", says=r".", stages=READS), Fault("long-head", "long-head", says=r".", passing=False),
    Fault("hang-before", "hang-before", slow=True),
)
BY_NAME = {fault.name: fault for fault in FAULTS}
# What a command asks at all. `run` looks at archives with HEAD, which has no body.
STAGES = {
    ("run", "http"): ("open", "query", "nar", "narinfo", "look", "archive"),
    ("run", "s3"): ("open", "query", "nar", "narinfo", "look"),
    ("run", "cachix"): ("open", "query", "begin", "nar", "narinfo", "look", "archive"),
    ("ci", "http"): ("query", "nar", "narinfo", "look"), ("ci", "cachix"): ("open", "query", "begin", "nar", "narinfo"),
    ("ci", "s3"): ("nar", "narinfo"),
    ("run", "attic"): ("open", "query", "nar", "look"), ("run", "niks3"): ("open", "begin", "nar", "narinfo", "look"),
    ("push", "attic"): ("open", "query", "nar"), ("push", "niks3"): ("open", "begin", "nar", "narinfo"),
    ("push", "http"): ("open", "query", "nar", "narinfo", "look"), ("push", "cachix"): ("open", "query", "begin", "nar", "narinfo"),
    ("push", "s3"): ("query", "nar", "narinfo"),
    ("verify", "http"): ("open", "query", "archive"), ("verify", "cachix"): ("open", "query", "archive"), ("verify", "s3"): ("query", "archive"),
    ("doctor", "http"): ("open", "query"), ("doctor", "cachix"): ("open", "query"),
    ("wait", "http"): ("open", "query"), ("wait", "cachix"): ("open", "query"),
    ("guard", "http"): ("open", "query"), ("guard", "cachix"): ("open", "query"),
    ("push --watch", "http"): ("open", "query", "nar", "narinfo"), ("push --watch", "cachix"): ("open", "query", "begin", "nar", "narinfo"),
}


def base(command, stage=None):
    """What a case of this command starts from."""
    if command == "push":
        return dict(machine="plain")
    if command == "verify" and stage == "archive":
        return dict(filled=True, options=("--deep",))
    if command in ("verify", "doctor", "wait", "guard"):
        return dict(filled=True)
    return {}


def stays(command, backend, stage, fault):
    """The fault hits every request of its stage."""
    more = base(command, stage)
    upload = stage in WRITES
    codes = None
    if command in ("run", "ci", "push") and upload and fault.lasts == "fails" and fault.name not in ("status-412", "status-204"):
        codes = frozenset({3, 5})
    if fault.name == "hang-before":
        more["slow"], more["deadline"] = True, 200
    if fault.action in ("hang-head", "hang-body"):
        more["config"] = "stalled-download-timeout = 3"
    if stage == "look" and fault.lasts in ("lies", "fails") and command in ("run", "ci", "push"):
        more["slow"], more["deadline"] = True, 100  # what was just published is waited for, a minute for all together
    if stage in ("nar", "narinfo") and (fault.lasts == "lies" or fault.name == "status-204"):
        more["slow"], more["deadline"] = True, 150  # what the cache took is looked for, for a minute
    if codes and stage == "narinfo" and fault.action in ("hang-body", "long-length"):
        codes |= {0}  # done, as a look shows; only the answer's body does not end
    if fault.name in ("endless", "status-429-retry-after"):
        more["deadline"] = max(more.get("deadline", 0), 60)  # who says when to come again is asked for some ten seconds, by each of several questions
    if stage == "look" and fault.name == "status-429-retry-after" and command in ("run", "ci"):
        more["deadline"] = 150  # a run's patience with the cache that it fills: 90 s
    if command == "push --watch":
        more["deadline"], more["slow"] = 15, True
        codes = frozenset({0, 5} if stage == "open" else {0})
    if stage == "nar" and fault.lasts == "lies":
        more["may_rebuild"] = True
    # What is not there is not there: that is an answer.
    says = r"." if fault.name == "status-404" else fault.says
    return Case(command, backend, stage, fault.name, (Rule(fault.action, stage, fault.argument),), codes=codes, says=says,
                causes=causes_of(command, stage, fault), **more)


def causes_of(command, stage, fault):
    found = set()
    if fault.name == "hang-before":
        found.add(2)
    if command == "push" and fault.name in ("swallow", "status-412", "done-but-412"):
        found.add(6)
    if command in ("run", "push") and stage in ("query", "nar") and fault.name in ("status-202", "status-204"):
        found.add(6)  # believed without a look
    if stage == "look" and command == "run":
        found.add(3)
    if fault.name == "foreign-key":
        found.add(10)
    if fault.name in ("not-http", "tls-alert") and stage == "query":
        found.add(9)
    return frozenset(found)


def passes(command, backend, stage, fault):
    """The fault hits one request and is over."""
    more = base(command, stage)
    if command == "push --watch":
        more["slow"] = True
    return Case(command, backend, stage, fault.name + "-once", (Rule(fault.action, stage, fault.argument, times=1),), harmless=True,
                codes=frozenset({0}), says=fault.says, **more)


def comes_late(command, backend, stage):
    """The first answer comes later than anybody waits for one; within a usual budget the next try has it."""
    more = base(command, stage) | dict(deadline=170, slow=True, harmless=True, codes=frozenset({0}), causes=frozenset({2}))
    return Case(command, backend, stage, "late-once", (Rule("slow", stage, 105.0, times=1),), says=AGAIN,
                options=("--retry-budget", "90s", "--wait-for-caches", "3m"), **more)


def cases(command, backend):
    """All of a command and a backend, in the order of the tables above."""
    for stage in STAGES[command, backend]:
        for fault in FAULTS:
            if stage not in fault.stages:
                continue
            yield stays(command, backend, stage, fault)
            # Not with what is sent as it is read, or signed for one place.
            follows = not (backend in ("attic", "cachix", "niks3", "s3") and stage == "nar" and fault.action == "loop")
            if fault.passing and not fault.slow and follows:
                yield passes(command, backend, stage, fault)
