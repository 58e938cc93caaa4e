"""DL/T 645 frames: what is asked, and which answers are believed; frames of real meters are the oracle."""

from gateway.core.meter.dlt645 import (
    ANYONE,
    EVERYONE,
    READ_ADDRESS,
    answer,
    answer_bytes,
    di_text,
    error_text,
    frame_span,
    framed,
    is_address,
    is_whole,
    joined,
    opened,
    read,
    read_address,
    read_on,
    read_request,
    request,
    year_of,
)
from gateway.core.meter.modbus import FrameFault

METER = "000000000161"
ASKED = "68 61 01 00 00 00 00 68 11 04 33 34 35 35 18 16"
ANSWERED = "68 61 01 00 00 00 00 68 91 07 33 34 35 35 cc 7c 33 16 16"
REFUSED = "fe fe fe fe 68 60 07 92 04 00 91 68 d1 01 37 67 16"
CURRENT_L1 = 0x02020100


def octets(text):
    return bytes.fromhex(text.replace(" ", ""))


def fault_of(heard, question=None):
    try:
        answer(heard, question)
    except FrameFault as fault:
        return (fault.kind, fault.detail)
    return None


def test_a_question_is_the_captured_one():
    """Reading the current of a real meter sends the captured bytes behind four wake bytes."""
    assert request(read(METER, CURRENT_L1)) == b"\xfe\xfe\xfe\xfe" + octets(ASKED)


def test_the_question_for_an_address_is_the_captured_one():
    """Six bytes AA ask the only meter on a line for its number."""
    assert request(read_address()) == octets("fe fe fe fe 68 aa aa aa aa aa aa 68 13 00 df 16")


def test_a_question_of_1997_is_the_captured_one():
    """In 1997 the control code is 01 and the data identifier has two bytes."""
    assert request(read("010003635927", 0xB611, 1997))[4:] == octets("68 27 59 63 03 00 01 68 01 02 44 e9 e7 16")


def test_questions_are_understood():
    """What was asked is found again in its frame, also a frame number."""
    for question in (read(METER, CURRENT_L1), read(METER, 0x9010, 1997), read_address()):
        assert read_request(request(question)) == question
    more = read_on(read(METER, 0x0001FF00), 2)
    assert read_request(request(more)) == more and more.control == 0x12
    assert read_on(read(METER, 0x901F, 1997), 1).control == 0x02


def test_a_command_is_no_question():
    """Frames that set, freeze, clear or switch are refused when read, and cannot be made."""
    for control in (0x03, 0x04, 0x08, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x0A, 0x0C, 0x0F):
        body = octets("68 61 01 00 00 00 00 68") + bytes((control, 0))
        frame = body + bytes((sum(body) & 0xFF, 0x16))
        try:
            read_request(frame)
        except FrameFault as fault:
            assert fault.kind == "wrong-function"
        else:
            raise AssertionError(control)
        try:
            framed(METER, control, b"")
        except AssertionError:
            continue
        raise ValueError(control)


def test_a_captured_answer_is_believed():
    """Address, data identifier and value bytes come out, lowest first, with or without wake bytes."""
    for wake in ("", "fe", "fe fe fe fe", "fe" * 40):
        found = answer(octets(wake + ANSWERED), read(METER, CURRENT_L1))
        assert (found.address, found.di, found.octets, found.more) == (METER, CURRENT_L1, b"\x99\x49\x00", False)


def test_bytes_that_do_not_belong():
    """Noise before and bytes behind an answer are refused."""
    question = read(METER, CURRENT_L1)
    assert fault_of(octets("00" + ANSWERED), question)[0] == "framing"
    assert fault_of(octets(ANSWERED + "00"), question)[0] == "long"


def test_parts_of_an_answer():
    """Every beginning of an answer is silent or short, and is not taken for the whole frame."""
    whole = octets(REFUSED)
    for length in range(len(whole)):
        assert fault_of(whole[:length])[0] in ("silent", "short")
        assert not is_whole(whole[:length])
    assert is_whole(whole)


def test_another_meter():
    """An answer of another address is refused; a wildcard takes any, a partly known address those that fit."""
    assert fault_of(octets(ANSWERED), read("000000000162", CURRENT_L1))[0] == "wrong-unit"
    assert fault_of(octets(ANSWERED), read(ANYONE, CURRENT_L1)) is None
    assert fault_of(octets(ANSWERED), read("AAAAAAAAAA61", CURRENT_L1)) is None
    assert fault_of(octets(ANSWERED), read("AAAAAAAAAA62", CURRENT_L1))[0] == "wrong-unit"
    assert fault_of(octets(ANSWERED), read(EVERYONE, CURRENT_L1))[0] == "wrong-unit"


def test_another_question():
    """An answer to another data identifier, to another function, and the question itself are no answer."""
    assert fault_of(octets(ANSWERED), read(METER, 0x02020200)) == (
        "wrong-function",
        "02020100 answers, 02020200 was asked",
    )
    assert fault_of(octets(ANSWERED), read(METER, 0x9010, 1997))[0] == "wrong-function"
    assert fault_of(octets(ASKED), read(METER, CURRENT_L1))[0] == "wrong-function"
    assert fault_of(octets(ASKED))[0] == "wrong-function"
    assert fault_of(framed(METER, 0x91, octets("00 01 02 02")))[0] == "short"


def test_a_refusal():
    """A captured D1 gives its error byte, bit by bit in words."""
    assert fault_of(octets(REFUSED), read("910004920760", 0x00010000)) == ("exception", "4")
    assert error_text(4) == "password wrong or not authorised"
    assert error_text(3) == "other error, no such data"
    assert error_text(0) == "no reason"
    assert fault_of(framed(METER, 0xD1, b""))[0] == "short"
    assert fault_of(framed(METER, 0xD1, b"\x02\x00"))[0] == "long"
    assert fault_of(framed(METER, 0xC1, b"\x02"), read(METER, 0x9010, 1997)) == ("exception", "2")


def test_the_address_that_a_meter_tells():
    """A captured 93 is believed where the number inside is the one that answers."""
    heard = "68 12 00 00 00 10 20 68 93 06 45 33 33 33 43 53 1f 16"
    found = answer(octets(heard), read_address())
    assert (found.address, found.control) == ("201000000012", READ_ADDRESS)
    assert fault_of(framed(METER, 0x93, octets("62 01 00 00 00 00")))[0] == "wrong-unit"
    assert fault_of(framed(METER, 0x93, octets("61 01 00 00 00")))[0] == "short"


def test_an_address_has_digits():
    """Other half bytes than 0 to 9 are no address, but AA is a wildcard."""
    body = octets("68 6b 01 00 00 00 00 68 91 05 33 34 35 35 33")
    assert fault_of(body + bytes((sum(body) & 0xFF, 0x16)))[0] == "framing"
    assert opened(framed(ANYONE, 0x81, b"\x10\x90\x01")).address == ANYONE
    assert is_address(METER)
    for text in (EVERYONE, ANYONE, "161", "", "00000000016a"):
        assert not is_address(text)


def test_an_answer_in_several_frames():
    """Frames that go on are numbered; joined in order they are the answer, and a missing one is noticed."""
    question = read(METER, 0x0001FF00)
    first = answer(framed(METER, 0xB1, octets("00 ff 01 00 01 02")), question)
    second = answer(framed(METER, 0xB2, octets("00 ff 01 00 03 04 01")), read_on(question, 1))
    third = answer(framed(METER, 0x92, octets("00 ff 01 00 05 02")), read_on(question, 2))
    assert (first.more, second.more, third.more) == (True, True, False)
    assert joined((first, second, third)).octets == b"\x01\x02\x03\x04\x05"
    assert [joined(answers).more for answers in ((first,), (first, second), (first, second, third))] == [1, 1, 0]
    for answers, kind in (
        ((first, third), "short"),
        ((second, third), "short"),
        ((third, first), "short"),
        ((first, second, third, answer(framed(METER, 0x92, octets("00 ff 01 00 05 03")))), "long"),
    ):
        try:
            joined(answers)
        except FrameFault as fault:
            assert fault.kind == kind
        else:
            raise AssertionError(answers)
    assert fault_of(framed(METER, 0x92, octets("00 ff 01 00 05 03")), read_on(question, 2))[0] == "wrong-function"


def test_the_length_of_an_answer():
    """The captured answers are as long as foreseen."""
    assert answer_bytes(read(METER, CURRENT_L1), 3) == len(octets(ANSWERED))
    assert answer_bytes(read_address(), 0) == 18
    assert answer_bytes(read(METER, 0xB611, 1997), 2) == 16
    assert answer_bytes(read_on(read(METER, 0x0001FF00), 1), 4) == 21


def test_what_ends_otherwise_or_asks_for_less_is_no_question():
    """Behind the check sum stands 16; a read has a whole data identifier, and no more."""
    frame = octets(ASKED)
    for damaged, kind in (
        (frame[:-1] + b"\x17", "framing"),
        (framed(METER, 0x11, b"\x00\x01\x02"), "short"),
        (framed(METER, 0x11, b"\x00\x01\x02\x02\x01"), "long"),
        (framed(METER, 0x12, b"\x00\x01\x02\x02"), "short"),
    ):
        try:
            read_request(damaged)
        except FrameFault as fault:
            assert fault.kind == kind
        else:
            raise AssertionError(kind)


def test_what_is_told_of_a_frame():
    """Lengths, check sum and marks, each by what was seen and what was expected."""
    good = octets(ANSWERED)
    for heard, fault in (
        (b"", ("silent", "no byte")), (b"\xfe" * 5, ("silent", "no byte")),
        (good[:9], ("short", "9 of at least 12 bytes")),
        (good[:10], ("short", "10 bytes, 19 expected")), (good[:18], ("short", "18 bytes, 19 expected")),
        (good + b"\0", ("long", "20 bytes, 19 expected")), (b"\x69" + good[1:], ("framing", "68 is missing")),
        (good[:7] + b"\x69" + good[8:], ("framing", "68 is missing")), (good[:7], ("short", "7 of at least 12 bytes")),
        (good[:7] + b"\x00", ("framing", "68 is missing")),
        (good[:-2] + b"\x17\x16", ("crc", "check sum 17 is wrong")),
        (good[:-1] + b"\x17", ("framing", "16 is missing at the end")),
        (good, None),
    ):  # fmt: skip
        assert fault_of(heard) == fault, heard
    assert opened(good).octets == b"\x00\x01\x02\x02\x99\x49\x00"
    assert opened(framed(METER, 0x91, bytes(range(256))[:255])).octets == bytes(range(256))[:255]


def test_what_is_told_of_an_answer():
    """Who answers what, by its numbers."""
    question = read(METER, CURRENT_L1)
    for frame, asked, fault in (
        (framed(METER, 0x91, b""), question, ("short", "0 of at least 5 bytes")),
        (framed(METER, 0x91, bytes(4)), question, ("short", "4 of at least 5 bytes")),
        (framed(METER, 0x92, bytes(5)), None, ("short", "5 of at least 6 bytes")),
        (framed(METER, 0x92, bytes(6)), None, None),
        (framed(METER, 0x81, bytes(2)), None, ("short", "2 of at least 3 bytes")),
        (framed(METER, 0x81, bytes(3)), None, None),
        (framed(METER, 0x81, bytes(3)), question, ("wrong-function", "control code 81 answers, 11 was asked")),
        (framed(METER, 0x11, bytes(5)), question, ("wrong-function", "control code 11 answers, 11 was asked")),
        (framed(METER, 0x11, bytes(5)), None, ("wrong-function", "control code 11 answers no read")),
        (framed(METER, 0xD1, b""), question, ("short", "0 bytes of a refusal")),
        (framed(METER, 0xD1, b"ab"), question, ("long", "2 bytes of a refusal")),
        (framed(METER, 0x93, bytes(5)), None, ("short", "5 of 6 bytes")),
        (framed(METER, 0x93, bytes(7)), None, ("long", "7 of 6 bytes")),
        (framed(METER, 0x93, bytes(6)), None, ("wrong-unit", "000000000161 answers for 000000000000")),
        (framed("000000000162", 0x91, bytes(5)), question,
         ("wrong-unit", "000000000162 answers, 000000000161 was asked")),
        (framed(METER, 0x91, bytes(5)), question, ("wrong-function", "00000000 answers, 02020100 was asked")),
        (framed(METER, 0x81, bytes(3)), read(METER, 0x9010, 1997), ("wrong-function", "0000 answers, 9010 was asked")),
        (framed(METER, 0x91, bytes(5)), read(EVERYONE, 0), ("wrong-unit", "a broadcast has no answer")),
    ):  # fmt: skip
        assert fault_of(frame, asked) == fault, fault
    more = answer(framed(METER, 0xB2, bytes(4) + b"ab\x07"))
    assert (more.octets, more.sequence, more.more, more.control) == (b"ab", 7, True, 0x12)
    assert answer(framed(METER, 0x82, b"\x10\x90ab\x07")).sequence == 7


def test_what_is_told_of_a_question():
    """A question has the identifier and, where it goes on, the frame number; not a byte more or less."""

    def told(control, body):
        try:
            return read_request(framed(METER, control, body))
        except FrameFault as fault:
            return (fault.kind, fault.detail)

    for control, width in ((0x11, 4), (0x12, 5), (0x13, 0), (0x01, 2), (0x02, 3)):
        assert told(control, bytes(width))[:2] == (METER, control)
        assert told(control, bytes(width + 1)) == ("long", "%d bytes of a question" % (width + 1))
        if width:
            assert told(control, bytes(width - 1)) == ("short", "%d bytes of a question" % (width - 1))
    assert told(0x12, b"\x04\x03\x02\x01\x09") == (METER, 0x12, 0x01020304, 9)
    assert told(0x11, b"\x04\x03\x02\x01") == (METER, 0x11, 0x01020304, 0)
    assert told(0x91, bytes(4)) == ("wrong-function", "control code 91 does not read")


def test_questions_at_both_ends():
    """Identifiers of four bytes, of two in 1997; frame numbers 1 to 255."""
    for di, year in ((0, 2007), (0xFFFFFFFF, 2007), (0, 1997), (0xFFFF, 1997)):
        assert read_request(request(read(METER, di, year))).di == di
    for di, year in ((-1, 2007), (1 << 32, 2007), (1 << 16, 1997), (-1, 1997)):
        assert not_made(lambda di=di, year=year: read(METER, di, year))
    for sequence in (1, 255):
        assert read_request(request(read_on(read(METER, 7), sequence))).sequence == sequence
    assert not_made(lambda: read_on(read(METER, 7), 0)) and not_made(lambda: read_on(read(METER, 7), 256))
    assert not_made(lambda: framed("00000000161", 0x11, b"")) and not_made(lambda: framed("00000000016B", 0x11, b""))
    assert (year_of(0x11), year_of(0x92), year_of(0x01), year_of(0x82), year_of(0xC1), year_of(0x13)) == (
        2007, 2007, 1997, 1997, 1997, 2007,
    )  # fmt: skip
    assert answer_bytes(read(METER, 0), 0) == 16 and answer_bytes(read_on(read(METER, 0x901F, 1997), 1), 4) == 19
    assert (di_text(0xABC, 0x11), di_text(0xABC, 0x02)) == ("00000ABC", "0ABC")


def not_made(call):
    try:
        call()
    except AssertionError:
        return True
    return False


def test_where_a_frame_begins_and_ends():
    """Behind any number of wake bytes and at most eight others; the second 68 stands seven bytes behind the first."""
    good = octets(ANSWERED)
    assert frame_span(good) == (0, 19) and frame_span(b"\xfe" * 40 + good) == (40, 59)
    for glitches in range(1, 11):
        assert frame_span(b"\x00" * glitches + good) == ((glitches, glitches + 19) if glitches <= 8 else None)
    assert frame_span(good[:10]) == (0, 19) and frame_span(good[:9]) is None and frame_span(b"") is None
    assert frame_span(b"\x68" + good) == (1, 20) and frame_span(good[:7] + b"\x00" + good[8:]) is None
    assert is_whole(good + b"\0") and is_whole(good) and not is_whole(good[:-1])


def test_every_error_bit_has_its_words():
    """DL/T 645-2007, annex B: seven bits, the lowest first; the eighth means nothing."""
    words = [error_text(1 << bit) for bit in range(8)]
    assert words == [
        "other error", "no such data", "password wrong or not authorised", "baud rate cannot be changed",
        "too many year zones", "too many day periods", "too many tariffs", "no reason",
    ]  # fmt: skip
    assert error_text(0x7F) == ", ".join(words[:7])
