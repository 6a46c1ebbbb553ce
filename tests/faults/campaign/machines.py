"""The part of the matrix in which the machine, the programs on it, signals and files are what is wrong."""
from .case import Case
from .rules import Rule
from .servers import base, comes_late


def some(*codes):
    return frozenset(codes)


def because(*causes):
    return frozenset(causes)


def healthy():
    """Nothing is wrong: whoever finds something here is wrong himself."""
    for command in ("run", "ci", "push", "verify", "doctor", "wait", "guard", "push --watch"):
        for backend in ("http", "cachix", "file", "s3", "attic", "niks3"):
            if backend == "s3" and command not in ("run", "push", "verify"):
                continue
            if backend in ("attic", "niks3") and command not in ("run", "push", "push --watch"):
                continue
            yield Case(command, backend, "none", "nothing", harmless=True, slow=command == "push --watch", **base(command))
    for flake in ("slow", "wide", "upstream"):
        yield Case("run", "http", "none", f"nothing-{flake}", flake=flake, harmless=True, upstream_rules=() if flake == "upstream" else None)


def tweaked(command, backend, stage, tweak, **more):
    return Case(command, backend, stage, tweak, tweak=tweak, **(base(command) | more))


def temporary():
    for tweak in ("tmp-missing", "tmp-is-file", "tmp-full", "tmp-without-inodes", "tmp-readonly"):
        for command, backend in (("run", "http"), ("run", "file"), ("ci", "cachix"), ("push", "http"), ("verify", "http"), ("doctor", "http"), ("guard", "cachix")):
            yield tweaked(command, backend, "tmp", tweak, codes=some(0, 5), says=r"tmp|nowhere|a-file", causes=because(9))


def states():
    for tweak in ("state-readonly", "state-is-file", "state-full", "state-of-another", "state-open-to-all", "state-is-nonsense",
                  "state-is-cut", "home-missing", "home-readonly"):
        for command, backend in (("run", "http"), ("push", "cachix"), ("verify", "http"), ("doctor", "http")):
            yield tweaked(command, backend, "state", tweak, says="state|home|cachefill|permission|read-only|space")


def streams():
    for tweak in ("stdin-closed", "stdout-closed", "stderr-closed", "all-closed", "stdout-full", "both-full", "stdout-broken"):
        for command, backend in (("run", "http"), ("push", "http"), ("verify", "cachix"), ("doctor", "http"), ("guard", "http"), ("ci", "cachix")):
            mute = tweak in ("all-closed", "both-full")
            right = some(0) if tweak in ("stdin-closed", "stderr-closed") else None
            yield tweaked(command, backend, "streams", tweak, codes=right, says="" if mute else "", causes=because(7))
    yield tweaked("run", "http", "streams", "stdout-json-full", codes=some(0, 5), causes=because(8))


def programs():
    for what in ("crashes", "nonsense", "silent", "fails", "endless", "empty-json"):
        for when in ("all", "eval", "version", "settings"):
            command = ("run", "doctor", "verify", "guard")[(len(what) + len(when)) % 4]
            more = dict(slow=True, deadline=100, causes=because(2)) if what == "endless" else {}
            yield tweaked(command, "http", "nix", f"nix-{what}-{when}", says="nix|evaluat", **more)
    for what in ("hangs", "closes", "ignores-signals"):
        for when in ("version", "settings"):
            yield tweaked("run", "http", "nix", f"nix-{what}-{when}", deadline=150, slow=True, says="nix", causes=because(2))
        # Evaluation has a limit of its own.
        yield tweaked("run", "http", "nix", f"nix-{what}-eval", options=("--eval-timeout", "3s"), deadline=60, says="nix|evaluat", slow=True,
                      causes=because(2))
    for tweak in ("nix-missing", "nix-not-executable", "nix-of-tomorrow"):
        yield tweaked("run", "http", "nix", tweak, says="nix", codes=some(0, 5) if tweak == "nix-of-tomorrow" else some(5))
        yield tweaked("doctor", "http", "nix", tweak, says="nix")
    for what in ("crashes", "nonsense", "silent", "fails"):
        yield tweaked("run", "http", "git", f"git-{what}-all", says=".")
        yield tweaked("doctor", "http", "git", f"git-{what}-all", says=".")
    yield tweaked("doctor", "http", "git", "git-hangs-all", says=".", slow=True, deadline=90)


def daemons():
    for greeting in ("closes", "nonsense", "http", "dies-in-greeting", "dies-after-greeting", "of-the-past", "endless"):
        for command in ("run", "push", "doctor"):
            right = some(5) if command != "doctor" else None
            yield tweaked(command, "http", "daemon", f"daemon-{greeting}", codes=right, says="daemon|store|socket|nix", causes=because(9))
    for greeting in ("hangs", "hangs-after-greeting"):
        for command in ("run", "push", "doctor"):
            yield tweaked(command, "http", "daemon", f"daemon-{greeting}", slow=True, deadline=150, says="daemon|store|socket|nix",
                          causes=because(2))
    for command in ("run", "push", "doctor"):
        yield tweaked(command, "http", "daemon", "daemon-missing", says="daemon|store|socket|nix")


def flakes():
    wrong = {"flake-missing": some(2), "flake-of-half": some(1, 2), "flake-is-binary": some(1, 2), "flake-throws": some(1, 2),
             "flake-loops": some(1, 2), "flake-without-hosts": some(0, 1, 2), "flake-untracked": some(1, 2),
             "flake-repository-broken": some(1, 2, 5)}
    for tweak, codes in wrong.items():
        for command in ("run", "verify", "doctor"):
            yield tweaked(command, "http", "flake", tweak, codes=codes if command == "run" else None, says=".")
    for command in ("run", "doctor", "guard", "ci"):
        yield tweaked(command, "http", "flake", "flake-dirty", harmless=True)
    yield Case("run", "http", "flake", "one-host-fails", flake="broken", codes=some(1), says="nas")
    yield Case("ci", "cachix", "flake", "one-host-fails", flake="broken", codes=some(1), says="nas")


def configurations():
    for kind in ("nonsense", "unknown-key", "wrong-type", "half", "twice", "bomb", "deep", "long", "missing"):
        for command in ("run", "push", "doctor"):
            codes = None if kind in ("bomb", "long") else some(2)
            yield tweaked(command, "http", "config", f"config-{kind}", codes=codes, says=".")
    yield tweaked("run", "http", "config", "config-of-flake-bad", codes=some(2), says="cachefill.yml")


def credentials():
    for command in ("run", "push", "ci"):
        for backend in ("http", "cachix", "s3"):
            if (command, backend) != ("ci", "s3"):
                yield tweaked(command, backend, "login", "no-credentials", codes=some(2, 3, 5), says="token|key|credential")
        for tweak in ("wrong-token", "reading-token"):
            yield tweaked(command, "cachix", "login", tweak, codes=some(3, 5), says="token|may only read|refuse|401|403")
        for tweak in ("bad-key", "key-file-missing"):
            yield tweaked(command, "http", "login", tweak, codes=some(2, 5), says="key")


def reports():
    for tweak in ("json-in-missing-folder", "json-is-folder", "json-in-readonly-folder", "json-on-full-disk", "json-is-fifo", "json-is-link"):
        for command in ("run", "verify", "push"):
            right = some(0) if tweak in ("json-is-fifo", "json-is-link") else None
            yield tweaked(command, "http", "report", tweak, codes=right, says="report|json|folder|link|fifo", causes=because(8))


def limits():
    for tweak in ("few-descriptors", "file-size-limit", "no-core-no-stack", "umask-open", "folder-gone", "proxy-away"):
        for command in ("run", "push", "doctor"):
            yield tweaked(command, "http", "limits", tweak, says=".")


STOPS = {"INT": some(130), "TERM": some(143), "HUP": some(143)}


def signals():
    """At each stage, with a cache that then answers and with one that is silent from then on."""
    for name in ("INT", "TERM", "HUP", "KILL"):
        for mood in ("", "silent"):
            for command, backend, stages in (("run", "http", ("open", "query", "nar", "narinfo", "look")),
                                             ("run", "cachix", ("open", "query", "begin", "nar", "narinfo")),
                                             ("push", "http", ("open", "query", "nar", "narinfo")), ("verify", "http", ("open", "query"))):
                for stage in stages:
                    codes = STOPS.get(name)
                    if codes and not mood:
                        codes = codes | some(0)  # it may be done before it hears of it
                    yield Case(command, backend, stage, f"SIG{name}{'-while-silent' if mood else ''}", (Rule("tell", stage, mood, times=None if mood else 1),),
                               signal=(name, "tell"), codes=codes, deadline=12, causes=because(1, 7) if mood or name == "HUP" else because(1),
                               **base(command))
        for command in ("doctor", "wait", "guard"):
            yield Case(command, "http", "query", f"SIG{name}-while-silent", (Rule("tell", "query", "silent"),), signal=(name, "tell"),
                       codes=STOPS.get(name), deadline=12, **base(command))
        yield Case("run", "http", "build", f"SIG{name}", flake="slow", signal=(name, "output evaluated nixos:box"),
                   codes=STOPS.get(name) and STOPS[name] | some(0), deadline=12, causes=because(9))
        yield Case("ci", "cachix", "build", f"SIG{name}", flake="slow", signal=(name, "output evaluated nixos:box"),
                   codes=STOPS.get(name) and STOPS[name] | some(0), deadline=12)
        for seconds in ("0.1", "0.2", "0.3", "0.6", "1.0"):
            yield Case("run", "file", f"after-{seconds}", f"SIG{name}", signal=(name, f"after {seconds}"),
                       codes=STOPS.get(name) and STOPS[name] | some(0, 130 if name == "INT" else 143), deadline=12)
    yield Case("run", "http", "nar", "SIGSTOP-for-three-seconds", (Rule("tell", "nar", "", times=1),), signal=("STOP", "tell"), harmless=True)
    yield Case("run", "http", "nar", "SIGPIPE", (Rule("tell", "nar", "", times=1),), signal=("PIPE", "tell"), harmless=True, causes=because(7))


def signals_of_watch():
    for name in ("INT", "TERM", "HUP", "KILL"):
        for backend, stage in (("http", "query"), ("http", "nar"), ("cachix", "query"), ("cachix", "nar")):
            yield Case("push --watch", backend, stage, f"SIG{name}-while-silent", (Rule("tell", stage, "silent"),), signal=(name, "tell"),
                       codes=None if name == "KILL" else some(0, *STOPS[name]), deadline=15, slow=True, causes=because(1, 2))


def directories():
    for damage in ("cache-readonly", "cache-full", "cache-nearly-full", "cache-without-inodes", "cache-is-file", "nar-is-file",
                   "cache-link-dangles", "cache-disappears"):
        for command in ("run", "push"):
            yield Case(command, "file", "files", damage, damage=(damage,), says=r"cache|nar", may_rebuild=True, **base(command))
    for command in ("run", "verify"):
        for damage in ("info-of-other-store", "info-binary", "info-empty"):
            yield Case(command, "file", "files", damage, damage=(damage, ""), says="cache-info|store|cache", **base(command))


def damaged():
    """A cache that has everything, but something of it is not right."""
    harms = ("narinfo-gone", "archive-gone", "archive-half", "archive-empty", "archive-flipped", "archive-of-another", "archive-is-folder",
             "narinfo-of-stranger", "narinfo-unsigned", "narinfo-bad-signature", "narinfo-of-other-path", "narinfo-climbs",
             "narinfo-without-url", "narinfo-of-huge-size", "narinfo-refers-to-nothing", "narinfo-half", "narinfo-empty", "narinfo-binary",
             "narinfo-huge", "narinfo-is-folder", "narinfo-link-loop")
    for harm in harms:
        for backend in ("http", "file"):
            causes = because(5) if harm.startswith("archive") else because(10) if harm.endswith(("stranger", "unsigned", "signature")) else because()
            more = dict(damage=(harm, "library"), filled=True, may_rebuild=True, causes=causes)
            yield Case("verify", backend, "cached", harm, codes=some(1, 3, 5), options=("--deep",), says="library", **more)
            yield Case("run", backend, "cached", harm, options=("--deep",), says="library", **more)


def upstreams():
    """What an upstream does, of which the plan takes one path."""
    rules = {
        "silent-narinfos": Rule("hang-before", "query"), "silent-archives": Rule("hang-before", "archive"), "half-archives": Rule("cut-body", "archive", 0.5),
        "no-archives": Rule("status", "archive", (404, None, None)), "flipped-archives": Rule("flip", "archive", 0.5),
        "forbidden": Rule("status", "*", (403, None, None)), "busy": Rule("status", "*", (429, 1, None)), "out-of-order": Rule("status", "*", (503, None, None)),
        "not-http": Rule("raw", "*", b"hello\r\n"), "page": Rule("page", "*"), "stalled-archives": Rule("hang-body", "archive"),
        "loop": Rule("loop", "*", 302), "reset": Rule("reset-before", "*"), "endless-narinfos": Rule("endless", "query"),
        "stranger": Rule("rewrite", "query", (b"Sig: upstream-1:", b"Sig: stranger-1:")), "half-narinfos": Rule("cut-body", "query", 0.5),
        "slow-archives": Rule("drip", "archive", 3.0), "archives-500": Rule("status", "archive", (500, None, None)),
        "archives-403": Rule("status", "archive", (403, None, None)), "open-silent": Rule("hang-before", "open"),
    }
    for name, rule in rules.items():
        silent = rule.action in ("hang-before", "hang-body")
        causes = {2} if silent else {9} if name in ("forbidden", "not-http") else set()
        for command, backend in (("run", "http"), ("run", "file")) if not silent else (("run", "http"),):
            yield Case(command, backend, "upstream", name, flake="upstream", upstream_rules=(rule,), slow=silent, deadline=150 if silent else 40,
                       config="download-attempts = 1\nstalled-download-timeout = 5\nconnect-timeout = 3" if not silent else "",
                       codes=some(0, 1, 3, 5), says=r"127\.0\.0\.1", causes=frozenset(causes), may_rebuild=True)
        yield Case("run", "cachix", "upstream", f"{name}-once", flake="upstream", upstream_rules=(Rule(rule.action, rule.stage, rule.argument, times=1),),
                   slow=silent, deadline=150 if silent else 40, codes=some(0, 1, 3, 5), says=r"127\.0\.0\.1", causes=frozenset(causes), may_rebuild=True)


def tricks():
    """What takes more than one thing."""
    for part in ("library", "tool"):
        for backend in ("http", "s3"):
            yield Case("run", backend, "narinfo", f"{part}-evicted-meanwhile", (Rule("evict", "narinfo", part, skip=1 if part == "library" else 2, times=1),),
                       codes=some(3), says=part, may_rebuild=True, deadline=110, slow=True, causes=because(3, 4))
            yield Case("run", backend, "look", f"{part}-evicted-at-the-look", (Rule("evict", "look", part, times=1),),
                       may_rebuild=True, deadline=110, slow=True, causes=because(3, 4))
    yield Case("run", "file", "files", "evicted-meanwhile", damage=("evicted-meanwhile", "library"), may_rebuild=True, deadline=110, slow=True,
               causes=because(4))
    for command in ("run", "push"):
        yield Case(command, "http", "narinfo", "kept-nothing-of-all", (Rule("swallow", "nar"), Rule("swallow", "narinfo")), codes=some(3, 5),
                   deadline=130, slow=True, causes=because(6), **base(command))
        yield Case(command, "http", "query", "away-in-the-middle", (Rule("reset-before", "*", skip=6),), says=".", **base(command))
        yield Case(command, "http", "open", "over-tls", (), scheme="https", codes=some(5), says="TLS|certificate|SSL|https|HTTP", **base(command))
        for number in (2, 4, 6, 8):
            yield Case(command, "http", "nar", f"every-thing-cut-after-{number}", (Rule("reset-before", "*", skip=number, times=2),), harmless=True,
                       **base(command))
    yield Case("run", "http", "narinfo", "wide-and-busy", (Rule("status", "narinfo", (429, 1, None), times=4),), flake="wide", says="429")
    yield Case("run", "http", "narinfo", "wide-and-refused", (Rule("status", "narinfo", (403, None, None), skip=3),), flake="wide", codes=some(3, 5), says="403")


def late_answers():
    for command, backend, stage in (("run", "http", "query"), ("run", "cachix", "query"), ("run", "http", "look"), ("push", "http", "query"),
                                    ("push", "cachix", "query"), ("push", "attic", "query"), ("verify", "http", "query")):
        yield comes_late(command, backend, stage)


PARTS = (healthy, temporary, states, streams, programs, daemons, flakes, configurations, credentials, reports, limits, signals,
         signals_of_watch, directories, damaged, upstreams, tricks, late_answers)
