"""CJ/T 188: published exchanges with water, heat and gas meters, and what must not be believed."""

from gateway.core.meter.cjt188 import (
    ANYONE,
    MOST_GLITCHES,
    READOUT_DI,
    Frame,
    Question,
    answer,
    answered,
    frame_span,
    framed,
    is_question,
    is_whole,
    read_request,
    request,
)
from gateway.core.meter.cjt188_exchange import meanings_188
from gateway.core.meter.cjt188_values import (
    UNITS,
    answer_bytes,
    figures_of,
    items_of,
    readout_bytes,
    readout_of,
    register_count,
    registers,
    unit_code,
)
from gateway.core.meter.modbus import FrameFault

# A water meter asked and answering, from the unit tests of a public frame library (2017).
WATER_ASKED = "68 10 88 05 27 10 15 20 00 01 03 90 1F 01 25 16"
WATER = "68 10 88 05 27 10 15 20 00 81 16 90 1F 01 00 00 00 00 2C 00 00 00 00 2C 06 20 17 09 01 17 20 00 00 8E 16"
# The same with 123.00 m3, and one with 2.00, of two more meters.
WATER_123 = (
    "FE FE FE 68 10 01 00 00 05 08 00 00 81 16 90 1F 00 00 23 01 00 2C 00 00 00 00 2C 00 00 00 00 00 00 00 00 00 48 16"
)
WATER_2 = (
    "FE FE FE 68 10 18 02 12 20 20 00 00 81 16 90 1F 00 00 02 00 00 2C 00 02 00 00 2C 00 00 00 00 00 00 00 00 FF 85 16"
)
# The example that most descriptions of the protocol print, with its check sum put right.
PRINTED_ASKED = "FE FE FE FE 68 10 44 33 22 11 00 33 78 01 03 1F 90 00 80 16"
PRINTED = "68 10 44 33 22 11 00 33 78 81 16 1F 90 00 00 77 66 55 2C 00 77 66 55 2C 31 01 22 11 05 15 20 21 84 13 16"
# A heat meter of 2025, asked with number 12 and answering with 3 as type 25; and one that puts units first.
HEAT = (
    "68 25 12 19 24 18 27 31 00 81 2E 1F 90 03 11 74 02 00 05 88 27 44 05 05 00 00 00 00 17 00 00 00 00 35 08 56 71 00 "
    "2C 79 26 00 64 26 00 66 47 07 11 52 17 03 09 25 20 00 05 2A 16"
)
UNIT_FIRST = (
    "68 20 32 41 31 40 00 00 00 81 2E 90 1F 01 08 02 00 00 00 08 02 00 00 00 17 00 00 00 00 35 00 00 00 00 2C 34 10 00 "
    "00 35 25 00 66 25 00 00 00 00 53 00 12 10 07 15 20 00 00 31 16"
)


def octets(text):
    return bytes.fromhex(text.replace(" ", ""))


def meant(asked, answered):
    found = meanings_188(octets(asked), octets(answered))
    return {one.name: (one.value, one.unit) if one.unit else one.value for one in found}


def fault_of(asked, answered):
    try:
        meanings_188(asked, answered)
    except FrameFault as fault:
        return fault.kind
    return None


def test_a_water_meter():
    """Address, volume, volume of the last settlement day and time of published readouts, however many wake bytes."""
    found = meant(WATER_ASKED, WATER)
    assert found == {
        "meter_address": "00201510270588", "volume_water": ("0", "m3"), "volume_settled_water": ("0", "m3"),
        "time_yyyymmddhhmmss": "20170109172006", "status_word": "0000",
    }  # fmt: skip
    assert meant("", WATER_123)["volume_water"] == ("123", "m3")
    assert meant("", WATER_2)["volume_settled_water"] == ("2", "m3")
    found = meant(PRINTED_ASKED, PRINTED)
    assert found["volume_water"] == ("556677", "m3") and found["time_yyyymmddhhmmss"] == "20150511220131"


def test_a_heat_meter():
    """Energies, power, volume and temperatures of a captured readout, each in the unit that the meter names."""
    found = meant("", HEAT)
    assert found == {
        "meter_address": "00312718241912", "energy_settled_heat": ("274.11", "kWh"), "energy_heat": ("54427.88", "kWh"),
        "power_heat": ("0", "kW"), "flow_digits": ("00000000", "m3/h"), "volume": ("7156.08", "m3"),
        "temperature_supply": ("26.79", "degC"), "temperature_return": ("26.64", "degC"),
        "operating_hours": ("74766", "h"), "time_yyyymmddhhmmss": "20250903175211", "status_word": "0500",
    }  # fmt: skip


def test_a_maker_who_puts_units_first():
    """Where all units stand before their figures, the figures are those that the maker's description prints."""
    found = meant("68 20 32 41 31 40 00 00 00 01 03 90 1F 01 20 16", UNIT_FIRST)
    assert found["energy_heat"] == ("0.02", "MWh") and found["volume"] == ("10.34", "m3")
    assert found["temperature_supply"] == ("25.35", "degC") and found["temperature_return"] == ("25.66", "degC")


def test_questions():
    """Printed questions are read, and made, byte by byte; among them one to anybody."""
    question = read_request(octets(PRINTED_ASKED))
    assert question == Question(0x10, "78330011223344", 0) and request(question) == octets(PRINTED_ASKED)
    assert read_request(octets("68 30 03 00 00 00 00 00 00 01 03 1F 90 FF 4D 16")).kind == 0x30
    assert request(Question(0x10, ANYONE, 1))[4:] == octets("68 10 AA AA AA AA AA AA AA 01 03 1F 90 01 D2 16")


def test_what_is_not_believed():
    """Another meter, type or number, damage, parts, refusals, units and digits that are none: each is a fault."""
    asked, good = octets(WATER_ASKED), octets(WATER)
    assert fault_of(asked, good) is None
    assert fault_of(octets("68 10 88 05 27 10 15 20 00 01 03 90 1F 02 26 16"), good) == "wrong-function"
    assert fault_of(octets(PRINTED_ASKED), good) == "wrong-unit"
    assert fault_of(octets("68 30 88 05 27 10 15 20 00 01 03 90 1F 01 45 16"), good) == "wrong-unit"
    assert fault_of(octets("68 10 88 05 27 10 15 AA AA 01 03 90 1F 01 59 16"), good) is None
    for length in range(len(good)):
        assert fault_of(asked, good[:length]) in ("silent", "short")
        spoiled = good[:length] + bytes((good[length] ^ 0x01,)) + good[length + 1 :]
        assert fault_of(asked, spoiled) is not None
    assert fault_of(asked, good + b"\0") == "long"
    assert fault_of(asked, framed(Frame(0x10, "00201510270588", 0xC1, b"\1\2\0"))) == "exception"
    body = opened_octets(good)
    for place, value, kind in ((3, 0x0E, "digits"), (7, 0x05, "framing"), (13, 0x1F, "digits")):
        changed = body[:place] + bytes((value,)) + body[place + 1 :]
        assert fault_of(asked, framed(Frame(0x10, "00201510270588", 0x81, changed))) == kind, place
    assert fault_of(asked, framed(Frame(0x10, "00201510270588", 0x81, body[:-1]))) == "short"


def opened_octets(frame):
    return frame[11:-2]


def test_gas_and_what_is_absent():
    """A gas meter has the readout of a water meter; FF in every byte is "not available"; other types are none."""
    body = b"\x1f\x90\0" + b"\xff\xff\xff\xff\x2c" + b"\x50\x12\0\0\x29" + bytes(9)
    found = figures_of(answer(framed(Frame(0x30, "00000000000003", 0x81, body))))
    assert [(one.name, one.mantissa, one.unit) for one in found[:2]] == [
        ("volume_gas", None, "m3"), ("volume_settled_gas", 1250, "l"),
    ]  # fmt: skip
    try:
        figures_of(answer(framed(Frame(0x40, "00000000000003", 0x81, body))))
    except FrameFault as fault:
        assert fault.kind == "wrong-unit"
    else:
        raise AssertionError("an electricity meter has no such readout")


def test_what_is_no_question():
    """An answer, a question one byte too short or too long, and one for something else ask for no readout."""
    for frame, kind in (
        (octets(WATER), "wrong-function"),
        (framed(Frame(0x10, "00201510270588", 0x01, b"\x90\x1f")), "short"),
        (framed(Frame(0x10, "00201510270588", 0x01, b"\x90\x1f\1\0")), "long"),
        (framed(Frame(0x10, "00201510270588", 0x01, b"\x81\x0a\1")), "wrong-function"),
    ):
        assert not is_question(frame)
        try:
            read_request(frame)
        except FrameFault as fault:
            assert fault.kind == kind
        else:
            raise AssertionError(kind)
    assert is_question(octets(WATER_ASKED))


def test_a_readout_is_answered_as_the_meter_did():
    """Question and readout of the printed exchange give the printed answer, byte for byte."""
    question = read_request(octets(PRINTED_ASKED))
    assert framed(answered(question, answer(octets(PRINTED)).octets)) == octets(PRINTED)


def test_registers_go_back_into_the_readout_they_are_of():
    """Captured readouts of water and heat come back from their registers, in the units the meters named."""
    for text, kind, stated in (
        (WATER, 0x10, ()), (WATER_123, 0x10, ((0, "m3"),)), (HEAT, 0x20, ()), (HEAT, 0x25, ((2, "kWh"), (4, "kW"))),
    ):  # fmt: skip
        frame = answer(octets(text))
        words = registers(frame, register_count(kind), stated)
        assert len(words) == register_count(kind)
        assert readout_of(kind, words, stated) == frame.octets
    zeros = (0,) * register_count(0x10)
    assert readout_of(0x10, zeros, ((0, "l"), (2, "m3")))[:10] == octets("00 00 00 00 29 00 00 00 00 2C")


def test_a_frame_is_found_behind_a_few_glitches():
    """By its start and its own length, and whole when that many bytes are there; behind more noise there is none."""
    frame = octets(WATER)
    for glitches in range(MOST_GLITCHES + 2):
        heard = b"\0" * glitches + b"\xfe\xfe" + frame
        found = glitches <= MOST_GLITCHES
        assert frame_span(heard) == ((glitches + 2, glitches + 2 + len(frame)) if found else None)
        assert is_whole(heard) is found
        assert not is_whole(heard[:-1])
    assert frame_span(b"") is None and not is_whole(frame[:9])


def test_an_answer_to_something_else_is_none():
    """Without number, of another data identifier, or with another number: no readout was answered."""
    asked = octets(WATER_ASKED)
    readout = opened_octets(octets(WATER))[3:]
    for body, kind in (
        (b"\x90\x1f", "short"),
        (b"\x81\x0a\1" + readout, "wrong-function"),
        (b"\x90\x1f\2" + readout, "wrong-function"),
    ):
        assert fault_of(asked, framed(Frame(0x10, "00201510270588", 0x81, body))) == kind
    assert fault_of(asked, framed(Frame(0x10, "00201510270588", 0x81, b"\x90\x1f\1" + readout))) is None
    assert fault_of(asked, asked) == "wrong-function"  # the question itself, heard back


def raised(act):
    """Return kind and detail of the fault that *act* raises."""
    try:
        act()
    except FrameFault as fault:
        return (fault.kind, fault.detail)
    return None


def test_units_are_those_of_the_standard():
    """CJ/T 188-2004, table of units: code, what it measures, its name and the power of ten before it."""
    assert UNITS == {
        0x01: ("energy", "J", 0), 0x02: ("energy", "Wh", 0), 0x05: ("energy", "kWh", 0), 0x08: ("energy", "MWh", 0),
        0x0A: ("energy", "MWh", 2), 0x0B: ("energy", "kJ", 0), 0x0E: ("energy", "MJ", 0), 0x11: ("energy", "GJ", 0),
        0x13: ("energy", "GJ", 2), 0x14: ("power", "W", 0), 0x17: ("power", "kW", 0), 0x1A: ("power", "MW", 0),
        0x29: ("volume", "l", 0), 0x2C: ("volume", "m3", 0), 0x32: ("flow", "l/h", 0), 0x35: ("flow", "m3/h", 0),
    }  # fmt: skip
    for code in UNITS:
        dimension, unit, ten = UNITS[code]
        assert unit_code(unit, dimension) == code or ten
    assert (unit_code("kWh", "volume"), unit_code("gallon", "volume")) == (None, None)


def test_what_a_readout_holds_and_how_long_it_is():
    """19 bytes of a water or gas meter, 43 of a heat meter; each value in whole registers of two bytes."""
    water = [("volume", 4, 2, 2, True), ("volume_settled", 4, 2, 2, True), ("time_yyyymmddhhmmss", 7, None, 4, False),
             ("status_word", 2, None, 1, False)]  # fmt: skip
    heat = [
        ("energy_settled", 4, 2, 2, True), ("energy", 4, 2, 2, True), ("power", 4, 2, 2, True),
        ("flow", 4, None, 2, True), ("volume", 4, 2, 2, True), ("temperature_supply", 3, 2, 2, False),
        ("temperature_return", 3, 2, 2, False), ("operating_hours", 3, 0, 2, False),
    ] + water[2:]  # fmt: skip
    for kind, items, octets, count in ((0x10, water, 19, 9), (0x19, water, 19, 9), (0x20, heat, 43, 21),
                                       (0x25, heat, 43, 21), (0x30, water, 19, 9), (0x40, [], 0, 0)):  # fmt: skip
        found = [(one.name, one.octets, one.decimals, one.registers, one.united) for one in items_of(kind)]
        assert found == items
        assert (readout_bytes(kind), answer_bytes(kind), register_count(kind)) == (octets, 16 + octets, count)


def test_a_readout_as_registers_and_back():
    """A readout put into registers, each value in whole ones, highest first, comes back byte by byte."""
    for text, stated in ((WATER_123, ((0, "m3"),)), (HEAT, ((2, "kWh"), (8, "m3")))):
        frame = answer(octets(text))
        words = registers(frame, 99, stated)
        assert len(words) == register_count(frame.kind)
        assert registers(frame, 3, stated) == words[:3]
        assert readout_of(frame.kind, words, ((0, "m3"), (2, "m3")) if frame.kind == 0x10 else ()) == frame.octets
    assert registers(answer(octets(WATER_123)), 9, ()) == (0x0001, 0x2300, 0, 0, 0, 0, 0, 0, 0)
    heat = registers(answer(octets(HEAT)), 21, ())
    assert heat[2:4] == (0x0544, 0x2788) and heat[10:12] == (0x0000, 0x2679) and heat[20] == 0x0500
    assert heat[16:20] == (0x0020, 0x2509, 0x0317, 0x5211)
    liters = readout_of(0x10, (0,) * 9, ((0, "l"), (2, "pint")))
    assert (liters[4], liters[9]) == (0x29, 0x2C)
    assert [readout_of(0x20, (0,) * 21, ())[5 * place + 4] for place in range(5)] == [0x05, 0x05, 0x17, 0x35, 0x2C]


def test_a_readout_in_another_unit_than_stated_is_no_value():
    """Codes, units and the power of ten before them are told; what is not stated may have any unit of its kind."""
    body = octets("00 23 01 00 29 00 00 00 00 2C") + bytes(9)
    assert registers(Frame(0x10, "0" * 14, 0x81, body), 2, ()) == (0x0001, 0x2300)
    fault = raised(lambda: registers(Frame(0x10, "0" * 14, 0x81, body), 2, ((0, "m3"),)))
    assert fault == ("wrong-function", "volume in unit 29 (l), stated is m3")
    heat = answer(octets(HEAT))
    tens = heat.octets[:9] + b"\x13" + heat.octets[10:]
    fault = raised(lambda: registers(Frame(0x25, "0" * 14, 0x81, tens), 4, ((2, "GJ"),)))
    assert fault == ("wrong-function", "energy in unit 13 (100 GJ), stated is GJ")
    wrong = octets("0A 23 01 00 2C 00 00 00 00 2C") + bytes(9)
    assert raised(lambda: registers(Frame(0x10, "0" * 14, 0x81, wrong), 2, ((0, "m3"),)))[0] == "digits"
    assert registers(Frame(0x10, "0" * 14, 0x81, wrong), 2, ()) == (0x0001, 0x230A)
    absent = octets("FF FF FF FF 2C 00 00 00 00 2C") + bytes(9)
    assert registers(Frame(0x10, "0" * 14, 0x81, absent), 2, ((0, "m3"),)) == (0xFFFF, 0xFFFF)


def test_lengths_of_a_readout_to_the_byte():
    """One byte less or more than the type has is short or long; a unit that is on neither side is told by its codes."""
    frame = answer(octets(WATER))
    for length, kind in ((18, "short"), (20, "long")):
        body = (frame.octets + b"\0")[:length]
        fault = raised(lambda body=body: figures_of(Frame(0x10, "0" * 14, 0x81, body)))
        assert fault == (kind, "%d bytes of a readout of 19" % length)
    spoilt = frame.octets[:4] + b"\x05" + frame.octets[5:]
    assert raised(lambda: figures_of(Frame(0x10, "0" * 14, 0x81, spoilt))) == ("framing", "unit codes 05 2c")


def test_frames_to_the_byte():
    """Each length below, at and above what a frame says of itself, with the numbers that are told."""
    good = octets(WATER)
    for length in range(1, 11):
        assert raised(lambda length=length: answer(good[:length])) == ("short", "%d of at least 13 bytes" % length)
    assert raised(lambda: answer(good[:11])) == ("short", "11 bytes, 35 expected")
    assert raised(lambda: answer(good[:34])) == ("short", "34 bytes, 35 expected")
    assert raised(lambda: answer(good + b"\0")) == ("long", "36 bytes, 35 expected")
    assert raised(lambda: answer(b"\xfe" * 9)) == ("silent", "no byte")
    assert raised(lambda: answer(b"\xfe\x69" + good)) == ("framing", "68 is missing")
    assert raised(lambda: answer(good[:-1] + b"\x17")) == ("framing", "16 is missing at the end")
    assert raised(lambda: answer(good[:-2] + b"\x8f\x16")) == ("crc", "check sum 8f is wrong")
    address = "00201510270588"

    def told(control, body, question=None):
        return raised(lambda: answer(framed(Frame(0x10, address, control, body)), question))

    assert told(0x81, b"\x1f\x90") == ("short", "2 of at least 3 bytes")
    assert told(0x81, b"\x1f\x91\x00") == ("wrong-function", "1f91 answers, 901F was asked")
    assert told(0xC1, b"\x00\x05") == ("exception", "5") and told(0xC1, b"\x05") == ("exception", "0")
    assert told(0x01, b"\x1f\x90\x00")[0] == told(0x82, b"\x1f\x90\x00")[0] == "wrong-function"
    assert told(0x81, b"\x1f\x90\x05", Question(0x10, address, 6)) == (
        "wrong-function",
        "number 5 answers, 6 was asked",
    )
    assert told(0x81, b"\x1f\x90\x06", Question(0x10, address, 6)) is None
    assert told(0x81, b"\x90\x1f\x06", Question(0x19, address, 6)) is None
    fault = told(0x81, b"\x1f\x90\x06", Question(0x20, address, 6))
    assert fault == ("wrong-unit", "10 00201510270588 answers, 20 00201510270588 was asked")
    assert READOUT_DI == 0x901F


def test_questions_to_the_byte():
    """A question has three bytes of DATA, control code 01 and the identifier in either order."""
    address = "00201510270588"
    for control, body, fault in (
        (0x01, b"\x1f\x90\x07", None), (0x01, b"\x90\x1f\x07", None),
        (0x01, b"\x1f\x90", ("short", "2 bytes of a question")),
        (0x01, b"\x1f\x90\x07\x00", ("long", "4 bytes of a question")),
        (0x02, b"\x1f\x90\x07", ("wrong-function", "control code 02 does not ask for the readout")),
        (0x01, b"\x1f\x91\x07", ("wrong-function", "control code 01 does not ask for the readout")),
    ):  # fmt: skip
        frame = framed(Frame(0x10, address, control, body))
        assert raised(lambda frame=frame: read_request(frame)) == fault
        assert is_question(frame) == (fault is None)
    assert read_request(framed(Frame(0x10, address, 0x01, b"\x1f\x90\x07"))) == Question(0x10, address, 7)
    frame = answered(Question(0x10, address, 7), b"ab")
    assert frame == Frame(0x10, address, 0x81, b"\x1f\x90\x07ab") and answer(framed(frame)).octets == b"ab"
    assert framed(Frame(0x10, address, 0x81, b""))[9:] == b"\x81\x00\xf2\x16"
    assert len(request(Question(0x10, address, 7))) == 4 + 16


def test_where_a_frame_begins_and_ends():
    """Behind wake bytes without number and at most eight others; only types of water, heat and gas begin one."""
    good = octets(WATER)
    assert frame_span(good) == (0, 35) and is_whole(good) and not is_whole(good[:-1])
    assert frame_span(b"\xfe" * 40 + good) == (40, 75)
    for glitches in range(1, 11):
        found = frame_span(b"\x00" * glitches + good)
        assert found == ((glitches, glitches + 35) if glitches <= 8 else None)
    assert frame_span(good[:11]) == (0, 35) and frame_span(good[:10]) is None and not is_whole(b"")
    for kind, found in ((0x10, 0), (0x19, 0), (0x20, 0), (0x30, 0), (0x40, None), (0x00, None)):
        span = frame_span(bytes((0x68, kind)) + good[2:])
        assert (span and span[0]) == found
    assert frame_span(b"\x68" + good) == (1, 36)
