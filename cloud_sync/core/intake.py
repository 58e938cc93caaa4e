"""Intake: the receiver's judgement of one verified batch, from what the ledger already keeps.

Chains branch by incarnation: the first batch of a new one names its parent by the previous link. A batch
beyond the head of its chain is held until the gap before it is filled, since workers may share a topic
and messages overtake each other; when it comes a second time, or too many are held, the gap is refused.
The receiver commits what a decision says before it signs and publishes the receipt.
"""

from collections import namedtuple

from cloud_sync.core.batch import Batch, Hole
from cloud_sync.core.entry import FIRST_SEQUENCE, GENESIS, link
from cloud_sync.core.receipt import FORK, GAP, UNBOUND_MS, Receipt, Refusal

HELD_MAX = 64  # Held batches of one gateway; two full windows of its uplink.

ACCEPT = "accept"
DUPLICATE = "duplicate"
HOLD = "hold"
REFUSE = "refuse"

# What a batch is to the ledger, and what follows: the whole of the intake's judgement.
NEXT = "follows the head of its chain"
OPENING = "opens a chain after a known entry"
OVERLAP = "repeats the head and goes on"
AGAIN = "is kept already"
OTHER_BYTES = "says something else about a kept entry"
BEYOND = "lies beyond a gap"
BEYOND_AGAIN = "lies beyond a gap and was held before"
BEYOND_FULL = "lies beyond a gap and too many are held"
BEYOND_NEWEST = "lies beyond a gap, and too many are held, but it is newer than all of them"
VERDICTS = {
    NEXT: ACCEPT,
    OPENING: ACCEPT,
    OVERLAP: ACCEPT,
    AGAIN: DUPLICATE,
    OTHER_BYTES: REFUSE,
    BEYOND: HOLD,
    BEYOND_AGAIN: REFUSE,
    BEYOND_FULL: REFUSE,
    BEYOND_NEWEST: HOLD,  # in place of the newest that is held: that one comes again in its turn
}


class Facts(
    namedtuple(
        "Facts",
        (
            "head_sequence", "head_link", "start_sequence", "stored_link", "parent_known", "parent_is_head", "held",
            "held_count", "held_newest", "top_sequence",
        ),
    )
):  # fmt: skip
    """What the ledger knows that bears on one batch, read in the transaction that will keep it.

    head_sequence, head_link: last entry kept of this gateway's incarnation, 0 and b"" where there is none.
    start_sequence: first entry kept of this incarnation, 0 where there is none.
    stored_link: link kept for (incarnation, last_sequence of the batch), or None; a hole keeps only its last.
    parent_known: an entry first_sequence - 1 with link previous_link is kept, in whatever incarnation.
    parent_is_head: that entry is the last of its own chain and no other chain opens after it: no branch.
    held: a batch of this incarnation and first_sequence is held. held_count: held batches of the gateway.
    held_newest: highest first_sequence of these, 0 where none is held.
    top_sequence: highest head of the gateway's chains below first_sequence - 1, 0 where there is none.
    """

    __slots__ = ()
    head_sequence: int
    head_link: bytes
    start_sequence: int
    stored_link: "bytes | None"
    parent_known: bool
    parent_is_head: bool
    held: bool
    held_count: int
    held_newest: int
    top_sequence: int


class Decision(namedtuple("Decision", ("verdict", "situation", "receipt", "refusal", "keep_from", "branch"))):
    """What to do with a batch, why, and what to answer.

    keep_from: first sequence of the entries to keep (ACCEPT). branch: the chain it opens leaves another one
    before its end, as after a roll-back of the gateway's card; to be shown. HOLD has no answer.
    """

    __slots__ = ()
    verdict: str
    situation: str
    receipt: "Receipt | None"
    refusal: "Refusal | None"
    keep_from: int
    branch: bool


def _agrees(batch: "Batch | Hole", facts: Facts) -> bool:
    """Tell whether a batch that begins before the head's end says what is kept; of a hole that cannot be told."""
    if isinstance(batch, Hole) or batch.first_sequence < facts.start_sequence:
        return False
    last = batch.previous_link
    for sequence in range(batch.first_sequence, facts.head_sequence + 1):
        last = link(last, sequence, batch.bodies[sequence - batch.first_sequence])
    return last == facts.head_link


def _situation(batch: "Batch | Hole", facts: Facts) -> str:
    head = facts.head_sequence
    if head == 0:
        if batch.first_sequence == FIRST_SEQUENCE:
            return OPENING if batch.previous_link == GENESIS else OTHER_BYTES
        if facts.parent_known:
            return OPENING
    elif batch.last_sequence <= head:
        return AGAIN if facts.stored_link == batch.link else OTHER_BYTES
    elif batch.first_sequence == head + 1:
        return NEXT if batch.previous_link == facts.head_link else OTHER_BYTES
    elif batch.first_sequence <= head:
        return OVERLAP if _agrees(batch, facts) else OTHER_BYTES
    if facts.held:
        return BEYOND_AGAIN
    if facts.held_count < HELD_MAX:
        return BEYOND
    return BEYOND_NEWEST if batch.first_sequence > facts.held_newest else BEYOND_FULL


class Intake:
    """Judges batches; keeps nothing between them, so that any number of workers can share the work."""

    def accept(
        self,
        batch: "Batch | Hole",
        digest: bytes,
        facts: Facts,
        at_ms: int,
        nonce: bytes = b"",
        bound_ms: int = UNBOUND_MS,
    ) -> Decision:
        """Return what to do with *batch*, whose message has *digest*, at the platform's time *at_ms*.

        nonce: as it came with the message; bound_ms: how far the platform's time may be off.
        """
        situation = _situation(batch, facts)
        verdict = VERDICTS[situation]
        receipt = refusal = None
        keep_from = 0
        if verdict in (ACCEPT, DUPLICATE):
            # Through the batch's own end even where more is kept: after a roll-back the gateway may not know the rest.
            receipt = Receipt(batch.gateway, batch.incarnation, batch.last_sequence, batch.link, at_ms, nonce, bound_ms)
        if verdict == ACCEPT:
            keep_from = max(batch.first_sequence, facts.head_sequence + 1)
        elif situation == OTHER_BYTES:
            refusal = Refusal(batch.gateway, digest, FORK, 0, at_ms)
        elif verdict == REFUSE:
            expected = (facts.head_sequence or facts.top_sequence) + 1
            refusal = Refusal(batch.gateway, digest, GAP, expected, at_ms)
        branch = situation == OPENING and batch.first_sequence > FIRST_SEQUENCE and not facts.parent_is_head
        return Decision(verdict, situation, receipt, refusal, keep_from, branch)
