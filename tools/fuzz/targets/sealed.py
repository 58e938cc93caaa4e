"""Sealed batches: what came on a topic, signed or not; only what the key of that gateway signed so opens."""

import zlib
from collections.abc import Iterator

from cloud_sync.core.batch import (
    BATCH_BYTES_MAX,
    EDDSA,
    ES256,
    PAYLOAD_BYTES_MAX,
    Batch,
    BatchError,
    batch_of,
    batch_payload,
    envelope,
    hole_of,
    protected_header,
    read_batch,
    read_envelope,
    signing_bytes,
)
from cloud_sync.core.entry import GENESIS
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import KeyRing, Signer
from cloud_sync.seal import SealError, open_sealed, seal
from tools.fuzz.identities import identity
from tools.fuzz.source import Source

TOPIC = up_topic("b0", "gw-1")
_BATCH = batch_of("gw-1", b"i" * 16, 1, GENESIS, (b"\x01", b"\xa0"))
AS_IT_IS, SIGNED, PACKED, OTHER_HEADER, OTHER_ALGORITHM, EDITED, OTHER_TOPIC, BOMB = range(8)


def seeds() -> Iterator[bytes]:
    """Yield a batch and a hole, whole and in parts to be signed here; headers that name other algorithms."""
    whole = seal(_BATCH, identity(1)[0], TOPIC)
    yield bytes((AS_IT_IS,)) + whole
    yield bytes((SIGNED,)) + zlib.compress(batch_payload(_BATCH))
    yield bytes((PACKED,)) + batch_payload(_BATCH)
    yield bytes((PACKED,)) + batch_payload(hole_of(_BATCH))
    yield bytes((OTHER_HEADER,)) + protected_header(ES256, identity(1)[0].kid)
    yield bytes((OTHER_ALGORITHM, 0, 6)) + batch_payload(_BATCH)
    yield bytes((EDITED, 0, 9, 1))
    yield bytes((OTHER_TOPIC, 1)) + up_topic("b0", "gw-2").encode()
    yield bytes((BOMB, 4, 0))


def _signed(payload: bytes, signer: Signer, header: bytes, topic: str = TOPIC) -> bytes:
    return envelope(header, payload, signer.sign(signing_bytes(header, topic, payload)))


def _refused(raw: bytes, topic: str, keys: KeyRing) -> None:
    try:
        open_sealed(raw, topic, keys)
    except SealError as error:
        assert error.reason and error.detail
        return
    raise AssertionError("a message was believed that nobody signed so")


def target(data: bytes) -> None:
    """What opens is one batch of this gateway, in its one spelling; another header, byte or topic opens nothing."""
    source = Source(data)
    kind = source.octet() % 8
    signer, public = identity(1)
    keys = KeyRing([public, identity(2, ES256)[1]])
    header = protected_header(EDDSA, signer.kid)
    if kind == OTHER_HEADER:
        other = source.rest()
        if other != header:
            _refused(_signed(zlib.compress(batch_payload(_BATCH)), signer, other), TOPIC, keys)
        return
    if kind == OTHER_ALGORITHM:
        stated = (ES256, EDDSA, -65535, 0, 1, -257, 5, -37)[source.octet() % 8]
        named = identity(2, ES256)[0] if source.octet() & 1 else signer
        if stated != named.algorithm:
            _refused(_signed(zlib.compress(source.rest()), signer, protected_header(stated, named.kid)), TOPIC, keys)
        return
    if kind == EDITED:
        whole = bytearray(seal(_BATCH, signer, TOPIC))
        whole[source.number(2) % len(whole)] ^= source.octet() or 1
        _refused(bytes(whole), TOPIC, keys)
        return
    if kind == OTHER_TOPIC:
        topic = source.rest().decode("utf-8", "replace")
        if topic != TOPIC:
            _refused(seal(_BATCH, signer, TOPIC), topic, keys)
        return
    if kind == BOMB:
        size = PAYLOAD_BYTES_MAX - (1 << 20) + (source.number(2) << 6)
        payload = zlib.compress(bytes((source.octet(),)) * size, 1)
        if len(payload) < BATCH_BYTES_MAX - 200:
            _refused(_signed(payload, signer, header), TOPIC, keys)
        return
    raw = source.rest()
    if kind == SIGNED:
        raw = _signed(raw, signer, header)
    elif kind == PACKED:
        _read(raw)
        raw = _signed(zlib.compress(raw), signer, header)
    try:
        opened = open_sealed(raw, TOPIC, keys)
    except SealError as error:
        assert error.reason and error.detail
        return
    assert opened.gateway == "gw-1"
    assert batch_payload(opened) == zlib.decompress(read_envelope(raw).payload)
    assert open_sealed(seal(opened, signer, TOPIC), TOPIC, keys) == opened


def _read(payload: bytes) -> None:
    try:
        batch = read_batch(payload)
    except BatchError:
        return
    assert batch_payload(batch) == payload
    assert not isinstance(batch, Batch) or len(batch.bodies) == batch.last_sequence - batch.first_sequence + 1
