"""Worker: a process under the shim that forks one writer of a journal for each question, and tells what it had told.

A question is one JSON line with the fields of Run; the answer is one JSON line: the exit status of the writer, and
the lines it wrote. Imports are paid once, so that a writer that is killed costs a few milliseconds.
"""

import ctypes
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync.keys import Signer, load_signer
from gateway import journal_file
from gateway.core.problem import ProblemError
from gateway.journal import Journal
from hil_tests.store.workload import SHIPPED_PAGES, Life, content

LOG_BYTES = 8 * (4096 + 24)  # laid out at each opening, short as the lives are
FAILED = 3  # exit status of a writer that was told of a failure and ended, as the daemon does


class Run(NamedTuple):
    """What one writer does, and what is done to it."""

    path: str
    key: str
    steps: int  # 0: open and close the journal
    seed: int = 1
    known: tuple[str, ...] = ()  # digests of the content after 0, 1, 2 ... steps: go on from where another writer ended
    mode: int = 0  # see the shim
    at: int = 0
    error: int = 0
    only_syncs: bool = False
    log: str = ""
    contents: bool = False  # tell the digest of the content after each step
    synchronous: str = ""  # another one than the journal sets
    pages: int = SHIPPED_PAGES
    early: bool = False  # tell of a step before it is done: a planted mistake
    halves: bool = False  # commit entries first, and what goes with them in a second transaction: another one
    marks: str = ""  # a file that is told of each step too


class _InHalves:
    """The database of a journal that commits its entries before the state and the batches that go with them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if statement.startswith("INSERT OR REPLACE INTO state"):
            self._db.execute("COMMIT")
            self._db.execute("BEGIN IMMEDIATE")
        return self._db.execute(statement, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def __enter__(self) -> Any:
        return self._db.__enter__()

    def __exit__(self, *error: Any) -> Any:
        return self._db.__exit__(*error)


def _write(run: Run, signer: Signer, shim: ctypes.CDLL, out: int) -> int:
    def tell(text: str) -> None:
        shim.shim_mark(text.encode())
        if marks >= 0:
            os.write(marks, text.encode())
        os.write(out, text.encode() + b"\n")

    def opened(path: Path) -> Journal:
        journal = Journal(path)
        if run.synchronous:
            journal._db.execute("PRAGMA synchronous=%s" % run.synchronous)
        if run.pages:
            journal._db.execute("PRAGMA wal_autocheckpoint=%d" % run.pages)
        if run.halves:
            journal._file.db = _InHalves(journal._file.db)  # type: ignore[assignment]
        journal.lay_log()
        return journal

    marks = os.open(run.marks, os.O_WRONLY) if run.marks else -1
    log = os.open(run.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if run.log else -1
    shim.shim_arm(run.path.encode(), run.mode, run.at, run.error, run.only_syncs, log)
    try:
        life = Life(Path(run.path), run.seed, signer, opened)
        if run.contents:
            tell("content %s" % content(life.journal))
        first = life.go_on(list(run.known)) if run.known else 0
        if first:
            tell("step %d" % first)
        for number in range(first, run.steps):
            if run.early:
                tell("step %d" % (number + 1))
            life.step(number)
            if not run.early:
                tell("step %d" % (number + 1))
            if run.contents:
                tell("content %s" % content(life.journal))
        life.journal.close()
    except (ProblemError, sqlite3.Error) as error:
        tell("failed %s" % error)
        return FAILED
    finally:
        os.write(out, b"calls %d\n" % shim.shim_calls())
    return 0


def _answer(run: Run, signer: Signer, shim: ctypes.CDLL) -> dict[str, Any]:
    inlet, outlet = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(inlet)
        status = 1
        try:
            status = _write(run, signer, shim, outlet)
        finally:
            os._exit(status)  # no second process may answer
    os.close(outlet)
    with os.fdopen(inlet, "rb") as pipe:
        told = pipe.read().decode().splitlines()
    _, status = os.waitpid(child, 0)
    return {"status": os.waitstatus_to_exitcode(status), "told": told}


def main() -> None:
    """Answer questions until there are no more."""
    shim = ctypes.CDLL(None)
    journal_file.LOG_BYTES, journal_file.LOG_WANTS_FREE_BYTES = LOG_BYTES, 0
    signers: dict[str, Signer] = {}
    for line in sys.stdin:
        run = Run(**json.loads(line))
        if run.key not in signers:
            signers[run.key] = load_signer(Path(run.key))
        print(json.dumps(_answer(run, signers[run.key], shim)), flush=True)


if __name__ == "__main__":
    main()
