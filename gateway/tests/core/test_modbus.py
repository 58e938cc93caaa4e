"""Modbus frames: what is asked, what is believed, and what is refused for which reason."""

from gateway.core.meter.modbus import (
    EXCEPTION_NAMES,
    FrameFault,
    answer,
    answer_bytes,
    crc16,
    crc_holds,
    read_request,
    refusal,
    request,
    tcp_answer,
    tcp_answer_bytes,
    tcp_length,
    tcp_request,
    with_crc,
)

QUESTION = bytes.fromhex("010400480002f1dd")  # captured on an SDM230
ANSWER = bytes.fromhex("010404462a7521298c")


def fault_of(call):
    try:
        call()
    except FrameFault as fault:
        return fault.kind
    return None


def judged(frame, unit=1, function=4, count=2):
    return fault_of(lambda: answer(frame, unit, function, count))


def test_check_sum():
    """The check value of CRC-16/MODBUS over "123456789" is 4B37 (catalogue of parametrised CRC algorithms)."""
    assert crc16(b"123456789") == 0x4B37


def test_request_is_the_captured_one():
    """A request is byte for byte the one that was seen on a real line."""
    assert request(1, 4, 0x48, 2) == QUESTION


def test_answer_gives_its_registers():
    """A good answer gives its registers, high byte first."""
    assert answer(ANSWER, 1, 4, 2) == (0x462A, 0x7521)
    assert len(ANSWER) == answer_bytes(2)


def test_nothing_is_silence():
    """No byte at all is silence, not damage."""
    assert judged(b"") == "silent"


def test_every_cut_answer_is_short():
    """An answer cut at any byte is refused as short."""
    for length in range(1, len(ANSWER)):
        assert judged(ANSWER[:length]) == "short"


def test_every_flipped_bit_is_found():
    """No answer with one flipped bit is believed, and where the length holds it is the check sum that fails."""
    for index in range(len(ANSWER)):
        for bit in range(8):
            damaged = bytearray(ANSWER)
            damaged[index] ^= 1 << bit
            assert judged(bytes(damaged)) == "crc"


def test_trailing_bytes_are_refused():
    """A byte too many makes the whole answer unbelievable."""
    assert judged(ANSWER + b"\x00") == "long"


def test_other_unit_function_and_length():
    """A sound frame that answers another question is refused by what differs."""
    assert judged(ANSWER, unit=2) == "wrong-unit"
    assert judged(ANSWER, function=3) == "wrong-function"
    assert judged(ANSWER, count=3) == "short"
    assert judged(ANSWER, count=1) == "long"


def test_false_byte_count_with_right_length():
    """A frame whose byte count contradicts its length is refused even with a right check sum."""
    assert judged(with_crc(bytes.fromhex("010403462a7521"))) == "short"
    assert judged(with_crc(bytes.fromhex("010406462a7521"))) == "long"


def test_exception_gives_its_code():
    """A refusal of the meter is told apart from damage, and its code is kept."""
    try:
        answer(bytes.fromhex("018302c0f1"), 1, 3, 1)
        raise AssertionError("believed")
    except FrameFault as fault:
        assert (fault.kind, fault.detail) == ("exception", "2")
    assert judged(bytes.fromhex("018302c0f2"), function=3, count=2) == "crc"


def test_short_frames_never_crash():
    """Frames of every length up to ten end in a fault, whatever they hold."""
    for length in range(11):
        for filler in (0x00, 0x01, 0x84, 0xFF):
            frame = bytes([filler] * length)
            assert judged(frame) is not None
            assert judged(with_crc(frame)) is not None
            assert fault_of(lambda: tcp_answer(frame, 7, 1, 3, 1)) is not None  # noqa: B023
            assert fault_of(lambda: read_request(frame)) is not None  # noqa: B023
            assert fault_of(lambda: read_request(with_crc(frame))) is not None  # noqa: B023


def test_tcp_exchange():
    """The captured question and answer over TCP are built and read."""
    asked = tcp_request(7, 1, 3, 0x9105, 1)
    assert asked == bytes.fromhex("000700000006010391050001")
    answered = bytes.fromhex("0007000000050103020000")
    assert tcp_length(answered[:6]) == len(answered)
    assert tcp_answer(answered, 7, 1, 3, 1) == (0,)


def test_tcp_faults():
    """Over TCP an old transaction, a foreign protocol and a wrong length are refused."""
    answered = bytes.fromhex("0007000000050103020000")
    assert fault_of(lambda: tcp_answer(answered, 8, 1, 3, 1)) == "late"
    assert fault_of(lambda: tcp_answer(b"\x00\x07\x00\x01" + answered[4:], 7, 1, 3, 1)) == "framing"
    assert fault_of(lambda: tcp_answer(answered[:-1], 7, 1, 3, 1)) == "short"
    assert fault_of(lambda: tcp_answer(answered + b"\x00", 7, 1, 3, 1)) == "long"
    assert fault_of(lambda: tcp_answer(b"", 7, 1, 3, 1)) == "silent"
    assert fault_of(lambda: tcp_answer(bytes.fromhex("000700000003018302"), 7, 1, 3, 1)) == "exception"


def test_requests_are_read_back():
    """A request on either kind of line is understood, and the two are told apart."""
    assert read_request(QUESTION) == (1, 4, 0x48, 2, None)
    assert read_request(tcp_request(513, 0, 3, 40000, 125)) == (0, 3, 40000, 125, 513)


def test_no_read_request():
    """Writes, damaged requests and impossible counts are refused."""
    assert fault_of(lambda: read_request(bytes.fromhex("01069c401234ab39"))) == "wrong-function"
    assert fault_of(lambda: read_request(QUESTION[:-1] + b"\x00")) == "crc"
    assert fault_of(lambda: read_request(QUESTION[:-2])) == "short"
    assert fault_of(lambda: read_request(with_crc(bytes.fromhex("010300000000")))) == "long"
    assert fault_of(lambda: read_request(with_crc(bytes.fromhex("0103ffff0002")))) == "long"


def test_a_read_request_has_six_bytes():
    """One that reads, with a right check sum, and one byte too few or too many is none."""
    assert fault_of(lambda: read_request(with_crc(bytes.fromhex("0103000000")))) == "short"
    assert fault_of(lambda: read_request(with_crc(bytes.fromhex("01030000000100")))) == "long"


def test_refusals_of_any_function_are_known():
    """The exception code, from the unit and of the function that was asked, on either kind of line; else none."""
    written = with_crc(bytes.fromhex("0106000100ff"))
    assert refusal(written, with_crc(bytes.fromhex("018604"))) == 4
    for other in ("028604", "018504", "01060001", "0106"):
        assert refusal(written, with_crc(bytes.fromhex(other))) is None
    assert refusal(written, bytes.fromhex("0186040000")) is None  # the check sum is wrong
    assert refusal(b"", b"") is None
    asked = tcp_request(7, 1, 3, 0, 1)
    assert refusal(asked, bytes.fromhex("000700000003018302")) == 2
    for other in ("000800000003018302", "0007000000030183", "000700000003028302", "0007000000050103020000"):
        assert refusal(asked, bytes.fromhex(other)) is None


def told(call):
    """Return kind and detail of the fault that *call* raises."""
    try:
        call()
    except FrameFault as fault:
        return (fault.kind, fault.detail)
    return None


def test_what_is_told_of_a_bad_answer():
    """Each fault names what was seen and what was expected, in the numbers of the line."""
    for frame, count, fault in (
        (b"", 2, ("silent", "no byte")),
        (ANSWER[:8], 2, ("short", "8 of 9 bytes")),
        (ANSWER + b"\x01", 2, ("long", "10 bytes, 9 expected")),
        (ANSWER[:-1] + b"\x8d", 2, ("crc", "check sum 29 8d is wrong")),
        (ANSWER, 3, ("short", "4 of 6 bytes of registers")),
        (ANSWER, 1, ("long", "4 bytes of registers, 2 expected")),
        (with_crc(b"\x01\x04\x05\x46\x2a\x75\x21"), 2, ("long", "5 bytes of registers, 4 expected")),
        (with_crc(b"\x01\x04\x03\x46\x2a\x75\x21"), 2, ("short", "3 of 4 bytes of registers")),
        (with_crc(b"\x02\x04\x04\x46\x2a\x75\x21"), 2, ("wrong-unit", "unit 2 answers, unit 1 was asked")),
        (with_crc(b"\x01\x03\x04\x46\x2a\x75\x21"), 2, ("wrong-function", "function 03 answers, 04 was asked")),
        (with_crc(b"\x01"), 2, ("wrong-function", "function none answers, 04 was asked")),
        (with_crc(b"\x01\x04"), 2, ("short", "0 of 4 bytes of registers")),
        (with_crc(b"\x01\x84\x0b"), 2, ("exception", "11")),
        (with_crc(b"\x01\x83\x02"), 2, ("wrong-function", "function 83 answers, 04 was asked")),
        (with_crc(b"\x01\x84\x02\x00"), 2, ("wrong-function", "function 84 answers, 04 was asked")),
    ):
        assert told(lambda frame=frame, count=count: answer(frame, 1, 4, count)) == fault, frame


def test_damage_is_told_by_its_length():
    """A spoilt frame as long as it says of itself, or as a refusal, has a wrong check sum; others the wrong length."""
    spoilt = bytes(2)
    for frame, count, kind in (
        (b"\x01\x84\x02" + spoilt, 2, "crc"), (b"\x01\x04\x02" + spoilt, 2, "short"),
        (b"\x01\x04\x01\x00" + spoilt, 2, "crc"), (b"\x01\x04\x02\x00" + spoilt, 2, "short"),
        (b"\x01\x04\x06" + bytes(6) + spoilt, 2, "crc"), (b"\x01\x04\x05" + bytes(6) + spoilt, 2, "long"),
        (b"\x01\x04\x04" + bytes(4) + spoilt, 2, "crc"), (b"\x01\x04\x09" + bytes(4) + spoilt, 2, "crc"),
        (b"\x01\x84" + spoilt, 2, "short"), (b"\x01\x84\x02\x00" + spoilt, 2, "short"),
    ):  # fmt: skip
        assert judged(frame, count=count) == kind, frame


def test_counts_and_addresses_at_both_ends():
    """1 to 125 registers up to address 65535, of units 0 to 255: asked, and read back as asked."""
    for unit, function, start, count in ((0, 3, 0, 1), (255, 4, 65535, 1), (247, 3, 65411, 125), (1, 4, 0x1234, 0x7B)):
        assert read_request(request(unit, function, start, count)) == (unit, function, start, count, None)
        raw = tcp_request(0xABCD, unit, function, start, count)
        assert raw == b"\xab\xcd\x00\x00\x00\x06" + request(unit, function, start, count)[:-2]
        assert read_request(raw) == (unit, function, start, count, 0xABCD)
    assert (answer_bytes(1), answer_bytes(125), tcp_answer_bytes(1), tcp_answer_bytes(125)) == (7, 255, 11, 259)
    for unit, function, start, count in (
        (-1, 3, 0, 1), (256, 3, 0, 1), (1, 2, 0, 1), (1, 5, 0, 1), (1, 3, 0, 0), (1, 3, 0, 126), (1, 3, -1, 1),
        (1, 3, 65536, 1), (1, 3, 65412, 125),
    ):  # fmt: skip
        try:
            request(unit, function, start, count)
        except AssertionError:
            continue
        raise RuntimeError("asked")


def test_what_is_told_of_a_question():
    """Everything that is no read request, with what is wrong of it."""
    for body, fault in (
        (b"\x01", ("short", "1 bytes between unit and check sum")),
        (b"\x01\x03", ("short", "2 bytes between unit and check sum")),
        (b"\x01\x03\x00\x00\x00", ("short", "5 bytes between unit and check sum")),
        (b"\x01\x03\x00\x00\x00\x01\x00", ("long", "7 bytes between unit and check sum")),
        (b"\x01\x10\x00\x00\x00\x01", ("wrong-function", "function 10 does not read registers")),
        (b"\x01\x05", ("wrong-function", "function 05 does not read registers")),
        (b"\x01\x03\x00\x05\x00\x00", ("long", "0 registers from 5 cannot be read at once")),
        (b"\x01\x03\x00\x05\x00\x7e", ("long", "126 registers from 5 cannot be read at once")),
        (b"\x01\x03\xff\xff\x00\x02", ("long", "2 registers from 65535 cannot be read at once")),
        (b"\x01\x03\xff\xff\x00\x01", None), (b"\x01\x04\x00\x00\x00\x7d", None), (b"\x01\x04\x01\x00\x00\x01", None),
    ):  # fmt: skip
        assert told(lambda body=body: read_request(with_crc(body))) == fault
    assert told(lambda: read_request(b"")) == ("silent", "no byte")
    assert told(lambda: read_request(QUESTION[:7])) == ("short", "7 of 8 bytes")
    assert told(lambda: read_request(QUESTION[:7] + b"\x00"))[0] == "crc"
    assert told(lambda: read_request(b"\x00\x01\x00\x00\x00\x05\x01\x03\x00\x00\x01")) is not None


def test_tcp_headers_at_both_ends():
    """A header states 2 to 254 bytes of protocol 0; six bytes of it are enough to know the length."""
    for head, length in (
        ("000700000001", None), ("000700000002", 8), ("0007000000fe", 260), ("0007000000ff", None),
        ("000700010002", None), ("000701000002", None), ("000700000102", None), ("0007000000", None), ("", None),
        ("000700000006ffff", 12),
    ):  # fmt: skip
        assert tcp_length(bytes.fromhex(head)) == length, head


def test_what_is_told_of_a_tcp_answer():
    """Length, protocol, transaction and unit, each by its numbers."""
    good = bytes.fromhex("0007000000050103020000")
    for frame, fault in (
        (good[:6], ("short", "6 of 11 bytes")), (good[:7], ("short", "7 bytes, the header says 11")),
        (good + b"\x00", ("long", "12 bytes, the header says 11")),
        (b"\x01\x07" + good[2:], ("late", "transaction 263 answers, 7 was asked")),
        (b"\x00\x07\x01\x02\x00\x05" + good[6:], ("framing", "protocol 258, length 5")),
        (b"\x00\x07\x00\x00\x01\x05" + good[6:], ("framing", "protocol 0, length 261")),
        (good[:6] + b"\x02" + good[7:], ("wrong-unit", "unit 2 answers, unit 1 was asked")),
        (good, None), (b"", ("silent", "no byte")),
        (bytes.fromhex("00070000000201" + "83"), ("wrong-function", "function 83 answers, 03 was asked")),
    ):  # fmt: skip
        assert told(lambda frame=frame: tcp_answer(frame, 7, 1, 3, 1)) == fault, frame


def test_refusals_of_any_function():
    """The exception code of an answer with the unit and function of the question, on either kind of line."""
    asked = with_crc(b"\x01\x10\x00\x00\x00\x01\x02\x00\x05")
    for body, code in (
        (b"\x01\x90\x03", 3), (b"\x02\x90\x03", None), (b"\x01\x83\x03", None), (b"\x01\x90", None),
        (b"\x01\x90\x03\x00", None), (b"\x01\x10\x03", None),
    ):  # fmt: skip
        assert refusal(asked, with_crc(body)) == code
        assert refusal(asked, with_crc(body)[:-1] + b"\x00") is None
    tcp = tcp_request(7, 1, 3, 0, 1)
    for frame, code in (
        ("000700000003018302", 2), ("000800000003018302", None), ("000700000003028302", None),
        ("000700000004018302", None), ("000700000005010302" + "0000", None), ("010700000003018302", None),
    ):  # fmt: skip
        assert refusal(tcp, bytes.fromhex(frame)) == code, frame
    assert refusal(asked[:-1] + b"\x00", with_crc(b"\x01\x90\x03")) is None and refusal(b"", b"") is None


def test_names_of_exceptions_are_those_of_the_specification():
    """Modbus Application Protocol 1.1b3, section 7: codes 1 to 6, 8, 10 and 11."""
    assert sorted(EXCEPTION_NAMES) == [1, 2, 3, 4, 5, 6, 8, 10, 11]
    assert EXCEPTION_NAMES[2] == "illegal data address" and EXCEPTION_NAMES[6] == "busy"


def test_check_sums_of_every_octet():
    """The CRC of each single octet by the polynomial A001, bit by bit."""
    for octet in range(256):
        crc = 0xFFFF ^ octet
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        assert crc16(bytes((octet,))) == crc and with_crc(bytes((octet,))) == bytes((octet, crc & 0xFF, crc >> 8))
        assert crc_holds(with_crc(bytes((octet,)))) and not crc_holds(bytes((crc & 0xFF, crc >> 8)))
    assert not crc_holds(b"\xff\xff") and not crc_holds(b"")
