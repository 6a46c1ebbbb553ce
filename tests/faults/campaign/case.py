"""One case of the campaign, as data."""
import dataclasses

DOCUMENTED = frozenset({0, 1, 2, 3, 4, 5, 130, 143})  # docs/report.md, cachefill --help
COMMANDS = ("run", "push", "push --watch", "verify", "doctor", "wait", "guard", "ci")


@dataclasses.dataclass(frozen=True)
class Case:
    """`command` against a cache of kind `backend`, on which `fault` strikes at `stage`. All else says how that is done:

    rules, upstream_rules   of the servers (campaign/rules.py); upstream_rules None: there is no upstream
    flake, machine, filled  what is built (campaign/flakes.py), on which template machine, whether the cache has it already
    options, tweak, damage  further words of the command line; names in campaign/tweaks.py and campaign/damage.py
    signal                  (name, when): when is "tell" (an action of a rule), "after SECONDS" or "output PATTERN"
    codes, says             exit codes that are right (None: all documented ones), and what has to be told unless it ends with 0
    deadline                seconds from the start, of a signalled case from the signal
    harmless                the fault is none that a good program stumbles over: 0 and all complete
    may_rebuild             the next healthy run may build again what was published (it was taken away, or cannot be trusted)
    slow                    it is expected to wait for a timeout of a minute
    causes                  numbers of the causes of the first campaign that it is about
    """

    command: str
    backend: str
    stage: str
    fault: str
    rules: tuple = ()
    upstream_rules: tuple | None = None
    flake: str = "plain"
    machine: str = "empty"
    filled: bool = False
    options: tuple = ()
    tweak: str = ""
    damage: tuple = ()
    signal: tuple | None = None
    codes: frozenset | None = None
    says: str = ""
    deadline: float = 45
    harmless: bool = False
    may_rebuild: bool = False
    slow: bool = False
    scheme: str = "http"
    config: str = ""  # more of nix.conf
    causes: frozenset = frozenset()
    number: int = 0

    @property
    def name(self):
        return f"{self.command.replace(' --', '-')}/{self.backend}/{self.stage}/{self.fault}"

    @property
    def builds(self):
        return self.command in ("run", "ci")
