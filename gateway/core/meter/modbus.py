"""Modbus: read requests and their answers, as frames of a serial line (RTU) or of TCP.

Only functions 03 and 04 exist here, so nothing built on this can write to a meter.
An answer is believed when unit, function, length and check sum are exactly those of the question; everything
else raises FrameFault with a kind of gateway.core.reading.
"""

from collections import namedtuple

from gateway.core.reading import CRC, EXCEPTION, FRAMING, LATE, LONG, SHORT, SILENT, WRONG_FUNCTION, WRONG_UNIT

READ_HOLDING = 3
READ_INPUT = 4
FUNCTIONS = (READ_HOLDING, READ_INPUT)
MAX_REGISTERS = 125  # of one read; Modbus Application Protocol 1.1b3, section 6.3
REQUEST_BYTES = 8
EXCEPTION_BYTES = 5  # an RTU answer that refuses
TCP_REQUEST_BYTES = 12
TCP_EXCEPTION_BYTES = 9
_HEADER_BYTES = 7  # MBAP: transaction, protocol 0, length of what follows, unit

EXCEPTION_NAMES = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target did not respond",
}


class FrameFault(Exception):  # noqa: N818 - a fault of the line is an everyday outcome, named as in the field
    """An answer that is not believed: a kind of gateway.core.reading, and what was seen."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__("%s: %s" % (kind, detail))
        self.kind = kind
        self.detail = detail


class Request(namedtuple("Request", ("unit", "function", "start", "count", "transaction"))):
    """A read request as found on a line; transaction is None for RTU."""

    __slots__ = ()
    unit: int
    function: int
    start: int
    count: int
    transaction: "int | None"


def _crc_table() -> "tuple[int, ...]":
    table = []
    for octet in range(256):
        crc = octet
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16(octets: bytes) -> int:
    """Return the CRC-16/MODBUS of *octets*; it is sent low byte first."""
    crc, table = 0xFFFF, _CRC_TABLE  # a local name: this loop runs for every octet on the line
    for octet in octets:
        crc = (crc >> 8) ^ table[(crc ^ octet) & 0xFF]
    return crc


def with_crc(octets: bytes) -> bytes:
    """Return *octets* with their check sum behind them."""
    crc = crc16(octets)
    return octets + bytes((crc & 0xFF, crc >> 8))


def crc_holds(frame: bytes) -> bool:
    """Tell whether the last two bytes of *frame* are the check sum of those before."""
    return len(frame) > 2 and crc16(frame[:-2]) == frame[-2] | frame[-1] << 8


def _question(unit: int, function: int, start: int, count: int) -> bytes:
    assert 0 <= unit <= 255 and function in FUNCTIONS
    assert 1 <= count <= MAX_REGISTERS and start >= 0 and start + count <= 0x10000
    return bytes((unit, function, start >> 8, start & 0xFF, count >> 8, count & 0xFF))


def request(unit: int, function: int, start: int, count: int) -> bytes:
    """Return the RTU frame that asks *unit* for *count* registers from *start*."""
    return with_crc(_question(unit, function, start, count))


def answer_bytes(count: int) -> int:
    """Return the length of the RTU answer with *count* registers."""
    return 5 + 2 * count


def answer(frame: bytes, unit: int, function: int, count: int) -> "tuple[int, ...]":
    """Return the registers of the RTU answer *frame*; raises FrameFault where it is not the one asked for."""
    if not frame:
        raise FrameFault(SILENT, "no byte")
    if not crc_holds(frame):
        raise _damage(frame, answer_bytes(count))
    return _registers(frame[0], frame[1:-2], unit, function, count)


def _damage(frame: bytes, expected: int) -> FrameFault:
    """Return what is wrong with an RTU frame whose check sum fails."""
    refuses = len(frame) == EXCEPTION_BYTES and frame[1] & 0x80
    closed = len(frame) > EXCEPTION_BYTES and len(frame) == 5 + frame[2]  # as long as it says of itself
    if len(frame) < expected and not refuses and not closed:
        return FrameFault(SHORT, "%d of %d bytes" % (len(frame), expected))
    if len(frame) > expected and not closed:
        return FrameFault(LONG, "%d bytes, %d expected" % (len(frame), expected))
    return FrameFault(CRC, "check sum %02x %02x is wrong" % (frame[-2], frame[-1]))


def _registers(from_unit: int, pdu: bytes, unit: int, function: int, count: int) -> "tuple[int, ...]":
    """Judge the part of an answer that RTU and TCP share: function, number of bytes, registers."""
    if from_unit != unit:
        raise FrameFault(WRONG_UNIT, "unit %d answers, unit %d was asked" % (from_unit, unit))
    if len(pdu) == 2 and pdu[0] == function | 0x80:
        raise FrameFault(EXCEPTION, "%d" % pdu[1])
    if not pdu or pdu[0] != function:
        seen = "%02x" % pdu[0] if pdu else "none"
        raise FrameFault(WRONG_FUNCTION, "function %s answers, %02x was asked" % (seen, function))
    octets = pdu[2:]
    stated = pdu[1] if len(pdu) > 1 else 0
    for size in (len(octets), stated):
        if size < 2 * count:
            raise FrameFault(SHORT, "%d of %d bytes of registers" % (size, 2 * count))
        if size > 2 * count:
            raise FrameFault(LONG, "%d bytes of registers, %d expected" % (size, 2 * count))
    return tuple([octets[index] << 8 | octets[index + 1] for index in range(0, 2 * count, 2)])


def tcp_request(transaction: int, unit: int, function: int, start: int, count: int) -> bytes:
    """Return the Modbus TCP frame that asks *unit* for *count* registers from *start*."""
    question = _question(unit, function, start, count)
    return bytes((transaction >> 8, transaction & 0xFF, 0, 0, 0, len(question))) + question


def tcp_answer_bytes(count: int) -> int:
    """Return the length of the Modbus TCP answer with *count* registers."""
    return 9 + 2 * count


def tcp_length(head: bytes) -> "int | None":
    """Return the length of the whole frame that begins with the six bytes *head*, None where it is no header."""
    if len(head) < 6 or head[2] or head[3]:
        return None
    following = head[4] << 8 | head[5]
    return 6 + following if 2 <= following <= 254 else None


def tcp_answer(frame: bytes, transaction: int, unit: int, function: int, count: int) -> "tuple[int, ...]":
    """Return the registers of the Modbus TCP answer *frame*; raises FrameFault where it is not the one asked for."""
    if not frame:
        raise FrameFault(SILENT, "no byte")
    if len(frame) < _HEADER_BYTES:
        raise FrameFault(SHORT, "%d of %d bytes" % (len(frame), tcp_answer_bytes(count)))
    length = tcp_length(frame)
    if length is None:
        raise FrameFault(FRAMING, "protocol %d, length %d" % (frame[2] << 8 | frame[3], frame[4] << 8 | frame[5]))
    if len(frame) != length:
        kind = SHORT if len(frame) < length else LONG
        raise FrameFault(kind, "%d bytes, the header says %d" % (len(frame), length))
    seen = frame[0] << 8 | frame[1]
    if seen != transaction:
        raise FrameFault(LATE, "transaction %d answers, %d was asked" % (seen, transaction))
    return _registers(frame[6], frame[_HEADER_BYTES:], unit, function, count)


def read_request(frame: bytes) -> Request:
    """Return what *frame* (RTU or TCP) asks for; raises FrameFault where it is no read request."""
    if len(frame) >= TCP_REQUEST_BYTES and tcp_length(frame) == len(frame):
        body, transaction = frame[6:], frame[0] << 8 | frame[1]
    elif crc_holds(frame):
        body, transaction = frame[:-2], None
    elif not frame:
        raise FrameFault(SILENT, "no byte")
    elif len(frame) < REQUEST_BYTES:
        raise FrameFault(SHORT, "%d of %d bytes" % (len(frame), REQUEST_BYTES))
    else:
        raise FrameFault(CRC, "neither an RTU check sum nor a TCP header holds")
    if len(body) < 2:
        raise FrameFault(SHORT, "%d bytes between unit and check sum" % len(body))
    if body[1] not in FUNCTIONS:
        raise FrameFault(WRONG_FUNCTION, "function %02x does not read registers" % body[1])
    if len(body) != 6:
        raise FrameFault(SHORT if len(body) < 6 else LONG, "%d bytes between unit and check sum" % len(body))
    start, count = body[2] << 8 | body[3], body[4] << 8 | body[5]
    if not 1 <= count <= MAX_REGISTERS or start + count > 0x10000:
        raise FrameFault(LONG, "%d registers from %d cannot be read at once" % (count, start))
    return Request(body[0], body[1], start, count, transaction)


def refusal(question: bytes, response: bytes) -> "int | None":
    """Return the exception code by which *response* refuses *question*, of any function; None where it does not."""
    if len(question) >= TCP_REQUEST_BYTES and tcp_length(question) == len(question):
        if tcp_length(response) != len(response) or question[:2] != response[:2]:
            return None
        asked, answered = question[6:8], response[6:]
    elif crc_holds(question) and crc_holds(response):
        asked, answered = question[:2], response[:-2]
    else:
        return None
    refuses = len(answered) == 3 and answered[0] == asked[0] and answered[1] == asked[1] | 0x80
    return answered[2] if refuses else None
