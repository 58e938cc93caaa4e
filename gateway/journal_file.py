"""Journal file: the SQLite file of the journal, its one connection, and what is done when the storage fails.

An error of reading or writing closes the connection, and the transaction is tried once more in a new one. A flush that
failed is believed no more: the kernel may have given up the pages and would call the next flush a success. So the
connection is closed without another try; whoever opens a new one first copies all that is in the write-ahead log into
the database, and flushes that.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from gateway.core.problem import Problem, ProblemError, problem

SCHEMA = """
CREATE TABLE entry (
    sequence INTEGER PRIMARY KEY, incarnation BLOB NOT NULL, link BLOB NOT NULL, body BLOB NOT NULL
);
CREATE TABLE outbox (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, incarnation BLOB NOT NULL, signed BLOB NOT NULL,
    digest BLOB NOT NULL, refusal TEXT
);
CREATE TABLE aside (
    platform TEXT, first INTEGER, refusal TEXT NOT NULL, hole BLOB NOT NULL, PRIMARY KEY (platform, first)
);
CREATE TABLE receipt (
    platform TEXT, through INTEGER, signed BLOB NOT NULL, PRIMARY KEY (platform, through)
);
CREATE TABLE cosigned (platform TEXT, size INTEGER, note BLOB NOT NULL, PRIMARY KEY (platform, size));
CREATE TABLE snapshot (at_ms INTEGER PRIMARY KEY, plain BLOB NOT NULL, digest BLOB NOT NULL);
CREATE TABLE figure (sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, start_s INTEGER NOT NULL);
CREATE INDEX figure_start ON figure (start_s);
CREATE TABLE configuration (sequence INTEGER PRIMARY KEY);
CREATE TABLE state (name TEXT PRIMARY KEY, value BLOB NOT NULL, digest BLOB NOT NULL);
"""
VERSION = 1
# SQLite begins its log anew after 1000 pages; the commit that reaches them may take some more.
LOG_BYTES = 1100 * (4096 + 24)
LOG_WANTS_FREE_BYTES = 256 << 20
# What SQLite raises over a damaged file: where it quotes bytes that are no text, Python fails to say the error itself.
BROKEN = (sqlite3.DatabaseError, UnicodeDecodeError)
_UNFLUSHED = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)
_PRIMARY = 0xFF  # of an extended result code of SQLite

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]


def check_tables(db: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError where rot in the description of a table lets its columns mean something else."""
    found = {row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    if found != {statement.strip() for statement in SCHEMA.split(";") if statement.strip()}:
        raise sqlite3.DatabaseError("other tables than those of a journal")


def damaged(path: Path, detail: object) -> Problem:
    """Return the problem that the file at *path* is no usable journal."""
    return problem(
        "WP-JRN-003",
        str(path),
        "this is no journal, or it is damaged: {detail}",
        "keep the file, move it away and start again; the platform has what it gave receipts for",
        detail=detail,
    )


def rotten(path: Path, part: str) -> Problem:
    """Return the problem that *part* of the journal at *path* is not what was written there."""
    return problem(
        "WP-JRN-011",
        str(path),
        "{part} is not in the journal as it was written",
        "the card lost bits: wattproof run mends its journal, ends, and can be started anew",
        part=part,
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
        known=VERSION,
    )


def _unwritten(path: Path, error: Exception) -> Problem:
    return problem(
        "WP-JRN-004",
        str(path),
        "the journal cannot be written: {detail}",
        "look whether the disk is full or worn out; what was committed before is safe",
        detail=error,
    )


def unreadable(path: Path, error: Exception) -> Problem:
    """Return the problem that the journal at *path* cannot be read now."""
    return problem(
        "WP-JRN-021",
        str(path),
        "the journal cannot be read now: {detail}",
        "wattproof status tells what is wrong with the disk; meters are read all the same",
        detail=error,
    )


def _unflushed(path: Path, error: Exception) -> Problem:
    return problem(
        "WP-JRN-010",
        str(path),
        "the disk failed to keep what was written: {detail}",
        "what was committed before is safe; the gateway tries it again, and where this comes back, change the card",
        detail=error,
    )


class UnwrittenError(ProblemError):
    """The journal took nothing of a transaction now; it may take it later."""


class JournalFile:
    """The file; one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal at *path*; raises ProblemError where that cannot be."""
        self.path = path
        self.failures: list[str] = []  # of transactions that were done at the second try
        self.commits = 0  # since it was opened first
        self.db = self._open()
        self._closed = False  # after a failure; the next transaction opens the file again

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, isolation_level=None, timeout=0.2, check_same_thread=False)
        except (*BROKEN, OSError) as error:
            raise ProblemError(_cannot_open(self.path, error)) from error
        try:
            self._begin(db)
        except ProblemError:
            db.close()
            raise
        except sqlite3.OperationalError as error:
            db.close()
            if "locked" in str(error):
                raise ProblemError(
                    problem(
                        "WP-JRN-001",
                        str(self.path),
                        "another process has the journal open",
                        "the daemon is running: ask it with wattproof status, or stop it first",
                    )
                ) from error
            raise ProblemError(_cannot_open(self.path, error)) from error
        except BROKEN as error:
            db.close()
            raise ProblemError(damaged(self.path, error)) from error
        return db

    def _begin(self, db: sqlite3.Connection) -> None:
        """Lock the file, lay out its tables where it is new, and make last what a crash left in its log."""
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise ProblemError(_other_version(self.path, version))
        if version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ProblemError(damaged(self.path, "a database of another program"))
        if version:
            check_tables(db)
        mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":  # SQLite says so instead of failing, and would lose the last commit at a power cut
            raise ProblemError(_cannot_open(self.path, OSError(0, "it stays in mode %s" % mode)))
        db.execute("PRAGMA synchronous=FULL")
        db.execute("BEGIN EXCLUSIVE")
        if version == 0:
            for statement in SCHEMA.split(";"):
                db.execute(statement)
            db.execute("PRAGMA user_version=%d" % VERSION)
        db.execute("COMMIT")
        try:
            self._make_last()
        except OSError as error:
            raise ProblemError(_unflushed(self.path, error)) from error
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_FULL:
                raise  # on a full disk the log serves as before

    def _make_last(self) -> None:
        """Put the write-ahead log and its name on the disk.

        After a flush that failed, what a process sees in the log may be in the kernel's memory alone, and no flush
        would ever write it again. Nobody else writes: the file is locked.
        """
        with self.path.with_name(self.path.name + "-wal").open("r+b") as log:
            content = log.read()
            log.seek(0)
            log.write(content)
            log.flush()
            os.fsync(log.fileno())
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # SQLite does so too, but takes no notice where it fails
        finally:
            os.close(folder)

    def lay_log(self) -> None:
        """Give the write-ahead log the length that it will have anyway, where the disk has plenty of room.

        A log that grows with each commit has the file system write down its new length each time, with a flush of its
        own; one that is overwritten has not. SQLite takes the zeros for a log that ends where they begin.
        """
        path = self.path.with_name(self.path.name + "-wal")
        room = os.statvfs(self.path.parent)
        if room.f_bavail * room.f_frsize < LOG_WANTS_FREE_BYTES:
            return
        with suppress(OSError), path.open("r+b") as log:
            log.write(bytes(max(0, LOG_BYTES - log.seek(0, os.SEEK_END))))
            log.flush()
            os.fsync(log.fileno())
            os.posix_fadvise(log.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # pages of memory as small as what is written

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def write(self, work: Work[Result], is_done: Callable[[], bool] = lambda: False) -> Result | None:
        """Do *work* in one transaction, and return what it returns once it is on the disk.

        Where the storage fails, it is tried once more in a new connection, unless is_done says there that the first
        try was kept after all (None is returned then). Raises UnwrittenError where the storage goes on failing.
        """
        try:
            return self._write(work, is_done)
        except sqlite3.Error as error:
            raise UnwrittenError(_unwritten(self.path, error)) from error

    def _write(self, work: Work[Result], is_done: Callable[[], bool]) -> Result | None:
        if not self._closed:
            try:
                return self._transact(work)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_IOERR:
                    raise
                self.db.close()
                self._closed = True
                if error.sqlite_errorcode in _UNFLUSHED:
                    raise UnwrittenError(_unflushed(self.path, error)) from error
                self.failures.append("%s (%s)" % (error, error.sqlite_errorname))
        self._open_again()
        return None if is_done() else self._transact(work)

    def _open_again(self) -> None:
        """Open the file that was there before; where the card is gone, no new one is made in its place."""
        if not self.path.exists():
            raise UnwrittenError(_cannot_open(self.path, FileNotFoundError(0, "it is gone")))
        try:
            self.db = self._open()
        except ProblemError as error:
            raise UnwrittenError(*error.problems) from error
        self._closed = False

    def _transact(self, work: Work[Result]) -> Result:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            result = work(self.db)
            self.db.execute("COMMIT")
            self.commits += 1
        except BaseException:
            if self.db.in_transaction:  # SQLite ends the transaction itself where the disk is full.
                with suppress(sqlite3.Error):  # what failed is told
                    self.db.execute("ROLLBACK")
            raise
        return result
