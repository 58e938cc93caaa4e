"""CJ/T 188: frames of water, heat and gas meters, and the figures of their readout."""

from collections.abc import Iterator

from gateway.core.meter.cjt188 import Frame, answer, framed, opened, read_request, request
from gateway.core.meter.cjt188_exchange import meanings_188
from gateway.core.meter.cjt188_values import figures_of
from gateway.core.meter.modbus import FrameFault
from tools.fuzz.source import Source


def seeds() -> Iterator[bytes]:
    """Yield readouts of a water meter and of a heat meter, and a frame as it is on the wire."""
    number = bytes.fromhex("78563412000000")
    water = bytes.fromhex("1f9000" + "782b00002c" + "0000000" + "02c" + "45231221102620" + "0000")
    yield b"\x01\x10" + number + b"\x81" + water
    yield b"\x01\x20" + number + b"\x81" + bytes.fromhex("1f9000") + bytes(42)
    yield b"\x01\x10" + number + b"\xc1\x00\x00"
    yield b"\x00" + framed(Frame(0x10, "00000012345678", 0x81, water))
    yield b"\x00" + framed(Frame(0x10, "00000012345678", 0x01, bytes.fromhex("1f9000")))


def target(data: bytes) -> None:
    """A frame that opens gives the same bytes again; its figures are read or refused as a fault."""
    source = Source(data)
    if source.octet() & 1:
        body = b"\x68" + source.octets(9).ljust(9, b"\x00")
        octets = source.rest()[:255]
        body += bytes((len(octets),)) + octets
        heard = body + bytes((sum(body) & 0xFF, 0x16))
    else:
        heard = source.rest()
    try:
        assert framed(opened(heard)) == heard.lstrip(b"\xfe")
        for figure in figures_of(answer(heard)):
            assert figure.name
    except FrameFault as fault:
        assert fault.kind and fault.detail
    try:
        asked = read_request(heard)
        assert opened(request(asked)).address == asked.address
        meanings_188(heard, heard)
    except FrameFault as fault:
        assert fault.kind and fault.detail
