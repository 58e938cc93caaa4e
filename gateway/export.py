"""Export: the signed entries of one day in one file, for an auditor without our programs or our network.

The file is a row of frames, each four bytes of length (big endian) and one canonical CBOR array:
[0, magic, gateway, bucket, day], then [1, sequence, incarnation, link, body] for every entry,
[2, signed batch], [3, signed receipt], [5, cosigned checkpoint], [6, size, sequence, inclusion proof],
[7, size, later size, consistency proof], and last [4, how many entries, batches and other frames, SHA-256 of the file
up to here].
"""

import os
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from cloud_sync.core.batch import Sealed
from cloud_sync.core.canonical import CanonicalError, decode, encode
from gateway.checkpoints import checkpoint_sequences
from gateway.config import Configuration
from gateway.core.anchoring import is_placed
from gateway.core.flag import DECLARED
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.record import KIND_DECLARATION, Account, Amendment
from gateway.exports.writing import cannot_write, check_target, partial
from gateway.figures import anchors_of, day_bounds, key_changes, record_of, records_of
from gateway.journal import Journal
from gateway.proofs import proofs_for

MAGIC = "wattproof-export-1"
HEADER, ENTRY, BATCH, RECEIPT, END, NOTE, INCLUSION, CONSISTENCY = range(8)
_FIELDS = {
    HEADER: (str, str, str, str),
    ENTRY: (int, bytes, bytes, bytes),
    BATCH: (bytes,),
    RECEIPT: (bytes,),
    END: (int, int, int, bytes),
    NOTE: (bytes,),
    INCLUSION: (int, int, list),
    CONSISTENCY: (int, int, list),
}
_LENGTH_BYTES = 4
HASH_BYTES = 32
# A frame holds one batch or one entry; both are far smaller.
FRAME_BYTES_MAX = 16 * 1024 * 1024
FIRST_YEAR, LAST_YEAR = 2000, 2199  # outside, a day is a slip of the keyboard


class Frame(NamedTuple):
    """One frame of an export: its kind, its fields, where in the file it begins, and its bytes."""

    kind: int
    fields: tuple[Any, ...]
    offset: int
    raw: bytes


def _frame(kind: int, *fields: object) -> bytes:
    item = encode([kind, *fields])
    return len(item).to_bytes(_LENGTH_BYTES, "big") + item


def check_day(day: str) -> str:
    """Return *day* if it is a date; raises ProblemError where it is none."""
    try:
        found = datetime.strptime(day, "%Y-%m-%d").date()
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ProblemError(
            problem("WP-EXP-001", day, "this is no day", "write year, month and day, for example 2026-11-21")
        )
    return found.isoformat()


class _Writer:
    """Writes frames, and what the last one says of them."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._digest = sha256()
        self.counts = [0] * len(_FIELDS)

    def write(self, kind: int, *fields: object) -> None:
        """Write one frame."""
        raw = _frame(kind, *fields)
        self._digest.update(raw)
        self.counts[kind] += 1
        self._out.write(raw)

    def end(self) -> None:
        """Write the last frame."""
        others = sum(self.counts) - self.counts[ENTRY] - self.counts[BATCH]
        self._out.write(_frame(END, self.counts[ENTRY], self.counts[BATCH], others, self._digest.digest()))


def _runs(batches: list[Sealed]) -> list[tuple[int, int]]:
    """Return (first, last) of the entries of *batches* that follow each other without a gap."""
    runs: list[tuple[int, int]] = []
    for batch in batches:
        if runs and runs[-1][1] + 1 == batch.first:
            runs[-1] = (runs[-1][0], batch.last)
        else:
            runs.append((batch.first, batch.last))
    return runs


def _between_checkpoints(journal: Journal, first: int, last: int) -> tuple[int, int]:
    """Return from which entry to which the chain must go on, so that checkpoints stand at both ends of a day."""
    sequences = checkpoint_sequences(journal)
    before = [one for one in sequences if one < first]
    after = [one for one in sequences if one > last]
    return before[-1] if before else first, after[0] if after else last


def write_export(
    configuration: Configuration, journal: Journal, day: str, path: str, theirs: int | None = None
) -> dict[str, Any]:
    """Write the export of *day* to *path*, with a proof about the checkpoint of size *theirs*; return what it holds."""
    start_s, end_s = day_bounds(check_day(day))
    needed: set[int] = set()
    accounts: list[int] = []
    for sequence, record in records_of(journal, start_s, end_s):
        needed |= {sequence, record.config}
        if isinstance(record, Account):
            accounts.append(sequence)
        elif isinstance(record, Amendment):
            needed |= _declarations_under(journal, record)
    if not accounts:
        raise ProblemError(
            problem(
                "WP-EXP-002", day, "no interval of this day was closed", "wattproof status shows what the gateway has"
            )
        )
    needed |= set(journal.figures_between(start_s, end_s, (KIND_DECLARATION,)))
    needed |= _anchors_for(journal, needed)
    first, last = _between_checkpoints(journal, min(accounts) - 1, max(accounts))
    needed |= set(range(first, last + 1))
    # Whoever knows an earlier key only follows the changes of key to that of the day.
    needed |= {sequence for sequence in key_changes(journal) if sequence < max(accounts)}
    batches = _batches_with(journal, needed)
    if not batches:
        raise ProblemError(
            problem(
                "WP-EXP-003", day, "the entries were never signed", "make a key with wattproof keys new, then run again"
            )
        )
    bucket = configuration.bucket
    target = Path(path)
    check_target(target)
    try:
        with partial(target).open("wb") as out:
            writer = _Writer(out)
            writer.write(HEADER, MAGIC, configuration.site.gateway, bucket, check_day(day))
            for batch in batches:
                for entry in journal.entries(batch.first, batch.last):
                    writer.write(ENTRY, entry.sequence, batch.incarnation, entry.link, entry.body)
                writer.write(BATCH, batch.signed)
            receipt = journal.receipt_for(batches[-1].last)
            if receipt is not None:
                writer.write(RECEIPT, receipt)
            proofs = proofs_for(journal, _runs(batches), theirs)
            for note in proofs.notes:
                writer.write(NOTE, note)
            for shown in proofs.inclusions:
                writer.write(INCLUSION, *shown)
            for follows in proofs.consistencies:
                writer.write(CONSISTENCY, *follows)
            writer.end()
            out.flush()
            os.fsync(out.fileno())
        partial(target).replace(target)
    except OSError as error:
        raise ProblemError(cannot_write(path, error)) from error
    return {
        "file": str(target),
        "day": day,
        "intervals": len(accounts),
        "entries": writer.counts[ENTRY],
        "batches": len(batches),
        "receipted": receipt is not None,
        "cosigned_through": max((one.sequence for one in proofs.inclusions), default=None),
    }


def _anchors_for(journal: Journal, needed: set[int]) -> set[int]:
    """Return the entries of the anchors of those boots in which accounts were closed before the time was known."""
    boots = set()
    for sequence in needed:
        for entry in journal.entries(sequence, sequence):
            record = record_of(journal, entry)
            if isinstance(record, Account) and not is_placed(record.stamp, []):
                boots.add(record.stamp.boot)
    return {sequence for sequence, anchor in anchors_of(journal) if anchor.boot in boots}


def _declarations_under(journal: Journal, record: Amendment) -> set[int]:
    """Return the entries of what was declared for moments within the declared spans of an amendment."""
    spans = [span for span in record.spans if DECLARED in span.flag]
    found: set[int] = set()
    for span in spans:
        found |= set(journal.figures_between(span.start_ms // 1000, span.end_ms // 1000 + 1, (KIND_DECLARATION,)))
    return found


def _batches_with(journal: Journal, needed: set[int]) -> list[Sealed]:
    """Return the batches with the entries *needed*, and with the configurations of all figures in them."""
    while True:
        sealed = journal.sealed_between(min(needed), max(needed))
        batches = [b for b in sealed if not needed.isdisjoint(range(b.first, b.last + 1))]
        found = set(needed)
        for batch in batches:
            for entry in journal.entries(batch.first, batch.last):
                record = record_of(journal, entry)
                if record is not None:
                    found.add(record.config)
        if found == needed:
            return batches
        needed = found


def damaged(where: str, detail: str) -> Problem:
    """Return the problem that an export is damaged at *where*."""
    return problem(
        "WP-EXP-010",
        where,
        "the export is damaged here: {detail}",
        "it was changed after it was written, or copied badly: ask for it again",
        detail=detail,
    )


def read_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of an export; raises ProblemError naming the place where it is none."""
    try:
        with path.open("rb") as file:
            yield from _frames_of(file)
    except OSError as error:
        raise ProblemError(
            problem(
                "WP-EXP-011",
                str(path),
                "the export cannot be read: {detail}",
                "check the name and the permissions of the file",
                detail=error.strerror or error,
            )
        ) from error


def _frames_of(file: BinaryIO) -> Iterator[Frame]:
    reading = Reading()
    while head := file.read(_LENGTH_BYTES):
        length = int.from_bytes(head, "big")
        yield reading.frame(head, file.read(length) if length <= FRAME_BYTES_MAX else b"")
    reading.end()


class Reading:
    """Takes the frames of a file as they come: where the next one begins, and whether it may come at all."""

    def __init__(self) -> None:
        self.offset, self._last, self._ended = 0, 0, False

    def _where(self) -> str:
        return "byte %d (after entry %d)" % (self.offset, self._last)

    def frame(self, head: bytes, item: bytes) -> Frame:
        """Return the frame with the length *head* and the bytes *item*; raises ProblemError where it is none."""
        length = int.from_bytes(head, "big")
        if self._ended or len(head) != _LENGTH_BYTES or len(item) != length or not length:
            raise ProblemError(damaged(self._where(), "the length of a frame does not fit the file"))
        try:
            plain = decode(item)
        except CanonicalError as error:
            raise ProblemError(damaged(self._where(), str(error))) from error
        found = _checked(plain, self.offset, head + item)
        if found is None or (self.offset == 0) != (found.kind == HEADER):
            raise ProblemError(damaged(self._where(), "this is no frame of an export"))
        if found.kind == ENTRY:
            self._last = found.fields[0]
        self._ended = found.kind == END
        self.offset += _LENGTH_BYTES + length
        return found

    def end(self) -> None:
        """Note that the file ends; raises ProblemError where that is too early."""
        if not self._ended:
            raise ProblemError(damaged(self._where(), "the file ends too early"))


def _checked(plain: object, offset: int, raw: bytes) -> Frame | None:
    if not isinstance(plain, list) or not plain or type(plain[0]) is not int or plain[0] not in _FIELDS:
        return None
    shape = _FIELDS[plain[0]]
    if len(plain) != len(shape) + 1:
        return None
    for value, kind in zip(plain[1:], shape, strict=True):
        if not isinstance(value, kind) or isinstance(value, bool):
            return None
        if isinstance(value, list) and not all(isinstance(one, bytes) and len(one) == HASH_BYTES for one in value):
            return None
    return Frame(plain[0], tuple(plain[1:]), offset, raw)
