"""What one exchange means: every point that the answer holds whole."""

from gateway.core.meter.exchange import decimal_text, meanings, registers_of
from gateway.core.meter.modbus import FrameFault, Request, with_crc
from gateway.core.meter.profile_reading import read_profile


def meter():
    profile, problems = read_profile(
        {
            "id": "acme-one",
            "maker": "Acme",
            "model": "One",
            "kind": "meter",
            "status": "draft",
            "points": [
                {"quantity": "active_power_total", "at": 0, "type": "i16", "factor": "0.01", "unit": "kW"},
                {"quantity": "power_factor_total", "at": 1, "type": "i16", "factor": "0.001", "unit": "1"},
                {"quantity": "energy_active_import", "at": 2, "type": "u32", "unit": "Wh", "counter": True},
                {"name": "wiring", "at": 4, "type": "u16"},
                {"name": "model", "at": 5, "type": "ascii", "count": 2},
                {"quantity": "frequency", "at": 0, "type": "u16", "unit": "Hz", "function": 3},
            ],
            "modbus": {"transport": ["tcp"], "function": 4},
        }
    )
    assert problems == []
    return profile


def found(start, registers, function=4):
    asked = Request(1, function, start, len(registers), None)
    return [tuple(one[:3]) for one in meanings(meter(), asked, registers)]


def test_values_are_in_the_unit_of_the_manual():
    """An exchange is told in the units that the profile states, so that it can be held against the manual."""
    assert found(0, (0xFFFE, 0x7FFF, 0, 1270)) == [
        ("active_power_total", "-0.02", "kW"),
        ("power_factor_total", None, "1"),
        ("energy_active_import", "1270", "Wh"),
    ]


def test_half_a_value_is_no_value():
    """A point of which only a part was read is left out."""
    assert found(3, (1270, 3)) == [("wiring", "3", "")]


def test_texts():
    """A text is given as a text."""
    assert found(5, (0x4142, 0x4300)) == [("model", "ABC", "")]


def test_only_points_of_the_function_asked():
    """The same address means something else under another function."""
    assert found(0, (50,), 3) == [("frequency", "50", "Hz")]


def test_broadcast_has_no_answer():
    """Nobody may answer a question to all; whoever does is not to be believed."""
    asked = Request(0, 4, 0, 1, None)
    for frame, kind in ((b"", "silent"), (with_crc(b"\x00\x04\x02\x00\x01"), "wrong-unit")):
        try:
            registers_of(asked, frame)
            raise AssertionError("believed")
        except FrameFault as fault:
            assert fault.kind == kind


def test_decimal_text():
    """Decimals are plain: no exponent, no zeros that say nothing."""
    for number, text in (
        ((10909282, -3), "10909.282"),
        ((2390, -1), "239"),
        ((1, 3), "1000"),
        ((0, -5), "0"),
        ((-5, -3), "-0.005"),
        ((-574, 0), "-574"),
        ((12, -1), "1.2"),
    ):
        assert decimal_text(number[0], number[1]) == text


def test_answers_over_a_network_carry_the_number_of_their_question():
    """The registers of the captured answer, and a fault where it answers another number."""
    answered = bytes.fromhex("0007000000050103020005")
    assert registers_of(Request(1, 3, 0, 1, 7), answered) == (5,)
    try:
        registers_of(Request(1, 3, 0, 1, 8), answered)
    except FrameFault as fault:
        assert fault.kind == "late"
    else:
        raise AssertionError("believed")
