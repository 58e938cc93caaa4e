"""Changes of key: the record by which one signing key hands over to the next, and the bytes of public keys."""

from collections.abc import Iterator

from cloud_sync.core.batch import EDDSA, ES256, SM2
from cloud_sync.core.canonical import CanonicalError, decode, encode
from cloud_sync.key_change import announce, is_change, successor
from cloud_sync.keys import parse_public, public_key_of
from cloud_sync.tests.gateways import stamp
from gateway.core.record import KeyChange, RecordError, from_map, to_map
from tools.fuzz.identities import identity
from tools.fuzz.source import Source

BODY, EDITED, CONFUSED, PUBLIC_BYTES = range(4)
_ALGORITHMS = (EDDSA, ES256, SM2, 0, -257, 1, -37, 1 << 70)
TOKENS = (b"\xa7\x00\x0a", b"\x04" * 65, b"\x58\x41\x04", b"\x58\x40", b"\x48oldoldol", b"\x26", b"\x27")


def _change(new: int = 2, algorithm: int = ES256) -> KeyChange:
    return announce(stamp(), "gw-1", identity(1)[0], identity(new, algorithm)[0])


def seeds() -> Iterator[bytes]:
    """Yield handovers to either kind of key, one by fields that do not belong together, and bytes of keys."""
    yield bytes((BODY,)) + encode(to_map(_change()))
    yield bytes((BODY,)) + encode(to_map(_change(3, EDDSA)))
    yield bytes((EDITED, 0, 70, 1))
    yield bytes((CONFUSED, 1, 0, 0))
    yield bytes((PUBLIC_BYTES, 0)) + identity(3)[0].public_bytes
    yield bytes((PUBLIC_BYTES, 1)) + identity(2, ES256)[0].public_bytes


def target(data: bytes) -> None:
    """A handover holds only as both keys made it; its record is known by its head alone."""
    source = Source(data)
    kind = source.octet() % 4
    if kind == PUBLIC_BYTES:
        _public_bytes(_ALGORITHMS[source.octet() % 8], source.rest())
        return
    genuine = [_change(), _change(3, EDDSA)]
    forged = False
    if kind == EDITED:
        whole = bytearray(encode(to_map(_change())))
        whole[source.number(2) % len(whole)] ^= source.octet() or 1
        body = bytes(whole)
    elif kind == CONFUSED:
        first, other = genuine if source.octet() & 1 else reversed(genuine)
        choice = source.octet()
        fields = [first[index] if choice >> index & 1 else other[index] for index in range(2, 6)]
        if choice & 1:
            fields[1] = _ALGORITHMS[source.octet() % 8]
        change = KeyChange(first.stamp, first.old_kid, *fields)
        forged = change not in genuine
        body = encode(to_map(change)) if abs(change.algorithm) < 1 << 64 else b""
    else:
        body = source.rest()
    try:
        record = from_map(decode(body))  # type: ignore[arg-type]
    except (CanonicalError, RecordError):
        return
    assert is_change(body) == isinstance(record, KeyChange)
    if not isinstance(record, KeyChange):
        return
    for gateway, signed_by in (("gw-1", identity(1)[0].kid), ("gw-2", identity(1)[0].kid), ("gw-1", record.new_kid)):
        try:
            public = successor(record, gateway, signed_by)
        except ValueError as error:
            assert str(error)
            continue
        assert not forged, "a successor that did not prove its key"
        assert gateway == "gw-1" and signed_by == record.old_kid != public.kid == record.new_kid
        assert public.algorithm == record.algorithm and public.public_bytes == record.public_key


def _public_bytes(algorithm: int, raw: bytes) -> None:
    """The bytes of a public key are one of its algorithm, in one spelling, or none."""
    try:
        public = public_key_of(algorithm, raw)
    except ValueError:
        return
    assert public.algorithm == algorithm and public.public_bytes == raw
    again = parse_public(public.pem().encode(), "key")
    assert (again.kid, again.algorithm, again.public_bytes) == (public.kid, algorithm, raw)
    assert not public.verify(b"", b"") and not public.verify(bytes(64), b"message")
