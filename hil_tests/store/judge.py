"""Judge: opens what a crash left with the real journal, and says whether everything told is there and nothing half."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

from cloud_sync.core.entry import link
from gateway.core.problem import ProblemError
from gateway.journal import Journal
from hil_tests.store.workload import GATEWAY, content

FINE, LOST, ALARM, HALF, DAMAGED, REFUSED, STUCK = (
    "fine",
    "lost",
    "false alarm",
    "half",
    "damaged",
    "refused",
    "cannot go on",
)
AFTER = b"i" * 16  # the incarnation that goes on after the crash
BODY = b"the next entry"


class Verdict(NamedTuple):
    """What became of a journal: its verdict, and how many steps it holds."""

    word: str
    steps: int = -1
    detail: str = ""


def judged(path: Path, contents: list[str], told: int, going_on: bool = True) -> Verdict:
    """Judge the journal at *path*, of whose steps *told* were told as done; contents: its digest after each step.

    It must be what it was after the steps told, or after the one under way too, and an entry more must fit.
    """
    try:
        journal = Journal(path)
    except ProblemError as error:
        return Verdict(REFUSED, detail=str(error))
    try:
        found = content(journal)
        integrity = journal._db.execute("PRAGMA integrity_check").fetchone()[0]
        if integrity != "ok":
            return Verdict(DAMAGED, detail=integrity)
        if found not in contents:
            return Verdict(HALF)
        # Steps that change nothing share their content with the one before.
        steps = max(index for index, one in enumerate(contents) if one == found)
        if found in contents[told : told + 2]:
            steps = contents.index(found, told)
        if steps < told:
            return Verdict(LOST, steps)
        if steps > told + 1:
            return Verdict(HALF, steps, "more steps than were begun")
        if journal.behind:
            return Verdict(ALARM, steps, "its mark says %d" % journal.behind)
        if going_on:
            head, before = journal.head_sequence, journal.head_link
            journal.commit(AFTER, [BODY], gateway=GATEWAY)
            if (journal.head_sequence, journal.head_link) != (head + 1, link(before, head + 1, BODY)):
                return Verdict(STUCK, steps)
    except (ProblemError, sqlite3.Error) as error:
        return Verdict(DAMAGED, detail=str(error))
    finally:
        journal.close()
    return Verdict(FINE, steps)
