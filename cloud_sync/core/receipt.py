"""Receipt, Refusal and Cosignature: the answers of the platform, signed by it.

A receipt is cumulative: it says that every entry of an incarnation up to a sequence is kept, whatever
receipts were lost before. Nothing else frees an entry. A refusal names the refused message by its digest,
because a message that could not be verified has no other name.
"""

from collections import namedtuple
from hashlib import sha256

from cloud_sync.core.canonical import CanonicalError, decode, encode

KIND_RECEIPT = 3
KIND_REFUSAL = 4
KIND_COSIGNATURE = 5
DIGEST_BYTES = 16
NONCE_BYTES = 16
UNBOUND_MS = 86400000  # Said by a platform whose own clock is not synchronised: nobody may set a clock by it.

GAP = "gap"  # Entries before it are missing: send from expected_sequence.
FORK = "fork"  # The same incarnation and sequence is kept with other bytes.
UNKNOWN_KEY = "unknown-key"  # The key is not enrolled (yet): try again later.
REVOKED_KEY = "revoked-key"  # The key speaks for nobody any more: make another and enrol it.
BAD_SIGNATURE = "bad-signature"
TOO_LARGE = "too-large"
MALFORMED = "malformed"
CLONE = "clone"  # The same key writes elsewhere at the same time: a person has to look into it.
NOTE_BYTES_MAX = 1024  # Three short lines and one signature.
_SHAPES = {
    KIND_RECEIPT: (str, bytes, int, bytes, int, bytes, int),
    KIND_REFUSAL: (str, bytes, str, int, int),
    KIND_COSIGNATURE: (str, bytes),
}
REASONS = (GAP, FORK, UNKNOWN_KEY, REVOKED_KEY, BAD_SIGNATURE, TOO_LARGE, MALFORMED, CLONE)


class Receipt(
    namedtuple("Receipt", ("gateway", "incarnation", "through_sequence", "link", "at_ms", "nonce", "bound_ms"))
):
    """The platform keeps every entry of *incarnation* up to through_sequence, whose link is *link*, at at_ms.

    nonce: as it came with the batch that this answers, b"" where none came; bound_ms: how far at_ms may be off.
    """

    __slots__ = ()
    gateway: str
    incarnation: bytes
    through_sequence: int
    link: bytes
    at_ms: int
    nonce: bytes
    bound_ms: int


class Refusal(namedtuple("Refusal", ("gateway", "digest", "reason", "expected_sequence", "at_ms"))):
    """The message with *digest* was not accepted; expected_sequence is 0 unless the reason is a gap."""

    __slots__ = ()
    gateway: str
    digest: bytes
    reason: str
    expected_sequence: int
    at_ms: int


class Cosignature(namedtuple("Cosignature", ("gateway", "note"))):
    """The platform found a checkpoint of the gateway to continue all before it; *note* is what an auditor reads."""

    __slots__ = ()
    gateway: str
    note: bytes


class AnswerError(ValueError):
    """A payload is neither a receipt nor a refusal."""


def digest_of(raw: bytes) -> bytes:
    """Return the name of a message as it was sent: the first 16 bytes of its SHA-256."""
    return sha256(raw).digest()[:DIGEST_BYTES]


def answer_payload(answer: "Receipt | Refusal | Cosignature") -> bytes:
    """Return the canonical payload of an answer."""
    kind = KIND_RECEIPT
    if isinstance(answer, Refusal):
        kind = KIND_REFUSAL
    elif isinstance(answer, Cosignature):
        kind = KIND_COSIGNATURE
    members: "dict[int, object]" = {0: kind}
    for index in range(len(answer)):
        members[index + 1] = answer[index]
    return encode(members)


def read_answer(payload: bytes) -> "Receipt | Refusal | Cosignature":
    """Return the answer of a payload; raises AnswerError where it is none."""
    try:
        members = decode(payload)
    except CanonicalError as error:
        raise AnswerError("the answer is not canonical: %s" % error)  # noqa: B904
    if not isinstance(members, dict):
        raise AnswerError("the answer is no map")
    kind = members.get(0)
    if type(kind) is not int or kind not in _SHAPES:
        raise AnswerError("an answer of an unknown kind")
    shape = _SHAPES[kind]
    if sorted(members) != list(range(len(shape) + 1)):
        raise AnswerError("the answer has other fields")
    for index in range(len(shape)):
        value = members[index + 1]
        if isinstance(value, bool) or not isinstance(value, shape[index]):
            raise AnswerError("a field of the answer has another shape")
    if kind == KIND_COSIGNATURE:
        if not 0 < len(members[2]) <= NOTE_BYTES_MAX:
            raise AnswerError("the note of the cosignature is out of range")
        return Cosignature(members[1], members[2])
    if kind == KIND_RECEIPT:
        if len(members[2]) != 16 or len(members[4]) != 32 or members[3] < 0 or members[5] < 0:
            raise AnswerError("a field of the receipt is out of range")
        if len(members[6]) not in (0, NONCE_BYTES) or members[7] < 0:
            raise AnswerError("a field of the receipt is out of range")
        return Receipt(members[1], members[2], members[3], members[4], members[5], members[6], members[7])
    if len(members[2]) != DIGEST_BYTES or members[3] not in REASONS or members[4] < 0 or members[5] < 0:
        raise AnswerError("a field of the refusal is out of range")
    return Refusal(members[1], members[2], members[3], members[4], members[5])
