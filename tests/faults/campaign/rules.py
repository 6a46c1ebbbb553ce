"""What a server does wrong on purpose, and when: rules, and the book that counts how often each was used.

A request belongs to a *stage* of what the client is doing, told by what is asked for and by what happened before:
  open     the cache says what it is         query    narinfos, before anything was uploaded
  nar      an archive goes up                narinfo  a narinfo goes up (Cachix: an upload is completed)
  begin    an upload is begun (Cachix, parts of S3)     look     narinfos, after something was uploaded
  archive  an archive is read                other    anything else
"""
import dataclasses
import fnmatch
import re
import threading

STAGES = ("open", "query", "begin", "nar", "narinfo", "look", "archive")


@dataclasses.dataclass(frozen=True)
class Rule:
    """`action` is a name that campaign/wire.py knows; `argument` is for it. Of the matching requests `skip` are left alone
    first, then `times` are hit (None: all the others)."""

    action: str
    stage: str = "*"
    argument: object = None
    path: str = "*"
    skip: int = 0
    times: int | None = None

    def matches(self, stage, path):
        return fnmatch.fnmatch(stage, self.stage) and fnmatch.fnmatch(path, self.path)


class Book:
    """The rules in force. Thread-safe."""

    def __init__(self, rules=()):
        self._lock = threading.Lock()
        self.set(rules)
        self.hits = 0

    def set(self, rules):
        with self._lock:
            self._rules = [[rule, 0] for rule in rules]

    def next(self, stage, path):
        """The rule that this request runs into, counted as used; or None."""
        with self._lock:
            for entry in self._rules:
                rule, seen = entry
                if not rule.matches(stage, path):
                    continue
                entry[1] += 1
                if seen < rule.skip or (rule.times is not None and seen >= rule.skip + rule.times):
                    continue
                self.hits += 1
                return rule
        return None


def stage_of(method, path, has_uploads):
    """The stage of a request, see above. `path` is without its query."""
    name = path.rsplit("/", 1)[-1]
    if method in ("PUT", "POST"):
        if path.endswith("/complete") or name.endswith(".narinfo"):
            return "narinfo"
        if method == "POST" and name in ("narinfo", "get-missing-paths"):
            return "look" if has_uploads else "query"
        if method == "PUT" and ("/nar/" in path or "/r2/" in path or name == "upload-path"):
            return "nar"
        if method == "POST":
            return "begin"
        return "other"
    if name.endswith(".narinfo"):
        return "look" if has_uploads else "query"
    if "/nar/" in path:
        return "archive"
    if name == "nix-cache-info" or re.search(r"/_?api/v1/(cache|cache-config)/[^/]+$", path):
        return "open"
    return "other"
