"""Grouping: which points of a meter are read together, so that all reads take the least bus time over a long time.

Exact, by dynamic programming. In some cheapest set of reads, no read of a class (fast or slow) lies inside another of
it, and each point belongs to the read of its class that began last before it. So while the points are gone through
in order, at most one read of each class is open, and all that counts of the past is where the open ones begin and end.
"""

from gateway.core.meter.legal_reads import LegalReads
from gateway.core.meter.profile import SLOW, Point

FAST_READS, SLOW_READS = 0, 1


class _State:
    """Reads chosen so far: cost (of bus time, then of registers), the open read of each class, the last choice."""

    def __init__(
        self,
        cost: "tuple[int, int]",
        opened: "tuple[tuple[int, int] | None, tuple[int, int] | None]",
        before: "_State | None",
        kind: int,
        begins: bool,
    ) -> None:
        self.cost = cost
        self.opened = opened  # (first, last) register of the open fast and slow read
        self.before = before
        self.kind = kind  # in which class the last point was put
        self.begins = begins  # and whether it began a read

    def first(self, kind: int) -> int:
        """Return where the open read of *kind* begins; later is better, for more fits behind it."""
        opened = self.opened[kind]
        return -1 if opened is None else opened[0]


def best_groups(points: "list[Point]", reads: LegalReads, slow_sweeps: int) -> "list[list[Point]]":
    """Return *points*, which are in order, as the groups whose *reads* are the cheapest.

    A fast read counts *slow_sweeps* times as much as a slow one, as it is done so much more often.
    """
    states = [_State((0, 0), (None, None), None, FAST_READS, True)]
    for point in points:
        grown: "dict[tuple[int, int], list[_State]]" = {}
        for state in states:
            for kind in (FAST_READS, SLOW_READS) if point.poll == SLOW else (FAST_READS,):
                weight = slow_sweeps if kind == FAST_READS else 1
                for found in _choices(state, point, kind, weight, reads):
                    ends = (_end(found, FAST_READS), _end(found, SLOW_READS))
                    grown[ends] = _without_worse(grown.get(ends, []), found)
        states = [state for ends in sorted(grown) for state in grown[ends]]
    best = states[0]
    for state in states:
        if state.cost < best.cost:
            best = state
    return _groups(points, best)


def _choices(state: _State, point: Point, kind: int, weight: int, reads: LegalReads) -> "list[_State]":
    """Return what may become of *state* with *point* read in *kind*: in the open read, and in one that it begins."""
    found = []
    opened = state.opened[kind]
    if opened is not None:
        longer = (opened[0], max(opened[1], point.last))
        before, after = reads.cost(opened[0], opened[1]), reads.cost(longer[0], longer[1])
        if before is not None and after is not None:
            more = (weight * (after[0] - before[0]), weight * (after[1] - before[1]))
            found.append(_followed(state, kind, longer, more, False))
    alone = reads.cost(point.first, point.last)
    assert alone is not None, "a profile that was read has no point that cannot be read"
    more = (weight * alone[0], weight * alone[1])
    found.append(_followed(state, kind, (point.first, point.last), more, True))
    return found


def _followed(state: _State, kind: int, opened: "tuple[int, int]", more: "tuple[int, int]", begins: bool) -> _State:
    both = (opened, state.opened[SLOW_READS]) if kind == FAST_READS else (state.opened[FAST_READS], opened)
    return _State((state.cost[0] + more[0], state.cost[1] + more[1]), both, state, kind, begins)


def _end(state: _State, kind: int) -> int:
    opened = state.opened[kind]
    return -1 if opened is None else opened[1]


def _without_worse(states: "list[_State]", new: _State) -> "list[_State]":
    """Return *states*, whose open reads end alike, with *new*, but for those that another is as good as in all."""
    for state in states:
        if _as_good(state, new):
            return states
    return [state for state in states if not _as_good(new, state)] + [new]


def _as_good(one: _State, other: _State) -> bool:
    later = one.first(FAST_READS) >= other.first(FAST_READS) and one.first(SLOW_READS) >= other.first(SLOW_READS)
    return later and one.cost <= other.cost


def _groups(points: "list[Point]", last: _State) -> "list[list[Point]]":
    """Return the groups that the choices up to *last* mean, in the order in which they begin."""
    choices = []
    state: "_State | None" = last
    while state is not None and state.before is not None:
        choices.append((state.kind, state.begins))
        state = state.before
    choices.reverse()
    groups: "list[list[Point]]" = []
    current = [0, 0]
    for index in range(len(points)):
        kind, begins = choices[index]
        if begins:
            current[kind] = len(groups)
            groups.append([])
        groups[current[kind]].append(points[index])
    return groups
