"""DL/T 645: frames of both issues, with wake bytes and glitches, and the values in them."""

from collections.abc import Iterator

from gateway.core.meter.dlt645 import (
    MOST_OCTETS,
    READ,
    READ_1997,
    READ_ADDRESS,
    READ_ON,
    READ_ON_1997,
    answer,
    frame_span,
    framed,
    is_whole,
    joined,
    opened,
    read,
    read_request,
    request,
)
from gateway.core.meter.dlt645_exchange import exchanged
from gateway.core.meter.dlt645_values import goes_on, registers
from gateway.core.meter.modbus import FrameFault
from tools.fuzz.source import Source

_KNOWN = (READ, READ_ON, READ_ADDRESS, READ_1997, READ_ON_1997)


def seeds() -> Iterator[bytes]:
    """Yield frames of both issues: total energy, an address, a refusal, and one as it is on the wire."""
    number = bytes.fromhex("785634129000")
    yield b"\x01" + number + b"\x91" + bytes.fromhex("0000010078563412")
    yield b"\x01" + number + b"\x81" + bytes.fromhex("109078563412")
    yield b"\x01" + number + b"\x93" + number
    yield b"\x01" + number + b"\xd1\x02"
    yield b"\x00" + request(read("009012345678", 0x00010000))
    yield b"\x00" + framed("009012345678", 0xB1, bytes.fromhex("00000100") + bytes(MOST_OCTETS - 4))


def _wire(source: Source) -> bytes:
    """Return what came from the line: as it is, or with start, length and check sum made right."""
    if not source.octet() & 1:
        return source.rest()
    head = b"\x68" + source.octets(6).ljust(6, b"\x00") + b"\x68" + bytes((source.octet(),))
    octets = bytes((octet + 0x33) & 0xFF for octet in source.rest()[:255])
    body = head + bytes((len(octets),)) + octets
    return body + bytes((sum(body) & 0xFF, 0x16))


def target(data: bytes) -> None:
    """A frame that opens gives the same bytes again, and what it means is said or refused as a fault."""
    heard = _wire(Source(data))
    span = frame_span(heard)
    assert span is None or 0 <= span[0] < span[1]
    assert not is_whole(heard) or span is not None
    try:
        frame = opened(heard)
        if frame.control & 0x1F in _KNOWN:
            assert framed(*frame) == heard.lstrip(b"\xfe")
    except FrameFault as fault:
        assert fault.kind and fault.detail
    try:
        asked = read_request(heard)
        if asked.di < 1 << 32:
            assert request(asked).lstrip(b"\xfe") == heard.lstrip(b"\xfe")
    except FrameFault as fault:
        assert fault.kind and fault.detail
    try:
        found = answer(heard)
        if found.control not in (READ_ON, READ_ON_1997):  # those are joined to their first frame before
            assert joined((found,)).octets == found.octets
            goes_on(found, 4)
            registers(found, 4)
    except FrameFault as fault:
        assert fault.kind and fault.detail
    for asking in (b"", heard, request(read("AAAAAAAAAAAA", 0x00010000))):
        try:
            exchanged(asking, heard)
        except FrameFault as fault:
            assert fault.kind and fault.detail
