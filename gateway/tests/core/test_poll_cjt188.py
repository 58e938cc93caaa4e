"""Poll with meters of water and heat by CJ/T 188 between Modbus meters, and the points of their profiles."""

from gateway.core.meter.cjt188 import Frame, framed, is_question, read_request
from gateway.core.meter.cjt188_exchange import exchanged_188
from gateway.core.meter.meter_state import DUE, SUSPENDED
from gateway.core.meter.plan import bus_us, plan_blocks
from gateway.core.meter.poll import Ask, Job
from gateway.core.meter.profile_lint import lint
from gateway.core.meter.profile_reading import read_profile
from gateway.core.reading import BACKWARDS, CRC, DIGITS, EXCEPTION, LATE, LONG, SILENT, WRONG_FUNCTION, WRONG_UNIT
from gateway.core.site import Meter
from gateway.tests.core import simulated_bus
from gateway.tests.core.simulated_bus import BUS, faults_of, point, poll_of, profile, readings_of

NUMBER = "31271824191268"  # 68 begins a frame, and stands in the address, too
MODBUS_MODEL = profile([point("voltage_l1_n", 0)], [(0, 9)])
VOLUME = {"quantity": "volume", "unit": "m3"}
# 274.11 and 54427.88 in energy, 0 kW, flow digits 12345, 7156.08 m3, 26.79 and 26.64 degC, 74766 h, time, status.
HEAT = bytes.fromhex(
    "1174020005 8827440505 0000000017 4523010035 085671002C 792600 642600 664707 11521703092520 0005".replace(" ", "")
)
WATER = bytes.fromhex("002301002C 000000002C 00000000000000 0000".replace(" ", ""))


def read(points, kind=0x10, table=None):
    return read_profile(
        {
            "id": "m", "maker": "M", "model": "M", "kind": "meter", "status": "draft", "protocol": "cjt188",
            "serial": {"default": "2400 8E1"}, "cjt188": {"type": kind} if table is None else table, "points": points,
        }
    )  # fmt: skip


def codes(points, kind=0x10, table=None):
    return [one.code for one in read(points, kind, table)[1]]


def job(points=(VOLUME,), kind=0x10, max_power_w=0):
    found, problems = read(list(points), kind)
    assert problems == []
    meter = Meter("n", "a", 0, "m", NUMBER, (1, 1), (1, 1), max_power_w)
    return Job(meter, found, plan_blocks(found, found.polled(), BUS.baud, BUS.turnaround_ms))


def answered(asked, readout, di=b"\x90\x1f", kind=None, number=NUMBER, sequence=None):
    octets = di + bytes((asked.sequence if sequence is None else sequence,)) + readout
    return b"\xfe\xfe\xfe\xfe" + framed(Frame(asked.kind if kind is None else kind, number, 0x81, octets))


def run(poll, respond, asks, elapsed_ms=200):
    """Answer that many questions; return (questions, outcomes)."""
    now_ms, asked, outcomes = 1000000, [], []
    while len(asked) < asks:
        step = poll.next(now_ms)
        if not isinstance(step, Ask):
            now_ms = step.until_ms
            continue
        asked.append(step)
        if is_question(step.frame):
            heard = respond(read_request(step.frame))
        else:
            heard = simulated_bus.answer(step.frame, [0, 7])
        now_ms += 300
        found = poll.answered(heard, elapsed_ms, now_ms, now_ms) if heard else poll.unanswered(now_ms, now_ms)
        outcomes += [(now_ms, one) for one in found]
    return asked, outcomes


def test_a_water_meter_beside_a_modbus_meter():
    """Both take turns on one line; 123.00 m3 are 123,000 l, and the registers are the digits as they came."""
    asked, outcomes = run(poll_of([simulated_bus.job(1, MODBUS_MODEL), job()]), lambda q: answered(q, WATER), 2)
    assert sorted([ask.meter for ask in asked]) == ["m1", "n"]
    readings = [(one.quantity, one.words, one.value) for one in readings_of(outcomes) if one.meter == "n"]
    assert readings == [("volume", (0x0001, 0x2300), 123000)]
    question = [ask for ask in asked if ask.meter == "n"][0]
    assert question.frame[:5] == b"\xfe\xfe\xfe\xfe\x68" and read_request(question.frame).address == NUMBER
    assert question.answer_bytes == 35


def test_a_heat_meter_in_its_units():
    """Every quantity of a published readout is the number that its maker's own program shows."""
    points = [
        {"quantity": "energy_heat", "unit": "kWh"},
        {"quantity": "thermal_power", "unit": "kW"},
        {"quantity": "flow_rate", "unit": "m3/h", "decimals": 4},
        VOLUME,
        {"quantity": "temperature_supply"},
        {"quantity": "temperature_return"},
        {"quantity": "energy_cold", "unit": "kWh", "item": "energy_settled"},
    ]
    _, outcomes = run(poll_of([job(points, 0x20)]), lambda q: answered(q, HEAT, kind=0x25), 1)
    assert {one.quantity: one.value for one in readings_of(outcomes)} == {
        "energy_heat": 54427880, "energy_cold": 274110, "thermal_power": 0, "flow_rate": 1234, "volume": 7156080,
        "temperature_supply": 268, "temperature_return": 266,
    }  # fmt: skip


def test_joules_become_watt_hours_exactly():
    """54427.88 kJ and MJ are 15118.855... Wh and kWh, rounded down; 36 more are 10 more; GJ are shown as they are."""
    for code, unit, start_wh, rise_wh in ((0x0B, "kJ", 15118, 10000), (0x0E, "MJ", 15118855, 10000)):
        readout = HEAT[:9] + bytes((code,)) + HEAT[10:]
        more = readout[:5] + b"\x88\x63" + readout[7:]  # 54463.88: 36 more
        answers = [readout, more]
        poll = poll_of([job([{"quantity": "energy_heat", "unit": unit}], 0x20)])
        _, outcomes = run(poll, lambda q, answers=answers: answered(q, answers.pop(0)), 2)
        start, end = [one.value for one in readings_of(outcomes)]
        assert (start, end - start) == (start_wh, rise_wh if unit == "MJ" else 10)
    found = job([{"quantity": "energy_heat", "unit": "GJ"}], 0x20).profile
    giga = framed(Frame(0x20, NUMBER, 0x81, b"\x1f\x90\0" + HEAT[:9] + b"\x11" + HEAT[10:]))
    assert [(one.value, one.unit) for one in exchanged_188(found, b"", giga)] == [("54427.88", "GJ")]


def test_a_figure_in_another_unit_is_not_believed():
    """Where the meter names l or GJ and the profile states m3 and kWh, there is no value, and the fault says so."""
    for readout, detail in (
        (WATER[:4] + b"\x29" + WATER[5:], "volume in unit 29 (l), stated is m3"),
        (WATER[:9] + b"\x29" + WATER[10:], None),
    ):
        _, outcomes = run(poll_of([job()]), lambda q, readout=readout: answered(q, readout), 1)
        assert [(one.kind, one.detail) for one in faults_of(outcomes)] == ([(WRONG_FUNCTION, detail)] if detail else [])
        assert len(readings_of(outcomes)) == (0 if detail else 1)
    heat = job([{"quantity": "energy_heat", "unit": "kWh"}], 0x20)
    for code, name in ((0x11, "11 (GJ)"), (0x0A, "0a (100 MWh)")):
        readout = HEAT[:9] + bytes((code,)) + HEAT[10:]
        _, outcomes = run(poll_of([heat]), lambda q, readout=readout: answered(q, readout), 1)
        assert [one.detail for one in faults_of(outcomes)] == ["energy in unit %s, stated is kWh" % name]


def test_nothing_but_the_answer_is_believed():
    """Another meter, type or question, a damaged or longer frame, digits that are none, too early: each is a fault."""
    good = answered
    cases = (
        (WRONG_UNIT, lambda q: good(q, WATER, number="31271824191269")),
        (WRONG_UNIT, lambda q: good(q, WATER, kind=0x30)),
        (WRONG_FUNCTION, lambda q: good(q, WATER, sequence=q.sequence + 1 & 0xFF)),
        (WRONG_FUNCTION, lambda q: good(q, WATER, di=b"\x0a\x81")),
        (CRC, lambda q: good(q, WATER)[:-3] + bytes((good(q, WATER)[-3] ^ 1,)) + good(q, WATER)[-2:]),
        (LONG, lambda q: good(q, WATER + b"\0")),
        (DIGITS, lambda q: good(q, b"\x0e" + WATER[1:])),
    )
    for kind, respond in cases:
        _, outcomes = run(poll_of([job()]), respond, 1)
        assert [one.kind for one in faults_of(outcomes)] == [kind] and readings_of(outcomes) == []
    _, outcomes = run(poll_of([job()]), lambda q: good(q, WATER), 1, elapsed_ms=5)
    assert [one.kind for one in faults_of(outcomes)] == [LATE]


def test_every_question_has_another_number():
    """A readout that answers an earlier question is refused: the meter may have counted on since."""
    asked, _ = run(poll_of([job()]), lambda q: answered(q, WATER), 300)
    numbers = [read_request(ask.frame).sequence for ask in asked]
    assert len(set(numbers[:256])) == 256 and numbers[256:] == numbers[:44]


def test_a_few_bytes_of_noise_do_no_harm():
    """Glitches around a frame and any number of wake bytes leave the answer believable; a second frame does not."""
    for before, behind in ((b"\0", b""), (b"", b"\0\0\0"), (b"\xfe\xfe", b"\xff"), (b"\0\xfe\xfe", b"")):
        _, outcomes = run(poll_of([job()]), lambda q, a=before, b=behind: a + answered(q, WATER) + b, 1)
        assert [one.value for one in readings_of(outcomes)] == [123000]
    _, outcomes = run(poll_of([job()]), lambda q: answered(q, WATER) * 2, 1)
    assert [one.kind for one in faults_of(outcomes)] == [LONG]


def test_a_clock_that_shows_nothing_spoils_no_volume():
    """Digits are judged where a value is wanted: a meter without a clock is read all the same; FF is not available."""
    for readout, value in ((WATER[:10] + b"\xaa" * 7 + WATER[17:], 123000), (b"\xff" * 4 + WATER[4:], None)):
        _, outcomes = run(poll_of([job()]), lambda q, readout=readout: answered(q, readout), 1)
        assert [one.value for one in readings_of(outcomes)] == [value]


def test_a_refusal_is_of_the_moment():
    """A meter that answers with its state instead of a readout is asked on, and each refusal is a fault."""

    def refuse(asked):
        return framed(Frame(asked.kind, NUMBER, 0xC1, bytes((asked.sequence, 4, 0))))

    asked, outcomes = run(poll_of([job()]), refuse, 6)
    assert {(one.kind, one.detail) for one in faults_of(outcomes)} == {(EXCEPTION, "4")} and len(asked) == 6


def test_a_dead_meter_is_probed():
    """A meter that is silent is suspended, and read again when it answers."""
    poll = poll_of([simulated_bus.job(1, MODBUS_MODEL), job()])
    _, outcomes = run(poll, lambda q: b"", 20)
    assert {one.kind for one in faults_of(outcomes)} == {SILENT}
    assert [one.state for one in poll.meters() if one.meter == "n"] == [SUSPENDED]
    run(poll, lambda q: answered(q, WATER), 40)
    assert [one.state for one in poll.meters() if one.meter == "n"] == [DUE]


def test_a_volume_only_grows():
    """A counter that falls is a fault; one that passes eight digits goes on."""
    readouts = [b"\x00\x00\x00\x99", b"\x00\x00\x10\x00", b"\x00\x00\x00\x00"]
    readouts = [one + WATER[4:] for one in readouts]
    _, outcomes = run(poll_of([job()]), lambda q: answered(q, readouts.pop(0)), 3)
    assert [one.value for one in readings_of(outcomes)] == [990000000, 1000000]
    assert [one.kind for one in faults_of(outcomes)] == [BACKWARDS]


def test_one_question_for_everything():
    """All quantities are one read: 16 + 62 characters at 2400 baud with 8 that wake, and 20 ms at the least."""
    heat = job([{"quantity": "energy_heat", "unit": "kWh"}, {"quantity": "temperature_return"}], 0x20)
    assert [(block.start, block.count, len(block.points)) for block in heat.blocks] == [(0x2000, 14, 2)]
    characters = 8 + 16 + 16 + 43
    assert bus_us(heat.blocks, 2400, 10) == 20000 + -(-characters * 11 * 1000000 // 2400)


def test_a_question_is_told_from_dlt645():
    """Both are woken alike; what is no question of the one is none of it even where 68 stands in the address."""
    asked, _ = run(poll_of([job()]), lambda q: b"", 1)
    assert is_question(asked[0].frame)
    for text in ("fefefefe6867486010000068110433333433d116", "fefefefe68aaaaaaaaaaaa681300df16"):
        assert not is_question(bytes.fromhex(text))


def test_what_a_profile_may_not_say():
    """Unknown quantities, names, items, units and keys are refused; so is a flow without decimals, or no type."""
    assert codes([VOLUME]) == []
    assert codes([{"quantity": "frequency"}]) == ["WP-PRF-100"]
    assert codes([{"quantity": "energy_heat", "unit": "kWh"}]) == ["WP-PRF-100"]
    assert codes([{"name": "volume"}]) == ["WP-PRF-100"]
    assert codes([VOLUME, {"name": "time_yyyymmddhhmmss"}]) == ["WP-PRF-100"]
    assert codes([VOLUME, {"quantity": "energy_heat", "unit": "kWh", "item": "power"}], 0x20) == ["WP-PRF-100"]
    assert codes([{"quantity": "volume", "unit": "GJ"}]) == ["WP-PRF-101"]
    assert codes([{"quantity": "energy_heat", "unit": "J"}], 0x20) == ["WP-PRF-101"]
    assert codes([{"quantity": "volume"}]) == ["WP-CFG-003"]
    assert codes([{"quantity": "flow_rate", "unit": "m3/h"}], 0x20) == ["WP-CFG-003"]
    assert codes([{"quantity": "volume", "unit": "m3", "at": 0}]) == ["WP-CFG-002"]
    assert codes([{"name": "status_word", "poll": "fast"}]) == ["WP-PRF-070"]
    assert codes([VOLUME], table={}) == ["WP-CFG-003"]
    assert codes([VOLUME], 0x40) == ["WP-CFG-005"]


def test_examples_of_a_profile_are_held_against_its_points():
    """A captured exchange that gives what is expected is sound; another value, and a broken frame, are told."""
    asked = "68 10 88 05 27 10 15 20 00 01 03 90 1F 01 25 16"
    heard = "68 10 88 05 27 10 15 20 00 81 16 90 1F 01 00 00 00 00 2C 00 00 00 00 2C 06 20 17 09 01 17 20 00 00 8E 16"
    for response, expected, found in (
        (heard, "0", []), (heard, "1", ["WP-PRF-042"]), (heard[:-2] + "17", "0", ["WP-PRF-041"]),
    ):  # fmt: skip
        plain = {
            "id": "m", "maker": "M", "model": "M", "kind": "meter", "status": "draft", "protocol": "cjt188",
            "evidence": [{"source": "a frame library"}], "serial": {"default": "2400 8E1"}, "cjt188": {"type": 0x10},
            "points": [VOLUME], "test": [{"request": asked, "response": response, "expect": {"volume": expected}}],
        }  # fmt: skip
        profile, problems = read_profile(plain)
        assert problems == []
        assert [one.code for one in lint(profile)] == found


def test_a_point_without_a_name_is_told_of_that_alone():
    """What is missing is its name; that no readout holds the nameless is not said on top."""
    assert codes([{"name": ""}]) == ["WP-CFG-004"]
