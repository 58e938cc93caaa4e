"""Poll with DL/T 645 meters between Modbus meters on one pair of wires."""

from gateway.core.meter.dlt645 import framed, read, read_request
from gateway.core.meter.judging import MOST_FRAMES, DiQuestion, following
from gateway.core.meter.meter_state import DUE, SUSPENDED
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.plan import bus_us, plan_blocks
from gateway.core.meter.poll import Ask, Job
from gateway.core.meter.profile_reading import read_profile
from gateway.core.reading import BACKWARDS, CRC, DIGITS, EXCEPTION, LATE, SILENT, WRONG_FUNCTION, WRONG_UNIT
from gateway.core.site import Meter
from gateway.tests.core import simulated_bus
from gateway.tests.core.simulated_bus import BUS, faults_of, point, poll_of, profile, readings_of

NUMBER = "002241020208"
VOLTAGES, IMPORT = 0x0201FF00, 0x00010000
MODBUS_MODEL = profile([point("voltage_l1_n", 0)], [(0, 9)])


def model(points=None):
    found, problems = read_profile(
        {
            "id": "m", "maker": "M", "model": "M", "kind": "meter", "status": "draft", "protocol": "dlt645-2007",
            "serial": {"default": "9600 8E1"},
            "points": points
            or [
                {"quantity": "energy_active_import", "di": IMPORT},
                {"quantity": "voltage_l1_n", "di": VOLTAGES},
                {"quantity": "voltage_l3_n", "di": VOLTAGES},
            ],
        }
    )  # fmt: skip
    assert problems == []
    return found


def job(found=None, ratios=(1, 1), max_power_w=0):
    found = found or model()
    meter = Meter("n", "a", 0, "m", NUMBER, ratios, (1, 1), max_power_w)
    return Job(meter, found, plan_blocks(found, found.polled(), BUS.baud, BUS.turnaround_ms))


def answered(question, octets, control=0x91, number=NUMBER, di=None):
    di = question.di if di is None else di
    wire = bytes([di >> 8 * place & 0xFF for place in range(4)])
    return b"\xfe\xfe\xfe\xfe" + framed(number, control, wire + octets)


def good(question):
    return answered(question, b"\x64\x02\x75\x00" if question.di == IMPORT else b"\x56\x22\xff\xff\x07\x22")


def run(poll, respond, asks, elapsed_ms=100):
    """Answer that many questions; return (asked frames, outcomes)."""
    now_ms, asked, outcomes = 1000000, [], []
    while len(asked) < asks:
        step = poll.next(now_ms)
        if not isinstance(step, Ask):
            now_ms = step.until_ms
            continue
        asked.append((now_ms, step))
        if step.frame[:1] == b"\xfe":
            heard = respond(read_request(step.frame))
        else:
            heard = simulated_bus.answer(step.frame, [0, 7])
        now_ms += 200
        found = poll.answered(heard, elapsed_ms, now_ms, now_ms) if heard else poll.unanswered(now_ms, now_ms)
        outcomes += [(now_ms, one) for one in found]
    return asked, outcomes


def test_both_protocols_on_one_line():
    """Modbus and DL/T 645 meters take turns; each value has its digits as registers and is exact."""
    asked, outcomes = run(poll_of([simulated_bus.job(1, MODBUS_MODEL), job()]), good, 3)
    assert [ask.meter for _, ask in asked] == ["n", "m1", "n"]
    readings = [(one.quantity, one.words, one.value) for one in readings_of(outcomes) if one.meter == "n"]
    assert readings == [
        ("energy_active_import", (0x0075, 0x0264), 7502640),
        ("voltage_l1_n", (0x2256,), 225600),
        ("voltage_l3_n", (0x2207,), 220700),
    ]


def test_what_a_meter_leaves_out_is_not_available():
    """A single-phase meter that gives one voltage, and one that gives FFFF, have no third one."""
    for octets in (b"\x56\x22", b"\x56\x22\xff\xff\xff\xff"):

        def respond(question, octets=octets):
            return good(question) if question.di == IMPORT else answered(question, octets)

        _, outcomes = run(poll_of([job()]), respond, 2)
        assert [one.value for one in readings_of(outcomes)][1:] == [225600, None]


def test_ratios():
    """Figures are of the meter's own terminals, so the ratio of the site leads to the primary side."""
    _, outcomes = run(poll_of([job(ratios=(400, 5))]), good, 1)
    assert readings_of(outcomes)[0].value == 7502640 * 80


def test_nothing_but_the_answer_is_believed():
    """Another meter, another identifier, a damaged frame, digits that are none, too early: each is a fault."""
    cases = (
        (WRONG_UNIT, lambda q: answered(q, b"\x64\x02\x75\x00", number="002241020209")),
        (WRONG_FUNCTION, lambda q: answered(q, b"\x64\x02\x75\x00", di=0x00020000)),
        (CRC, lambda q: good(q)[:-3] + bytes((good(q)[-3] ^ 1,)) + good(q)[-2:]),
        (DIGITS, lambda q: answered(q, b"\x0e\x02\x75\x00")),
    )
    for kind, respond in cases:
        _, outcomes = run(poll_of([job()]), respond, 1)
        assert [one.kind for one in faults_of(outcomes)] == [kind] and readings_of(outcomes) == []
    _, outcomes = run(poll_of([job()]), good, 1, elapsed_ms=5)
    assert [one.kind for one in faults_of(outcomes)] == [LATE]


TARIFFS = 0x0001FF00
FIVE = [100, 10, 20, 30, 40]  # total and four tariffs in hundredths of a kWh


def in_frames(*cuts):
    """Return what a meter answers that gives the tariff block in frames which end at *cuts*."""
    octets = b"".join([bytes((int("%02d" % (n % 100), 16), int("%02d" % (n // 100), 16), 0, 0)) for n in FIVE])
    places = (0,) + cuts + (len(octets),)  # noqa: RUF005 - MicroPython has no (*a,)

    def respond(question):
        number = question.sequence
        part = octets[places[number] : places[number + 1]]
        more = 0x20 if number + 1 < len(places) - 1 else 0
        return answered(question, part + (bytes((number,)) if number else b""), 0x80 | question.control | more)

    return respond


def tariffs():
    points = [{"quantity": "energy_active_import_t%d" % tariff, "di": TARIFFS} for tariff in (1, 2, 3, 4)]
    return job(model(points))


def test_an_answer_that_goes_on_is_asked_for_to_its_end():
    """Frames that end inside a value, and any number of them, give the same values; questions carry their number."""
    for cuts, sequences in (((), [0]), ((8,), [0, 1]), ((6, 11, 13), [0, 1, 2, 3])):
        asked, outcomes = run(poll_of([tariffs()]), in_frames(*cuts), len(sequences))
        questions = [read_request(ask.frame) for _, ask in asked]
        assert [one.sequence for one in questions] == sequences
        assert [one.control for one in questions] == [0x11] + [0x12] * (len(sequences) - 1)
        assert [one.value for one in readings_of(outcomes)] == [100, 200, 300, 400]


def test_what_is_wanted_is_taken_where_it_is_there():
    """Values behind the one that is wanted are not asked for."""
    _, outcomes = run(poll_of([job(model([{"quantity": "energy_active_import_t1", "di": TARIFFS}]))]), in_frames(8), 1)
    assert [one.value for one in readings_of(outcomes)] == [100]


def test_a_frame_that_is_missing_makes_the_answer_none():
    """Where the next frame is of another number, refused, or silent, nothing of the answer is believed."""
    good_frames = in_frames(8)
    for kind, second in (
        (WRONG_FUNCTION, lambda q: answered(q, b"\x20\x00\x00\x00\x02", 0x92)),
        (EXCEPTION, lambda q: framed(NUMBER, 0xD2, b"\x02")),
        (SILENT, lambda q: b""),
    ):

        def respond(question, second=second):
            return second(question) if question.sequence else good_frames(question)

        _, outcomes = run(poll_of([tariffs()]), respond, 2)
        assert [one.kind for one in faults_of(outcomes)] == [kind] and readings_of(outcomes) == []


def test_an_answer_without_end_is_given_up():
    """A meter that always says that more follows is asked for a limited number of frames."""
    question, frames = DiQuestion(read(NUMBER, TARIFFS), 128, ()), 0
    try:
        while question is not None:
            octets = b"\0" + (bytes((question.asked.sequence,)) if question.heard else b"")
            frame = answered(question.asked, octets, 0xA0 | question.asked.control)
            question, frames = following(frame, 1000, question, BUS), frames + 1
    except FrameFault as fault:
        assert (fault.kind, frames) == ("long", MOST_FRAMES - 1)
    else:
        raise AssertionError(frames)


def test_a_few_bytes_of_noise_do_no_harm():
    """Glitches before and behind a frame, and more wake bytes than usual, leave the answer believable; more do not."""
    for before, behind in ((b"\0", b""), (b"", b"\0\0\0"), (b"\xfe", b"\xff"), (b"\0\xfe\xfe", b"")):

        def respond(question, before=before, behind=behind):
            return before + good(question) + behind

        _, outcomes = run(poll_of([job()]), respond, 1)
        assert [one.value for one in readings_of(outcomes)] == [7502640]
    _, outcomes = run(poll_of([job()]), lambda q: good(q) + good(q), 1)
    assert [one.kind for one in faults_of(outcomes)] == ["long"]
    _, outcomes = run(poll_of([job()]), lambda q: bytes(9) + good(q), 1)
    assert [one.kind for one in faults_of(outcomes)] == ["framing"]


def test_an_identifier_that_the_meter_does_not_have():
    """After two refusals a data identifier rests, and the others are read on."""

    def respond(question):
        if question.di == VOLTAGES:
            return framed(NUMBER, 0xD1, b"\x02")
        return good(question)

    asked, outcomes = run(poll_of([job()]), respond, 12)
    places = [read_request(ask.frame).di for _, ask in asked]
    assert places.count(VOLTAGES) == 2 and places.count(IMPORT) == 10
    assert {(one.kind, one.detail) for one in faults_of(outcomes)} == {(EXCEPTION, "2")}


def test_a_dead_meter_is_probed():
    """A meter that is silent is suspended, and read again when it answers."""
    poll = poll_of([simulated_bus.job(1, MODBUS_MODEL), job()])
    _, outcomes = run(poll, lambda q: b"", 20)
    assert {one.kind for one in faults_of(outcomes)} == {SILENT}
    assert [one.state for one in poll.meters() if one.meter == "n"] == [SUSPENDED]
    run(poll, good, 1)
    run(poll, good, 40)
    assert [one.state for one in poll.meters() if one.meter == "n"] == [DUE]


def test_counters_are_watched():
    """A register that falls is refused; one at the last digit before a carry may rise by one step."""
    values = [b"\x99\x99\x75\x00", b"\x00\x00\x76\x00", b"\x00\x00\x75\x00"]
    only = model([{"quantity": "energy_active_import", "di": IMPORT}])
    poll = poll_of([job(only, max_power_w=1)])
    _, outcomes = run(poll, lambda q: answered(q, values.pop(0)), 3)
    assert [one.value for one in readings_of(outcomes)] == [7599990, 7600000]
    assert [one.kind for one in faults_of(outcomes)] == [BACKWARDS]


def test_the_plan_and_its_time():
    """One question for each data identifier; at 9600 baud 44 characters of a single energy and 20 ms at the least."""
    blocks = job().blocks
    assert [(block.start >> 8, block.count, len(block.points)) for block in blocks] == [
        (IMPORT, 2, 1),
        (VOLTAGES, 3, 2),
    ]
    assert bus_us(blocks[:1], 9600, 10) == 20000 + -(-44 * 11 * 1000000 // 9600)
