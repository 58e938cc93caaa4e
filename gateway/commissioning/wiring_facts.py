"""What a wiring check goes by: what is known of a connection, what was seen, and what looks wrong."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.commissioning.wiring_angles import PHASES
from gateway.core.problem import Problem

IMPORT, EXPORT, BOTH = "import", "export", "both"
_OF_ROLE = {"load": IMPORT, "own_use": IMPORT, "generation": EXPORT}
MISSING = 0.10  # of the nominal voltage, or of the largest current
LEAST_VA = 10.0  # of differences between powers: below, it is the last digit
LEAST_A = 0.05
_LEAST_OF_PRIMARY = 0.01  # below this part of a CT's primary its angle means nothing


@dataclass(frozen=True)
class Watched:
    """How much the energy registers rose in so many seconds; None for a register that the meter lacks."""

    seconds: float
    import_wh: int | None
    export_wh: int | None


@dataclass(frozen=True)
class Connection:
    """What is known of a meter before it is asked.

    role: of its meter point, "" where there is none. reversed: import and export are exchanged there. ct_ratio: as
    configured, (1, 1) where the meter counts for itself. clamps: what a clamp meter shows, in A, by phase.
    """

    meter: str
    role: str = ""
    reversed: bool = False
    ct_ratio: tuple[int, int] = (1, 1)
    nominal_v: float = 220.0
    clamps: Mapping[str, float] | None = None

    @property
    def direction(self) -> str:
        """The direction that powers should have as the meter sees it."""
        expected = _OF_ROLE.get(self.role, BOTH)
        if self.reversed and expected != BOTH:
            return IMPORT if expected == EXPORT else EXPORT
        return expected


@dataclass(frozen=True)
class Finding:
    """Something that looks wrong: its kind, the phases it is about, and numbers, expectation and causes in words."""

    kind: str
    phases: tuple[str, ...]
    problem: Problem


def of_phases(values: Mapping[str, float], name: str) -> dict[str, float]:
    """Return the values of a quantity by phase, such as current_{}."""
    return {phase: values[name.format(phase)] for phase in PHASES if name.format(phase) in values}


def least_a(connection: Connection) -> float:
    primary, secondary = connection.ct_ratio
    return max(LEAST_A, _LEAST_OF_PRIMARY * primary if primary != secondary else 0.0)


def text_of(value: float) -> str:
    return "%.1f" % value


def finding(kind: str, phases: tuple[str, ...], connection: Connection, one: Problem) -> Finding:
    return Finding(kind, phases, one.moved(connection.meter))
