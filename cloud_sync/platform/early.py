"""Early: the intervals in batches that came before their turn; they are shown at once and counted in their turn.

A gateway that gives a backlog of days sends its newest batch between the old ones. It is verified like any other, but
what comes before it is missing yet, so nothing of it counts.
"""

import json
import sqlite3

from cloud_sync.core.batch import Batch, Hole
from cloud_sync.platform.bounds import check
from cloud_sync.platform.projection import UNREADABLE, record_of
from cloud_sync.platform.reports import Figures, Reads, rows
from gateway.core.record import Account


def project_early(connection: sqlite3.Connection, batch: Batch | Hole, received_ms: int) -> None:
    """Lay out the intervals of a held batch; what cannot be read is told when its turn comes."""
    if isinstance(batch, Hole):
        return
    for number, body in enumerate(batch.bodies):
        try:
            record = record_of(body)
            check(record)
        except UNREADABLE:
            continue
        if isinstance(record, Account):
            energies = {one.meter_point: [one.import_wh, one.export_wh, one.flag] for one in record.energies}
            connection.execute(
                "INSERT OR REPLACE INTO early VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    batch.gateway,
                    batch.incarnation,
                    batch.first_sequence + number,
                    record.start_s,
                    record.end_s,
                    json.dumps(energies, ensure_ascii=False),
                    received_ms,
                ),
            )


def forget_early(connection: sqlite3.Connection, batch: Batch | Hole) -> None:
    """Take away what was laid out early of the entries of *batch*, whose turn has come."""
    connection.execute(
        "DELETE FROM early WHERE gateway = ? AND incarnation = ? AND sequence BETWEEN ? AND ?",
        (batch.gateway, batch.incarnation, batch.first_sequence, batch.last_sequence),
    )


def newest_early(ledger: Reads, gateway: str) -> Figures | None:
    """Return the newest interval that came before its turn, None where none did."""
    question = (
        "SELECT start_s, end_s, energies, received_ms FROM early WHERE gateway = ? ORDER BY end_s DESC, sequence DESC"
        " LIMIT 1"
    )
    for row in rows(ledger, question, gateway):
        row["energies"] = json.loads(row["energies"])
        return row
    return None
