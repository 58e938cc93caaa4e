"""Receipts and refusals: what they say is read back, and nothing else is taken for one."""

from cloud_sync.core.canonical import decode, encode
from cloud_sync.core.receipt import (
    DIGEST_BYTES,
    NONCE_BYTES,
    NOTE_BYTES_MAX,
    REASONS,
    UNBOUND_MS,
    AnswerError,
    Cosignature,
    Receipt,
    Refusal,
    answer_payload,
    digest_of,
    read_answer,
)

RECEIPT = Receipt("gw-1", b"i" * 16, 12, b"l" * 32, 1700000000000, b"n" * 16, 20)
REFUSAL = Refusal("gw-1", digest_of(b"abc"), "gap", 7, 1700000000000)


def refused(payload):
    try:
        read_answer(payload)
    except AnswerError:
        return True
    return False


def test_answers_come_back_from_their_payload():
    """A receipt and a refusal of every reason are read as they were written."""
    assert read_answer(answer_payload(RECEIPT)) == RECEIPT
    for reason in REASONS:
        refusal = Refusal("gw-1", REFUSAL.digest, reason, 0, 0)
        back = read_answer(answer_payload(refusal))
        assert back == refusal and isinstance(back, Refusal)


def test_a_message_is_named_by_the_start_of_its_hash():
    """The digest is the first half of SHA-256("abc"), as FIPS 180-4 gives it."""
    assert digest_of(b"abc") == bytes.fromhex("ba7816bf8f01cfea414140de5dae2223")


def test_other_answers_are_refused():
    """Every field of another type, length or range, every missing and every further field is refused."""
    for answer in (RECEIPT, REFUSAL):
        good = decode(answer_payload(answer))
        for key in range(len(answer) + 1):
            for value in (None, True, -1, [], {}, b"", b"x" * 15, 99 if key == 0 else None):
                if key == 6 and value == b"":
                    continue  # a batch came without a nonce
                changed = dict(good)
                changed[key] = value
                assert refused(encode(changed)), (key, value)
            del changed[key]
            assert refused(encode(changed))
        further = dict(good)
        further[len(answer) + 1] = 0
        assert refused(encode(further))
        assert refused(answer_payload(answer) + b"\x00")
    changed = decode(answer_payload(REFUSAL))
    changed[3] = "because"
    assert refused(encode(changed))
    assert refused(encode([]))


def test_a_cosignature_comes_back_and_its_note_is_limited():
    """A note of one byte or of the most is read back; one of none, or of one more, is refused."""
    for length in (1, NOTE_BYTES_MAX):
        answer = Cosignature("gw-1", b"n" * length)
        back = read_answer(answer_payload(answer))
        assert back == answer and isinstance(back, Cosignature)
    for length in (0, NOTE_BYTES_MAX + 1):
        assert refused(answer_payload(Cosignature("gw-1", b"n" * length)))


def test_fields_at_both_ends():
    """Nought is a sequence, a time and a bound; notes have 1 to 1024 bytes; nonces 16 or none."""
    note = Cosignature("gw-1", b"n")
    assert read_answer(answer_payload(note)) == note and isinstance(read_answer(answer_payload(note)), Cosignature)
    for answer, key, value, fine in (
        (RECEIPT, 3, 0, True), (RECEIPT, 5, 0, True), (RECEIPT, 7, 0, True), (RECEIPT, 3, -1, False),
        (RECEIPT, 5, -1, False), (RECEIPT, 7, -1, False), (RECEIPT, 6, b"", True), (RECEIPT, 6, b"n" * 15, False),
        (RECEIPT, 6, b"n" * 17, False), (RECEIPT, 2, b"i" * 15, False), (RECEIPT, 2, b"i" * 17, False),
        (RECEIPT, 4, b"l" * 31, False), (RECEIPT, 4, b"l" * 33, False), (RECEIPT, 1, "", True),
        (REFUSAL, 2, b"d" * 15, False), (REFUSAL, 2, b"d" * 17, False), (REFUSAL, 4, 0, True), (REFUSAL, 5, 0, True),
        (REFUSAL, 4, -1, False), (REFUSAL, 5, -1, False), (REFUSAL, 3, "fork", True), (REFUSAL, 3, "", False),
        (note, 2, b"", False), (note, 2, b"n" * 1024, True), (note, 2, b"n" * 1025, False), (note, 2, "n", False),
        (note, 1, b"gw-1", False), (RECEIPT, 0, 4, False), (REFUSAL, 0, 3, False), (note, 0, 6, False),
        (note, 0, 2, False), (note, 0, 5, True), (RECEIPT, 3, True, False), (RECEIPT, 3, 1 << 63, True),
    ):  # fmt: skip
        members = decode(answer_payload(answer))
        members[key] = value
        assert refused(encode(members)) != fine, (key, value)
        if fine and key:
            assert read_answer(encode(members))[key - 1] == value
    assert decode(answer_payload(RECEIPT))[0] == 3 and decode(answer_payload(REFUSAL))[0] == 4
    assert decode(answer_payload(note)) == {0: 5, 1: "gw-1", 2: b"n"}
    assert (NOTE_BYTES_MAX, NONCE_BYTES, DIGEST_BYTES, UNBOUND_MS) == (1024, 16, 16, 24 * 3600 * 1000)


def vectors():
    """The payloads of a receipt and of every refusal."""
    refusals = [Refusal("gw-1", REFUSAL.digest, reason, 7, 1700000000000) for reason in sorted(REASONS)]
    return [answer_payload(answer) for answer in [RECEIPT] + refusals]
