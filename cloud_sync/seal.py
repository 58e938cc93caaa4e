"""Seal: signs batches and answers for the road, and opens them again: verify first, inflate after.

The sealed bytes are what is kept and sent; they are never made a second time, since another build of
zlib may compress the same batch differently.
"""

import zlib
from typing import Protocol

from cloud_sync.core.batch import (
    BATCH_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    Batch,
    BatchError,
    Hole,
    batch_payload,
    envelope,
    protected_header,
    read_batch,
    read_envelope,
    signing_bytes,
)
from cloud_sync.core.receipt import (
    BAD_SIGNATURE,
    MALFORMED,
    TOO_LARGE,
    UNKNOWN_KEY,
    AnswerError,
    Cosignature,
    Receipt,
    Refusal,
    answer_payload,
    read_answer,
)
from cloud_sync.core.topic import split_topic
from cloud_sync.keys import PublicKey, Signer

_LEVEL = 6  # Of zlib; 9 gains 1 % for twice the time.


class Keys(Protocol):
    """Where a public key is found: a KeyRing, or the ledger's own book of gateways."""

    def find(self, kid: bytes) -> PublicKey | None:
        """Return the key with *kid*, or None."""


class SealError(ValueError):
    """A message cannot be believed; *reason* is one of those a Refusal names."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__("%s: %s" % (reason, detail))
        self.reason = reason
        self.detail = detail


def seal(batch: Batch | Hole, signer: Signer, topic: str) -> bytes:
    """Return *batch* as the message to be kept and sent on *topic*; raises SealError where it is too large."""
    raw = _sign(zlib.compress(batch_payload(batch), _LEVEL), signer, topic)
    if len(raw) > BATCH_BYTES_MAX:
        raise SealError(TOO_LARGE, "%d bytes" % len(raw))
    return raw


def open_sealed(raw: bytes, topic: str, keys: Keys) -> Batch | Hole:
    """Return the batch or hole of a message that came on *topic*; raises SealError where it cannot be believed."""
    address = split_topic(topic)
    payload = _verified(raw, topic, keys)
    inflated = _inflate(payload)
    try:
        batch = read_batch(inflated)
    except BatchError as error:
        raise SealError(MALFORMED, str(error)) from error
    if address is None or batch.gateway != address[1]:
        raise SealError(MALFORMED, "a batch of gateway %s" % batch.gateway)
    return batch


def seal_answer(answer: Receipt | Refusal | Cosignature, signer: Signer, topic: str) -> bytes:
    """Return an answer as the message to be sent on *topic*."""
    return _sign(answer_payload(answer), signer, topic)


def open_answer(raw: bytes, topic: str, keys: Keys) -> Receipt | Refusal | Cosignature:
    """Return the answer of a message that came on *topic*; raises SealError where it cannot be believed."""
    address = split_topic(topic)
    try:
        answer = read_answer(_verified(raw, topic, keys))
    except AnswerError as error:
        raise SealError(MALFORMED, str(error)) from error
    if address is None or answer.gateway != address[1]:
        raise SealError(MALFORMED, "an answer to gateway %s" % answer.gateway)
    return answer


def _sign(payload: bytes, signer: Signer, topic: str) -> bytes:
    protected = protected_header(signer.algorithm, signer.kid)
    return envelope(protected, payload, signer.sign(signing_bytes(protected, topic, payload)))


def _verified(raw: bytes, topic: str, keys: Keys) -> bytes:
    if len(raw) > BATCH_BYTES_MAX:
        raise SealError(TOO_LARGE, "%d bytes" % len(raw))
    try:
        signed = read_envelope(raw)
    except BatchError as error:
        raise SealError(MALFORMED, str(error)) from error
    key = keys.find(signed.kid)
    if key is None:
        raise SealError(UNKNOWN_KEY, signed.kid.hex())
    if signed.algorithm != key.algorithm:
        raise SealError(BAD_SIGNATURE, "algorithm %d is not that of the key" % signed.algorithm)
    if not key.verify(signed.signature, signing_bytes(signed.protected, topic, signed.payload)):
        raise SealError(BAD_SIGNATURE, "key id %s" % signed.kid.hex())
    return signed.payload


def _inflate(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(payload, PAYLOAD_BYTES_MAX)
    except zlib.error as error:
        raise SealError(MALFORMED, str(error)) from error
    if inflater.unconsumed_tail:
        raise SealError(TOO_LARGE, "inflates to more than %d bytes" % PAYLOAD_BYTES_MAX)
    if not inflater.eof or inflater.unused_data:
        raise SealError(MALFORMED, "compressed bytes cut short, or more of them than one stream")
    return inflated
