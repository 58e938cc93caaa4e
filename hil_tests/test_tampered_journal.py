"""Tests of a journal that somebody wrote to with a database tool: the export or its verification names the place."""

import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from cloud_sync.core.receipt import FORK
from gateway.core.problem import Problem, ProblemError
from gateway.export import write_export
from gateway.journal import Journal
from gateway.recorder import journal_path
from gateway.tests.small_park import DAY
from gateway.verification import verify_export
from hil_tests.paired import Pair

# Every column of what is chained or signed, and of what leads to it: how it is edited, by SQL.
EDITS = {
    "entry.sequence": "UPDATE entry SET sequence = 100000 + sequence WHERE sequence = {n}",
    "entry.incarnation": "UPDATE entry SET incarnation = zeroblob(16) WHERE sequence = {n}",
    "entry.link": "UPDATE entry SET link = zeroblob(32) WHERE sequence = {n}",
    "entry.body": "UPDATE entry SET body = (SELECT body FROM entry WHERE sequence = {n} - 1) WHERE sequence = {n}",
    "entry": "DELETE FROM entry WHERE sequence = {n}",
    "outbox.first": "UPDATE outbox SET first = first + 1 WHERE first = {first}",
    "outbox.last": "UPDATE outbox SET last = last - 1 WHERE first = {first}",
    "outbox.incarnation": "UPDATE outbox SET incarnation = zeroblob(16) WHERE first = {first}",
    "outbox.signed": "UPDATE outbox SET signed = (SELECT signed FROM outbox WHERE first < {first} ORDER BY first DESC"
    " LIMIT 1) WHERE first = {first}",
    "outbox": "DELETE FROM outbox WHERE first = {first}",
    "receipt.signed": "UPDATE receipt SET signed = (SELECT signed FROM outbox LIMIT 1)",
    "receipt.through": "UPDATE receipt SET through = through + 100000",
    "cosigned.note": "UPDATE cosigned SET note = CAST(replace(CAST(note AS TEXT), 'A', 'B') AS BLOB)",
    "figure.start_s": "UPDATE figure SET start_s = start_s - 86400 * 3 WHERE sequence = {n}",
    "figure": "DELETE FROM figure WHERE sequence = {n}",
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A gateway with a dozen intervals that are receipted and cosigned; closed, as a file that can be written to."""
    found = Pair(tmp_path_factory.mktemp("journal"))
    found.run(0, 12)
    found.carry()
    found.close()
    return found


def _edited(pair: Pair, folder: Path, statement: str) -> tuple[Path, int]:
    """Return a copy of the journal after *statement*, and the entry that it was about: an account amid the day."""
    path = folder / "journal.sqlite"
    shutil.copy(journal_path(pair.park.home), path)
    with sqlite3.connect(path) as db:
        number = db.execute("SELECT sequence FROM figure WHERE kind = 5 ORDER BY sequence LIMIT 1 OFFSET 5").fetchone()[
            0
        ]
        first = db.execute("SELECT first FROM outbox WHERE first <= ? AND last >= ?", (number, number)).fetchone()[0]
        assert db.execute(statement.format(n=number, first=first)).rowcount > 0
    db.close()
    return path, number


def _problem(pair: Pair, path: Path, out: Path) -> Problem | None:
    """Return what export or verify say of the day in the journal at *path*; None where they believe it."""
    journal = None
    try:
        journal = Journal(path)
        write_export(pair.park.configuration, journal, DAY, str(out))
        verify_export(out, pair.auditor)
    except ProblemError as error:
        return error.problems[0]
    finally:
        if journal is not None:
            journal.close()
    return None


@pytest.mark.parametrize("what", sorted(EDITS))
def test_fault_i01_an_edit_with_a_database_tool_is_named(pair: Pair, tmp_path: Path, what: str) -> None:
    """An edit of any column is refused by export or verify at the entry or beside it, or changes nothing in them."""
    path, number = _edited(pair, tmp_path, EDITS[what])
    found = _problem(pair, path, tmp_path / "edited.wpx")
    if found is None:
        assert _problem(pair, journal_path(pair.park.home), tmp_path / "day.wpx") is None
        assert (tmp_path / "edited.wpx").read_bytes() == (tmp_path / "day.wpx").read_bytes()
        return
    if what.split(".")[0] in ("receipt", "cosigned"):
        assert "receipt" in found.where or "checkpoint" in found.where or found.code in ("WP-EXP-070", "WP-EXP-072")
        return
    where = found.where if found.where != str(path) else str(found.values)
    named = [int(text) for text in re.findall(r"\d+", where.partition("after")[2] or where)]
    assert named and all(abs(one - number) <= 4 or one > 100_000 for one in named), (where, number)


def test_fault_i02_deleted_newest_rows_are_missed(tmp_path: Path) -> None:
    """Where the newest rows are gone the platform hears a branch before its head, and no number twice."""
    pair = Pair(tmp_path)
    pair.run(0, 6)
    pair.carry()
    head = pair.park.journal.head_sequence
    pair.park.close()
    with sqlite3.connect(journal_path(pair.park.home)) as db:
        for table, column in (("entry", "sequence"), ("outbox", "last"), ("figure", "sequence")):
            db.execute("DELETE FROM %s WHERE %s > %d" % (table, column, head - 5))
        db.execute("DELETE FROM receipt")
    db.close()
    pair.park.open()
    pair.park.recorder.event("after")
    pair.park.recorder.commit()
    pair.carry(after=head - 6)
    branches = pair.ledger.read("SELECT first_sequence FROM chain WHERE branch = 1")
    assert [row["first_sequence"] <= head for row in branches] == [True]
    assert FORK not in pair.refusals
    pair.close()


def test_fault_d12_a_restored_backup_writes_no_number_twice(tmp_path: Path) -> None:
    """After a restore the gateway goes on in an incarnation of its own: both are kept, none is counted twice."""
    pair = Pair(tmp_path)
    pair.run(0, 3)
    pair.carry()
    backup = tmp_path / "backup.sqlite"
    pair.park.close()
    shutil.copy(journal_path(pair.park.home), backup)
    pair.park.open()
    pair.run(4, 6)
    pair.carry()
    pair.park.close()
    shutil.copy(backup, journal_path(pair.park.home))
    pair.park.open()
    pair.run(7, 9)
    pair.carry()
    assert not pair.refusals
    twice = pair.ledger.read("SELECT count(*) FROM interval GROUP BY start_s HAVING count(*) > 1")
    assert not twice
    rows = pair.ledger.read("SELECT count(DISTINCT incarnation || '/' || sequence) = count(*) AS once FROM entry")
    assert rows[0]["once"] == 1
    assert pair.ledger.read("SELECT sum(branch) AS n FROM chain")[0]["n"] == 1
    pair.close()
