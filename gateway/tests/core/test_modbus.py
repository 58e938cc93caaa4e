"""Modbus frames: what is asked, what is believed, and what is refused for which reason."""

from gateway.core.meter.modbus import (
    FrameFault,
    answer,
    answer_bytes,
    crc16,
    read_request,
    refusal,
    request,
    tcp_answer,
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
