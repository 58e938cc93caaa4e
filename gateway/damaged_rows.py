"""Damaged rows: reads out of a damaged journal file whatever rows can still be read, around the pages that cannot."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from gateway.core.problem import ProblemError
from gateway.journal_file import BROKEN, JournalFile, check_tables, damaged

TABLES = ("entry", "outbox", "aside", "receipt", "cosigned", "snapshot", "figure", "configuration", "state")
Rows = dict[str, list[tuple[Any, ...]]]
# Rows that nothing else checks; those of the other tables have links or digests.
_SHAPES = {
    "aside": (str, int, str, bytes),
    "cosigned": (str, int, bytes),
    "figure": (int, int, int),
    "configuration": (int,),
}
_PAGE = 4096
_FREE_PAGES, _CHANGES = slice(32, 40), slice(24, 28)  # in the first page
_PROBES_MAX = 1_000_000  # rows that are looked for one by one between those that a damaged page hides


def rows_left(path: Path) -> Rows:
    """Return the rows of the journal at *path* that can be read; raises ProblemError where it is no journal at all."""
    with suppress(*BROKEN), closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    try:
        return _all_rows(path)
    except BROKEN:
        return _rows_by_another_first_page(path)


def _rows_by_another_first_page(path: Path) -> Rows:
    """Read a copy of the file with the first page of a new journal, which knows where the tables are."""
    copy, new = path.with_name(path.name + ".copy"), path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)
        JournalFile(new).close()
        first = bytearray(new.read_bytes()[:_PAGE])
        first[_FREE_PAGES] = bytes(8)
        first[_CHANGES] = b"\xff\xff\xff\xff"  # so that the length of the file tells the number of pages
        shutil.copyfile(path, copy)
        with copy.open("r+b") as file:
            file.write(first)
        return _all_rows(copy)
    except BROKEN as error:
        raise ProblemError(damaged(path, error)) from error
    finally:
        for one in (copy, new):
            for end in ("", "-wal", "-shm", "-journal"):
                one.with_name(one.name + end).unlink(missing_ok=True)


def _all_rows(path: Path) -> Rows:
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = lambda text: text.decode("utf-8", "replace")
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        check_tables(db)
        rows = {table: _rows(db, table) for table in TABLES}
    for table, shape in _SHAPES.items():
        rows[table] = [row for row in rows[table] if _fits(row, shape)]
    return rows


def _fits(row: tuple[Any, ...], shape: tuple[type, ...]) -> bool:
    return len(row) == len(shape) and all(isinstance(one, look) for one, look in zip(row, shape, strict=True))


def _rows(db: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    found: dict[int, tuple[Any, ...]] = {}
    whole = False
    for order in ("", "DESC"):
        question = "SELECT rowid, * FROM %s NOT INDEXED ORDER BY rowid %s" % (table, order)
        with suppress(*BROKEN):
            for row in _each(db, question):
                if row[0] in found:
                    break
                found[row[0]] = row[1:]
            whole = True
        if whole:
            break
    if not whole:
        _probe(db, table, found)
    return [found[number] for number in sorted(found)]


def _each(db: sqlite3.Connection, question: str) -> Iterator[tuple[Any, ...]]:
    yield from db.execute(question)


def _probe(db: sqlite3.Connection, table: str, found: dict[int, tuple[Any, ...]]) -> None:
    """Look one by one for the rows between those that both directions reached."""
    known = sorted(found)
    gaps = [(a + 1, b) for a, b in zip(known, known[1:], strict=False) if b > a + 1]
    if not gaps:
        return
    first, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    for number in range(first, min(end, first + _PROBES_MAX)):
        with suppress(*BROKEN):
            for row in _each(db, "SELECT rowid, * FROM %s NOT INDEXED WHERE rowid = %d" % (table, number)):
                found[number] = row[1:]
