"""Mending: makes a whole journal of what is left in a damaged one, and says what is lost.

Entry and signed batch hold the same bodies in different pages, so that either restores the other; links tell which
bytes are right. Where an entry is lost in both before a platform had it, all from there on is chained anew under an
incarnation of its own, each entry under its old number, and a record `entry-lost` stands in the place of the lost one:
nothing is ever signed twice with two meanings. The damaged file is kept beside the new one.
"""

import os
import sqlite3
import zlib
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync.core.batch import (
    INCARNATION_BYTES,
    PAYLOAD_BYTES_MAX,
    Batch,
    BatchError,
    Hole,
    read_batch,
    read_envelope,
)
from cloud_sync.core.canonical import CanonicalError, decode, encode
from cloud_sync.core.entry import FIRST_SEQUENCE, GENESIS, link
from cloud_sync.core.receipt import AnswerError, Receipt, digest_of, read_answer
from gateway.core.problem import ProblemError
from gateway.core.record import (
    KIND_CHECKPOINT,
    Account,
    Event,
    RecordError,
    Stamp,
    from_map,
    kind_of,
    to_map,
)
from gateway.damaged_rows import Rows, rows_left
from gateway.figures import KEPT, found_at
from gateway.journal_file import BROKEN, JournalFile, check_tables, damaged

_LINK_BYTES = 32
DAMAGE = ("WP-JRN-003", "WP-JRN-006", "WP-JRN-011")  # the problems that a damaged journal is told by


class Mended(NamedTuple):
    """What became of a damaged journal."""

    kept: int  # entries that are as they were
    restored: int  # of these, those that their batch or their entry restored
    lost: tuple[int, ...]  # entries that are in neither, and that not every platform has
    damaged: tuple[str, ...]  # the parts that were not as they were written
    aside: str  # the name of the damaged file


class _Entry(NamedTuple):
    incarnation: bytes
    link: bytes
    body: bytes


class _Left:
    """What is left of a journal, and what of it can be believed."""

    def __init__(self, rows: Rows, platforms: tuple[str, ...]) -> None:
        self.damaged: list[str] = []
        self.receipts = [row for row in rows["receipt"] if self._is_receipt(row)]
        self.batches: dict[int, tuple[Any, ...]] = {}
        self.written = {row[0]: _Entry(*row[1:]) for row in rows["entry"] if _is_entry(row)}
        self.damaged += ["entry %d" % row[0] for row in rows["entry"] if row[0] < FIRST_SEQUENCE]
        self.entries: dict[int, _Entry] = {}
        self.links: dict[int, bytes] = {FIRST_SEQUENCE - 1: GENESIS}
        for row in rows["outbox"]:
            self._take_batch(row)
        self._take_written()
        self.restored = len([one for one in self.entries if self.entries[one] != self.written.get(one)])
        marks = [max([row[1] for row in self.receipts if row[0] == name], default=0) for name in platforms]
        self.receipted = min(marks, default=0)

    def _is_receipt(self, row: tuple[Any, ...]) -> bool:
        try:
            answer = read_answer(read_envelope(row[2]).payload)
            if isinstance(answer, Receipt) and answer.through_sequence == row[1]:
                return True
        except (BatchError, AnswerError, TypeError):
            pass
        self.damaged.append("receipt %s" % row[1])
        return False

    def _take_batch(self, row: tuple[Any, ...]) -> None:
        """Take what a batch says of itself and the entries in it; its digest says that it is as it was written."""
        batch = _batch_in(row)
        named = None if batch is None else (batch.first_sequence, batch.last_sequence, batch.incarnation)
        if row[:3] != named:
            self.damaged.append("batch %s" % row[0])
        if batch is None or named is None:
            return
        self.batches[batch.first_sequence] = (*named, *row[3:])
        self.links[batch.first_sequence - 1] = batch.previous_link
        if isinstance(batch, Batch):
            previous = batch.previous_link
            for number, body in enumerate(batch.bodies, batch.first_sequence):
                previous = self.links[number] = link(previous, number, body)
                self.entries[number] = _Entry(batch.incarnation, previous, body)

    def _take_written(self) -> None:
        """Take the entries that no batch holds, as far as their links, or those of the next, fit them."""
        for number in sorted(self.written):
            if number in self.entries:
                continue
            one, following = self.written[number], self.written.get(number + 1)
            before = self.links.get(number - 1)
            if before is None and number - 1 in self.written:
                before = self.written[number - 1].link
            if before is None:
                continue
            found = link(before, number, one.body)
            known = self.links.get(number, one.link)
            if found == known or (following and link(found, number + 1, following.body) == following.link):
                self.entries[number] = one._replace(link=found)
                self.links[number] = found

    def last(self) -> int:
        """Return the last entry that is not lost."""
        return max(self.entries, default=0)

    def lost(self) -> list[int]:
        """Return the entries that are lost, without those that every platform has."""
        return [one for one in range(self.receipted + 1, self.last() + 1) if one not in self.entries]


def _batch_in(row: tuple[Any, ...]) -> Batch | Hole | None:
    """Return the batch of a row of the outbox; None where it is not as it was written."""
    if not isinstance(row[3], bytes) or digest_of(row[3]) != row[4]:
        return None
    try:
        return read_batch(zlib.decompressobj().decompress(read_envelope(row[3]).payload, PAYLOAD_BYTES_MAX))
    except (BatchError, zlib.error):
        return None


def _is_entry(row: tuple[Any, ...]) -> bool:
    return (
        row[0] >= FIRST_SEQUENCE
        and all(isinstance(one, bytes) for one in row[1:])
        and len(row[1]) == INCARNATION_BYTES
        and len(row[2]) == _LINK_BYTES
    )


def mend(path: Path, platforms: tuple[str, ...], stamp: Stamp) -> Mended | None:
    """Put a whole journal in the place of the one at *path*; return what became of it, None where it was whole.

    The last entry of the new one says that it was mended. Raises ProblemError where no entry of it can be read.
    """
    rows = rows_left(path)
    left = _Left(rows, platforms)
    if not left.entries:
        raise ProblemError(damaged(path, "no entry of it can be read"))
    lost = left.lost()
    if lost:
        lost += [one for one in left.entries if one > lost[0] and _is_checkpoint(left.entries[one].body)]
    new = path.with_name(path.name + ".mended")
    for end in ("", "-wal", "-journal"):
        new.with_name(new.name + end).unlink(missing_ok=True)
    aside = _aside(path)
    whole = _write(new, rows, left, lost, stamp, aside.name)
    left.damaged += ["entry %d" % one for one, row in left.written.items() if left.entries.get(one) != row]
    left.damaged += ["entry %d" % one for one in left.entries if one not in left.written]
    left.damaged += [part for part, is_whole in whole.items() if not is_whole]
    if not left.damaged and not lost and _is_sound(path):
        new.unlink()
        return None
    _put_in_place(path, new, aside)
    return Mended(len(left.entries), left.restored, tuple(sorted(lost)), tuple(left.damaged), aside.name)


def _is_sound(path: Path) -> bool:
    with suppress(*BROKEN), closing(sqlite3.connect(path)) as db:
        check_tables(db)
        return bool(db.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    return False


def _write(path: Path, rows: Rows, left: _Left, lost: list[int], stamp: Stamp, aside: str) -> dict[str, bool]:
    """Write the new journal, in which entries from the first lost on are chained again; return what was whole."""
    anew = lost[0] if lost else left.last() + 1
    entries = [(number, *one) for number, one in sorted(left.entries.items()) if number < anew]
    incarnation = os.urandom(INCARNATION_BYTES)
    # From the first batch on that is missing and that a platform wants, all are sealed again with the next commit.
    covered = {number for row in left.batches.values() for number in range(row[0], row[1] + 1)}
    sealed_to = min([anew, *(number for number in left.entries if number > left.receipted and number not in covered)])
    for edge in (anew, sealed_to):
        if edge > FIRST_SEQUENCE and edge - 1 not in left.entries:
            raise ProblemError(damaged(path, "entry %d and its batch are lost" % (edge - 1)))
    previous = left.links[anew - 1]
    for number in range(anew, left.last() + 1):
        body = _event(stamp, "entry-lost", entry=str(number)) if number in lost else left.entries[number].body
        previous = link(previous, number, body)
        entries.append((number, incarnation, previous, body))
    told = _event(stamp, "journal-mended", lost=str(len(lost)), restored=str(left.restored), aside=aside)
    entries.append((left.last() + 1, incarnation, link(previous, left.last() + 1, told), told))
    batches = [row for row in left.batches.values() if row[1] < sealed_to]
    kept = {row[0] for row in batches}
    figures, never_freed = _found_by(entries, rows)
    states, snapshots = ([row for row in rows[table] if _is_whole(row)] for table in ("state", "snapshot"))
    file = JournalFile(path)

    def work(db: sqlite3.Connection) -> None:
        db.executemany("INSERT INTO entry VALUES (?, ?, ?, ?)", entries)
        db.executemany("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?)", batches)
        db.executemany("INSERT INTO aside VALUES (?, ?, ?, ?)", [one for one in rows["aside"] if one[1] in kept])
        db.executemany("INSERT INTO receipt VALUES (?, ?, ?)", left.receipts)
        db.executemany("INSERT INTO cosigned VALUES (?, ?, ?)", rows["cosigned"])
        db.executemany("INSERT INTO snapshot VALUES (?, ?, ?)", snapshots)
        db.executemany("INSERT INTO figure VALUES (?, ?, ?)", figures)
        db.executemany("INSERT INTO configuration VALUES (?)", [(one,) for one in never_freed])
        db.executemany("INSERT INTO state VALUES (?, ?, ?)", states)

    file.write(work)
    file.close()
    return {
        "the settlement's state": len(states) == len(rows["state"]) and (bool(states) or not entries),
        "the readings of a cycle": len(snapshots) == len(rows["snapshot"]),
    }


def _is_whole(row: tuple[Any, ...]) -> bool:
    return isinstance(row[1], bytes) and digest_of(row[1]) == row[2]


def _event(stamp: Stamp, code: str, **details: str) -> bytes:
    return encode(to_map(Event(stamp, code, tuple(sorted(details.items())))))


def _found_by(
    entries: list[tuple[int, bytes, bytes, bytes]], rows: Rows
) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Return by which second each figure is found, and which entries are never freed: as it was, and as they say."""
    numbers = {row[0] for row in entries}
    figures = {row[0]: row for row in rows["figure"] if row[0] in numbers}
    kept = {row[0] for row in rows["configuration"] if row[0] in numbers}
    closed_s = 0
    for number, _, _, body in entries:
        try:
            record = from_map(decode(body))  # type: ignore[arg-type]
        except (CanonicalError, RecordError, TypeError):
            continue
        if isinstance(record, Account):
            closed_s = record.end_s
        at_s = found_at(record, closed_s)
        if at_s is not None and (closed_s or number not in figures):  # what was closed before may be freed
            figures[number] = (number, kind_of(record), at_s)
        if isinstance(record, KEPT):
            kept.add(number)
    return list(figures.values()), sorted(kept)


def _is_checkpoint(body: bytes) -> bool:
    """Tell whether *body* is a checkpoint: one of a chain that is chained anew was true of the old one alone."""
    try:
        plain = decode(body)
    except CanonicalError:
        return False
    return isinstance(plain, dict) and plain.get(0) == KIND_CHECKPOINT


def _aside(path: Path) -> Path:
    """Return the name under which the damaged file is kept."""
    number = 1
    while (aside := path.with_name("%s.damaged-%d" % (path.name, number))).exists():
        number += 1
    return aside


def _put_in_place(path: Path, new: Path, aside: Path) -> None:
    """Keep the damaged file under its other name, and put the new one in its place."""
    os.link(path, aside)
    log = path.with_name(path.name + "-wal")
    if log.exists():  # it belongs to the damaged file; all that could be read of it is in the new one
        log.rename(aside.with_name(aside.name + "-wal"))
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
