"""CJ/T 188: published exchanges with water, heat and gas meters, and what must not be believed."""

from gateway.core.meter.cjt188 import (
    ANYONE,
    MOST_GLITCHES,
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
from gateway.core.meter.cjt188_values import figures_of, readout_of, register_count, registers
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
