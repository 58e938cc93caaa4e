"""What Poll believes: hostile lines, wrong meters, registers that cannot be."""

from gateway.core.meter.cadence import Cadence
from gateway.core.meter.dlt645 import EVERYONE, framed, read_address
from gateway.core.meter.judging import Question, believed, believed_address, earliest_ms
from gateway.core.meter.meter_reads import MeterReads
from gateway.core.meter.meter_state import MeterWatch
from gateway.core.meter.modbus import FrameFault, with_crc
from gateway.core.meter.plausibility import CONFIRMATIONS, RegisterWatch, step_wh
from gateway.core.meter.profile import Point
from gateway.core.reading import BACKWARDS, CRC, LATE, LONG, SERIAL, SHORT, TOO_FAST, WRONG_UNIT
from gateway.core.site import Bus
from gateway.tests.core.simulated_bus import (
    BUS,
    QUANTITIES,
    Dice,
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

QUESTION = Question(1, 3, 100, 4, None)
GOOD = answer(QUESTION.frame(), [1, 2, 3, 4])

# Ten values in ten windows with room for reads of ten lengths; and in ten windows with room for one length only.
ROOMY = profile(
    [point(QUANTITIES[index], 100 * index) for index in range(10)], [(100 * n, 100 * n + 29) for n in range(10)]
)
TIGHT = profile(
    [point(QUANTITIES[index], 100 * index) for index in range(10)], [(100 * n, 100 * n + 1) for n in range(10)]
)


def fault_of(frame, elapsed_ms=200, question=QUESTION):
    try:
        believed(frame, elapsed_ms, question, BUS)
    except FrameFault as fault:
        return fault.kind
    return None


def marked(unit, address, now_ms):
    """Even registers hold their unit and address, odd ones the time at which they were read, in 20 ms."""
    return now_ms // 20 & 0xFFFF if address & 1 else unit << 12 | address


def wrong_readings(bus):
    """Return the readings that hold another register, and those that are older than their question."""
    foreign, stale = [], []
    for began, outcome in bus.outcomes:
        if hasattr(outcome, "quantity"):
            unit = int(outcome.meter[1:])
            if outcome.words[0] != unit << 12 | 100 * QUANTITIES.index(outcome.quantity):
                foreign.append(outcome)
            elif outcome.words[1] - (began // 20 & 0xFFFF) & 0xFFFF > 50:
                stale.append(outcome)
    return foreign, stale


def hostile(dice, latest_ms, doubled=True):
    """One answer in three goes wrong in one of all the ways known from the field."""

    def damage(request, frame):
        place, bit = dice.below(len(frame)), 1 << dice.below(8)
        return frame[:place] + bytes([frame[place] ^ bit]) + frame[place + 1 :]

    def shorter(request, frame):
        return with_crc(frame[:2] + bytes([frame[2] - 2]) + frame[3:-4])

    makers = (
        damage,
        shorter,
        lambda request, frame: frame[: dice.below(len(frame))],
        lambda request, frame: with_crc(bytes([frame[0] + 1]) + frame[1:-2]),
        lambda request, frame: with_crc(bytes([frame[0], 4]) + frame[2:-2]),
        lambda request, frame: with_crc(bytes([frame[0], frame[1], frame[2] + 2]) + frame[3:-2] + b"\0\0"),
        lambda request, frame: b"\0" + frame + b"\xff",
        lambda request, frame: refusal(request, 6),
    )

    def fate(unit):
        late = 20 + dice.below(latest_ms)
        draw = dice.below(60)
        if draw < 8:
            return [(20, makers[draw])]
        if draw < 15:
            return [(late, whole)]
        if draw < 17:
            return [(20, whole), (late if doubled else 22, whole)]
        if draw < 18:
            return [(late, makers[0])]
        return [] if draw < 20 else [(dice.below(60), whole)]

    return fate


def test_thousand_hostile_polls_give_no_wrong_value():
    """1000 questions, a third of the answers late, doubled, damaged or missing: no foreign value, and none too old."""
    for seed in range(3):
        bus = SimulatedBus(poll_of([job(1, ROOMY), job(2, ROOMY)], 1000), marked, hostile(Dice(seed), 1900))
        bus.run(asks=1000)
        assert wrong_readings(bus) == ([], [])
        assert len(faults_of(bus.outcomes)) > 200
        assert len(readings_of(bus.outcomes)) > 500


def test_hostile_polls_where_lengths_cannot_differ():
    """Where all reads have one length and answers are up to 9 s late, still none passes for another register."""
    for seed in range(2):
        bus = SimulatedBus(poll_of([job(1, TIGHT), job(2, TIGHT)], 1000), marked, hostile(Dice(seed), 9000, False))
        bus.run(asks=1000)
        assert wrong_readings(bus)[0] == []
        assert len(readings_of(bus.outcomes)) > 200


def test_the_only_answer_is_believed():
    """The answer to the question, in time, gives its registers."""
    assert believed(GOOD, 200, QUESTION, BUS) == (1, 2, 3, 4)


def test_every_flipped_bit_is_seen():
    """A single wrong bit, wherever it is, is never believed."""
    for place in range(len(GOOD)):
        for bit in range(8):
            flipped = GOOD[:place] + bytes([GOOD[place] ^ 1 << bit]) + GOOD[place + 1 :]
            assert fault_of(flipped) in (CRC, SHORT, LONG), (place, bit)


def test_nothing_arrives_faster_than_its_characters():
    """13 bytes at 9600 baud and 10 bits need 13.5 ms, 12 with a clock that is 5 % fast: what is there before is old."""
    assert earliest_ms(BUS, 13) == 12
    assert fault_of(GOOD, 11) == LATE
    assert fault_of(GOOD, 12) is None


def test_other_lengths_and_units_are_refused():
    """Answers to other questions: fewer registers, more registers, another unit."""
    assert fault_of(answer(QUESTION.frame(), [1, 2, 3])) == SHORT
    assert fault_of(answer(QUESTION.frame(), [1, 2, 3, 4, 5])) == LONG
    assert fault_of(with_crc(b"\2" + GOOD[1:-2])) == WRONG_UNIT


def test_single_bytes_of_noise_around_an_answer_are_cut_off():
    """Up to four bytes before and behind: fewer than any frame has, so no second answer hides in them."""
    assert believed(b"\0" + GOOD + b"\0", 200, QUESTION, BUS) == (1, 2, 3, 4)
    assert believed(GOOD + b"\0\xff\0\xff", 200, QUESTION, BUS) == (1, 2, 3, 4)
    assert fault_of(b"\0\0" + GOOD + b"\0\0\0") is not None
    assert fault_of(GOOD + refusal(QUESTION.frame(), 2)) is not None
    assert fault_of(GOOD + GOOD) is not None


SERIAL_POINT = point(None, 40, "u32", "serial_number")
NAMED = profile(
    [point("voltage_l1_n", 0), point("energy_active_import", 20, counter=True), SERIAL_POINT],
    [(0, 9), (20, 29), (40, 49)],
)


def test_values_of_another_meter_are_refused():
    """While another serial number answers nothing is believed; when the right meter is back, everything is again."""
    number = [77]
    bus = SimulatedBus(
        poll_of([job(1, NAMED, "0000070077")], 1000),
        lambda unit, address, now_ms: (1, 4541)[address & 1] if address >= 40 else number[0],
        on_time,
    )
    assert 1 << 16 | 4541 == 70077
    bus.run(until_ms=bus.now_ms + 3000)
    assert {reading.quantity for reading in readings_of(bus.outcomes)} == {"voltage_l1_n", "energy_active_import"}
    assert faults_of(bus.outcomes) == []
    bus._registers = lambda unit, address, now_ms: 5
    bus.run(until_ms=bus.now_ms + 1000)  # the sweep in which it is found out
    since = len(bus.outcomes)
    bus.run(until_ms=bus.now_ms + 5000)
    assert readings_of(bus.outcomes[since:]) == []
    assert {fault.kind for fault in faults_of(bus.outcomes[since:])} == {SERIAL}
    details = {fault.detail for fault in faults_of(bus.outcomes) if fault.kind == SERIAL}
    assert details == {"serial number 327685, expected 0000070077"}
    bus._registers = lambda unit, address, now_ms: (1, 4541)[address & 1] if address >= 40 else number[0]
    since = len(bus.outcomes)
    bus.run(until_ms=bus.now_ms + 3000)
    assert {reading.quantity for reading in readings_of(bus.outcomes[since:])} == {
        "voltage_l1_n",
        "energy_active_import",
    }


def test_wrong_meter_never_gives_a_value():
    """A meter whose serial number was wrong from the start gives no reading at all."""
    bus = SimulatedBus(poll_of([job(1, NAMED, "99")], 1000), lambda unit, address, now_ms: 3, on_time)
    bus.run(until_ms=bus.now_ms + 10000)
    assert readings_of(bus.outcomes) == []
    assert len(faults_of(bus.outcomes)) >= 9


ENERGY = profile([point("energy_active_import", 0, counter=True, wrap=100000, unit="kWh")], [(0, 9)])


def outcomes_of_registers(values, step_ms=60000, max_power_w=400000):
    """Return value (Wh) or kind of fault for each of these register values, one reading a step."""
    poll = poll_of([job(1, ENERGY, max_power_w=max_power_w)], step_ms)
    bus = SimulatedBus(
        poll, lambda unit, address, now_ms: values[0] >> 16 * (1 - address) & 0xFFFF if address < 2 else 0, on_time
    )
    found = []
    waiting = list(values)
    while waiting:
        values = [waiting.pop(0)]
        bus.run(asks=len(bus.asked) + 1)
        outcome = bus.outcomes[-1][1]
        found.append(outcome.kind if hasattr(outcome, "kind") else outcome.value)
    return found


def test_register_that_falls_is_withheld():
    """A reading below the last one is no reading; the next that is above is one again."""
    assert outcomes_of_registers([500, 501, 400, 502]) == [500000, 501000, BACKWARDS, 502000]


def test_register_that_stays_lower_was_reset():
    """Lower readings that agree with each other are believed after the third: meters are reset in the field."""
    found = outcomes_of_registers([500, 3, 4, 5, 6])
    assert found == [500000] + [BACKWARDS] * (CONFIRMATIONS - 1) + [5000, 6000]


def test_scattered_low_readings_are_never_believed():
    """Low readings that do not agree with each other stay withheld."""
    assert outcomes_of_registers([500, 30, 20, 10, 5, 501]) == [500000] + [BACKWARDS] * 4 + [501000]


def test_register_that_passes_its_width_goes_on():
    """From 99,999 kWh to 2 kWh at a width of 100,000 is a rise of 3 kWh."""
    assert outcomes_of_registers([99999, 2, 3]) == [99999000, 2000, 3000]


def test_register_that_rises_faster_than_the_connection_allows_is_withheld():
    """400 kW for 60 s are 6.7 kWh; 1000 kWh more are not believed, whatever is read after it stays correct."""
    assert outcomes_of_registers([500, 1500, 507, 513]) == [500000, TOO_FAST, 507000, 513000]


def test_register_that_jumped_and_goes_on_is_believed_after_ten_minutes():
    """A jump that stays is withheld for ten minutes, then read: the account puts the rise in quarantine."""
    outcomes = outcomes_of_registers([0] + [10**6 + minute for minute in range(12)])
    assert outcomes == [0] + [TOO_FAST] * 10 + [1000 * (10**6 + 10), 1000 * (10**6 + 11)]


def test_maximum_power_bounds_no_litres():
    """A water meter that counts whole cubic metres rises by 1000 l at once, whatever power its connection carries."""
    water = point("volume", 0, counter=True)
    watch = RegisterWatch(water, ((1, 1), (1, 1)), 1)
    assert watch.judged((0, 5), 0) is None
    assert watch.judged((0, 6), 1000) is None
    assert watch.judged((0, 4), 2000)[0] == BACKWARDS


def test_no_limit_is_known():
    """Without a maximum power any rise is believed."""
    assert outcomes_of_registers([500, 90000], max_power_w=0) == [500000, 90000000]


def test_smallest_rise_of_a_register():
    """One count of a register in kWh is 1 kWh, with 1 Wh for rounding; a float's step grows with its value."""
    counts = point("energy_active_import", 0, counter=True)
    assert step_wh(counts, (0, 5), ((1, 1), (1, 1))) == 1001
    single = point("energy_active_import", 0, "f32", counter=True)
    assert step_wh(single, (0x4B00, 0x0000), ((1, 1), (1, 1))) == 1001  # 2^23 kWh: the next float is 1 kWh further
    assert step_wh(single, (0x4C00, 0x0000), ((1, 1), (1, 1))) == 4001


def test_late_answer_to_the_same_question_is_not_believed():
    """What failed is asked again by a read of another length: the late first answer, with old values, is refused."""
    once = profile([point(QUANTITIES[0], 0)], [(0, 29)])
    answers = [[(5000, whole)], [], [(20, whole)]]
    bus = SimulatedBus(poll_of([job(1, once)], 1000), marked, lambda unit: answers.pop(0) if answers else [(20, whole)])
    bus.run(until_ms=bus.now_ms + 20000)
    counts = [ask.answer_bytes for _, ask in bus.asked]
    assert len(set(counts[:3])) == 3
    assert wrong_readings(bus) == ([], [])
    assert len(readings_of(bus.outcomes)) >= 8


def test_question_that_cannot_be_longer_waits_for_its_late_answer():
    """A read that fills its window is not asked again for ten seconds: nothing would tell its late answer."""
    once = profile([point(QUANTITIES[0], 0)], [(0, 1)])
    answers = [[]]
    bus = SimulatedBus(poll_of([job(1, once)], 1000), marked, lambda unit: answers.pop(0) if answers else [(20, whole)])
    bus.run(asks=2)
    assert bus.asked[1][0] - bus.asked[0][0] >= 10000


def test_answer_that_comes_again_is_not_believed_as_another():
    """Where two reads have one length, the first answer, come again during the second question, is refused as late."""
    two = profile([point(QUANTITIES[0], 0), point(QUANTITIES[1], 100)], [(0, 1), (100, 101)])
    answers = [[(20, whole), (45, whole)], []]
    bus = SimulatedBus(poll_of([job(1, two)], 1000), marked, lambda unit: answers.pop(0) if answers else [(20, whole)])
    bus.run(until_ms=bus.now_ms + 30000)
    assert wrong_readings(bus)[0] == []
    assert [fault.kind for fault in faults_of(bus.outcomes)] == [LATE]


def test_a_gateway_that_numbers_answers_by_itself_is_believed_by_all_else():
    """Behind unnumbered+tcp:// any number of an answer will do, and nothing else may differ; elsewhere it must fit."""
    question = Question(1, 3, 0, 1, 7)
    frame = bytes.fromhex("0009000000050103020005")
    for scheme, fault in (("unnumbered+tcp://", None), ("tcp://", LATE)):
        bus = Bus("n", scheme + "10.0.0.9:502", 9600, 8, "N", 1, 10)
        found = None
        try:
            assert believed(frame, 0, question, bus) == (5,)
        except FrameFault as one:
            found = one.kind
        assert found == fault
        for wrong in (frame[:6] + b"\2" + frame[7:], frame[:-1], b"\0"):
            try:
                believed(wrong, 0, question, bus)
            except FrameFault:
                continue
            raise AssertionError(wrong)


def test_the_number_of_the_only_meter_on_a_line_is_believed_in_time():
    """The captured answer to the question for it; not one that came too early, and not the number of all meters."""
    heard = bytes.fromhex("681200000010206893064533333343531f16")
    assert believed_address(heard, 200, read_address(), BUS) == "201000000012"
    assert believed_address(b"\xfe\xfe" + heard, 200, read_address(), BUS) == "201000000012"
    for frame, elapsed_ms, kind in (
        (heard, 1, LATE), (framed(EVERYONE, 0x93, b"\x99" * 6), 200, WRONG_UNIT), (heard[:-1], 200, SHORT),
    ):  # fmt: skip
        try:
            believed_address(frame, elapsed_ms, read_address(), BUS)
        except FrameFault as fault:
            assert fault.kind == kind
        else:
            raise AssertionError(kind)


def test_the_smallest_rise_where_the_register_ends():
    """All ones is the end of a register: one Wh; low words first, a count in the first word is the smallest."""
    top = point("energy_active_import", 0, counter=True)
    assert step_wh(top, (0xFFFF, 0xFFFF), ((1, 1), (1, 1))) == 1
    swapped = Point(*(tuple(top)[:6] + ("low-first",) + tuple(top)[7:]))
    assert step_wh(swapped, (0xFFFF, 5), ((1, 1), (1, 1))) == 1001


def test_what_a_register_was_at_an_earlier_moment_must_lead_to_now():
    """Of a register that nothing is known of, anything; before a reading not above it; after it not below it."""
    watch = RegisterWatch(point("energy_active_import", 0, counter=True), ((1, 1), (1, 1)), 400000)
    assert watch.judged_at((0, 9), 0) is None
    assert watch.judged((0, 500), 3600000) is None
    assert watch.judged_at((0, 490), 3000000) is None
    assert watch.judged_at((0, 501), 3000000)[0] == BACKWARDS
    assert watch.judged_at((0, 9), 3000000)[0] == TOO_FAST
    assert watch.judged_at((0, 505), 4000000) is None
    assert watch.judged_at((0, 499), 4000000)[0] == BACKWARDS


def serial_reads(bus, since=0):
    """Return when the serial number was asked for."""
    return [at for at, ask in bus.asked[since:] if ask.frame[2] << 8 | ask.frame[3] == 40]


def named(unit, address, now_ms):
    return (1, 4541)[address & 1] if address >= 40 else 500


def test_a_counter_that_fell_while_the_meter_was_dead_has_it_say_again_who_it_is():
    """The meter is back and has said its number, but counts less: the number is asked once more before other values."""
    counts, dead = [500], []

    def held(unit, address, now_ms):
        return named(unit, address, now_ms) if address >= 40 else counts[0] * (address % 2)

    bus = SimulatedBus(poll_of([job(1, NAMED, "70077")], 5000), held, lambda unit: [] if dead else on_time(unit))
    bus.run(until_ms=bus.now_ms + 12000)
    dead.append(True)
    bus.run(until_ms=bus.now_ms + 30000)
    dead.clear()
    counts[0] = 400
    since, heard = len(bus.asked), len(readings_of(bus.outcomes))
    while len(readings_of(bus.outcomes)) == heard:
        bus.run(asks=len(bus.asked) + 1)
    assert [ask.frame[2] << 8 | ask.frame[3] for _, ask in bus.asked[since:]] == [40, 20, 40, 0]
    assert [fault.kind for fault in faults_of(bus.outcomes)][-1] == BACKWARDS
    assert readings_of(bus.outcomes)[-1].quantity == "voltage_l1_n"


def test_a_dead_meter_is_probed_for_its_serial_number():
    """The sign of life that tells at once whether it is still the same meter."""
    dead = []
    bus = SimulatedBus(poll_of([job(1, NAMED, "70077")], 5000), named, lambda unit: [] if dead else on_time(unit))
    bus.run(until_ms=bus.now_ms + 6000)
    dead.append(True)
    bus.run(until_ms=bus.now_ms + 30000)
    since = len(bus.asked)
    bus.run(until_ms=bus.now_ms + 60000)
    assert len(bus.asked) - since >= 1 and len(serial_reads(bus, since)) == len(bus.asked) - since


def test_while_it_is_open_who_answers_only_the_serial_number_is_taken():
    """Values of a meter that has not said who it is are none, whoever asks for them."""
    one = job(1, NAMED, "70077")
    reads = MeterReads(BUS, one.meter, NAMED, one.blocks, MeterWatch("m1", 300, 0, False), Cadence(12, 0))
    by_start = {block.start: block for block in reads.blocks}
    assert reads.take(by_start[0], (0, 230), 0, 0) == ([], False)
    assert reads.take(by_start[40], (1, 4541), 0, 0) == ([], False)
    found, foreign = reads.take(by_start[0], (0, 230), 0, 0)
    assert [reading.words for reading in found] == [(0, 230)] and not foreign
