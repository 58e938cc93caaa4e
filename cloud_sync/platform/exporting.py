"""Exporting from the ledger: the figures of a gateway as they are counted, in formats that need no key of its own."""

from pathlib import Path
from typing import Any

from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.ledger_evidence import LedgerEvidence
from cloud_sync.platform.stretch import Stretch as When
from gateway.exports.stretch import Stretch
from gateway.exports.writing import export_parts, exported, write_parts


def export(ledger: Ledger, gateway: str, when: When, form: str, path: Path) -> dict[str, Any]:
    """Write what the ledger counts of *gateway* to *path*; return what was written."""
    ledger.connection.execute("BEGIN")  # one state of the ledger, also while the platform receives
    try:
        stretch = Stretch(LedgerEvidence(ledger, gateway), when.text, when.start_s, when.end_s)
        return exported(stretch, form, write_parts(str(path), export_parts(stretch, form)))
    finally:
        ledger.connection.execute("ROLLBACK")
