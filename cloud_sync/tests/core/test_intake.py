"""Intake: one batch against one set of facts, every situation of its table."""

from cloud_sync.core.batch import batch_of, hole_of
from cloud_sync.core.entry import GENESIS, chain
from cloud_sync.core.intake import (
    ACCEPT,
    AGAIN,
    BEYOND,
    BEYOND_AGAIN,
    BEYOND_FULL,
    BEYOND_NEWEST,
    DUPLICATE,
    HELD_MAX,
    HOLD,
    NEXT,
    OPENING,
    OTHER_BYTES,
    OVERLAP,
    REFUSE,
    VERDICTS,
    Facts,
    Intake,
)
from cloud_sync.core.receipt import FORK, GAP, UNBOUND_MS, Receipt, Refusal

ONE = b"1" * 16
TWO = b"2" * 16
DIGEST = b"d" * 16
LINKS = [GENESIS] + [entry.link for entry in chain(GENESIS, 1, tuple([b"%d" % number for number in range(1, 13)]))]
seen = set()


def batch(first, last, incarnation=ONE):
    return batch_of("gw", incarnation, first, LINKS[first - 1], tuple([b"%d" % n for n in range(first, last + 1)]))


def facts(
    head=0, stored=None, parent_known=False, parent_is_head=False, held=False, held_count=0, top=0, start=1, newest=99
):
    return Facts(
        head, LINKS[head] if head else b"", start if head else 0, stored, parent_known, parent_is_head, held,
        held_count, newest, top,
    )  # fmt: skip


def judge(one, known):
    decision = Intake().accept(one, DIGEST, known, 1000)
    seen.add(decision.situation)
    assert decision.verdict == VERDICTS[decision.situation]
    assert (decision.receipt is not None) == (decision.verdict in (ACCEPT, DUPLICATE))
    assert (decision.refusal is not None) == (decision.verdict == REFUSE)
    return decision


def test_the_first_batch_of_all_opens_a_chain():
    """Sequence 1 after the genesis link needs no parent and is no branch."""
    decision = judge(batch(1, 3), facts())
    assert decision.situation == OPENING and decision.keep_from == 1 and not decision.branch
    assert decision.receipt == Receipt("gw", ONE, 3, LINKS[3], 1000, b"", UNBOUND_MS)


def test_sequence_one_after_another_link_is_a_lie():
    """The first entry of all can follow nothing but the genesis link."""
    other = batch_of("gw", ONE, 1, b"x" * 32, (b"",))
    assert judge(other, facts()).refusal == Refusal("gw", DIGEST, FORK, 0, 1000)


def test_the_next_batch_is_accepted():
    """A batch that follows the head is kept whole; so is a hole."""
    for one in (batch(4, 6), hole_of(batch(4, 6))):
        decision = judge(one, facts(head=3))
        assert decision.situation == NEXT and decision.keep_from == 4
        assert decision.receipt.through_sequence == 6 and decision.receipt.link == LINKS[6]


def test_a_repeated_batch_gets_its_own_receipt():
    """A duplicate is receipted through its own end, though more is kept; so is its hole."""
    for one in (batch(2, 4), hole_of(batch(2, 4))):
        decision = judge(one, facts(head=9, stored=LINKS[4]))
        assert decision.situation == AGAIN and decision.receipt == Receipt(
            "gw", ONE, 4, LINKS[4], 1000, b"", UNBOUND_MS
        )


def test_other_bytes_under_a_kept_sequence_are_a_fork():
    """The same incarnation and sequence with another link is refused, wherever it lies before the head."""
    other = batch_of("gw", ONE, 2, LINKS[1], (b"other", b"bytes"))
    for known in (facts(head=9, stored=LINKS[3]), facts(head=9), facts(head=2), facts(head=1, start=1)):
        decision = judge(other, known)
        if known.head_sequence == 1:
            assert decision.situation == NEXT
        else:
            assert decision.refusal == Refusal("gw", DIGEST, FORK, 0, 1000)
    assert judge(batch_of("gw", ONE, 4, b"y" * 32, (b"",)), facts(head=3)).situation == OTHER_BYTES


def test_an_overlap_that_agrees_goes_on_after_the_head():
    """A batch cut differently is kept from the entry after the head; one that contradicts, or a hole, is not."""
    decision = judge(batch(2, 6), facts(head=4))
    assert decision.situation == OVERLAP and decision.keep_from == 5
    assert judge(hole_of(batch(2, 6)), facts(head=4)).situation == OTHER_BYTES
    assert judge(batch(2, 6), facts(head=4, start=3)).situation == OTHER_BYTES
    assert judge(batch_of("gw", ONE, 4, LINKS[3], (b"no", b"no")), facts(head=4)).situation == OTHER_BYTES


def test_a_batch_beyond_a_gap_is_held_then_refused():
    """Out of order is held without an answer; the second time, or when too many are held, the gap is refused."""
    assert judge(batch(6, 7), facts(head=3)).verdict == HOLD
    for known, situation in (
        (facts(head=3, held=True, held_count=1), BEYOND_AGAIN),
        (facts(head=3, held_count=HELD_MAX), BEYOND_FULL),
    ):
        decision = judge(batch(6, 7), known)
        assert decision.situation == situation
        assert decision.refusal == Refusal("gw", DIGEST, GAP, 4, 1000)
    assert judge(batch(6, 7), facts(head=3, held_count=HELD_MAX - 1)).situation == BEYOND


def test_the_newest_batch_is_held_in_place_of_the_newest_held():
    """However many wait, a batch newer than all of them is held: a backlog hides no live figures."""
    assert judge(batch(6, 7), facts(head=3, held_count=HELD_MAX, newest=5)).situation == BEYOND_NEWEST


def test_a_new_incarnation_goes_on_from_its_parent():
    """A chain whose parent is the end of another is no branch; one that leaves another before its end is."""
    assert not judge(batch(5, 6, TWO), facts(parent_known=True, parent_is_head=True)).branch
    decision = judge(batch(5, 6, TWO), facts(parent_known=True))
    assert decision.situation == OPENING and decision.branch and decision.keep_from == 5


def test_a_new_incarnation_without_its_parent_waits():
    """An unknown parent is held, then refused as a gap that begins after the highest head below it."""
    assert judge(batch(8, 9, TWO), facts(top=4)).verdict == HOLD
    decision = judge(batch(8, 9, TWO), facts(top=4, held=True))
    assert decision.refusal == Refusal("gw", DIGEST, GAP, 5, 1000)
    assert judge(batch(8, 9, TWO), facts(held=True)).refusal.expected_sequence == 1


def test_every_situation_was_met():
    """The tests above meet every row of the table."""
    test_the_first_batch_of_all_opens_a_chain()
    test_the_next_batch_is_accepted()
    test_a_repeated_batch_gets_its_own_receipt()
    test_other_bytes_under_a_kept_sequence_are_a_fork()
    test_an_overlap_that_agrees_goes_on_after_the_head()
    test_a_batch_beyond_a_gap_is_held_then_refused()
    test_the_newest_batch_is_held_in_place_of_the_newest_held()
    assert seen == set(VERDICTS)
