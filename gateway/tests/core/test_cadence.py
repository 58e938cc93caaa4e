"""How often reads are made: fast ones in every sweep, slow ones in turns, what is read once at the start and anew."""

from gateway.core.meter.cadence import Cadence
from gateway.core.meter.meter_state import SUSPENDED
from gateway.core.meter.modbus import read_request
from gateway.core.meter.plan import Block, class_of
from gateway.core.meter.poll import Poll
from gateway.core.meter.profile import FAST, ONCE, SLOW, Point
from gateway.tests.core.simulated_bus import BUS, SimulatedBus, job, on_time, point, profile


def often(one, poll):
    return Point(*(tuple(one)[:-1] + (poll,)))


def block(poll, start=0):
    return Block(3, start, 2, (often(point("voltage_l1_n", start), poll),))


# Each value too far from the others to be read with them.
MODEL = profile(
    [
        often(point("voltage_l1_n", 0), FAST),
        often(point("energy_active_import", 1000, counter=True), SLOW),
        often(point("current_l1", 2000), SLOW),
        often(point(None, 3000, "ascii", "model"), ONCE),
    ],
    [(0, 9), (1000, 1009), (2000, 2009), (3000, 3009)],
)
PLACES = {0: "fast", 1: "energy", 2: "current", 3: "model"}


def letters(unit, address, now_ms):
    """Registers that spell a text."""
    return 0x4142


def sweeps(bus, unit, since=0):
    """Return what was asked of *unit* in each sweep, in order; a sweep of these meters is much shorter than 5 s."""
    found = {}
    for at, ask in bus.asked[since:]:
        asked = read_request(ask.frame)
        if asked.unit == unit:
            found.setdefault(at // 5000, []).append(PLACES[asked.start // 1000])
    return [sorted(found[index]) for index in sorted(found)]


def bus_of(units, slow_sweeps, fate=on_time):
    return SimulatedBus(Poll(BUS, tuple([job(unit, MODEL) for unit in units]), 5000, "rtu", slow_sweeps), letters, fate)


def test_class_of_a_read():
    """A read is made as often as the value in it that is wanted most often."""
    both = Block(3, 0, 2, block(SLOW).points + block(ONCE).points)
    assert [class_of(one) for one in (block(FAST), block(SLOW), block(ONCE), both)] == [FAST, SLOW, ONCE, SLOW]
    assert class_of(Block(3, 0, 2, both.points + block(FAST).points)) == FAST


def test_slow_reads_are_spread():
    """Six slow reads of a bus in every third sweep: two in each, after all were made in the first."""
    blocks = [block(SLOW, 10 * index) for index in range(6)]
    turns = [Cadence(3, 2 * index) for index in range(3)]
    counts = []
    for _ in range(10):
        made = 0
        for index in range(6):
            if turns[index // 2].due(blocks[index]):
                turns[index // 2].read(blocks[index])
                made += 1
        counts.append(made)
        for cadence in turns:
            cadence.sweep_ended()
    assert counts == [6] + [2] * 9


def test_a_slow_read_that_failed_stays_due():
    """What was not read is due in every sweep until it is."""
    cadence = Cadence(12, 0)
    for _ in range(5):
        assert cadence.due(block(SLOW)) and cadence.due(block(ONCE))
        cadence.sweep_ended()


def test_poll_reads_by_class():
    """In six sweeps a meter is asked six times for what is fast, and twice for each slow read; for its model once."""
    bus = bus_of([1], 4)
    bus.run(until_ms=1000000 + 29000)
    asked = sweeps(bus, 1)
    assert asked[0] == ["current", "energy", "fast", "model"]
    flat = [place for sweep in asked for place in sweep]
    assert [flat.count(place) for place in ("fast", "energy", "current", "model")] == [6, 2, 2, 1]
    assert bus.poll.known() == {"m1": {"model": "ABABABAB"}}


def test_energy_is_read_at_a_boundary():
    """When an interval ends, energy registers are read at once, however slow they are."""
    bus = bus_of([1, 2], 1000)
    bus.run(until_ms=1000000 + 9000)
    since = len(bus.asked)
    bus.poll.boundary()
    bus.run(asks=since + 4)
    assert [PLACES[read_request(ask.frame).start // 1000] for _, ask in bus.asked[since:]] == [
        "energy", "energy", "fast", "fast",
    ]  # fmt: skip


def test_a_meter_that_came_back_is_read_anew():
    """It may be another one: slow values and model are read again."""
    dead = []
    bus = bus_of([1, 2], 1000, lambda unit: [] if unit in dead else on_time(unit))
    bus.run(until_ms=1000000 + 14000)
    dead.append(1)
    bus.run(until_ms=1000000 + 60000)
    assert bus.poll.meters()[0].state == SUSPENDED
    since = len(bus.asked)
    dead.clear()
    bus.run(until_ms=1000000 + 200000)
    places = [place for sweep in sweeps(bus, 1, since) for place in sweep]
    assert places.count("model") == 1 and "energy" in places and "current" in places
    assert [place for sweep in sweeps(bus, 2, since) for place in sweep if place != "fast"] == []
