"""Judging answers: when one can be complete at the earliest, what lasts of a refusal, and how much noise is borne."""

from gateway.core.meter import dlt645, modbus
from gateway.core.meter.judging import (
    MOST_FRAMES,
    MOST_NOISE_BYTES,
    DiQuestion,
    Question,
    ReadoutQuestion,
    believed,
    believed_address,
    character_bits,
    characters_ms,
    earliest_ms,
    prepared,
    question_of,
    refusal_lasts,
    refusal_of_absent,
)
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.plan import Block
from gateway.core.site import Bus, Meter

LINE = Bus("a", "/dev/ttyUSB0", 9600, 8, "N", 1, 10)
ASKED = Question(1, 4, 0, 2, None)
GOOD = modbus.with_crc(b"\x01\x04\x04\x46\x2a\x75\x21")


def bus(port="/dev/ttyUSB0", baud=9600, bits=8, parity="N", stop=1):
    return Bus("a", port, baud, bits, parity, stop, 10)


def told(call):
    try:
        call()
    except FrameFault as fault:
        return (fault.kind, fault.detail)
    return None


def test_how_long_characters_take():
    """8N1 has ten bits, 8E1 and 8N2 eleven; a time is rounded up, the earliest is 95 % of it, rounded down."""
    for bits, parity, stop, count in (
        (8, "N", 1, 10), (8, "E", 1, 11), (8, "O", 1, 11), (8, "N", 2, 11), (7, "N", 1, 9),
                                      (8, "E", 2, 12)):  # fmt: skip
        assert character_bits(bus(bits=bits, parity=parity, stop=stop)) == count
    assert (characters_ms(LINE, 96), characters_ms(LINE, 97), characters_ms(LINE, 0)) == (100, 102, 0)
    assert (earliest_ms(LINE, 96), earliest_ms(LINE, 97), earliest_ms(LINE, 9)) == (95, 95, 8)
    assert characters_ms(bus(baud=1200), 12) == 100 and earliest_ms(bus(baud=1200), 12) == 95
    for port, line in (("tcp://10.0.0.7:502", False), ("unnumbered+tcp://10.0.0.7:502", False),
                       ("rtu+tcp://10.0.0.7:502", True)):  # fmt: skip
        assert (characters_ms(bus(port), 96), earliest_ms(bus(port), 96)) == ((100, 95) if line else (0, 0))
    ready = prepared(ASKED, LINE)
    assert ready == (ASKED, modbus.request(1, 4, 0, 2), 9, 10, 8)


def test_an_answer_before_its_time_is_late():
    """Nine characters at 9600 baud cannot be there before 8 ms: then it is that of an earlier question."""
    assert believed(GOOD, 8, ASKED, LINE) == (0x462A, 0x7521)
    assert told(lambda: believed(GOOD, 7, ASKED, LINE)) == ("late", "9 bytes after 7 ms, possible after 8 ms")
    longer = Question(1, 4, 0, 100, None)
    assert told(lambda: believed(GOOD, 8, longer, LINE))[0] == "short"
    assert told(lambda: believed(GOOD + bytes(200), 8, ASKED, LINE))[0] != "late"


def test_four_bytes_of_noise_and_no_fifth():
    """Before, behind or on both sides; the answer inside must have unit, function and length of the question."""
    for before in range(6):
        for behind in range(6):
            heard = b"\x00" * before + GOOD + b"\xff" * behind
            fine = before + behind <= 4
            assert (told(lambda heard=heard: believed(heard, 100, ASKED, LINE)) is None) == fine, (before, behind)
    for other in (Question(2, 4, 0, 2, None), Question(1, 3, 0, 2, None)):
        assert told(lambda other=other: believed(b"\x00" + GOOD, 100, other, LINE)) is not None
    spoilt = GOOD[:-1] + b"\x00"
    assert told(lambda: believed(b"\x00" + spoilt, 100, ASKED, LINE)) is not None
    assert MOST_NOISE_BYTES == 4 and MOST_FRAMES == 32


def test_answers_over_tcp_by_number_and_without():
    """A gateway that numbers its answers itself is believed by unit, function and length; others by the number."""
    question = Question(1, 4, 0, 2, 7)
    answer = b"\x00\x07\x00\x00\x00\x07\x01\x04\x04\x46\x2a\x75\x21"
    other = b"\x01\x09" + answer[2:]
    numbered, unnumbered = bus("tcp://10.0.0.7:502"), bus("unnumbered+tcp://10.0.0.7:502")
    assert believed(answer, 0, question, numbered) == believed(answer, 0, question, unnumbered) == (0x462A, 0x7521)
    assert told(lambda: believed(other, 0, question, numbered))[0] == "late"
    assert believed(other, 0, question, unnumbered) == (0x462A, 0x7521)
    for length in (0, 1, 2, 3):
        fault = told(lambda length=length: believed(other[:length], 0, question, unnumbered))
        assert fault[0] == ("short" if length else "silent")
    assert question.answer_bytes() == 13 and question.frame() == modbus.tcp_request(7, 1, 4, 0, 2)


def test_which_refusals_last():
    """By Modbus 1 to 3; by DL/T 645 no such data and not authorised; of a readout none. 10 and 11: it is absent."""
    found = DiQuestion(dlt645.read("000000000161", 0), 2, ())
    readout = ReadoutQuestion(None, 2, ())
    for code in range(1, 13):
        assert refusal_lasts(ASKED, "%d" % code) == (code in (1, 2, 3))
        assert refusal_of_absent(ASKED, "%d" % code) == (code in (10, 11))
        assert not refusal_of_absent(found, "%d" % code) and not refusal_lasts(readout, "%d" % code)
    for error in range(128):
        lasts = refusal_lasts(found, "%d" % error)
        assert lasts is (error // 2 % 2 == 1 or error // 4 % 2 == 1)


def test_who_is_asked_and_how():
    """By the function of the block: unit id, number on the plate, and the number of the question in one byte."""
    meter = Meter("m", "a", 5, "p", "000000000161", (1, 1), (1, 1), 1000)
    assert question_of(meter, Block(4, 16, 3, ())) == Question(5, 4, 16, 3, None)
    assert question_of(meter, Block(3, 16, 3, ()), 9, 700) == Question(5, 3, 16, 3, 700)
    found = question_of(meter, Block(0x11, 0x00010000 << 8, 2, ()))
    assert found == DiQuestion(dlt645.Question("000000000161", 0x11, 0x00010000, 0), 2, ())
    assert found.answer_bytes() == 12 + 4 + 4
    block = question_of(meter, Block(0x11, 0x0001FF00 << 8, 128, ()))
    assert block.answer_bytes() == 12 + 4 + 196  # all there is in one frame
    assert question_of(meter, Block(0x11, 0x0001FF00 << 8, 5, ())).answer_bytes() == 12 + 4 + 12
    far = Meter("m", "a", 0, "p", "00201510270588", (1, 1), (1, 1), 1000)
    for number in (0, 255, 256, 511):
        readout = question_of(far, Block(0x901F, 0x10 << 8, 2, ()), number)
        assert readout.asked == (0x10, "00201510270588", number % 256) and readout.count == 2
        assert readout.answer_bytes() == 35 and len(readout.frame()) == 20


def test_the_number_of_the_only_meter():
    """Digits are a number; the wildcard and the address of everyone are of no single meter."""
    for number, fine in (("201000000012", True), ("999999999999", False), ("AAAAAAAAAAAA", False)):
        heard = dlt645.framed(number, 0x93, bytes(reversed(bytes.fromhex(number))))
        fault = told(lambda heard=heard: believed_address(heard, 100, dlt645.read_address(), LINE))
        assert fault == (None if fine else ("wrong-unit", "%s is the number of no single meter" % number))
    heard = dlt645.framed("201000000012", 0x93, bytes(reversed(bytes.fromhex("201000000012"))))
    assert believed_address(heard, 18, dlt645.read_address(), LINE) == "201000000012"
    assert told(lambda: believed_address(heard, 16, dlt645.read_address(), LINE))[0] == "late"
