"""Evidence: the entries that figures rest on, out of the journal or out of an export, by sequence number."""

from collections.abc import Iterable
from pathlib import Path

from cloud_sync.core.entry import Entry
from gateway.core.problem import ProblemError, problem
from gateway.core.record import KIND_DECLARATION, Account, Config, Declaration, SelfUse, TimeAnchor
from gateway.explanation import Evidence as Evidence
from gateway.export import BATCH, ENTRY, HEADER, RECEIPT, check_day, read_frames
from gateway.figures import Figures, anchors_of, current, declared_for, entry_record, figure_of, records_of
from gateway.journal import Journal


class JournalEvidence:
    """The entries in a gateway's journal."""

    def __init__(self, gateway: str, journal: Journal) -> None:
        self.gateway = gateway
        self._journal = journal

    def entry(self, sequence: int) -> Entry:
        """Return the entry with this sequence number; raises ProblemError where it was freed."""
        return _one(self._journal.entries(sequence, sequence), sequence)

    def figures(self, start_s: int, end_s: int) -> list[tuple[int, Account | SelfUse]]:
        """Return (sequence, record) of the accounts and periods that start in [start_s, end_s), as known now."""
        return current(records_of(self._journal, start_s, end_s))

    def declarations(self, start_s: int, end_s: int) -> list[tuple[int, Declaration]]:
        """Return (sequence, declaration) of what was declared for [start_s, end_s), or is booked from there on."""
        found = []
        for sequence in self._journal.figures_between(start_s, end_s, (KIND_DECLARATION,)):
            record = entry_record(self.entry(sequence), self.gateway)
            if isinstance(record, Declaration):
                found.append((sequence, record))
        return found

    def anchors(self) -> list[TimeAnchor]:
        """Return every anchor of time that is here."""
        return [anchor for _, anchor in anchors_of(self._journal)]

    def batch(self, sequence: int) -> tuple[int, int] | None:
        """Return the ends of the signed batch that holds *sequence*, None before it is sealed."""
        sealed = self._journal.sealed_between(sequence, sequence)
        return (sealed[0].first, sealed[0].last) if sealed else None

    def receipted(self, sequence: int) -> bool:
        """Tell whether the platform gave its receipt for *sequence*."""
        return sequence <= self._journal.receipted_through()


class ExportEvidence:
    """The entries in an export, as they stand there; `wattproof verify` tells whether they are what was signed."""

    def __init__(self, path: Path) -> None:
        """Read the export; raises ProblemError where it is none."""
        self.gateway, self.day = "", ""
        self._entries: dict[int, Entry] = {}
        self._batches: list[tuple[int, int]] = []
        self._receipt = False
        waiting: list[int] = []
        for frame in read_frames(path):
            if frame.kind == HEADER:
                self.gateway, self.day = frame.fields[1], check_day(frame.fields[3])
            elif frame.kind == ENTRY:
                sequence, _, link, body = frame.fields
                self._entries[sequence] = Entry(sequence, body, link)
                waiting.append(sequence)
            elif frame.kind == BATCH and waiting:
                self._batches.append((waiting[0], waiting[-1]))
                waiting = []
            elif frame.kind == RECEIPT:
                self._receipt = True

    def entry(self, sequence: int) -> Entry:
        """Return the entry with this sequence number; raises ProblemError where it is not in the export."""
        return _one([self._entries[sequence]] if sequence in self._entries else [], sequence)

    def figures(self, start_s: int, end_s: int) -> list[tuple[int, Account | SelfUse]]:
        """Return (sequence, record) of the accounts and periods that start in [start_s, end_s), as known now."""
        found: list[tuple[int, Figures]] = []
        for sequence in sorted(self._entries):
            record = figure_of(self._entries[sequence], self.gateway)
            if record is not None and start_s <= record.start_s < end_s:
                found.append((sequence, record))
        return current(found)

    def declarations(self, start_s: int, end_s: int) -> list[tuple[int, Declaration]]:
        """Return (sequence, declaration) of what was declared for [start_s, end_s), or is booked from there on."""
        found = []
        for sequence in sorted(self._entries):
            record = entry_record(self._entries[sequence], self.gateway)
            if isinstance(record, Declaration) and start_s <= declared_for(record) < end_s:
                found.append((sequence, record))
        return found

    def anchors(self) -> list[TimeAnchor]:
        """Return every anchor of time that is here."""
        records = [entry_record(self._entries[sequence], self.gateway) for sequence in sorted(self._entries)]
        return [record for record in records if isinstance(record, TimeAnchor)]

    def batch(self, sequence: int) -> tuple[int, int] | None:
        """Return the ends of the signed batch that holds *sequence*."""
        return next(((first, last) for first, last in self._batches if first <= sequence <= last), None)

    def receipted(self, sequence: int) -> bool:
        """Tell whether a receipt is in the export; it covers all its entries."""
        return self._receipt and self.batch(sequence) is not None


def _one(found: Iterable[Entry], sequence: int) -> Entry:
    for entry in found:
        return entry
    raise ProblemError(
        problem(
            "WP-ACC-060",
            "entry %d" % sequence,
            "the entry is not here",
            "the gateway freed it after the platform's receipt: take an export of the day, or ask the platform for one",
        )
    )


def configuration_record(evidence: Evidence, sequence: int) -> Config:
    """Return the configuration in the entry *sequence*; raises ProblemError where there is none."""
    record = entry_record(evidence.entry(sequence), evidence.gateway)
    if isinstance(record, Config):
        return record
    raise ProblemError(
        problem(
            "WP-ACC-061", "entry %d" % sequence, "the entry is no configuration",
            "the journal or the export was changed from outside: wattproof verify tells where",
        )
    )  # fmt: skip
