"""Rebuilding: the projection made again from the entries, to compare with, or to put in place of, the one there."""

import sqlite3
from typing import NamedTuple

from cloud_sync.platform.composing import adopt, compose, plans_of
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.place import Place
from cloud_sync.platform.projection import project
from cloud_sync.platform.schema import COMPOSITION, PROJECTION, PROJECTION_TABLES

ENTRIES_AT_ONCE = 500  # held in memory while they are projected again


class Difference(NamedTuple):
    """A table of the projection that is not what the entries give, and how many rows are only on one side."""

    table: str
    only_stored: int
    only_rebuilt: int


def project_all(tables: sqlite3.Connection) -> int:
    """Project every entry again into the empty projection of *tables*, in the order of their acceptance."""
    count, last = 0, -1
    while rows := tables.execute(
        "SELECT gateway, incarnation, sequence, received_ms, body, projected FROM entry WHERE projected > ?"
        " ORDER BY projected LIMIT ?",
        (last, ENTRIES_AT_ONCE),
    ).fetchall():
        for gateway, incarnation, sequence, received_ms, body, projected in rows:
            project(Place(tables, gateway, incarnation, sequence, received_ms), body)
            count, last = count + 1, projected
    return count


def differences(ledger: Ledger) -> list[Difference]:
    """Compare the projection of *ledger* with one rebuilt from its entries."""
    # An unnamed file: SQLite keeps it in memory as long as it is small, and on the disk when it is not.
    rebuilt = sqlite3.connect("", isolation_level=None, uri=True)
    rebuilt.row_factory = sqlite3.Row
    try:
        rebuilt.executescript(PROJECTION + COMPOSITION)
        rebuilt.execute("ATTACH ? AS stored", (f"{ledger.path.absolute().as_uri()}?mode=ro",))
        rebuilt.execute("BEGIN")
        project_all(rebuilt)
        _compose_settled(rebuilt)
        return [found for table in PROJECTION_TABLES if (found := _difference(rebuilt, table)) is not None]
    finally:
        rebuilt.close()


def _compose_settled(rebuilt: sqlite3.Connection) -> None:
    """Compose the parks again, but for those of which something still waits to be composed in the stored tables."""
    waiting = rebuilt.execute("SELECT count(*) FROM stored.changed").fetchone()[0]
    question = "INSERT INTO main.park SELECT name, plan, 0, until_s FROM stored.park WHERE due_s IS NULL AND ? = 0"
    rebuilt.execute(question, (waiting,))
    _compose_all(rebuilt)


def _compose_all(tables: sqlite3.Connection) -> None:
    while compose(tables):
        pass


def _difference(rebuilt: sqlite3.Connection, table: str) -> Difference | None:
    def only(here: str, there: str) -> int:
        # A park of which something still waits is not in main.park, and not compared.
        settled = "WHERE instr(gateway, '/') = 0 OR gateway IN (SELECT 'park/' || name FROM main.park)"
        rows = [f"SELECT * FROM {side}.{table} {settled}" for side in (here, there)]
        question = f"SELECT count(*) FROM ({rows[0]} EXCEPT {rows[1]})"
        count: int = rebuilt.execute(question).fetchone()[0]
        return count

    found = Difference(table, only("stored", "main"), only("main", "stored"))
    return found if found.only_stored or found.only_rebuilt else None


def rebuild(ledger: Ledger) -> int:
    """Put a projection made from the entries in place of the one there, in one transaction; return the entries."""
    with ledger.writing() as connection:
        for table in PROJECTION_TABLES:
            connection.execute(f"DELETE FROM {table}")
        count = project_all(connection)
        plans = plans_of(connection)
        adopt(connection, ())
        adopt(connection, plans)
        _compose_all(connection)
        return count
