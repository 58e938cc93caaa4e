"""The receiver: messages of gateways in, signed answers out, with the ledger's commit between them.

It opens no bodies, but those of a change of key. A message is judged in three steps, each of which may refuse it with
a reason the gateway understands: is it signed by a key of the gateway its topic names; is it a batch; does it fit
what is kept.
"""

import logging
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from cloud_sync.core.batch import Batch, Hole, read_envelope
from cloud_sync.core.intake import HELD_MAX, HOLD
from cloud_sync.core.receipt import GAP, NONCE_BYTES, UNBOUND_MS, Cosignature, Receipt, Refusal, digest_of
from cloud_sync.core.topic import UP, down_topic, split_topic, up_topic
from cloud_sync.keys import Signer
from cloud_sync.platform.acceptance import accept, keep_receipt, set_aside
from cloud_sync.platform.cosigning import cosign_due, notes_for
from cloud_sync.platform.enrolment import Enrolment
from cloud_sync.platform.ledger import Ledger
from cloud_sync.seal import SealError, open_sealed, seal_answer
from gateway.core.problem import ProblemError
from gateway.words import say

log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """A signed message for a gateway."""

    topic: str
    raw: bytes


class Came(NamedTuple):
    """A message, what came beside it, our time then, and how far that may be off."""

    topic: str
    raw: bytes
    now_ms: int
    nonce: bytes = b""
    bound_ms: int = UNBOUND_MS


Given = Receipt | Refusal | Cosignature


def _covers(later: Given, earlier: Given) -> bool:
    """Tell whether who gets the receipt *later* needs *earlier* no more: not its entries, and not its fresh time."""
    return (
        isinstance(later, Receipt)
        and isinstance(earlier, Receipt)
        and later[:2] == earlier[:2]
        and later.through_sequence >= earlier.through_sequence
        and (later.nonce != b"" or earlier.nonce == b"")
    )


class Receiver:
    """Turns what comes on the up topics of one bucket into answers; all that it does is durable when it returns."""

    def __init__(self, ledger: Ledger, enrolment: Enrolment, signer: Signer, bucket: str) -> None:
        self.ledger = ledger
        self.enrolment = enrolment
        self.signer = signer
        self.bucket = bucket

    def received_all(self, messages: Sequence[Came]) -> list[Answer]:
        """Deal with messages in one transaction, and return the answers to send; then they may be acknowledged.

        A gateway that gives a backlog waits neither for the disk nor for a signature for each batch.
        """
        given: list[Given] = []
        with self.ledger.writing() as connection:
            for message in messages:
                given += self._take(message)
            answers = []
            for number, answer in enumerate(given):
                if any(_covers(later, answer) for later in given[number + 1 :]):
                    continue
                topic = down_topic(self.bucket, answer.gateway)
                signed = seal_answer(answer, self.signer, topic)
                if isinstance(answer, Receipt):
                    keep_receipt(connection, answer, self.bucket, signed)
                answers.append(Answer(topic, signed))
        return answers

    def received(
        self, topic: str, raw: bytes, now_ms: int, nonce: bytes = b"", bound_ms: int = UNBOUND_MS
    ) -> list[Answer]:
        """Deal with one message as `received_all` does.

        now_ms: our time, which may be off by *bound_ms*; nonce: what came beside the message, for its receipt.
        """
        return self.received_all([Came(topic, raw, now_ms, nonce, bound_ms)])

    def _take(self, message: Came) -> list[Given]:
        """Return the answers to a message, and to those of its gateway that waited for it."""
        address = split_topic(message.topic)
        if address is None or address[0] != self.bucket or address[2] != UP:
            log.warning("a message on %s, which is no topic of a gateway", message.topic)
            return []
        self._look_at_keys()
        gateway = address[1]
        given = self._judge(gateway, message)
        for _ in range(HELD_MAX):
            waiting = self._waiting(gateway)
            if waiting is None:
                break
            self._look_at_keys()
            given += self._judge(gateway, message._replace(raw=waiting["signed"], nonce=b""))
            with self.ledger.writing() as connection:  # whatever was said of it: it waits no more
                connection.execute("DELETE FROM held WHERE number = ?", (waiting["number"],))
        return given

    def _judge(self, gateway: str, message: Came) -> list[Given]:
        """Return the answer to one message, if there is one, and the notes that its gateway may be waiting for."""
        raw, now_ms = message.raw, message.now_ms
        nonce = message.nonce if len(message.nonce) == NONCE_BYTES else b""
        try:
            batch = open_sealed(raw, up_topic(self.bucket, gateway), self.enrolment.of(gateway))
            self.enrolment.check(gateway, read_envelope(raw).kid, batch.last_sequence)
        except SealError as error:
            set_aside(self.ledger, gateway, raw, error.reason, error.detail, now_ms)
            log.warning("refused a message of %s: %s", gateway, error)
            return [Refusal(gateway, digest_of(raw), error.reason, 0, now_ms)]
        learn = self.enrolment.learn
        verdict = accept(self.ledger, batch, raw, self.bucket, now_ms, nonce, message.bound_ms, learn)
        decision = verdict.decision
        if decision.branch:
            log.warning("%s: a chain leaves another before its end at entry %d", gateway, batch.first_sequence)
        if decision.refusal is not None and decision.refusal.reason != GAP:
            log.warning("refused entries %d on of %s: %s", batch.first_sequence, gateway, decision.situation)
        assert (verdict.answer is None) == (decision.verdict == HOLD)
        if verdict.clone is not None:
            log.error("%s: its key writes in two places; chain %s is refused", gateway, verdict.clone.refused.hex()[:8])
        given: list[Given] = [] if verdict.answer is None else [verdict.answer]
        if decision.receipt is not None:
            given += [Cosignature(gateway, note) for note in self._notes(batch, now_ms)]
        return given

    def _notes(self, batch: Batch | Hole, now_ms: int) -> list[bytes]:
        """Return the cosigned checkpoints that the gateway may be waiting for, now that *batch* is kept."""
        place = (batch.gateway, batch.incarnation, batch.first_sequence, batch.last_sequence)
        asked = "SELECT 1 FROM checkpoint WHERE gateway = ? AND incarnation = ? AND sequence BETWEEN ? AND ?"
        if not self.ledger.read(asked, place):
            return []
        with self.ledger.writing() as connection:
            for wrong in cosign_due(connection, batch.gateway, self.signer, now_ms):
                log.error("%s: %s", batch.gateway, wrong)
            return notes_for(connection, *place)

    def _waiting(self, gateway: str) -> sqlite3.Row | None:
        """Return a held batch of *gateway* whose turn has come, or None."""
        found = self.ledger.read(
            "SELECT number, signed FROM held LEFT JOIN chain USING (gateway, incarnation)"
            " WHERE gateway = ? AND bucket = ? AND CASE WHEN head_sequence IS NULL"
            " THEN EXISTS (SELECT 1 FROM entry WHERE entry.gateway = held.gateway"
            " AND sequence = held.first_sequence - 1 AND link = previous_link)"
            " OR EXISTS (SELECT 1 FROM hole WHERE hole.gateway = held.gateway"
            " AND hole.last_sequence = held.first_sequence - 1 AND hole.link = held.previous_link)"
            " ELSE held.first_sequence <= head_sequence + 1 END ORDER BY held.first_sequence LIMIT 1",
            (gateway, self.bucket),
        )
        return found[0] if found else None

    def _look_at_keys(self) -> None:
        try:
            self.enrolment.refresh()
        except ProblemError as error:
            for one in error.problems:
                log.error("%s", say(one))
