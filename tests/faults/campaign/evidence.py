"""What was seen of a case from outside: all that the judge is given."""
import dataclasses


@dataclasses.dataclass
class Evidence:
    """Paths are store paths; `served` and `served_before` map store hashes to whether the archive is whole, too."""

    name: str = ""
    command: str = "run"
    code: int | None = 0  # None: it did not end by itself
    wanted_codes: frozenset | None = None
    killed: bool = False  # by a SIGKILL of the campaign
    took: float = 1.0
    deadline: float = 30.0
    output: str = ""  # standard output and error
    says: str = ""
    harmless: bool = False
    report_wanted: bool = False
    report: dict | None = None
    report_text: str = ""
    built: frozenset = frozenset()  # outputs that the case built
    given: frozenset = frozenset()  # paths that a push was asked for; their closures come with them
    wanted: frozenset = frozenset()  # paths that the cache has to hold for exit 0
    served: dict = dataclasses.field(default_factory=dict)
    reads_lie: bool = False  # what the command was told of the cache is not what it holds
    waiting: int = 0  # in the queue of a watch
    open_moments: list = dataclasses.field(default_factory=list)  # when the cache was not closed
    secrets: list = dataclasses.field(default_factory=list)  # where one was found
    peak_memory: int = 0
    memory_limit: int = 300 << 20
    left: list = dataclasses.field(default_factory=list)
    marker: bool = False  # the command under guard has run
    second_code: int | None = 0
    second_took: float = 1.0
    second_output: str = ""
    second_built: frozenset = frozenset()
    second_served: dict = dataclasses.field(default_factory=dict)
    may_rebuild: bool = False
    struck: bool = True  # the fault was met
