"""Poll: what is asked, when, and how meters that do not answer are treated."""

from gateway.core.meter.meter_state import ASKED, DUE, QUIET, SUSPENDED, TRANSITIONS
from gateway.core.meter.modbus import read_request, tcp_answer_bytes
from gateway.core.meter.poll import Ask, Wait
from gateway.core.reading import EXCEPTION, LATE, SILENT
from gateway.tests.core.simulated_bus import (
    NETWORK,
    QUANTITIES,
    SimulatedBus,
    answer,
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

# Energy behind the other values, far enough away for a read of its own.
MIXED = profile(
    [
        point("voltage_l1_n", 0),
        point("current_l1", 2),
        point("frequency", 300),
        point("energy_active_import", 600, counter=True),
        point("energy_active_export", 900, counter=True),
    ],
    [(0, 99), (300, 399), (600, 699), (900, 999)],
)
SMALL = profile([point("voltage_l1_n", 0), point("energy_active_import", 100, counter=True)], [(0, 49), (100, 149)])


def still(unit, address, now_ms):
    """Registers that never change."""
    return address & 0xFF


def asked_places(bus, since=0):
    places = []
    for _, ask in bus.asked[since:]:
        asked = read_request(ask.frame)
        places.append((asked.unit, asked.start))
    return places


def asks_of(bus, unit):
    return [at for at, ask in bus.asked if read_request(ask.frame).unit == unit]


def test_energy_of_all_meters_comes_first():
    """A sweep reads the energy registers of every meter, meters in turn, then everything else."""
    bus = SimulatedBus(poll_of([job(1, MIXED), job(2, MIXED), job(3, MIXED)]), still, on_time)
    bus.run(asks=12)
    starts = [(unit, start // 300 * 300) for unit, start in asked_places(bus)]
    assert starts[:6] == [(1, 600), (2, 600), (3, 600), (1, 900), (2, 900), (3, 900)]
    assert sorted(starts[6:]) == [(1, 0), (1, 300), (2, 0), (2, 300), (3, 0), (3, 300)]


def test_boundary_begins_anew_with_energy():
    """When an interval ends in the middle of a sweep, the next questions are for energy registers, of all meters."""
    bus = SimulatedBus(poll_of([job(1, MIXED), job(2, MIXED)]), still, on_time)
    bus.run(asks=5)
    bus.poll.boundary()
    bus.run(asks=13)
    starts = [(unit, start // 300 * 300) for unit, start in asked_places(bus, 5)]
    assert starts[:4] == [(1, 600), (2, 600), (1, 900), (2, 900)]
    assert sorted(starts[4:]) == [(1, 0), (1, 300), (2, 0), (2, 300)]


def test_every_read_of_a_meter_has_its_own_length():
    """No two questions to one meter have answers of equal length."""
    bus = SimulatedBus(poll_of([job(1, MIXED)]), still, on_time)
    bus.run(asks=4)
    assert len({ask.answer_bytes for _, ask in bus.asked}) == 4


def test_waits_until_the_next_cycle():
    """A sweep that is over is followed by silence until its cycle is over, and sweeps keep their cadence."""
    bus = SimulatedBus(poll_of([job(1, SMALL)], 5000), still, on_time)
    bus.run(until_ms=bus.now_ms + 21000)
    begins = [at for at, ask in bus.asked[::2]]
    assert [begins[index + 1] - begins[index] for index in range(1, 4)] == [5000, 5000, 5000]
    assert bus.poll.cycle == 5
    assert isinstance(bus.poll.next(bus.now_ms), Wait)


def test_answers_of_an_earlier_process_pass_first():
    """A new Poll listens for two seconds before it asks anything: answers to its predecessor may be under way."""
    poll = poll_of([job(1, SMALL)])
    step = poll.next(5000)
    while isinstance(step, Wait) and step.until_ms < 7000:
        step = poll.next(step.until_ms)
    assert isinstance(step, Wait) and step.until_ms == 7000
    assert isinstance(poll.next(7000), Ask)


def test_late_answer_must_pass_before_the_meter_is_asked_again():
    """After a silence the meter is left alone for two seconds; others are asked meanwhile."""
    turns = []

    def fate(unit):
        turns.append(unit)
        return [] if turns == [1] else on_time(unit)

    bus = SimulatedBus(poll_of([job(1, MIXED), job(2, MIXED)]), still, fate)
    bus.run(asks=8)
    first, second = asks_of(bus, 1)[:2]
    assert second - first >= 2000 + 300
    assert len([at for at in asks_of(bus, 2) if first < at < second]) == 4
    assert bus.poll.meters()[0].faults == {SILENT: 1}
    bus.run(until_ms=1000000 + 4900)
    assert len(readings_of(bus.outcomes)) == 10, "the read that failed is made up for in the same sweep"


def test_dead_meter_is_probed_ever_less():
    """Three silences suspend a meter; then single short questions follow, at 2, 4, 8 ... at most 60 s."""
    bus = SimulatedBus(poll_of([job(1, MIXED), job(2, MIXED)]), still, lambda unit: [] if unit == 2 else on_time(unit))
    bus.run(until_ms=bus.now_ms + 600000)
    asked = asks_of(bus, 2)
    gaps = [(asked[index + 1] - asked[index]) // 1000 for index in range(2, len(asked) - 1)]
    assert gaps[:5] == [2, 4, 8, 16, 32]
    assert set(gaps[5:]) <= {60, 61}
    assert bus.poll.meters()[1].state == SUSPENDED
    probes = [ask.answer_bytes for _, ask in bus.asked if ask.meter == "m2"][3:]
    shortest = min([ask.answer_bytes for _, ask in bus.asked])
    assert set(probes) <= {shortest, shortest + 2}, "one register more where a late answer could pass for this one"


def test_dead_meter_does_not_slow_the_others():
    """Beside eight dead meters, the live one is read as often as if it were alone."""
    alone = SimulatedBus(poll_of([job(1, MIXED)]), still, on_time)
    alone.run(until_ms=alone.now_ms + 600000)
    jobs = [job(unit, MIXED) for unit in range(1, 10)]
    among = SimulatedBus(poll_of(jobs), still, lambda unit: on_time(unit) if unit == 1 else [])
    among.run(until_ms=among.now_ms + 600000)
    missed = len(asks_of(alone, 1)) - len(asks_of(among, 1))
    assert 0 <= missed <= 12, "only while the dead are being found out"


def test_meter_that_returns_is_read_within_a_minute():
    """A meter that was dead for ten minutes gives all its values at most 61 s after it is back."""
    back = []
    bus = SimulatedBus(
        poll_of([job(1, MIXED), job(2, MIXED)]), still, lambda unit: on_time(unit) if unit == 1 or back else []
    )
    bus.run(until_ms=bus.now_ms + 600000)
    back.append(True)
    returned = bus.now_ms
    bus.run(until_ms=bus.now_ms + 61000)
    found = {reading.quantity for _, reading in bus.outcomes if reading.meter == "m2" and hasattr(reading, "quantity")}
    assert len(found) == 5
    assert bus.poll.meters()[1].state == DUE and bus.poll.meters()[1].last_good_ms > returned


def test_time_out_follows_the_meter():
    """A quick meter's time-out falls to a third of the profile's; a slow one's rises to four of its answers."""
    delays = {1: 5, 2: 120}
    bus = SimulatedBus(poll_of([job(1, MIXED), job(2, MIXED)]), still, lambda unit: [(delays[unit], whole)])
    bus.run(asks=40)
    quick, slow = bus.poll.meters()
    assert quick.timeout_ms == 100
    assert 4 * 120 <= slow.timeout_ms <= 600


def test_slow_meter_is_given_more_time():
    """A meter that needs longer than its profile says is read after its first silence."""
    bus = SimulatedBus(poll_of([job(1, MIXED)]), still, lambda unit: [(450, whole)])
    bus.run(until_ms=bus.now_ms + 20000)
    assert len(readings_of(bus.outcomes)) >= 5
    assert bus.poll.meters()[0].state != SUSPENDED


def test_read_that_is_refused_twice_is_split_until_the_gap_is_found():
    """Exception 2 twice for one read: it is halved, until all values but the missing one are read."""
    points = [point(QUANTITIES[index], 2 * index) for index in range(8)]

    class Holey(SimulatedBus):
        def exchange(self, ask):
            asked = read_request(ask.frame)
            if asked.start <= 7 < asked.start + asked.count:  # register 7, of the fourth value, does not exist
                self.asked.append((self.now_ms, ask))
                self.now_ms += 60
                frame = refusal(ask.frame, 2)
                found = self.poll.answered(frame, 40, self.now_ms, self.now_ms)
                self.outcomes += [(self.now_ms, one) for one in found]
            else:
                SimulatedBus.exchange(self, ask)

    bus = Holey(poll_of([job(1, profile(points, [(0, 40)]))], 1000), still, on_time)
    bus.run(until_ms=bus.now_ms + 12000)
    since = len(bus.outcomes)
    bus.run(until_ms=bus.now_ms + 1100)
    assert {reading.quantity for reading in readings_of(bus.outcomes[since:])} == set(QUANTITIES[:8]) - {QUANTITIES[3]}
    assert {fault.kind for fault in faults_of(bus.outcomes)} == {EXCEPTION}
    assert bus.poll.meters()[0].state in (DUE, QUIET)


def test_noise_never_splits_a_read():
    """Damaged answers, however many, leave the reads as they were planned."""
    bad = []

    def fate(unit):
        return [(20, lambda request, frame: frame[:-1] + bytes([frame[-1] ^ 1]) if bad else frame)]

    bus = SimulatedBus(poll_of([job(1, MIXED)], 1000), still, fate)
    bus.run(asks=4)
    planned = set(asked_places(bus))
    bad.append(True)
    bus.run(until_ms=bus.now_ms + 60000)
    bad.clear()
    bus.run(until_ms=bus.now_ms + 90000)
    assert set(asked_places(bus)) == planned
    assert bus.poll.meters()[0].state == DUE


def test_busy_meter_is_asked_again():
    """Exception 6 (busy) is a fact of the moment: the read stays as it is and is made up for."""
    turns = []

    def fate(unit):
        turns.append(unit)
        return [(20, lambda request, frame: refusal(request, 6))] if len(turns) == 1 else on_time(unit)

    bus = SimulatedBus(poll_of([job(1, SMALL)]), still, fate)
    bus.run(until_ms=bus.now_ms + 4000)
    assert [(fault.kind, fault.detail) for fault in faults_of(bus.outcomes)] == [(EXCEPTION, "6")]
    assert len(readings_of(bus.outcomes)) == 2


def test_gateway_that_finds_no_meter_behind_it_counts_as_silence():
    """Exceptions 10 and 11 of a gateway suspend the meter behind it like silence."""
    bus = SimulatedBus(
        poll_of([job(1, SMALL)]), still, lambda unit: [(20, lambda request, frame: refusal(request, 11))]
    )
    bus.run(until_ms=bus.now_ms + 20000)
    assert bus.poll.meters()[0].state == SUSPENDED


def test_lost_line_suspends_nobody():
    """When the adapter is pulled every meter has a fault, and all are asked as soon as the line is back."""
    bus = SimulatedBus(poll_of([job(1, SMALL), job(2, SMALL)]), still, on_time)
    bus.run(asks=2)
    assert isinstance(bus.poll.next(bus.now_ms), Ask)
    faults = bus.poll.line_lost(77)
    assert [(fault.meter, fault.kind, fault.at_ms) for fault in faults] == [("m1", SILENT, 77), ("m2", SILENT, 77)]
    assert [state.state for state in bus.poll.meters()] == [DUE, DUE]
    bus.run(asks=6)
    assert sorted([unit for unit, _ in asked_places(bus, 2)]) == [1, 1, 2, 2]


def test_network_answers_are_known_by_their_number():
    """On Modbus TCP only the answer with the number of the question is believed; nothing is too early there."""
    poll = poll_of([job(1, SMALL)], bus=NETWORK, transport="tcp")
    first = poll.next(0)
    rtu = answer(bytes((1, 3)), [7] * ((first.answer_bytes - 9) // 2))[:-2]
    good = first.frame[:4] + bytes((0, len(rtu))) + rtu
    assert len(good) == first.answer_bytes == tcp_answer_bytes(read_request(first.frame).count)
    assert [outcome.quantity for outcome in poll.answered(good, 0, 10, 10)] == ["energy_active_import"]
    second = poll.next(10)
    assert second.frame[:2] != first.frame[:2]
    assert [fault.kind for fault in poll.answered(good, 1, 20, 20)] == [LATE]


def test_states_are_a_table():
    """Every state can be left, every state can be reached, and a lost line makes every meter due."""
    states = {DUE, ASKED, QUIET, SUSPENDED}
    assert {state for state, _ in TRANSITIONS} == states
    assert set(TRANSITIONS.values()) == states
    assert {TRANSITIONS[(state, "line lost")] for state in states} == {DUE}
