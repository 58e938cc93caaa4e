"""Exporting from the ledger: the figures of a gateway as they are counted, in formats that need no key of its own."""

from pathlib import Path
from typing import Any

from cloud_sync.core.canonical import decode
from cloud_sync.core.entry import Entry
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.stretch import Stretch as When
from gateway.core.problem import ProblemError, problem
from gateway.core.record import Account, Amendment, Config, RecordError, SelfUse, from_map
from gateway.exports.stretch import Stretch
from gateway.exports.writing import export_parts, exported, write_parts
from gateway.known_now import Figures, current


class LedgerEvidence:
    """The figures that the projection counts, read from the entries they were made from."""

    def __init__(self, ledger: Ledger, gateway: str) -> None:
        """Find the gateway; raises ProblemError where nothing is known of it."""
        self.gateway = gateway
        self._ledger = ledger
        if not ledger.read("SELECT 1 FROM chain WHERE gateway = ?", (gateway,)):
            raise ProblemError(
                problem(
                    "WP-EXP-047", gateway, "the ledger has no entry of a gateway of this name",
                    "wattproof-platform show names them all",
                )
            )  # fmt: skip

    def figures(self, start_s: int, end_s: int) -> list[tuple[int, Account | SelfUse]]:
        """Return (sequence, record) of the accounts and periods that start in [start_s, end_s), as known now."""
        found: list[tuple[int, Account | SelfUse]] = []
        intervals = self._ledger.read(
            "SELECT start_s, account AS sequence, incarnation FROM interval"
            " WHERE gateway = ? AND start_s >= ? AND start_s < ? AND account IS NOT NULL ORDER BY start_s",
            (self.gateway, start_s, end_s),
        )
        for row in intervals:
            # Sequences repeat where a card was set back, so each interval is seen by itself.
            late = self._ledger.read(
                "SELECT DISTINCT sequence, incarnation FROM amended JOIN entry USING (gateway, incarnation, sequence)"
                " WHERE gateway = ? AND start_s = ? ORDER BY projected",
                (self.gateway, row["start_s"]),
            )
            found += current([self._figure(one["sequence"], one["incarnation"]) for one in (row, *late)])
        periods = self._ledger.read(
            "SELECT sequence, incarnation FROM self_use WHERE gateway = ? AND start_s >= ? AND start_s < ?",
            (self.gateway, start_s, end_s),
        )
        for row in periods:
            found += current([self._figure(row["sequence"], row["incarnation"])])
        return found

    def _figure(self, sequence: int, incarnation: bytes) -> tuple[int, Figures]:
        rows = self._ledger.read(
            "SELECT body FROM entry WHERE gateway = ? AND incarnation = ? AND sequence = ?",
            (self.gateway, incarnation, sequence),
        )
        record = _record(rows[0]["body"]) if rows else None
        if not isinstance(record, (Account, SelfUse, Amendment)):
            raise ProblemError(
                problem(
                    "WP-EXP-048", "entry %d" % sequence, "the page counts a figure of this entry, but it has none",
                    "run wattproof-platform verify; with --rebuild it makes the tables anew",
                )
            )  # fmt: skip
        return sequence, record

    def entry(self, sequence: int) -> Entry:
        """Return the configuration in the entry *sequence*; raises ProblemError where there is not just one."""
        rows = self._ledger.read(
            "SELECT body, link FROM entry WHERE gateway = ? AND sequence = ?", (self.gateway, sequence)
        )
        found = {row["body"]: row["link"] for row in rows if isinstance(_record(row["body"]), Config)}
        if len(found) != 1:
            raise ProblemError(
                problem(
                    "WP-EXP-049", "entry %d" % sequence, "this entry is {count} configurations",
                    "where a card was set back, export on the gateway: wattproof export --format", count=len(found),
                )
            )  # fmt: skip
        ((body, link),) = found.items()
        return Entry(sequence, body, link)


def _record(body: bytes) -> object:
    try:
        plain = decode(body)
        return from_map(plain) if isinstance(plain, dict) else None
    except (ValueError, RecordError):
        return None


def export(ledger: Ledger, gateway: str, when: When, form: str, path: Path) -> dict[str, Any]:
    """Write what the ledger counts of *gateway* to *path*; return what was written."""
    ledger.connection.execute("BEGIN")  # one state of the ledger, also while the platform receives
    try:
        stretch = Stretch(LedgerEvidence(ledger, gateway), when.text, when.start_s, when.end_s)
        return exported(stretch, form, write_parts(str(path), export_parts(stretch, form)))
    finally:
        ledger.connection.execute("ROLLBACK")
