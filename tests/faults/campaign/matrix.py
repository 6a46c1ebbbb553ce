"""All cases, numbered; the ten minutes among them; and those that are drawn."""
import collections
import dataclasses
import random

from . import machines, servers

MOUNTED = ("full", "readonly", "without-inodes", "on-full-disk")


# Of the whole product every command and backend gets a share, the most used the largest; --everything takes all of it.
SHARES = {("run", "http"): 0.12, ("run", "cachix"): 0.08, ("push --watch", "http"): 0.03, ("push --watch", "cachix"): 0.03}
SHARE = 0.035
# The same for the parts that machines.py has; those that are not named are taken as a whole.
PARTS = {"temporary": 0.5, "streams": 0.6, "states": 0.6, "signals": 0.4, "damaged": 0.5, "upstreams": 0.7, "configurations": 0.6, "flakes": 0.7}


def all_cases(seed, everything=False):
    """The fixed matrix: a share of the product, drawn by the seed, with all that is about a known cause."""
    chosen = []
    for command, backend in servers.STAGES:
        share = 1.0 if everything else SHARES.get((command, backend), SHARE)
        chosen += drawn_of(list(servers.cases(command, backend)), share, f"{seed}/{command}/{backend}", {6, 10})
    for part in machines.PARTS:
        share = 1.0 if everything else PARTS.get(part.__name__, 1.0)
        chosen += drawn_of(list(part()), share, f"{seed}/{part.__name__}", {4})
    names = collections.Counter(case.name for case in chosen)
    if len(names) < len(chosen):
        raise ValueError(f"more than one case is called {names.most_common(1)[0][0]}")
    return [dataclasses.replace(case, number=number) for number, case in enumerate(chosen)]


def drawn_of(cases, share, seed, causes):
    """A share of the cases, in their order, and all that are about these causes."""
    wanted = set(random.Random(seed).sample(range(len(cases)), int(len(cases) * share)))
    return [case for i, case in enumerate(cases) if i in wanted or case.causes & causes]


def needs_mounts(case):
    return any(word in case.tweak or (case.damage and word in case.damage[0]) for word in MOUNTED)


def ten_minutes(cases):
    """Each cause that is known, at most three times; and of the rest a part."""
    chosen, counts = [], {}
    for case in cases:
        fresh = [cause for cause in case.causes if counts.get(cause, 0) < 3]
        if fresh:
            for cause in fresh:
                counts[cause] = counts.get(cause, 0) + 1
            chosen.append(case)
    rest = [case for case in cases if case not in chosen and not case.slow]
    return chosen + rest[:: max(len(rest) // 120, 1)]


def drawn(seed, with_s3):
    """Combinations without an end: one or two faults, each at a drawn request."""
    draw = random.Random(seed)
    number = 100_000
    places = [place for place in servers.STAGES if place[0] != "push --watch" and (with_s3 or place[1] != "s3")]
    while True:
        number += 1
        command, backend = draw.choice(places)
        rules, names = [], []
        for _ in range(draw.choice((1, 1, 2, 3))):
            stage = draw.choice(servers.STAGES[command, backend])
            fault = draw.choice([fault for fault in servers.FAULTS if stage in fault.stages and not fault.slow])
            skip, times = draw.randrange(3), draw.choice((1, 1, 2, None))
            rules.append(dataclasses.replace(servers.Rule(fault.action, stage, fault.argument), skip=skip, times=times))
            names.append(f"{fault.name}@{stage}+{skip}x{times}")
        case = servers.Case(command, backend, "drawn", ",".join(names), tuple(rules), may_rebuild=True, **servers.base(command))
        yield dataclasses.replace(case, number=number)
