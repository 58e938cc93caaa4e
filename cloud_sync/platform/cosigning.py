"""Cosigning: the platform's name under a gateway's checkpoint, if its tree continues all that was cosigned before.

A checkpoint is judged once, from the entries that are kept. One that cannot be cosigned is a row of `contradiction`,
and so are all that follow on its chain, until a person has looked into it. See docs/tamper-evidence.md.
"""

import sqlite3
from typing import NamedTuple

from cloud_sync.core.entry import FIRST_SEQUENCE
from cloud_sync.core.tree import EMPTY, Tree, grown, root_of
from cloud_sync.keys import Signer
from cloud_sync.note import cosign

AT_ONCE_MAX = 32  # Notes sent with one answer; a gateway that missed more gets the others with its next checkpoint.
PARENTS_MAX = 100_000  # Starts of a gateway's process; one a minute for two months.
_HASH_BYTES = 32

WRONG_ROOT = "root"
OTHER_HISTORY = "history"
MISSING = "missing"


class _Segment(NamedTuple):
    """The entries of one incarnation on the way from the first entry to a checkpoint."""

    incarnation: bytes
    first: int
    last: int


def cosign_due(connection: sqlite3.Connection, gateway: str, signer: Signer, now_ms: int) -> list[str]:
    """Judge every checkpoint of *gateway* that came and was not judged yet; return what is wrong with them."""
    rows = connection.execute(
        "SELECT * FROM checkpoint WHERE gateway = ?1"
        " AND NOT EXISTS (SELECT 1 FROM cosigned WHERE cosigned.gateway = ?1"
        " AND cosigned.incarnation = checkpoint.incarnation AND cosigned.sequence = checkpoint.sequence)"
        " AND NOT EXISTS (SELECT 1 FROM contradiction WHERE contradiction.gateway = ?1"
        " AND contradiction.incarnation = checkpoint.incarnation AND contradiction.sequence = checkpoint.sequence)"
        " ORDER BY sequence",
        (gateway,),
    ).fetchall()
    return [wrong for row in rows if (wrong := _judge(connection, row, signer, now_ms))]


def notes_for(connection: sqlite3.Connection, gateway: str, incarnation: bytes, first: int, last: int) -> list[bytes]:
    """Return the notes that a gateway may be waiting for after its entries from *first* to *last* came."""
    asked = connection.execute(
        "SELECT min(checkpoint.cosigned) AS had, max(checkpoint.size) AS size FROM checkpoint"
        " JOIN cosigned USING (gateway, incarnation, sequence)"
        " WHERE gateway = ? AND incarnation = ? AND sequence BETWEEN ? AND ?",
        (gateway, incarnation, first, last),
    ).fetchone()
    if asked["size"] is None:
        return []
    found = connection.execute(
        "SELECT note FROM cosigned WHERE gateway = ?1 AND size > ?2 AND size <= ?3 AND number >"
        " (SELECT ifnull(max(cosigned), 0) FROM clearance WHERE gateway = ?1) ORDER BY number DESC LIMIT ?4",
        (gateway, asked["had"], asked["size"], AT_ONCE_MAX),
    ).fetchall()
    return [row["note"] for row in reversed(found)]


def tree_from(row: sqlite3.Row) -> Tree:
    """Return the tree of a row of `cosigned`."""
    peaks = row["peaks"]
    return Tree(row["size"], tuple(peaks[at : at + _HASH_BYTES] for at in range(0, len(peaks), _HASH_BYTES)))


def path_to(connection: sqlite3.Connection, gateway: str, incarnation: bytes, last: int) -> list[_Segment] | None:
    """Return the way from the first entry of all to entry *last* of *incarnation*; None where it is not kept."""
    segments: list[_Segment] = []
    for _ in range(PARENTS_MAX):
        chain = connection.execute(
            "SELECT * FROM chain WHERE gateway = ? AND incarnation = ?", (gateway, incarnation)
        ).fetchone()
        if chain is None or last > chain["head_sequence"]:
            return None
        if last >= chain["first_sequence"]:
            segments.append(_Segment(incarnation, chain["first_sequence"], last))
        last = chain["first_sequence"] - 1
        if last < FIRST_SEQUENCE:
            return segments[::-1]
        parent = connection.execute(
            "SELECT incarnation FROM entry WHERE gateway = ?1 AND sequence = ?2 AND link = ?3"
            " UNION ALL SELECT incarnation FROM hole WHERE gateway = ?1 AND last_sequence = ?2 AND link = ?3",
            (gateway, last, chain["parent_link"]),
        ).fetchone()
        if parent is None:
            return None
        incarnation = parent["incarnation"]
    return None


def links_along(
    connection: sqlite3.Connection, gateway: str, path: list[_Segment], first: int, last: int
) -> list[bytes] | None:
    """Return the links of entries *first* to *last* along *path*; None where one is not kept."""
    links: list[bytes] = []
    for segment in path:
        begin, end = max(first, segment.first), min(last, segment.last)
        if begin > end:
            continue
        found = {
            row["sequence"]: row["link"]
            for row in connection.execute(
                "SELECT sequence, link FROM entry WHERE gateway = ? AND incarnation = ? AND sequence BETWEEN ? AND ?",
                (gateway, segment.incarnation, begin, end),
            )
        }
        for row in connection.execute(
            "SELECT first_sequence, links FROM hole WHERE gateway = ? AND incarnation = ?"
            " AND last_sequence >= ? AND first_sequence <= ?",
            (gateway, segment.incarnation, begin, end),
        ):
            for index in range(len(row["links"]) // _HASH_BYTES):
                at = index * _HASH_BYTES
                found.setdefault(row["first_sequence"] + index, row["links"][at : at + _HASH_BYTES])
        if any(sequence not in found for sequence in range(begin, end + 1)):
            return None
        links += [found[sequence] for sequence in range(begin, end + 1)]
    return links if len(links) == last - first + 1 else None


def last_cosigned(connection: sqlite3.Connection, gateway: str) -> sqlite3.Row | None:
    """Return the checkpoint that the next one has to continue; None where there is none, or a person said so."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM cosigned WHERE gateway = ?1 AND number >"
        " (SELECT ifnull(max(cosigned), 0) FROM clearance WHERE gateway = ?1) ORDER BY number DESC LIMIT 1",
        (gateway,),
    ).fetchone()
    return row


def _judge(connection: sqlite3.Connection, row: sqlite3.Row, signer: Signer, now_ms: int) -> str:
    gateway, size = row["gateway"], row["size"]
    before = last_cosigned(connection, gateway)
    fits = size == row["sequence"] - 1
    path = path_to(connection, gateway, row["incarnation"], size) if fits else None
    reason, tree, link = MISSING, EMPTY, b""
    if path is not None:
        start = EMPTY if before is None else tree_from(before)
        if before is not None and links_along(connection, gateway, path, start.size, start.size) != [before["link"]]:
            reason = OTHER_HISTORY
        else:
            links = links_along(connection, gateway, path, start.size + 1, size)
            if links is not None:
                tree = grown(start, links)
                link = links[-1] if links else before["link"] if before is not None else b""
                reason = "" if root_of(tree) == row["root"] else WRONG_ROOT
    elif not fits:
        reason = WRONG_ROOT
    name = (gateway, row["incarnation"], row["sequence"], size, row["root"])
    if reason:
        against = 0 if before is None else before["size"]
        values = (*name, reason, against, now_ms)
        connection.execute("INSERT INTO contradiction VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        return "the checkpoint over %d entries is not cosigned (%s), after one over %d" % (size, reason, against)
    note = cosign(gateway, size, row["root"], now_ms // 1000, signer)
    connection.execute(
        "INSERT INTO cosigned VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", (*name, link, b"".join(tree.peaks), note)
    )
    return ""
