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
from cloud_sync.core.entry import GENESIS, Entry, link
from cloud_sync.core.receipt import TOO_LARGE
from cloud_sync.seal import SealError
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.site_reading import PLATFORM

_SCHEMA = """
CREATE TABLE entry (
    sequence INTEGER PRIMARY KEY, incarnation BLOB NOT NULL, link BLOB NOT NULL, body BLOB NOT NULL
);
CREATE TABLE outbox (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, incarnation BLOB NOT NULL, signed BLOB NOT NULL, refusal TEXT
);
CREATE TABLE aside (
    platform TEXT, first INTEGER, refusal TEXT NOT NULL, hole BLOB NOT NULL, PRIMARY KEY (platform, first)
);
CREATE TABLE receipt (
    platform TEXT, through INTEGER, signed BLOB NOT NULL, PRIMARY KEY (platform, through)
);
CREATE TABLE cosigned (platform TEXT, size INTEGER, note BLOB NOT NULL, PRIMARY KEY (platform, size));
CREATE TABLE snapshot (at_ms INTEGER PRIMARY KEY, plain BLOB NOT NULL);
CREATE TABLE figure (sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, start_s INTEGER NOT NULL);
CREATE INDEX figure_start ON figure (start_s);
CREATE TABLE configuration (sequence INTEGER PRIMARY KEY);
CREATE TABLE state (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""
_VERSION = 1
# Entries that carry a receipt are kept this long for auditors; older ones are freed.
RETENTION_DAYS = 180
Seal = Callable[[Batch | Hole], bytes]


def digests_of(bodies: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return what a hole says of *bodies*."""
    return tuple(sha256(body).digest() for body in bodies)


def damaged(path: Path, detail: object) -> Problem:
    """Return the problem that the file at *path* is no usable journal."""
    return problem(
        "WP-JRN-003",
        str(path),
        "this is no journal, or it is damaged: {detail}",
        "keep the file, move it away and start again; the platform has what it gave receipts for",
        detail=detail,
    )


def _cannot_open(path: Path, error: Exception) -> Problem:
    return problem(
        "WP-JRN-002",
        str(path),
        "the journal cannot be opened: {detail}",
        "check that the folder exists, is writable and the disk is not full",
        detail=getattr(error, "strerror", None) or error,
    )


def _other_version(path: Path, version: int) -> Problem:
    return problem(
        "WP-JRN-008",
        str(path),
        "the journal has tables of version {version}; this program knows version {known}",
        "use the wattproof that wrote it last",
        version=version,
        known=_VERSION,
    )


class Journal:
    """The journal file; one process at a time."""

    def __init__(self, path: Path, platforms: tuple[str, ...] = (PLATFORM,)) -> None:
        """Open or create the journal at *path*; raises ProblemError where that cannot be.

        platforms: the names of those that get its batches; what one of them has not receipted is not freed.
        """
        self.path = path
        self.platforms = platforms
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0.2, check_same_thread=False)
        except (sqlite3.DatabaseError, OSError) as error:
            raise ProblemError(_cannot_open(path, error)) from error
        try:
            head = self._begin()
        except ProblemError:
            self._db.close()
            raise
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" in str(error):
                raise ProblemError(
                    problem(
                        "WP-JRN-001",
                        str(path),
                        "another process has the journal open",
                        "the daemon is running: ask it with wattproof status, or stop it first",
                    )
                ) from error
            raise ProblemError(_cannot_open(path, error)) from error
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise ProblemError(damaged(path, error)) from error
        self.head_sequence: int = head[0] if head else 0
        self.head_link: bytes = head[1] if head else GENESIS

    def _begin(self) -> tuple[int, bytes] | None:
        """Lock the file, lay out its tables where it is new, and return sequence and link of its last entry."""
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise ProblemError(_other_version(self.path, version))
        if version == 0 and self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ProblemError(damaged(self.path, "a database of another program"))
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("BEGIN EXCLUSIVE")
        if version == 0:
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute("PRAGMA user_version=%d" % _VERSION)
        self._db.execute("COMMIT")
        row: tuple[int, bytes] | None = self._db.execute(
            "SELECT sequence, link FROM entry ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return row

    def close(self) -> None:
        """Close the file."""
        self._db.close()

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
        self._db.execute("BEGIN IMMEDIATE")
        try:
            sequence, previous = self.head_sequence, self.head_link
            for body in bodies:
                sequence += 1
                previous = link(previous, sequence, body)
                self._db.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", (sequence, incarnation, previous, body))
            self._db.executemany(
                "INSERT INTO figure VALUES (?, ?, ?)",
                [(self.head_sequence + 1 + position, kind, start_s) for position, kind, start_s in figures],
            )
            if configuration is not None:
                self._db.execute("INSERT INTO configuration VALUES (?)", (self.head_sequence + 1 + configuration,))
            if state is not None:
                self._db.execute("INSERT OR REPLACE INTO state VALUES ('settlement', ?)", (state,))
            if snapshots_recorded:
                self._db.execute("DELETE FROM snapshot")
            if snapshot is not None:
                self._db.execute("INSERT OR REPLACE INTO snapshot VALUES (?, ?)", snapshot)
            if seal is not None:
                self._seal_all(gateway, seal)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise ProblemError(
                problem(
                    "WP-JRN-004",
                    str(self.path),
                    "the journal cannot be written: {detail}",
                    "look whether the disk is full or worn out; what was committed before is safe",
                    detail=error,
                )
            ) from error
        except BaseException:
            self._roll_back()
            raise
        self.head_sequence, self.head_link = sequence, previous

    def _roll_back(self) -> None:
        if self._db.in_transaction:  # SQLite ends the transaction itself where the disk is full.
            self._db.execute("ROLLBACK")

    def _seal_all(self, gateway: str, seal: Seal) -> None:
        row = self._db.execute("SELECT last FROM outbox ORDER BY first DESC LIMIT 1").fetchone()
        done: int = row[0] if row else 0
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
            self._db.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?)", (first, last, incarnation, signed, refusal))
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

    def state(self) -> bytes | None:
        """Return the settlement's state as last committed."""
        row = self._db.execute("SELECT value FROM state WHERE name = 'settlement'").fetchone()
        return row[0] if row else None

    def snapshots(self) -> list[tuple[int, bytes]]:
        """Return the readings of cycles that are in no entry yet, oldest first."""
        return self._db.execute("SELECT at_ms, plain FROM snapshot ORDER BY at_ms").fetchall()

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
        return [Entry(*row) for row in rows]

    def incarnations(self, first: int, last: int) -> list[bytes]:
        """Return the incarnation of each entry from *first* to *last*."""
        rows = self._db.execute(
            "SELECT incarnation FROM entry WHERE sequence BETWEEN ? AND ? ORDER BY sequence", (first, last)
        )
        return [row[0] for row in rows]

    def next_sealed(self, after: int, platform: str = PLATFORM) -> Sealed | None:
        """Return the first sealed batch that ends after *after*, receipted or not; of one set aside, its hole."""
        row = self._db.execute(
            "SELECT first, last, incarnation, ifnull(hole, signed) FROM outbox"
            " LEFT JOIN (SELECT first, hole FROM aside WHERE platform = ?2) USING (first) WHERE last > ?1"
            " AND first >= (SELECT ifnull(max(first), 0) FROM outbox WHERE first <= ?1 + 1) ORDER BY first LIMIT 1",
            (after, platform),
        ).fetchone()
        return Sealed(*row) if row else None

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
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO receipt VALUES (?, ?, ?)", (platform, through, signed))

    def cosigned(self, size: int, note: bytes, platform: str = PLATFORM) -> None:
        """Keep the note by which *platform* cosigned the checkpoint over the first *size* entries."""
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO cosigned VALUES (?, ?, ?)", (platform, size, note))

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
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for first, last in old:
                self._db.execute("DELETE FROM entry WHERE sequence BETWEEN ? AND ?", (first, last))
                self._db.execute("DELETE FROM figure WHERE sequence BETWEEN ? AND ?", (first, last))
                self._db.execute("DELETE FROM outbox WHERE first = ?", (first,))
                self._db.execute("DELETE FROM aside WHERE first = ?", (first,))
            self._db.execute("DELETE FROM receipt WHERE through < ?", (through,))
        return sum(last - first + 1 for first, last in old)

    def unseal(self) -> None:
        """Forget the batches that some platform did not receipt; the next commit seals their entries by another key."""
        with self._db:
            done = self.receipted_through()
            self._db.execute("DELETE FROM aside WHERE first IN (SELECT first FROM outbox WHERE last > ?)", (done,))
            self._db.execute("DELETE FROM outbox WHERE last > ?", (done,))

    def set_aside(self, first: int, refusal: str, hole: bytes, platform: str = PLATFORM) -> None:
        """Keep a batch that *platform* refuses out of its way, and offer it *hole* in its place from now on."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO aside VALUES (?, ?, ?, ?)", (platform, first, refusal, hole))

    def set_aside_batches(self) -> list[tuple[int, int, str, str | None]]:
        """Return (first, last, refusal, platform) of the batches set aside; None: of those that no platform gets."""
        return self._db.execute(
            "SELECT first, last, refusal, NULL AS platform FROM outbox WHERE refusal IS NOT NULL"
            " UNION ALL SELECT first, last, aside.refusal, platform FROM aside JOIN outbox USING (first)"
            " ORDER BY first, platform"
        ).fetchall()
