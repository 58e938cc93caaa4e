"""Which exchange of wires explains the angles between voltage and current that a meter shows on its phases.

A meter multiplies the voltage and the current that reach each of its channels. With a load at the angle phi, a current
transformer that is turned round shows phi + 180 degrees, the current of the next phase phi + 120, the voltage of the
next phase phi - 120. So every way to wire three channels has a pattern, whatever the load is, as long as the loads of
the phases are alike. All voltages moved on by one look like all currents moved back by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, permutations

PHASES = ("l1", "l2", "l3")
TOLERANCE_DEG = 30  # how far phases of one load may stand from their middle
LEAST_DEG, MOST_DEG = -45, 65  # loads: from capacitive to strongly inductive, seen from the expected direction
_USUAL_DEG, _USUAL_WITHIN_DEG = 15, 25  # the middle of what loads in parks show, and how far from it nothing is odd
_STEP_DEG = 5
_ODDNESS_DEG = 10  # so many degrees of oddness weigh as much as one more wrong wire
_SPREAD_DEG = 15
_NEXT_BEST = 2.0  # other explanations are named, too, if they are at most so much worse
_MOST_NAMED = 3
_MOST_SCORE = 4.0  # an explanation by more mistakes than that explains nothing


@dataclass(frozen=True)
class Explanation:
    """A way to wire the channels: whose voltage and whose current each phase gets, and which CTs are the wrong way.

    angle_deg: the angle of the load that would follow; score: how much has to be wrong for it, 0 for nothing.
    """

    voltages: tuple[str, ...]
    currents: tuple[str, ...]
    turned: tuple[str, ...]
    angle_deg: int
    score: float


def explanations(
    angles: Mapping[str, Sequence[float]], centres: Sequence[float]
) -> tuple[tuple[str, ...], list[Explanation]]:
    """Return the phases judged, and the ways of wiring that explain *angles*, the most likely first.

    angles: for each phase that carries current, its angle in degrees; two where its sign is not known. centres: where
    the angle of a load without reactive power would be: 0 for import, 180 for export, both where both may be.
    An empty list says that nothing simple explains them; one of score 0 first, that nothing is exchanged.
    """
    phases = tuple(phase for phase in PHASES if phase in angles)
    right = _best(angles, centres, phases, phases, phases, ())
    if right is not None:
        return phases, [Explanation(phases, phases, (), right[0], 0.0)]
    orders = [(phases, currents) for currents in permutations(phases)]
    orders += [(voltages, phases) for voltages in permutations(phases) if _moved(phases, voltages) == 2]
    found = []
    for voltages, currents in orders:
        for turned in chain.from_iterable(combinations(phases, count) for count in range(len(phases) + 1)):
            best = _best(angles, centres, phases, voltages, currents, turned)
            if best is not None:
                angle, error = best
                odd = max(0, abs(angle - _USUAL_DEG) - _USUAL_WITHIN_DEG)
                score = _effort(_moved(voltages, currents), turned, phases) + error / _SPREAD_DEG + odd / _ODDNESS_DEG
                found.append(Explanation(voltages, currents, turned, angle, score))
    found = [one for one in found if one.score <= _MOST_SCORE]
    found.sort(key=lambda one: (one.score, one.currents, one.voltages, one.turned))
    return phases, [one for one in found if one.score <= found[0].score + _NEXT_BEST][:_MOST_NAMED]


def _moved(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    return sum(first != second for first, second in zip(one, other, strict=True))


def _effort(moved: int, turned: tuple[str, ...], phases: tuple[str, ...]) -> float:
    """Return how much has to be wrong: to turn all CTs is one mistake, as is one of them; an exchange is a bit more."""
    turns = 1 if len(turned) == len(phases) else len(turned)
    return turns + {0: 0.0, 2: 1.5, 3: 2.0}[moved]


def _best(
    angles: Mapping[str, Sequence[float]],
    centres: Sequence[float],
    phases: tuple[str, ...],
    voltages: tuple[str, ...],
    currents: tuple[str, ...],
    turned: tuple[str, ...],
) -> tuple[int, float] | None:
    """Return the load angle that suits this wiring best, and the largest distance from it; None where none suits."""
    offsets = [
        offset_deg(voltage, current) + (180 if phase in turned else 0)
        for phase, voltage, current in zip(phases, voltages, currents, strict=True)
    ]
    best: tuple[int, float] | None = None
    for centre in centres:
        for angle in range(LEAST_DEG, MOST_DEG + 1, _STEP_DEG):
            error = max(
                min(distance_deg(centre + angle + offset, one) for one in angles[phase])
                for phase, offset in zip(phases, offsets, strict=True)
            )
            if error <= TOLERANCE_DEG and (best is None or error < best[1]):
                best = (angle, error)
    return best


def offset_deg(voltage: str, current: str) -> int:
    """Return what a channel shows beyond the load's angle when it gets the voltage and the current of these phases."""
    return (0, 120, -120)[(PHASES.index(current) - PHASES.index(voltage)) % 3]


def distance_deg(one: float, other: float) -> float:
    """Return how far two directions are apart."""
    return abs((one - other + 180) % 360 - 180)
