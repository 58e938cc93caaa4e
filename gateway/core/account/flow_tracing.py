"""Flow tracing: which source fed which sink, by proportional sharing along the measured feeders.

A busbar is a perfect mixer: whatever leaves it holds the sources in the proportion in which they came in
(Bialek 1996, Kirschen 1997; the upstream-looking form). With P the energy through a busbar, this is one linear
equation for every busbar, in which loops of flow are allowed:

    P[n] * x[n][k]  =  given[n][k]  +  sum over feeders m -> n of  wh[m -> n] * x[m][k]

It is solved in whole numbers without any error, by elimination without fractions (Bareiss); every division in
it comes out even. Only then are the shares rounded to watt-hours, so that every source and every sink adds up.
"""

from collections import namedtuple

from gateway.core.account.network import Feeder, Sink, Source
from gateway.core.account.share import round_columns, whole_and_rest
from gateway.core.account.trace import FLOW, UNMETERED, Allocation, Residual
from gateway.core.problem import Problem, problem


class FlowTrace(namedtuple("FlowTrace", ("allocations", "residuals", "warnings"))):
    """Who fed whom, what each busbar kept, and what is odd about the measurements."""

    __slots__ = ()
    allocations: "tuple[Allocation, ...]"
    residuals: "tuple[Residual, ...]"
    warnings: "tuple[Problem, ...]"


def trace_flow(
    busbars: "tuple[str, ...]",
    sources: "tuple[Source, ...]",
    sinks: "tuple[Sink, ...]",
    feeders: "tuple[Feeder, ...]",
) -> FlowTrace:
    """Return the trace of one interval; names are unique among sources and among sinks.

    What a busbar takes in and is not seen to give out is its residual, source by source. What it gives out and is
    not seen to take in comes from the source "unmetered:<busbar>", with a warning. Feeders are never netted.
    """
    place = {name: index for index, name in enumerate(busbars)}
    arcs: "list[dict[int, int]]" = [{} for _ in busbars]  # by busbar: what comes in from which other busbar
    into = [0] * len(busbars)
    out = [0] * len(busbars)
    for feeder in feeders:
        one, other = place[feeder.busbar], place[feeder.to_busbar]
        for start, end, wh in ((one, other, feeder.wh), (other, one, feeder.reverse_wh)):
            if wh:
                assert wh > 0 and start != end
                arcs[end][start] = arcs[end].get(start, 0) + wh
                into[end] += wh
                out[start] += wh
    given = [source for source in sources if source.wh]
    taken = [sink for sink in sinks if sink.wh]
    for source in given:
        assert source.wh > 0
        into[place[source.busbar]] += source.wh
    for sink in taken:
        assert sink.wh > 0
        out[place[sink.busbar]] += sink.wh
    warnings = []
    drains = [(place[sink.busbar], sink.wh) for sink in taken]
    for index, name in enumerate(busbars):
        if into[index] > out[index]:
            drains.append((index, into[index] - out[index]))
        elif into[index] < out[index]:
            wh = out[index] - into[index]
            given.append(Source(UNMETERED + name, name, wh))
            warnings.append(_unmetered(name, wh))
    springs = [(place[source.busbar], source.wh) for source in given]
    through = [max(into[index], out[index]) for index in range(len(busbars))]
    alive = _reached(arcs, {busbar for busbar, _ in springs})
    idle = [busbars[index] for index in range(len(busbars)) if through[index] and index not in alive]
    if idle:
        warnings.append(
            problem(
                "WP-ACC-022", ", ".join(idle), "energy runs in a circle between these busbars and comes from no source",
                "check the direction of the feeder meters and whether an intake is missing",
            )
        )  # fmt: skip
    cells = _rounded(through, arcs, alive, springs, drains)
    allocations = []
    residuals = []
    for number, source in enumerate(given):
        for column, wh in cells[number]:
            if column < len(taken):
                allocations.append(Allocation(FLOW, source.name, taken[column].name, wh))
            else:
                residuals.append((column, number, Residual(busbars[drains[column][0]], source.name, wh)))
    residuals.sort()
    return FlowTrace(tuple(allocations), tuple([row for _, _, row in residuals]), tuple(warnings))


def _unmetered(busbar: str, wh: int) -> Problem:
    return problem(
        "WP-ACC-021", busbar, "busbar {busbar} gave out {wh} Wh more than it was seen to take in",
        "look for a source or feeder without a meter, a wrong ratio, or a meter that counts backwards",
        busbar=busbar, wh=wh,
    )  # fmt: skip


def _reached(arcs: "list[dict[int, int]]", starts: "set[int]") -> "set[int]":
    """Return the busbars that energy of any source can have reached."""
    onward: "list[list[int]]" = [[] for _ in arcs]
    for end in range(len(arcs)):
        for start in arcs[end]:
            onward[start].append(end)
    reached = set(starts)
    queue = sorted(starts)
    for busbar in queue:  # grows while it is walked
        for end in onward[busbar]:
            if end not in reached:
                reached.add(end)
                queue.append(end)
    return reached


def _rounded(
    through: "list[int]",
    arcs: "list[dict[int, int]]",
    alive: "set[int]",
    springs: "list[tuple[int, int]]",
    drains: "list[tuple[int, int]]",
) -> "list[list[tuple[int, int]]]":
    """Return, for each spring, the (drain, wh) it feeds, in whole watt-hours that add up both ways."""
    totals: "dict[int, int]" = {}
    for busbar, wh in springs:
        totals[busbar] = totals.get(busbar, 0) + wh
    shares, common = mixes(through, arcs, sorted(alive), totals)
    columns = []
    for busbar, wh in drains:
        mix = shares[busbar]
        cells = []
        for row in range(len(springs)):
            origin, part = springs[row]
            if origin in mix:
                floor, rest = whole_and_rest(wh * part * mix[origin], common * totals[origin])
                cells.append((row, floor, rest))
        columns.append((wh, cells))
    rows: "list[list[tuple[int, int]]]" = [[] for _ in springs]
    rounded = round_columns(columns, [wh for _, wh in springs])
    for column in range(len(rounded)):
        for row, wh in rounded[column]:
            if wh:
                rows[row].append((column, wh))
    return rows


def mixes(
    through: "list[int]", arcs: "list[dict[int, int]]", alive: "list[int]", totals: "dict[int, int]"
) -> "tuple[dict[int, dict[int, int]], int]":
    """Return, for each busbar, the share of what each busbar's sources gave, as numerators over one denominator.

    Elimination by Bareiss, on the diagonal, least fill first. The matrix is weakly chained diagonally dominant (every
    busbar that is alive is reached from a source), so no pivot on the diagonal is ever 0. A row that a step does not
    touch keeps the scale of its last step: the scale is written beside it, and all divisions still come out even.
    """
    rows: "dict[int, dict[int, int]]" = {}
    sides: "dict[int, dict[int, int]]" = {}
    users: "dict[int, set[int]]" = {busbar: {busbar} for busbar in alive}  # by column: rows not yet done that use it
    for busbar in alive:
        rows[busbar] = {busbar: through[busbar]}
        for start, wh in arcs[busbar].items():
            rows[busbar][start] = -wh
            users[start].add(busbar)
        sides[busbar] = {busbar: totals[busbar]} if busbar in totals else {}
    scale = dict.fromkeys(alive, 1)
    order = []
    left = set(alive)
    last = 1
    while left:
        pivot = min([((len(rows[n]) - 1) * (len(users[n]) - 1), n) for n in left])[1]
        left.remove(pivot)
        order.append(pivot)
        row, side = rows[pivot], sides[pivot]
        if scale[pivot] != last:
            for entries in (row, side):
                for key in list(entries):
                    entries[key] = entries[key] * last // scale[pivot]
        for column in row:
            users[column].discard(pivot)
        for other in users[pivot]:
            below = rows[other].pop(pivot)
            _subtract(rows[other], row, row[pivot], below, scale[other], pivot)
            _subtract(sides[other], side, row[pivot], below, scale[other], None)
            for column in row:
                if column != pivot:
                    users[column].add(other)
            scale[other] = row[pivot]
        last = row[pivot]
    shares: "dict[int, dict[int, int]]" = {}
    for pivot in reversed(order):
        row = rows[pivot]
        sums = {origin: last * value for origin, value in sides[pivot].items()}
        for column, value in row.items():
            if column != pivot:
                for origin, numerator in shares[column].items():
                    sums[origin] = sums.get(origin, 0) - value * numerator
        shares[pivot] = {origin: value // row[pivot] for origin, value in sums.items()}
    return shares, last


def _subtract(
    entries: "dict[int, int]", above: "dict[int, int]", pivot: int, below: int, scale: int, skip: "int | None"
) -> None:
    """One step of Bareiss on one row: entries := (pivot * entries - below * above) / scale."""
    for key in list(entries):
        entries[key] = (pivot * entries[key] - below * above.get(key, 0)) // scale
    for key, value in above.items():
        if key != skip and key not in entries:
            entries[key] = -below * value // scale
