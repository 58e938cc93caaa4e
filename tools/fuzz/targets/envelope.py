"""COSE envelope: the parts of a signed message, before anything is verified."""

from collections.abc import Iterator

from cloud_sync.core.batch import (
    BATCH_BYTES_MAX,
    BatchError,
    envelope,
    protected_header,
    read_envelope,
)
from cloud_sync.core.canonical import encode
from tools.fuzz.source import Source

_SIGNATURE = bytes(64)
TOKENS = (b"\xd2\x84", b"\xa0", b"\x58\x40", b"\xa2\x01\x27\x04\x48", b"\x02\x81\x01")


def seeds() -> Iterator[bytes]:
    """Yield an envelope whole, and headers and parts to be put into one."""
    header = protected_header(-8, b"12345678")
    yield b"\x00" + envelope(header, b"payload", _SIGNATURE)
    yield b"\x01" + header
    yield b"\x02" + encode([header, {}, b"payload", _SIGNATURE])
    yield b"\x02" + encode([header, {}, None, _SIGNATURE])
    yield b"\x01" + encode({1: -8, 2: [99], 4: b"12345678"})


def target(data: bytes) -> None:
    """What is taken for an envelope has exactly our two headers, an embedded payload, and one spelling."""
    source = Source(data)
    kind = source.octet() % 3
    raw = source.rest()
    if kind == 1:
        raw = b"\xd2" + encode([raw, {}, b"payload", _SIGNATURE])
    elif kind == 2:
        raw = b"\xd2" + raw
    try:
        signed = read_envelope(raw)
    except BatchError:
        return
    assert len(raw) <= BATCH_BYTES_MAX
    assert signed.protected == protected_header(signed.algorithm, signed.kid)
    assert envelope(signed.protected, signed.payload, signed.signature) == raw
