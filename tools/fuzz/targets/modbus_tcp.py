"""Modbus TCP: answers behind their header, and the length that the header states."""

from collections.abc import Iterator

from gateway.core.meter.modbus import FrameFault, refusal, tcp_answer, tcp_length, tcp_request
from tools.fuzz.source import Source


def seeds() -> Iterator[bytes]:
    """Yield an answer whole, and one whose header is to be added."""
    yield bytes((0, 7, 1, 1, 1, 0)) + bytes.fromhex("000700000007010404") + b"\x00\x01\x00\x02"
    yield bytes((0, 7, 1, 1, 1, 1)) + b"\x01\x04\x04\x00\x01\x00\x02"
    yield bytes((0, 7, 1, 1, 1, 1)) + b"\x01\x84\x02"


def target(data: bytes) -> None:
    """Registers that are believed give the same frame again."""
    source = Source(data)
    transaction, unit = source.number(2), source.octet()
    function, count = 3 + source.octet() % 2, 1 + source.octet() % 125
    headed = source.octet() & 1
    frame = source.rest()
    if headed:
        frame = transaction.to_bytes(2, "big") + b"\x00\x00" + len(frame[:254]).to_bytes(2, "big") + frame[:254]
    length = tcp_length(frame[:6])
    assert length is None or 8 <= length <= 260
    try:
        registers = tcp_answer(frame, transaction, unit, function, count)
    except FrameFault as fault:
        assert fault.kind and fault.detail
    else:
        octets = b"".join(register.to_bytes(2, "big") for register in registers)
        body = bytes((unit, function, 2 * count)) + octets
        assert transaction.to_bytes(2, "big") + b"\x00\x00" + len(body).to_bytes(2, "big") + body == frame
    code = refusal(tcp_request(transaction, unit, function, 0, count), frame)
    assert code is None or 0 <= code <= 255
