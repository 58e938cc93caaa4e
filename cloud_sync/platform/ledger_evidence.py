"""Ledger evidence: the entries that the projection counts, as exports and explanations ask for them."""

from cloud_sync.core.canonical import decode
from cloud_sync.core.entry import Entry
from cloud_sync.platform.ledger import Ledger
from gateway.core.account.declared import booked_in
from gateway.core.problem import ProblemError, problem
from gateway.core.record import Account, Amendment, Config, Declaration, RecordError, SelfUse, TimeAnchor, from_map
from gateway.known_now import Figures, current


class LedgerEvidence:
    """The figures that the projection counts, read from the entries they were made from."""

    def __init__(self, ledger: Ledger, gateway: str) -> None:
        """Find the gateway; raises ProblemError where nothing is known of it."""
        self.gateway = gateway
        self._ledger = ledger
        self._incarnations: dict[int, bytes] = {}  # of the figures found so far, since sequences may repeat
        if not ledger.read("SELECT 1 FROM chain WHERE gateway = ?", (gateway,)):
            raise ProblemError(
                problem(
                    "WP-EXP-047", gateway, "the ledger has no entry of a gateway of this name",
                    "wattproof-platform show names them all",
                )
            )  # fmt: skip

    def anchors(self) -> list[TimeAnchor]:
        """Return every anchor of time that is here."""
        found = self._ledger.read(
            "SELECT entry.body FROM anchor JOIN entry USING (gateway, incarnation, sequence)"
            " WHERE gateway = ? ORDER BY projected",
            (self.gateway,),
        )
        records = [_record(row["body"]) for row in found]
        return [record for record in records if isinstance(record, TimeAnchor)]

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
        self._incarnations[sequence] = incarnation
        if not isinstance(record, (Account, SelfUse, Amendment)):
            raise ProblemError(
                problem(
                    "WP-EXP-048", "entry %d" % sequence, "the page counts a figure of this entry, but it has none",
                    "run wattproof-platform verify; with --rebuild it makes the tables anew",
                )
            )  # fmt: skip
        return sequence, record

    def entry(self, sequence: int) -> Entry:
        """Return the entry of a figure found before, or of a configuration; raises ProblemError where there is none."""
        rows = self._ledger.read(
            "SELECT incarnation, body, link FROM entry WHERE gateway = ? AND sequence = ?", (self.gateway, sequence)
        )
        if sequence in self._incarnations:
            rows = [row for row in rows if row["incarnation"] == self._incarnations[sequence]]
            return Entry(sequence, rows[0]["body"], rows[0]["link"])
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

    def declarations(self, start_s: int, end_s: int) -> list[tuple[int, Declaration]]:
        """Return (sequence, declaration) of what was declared for [start_s, end_s), or is booked from there on."""
        rows = self._ledger.read(
            "SELECT entry.sequence, body FROM event JOIN entry USING (gateway, incarnation, sequence)"
            " WHERE gateway = ? AND code LIKE 'declared-%' ORDER BY projected",
            (self.gateway,),
        )
        read = [(row["sequence"], _record(row["body"])) for row in rows]
        return [
            (sequence, one)
            for sequence, one in read
            if isinstance(one, Declaration) and start_s <= (booked_in(one.values) or one.at_ms // 1000) < end_s
        ]

    def batch(self, sequence: int) -> tuple[int, int] | None:
        """Return the ends of the signed batch that holds the entry of a figure found before."""
        rows = self._ledger.read(
            "SELECT first_sequence, last_sequence FROM batch WHERE gateway = ? AND incarnation = ?"
            " AND first_sequence <= ? AND last_sequence >= ? ORDER BY received_ms LIMIT 1",
            (self.gateway, self._incarnations[sequence], sequence, sequence),
        )
        return (rows[0]["first_sequence"], rows[0]["last_sequence"]) if rows else None

    def receipted(self, sequence: int) -> bool:
        """Tell whether a receipt was given for the entry of a figure found before."""
        rows = self._ledger.read(
            "SELECT 1 FROM receipt WHERE gateway = ? AND incarnation = ? AND through_sequence >= ? LIMIT 1",
            (self.gateway, self._incarnations[sequence], sequence),
        )
        return bool(rows)


def _record(body: bytes) -> object:
    try:
        plain = decode(body)
        return from_map(plain) if isinstance(plain, dict) else None
    except (ValueError, RecordError):
        return None
