"""What exchanges with DL/T 645 meters mean, on frames of real meters and on the edges of the format."""

from gateway.core.meter.dlt645 import answer, framed
from gateway.core.meter.dlt645_exchange import exchanged
from gateway.core.meter.dlt645_values import registers
from gateway.core.meter.modbus import FrameFault

METER = "000000000161"


def octets(text):
    return bytes.fromhex(text.replace(" ", ""))


def told(response, request="", year=None):
    found = exchanged(octets(request), response if isinstance(response, bytes) else octets(response), year)
    return ([(one.name, one.value, one.unit) for one in found.meanings], found.fault)


def test_a_block_of_a_single_phase_meter():
    """A captured block of voltages: FFFF of the phases that are not there is "not available"."""
    heard = "68 12 00 00 00 10 20 68 91 0a 33 32 34 35 89 55 32 32 32 32 21 16"
    assert told(heard) == (
        [("voltage_l1_n", "225.6", "V"), ("voltage_l2_n", None, "V"), ("voltage_l3_n", None, "V")],
        None,
    )


def test_signs():
    """The highest bit of a power or current is its direction, of an energy it is a digit."""
    assert told(framed(METER, 0x91, octets("00 00 03 02 12 25 80")))[0] == [("active_power_total", "-0.2512", "kW")]
    assert told(framed(METER, 0x91, octets("00 01 02 02 99 49 80")))[0] == [("current_l1", "-4.999", "A")]
    assert told(framed(METER, 0x91, octets("00 00 06 02 00 10")))[0] == [("power_factor_total", "1", "1")]
    assert told(framed(METER, 0x91, octets("00 00 00 00 05 00 00 80")))[0] == [
        ("energy_active_combined", "-0.05", "kWh")
    ]
    assert told(framed(METER, 0x91, octets("00 00 01 00 05 00 00 80")))[0] == [
        ("energy_active_import", "800000.05", "kWh")
    ]


def test_a_number_without_digits_is_refused():
    """A frame whose check sum holds but whose value is no BCD gives a fault and no value."""
    heard = "68 18 06 36 04 00 91 68 91 08 33 33 34 33 33 33 41 33 f9 16"
    assert told(heard) == ([("energy_active_import", None, "kWh")], ("digits", "energy_active_import 000E0000"))


def test_a_refusal_is_a_fault_and_tells_its_error():
    """A captured refusal gives the error byte, and no value."""
    assert told("fe fe fe fe 68 60 07 92 04 00 91 68 d1 01 37 67 16") == (
        [("dlt645_error", "4", "")],
        ("exception", "4"),
    )


def test_lengths():
    """A block may end after any whole value; a single value has its length; 1997 allows a byte of status."""
    assert len(told(framed(METER, 0x91, octets("00 ff 01 02 00 22 00 22")))[0]) == 2
    assert told(framed(METER, 0x91, octets("00 ff 01 02 00 22 00")))[1][0] == "short"
    assert told(framed(METER, 0x91, octets("00 01 01 02 00 22 00")))[1][0] == "long"
    assert told(framed(METER, 0x91, octets("00 01 01 02 00")))[1][0] == "short"
    assert told(framed(METER, 0x81, octets("10 90 54 04 00 00 01")))[0] == [("energy_active_import", "4.54", "kWh")]
    assert told(framed(METER, 0x81, octets("10 90 54 04 00 00 01 01")))[1][0] == "long"


def test_an_answer_that_goes_on():
    """The first of several frames gives the values that it holds whole; what follows is not told by itself."""
    first = framed(METER, 0xB1, octets("00 ff 01 00 01 00 00 00 02 00"))
    assert told(first) == ([("energy_active_import", "0.01", "kWh")], None)
    assert told(framed(METER, 0x92, octets("00 ff 01 00 00 00 01"))) == ([], None)


def test_what_is_no_amount():
    """Dates, numbers, words of status and texts are told as they are printed, highest byte first."""
    assert told(framed(METER, 0x91, octets("01 01 00 04 06 21 11 26")))[0] == [("date_yymmddww", "26112106", "")]
    assert told(framed(METER, 0x91, octets("01 00 04 05 00 10 21 11 26")))[0] == [
        ("freeze_time_yymmddhhmm", "2611211000", "")
    ]
    assert told(framed(METER, 0x91, octets("01 05 00 04 0a f0")))[0] == [("status_word_1", "F00A", "")]
    assert told(framed(METER, 0x91, octets("0b 04 00 04 00 00 00 00 00 00 33 32 31 41")))[0] == [
        ("meter_model", "A123", "")
    ]
    assert told(framed(METER, 0x91, octets("02 01 00 04 ff ff ff")))[0] == [("time_hhmmss", None, "")]
    assert told(framed(METER, 0x91, octets("02 01 00 04 ff fa ff")))[1][0] == "digits"


def test_what_is_in_no_table():
    """An identifier of a maker's own is shown by its number, as bytes."""
    assert told(framed(METER, 0x91, octets("77 ff ff 04 01 02")))[0] == [("di_04FFFF77", "0201", "")]
    assert told(framed(METER, 0x81, octets("34 12 01 02")))[0] == [("di_1234", "0201", "")]


def test_the_year():
    """Where the issue of the standard is stated, an answer of the other one is refused."""
    assert told(framed(METER, 0x81, octets("10 90 54 04 00 00")), "", 2007)[1][0] == "wrong-function"
    assert told(framed(METER, 0x91, octets("00 00 01 00 54 04 00 00")), "", 1997)[1][0] == "wrong-function"


def test_an_exchange_with_its_question():
    """With the question, the answer must be the one to it."""
    asked = "68 61 01 00 00 00 00 68 11 04 33 34 35 35 18 16"
    heard = "68 61 01 00 00 00 00 68 91 07 33 34 35 35 cc 7c 33 16 16"
    assert told(heard, asked) == ([("current_l1", "4.999", "A")], None)
    assert told(heard, "68 61 01 00 00 00 00 68 11 04 33 33 36 35 18 16")[1][0] == "wrong-function"


def test_the_number_that_a_meter_tells():
    """The answer to the question for its address is its address, and nothing else."""
    heard = "68 12 00 00 00 10 20 68 93 06 45 33 33 33 43 53 1f 16"
    assert told(heard) == ([("meter_address", "201000000012", "")], None)


def test_registers_end_where_the_answer_and_its_items_do():
    """What a block leaves out is not available, more than all there can be is not there; what goes on is not taken."""
    block = answer(framed(METER, 0x91, octets("00 ff 01 02 00 22 01 22")))
    assert registers(block, 3) == (0x2200, 0x2201, 0xFFFF)
    assert registers(block, 9) == (0x2200, 0x2201, 0xFFFF)
    assert registers(block, 1) == (0x2200,)
    try:
        registers(answer(framed(METER, 0xB1, octets("00 ff 01 02 00 22"))), 3)
    except FrameFault as fault:
        assert fault.kind == "short"
    else:
        raise AssertionError("half an answer was taken")
