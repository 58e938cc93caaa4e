"""Batches, holes and envelopes: what they say is read back, and nothing else is taken for one."""

from cloud_sync.core.batch import (
    BATCH_BYTES_MAX,
    BATCH_ENTRIES_MAX,
    BODY_BYTES_MAX,
    EDDSA,
    ES256,
    PAYLOAD_BYTES_MAX,
    SEQUENCE_MAX,
    SM2,
    BatchError,
    batch_of,
    batch_payload,
    envelope,
    hole_of,
    hole_over,
    protected_header,
    read_batch,
    read_envelope,
    signing_bytes,
)
from cloud_sync.core.canonical import decode, encode
from cloud_sync.core.entry import GENESIS, chain

INCARNATION = bytes(range(16))
BATCH = batch_of("gw-1", INCARNATION, 5, b"\x07" * 32, (b"one", b"", b"three"))


def refused(read, raw):
    try:
        read(raw)
    except BatchError:
        return True
    return False


def test_a_batch_comes_back_from_its_payload():
    """A payload gives the same batch; last sequence and link are those of the last entry of the chain."""
    assert read_batch(batch_payload(BATCH)) == BATCH
    last = chain(BATCH.previous_link, 5, BATCH.bodies)[-1]
    assert (BATCH.last_sequence, BATCH.link) == (last.sequence, last.link) and last.sequence == 7


def test_the_link_is_not_sent():
    """The link of a batch is computed from its bodies: 32 bytes that cannot be compressed stay at home."""
    assert BATCH.link not in batch_payload(BATCH) and BATCH.link not in batch_payload(hole_of(BATCH))


def test_a_hole_stands_for_its_batch():
    """A hole has the batch's place and link, and comes back from its payload."""
    hole = hole_of(BATCH)
    assert read_batch(batch_payload(hole)) == hole
    for field in ("gateway", "incarnation", "first_sequence", "last_sequence", "previous_link", "link"):
        assert getattr(hole, field) == getattr(BATCH, field)
    entries = chain(BATCH.previous_link, BATCH.first_sequence, BATCH.bodies)
    assert hole.links() == tuple([entry.link for entry in entries])


def test_other_payloads_are_refused():
    """Every field of another type, length or range, every missing and every further field is refused."""
    for batch in (BATCH, hole_of(BATCH)):
        good = decode(batch_payload(batch))
        for key in sorted(good):
            for value in (None, True, -1, 0, 1 << 63, "", "a/b", b"", b"x" * 31, [], [1], [b""] * 501, {}):
                changed = dict(good)
                changed[key] = value
                assert refused(read_batch, encode(changed)), (key, value)
            del changed[key]
            assert refused(read_batch, encode(changed))
        further = dict(good)
        further[7] = 0
        assert refused(read_batch, encode(further))
    for value in (None, 1, [], b""):
        assert refused(read_batch, encode(value))
    assert refused(read_batch, batch_payload(BATCH) + b"\x00")


def test_the_number_of_entries_is_limited():
    """A batch has at most 500 entries, a hole stands for at most 500."""
    full = batch_of("g", INCARNATION, 1, GENESIS, (b"",) * BATCH_ENTRIES_MAX)
    assert read_batch(batch_payload(full)) == full
    members = decode(batch_payload(full))
    members[5] = [b""] * (BATCH_ENTRIES_MAX + 1)
    assert refused(read_batch, encode(members))
    members = decode(batch_payload(hole_of(full)))
    members[5] = [b"d" * 32] * (BATCH_ENTRIES_MAX + 1)
    assert refused(read_batch, encode(members))


def test_the_last_sequence_is_within_range_too():
    """A batch, or a hole, whose first entry is the last there can be holds no second one."""
    last = 2**63 - 1
    for batch in (BATCH, hole_of(BATCH)):
        members = decode(batch_payload(batch))
        members[3] = last
        assert refused(read_batch, encode(members))
        members[3] = last - 2
        assert read_batch(encode(members)).last_sequence == last


def test_what_is_signed_is_the_structure_of_rfc_9052():
    """Signed is ["Signature1", protected, topic, payload], written out by hand here."""
    protected = protected_header(EDDSA, b"12345678")
    assert protected == bytes.fromhex("a20127") + b"\x04\x48" + b"12345678"
    expected = b"\x84\x6aSignature1\x4d" + protected + b"\x43a/b\x42pp"
    assert signing_bytes(protected, "a/b", b"pp") == expected


def test_an_envelope_comes_back_and_others_are_refused():
    """A COSE_Sign1 message gives its parts; another tag, shape, header, length or spelling is refused."""
    protected = protected_header(EDDSA, b"12345678")
    raw = envelope(protected, b"payload", b"s" * 64)
    assert raw[:1] == b"\xd2"
    signed = read_envelope(raw)
    assert (signed.algorithm, signed.kid, signed.payload, signed.signature) == (
        EDDSA, b"12345678", b"payload", b"s" * 64,
    )  # fmt: skip
    others = [
        b"", raw[1:], b"\xd3" + raw[1:], raw + b"\x00", raw[:-1], b"\xd2\x80", b"\xd2\xa0",
        b"\xd2" + encode([protected, {1: 1}, b"", b"s" * 64]),
        b"\xd2" + encode([protected, {}, b"", b"s" * 63]),
        b"\xd2" + encode([protected, {}, None, b"s" * 64]),
        b"\xd2" + encode([encode({1: -8}), {}, b"", b"s" * 64]),
        b"\xd2" + encode([encode({1: True, 4: b"12345678"}), {}, b"", b"s" * 64]),
        b"\xd2" + encode([encode({1: -8, 4: b"1234567"}), {}, b"", b"s" * 64]),
        b"\xd2" + encode([encode({1: -8, 4: b"12345678", 5: 0}), {}, b"", b"s" * 64]),
        b"\xd2" + encode([encode([]), {}, b"", b"s" * 64]),
        b"\xd2" + bytes(BATCH_BYTES_MAX),
    ]  # fmt: skip
    for other in others:
        assert refused(read_envelope, other), other[:40]


def test_the_limits_are_those_of_the_format():
    """What docs/batch-format.md promises to readers: sizes, numbers of kinds and algorithms."""
    assert (BATCH_ENTRIES_MAX, BATCH_BYTES_MAX, PAYLOAD_BYTES_MAX, BODY_BYTES_MAX) == (500, 131072, 4194304, 1048576)
    assert (EDDSA, ES256, SM2) == (-8, -7, -65793)
    assert SEQUENCE_MAX == 9223372036854775807
    assert decode(batch_payload(BATCH))[0] == 1 and decode(batch_payload(hole_of(BATCH)))[0] == 2


def test_the_last_sequence_there_is():
    """A batch and a hole may end at 2**63 - 1 and not one later; they begin at 1 and not before."""
    for count in (1, 2, 500):
        for first, fine in ((SEQUENCE_MAX - count + 1, True), (SEQUENCE_MAX - count + 2, False), (1, True), (0, False)):
            sound = batch_of("g", INCARNATION, 7, GENESIS, (b"x",) * count)
            for one in (sound, hole_of(sound)):
                members = decode(batch_payload(one))
                members[3] = first
                raw = encode(members)
                assert refused(read_batch, raw) != fine
                if fine:
                    assert read_batch(raw).last_sequence == first + count - 1


def test_a_full_hole_is_read():
    """A hole stands for 500 entries, and its link is that of the batch."""
    full = batch_of("g", INCARNATION, 1, GENESIS, (b"",) * BATCH_ENTRIES_MAX)
    assert read_batch(batch_payload(hole_of(full))) == hole_of(full)
    made = hole_over("g", INCARNATION, 1, GENESIS, hole_of(full).digests)
    assert made == hole_of(full) and made.last_sequence == 500 and len(made.links()) == 500


def test_a_body_of_the_greatest_length():
    """One MiB is read, one byte more is not."""
    batch = batch_of("g", INCARNATION, 1, GENESIS, (bytes(BODY_BYTES_MAX),))
    assert read_batch(batch_payload(batch)) == batch
    members = decode(batch_payload(batch))
    members[5] = [bytes(BODY_BYTES_MAX + 1)]
    assert refused(read_batch, encode(members))


def test_an_envelope_of_the_greatest_length():
    """128 KiB as sealed are read, one byte more is not."""
    protected = protected_header(EDDSA, b"12345678")
    room = BATCH_BYTES_MAX - len(envelope(protected, bytes(70000), b"s" * 64)) + 70000
    raw = envelope(protected, bytes(room), b"s" * 64)
    assert len(raw) == BATCH_BYTES_MAX and read_envelope(raw).payload == bytes(room)
    assert refused(read_envelope, envelope(protected, bytes(room + 1), b"s" * 64))


def test_an_envelope_whose_header_is_no_bytes():
    """Parts of other types, and more or fewer of them, are no envelope."""
    for parts in (
        [5, {}, b"", b"s" * 64], [None, {}, b"", b"s" * 64], ["a", {}, b"", b"s" * 64], [b"", {}, b""],
        [b"", {}, b"", b"s" * 64, 1], {0: b""}, [b"\xff", {}, b"", b"s" * 64], 7,
    ):  # fmt: skip
        assert refused(read_envelope, b"\xd2" + encode(parts)), parts


def vectors():
    """What is signed of a batch and of a hole, and the envelope around it."""
    protected = protected_header(EDDSA, b"k" * 8)
    pieces = []
    for payload in (batch_payload(BATCH), batch_payload(hole_of(BATCH))):
        pieces.append(signing_bytes(protected, "v1/b0/gw-1/up", payload))
        pieces.append(envelope(protected, payload, b"s" * 64))
    return pieces
