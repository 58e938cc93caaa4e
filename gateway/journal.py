"""Journal: everything the gateway recorded, safe against power cuts, freed only by a signed receipt.

SQLite in WAL mode with synchronous=FULL and one exclusive connection. One transaction a poll cycle carries
new entries, the state of the settlement and freshly sealed batches together, so none can be there without
the others.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from cloud_sync.core.batch import (
    BATCH_BYTES_MAX,
    BATCH_ENTRIES_MAX,
    BODY_BYTES_MAX,
    Batch,
    Hole,
    Sealed,
    batch_of,
    hole_over,
)
from cloud_sync.core.entry import FIRST_SEQUENCE, GENESIS, Entry, link
from cloud_sync.core.receipt import TOO_LARGE, digest_of
from cloud_sync.seal import SealError
from gateway.core.problem import ProblemError, problem
from gateway.core.site_reading import PLATFORM
from gateway.head_mark import HeadMark
from gateway.journal_file import BROKEN, JournalFile, UnwrittenError, damaged, rotten

# Entries that carry a receipt are kept this long for auditors; older ones are freed.
RETENTION_DAYS = 180
SETTLEMENT = "settlement"  # the name of the state that the settlement goes on from
Seal = Callable[[Batch | Hole], bytes]


def digests_of(bodies: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return what a hole says of *bodies*."""
    return tuple(sha256(body).digest() for body in bodies)


class Journal:
    """The journal file; one process at a time."""

    def __init__(self, path: Path, platforms: tuple[str, ...] = (PLATFORM,)) -> None:
        """Open or create the journal at *path*; raises ProblemError where that cannot be.

        platforms: the names of those that get its batches; what one of them has not receipted is not freed.
        """
        self.path = path
        self.platforms = platforms
        self._file = JournalFile(path)
        self._mark = HeadMark(path)
        try:
            self.head_sequence, self.head_link = self._head()
            self.behind = self._behind()
        except BROKEN as error:
            self.close()
            raise ProblemError(damaged(path, error)) from error

    @property
    def _db(self) -> sqlite3.Connection:
        return self._file.db

    def _head(self) -> tuple[int, bytes]:
        row = self._db.execute("SELECT sequence, link FROM entry ORDER BY sequence DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else (0, GENESIS)

    def _behind(self) -> int:
        """Return the last entry that the journal had once, where it has not any more; else 0."""
        marked = self._mark.read()
        if marked is None:
            return 0
        sequence, found = marked[0], self.link_at(marked[0])
        freed = found is None and sequence <= self.head_sequence
        return 0 if found == marked[1] or freed else sequence

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def lay_log(self) -> None:
        """Spare the card: have the write-ahead log overwritten, not grow."""
        self._file.lay_log()

    @property
    def commits(self) -> int:
        """How many transactions the disk took since the journal was opened."""
        return self._file.commits

    def failures(self) -> list[str]:
        """Return what failed since this was asked last, and was done at the second try."""
        failures, self._file.failures = self._file.failures, []
        return failures

    def commit(
        self,
        incarnation: bytes,
        bodies: Sequence[bytes],
        state: bytes | None = None,
        figures: Sequence[tuple[int, int, int]] = (),
        configuration: int | None = None,
        snapshot: tuple[int, bytes] | None = None,
        snapshots_recorded: bool = False,
        seal: Seal | None = None,
        gateway: str = "",
    ) -> None:
        """Write entries, the settlement's state and sealed batches in one transaction.

        figures: (position in bodies, kind, start_s) of each record among the bodies that has figures of an interval.
        configuration: position in bodies of a configuration; its entry is never freed.
        snapshot: readings of this cycle (UTC ms, bytes), kept until snapshots_recorded says they are in an entry.
        seal: signs a batch; given, every entry not yet in a batch is put into one.
        """
        sequence, previous = self.head_sequence, self.head_link
        rows = []
        for body in bodies:
            sequence += 1
            previous = link(previous, sequence, body)
            rows.append((sequence, incarnation, previous, body))

        def work(db: sqlite3.Connection) -> None:
            db.executemany("INSERT INTO entry VALUES (?, ?, ?, ?)", rows)
            db.executemany(
                "INSERT INTO figure VALUES (?, ?, ?)",
                [(self.head_sequence + 1 + position, kind, start_s) for position, kind, start_s in figures],
            )
            if configuration is not None:
                db.execute("INSERT INTO configuration VALUES (?)", (self.head_sequence + 1 + configuration,))
            if state is not None:
                db.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (SETTLEMENT, state, digest_of(state)))
            if snapshots_recorded:
                db.execute("DELETE FROM snapshot")
            if snapshot is not None:
                db.execute("INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?)", (*snapshot, digest_of(snapshot[1])))
            if seal is not None:
                self._seal_all(gateway, seal)

        self._file.write(work, lambda: self._is_there(sequence, previous))
        self.head_sequence, self.head_link = sequence, previous
        if rows:
            self._mark.write(sequence, previous)

    def _is_there(self, sequence: int, newest: bytes) -> bool:
        """Tell whether the entries up to *sequence* were kept; raises ProblemError where this is another journal."""
        head = self._head()
        if head not in ((sequence, newest), (self.head_sequence, self.head_link)):
            raise UnwrittenError(
                problem(
                    "WP-JRN-020",
                    str(self.path),
                    "this is not the journal that was here: it ends at entry {found}, and {expected} are committed",
                    "put the card back that the gateway wrote",
                    found=head[0],
                    expected=self.head_sequence,
                )
            )
        return head == (sequence, newest) and sequence != self.head_sequence

    def _seal_all(self, gateway: str, seal: Seal) -> None:
        done = self._last_sealed()
        previous = self.link_at(done) or GENESIS
        pending: list[tuple[int, bytes, bytes, bytes]] = self._db.execute(
            "SELECT sequence, incarnation, link, body FROM entry WHERE sequence > ? ORDER BY sequence", (done,)
        ).fetchall()
        most = BATCH_ENTRIES_MAX
        while pending:
            taken = 1
            size = len(pending[0][3])
            while (
                taken < min(len(pending), most)
                and pending[taken][1] == pending[0][1]
                and size + len(pending[taken][3]) <= BATCH_BYTES_MAX
            ):
                size += len(pending[taken][3])
                taken += 1
            rows = pending[:taken]
            first, last, incarnation = rows[0][0], rows[-1][0], rows[0][1]
            refusal = None
            signed = self._sealed(gateway, incarnation, previous, rows, seal)
            if signed is None and taken > 1:
                most = taken // 2
                continue
            if signed is None:
                # One record that fits no batch must not stop all that follow: it stays here, a hole goes in its place.
                signed = seal(hole_over(gateway, incarnation, first, previous, digests_of(row[3] for row in rows)))
                refusal = TOO_LARGE
            row = (first, last, incarnation, signed, digest_of(signed), refusal)
            self._db.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?)", row)
            previous, pending, most = rows[-1][2], pending[taken:], BATCH_ENTRIES_MAX

    @staticmethod
    def _sealed(
        gateway: str, incarnation: bytes, previous: bytes, rows: list[tuple[int, bytes, bytes, bytes]], seal: Seal
    ) -> bytes | None:
        """Return the sealed batch of *rows*; None where it is larger than a batch may be."""
        if len(rows[0][3]) > BODY_BYTES_MAX:
            return None
        try:
            return seal(batch_of(gateway, incarnation, rows[0][0], previous, tuple(row[3] for row in rows)))
        except SealError as error:
            if error.reason != TOO_LARGE:
                raise
            return None

    def never_freed(self) -> list[int]:
        """Return the sequences of what later entries rest on, configurations and changes of key, newest first."""
        return [row[0] for row in self._db.execute("SELECT sequence FROM configuration ORDER BY sequence DESC")]

    def state(self) -> bytes | None:
        """Return the settlement's state as last committed."""
        row = self._db.execute("SELECT value, digest FROM state WHERE name = ?", (SETTLEMENT,)).fetchone()
        return self._whole(row[0], row[1], "the settlement's state") if row else None

    def _whole(self, content: bytes, digest: bytes, part: str) -> bytes:
        if digest_of(content) != digest:
            raise ProblemError(rotten(self.path, part))
        return content

    def snapshots(self) -> list[tuple[int, bytes]]:
        """Return the readings of cycles that are in no entry yet, oldest first."""
        rows = self._db.execute("SELECT at_ms, plain, digest FROM snapshot ORDER BY at_ms").fetchall()
        return [(row[0], self._whole(row[1], row[2], "the readings of a cycle")) for row in rows]

    def figures_between(self, start_s: int, end_s: int, kinds: Sequence[int]) -> list[int]:
        """Return the sequences of records of *kinds* whose interval or period starts in [start_s, end_s)."""
        rows = self._db.execute(
            "SELECT sequence FROM figure WHERE start_s >= ? AND start_s < ? AND kind IN (%s) ORDER BY sequence"
            % ",".join("%d" % kind for kind in kinds),
            (start_s, end_s),
        )
        return [row[0] for row in rows]

    def last_figure(self, at_s: int, kind: int) -> int | None:
        """Return the sequence of the last record of *kind* about the last interval that starts at *at_s* or before."""
        row = self._db.execute(
            "SELECT sequence FROM figure WHERE start_s <= ? AND kind = ? ORDER BY start_s DESC, sequence DESC LIMIT 1",
            (at_s, kind),
        ).fetchone()
        return row[0] if row else None

    def start_of(self, sequence: int) -> int:
        """Return the second by which the figures of entry *sequence* are found."""
        row = self._db.execute("SELECT start_s FROM figure WHERE sequence = ?", (sequence,)).fetchone()
        found: int = row[0]
        return found

    def entries(self, first: int, last: int) -> list[Entry]:
        """Return the entries from *first* to *last*, both included."""
        rows = self._db.execute(
            "SELECT sequence, body, link FROM entry WHERE sequence BETWEEN ? AND ? ORDER BY sequence", (first, last)
        )
        entries = [Entry(*row) for row in rows]
        before = self._link_before(entries[0].sequence) if entries else None
        for index, entry in enumerate(entries):
            # After one that was freed there is nothing to hold it against.
            if index:
                follows = entries[index - 1].sequence == entry.sequence - 1
                before = entries[index - 1].link if follows else None
            if before is not None and link(before, entry.sequence, entry.body) != entry.link:
                raise ProblemError(rotten(self.path, "entry %d" % entry.sequence))
        return entries

    def _link_before(self, sequence: int) -> bytes | None:
        return GENESIS if sequence == FIRST_SEQUENCE else self.link_at(sequence - 1)

    def incarnations(self, first: int, last: int) -> list[bytes]:
        """Return the incarnation of each entry from *first* to *last*."""
        rows = self._db.execute(
            "SELECT incarnation FROM entry WHERE sequence BETWEEN ? AND ? ORDER BY sequence", (first, last)
        )
        return [row[0] for row in rows]

    def next_sealed(self, after: int, platform: str = PLATFORM) -> Sealed | None:
        """Return the first sealed batch that ends after *after*, receipted or not; of one set aside, its hole."""
        row = self._db.execute(
            "SELECT first, last, incarnation, ifnull(hole, signed), digest, hole IS NULL FROM outbox"
            " LEFT JOIN (SELECT first, hole FROM aside WHERE platform = ?2) USING (first) WHERE last > ?1"
            " AND first >= (SELECT ifnull(max(first), 0) FROM outbox WHERE first <= ?1 + 1) ORDER BY first LIMIT 1",
            (after, platform),
        ).fetchone()
        if row is not None and row[5]:
            self._whole(row[3], row[4], "the batch of entry %d" % row[0])
        return Sealed(*row[:4]) if row else None

    def newest_sealed(self, platform: str = PLATFORM) -> Sealed | None:
        """Return the sealed batch with the last entries; of one that *platform* refused, its hole."""
        return self.next_sealed(self._last_sealed() - 1, platform)

    def _last_sealed(self) -> int:
        row = self._db.execute("SELECT last FROM outbox ORDER BY first DESC LIMIT 1").fetchone()
        return max(row[0] if row else 0, self.receipted_through())

    def link_at(self, sequence: int) -> bytes | None:
        """Return the link of entry *sequence*, or None where it is not kept (any more)."""
        row = self._db.execute("SELECT link FROM entry WHERE sequence = ?", (sequence,)).fetchone()
        return row[0] if row else None

    def links(self, first: int, last: int) -> list[bytes]:
        """Return the links of the entries from *first* to *last*, both included."""
        rows = self._db.execute(
            "SELECT link FROM entry WHERE sequence BETWEEN ? AND ? ORDER BY sequence", (first, last)
        )
        return [row[0] for row in rows]

    def digests(self, first: int, last: int) -> tuple[bytes, ...]:
        """Return the SHA-256 of the bodies of the entries from *first* to *last*, both included."""
        return digests_of(entry.body for entry in self.entries(first, last))

    def sealed_between(self, first: int, last: int) -> list[Sealed]:
        """Return the stored batches that hold any of the entries from *first* to *last*."""
        rows = self._db.execute(
            "SELECT first, last, incarnation, signed FROM outbox WHERE last >= ? AND first <= ? ORDER BY first",
            (first, last),
        )
        return [Sealed(*row) for row in rows]

    def receipted_through(self, platform: str | None = None) -> int:
        """Return the highest sequence that *platform* gave a receipt for; of None, that all of them did."""
        marks = []
        for name in self.platforms if platform is None else (platform,):
            row = self._db.execute("SELECT max(through) FROM receipt WHERE platform = ?", (name,)).fetchone()
            marks.append(row[0] or 0)
        return min(marks, default=0)

    def receipted(self, through: int, signed: bytes, platform: str = PLATFORM) -> None:
        """Keep a receipt; what it covers may be freed once it is old enough."""
        row = (platform, through, signed)
        self._file.write(lambda db: db.execute("INSERT OR IGNORE INTO receipt VALUES (?, ?, ?)", row))

    def cosigned(self, size: int, note: bytes, platform: str = PLATFORM) -> None:
        """Keep the note by which *platform* cosigned the checkpoint over the first *size* entries."""
        row = (platform, size, note)
        self._file.write(lambda db: db.execute("INSERT OR IGNORE INTO cosigned VALUES (?, ?, ?)", row))

    def last_cosigned(self) -> int:
        """Return the size of the last checkpoint that any platform cosigned, 0 before the first."""
        row = self._db.execute("SELECT max(size) FROM cosigned").fetchone()
        return row[0] or 0

    def cosigned_note(self, size: int) -> bytes | None:
        """Return the note of the checkpoint over the first *size* entries, None where it was not cosigned."""
        row = self._db.execute("SELECT note FROM cosigned WHERE size = ? ORDER BY platform", (size,)).fetchone()
        return row[0] if row else None

    def receipt_for(self, sequence: int) -> bytes | None:
        """Return the first receipt that covers *sequence*, of the first platform that gave one."""
        for platform in self.platforms:
            row = self._db.execute(
                "SELECT signed FROM receipt WHERE platform = ? AND through >= ? ORDER BY through LIMIT 1",
                (platform, sequence),
            ).fetchone()
            if row:
                signed: bytes = row[0]
                return signed
        return None

    def last_receipt(self, platform: str = PLATFORM) -> tuple[int, bytes] | None:
        """Return (through, signed) of the last receipt of *platform*."""
        row = self._db.execute(
            "SELECT through, signed FROM receipt WHERE platform = ? ORDER BY through DESC LIMIT 1", (platform,)
        ).fetchone()
        return (row[0], row[1]) if row else None

    def kept(self) -> tuple[int, int | None, int]:
        """Return how many entries are here, the start of the first interval, and the bytes that are free inside."""
        first = self._db.execute("SELECT min(sequence) FROM entry").fetchone()[0]
        start_s = self._db.execute("SELECT min(start_s) FROM figure").fetchone()[0]
        pages = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        size = self._db.execute("PRAGMA page_size").fetchone()[0]
        return (self.head_sequence - first + 1 if first else 0), start_s, pages * size

    def free(self, before_s: int) -> int:
        """Free entries of intervals that start before *before_s* and carry every receipt; return how many went.

        Batches that hold a configuration stay, since later accounts rest on it, and so does the last one with a
        receipt: the next links to it, and a hole in the next one's place needs that link.
        """
        row = self._db.execute("SELECT max(sequence) FROM figure WHERE start_s < ?", (before_s,)).fetchone()
        through = min(row[0] or 0, self.receipted_through() - 1)
        old = self._db.execute(
            "SELECT first, last FROM outbox WHERE last <= ? AND NOT EXISTS"
            " (SELECT 1 FROM configuration WHERE sequence BETWEEN first AND last)",
            (through,),
        ).fetchall()

        def work(db: sqlite3.Connection) -> None:
            for first, last in old:
                db.execute("DELETE FROM entry WHERE sequence BETWEEN ? AND ?", (first, last))
                db.execute("DELETE FROM figure WHERE sequence BETWEEN ? AND ?", (first, last))
                db.execute("DELETE FROM outbox WHERE first = ?", (first,))
                db.execute("DELETE FROM aside WHERE first = ?", (first,))
            db.execute("DELETE FROM receipt WHERE through < ?", (through,))

        self._file.write(work)
        return sum(last - first + 1 for first, last in old)

    def unseal(self) -> None:
        """Forget the batches that some platform did not receipt; the next commit seals their entries by another key."""
        done = self.receipted_through()

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM aside WHERE first IN (SELECT first FROM outbox WHERE last > ?)", (done,))
            db.execute("DELETE FROM outbox WHERE last > ?", (done,))

        self._file.write(work)

    def set_aside(self, first: int, refusal: str, hole: bytes, platform: str = PLATFORM) -> None:
        """Keep a batch that *platform* refuses out of its way, and offer it *hole* in its place from now on."""
        row = (platform, first, refusal, hole)
        self._file.write(lambda db: db.execute("INSERT OR REPLACE INTO aside VALUES (?, ?, ?, ?)", row))

    def set_aside_batches(self) -> list[tuple[int, int, str, str | None]]:
        """Return (first, last, refusal, platform) of the batches set aside; None: of those that no platform gets."""
        return self._db.execute(
            "SELECT first, last, refusal, NULL AS platform FROM outbox WHERE refusal IS NOT NULL"
            " UNION ALL SELECT first, last, aside.refusal, platform FROM aside JOIN outbox USING (first)"
            " ORDER BY first, platform"
        ).fetchall()
