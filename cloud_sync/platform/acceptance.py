"""Acceptance: one batch into the ledger, with its projection and its receipt, in one transaction or not at all.

What a kill does: before the commit nothing has happened, and the gateway sends the batch again; after the commit
the batch is kept, and when the receipt was not sent, the batch comes again, is a duplicate, and is receipted then.
"""

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from cloud_sync.core.batch import BATCH_BYTES_MAX, Batch, Hole, read_envelope
from cloud_sync.core.entry import chain
from cloud_sync.core.intake import ACCEPT, BEYOND_NEWEST, HOLD, REFUSE, Decision, Facts, Intake
from cloud_sync.core.receipt import CLONE, FORK, UNBOUND_MS, UNKNOWN_KEY, Receipt, Refusal, digest_of
from cloud_sync.key_change import is_change
from cloud_sync.platform.clones import Clone, is_refused, look
from cloud_sync.platform.early import forget_early, project_early
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.place import Place
from cloud_sync.platform.projection import project

SET_ASIDE_MAX = 64  # kept messages of one gateway and reason; the first ones tell most
STRANGERS_MAX = 256  # kept messages of keys that are not enrolled, over all names they give themselves

Learn = Callable[[Place, bytes, bytes], None]
_INTAKE = Intake()


def _nothing(_place: Place, _body: bytes, _signed_by: bytes) -> None:
    """Learn nothing."""


class Verdict(NamedTuple):
    """What became of a batch, and the answer to it; None where none is due yet.

    clone: what the batch shows, where nobody knew it yet.
    """

    decision: Decision
    answer: Receipt | Refusal | None
    clone: Clone | None


def accept(
    ledger: Ledger,
    batch: Batch | Hole,
    raw: bytes,
    bucket: str,
    received_ms: int,
    nonce: bytes = b"",
    bound_ms: int = UNBOUND_MS,
    learn: Learn = _nothing,
) -> Verdict:
    """Judge a verified *batch* and do what follows, durably, before its answer can be signed and sent.

    nonce: what came beside the batch; bound_ms: how far received_ms may be off. learn: what to do with a change of
    key among its new entries.
    """
    with ledger.writing() as connection:
        facts = facts_of(connection, batch)
        decision = _INTAKE.accept(batch, digest_of(raw), facts, received_ms, nonce, bound_ms)
        if is_refused(connection, batch):
            _set_aside(connection, batch.gateway, raw, CLONE, "entries %d on" % batch.first_sequence, received_ms)
            refusal = Refusal(batch.gateway, digest_of(raw), CLONE, 0, received_ms)
            decision = decision._replace(verdict=REFUSE, receipt=None, refusal=refusal)
            return Verdict(decision, refusal, None)
        if decision.verdict == HOLD:
            if decision.situation == BEYOND_NEWEST:
                newest = "DELETE FROM held WHERE gateway = ? AND first_sequence = ?"
                connection.execute(newest, (batch.gateway, facts.held_newest))
            project_early(connection, batch, received_ms)
            connection.execute(
                "INSERT INTO held VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                (*batch[:2], batch.first_sequence, batch.previous_link, bucket, received_ms, raw),
            )
            return Verdict(decision, None, None)
        if decision.verdict == ACCEPT:
            _keep(connection, batch, raw, bucket, received_ms, decision, learn)
        if decision.refusal is not None:
            if decision.refusal.reason == FORK:
                _unhold(connection, batch)
                _set_aside(connection, batch.gateway, raw, FORK, decision.situation, received_ms)
            return Verdict(decision, decision.refusal, None)
        assert decision.receipt is not None
        _unhold(connection, batch)
        clone = look(connection, batch, received_ms) if decision.verdict == ACCEPT else None
        return Verdict(decision, decision.receipt, clone)


def facts_of(connection: sqlite3.Connection, batch: Batch | Hole) -> Facts:
    """Return what the ledger knows that bears on *batch*."""

    def first(question: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = connection.execute(question, (batch.gateway, *values)).fetchone()
        return row

    own = first("SELECT * FROM chain WHERE gateway = ? AND incarnation = ?", batch.incarnation)
    before = batch.first_sequence - 1
    parent = first(
        "SELECT max(head_sequence = ?2) FROM chain JOIN ("
        " SELECT gateway, incarnation, sequence, link FROM entry WHERE gateway = ?1 AND sequence = ?2"
        " UNION ALL"
        " SELECT gateway, incarnation, last_sequence, link FROM hole WHERE gateway = ?1 AND last_sequence = ?2"
        ") AS kept USING (gateway, incarnation) WHERE kept.link = ?3",
        *(before, batch.previous_link),
    )
    sibling = first(
        "SELECT 1 FROM chain WHERE gateway = ? AND parent_link = ? AND first_sequence = ? AND incarnation <> ?",
        *(batch.previous_link, batch.first_sequence, batch.incarnation),
    )
    held = first(
        "SELECT count(*), max(incarnation = ?2 AND first_sequence = ?3), max(first_sequence) FROM held"
        " WHERE gateway = ?1",
        *(batch.incarnation, batch.first_sequence),
    )
    top = first("SELECT max(head_sequence) FROM chain WHERE gateway = ? AND head_sequence < ?", before)
    assert parent is not None and held is not None and top is not None  # an aggregate is always one row
    return Facts(
        head_sequence=own["head_sequence"] if own else 0,
        head_link=own["head_link"] if own else b"",
        start_sequence=own["first_sequence"] if own else 0,
        stored_link=_link_at(connection, batch.gateway, batch.incarnation, batch.last_sequence),
        parent_known=parent[0] is not None,
        parent_is_head=bool(parent[0]) and sibling is None,
        held=bool(held[1]),
        held_count=held[0],
        held_newest=held[2] or 0,
        top_sequence=top[0] or 0,
    )


def _link_at(connection: sqlite3.Connection, gateway: str, incarnation: bytes, sequence: int) -> bytes | None:
    row = connection.execute(
        "SELECT link FROM entry WHERE gateway = ?1 AND incarnation = ?2 AND sequence = ?3"
        " UNION ALL SELECT link FROM hole WHERE gateway = ?1 AND incarnation = ?2 AND last_sequence = ?3",
        (gateway, incarnation, sequence),
    ).fetchone()
    return row["link"] if row else None


def _keep(
    connection: sqlite3.Connection, batch: Batch | Hole, raw: bytes, bucket: str, received_ms: int, decision: Decision,
    learn: Learn,
) -> None:  # fmt: skip
    """Write the batch, its chain and its new entries, and project them."""
    name = (batch.gateway, batch.incarnation)
    forget_early(connection, batch)
    connection.execute(
        "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*name, batch.first_sequence, batch.last_sequence, bucket, received_ms, raw),
    )
    others = connection.execute("SELECT count(*) FROM chain WHERE gateway = ?", name[:1]).fetchone()[0]
    afresh = batch.first_sequence == 1 and others > 0  # a second chain from the very beginning
    connection.execute(
        "INSERT INTO chain VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT count(*) FROM chain)) ON CONFLICT DO UPDATE"
        " SET head_sequence = excluded.head_sequence, head_link = excluded.head_link",
        (*name, batch.first_sequence, batch.previous_link, batch.last_sequence, batch.link, decision.branch or afresh),
    )
    if isinstance(batch, Hole):
        connection.execute(
            "INSERT INTO hole VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *name,
                batch.first_sequence,
                batch.last_sequence,
                batch.previous_link,
                batch.link,
                b"".join(batch.links()),
            ),
        )
        return
    order = connection.execute("SELECT coalesce(max(projected), 0) FROM entry").fetchone()[0]
    for entry in chain(batch.previous_link, batch.first_sequence, batch.bodies):
        if entry.sequence < decision.keep_from:
            continue
        order += 1
        connection.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*name, entry.sequence, entry.link, entry.body, received_ms, order),
        )
        place = Place(connection, *name, entry.sequence, received_ms)
        if is_change(entry.body):
            learn(place, entry.body, read_envelope(raw).kid)
        project(place, entry.body)


def _unhold(connection: sqlite3.Connection, batch: Batch | Hole) -> None:
    connection.execute(
        "DELETE FROM held WHERE gateway = ? AND incarnation = ? AND first_sequence = ?",
        (batch.gateway, batch.incarnation, batch.first_sequence),
    )


def keep_receipt(connection: sqlite3.Connection, receipt: Receipt, bucket: str, signed: bytes) -> None:
    """Keep the first *signed* receipt of each sequence."""
    connection.execute(
        "INSERT INTO receipt VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (receipt.gateway, receipt.incarnation, receipt.through_sequence, bucket, receipt.at_ms, signed),
    )


def set_aside(ledger: Ledger, gateway: str, raw: bytes, reason: str, detail: str, received_ms: int) -> None:
    """Keep a refused message, with why, for people to look at; the same bytes only once."""
    with ledger.writing() as connection:
        _set_aside(connection, gateway, raw, reason, detail, received_ms)


def _set_aside(
    connection: sqlite3.Connection, gateway: str, raw: bytes, reason: str, detail: str, received_ms: int
) -> None:
    digest = digest_of(raw)
    again = connection.execute(
        "UPDATE set_aside SET times = times + 1, last_ms = ? WHERE gateway = ? AND digest = ?",
        (received_ms, gateway, digest),
    )
    kept, strangers = connection.execute(
        "SELECT count(*) FILTER (WHERE gateway = ?1), count(*) FROM set_aside WHERE reason = ?2", (gateway, reason)
    ).fetchone()
    if again.rowcount or kept >= SET_ASIDE_MAX or (reason == UNKNOWN_KEY and strangers >= STRANGERS_MAX):
        return
    connection.execute(
        "INSERT INTO set_aside VALUES (NULL, ?, ?, ?, ?, ?, 1, ?, ?)",
        (gateway, reason, detail, received_ms, received_ms, digest, raw[:BATCH_BYTES_MAX]),
    )
