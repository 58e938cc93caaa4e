"""Flow tracing: which source fed which sink, by proportional sharing along the measured feeders.

A busbar is a perfect mixer: whatever leaves it holds the sources in the proportion in which they came in
(Bialek 1996, Kirschen 1997; the upstream-looking form). With P the energy through a busbar, this is one linear
equation for every busbar, in which loops of flow are allowed:

    P[n] * x[n][k]  =  given[n][k]  +  sum over feeders m -> n of  wh[m -> n] * x[m][k]

It is solved in whole numbers without any error (see `mixture`). Only then are the shares rounded to watt-hours, so
that every source and every sink adds up.
"""

from collections import namedtuple

from gateway.core.account.mixture import mixtures_of
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
    mixtures = mixtures_of(through, arcs, alive, totals)
    here: "dict[int, list[tuple[int, int, int]]]" = {}  # by busbar: spring, and its share as a fraction
    columns = []
    for busbar, wh in drains:
        if busbar not in here:
            numerators, denominator = mixtures[busbar]
            here[busbar] = []
            for row in range(len(springs)):
                origin, part = springs[row]
                if origin in numerators:
                    here[busbar].append((row, part * numerators[origin], denominator * totals[origin]))
        columns.append((wh, [(row,) + whole_and_rest(wh * above, below) for row, above, below in here[busbar]]))
    rows: "list[list[tuple[int, int]]]" = [[] for _ in springs]
    rounded = round_columns(columns, [wh for _, wh in springs])
    for column in range(len(rounded)):
        for row, wh in rounded[column]:
            if wh:
                rows[row].append((column, wh))
    return rows
