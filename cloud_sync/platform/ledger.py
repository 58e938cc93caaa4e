"""The ledger: one SQLite file that holds every accepted entry, and what is read from them.

WAL with synchronous=FULL, so that what was receipted survives a power cut. One process writes, through one
connection guarded by a lock; a lock file keeps a second writer out, and readers of other processes open the
file read-only (two writers with checkpoints of their own are what broke SQLite files in the field).
"""

import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync.platform.schema import MIGRATIONS
from gateway.core.problem import Problem, ProblemError, problem


class Ledger:
    """One open ledger; `read` for all, `writing` for the receiver."""

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        self.path = Path(path)
        self.read_only = read_only
        self.lock = threading.RLock()
        self._lock_file: int | None = None
        if read_only and not self.path.exists():
            raise ProblemError(
                problem(
                    "WP-PLT-011",
                    str(self.path),
                    "There is no ledger here.",
                    "It is made by the first `wattproof-platform serve`; check --home and `ledger` in platform.toml.",
                )
            )
        try:
            self.connection = self._open()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the message may quote bytes that are no text
            self._release()
            raise ProblemError(broken(self.path, error)) from error

    def _open(self) -> sqlite3.Connection:
        if self.read_only:
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
        else:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._take()
            except OSError as error:
                raise ProblemError(
                    problem(
                        "WP-PLT-017",
                        str(self.path),
                        "The ledger cannot be made here: {reason}.",
                        "Give `ledger` in platform.toml a folder that this user may write to.",
                        reason=error.strerror,
                    )
                ) from error
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA temp_store = MEMORY")
        connection.row_factory = sqlite3.Row
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS) or (self.read_only and version < len(MIGRATIONS)):
            connection.close()
            self._release()
            raise ProblemError(
                problem(
                    "WP-PLT-012",
                    str(self.path),
                    "The ledger has tables of version {version}; this program knows version {known}.",
                    "Use the wattproof-platform that wrote it last; a newer one brings an older ledger up to date.",
                    version=version,
                    known=len(MIGRATIONS),
                )
            )
        if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.close()
            self._release()
            raise ProblemError(
                problem(
                    "WP-PLT-018",
                    str(self.path),
                    "This is a database of another program.",
                    "Give `ledger` in platform.toml another name; this file was left as it is.",
                )
            )
        for number in range(version, len(MIGRATIONS)):
            connection.executescript(
                f"BEGIN IMMEDIATE; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;"
            )
        return connection

    def _take(self) -> None:
        """Be the only writer, or say who is not."""
        self._lock_file = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._release()
            raise ProblemError(
                problem(
                    "WP-PLT-013",
                    str(self.path),
                    "Another platform writes to this ledger.",
                    "Stop the other `wattproof-platform serve`, or give this one a ledger of its own.",
                )
            ) from error

    def _release(self) -> None:
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def close(self) -> None:
        """Close the file; a later `Ledger` may open it."""
        with self.lock:
            self.connection.close()
            self._release()

    def read(self, question: str, parameters: tuple[Any, ...] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """Return all rows of an SQL *question*; safe from any thread."""
        with self.lock:
            return self.connection.execute(question, parameters).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all that is written inside it is on the disk after it, or nothing is.

        Inside another one it is a part of that.
        """
        assert not self.read_only
        with self.lock:
            if self.connection.in_transaction:
                yield self.connection
                return
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")


def broken(path: Path, error: Exception) -> Problem:
    """Say that the file at *path* is no usable ledger."""
    return problem(
        "WP-PLT-010",
        str(path),
        "The ledger cannot be read: {reason}.",
        "Keep the file as it is, restore the last backup beside it, and run `wattproof-platform verify` on that.",
        reason=error,
    )


class RegisterTotal(NamedTuple):
    """One cumulative register from its first reading in the ledger to its last, and the energy counted between."""

    gateway: str
    meter: str
    quantity: str
    first_words: tuple[int, ...]
    first_ms: int
    last_words: tuple[int, ...]
    last_ms: int
    energy_wh: int


def energy_totals(ledger: "Ledger | Path | str") -> list[RegisterTotal]:
    """Return, for every register, its first and last words and the sum of all energy counted between them."""
    if not isinstance(ledger, Ledger):
        opened = Ledger(ledger, read_only=True)
        try:
            return energy_totals(opened)
        finally:
            opened.close()
    totals: dict[tuple[str, str, str], RegisterTotal] = {}
    for row in ledger.read("SELECT * FROM span ORDER BY gateway, meter, quantity, start_s"):
        name = (row["gateway"], row["meter"], row["quantity"])
        start, end = tuple(json.loads(row["start_words"])), tuple(json.loads(row["end_words"]))
        total = totals.get(name) or RegisterTotal(*name, (), 0, (), 0, 0)
        if start and not total.first_words:
            total = total._replace(first_words=start, first_ms=row["start_ms"])
        if end:
            total = total._replace(last_words=end, last_ms=row["end_ms"])
        totals[name] = total._replace(energy_wh=total.energy_wh + row["energy_wh"])
    return list(totals.values())
