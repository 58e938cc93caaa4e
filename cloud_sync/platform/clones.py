"""Clones: one key that speaks from two places, known by two chains that grow in turn.

A restart ends one chain and begins another; a card set back leaves its chain for good. Only two processes that run
at the same time, with one key, make a chain grow after a younger one has begun. Then the one that branched off, or
else the younger, is refused until a person has looked into it. What was on its way when a card was set back is no
sign of a clone: it was written before the younger chain began, and it is at most a window of batches.
"""

import sqlite3
from typing import NamedTuple

from cloud_sync.core.batch import Batch, Hole
from cloud_sync.core.uplink import WINDOW


class Clone(NamedTuple):
    """Two incarnations of one gateway that write at the same time; *refused* is not listened to until it is cleared."""

    kept: bytes
    refused: bytes
    found_ms: int


def clone_of(connection: sqlite3.Connection, gateway: str) -> Clone | None:
    """Return the clone of *gateway* that nobody has cleared yet."""
    row = connection.execute("SELECT kept, refused, found_ms FROM clone WHERE gateway = ?", (gateway,)).fetchone()
    return Clone(*row) if row else None


def is_refused(connection: sqlite3.Connection, batch: Batch | Hole) -> bool:
    """Tell whether *batch* comes from a place that is not listened to."""
    clone = clone_of(connection, batch.gateway)
    if clone is None or batch.incarnation == clone.kept:
        return False
    own = connection.execute(
        "SELECT 1 FROM chain WHERE gateway = ? AND incarnation = ?", (batch.gateway, batch.incarnation)
    ).fetchone()
    return own is not None or not _follows(connection, batch, clone.kept)


def _follows(connection: sqlite3.Connection, batch: Batch | Hole, incarnation: bytes) -> bool:
    """Tell whether *batch* goes on where the chain of *incarnation* ends, as after a restart."""
    row = connection.execute(
        "SELECT head_sequence, head_link FROM chain WHERE gateway = ? AND incarnation = ?", (batch.gateway, incarnation)
    ).fetchone()
    return row is not None and tuple(row) == (batch.first_sequence - 1, batch.previous_link)


def look(connection: sqlite3.Connection, batch: Batch | Hole, now_ms: int) -> Clone | None:
    """Look at the chains after *batch* was accepted; return the clone that it shows, if it is a new one."""
    gateway = batch.gateway
    known = clone_of(connection, gateway)
    if known is not None:
        connection.execute("UPDATE clone SET kept = ? WHERE gateway = ?", (batch.incarnation, gateway))
        return None
    own = connection.execute(
        "SELECT * FROM chain LEFT JOIN run USING (gateway, incarnation) WHERE gateway = ? AND incarnation = ?",
        (gateway, batch.incarnation),
    ).fetchone()
    younger = connection.execute(
        "SELECT chain.incarnation, chain.branch, run.first_ms, min(entry.projected) AS begun FROM chain"
        " JOIN run USING (gateway, incarnation) JOIN entry USING (gateway, incarnation)"
        " WHERE chain.gateway = ?1 AND chain.opened > ?2 GROUP BY chain.incarnation HAVING max(entry.projected) >"
        " (SELECT ifnull(max(projected), 0) FROM clearance WHERE gateway = ?1) ORDER BY chain.opened LIMIT 1",
        (gateway, own["opened"]),
    ).fetchone()
    if younger is None:
        return None
    late = connection.execute(
        "SELECT count(*) FROM batch JOIN entry ON entry.gateway = batch.gateway"
        " AND entry.incarnation = batch.incarnation AND entry.sequence = batch.last_sequence"
        " WHERE batch.gateway = ? AND batch.incarnation = ? AND entry.projected > ?",
        (gateway, batch.incarnation, younger["begun"]),
    ).fetchone()[0]
    if late <= WINDOW and (own["last_ms"] is None or own["last_ms"] <= younger["first_ms"]):
        return None
    pair = (own["incarnation"], younger["incarnation"])
    kept, refused = pair[::-1] if own["branch"] and not younger["branch"] else pair
    connection.execute("INSERT INTO clone VALUES (?, ?, ?, ?)", (gateway, kept, refused, now_ms))
    return Clone(kept, refused, now_ms)


def clear(connection: sqlite3.Connection, gateway: str, who: str, reason: str, now_ms: int) -> int:
    """Note that a person looked into the clone and the contradictions of *gateway*; return how many there were."""
    found = connection.execute("DELETE FROM clone WHERE gateway = ?", (gateway,)).rowcount
    found += open_contradictions(connection, gateway)
    connection.execute(
        "INSERT INTO clearance VALUES (NULL, ?, ?, ?, ?, (SELECT ifnull(max(number), 0) FROM cosigned),"
        " (SELECT ifnull(max(projected), 0) FROM entry))",
        (gateway, now_ms, who, reason),
    )
    return found


def standing_of(connection: sqlite3.Connection, gateway: str) -> dict[str, object]:
    """Return the last cosigned checkpoint of *gateway*, and what a person must look at."""
    row = connection.execute(
        "SELECT size, incarnation, sequence FROM cosigned WHERE gateway = ? ORDER BY number DESC LIMIT 1", (gateway,)
    ).fetchone()
    found = clone_of(connection, gateway)
    clone = None
    if found is not None:
        clone = {"kept": found.kept.hex(), "refused": found.refused.hex(), "found_ms": found.found_ms}
    return {
        "cosigned": row["size"] if row else None,
        "contradictions": open_contradictions(connection, gateway),
        "clone": clone,
    }


def open_contradictions(connection: sqlite3.Connection, gateway: str) -> int:
    """Return how many checkpoints were not cosigned since a person last looked into it."""
    row = connection.execute(
        "SELECT count(*) FROM contradiction CROSS JOIN entry USING (gateway, incarnation, sequence) WHERE gateway = ?1"
        " AND projected > (SELECT ifnull(max(projected), 0) FROM clearance WHERE gateway = ?1)",
        (gateway,),
    ).fetchone()
    count: int = row[0]
    return count
