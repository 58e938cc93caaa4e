"""Batch: consecutive entries of one incarnation, and the COSE_Sign1 envelope (RFC 9052) they travel in.

Its identity is gateway, incarnation (drawn at random at every start of the process), first sequence and
previous link, so that a card that forgot its last writes shows up as a branch and never as a forgery.
A hole stands in for a batch that was set aside: it declares its entries without their bodies, so that those
after them can follow.
"""

from collections import namedtuple
from hashlib import sha256

from cloud_sync.core.canonical import CanonicalError, decode, encode
from cloud_sync.core.entry import FIRST_SEQUENCE, LINK_BYTES, link, link_over
from cloud_sync.core.topic import is_name

BATCH_ENTRIES_MAX = 500  # A batch is verified at a sitting; 500 records are some hours of a gateway.
BATCH_BYTES_MAX = 128 * 1024  # As sealed; under the packet limits that brokers ship with (256 KiB and more).
PAYLOAD_BYTES_MAX = 4 * 1024 * 1024  # Inflated; 32 times the largest raw batch.
BODY_BYTES_MAX = 1024 * 1024  # One record; the largest is a configuration with its profiles.
INCARNATION_BYTES = 16
SEQUENCE_MAX = (1 << 63) - 1  # What SQLite and PostgreSQL keep.
KID_BYTES = 8

KIND_BATCH = 1
KIND_HOLE = 2

EDDSA = -8  # COSE algorithm numbers, RFC 9053.
ES256 = -7
SM2 = -65793  # SM2 with SM3; COSE has registered no number, so this is one of those left to private use.
_ALG = 1  # COSE header labels, RFC 9052.
_KID = 4
_TAG_SIGN1 = 0xD2
_SIGNATURE_BYTES = 64  # Ed25519; P-256 and SM2 as r and s.


class BatchError(ValueError):
    """Bytes are no batch, or no envelope, of ours."""


class Sealed(namedtuple("Sealed", ("first", "last", "incarnation", "signed"))):
    """A signed batch as a journal keeps it, with the sequences it spans."""

    __slots__ = ()
    first: int
    last: int
    incarnation: bytes
    signed: bytes


class Batch(namedtuple("Batch", ("gateway", "incarnation", "first_sequence", "previous_link", "bodies", "link"))):
    """The bodies of consecutive entries after previous_link; link is that of the last. See batch_of."""

    __slots__ = ()
    gateway: str
    incarnation: bytes
    first_sequence: int
    previous_link: bytes
    bodies: "tuple[bytes, ...]"
    link: bytes

    @property
    def last_sequence(self) -> int:
        """Return the sequence of the last entry."""
        return self.first_sequence + len(self.bodies) - 1


class Hole(namedtuple("Hole", ("gateway", "incarnation", "first_sequence", "previous_link", "digests", "link"))):
    """Entries declared by the SHA-256 of their bodies alone; link is that of the last. See hole_over."""

    __slots__ = ()
    gateway: str
    incarnation: bytes
    first_sequence: int
    previous_link: bytes
    digests: "tuple[bytes, ...]"
    link: bytes

    @property
    def last_sequence(self) -> int:
        """Return the sequence of the last entry."""
        return self.first_sequence + len(self.digests) - 1

    def links(self) -> "tuple[bytes, ...]":
        """Return the links of its entries."""
        return _links_over(self.previous_link, self.first_sequence, self.digests)


class Signed(namedtuple("Signed", ("protected", "algorithm", "kid", "payload", "signature"))):
    """The parts of a COSE_Sign1 message, not yet verified."""

    __slots__ = ()
    protected: bytes
    algorithm: int
    kid: bytes
    payload: bytes
    signature: bytes


def batch_of(
    gateway: str, incarnation: bytes, first_sequence: int, previous_link: bytes, bodies: "tuple[bytes, ...]"
) -> Batch:
    """Return the batch of *bodies*; its last sequence and its link follow from them."""
    assert is_name(gateway) and len(incarnation) == INCARNATION_BYTES and len(previous_link) == LINK_BYTES
    assert 0 < len(bodies) <= BATCH_ENTRIES_MAX
    last = previous_link
    for index in range(len(bodies)):
        assert len(bodies[index]) <= BODY_BYTES_MAX
        last = link(last, first_sequence + index, bodies[index])
    return Batch(gateway, incarnation, first_sequence, previous_link, tuple(bodies), last)


def hole_of(batch: Batch) -> Hole:
    """Return the hole that stands in for *batch* when it was set aside."""
    digests = tuple([sha256(body).digest() for body in batch.bodies])
    return Hole(batch.gateway, batch.incarnation, batch.first_sequence, batch.previous_link, digests, batch.link)


def hole_over(gateway: str, incarnation: bytes, first: int, previous: bytes, digests: "tuple[bytes, ...]") -> Hole:
    """Return the hole of entries from *first* on whose bodies have *digests*; its link follows from them."""
    assert 0 < len(digests) <= BATCH_ENTRIES_MAX
    return Hole(gateway, incarnation, first, previous, digests, _links_over(previous, first, digests)[-1])


def _links_over(previous: bytes, first: int, digests: "tuple[bytes, ...]") -> "tuple[bytes, ...]":
    links = []
    for index in range(len(digests)):
        previous = link_over(previous, first + index, digests[index])
        links.append(previous)
    return tuple(links)


def batch_payload(batch: "Batch | Hole") -> bytes:
    """Return the canonical payload of a batch or a hole, before compression."""
    members: "dict[int, object]" = {
        0: KIND_HOLE if isinstance(batch, Hole) else KIND_BATCH,
        1: batch.gateway,
        2: batch.incarnation,
        3: batch.first_sequence,
        4: batch.previous_link,
    }
    if isinstance(batch, Hole):
        members[5] = batch.digests
    else:
        members[5] = batch.bodies
    return encode(members)


def read_batch(payload: bytes) -> "Batch | Hole":
    """Return the batch or hole of an inflated payload; raises BatchError where it is none."""
    try:
        members = decode(payload)
    except CanonicalError as error:
        raise BatchError("the payload is not canonical: %s" % error)  # noqa: B904
    if not isinstance(members, dict):
        raise BatchError("the payload is no map")
    kind = members.get(0)
    if type(kind) is not int or kind not in (KIND_BATCH, KIND_HOLE):
        raise BatchError("the payload is of another kind")
    if sorted(members) != [0, 1, 2, 3, 4, 5]:
        raise BatchError("the payload has other fields than a batch")
    gateway, incarnation, first, previous = members[1], members[2], members[3], members[4]
    if not isinstance(gateway, str) or not is_name(gateway):
        raise BatchError("no gateway id")
    if not _is_bytes(incarnation, INCARNATION_BYTES) or not _is_bytes(previous, LINK_BYTES):
        raise BatchError("incarnation or previous link of another length")
    if not _is_sequence(first):
        raise BatchError("the first sequence is out of range")
    if kind == KIND_HOLE:
        digests = members[5]
        if not isinstance(digests, list) or not 0 < len(digests) <= BATCH_ENTRIES_MAX:
            raise BatchError("a hole of not 1 to %d entries" % BATCH_ENTRIES_MAX)
        if not _is_sequence(first + len(digests) - 1):
            raise BatchError("a hole's last sequence is out of range")
        for digest in digests:
            if not _is_bytes(digest, LINK_BYTES):
                raise BatchError("a hole with a digest of another length")
        return hole_over(gateway, incarnation, first, previous, tuple(digests))
    bodies = members[5]
    if not isinstance(bodies, list) or not 0 < len(bodies) <= BATCH_ENTRIES_MAX:
        raise BatchError("not 1 to %d bodies" % BATCH_ENTRIES_MAX)
    if not _is_sequence(first + len(bodies) - 1):
        raise BatchError("the last sequence is out of range")
    for body in bodies:
        if not isinstance(body, bytes) or len(body) > BODY_BYTES_MAX:
            raise BatchError("a body that is not bytes, or too long")
    return batch_of(gateway, incarnation, first, previous, tuple(bodies))


def protected_header(algorithm: int, kid: bytes) -> bytes:
    """Return the protected header of an envelope: algorithm and key id."""
    assert len(kid) == KID_BYTES
    return encode({_ALG: algorithm, _KID: kid})


def signing_bytes(protected: bytes, topic: str, payload: bytes) -> bytes:
    """Return what is signed: the Sig_structure of RFC 9052 with the topic as external data."""
    return encode(["Signature1", protected, topic.encode("utf-8"), payload])


def envelope(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """Return the COSE_Sign1 message of its parts."""
    assert len(signature) == _SIGNATURE_BYTES
    return bytes((_TAG_SIGN1,)) + encode([protected, {}, payload, signature])


def read_envelope(raw: bytes) -> Signed:
    """Return the parts of a COSE_Sign1 message, unverified; raises BatchError where it is none."""
    if len(raw) > BATCH_BYTES_MAX:
        raise BatchError("longer than %d bytes" % BATCH_BYTES_MAX)
    if not raw or raw[0] != _TAG_SIGN1:
        raise BatchError("no COSE_Sign1 message")
    try:
        parts = decode(raw[1:])
        if not isinstance(parts, list) or len(parts) != 4 or not isinstance(parts[0], bytes):
            raise BatchError("no COSE_Sign1 message")
        header = decode(parts[0])
    except CanonicalError as error:
        raise BatchError("the envelope is not canonical: %s" % error)  # noqa: B904
    if not isinstance(header, dict) or sorted(header) != [_ALG, _KID] or parts[1] != {}:
        raise BatchError("the envelope has other headers than algorithm and key id")
    if not _is_bytes(header[_KID], KID_BYTES) or not isinstance(header[_ALG], int) or isinstance(header[_ALG], bool):
        raise BatchError("the envelope's headers have another shape")
    if not isinstance(parts[2], bytes) or not _is_bytes(parts[3], _SIGNATURE_BYTES):
        raise BatchError("no payload or no signature of 64 bytes")
    return Signed(parts[0], header[_ALG], header[_KID], parts[2], parts[3])


def _is_bytes(value: object, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length


def _is_sequence(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and FIRST_SEQUENCE <= value <= SEQUENCE_MAX
