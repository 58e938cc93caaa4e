"""Flow tracing on random networks, against an exact solution found the other way round."""

from fractions import Fraction
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.account import flow_tracing
from gateway.core.account.flow_tracing import FlowTrace, trace_flow
from gateway.core.account.network import Feeder, Sink, Source
from gateway.tests import dense_tracing

ENERGY = st.one_of(st.integers(0, 9), st.integers(0, 10**7))
Network = tuple[int, list[Source], list[Sink], list[Feeder]]


@st.composite
def networks(draw: st.DrawFn, balanced: bool) -> Network:
    """Draw a network with loops; balanced: what a busbar lacks or has too much becomes a source or a sink."""
    count = draw(st.integers(1, 7))
    busbar = st.integers(0, count - 1)
    feeders = []
    if count > 1:
        for n in range(draw(st.integers(0, 2 * count))):
            start = draw(busbar)
            end = (start + draw(st.integers(1, count - 1))) % count
            feeders.append(Feeder(f"f{n}", str(start), str(end), draw(ENERGY), draw(ENERGY)))
    sources = [Source(f"s{n}", str(draw(busbar)), draw(ENERGY)) for n in range(draw(st.integers(0, 5)))]
    sinks = [Sink(f"l{n}", str(draw(busbar)), draw(ENERGY)) for n in range(draw(st.integers(0, 5)))]
    if balanced:
        for n, surplus in enumerate(surpluses(count, sources, sinks, feeders)):
            if surplus > 0:
                sinks.append(Sink(f"rest{n}", str(n), surplus))
            elif surplus < 0:
                sources.append(Source(f"more{n}", str(n), -surplus))
    return count, sources, sinks, feeders


def surpluses(count: int, sources: list[Source], sinks: list[Sink], feeders: list[Feeder]) -> list[int]:
    """Return what each busbar took in less what it gave out."""
    surplus = [0] * count
    for source in sources:
        surplus[int(source.busbar)] += source.wh
    for sink in sinks:
        surplus[int(sink.busbar)] -= sink.wh
    for feeder in feeders:
        surplus[int(feeder.busbar)] -= feeder.wh - feeder.reverse_wh
        surplus[int(feeder.to_busbar)] += feeder.wh - feeder.reverse_wh
    return surplus


def looking_downstream(
    count: int, sources: list[Source], sinks: list[Sink], feeders: list[Feeder]
) -> dict[tuple[str, str], Fraction]:
    """Return the exact cells by asking, at every busbar, what part of a watt-hour there ends in a given sink."""
    out = [[0] * count for _ in range(count)]
    leaving = [0] * count
    for feeder in feeders:
        for start, end, wh in (
            (feeder.busbar, feeder.to_busbar, feeder.wh),
            (feeder.to_busbar, feeder.busbar, feeder.reverse_wh),
        ):
            out[int(start)][int(end)] += wh
            leaving[int(start)] += wh
    for sink in sinks:
        leaving[int(sink.busbar)] += sink.wh
    draining = {int(sink.busbar) for sink in sinks if sink.wh}
    while True:
        more = {n for n in range(count) if n not in draining and any(out[n][m] for m in draining)}
        if not more:
            break
        draining |= more
    nodes = sorted(draining)
    matrix = [[Fraction(leaving[n] if n == m else 0) - out[n][m] for m in nodes] for n in nodes]
    ends = [[Fraction(sink.wh if int(sink.busbar) == n else 0) for sink in sinks] for n in nodes]
    solved = gauss(matrix, ends)
    cells = {}
    for source in sources:
        if source.wh:
            for column, sink in enumerate(sinks):
                cells[source.name, sink.name] = source.wh * solved[nodes.index(int(source.busbar))][column]
    return cells


def gauss(matrix: list[list[Fraction]], sides: list[list[Fraction]]) -> list[list[Fraction]]:
    """Solve by Gauss and Jordan on fractions."""
    rows = [left + right for left, right in zip(matrix, sides, strict=True)]
    size = len(rows)
    for k in range(size):
        swap = next(n for n in range(k, size) if rows[n][k])
        rows[k], rows[swap] = rows[swap], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for n in range(size):
            if n != k and rows[n][k]:
                rows[n] = [a - rows[n][k] * b for a, b in zip(rows[n], rows[k], strict=True)]
    return [row[size:] for row in rows]


@settings(deadline=None, max_examples=300)
@given(networks(balanced=True))
def test_every_cell_is_the_exact_value_rounded_down_or_up(network: Network) -> None:
    """On balanced networks with loops each cell is within 1 Wh of an independent exact solution; sums are exact."""
    count, sources, sinks, feeders = network
    trace = trace_flow(tuple(str(n) for n in range(count)), tuple(sources), tuple(sinks), tuple(feeders))
    assert trace.residuals == ()
    assert {warning.code for warning in trace.warnings} <= {"WP-ACC-022"}
    exact = looking_downstream(count, sources, sinks, feeders)
    cells = {(row.source, row.sink): row.wh for row in trace.allocations}
    assert len(cells) == len(trace.allocations) and 0 not in cells.values()
    for pair, value in exact.items():
        assert value // 1 <= cells.pop(pair, 0) <= -(-value // 1)
    assert cells == {}
    for source in sources:
        assert sum(row.wh for row in trace.allocations if row.source == source.name) == source.wh
    for sink in sinks:
        assert sum(row.wh for row in trace.allocations if row.sink == sink.name) == sink.wh


@settings(deadline=None, max_examples=300)
@given(networks(balanced=False))
def test_any_network_closes_with_residuals_and_unmetered_sources(network: Network) -> None:
    """Whatever the meters say, sources and sinks add up, and each busbar's mismatch is its residual or unmetered."""
    count, sources, sinks, feeders = network
    trace = trace_flow(tuple(str(n) for n in range(count)), tuple(sources), tuple(sinks), tuple(feeders))
    for source in sources:
        used = sum(row.wh for row in trace.allocations if row.source == source.name)
        kept = sum(row.wh for row in trace.residuals if row.source == source.name)
        assert used + kept == source.wh
    for sink in sinks:
        assert sum(row.wh for row in trace.allocations if row.sink == sink.name) == sink.wh
    warned = {warning.where: warning.values["wh"] for warning in trace.warnings if warning.code == "WP-ACC-021"}
    for n, surplus in enumerate(surpluses(count, sources, sinks, feeders)):
        kept = sum(row.wh for row in trace.residuals if row.busbar == str(n))
        unmetered = f"unmetered:{n}"
        lacked = sum(row.wh for row in trace.allocations if row.source == unmetered)
        lacked += sum(row.wh for row in trace.residuals if row.source == unmetered)
        assert (kept, lacked) == (max(surplus, 0), max(-surplus, 0))
        assert warned.get(str(n), 0) == lacked


def both_ways_to_trace(network: Network) -> tuple[FlowTrace, FlowTrace]:
    """Return the trace busbar after busbar, and the one by elimination of the whole network."""
    count, sources, sinks, feeders = network
    names = tuple(str(n) for n in range(count))
    stepwise = trace_flow(names, tuple(sources), tuple(sinks), tuple(feeders))
    with patch.object(flow_tracing, "_rounded", dense_tracing.rounded):
        return stepwise, trace_flow(names, tuple(sources), tuple(sinks), tuple(feeders))


@settings(deadline=None, max_examples=300)
@given(st.one_of(networks(balanced=True), networks(balanced=False)))
def test_busbar_after_busbar_gives_what_elimination_of_the_whole_network_gives(network: Network) -> None:
    """On random networks with loops the trace, its order included, is that of one elimination of all busbars."""
    stepwise, dense = both_ways_to_trace(network)
    assert stepwise == dense


def test_rings_chains_and_turned_feeders_of_sixty_busbars_trace_as_by_elimination() -> None:
    """A chain into a ring, with a tree below whose feeders turned within the interval, is traced to the same rows."""
    feeders = [Feeder(f"chain{n}", str(n), str(n + 1), 90_001 + 37 * n, 0) for n in range(19)]
    feeders += [Feeder(f"ring{n}", str(20 + n), str(20 + (n + 1) % 10), 5003 + n, 211 * (n % 2)) for n in range(10)]
    feeders += [Feeder(f"tree{n}", str(n - 10 - n % 3), str(n), 7001 + 11 * n, 101 * n) for n in range(30, 60)]
    feeders.append(Feeder("into", "19", "20", 88_888, 0))
    sources = [Source(f"s{n}", str(7 * n % 60), 12_347 * (n + 1)) for n in range(12)]
    sinks = [Sink(f"l{n}", str(n * 13 % 60), 991 + 7 * n) for n in range(150)]
    stepwise, dense = both_ways_to_trace((60, sources, sinks, feeders))
    assert stepwise == dense
    assert len(stepwise.allocations) > 1000


def test_a_park_of_two_hundred_busbars_closes() -> None:
    """A tree of 200 busbars with flow both ways on every feeder and 1000 sinks adds up at both ends."""
    count = 200
    names = [f"B{n}" for n in range(count)]
    feeders = [Feeder(str(n), names[(n - 1) // 3], names[n], 9000 + 37 * n, 11 * n) for n in range(1, count)]
    sources = tuple(Source(f"s{n}", names[n * 20], 100003 * (n + 1)) for n in range(10))
    sinks = tuple(Sink(f"l{n}", names[n * 7 % count], 331 + n) for n in range(1000))
    trace = trace_flow(tuple(names), sources, sinks, tuple(feeders))
    given_wh: dict[str, int] = {}
    taken_wh: dict[str, int] = {}
    for row in trace.allocations:
        given_wh[row.source] = given_wh.get(row.source, 0) + row.wh
        taken_wh[row.sink] = taken_wh.get(row.sink, 0) + row.wh
    for residual in trace.residuals:
        given_wh[residual.source] = given_wh.get(residual.source, 0) + residual.wh
    assert taken_wh == {sink.name: sink.wh for sink in sinks}
    for source in sources:
        assert given_wh[source.name] == source.wh
