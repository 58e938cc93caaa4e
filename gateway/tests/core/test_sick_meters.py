"""How Poll treats meters that are slow, busy, silent or garbled, and what it has people told."""

from gateway.core.meter.meter_reads import ANSWERS, FORGET_MS, LONG_REGISTERS
from gateway.core.meter.meter_state import DUE, MAY_COME, QUIET, STALE_MS, SUSPENDED, MeterWatch
from gateway.core.meter.modbus import read_request
from gateway.core.meter.poll import Ask, Wait
from gateway.core.reading import CRC, JAM, SILENT
from gateway.tests.core.simulated_bus import (
    NETWORK,
    QUANTITIES,
    SimulatedBus,
    faults_of,
    job,
    on_time,
    point,
    poll_of,
    profile,
    readings_of,
    refusal,
    whole,
)

SMALL = profile([point("voltage_l1_n", 0), point("energy_active_import", 100, counter=True)], [(0, 49), (100, 149)])
SLOW = profile([point("voltage_l1_n", 0)], [(0, 49)], timeout_ms=5000)
# A long read and a short one.
LONG = profile(
    [point("energy_active_import", 0, counter=True), point("frequency", 200)]
    + [point(QUANTITIES[index], 4 + 4 * index) for index in range(7)],
    [(0, 49), (200, 203)],
)
HOLE = profile([point("voltage_l1_n", 0), point("current_l1", 2), point("frequency", 300)], [(0, 9), (300, 309)])


def still(unit, address, now_ms):
    return address & 0xFF


def silent(unit):
    return []


def watch_of(timeout_ms, answers=0, latency_ms=20):
    """Return a watch at time 0 whose meter gave that many answers."""
    watch = MeterWatch("m", timeout_ms, 0, False)
    watch.begin(0)
    for _ in range(answers):
        watch.asked()
        watch.answered(latency_ms, 0, 0)
    return watch


def silences(watch, count):
    """Have it not answer that often; return (time-out given, ms until it may be asked) of each."""
    found = []
    for _ in range(count):
        given = watch.timeout_ms
        watch.until_ms = 0
        watch.rested(0)
        watch.asked()
        watch.faulted(SILENT, "no byte", MAY_COME, 0)
        found.append((given, watch.until_ms))
    return found


def notices(bus):
    """Return (code, meter) of what is to be told."""
    return [(notice.code, notice.details.get("meter", "")) for notice in bus.poll.take_notices()]


def test_patience_with_a_meter_that_was_never_heard():
    """The first wait is a second at most, each next twice as long, up to the time-out of the profile."""
    assert [given for given, _ in silences(watch_of(5000), 3)] == [1000, 2000, 4000]
    assert [given for given, _ in silences(watch_of(300), 3)] == [300, 600, 600]
    assert [given for given, _ in silences(watch_of(1000), 3)] == [1000, 2000, 2000]


def test_patience_with_a_meter_that_is_quick():
    """It falls to four slowest answers, never below a third of a short profile time-out, 500 ms of a long one."""
    assert watch_of(300, 7).timeout_ms == 300, "too few answers to know it"
    assert watch_of(300, 8).timeout_ms == 100
    assert watch_of(300, 8, 50).timeout_ms == 200
    assert watch_of(5000, 8).timeout_ms == 500
    assert watch_of(5000, 8, 1120).timeout_ms == 4480
    assert watch_of(60, 8, 1).timeout_ms == 100, "adapters bundle bytes"


def test_patience_falls_slowly_after_one_slow_answer():
    """One answer of 120 ms among quick ones keeps the time-out up for dozens of answers."""
    watch = watch_of(300, 8)
    watch.asked()
    watch.answered(120, 0, 0)
    assert watch.timeout_ms == 480
    for _ in range(20):
        watch.asked()
        watch.answered(20, 0, 0)
    assert 200 < watch.timeout_ms < 480


def test_an_answer_that_may_come_is_waited_for_by_its_meter_alone():
    """After a silence the meter itself rests for the time-out of its profile at least."""
    for timeout_ms, answers, rest_ms in ((300, 8, 2000), (5000, 8, 5000), (1000, 0, 8000)):
        assert silences(watch_of(timeout_ms, answers), 1)[0][1] == rest_ms


def test_probes_are_short_and_every_fourth_is_patient():
    """A dead meter is given what it needed while it lived, and each fourth time all that its profile grants."""
    watch = watch_of(5000, 8)
    silences(watch, 3)
    assert watch.state == SUSPENDED
    assert [given for given, _ in silences(watch, 8)] == [500, 500, 500, 5000, 500, 500, 500, 5000]


def test_where_all_are_dead_none_waits_for_the_others():
    """With nobody left to wait, probes of a meter come at 2, 4, 8 ... 60 s however short the cycle is."""
    bus = SimulatedBus(poll_of([job(1, SMALL)], 100), still, silent)
    bus.run(until_ms=1000000 + 300000)
    asked = [at for at, _ in bus.asked]
    gaps = [(asked[index + 1] - asked[index]) // 1000 for index in range(2, len(asked) - 1)]
    assert gaps[:5] == [2, 4, 8, 16, 32] and set(gaps[5:]) <= {60, 61}


def test_a_slow_meter_on_the_line_does_not_hold_up_the_others_at_the_start():
    """Each meter is asked when all that it may owe has passed: a usual one after two seconds, a slow one later."""
    bus = SimulatedBus(poll_of([job(1, SLOW), job(2, SMALL)], 1000), still, on_time)
    bus.run(until_ms=1000000 + 7000)
    first = {unit: min([at for at, ask in bus.asked if ask.frame[0] == unit]) for unit in (1, 2)}
    assert first == {1: 1000000 + 5000, 2: 1000000 + 2000}


def test_busy_meter_is_asked_less_and_less():
    """Exception 6 again and again: pauses of 200, 400, 800 ms ...; the line is never left alone for it."""
    bus = SimulatedBus(
        poll_of([job(1, SMALL), job(2, SMALL)], 100),
        still,
        lambda unit: [(20, lambda request, frame: refusal(request, 6))] if unit == 1 else on_time(unit),
    )
    bus.run(until_ms=1000000 + 30000)
    asked = [at for at, ask in bus.asked if ask.frame[0] == 1]
    gaps = [asked[index + 1] - asked[index] for index in range(7)]
    for index in range(7):
        assert 200 << index <= gaps[index] <= (200 << index) + 300
    others = [at for at, ask in bus.asked if ask.frame[0] == 2]
    assert max([others[index + 1] - others[index] for index in range(len(others) - 1)]) < 300
    assert bus.poll.meters()[0].state == SUSPENDED and bus.poll.meters()[0].last_fault == ("exception", "6")


def test_silent_for_a_day_is_stale():
    """A meter without a good answer for a day is marked and told of once; a good answer clears it."""
    back = []
    bus = SimulatedBus(poll_of([job(1, SMALL)], 600000), still, lambda unit: on_time(unit) if back else [])
    bus.run(until_ms=1000000 + STALE_MS - 120000)
    assert not bus.poll.meters()[0].stale
    bus.run(until_ms=1000000 + STALE_MS + 240000)
    assert bus.poll.meters()[0].stale
    assert notices(bus) == [("meter-silent", "m1"), ("meter-stale", "m1")]
    back.append(True)
    bus.run(until_ms=bus.now_ms + 120000)
    assert not bus.poll.meters()[0].stale and notices(bus) == [("meter-back", "m1")]


def test_energy_at_the_end_of_an_interval_comes_before_probes():
    """When an interval ends, a dead meter whose probe is due waits for the energy registers of the living."""
    bus = SimulatedBus(
        poll_of([job(9, SMALL), job(1, SMALL), job(2, SMALL)], 200),
        still,
        lambda unit: [] if unit == 9 else on_time(unit),
    )
    found = 0
    bus.run(until_ms=1000000 + 60000)
    for _ in range(40):
        bus.now_ms += 30000  # the bus stood still for so long that the probe is due
        bus.poll.boundary()
        since = len(bus.asked)
        bus.run(asks=since + 4)
        units = [ask.frame[0] for _, ask in bus.asked[since:]]
        assert units[:2] == [1, 2]
        found += 9 in units
    assert found > 10


def test_meters_that_fail_come_last():
    """In a sweep the energy registers of meters that answer are read before those of a meter that failed last time."""
    bus = SimulatedBus(
        poll_of([job(1, SMALL), job(2, SMALL), job(3, SMALL)], 3000),
        still,
        lambda unit: [(20, lambda request, frame: refusal(request, 4))] if unit == 1 else on_time(unit),
    )
    firsts = []
    for sweep in range(4):
        bus.run(until_ms=1000000 + 3000 * sweep)
        since = len(bus.asked)
        bus.run(asks=since + 2)
        firsts.append([ask.frame[0] for _, ask in bus.asked[since:]])
    assert firsts == [[1, 2], [2, 3], [2, 3], [2, 3]]


def test_what_a_meter_refuses_is_shown_and_tried_again_after_hours():
    """Registers refused twice are named in the report, and asked again as planned after the time of forgetting."""
    lacks = [True]

    class Holey(SimulatedBus):
        def exchange(self, ask):
            asked = read_request(ask.frame)
            if lacks and asked.start <= 2 < asked.start + asked.count:
                self.asked.append((self.now_ms, ask))
                self.now_ms += 60
                self.poll.answered(refusal(ask.frame, 2), 40, self.now_ms, self.now_ms)
            else:
                SimulatedBus.exchange(self, ask)

    bus = Holey(poll_of([job(1, HOLE)], 60000), still, on_time)
    bus.run(asks=1)
    planned = {ask.frame for _, ask in bus.asked}
    bus.run(until_ms=1000000 + 600000)
    state = bus.poll.meters()[0]
    assert state.refused == ((3, 2, 2),) and state.shortened and state.state == DUE
    assert notices(bus) == [("registers-refused", "m1")]
    lacks.clear()
    bus.run(until_ms=1000000 + FORGET_MS + 120000)
    state = bus.poll.meters()[0]
    assert state.refused == () and not state.shortened
    since = len(bus.asked)
    bus.run(until_ms=bus.now_ms + 60000)
    assert planned <= {ask.frame for _, ask in bus.asked[since:]}


def test_a_jammed_line_is_nobodys_fault():
    """While somebody talks without end nothing is counted against a meter, and all are read as soon as it is over."""
    bus = SimulatedBus(poll_of([job(1, SMALL), job(2, SMALL)], 1000), still, on_time)
    bus.run(asks=4)
    tries = []
    while bus.now_ms < 1000000 + 60000:
        step = bus.poll.next(bus.now_ms)
        if isinstance(step, Wait):
            bus.now_ms = step.until_ms
            continue
        tries.append(bus.now_ms)
        bus.now_ms += 300
        faults = bus.poll.answered(b"\x55" * 300, -1, bus.now_ms, bus.now_ms)
        assert [fault.kind for fault in faults] == [JAM]
    assert [state.state for state in bus.poll.meters()] == [DUE, DUE]
    assert [state.failures for state in bus.poll.meters()] == [0, 0]
    gaps = [tries[index + 1] - tries[index] - 300 for index in range(len(tries) - 1)]
    assert gaps[:4] == [500, 1000, 2000, 4000] and set(gaps[4:]) == {5000}
    assert notices(bus) == [("bus-jam", "")]
    since = len(bus.outcomes)
    bus.run(until_ms=bus.now_ms + 7000)
    assert len(readings_of(bus.outcomes[since:])) >= 4
    assert notices(bus) == [("bus-free", "")]


def test_a_dead_meter_stays_dead_through_a_jam():
    """A probe that was not sent because of a jam is made up for; it does not count as an answer."""
    bus = SimulatedBus(poll_of([job(1, SMALL), job(2, SMALL)], 1000), still, lambda u: [] if u == 2 else on_time(u))
    bus.run(until_ms=1000000 + 30000)
    while True:
        step = bus.poll.next(bus.now_ms)
        if isinstance(step, Ask) and step.meter == "m2":
            break
        if isinstance(step, Ask):
            bus.exchange(step)
        else:
            bus.now_ms = step.until_ms
    bus.poll.answered(b"\x55" * 300, -1, bus.now_ms, bus.now_ms)
    assert bus.poll.meters()[1].state == SUSPENDED
    since = len(bus.asked)
    bus.run(until_ms=bus.now_ms + 2000)
    assert 2 in [ask.frame[0] for _, ask in bus.asked[since:]]


def test_a_gateway_that_hangs_up_for_a_dead_meter_serves_the_others():
    """Where the connection is lost whenever one meter is asked, that one is left to probes, and the others are read."""
    bus = SimulatedBus(poll_of([job(1, SMALL), job(2, SMALL), job(3, SMALL)], 1000, NETWORK), still, on_time)
    losses = []
    while bus.now_ms < 1000000 + 300000:
        step = bus.poll.next(bus.now_ms)
        if isinstance(step, Wait):
            bus.now_ms = step.until_ms
        elif step.meter == "m1":
            losses.append(bus.now_ms)
            bus.now_ms += 50
            bus.poll.line_lost(bus.now_ms)
        else:
            bus.exchange(step)
    assert [state.state for state in bus.poll.meters()] == [SUSPENDED, DUE, DUE]
    assert len(losses) <= 3 + 8
    for unit in (2, 3):
        assert len([1 for _, ask in bus.asked if ask.frame[0] == unit]) >= 2 * 250
    assert notices(bus) == [("meter-silent", "m1")]


def damaged(request, frame):
    return frame[:-1] + bytes([frame[-1] ^ 1])


def test_two_meters_with_one_address_are_suspected():
    """Where one unit's answers are garbled again and again while the others' are well, a person is told."""
    bus = SimulatedBus(
        poll_of([job(1, SMALL), job(2, SMALL), job(3, SMALL)], 1000),
        still,
        lambda unit: [(20, damaged)] if unit == 2 else on_time(unit),
    )
    bus.run(until_ms=1000000 + 60000)
    assert notices(bus) == [("meter-silent", "m2"), ("duplicate-address", "m2")]


def test_noise_on_all_is_no_double_address():
    """Where everybody's answers are garbled, no address is suspected."""
    bus = SimulatedBus(poll_of([job(1, SMALL), job(2, SMALL)], 1000), still, lambda unit: [(20, damaged)])
    bus.run(until_ms=1000000 + 120000)
    assert notices(bus) == [("meter-silent", "m1"), ("meter-silent", "m2")]
    assert {fault.kind for fault in faults_of(bus.outcomes)} == {CRC}


def test_long_reads_that_come_damaged_are_shortened():
    """Where every third long answer is damaged and no short one, the long read is split; every value comes then."""
    count = [0]

    class Bursts(SimulatedBus):
        def exchange(self, ask):
            count[0] += 1
            long = read_request(ask.frame).count >= LONG_REGISTERS
            self._fate = lambda unit: [(20, damaged if long and count[0] % 3 == 0 else whole)]
            SimulatedBus.exchange(self, ask)

    bus = Bursts(poll_of([job(1, LONG)], 4000), still, on_time)
    bus.run(until_ms=1000000 + 4000 * 3 * ANSWERS)
    assert notices(bus) == [("read-shortened", "m1")]
    assert bus.poll.meters()[0].shortened
    since = len(bus.outcomes)
    bus.run(until_ms=bus.now_ms + 40000)
    assert faults_of(bus.outcomes[since:]) == [] and len(readings_of(bus.outcomes[since:])) == 90
    assert bus.poll.meters()[0].state in (DUE, QUIET)


def test_a_line_that_comes_back_gives_a_dead_meter_its_time_again():
    """While it was probed it was given little; lost with the line it is due, with no more than the first time-out."""
    for timeout_ms, given_ms in ((400, 400), (3000, 1000)):
        watch = watch_of(timeout_ms)
        silences(watch, 3)
        assert watch.state == SUSPENDED and watch.timeout_ms == 300
        watch.line_lost(False)
        assert (watch.state, watch.timeout_ms, watch.until_ms) == (DUE, given_ms, 0)
