"""Canonical CBOR: one value, one byte string; judged beside cbor2, which reads every spelling."""

from collections.abc import Iterator

import cbor2

from cloud_sync.core.canonical import CanonicalError, decode, encode

TOKENS = (b"\x18", b"\x1b", b"\x3b", b"\x5a", b"\x9b", b"\xbf", b"\xf4", b"\xf6", b"\xf9", b"\xc2", b"\x81" * 8)


def seeds() -> Iterator[bytes]:
    """Yield one of each kind of value."""
    yield encode([0, 23, 24, 255, 256, 65536, 1 << 32, (1 << 64) - 1, -1, -24, -25, -(1 << 64)])
    yield encode({0: "a", 1: b"\x00", 23: None, -1: True, -24: False, 5: [[], {}]})
    yield encode("电 \U0001f50c")
    yield b"\x81" * 16 + b"\x80"


def target(data: bytes) -> None:
    """What is read is written as the same bytes, and cbor2 reads the same value from them."""
    try:
        value = decode(data)
    except CanonicalError:
        return
    assert encode(value) == data
    assert cbor2.loads(data) == value
