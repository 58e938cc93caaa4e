"""Proportional sharing, with published numbers and odd networks."""

from gateway.core.account.flow_tracing import FlowTrace, trace_flow
from gateway.core.account.network import Feeder, Sink, Source


def _cells(trace: FlowTrace) -> "dict[tuple[str, str], int]":
    return {(row.source, row.sink): row.wh for row in trace.allocations}


def _feeder(start: str, end: str, wh: int, reverse_wh: int = 0) -> Feeder:
    return Feeder(start + "-" + end, start, end, wh, reverse_wh)


def test_one_busbar_mixes_in_proportion() -> None:
    """Bialek's figure: inflows 40 and 60, outflows 70 and 30, give 28, 12, 42 and 18."""
    trace = trace_flow(
        ("i",), (Source("j", "i", 40), Source("k", "i", 60)), (Sink("m", "i", 70), Sink("l", "i", 30)), ()
    )
    assert _cells(trace) == {("j", "m"): 28, ("j", "l"): 12, ("k", "m"): 42, ("k", "l"): 18}
    assert trace.residuals == () and trace.warnings == ()


def _bialek(unit: int) -> FlowTrace:
    """Return the trace of Bialek's four nodes with average flows; *unit* is Wh in half a megawatt-hour."""
    return trace_flow(
        ("1", "2", "3", "4"),
        (Source("G1", "1", 789 * unit), Source("G2", "2", 225 * unit)),
        (Sink("L3", "3", 608 * unit), Sink("L4", "4", 406 * unit)),
        (
            _feeder("1", "2", 119 * unit),
            _feeder("1", "3", 443 * unit),
            _feeder("1", "4", 227 * unit),
            _feeder("2", "4", 344 * unit),
            _feeder("4", "3", 165 * unit),
        ),
    )


def test_bialek_four_nodes_come_out_to_the_watt_hour() -> None:
    """Bialek 1996 with average flows: G1 feeds 271.4912434 MWh to load 3 and 123.0087566 to load 4."""
    trace = _bialek(500000)
    assert _cells(trace) == {
        ("G1", "L3"): 271491243,
        ("G1", "L4"): 123008757,
        ("G2", "L3"): 32508757,
        ("G2", "L4"): 79991243,
    }
    assert trace.residuals == () and trace.warnings == ()


def test_a_thousandfold_network_has_a_thousandfold_trace() -> None:
    """With a unit 10^6 times finer the same shares appear with six more digits."""
    cells = _cells(_bialek(500000 * 10**6))
    assert cells["G1", "L3"] // 10**5 == 2714912434
    assert cells["G1", "L3"] + cells["G1", "L4"] == 394500000 * 10**6


def test_what_a_busbar_keeps_is_its_residual_by_source() -> None:
    """100 Wh come in by halves of two sources and 80 go out: 20 are residual, 10 of each."""
    trace = trace_flow(("A",), (Source("x", "A", 50), Source("y", "A", 50)), (Sink("load", "A", 80),), ())
    assert _cells(trace) == {("x", "load"): 40, ("y", "load"): 40}
    assert [tuple(row) for row in trace.residuals] == [("A", "x", 10), ("A", "y", 10)]
    assert trace.warnings == ()


def test_what_a_busbar_gives_beyond_what_it_takes_is_unmetered_with_a_warning() -> None:
    """60 Wh come in and 100 go out: 40 come from unmetered:B, and the warning names busbar and amount."""
    trace = trace_flow(
        ("A", "B"),
        (Source("x", "A", 60),),
        (Sink("load", "B", 100),),
        (_feeder("A", "B", 60),),
    )
    assert _cells(trace) == {("x", "load"): 60, ("unmetered:B", "load"): 40}
    assert [warning.code for warning in trace.warnings] == ["WP-ACC-021"]
    assert trace.warnings[0].where == "B" and trace.warnings[0].values["wh"] == 40


def test_flows_both_ways_on_one_feeder_are_not_netted() -> None:
    """A plant's surplus that flows back in the same interval mixes upstream; netting would hide it.

    A: grid 100, to B 80, from B 30. B: plant 50. Loads: 50 at A, 100 at B. Through A 130, through B 130.
    By hand, a and b the grid's share at A and B: 130a = 100 + 30b and 130b = 80a, so a = 130/145 and b = 80/145.
    """
    trace = trace_flow(
        ("A", "B"),
        (Source("grid", "A", 14500), Source("plant", "B", 7250)),
        (Sink("la", "A", 7250), Sink("lb", "B", 14500)),
        (_feeder("A", "B", 11600, 4350),),
    )
    assert _cells(trace) == {("grid", "la"): 6500, ("grid", "lb"): 8000, ("plant", "la"): 750, ("plant", "lb"): 6500}


def test_energy_may_run_in_a_loop() -> None:
    """A ring A-B-C-A with a circulating part is solved: all of one source still reaches all sinks."""
    trace = trace_flow(
        ("A", "B", "C"),
        (Source("grid", "A", 100),),
        (Sink("b", "B", 40), Sink("c", "C", 60)),
        (_feeder("A", "B", 1100), _feeder("B", "C", 1060), _feeder("C", "A", 1000)),
    )
    assert _cells(trace) == {("grid", "b"): 40, ("grid", "c"): 60}
    assert trace.residuals == () and trace.warnings == ()


def test_a_circle_without_a_source_is_told_and_left_out() -> None:
    """Energy that circles between two busbars and comes from nowhere feeds no one and breaks nothing."""
    trace = trace_flow(
        ("A", "B", "C"),
        (Source("grid", "A", 10),),
        (Sink("load", "A", 10),),
        (_feeder("B", "C", 5, 5),),
    )
    assert _cells(trace) == {("grid", "load"): 10}
    assert [warning.code for warning in trace.warnings] == ["WP-ACC-022"]
    assert trace.warnings[0].where == "B, C"


def test_a_silent_interval_is_empty() -> None:
    """No energy anywhere gives an empty trace."""
    trace = trace_flow(("A", "B"), (Source("g", "A", 0),), (Sink("l", "B", 0),), (_feeder("A", "B", 0),))
    assert (trace.allocations, trace.residuals, trace.warnings) == ((), (), ())


def test_parallel_feeders_add_up() -> None:
    """Two feeders between the same busbars count as their sum."""
    trace = trace_flow(
        ("A", "B"),
        (Source("g", "A", 30), Source("s", "B", 10)),
        (Sink("l", "B", 40),),
        (Feeder("one", "A", "B", 10, 0), Feeder("two", "A", "B", 20, 0)),
    )
    assert _cells(trace) == {("g", "l"): 30, ("s", "l"): 10}


def test_a_park_of_thirty_busbars_closes() -> None:
    """A tree of 30 busbars with flow both ways on every feeder and 60 sinks adds up at both ends."""
    count = 30
    names = ["B%d" % n for n in range(count)]
    feeders = [_feeder(names[(n - 1) // 3], names[n], 9000 + 37 * n, 11 * n) for n in range(1, count)]
    sources = tuple([Source("s%d" % n, names[n * 3], 100003 * (n + 1)) for n in range(10)])
    sinks = tuple([Sink("l%d" % n, names[n * 7 % count], 331 + n) for n in range(60)])
    trace = trace_flow(tuple(names), sources, sinks, tuple(feeders))
    given = {}
    taken = {}
    for row in trace.allocations:
        given[row.source] = given.get(row.source, 0) + row.wh
        taken[row.sink] = taken.get(row.sink, 0) + row.wh
    for residual in trace.residuals:
        given[residual.source] = given.get(residual.source, 0) + residual.wh
    assert taken == {sink.name: sink.wh for sink in sinks}
    for source in sources:
        assert given[source.name] == source.wh


def vectors() -> "list[bytes]":
    """Bialek's network at five scales, allocation by allocation."""
    rows = [row for unit in (1, 7, 1000, 500000, 10**12) for row in _bialek(unit).allocations]
    return [("%s %s %d" % (row.source, row.sink, row.wh)).encode() for row in rows]
