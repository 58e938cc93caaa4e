"""Modbus RTU: answers, questions and refusals as they come from a line."""

from collections.abc import Iterator

from gateway.commissioning.overheard import looks_swapped, overheard
from gateway.core.meter.modbus import (
    FrameFault,
    answer,
    crc_holds,
    read_request,
    refusal,
    request,
    tcp_request,
    with_crc,
)
from tools.fuzz.source import Source


def seeds() -> Iterator[bytes]:
    """Yield what asks and answers, with and without a check sum to be added."""
    body = bytes((0, 1, 1, 4)) + b"\x00\x48\x00\x02"
    yield bytes((1, 1, 1, 1, 4, 4, 0, 72, 0, 2))
    yield bytes((1, 1, 1, 0)) + request(1, 4, 0x48, 2)
    yield bytes((1, 1, 1, 1, 0x84, 2))
    yield body


def target(data: bytes) -> None:
    """Registers that are believed give the same frame again; so does a question."""
    source = Source(data)
    unit, function, count = source.octet(), 3 + source.octet() % 2, 1 + source.octet() % 125
    summed = source.octet() & 1
    frame = with_crc(source.rest()) if summed else source.rest()
    try:
        registers = answer(frame, unit, function, count)
    except FrameFault as fault:
        assert fault.kind and fault.detail
    else:
        octets = b"".join(register.to_bytes(2, "big") for register in registers)
        assert len(registers) == count
        assert with_crc(bytes((unit, function, 2 * count)) + octets) == frame
    try:
        asked = read_request(frame)
    except FrameFault as fault:
        assert fault.kind and fault.detail
    else:
        again = request(*asked[:4]) if asked.transaction is None else tcp_request(asked.transaction, *asked[:4])
        assert again == frame or crc_holds(frame) and asked.transaction is not None
    code = refusal(request(unit, function, 0, count), frame)
    assert code is None or 0 <= code <= 255
    overheard(frame)
    looks_swapped(frame)
