"""Figures: reads accounts, periods and amendments back from the journal, by the park's local day."""

from cloud_sync.core.canonical import CanonicalError, decode
from cloud_sync.core.entry import Entry
from gateway.core.account.declared import booked_in
from gateway.core.problem import ProblemError, problem
from gateway.core.record import (
    KIND_ACCOUNT,
    KIND_AMENDMENT,
    KIND_KEY_CHANGE,
    KIND_SELF_USE,
    KIND_TIME_ANCHOR,
    Account,
    Amendment,
    Checkpoint,
    Config,
    Declaration,
    KeyChange,
    RecordError,
    SelfUse,
    TimeAnchor,
    from_map,
)
from gateway.journal import Journal
from gateway.known_now import Figures as Figures
from gateway.known_now import amended as amended
from gateway.known_now import current as current
from gateway.park_time import PARK_TIME as PARK_TIME
from gateway.park_time import day_bounds as day_bounds

FIGURES = (KIND_ACCOUNT, KIND_SELF_USE, KIND_AMENDMENT)
ALWAYS_S = 1 << 40  # later than any moment
FOREVER_S = 1 << 62  # a change of key is of no interval: it stands after all of them
KEPT = (Config, KeyChange)  # never freed: what comes after them is computed or verified by them


def entry_record(entry: Entry, where: str) -> tuple[object, ...]:
    """Return the record in *entry*, which stands in *where*; raises ProblemError where it cannot be read."""
    try:
        plain = decode(entry.body)
        if not isinstance(plain, dict):
            raise RecordError("no map")
        return from_map(plain)
    except (CanonicalError, RecordError) as error:
        raise ProblemError(
            problem(
                "WP-JRN-006",
                where,
                "entry {sequence} cannot be read: {detail}",
                "the journal was changed from outside; the platform has what it gave receipts for",
                sequence=entry.sequence,
                detail=error,
            )
        ) from error


def figure_of(entry: Entry, where: str) -> Figures | None:
    """Return the record in *entry* where it is a figure of an interval, None where it is of another kind."""
    record = entry_record(entry, where)
    return record if isinstance(record, (Account, SelfUse, Amendment)) else None


def record_of(journal: Journal, entry: Entry) -> Figures | None:
    """Return the record in an *entry* of *journal* where it is a figure of an interval, else None."""
    return figure_of(entry, str(journal.path))


def records_of(journal: Journal, start_s: int, end_s: int) -> list[tuple[int, Figures]]:
    """Return (sequence, record) of accounts, periods and amendments of intervals that start in [start_s, end_s)."""
    found: list[tuple[int, Figures]] = []
    for sequence in journal.figures_between(start_s, end_s, FIGURES):
        for entry in journal.entries(sequence, sequence):
            record = record_of(journal, entry)
            if record is not None:
                found.append((sequence, record))
    return found


def current_account(journal: Journal, at_s: int) -> tuple[int, Account] | None:
    """Return (sequence, account) of the interval that holds *at_s* as it is known now, or None."""
    found = account_of(journal, at_s)
    if found is None:
        return None
    start_s = found[1].start_s
    amendments = [row for row in records_of(journal, start_s, start_s + 1) if isinstance(row[1], Amendment)]
    for sequence, account in current([found, *amendments]):
        if isinstance(account, Account):
            return sequence, account
    return found


def account_of(journal: Journal, at_s: int) -> tuple[int, Account] | None:
    """Return (sequence, account) of the interval that holds *at_s* as it was closed first, or None."""
    sequence = journal.last_figure(at_s, KIND_ACCOUNT)
    if sequence is None:
        return None
    record = record_of(journal, journal.entries(sequence, sequence)[0])
    return (sequence, record) if isinstance(record, Account) and at_s < record.end_s else None


def anchors_of(journal: Journal) -> list[tuple[int, TimeAnchor]]:
    """Return (sequence, anchor) of every moment whose time was recorded: one a day, and where time moved."""
    found = []
    for sequence in journal.figures_between(0, ALWAYS_S, (KIND_TIME_ANCHOR,)):
        for entry in journal.entries(sequence, sequence):
            record = entry_record(entry, str(journal.path))
            if isinstance(record, TimeAnchor):
                found.append((sequence, record))
    return found


def found_at(record: tuple[object, ...], closed_s: int) -> int | None:
    """Return the second by which *record* is found in the journal; None for one that has its sequence alone.

    closed_s: the end of the last interval that was closed before it.
    """
    if isinstance(record, (Account, SelfUse, Amendment)):
        return record.start_s
    if isinstance(record, Declaration):
        return declared_for(record)
    if isinstance(record, TimeAnchor):
        return record.utc_ms // 1000
    if isinstance(record, KeyChange):
        return FOREVER_S
    return closed_s if isinstance(record, Checkpoint) else None


def key_changes(journal: Journal) -> list[int]:
    """Return the entries that are changes of key, in their order."""
    return journal.figures_between(FOREVER_S, FOREVER_S + 1, (KIND_KEY_CHANGE,))


def declared_for(record: Declaration) -> int:
    """Return the second by which a declaration is found: that of its moment, or from when on a content is booked."""
    return booked_in(record.values) or record.at_ms // 1000


def newest_account(journal: Journal) -> Account | None:
    """Return the account of the last closed interval, None before the first."""
    sequence = journal.last_figure(ALWAYS_S, KIND_ACCOUNT)
    record = None if sequence is None else record_of(journal, journal.entries(sequence, sequence)[0])
    return record if isinstance(record, Account) else None
