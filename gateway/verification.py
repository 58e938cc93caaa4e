"""Verification: is an export what the gateway signed, and does every figure in it follow from raw registers?"""

from pathlib import Path
from typing import Any

from cloud_sync.core.batch import Batch, read_envelope
from cloud_sync.core.canonical import decode
from cloud_sync.core.entry import link
from cloud_sync.core.receipt import Receipt
from cloud_sync.core.topic import down_topic, is_name, up_topic
from cloud_sync.key_change import is_change, successor
from cloud_sync.keys import KeyRing
from cloud_sync.seal import SealError, open_answer, open_sealed
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.record import Account, KeyChange, from_map
from gateway.export import BATCH, ENTRY, HEADER, MAGIC, RECEIPT, Frame, check_day, damaged, read_frames
from gateway.figures import day_bounds
from gateway.recompute import Recomputation
from gateway.sums import sum_tallies

# One broken link makes all that follows suspect; more lines than this help nobody.
PROBLEMS_SHOWN = 20


class _Chain:
    """The signed entries of an export, as they pass."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self.gateway, self.bucket, self.day = "", "", ""
        self.waiting: list[tuple[int, bytes, bytes, bytes]] = []  # entries whose batch has not passed yet
        self.head: tuple[int, bytes] | None = None
        self.verified: list[tuple[int, bytes]] = []
        self.batches = 0
        self.kids: set[bytes] = set()  # of the keys that signed batches
        self.handed_over: dict[bytes, int] = {}  # keys by id, and the entry by which each announced its successor
        self.receipt: Receipt | None = None

    def take(self, frame: Frame) -> None:
        """Take one frame; raises ProblemError naming the entry where it does not hold."""
        if frame.kind == HEADER:
            magic, self.gateway, self.bucket, self.day = frame.fields
            if magic != MAGIC or not is_name(self.gateway) or not is_name(self.bucket) or not _is_day(self.day):
                raise ProblemError(damaged("byte 0", "the header is not that of an export"))
        elif frame.kind == ENTRY:
            self._take_entry(*frame.fields)
        elif frame.kind == BATCH:
            self._take_batch(frame.fields[0])
        elif frame.kind == RECEIPT:
            self._take_receipt(frame.fields[0])
        elif frame.fields != (len(self.verified), self.batches) or self.waiting:
            raise ProblemError(damaged(self._place(), "entries or batches are missing"))

    def _place(self) -> str:
        return "entry %d" % (self.waiting[-1][0] if self.waiting else self.head[0] if self.head else 0)

    def _take_entry(self, sequence: int, incarnation: bytes, stated: bytes, body: bytes) -> None:
        previous = (self.waiting[-1][0], self.waiting[-1][2]) if self.waiting else self.head
        if (self.waiting and sequence != self.waiting[-1][0] + 1) or (previous and sequence <= previous[0]):
            raise ProblemError(damaged("entry %d" % sequence, "it does not follow the entry before it"))
        if previous is not None and previous[0] + 1 == sequence and link(previous[1], sequence, body) != stated:
            raise ProblemError(damaged("entry %d" % sequence, "its link does not fit its content"))
        self.waiting.append((sequence, incarnation, stated, body))

    def _take_batch(self, signed: bytes) -> None:
        where = "entries %d to %d" % (self.waiting[0][0], self.waiting[-1][0]) if self.waiting else self._place()
        try:
            batch = open_sealed(signed, up_topic(self.bucket, self.gateway), self.ring)
        except SealError as error:
            raise ProblemError(_not_signed(where, error)) from error
        if not isinstance(batch, Batch) or batch.first_sequence != (self.waiting[0][0] if self.waiting else 0):
            raise ProblemError(damaged(where, "the signed batch is another one"))
        previous = batch.previous_link
        if self.head is not None and self.head[0] + 1 == batch.first_sequence and self.head[1] != previous:
            raise ProblemError(damaged("entry %d" % batch.first_sequence, "it does not follow the entry before it"))
        for index, body in enumerate(batch.bodies):
            sequence = batch.first_sequence + index
            previous = link(previous, sequence, body)
            if index >= len(self.waiting) or self.waiting[index] != (sequence, batch.incarnation, previous, body):
                raise ProblemError(damaged("entry %d" % sequence, "it is not the entry that was signed"))
        if len(self.waiting) != len(batch.bodies):
            raise ProblemError(damaged(where, "more entries than were signed"))
        self.verified += [(sequence, body) for sequence, _, _, body in self.waiting]
        self.head = (batch.last_sequence, batch.link)
        self.waiting = []
        self.batches += 1
        self._follow(batch, read_envelope(signed).kid)

    def _follow(self, batch: Batch, kid: bytes) -> None:
        """Note the key *kid* that signed *batch*, and the one it hands over to, if it does."""
        handed_over = self.handed_over.get(kid)
        if handed_over is not None and batch.last_sequence > handed_over:
            where = "entries %d to %d" % (batch.first_sequence, batch.last_sequence)
            raise ProblemError(damaged(where, "signed by a key that handed over to another in entry %d" % handed_over))
        self.kids.add(kid)
        for index, body in enumerate(batch.bodies):
            if is_change(body):
                try:
                    change = from_map(decode(body))  # type: ignore[arg-type]
                    assert isinstance(change, KeyChange)
                    self.ring = self.ring.joined(successor(change, self.gateway, kid))
                except ValueError:  # also CanonicalError and RecordError; whatever it is, it is no change of key
                    continue
                self.handed_over[kid] = batch.first_sequence + index

    def _take_receipt(self, signed: bytes) -> None:
        where = "receipt after %s" % self._place()
        try:
            answer = open_answer(signed, down_topic(self.bucket, self.gateway), self.ring)
        except SealError as error:
            raise ProblemError(_not_signed(where, error)) from error
        if not isinstance(answer, Receipt) or self.head is None or answer.through_sequence < self.head[0]:
            raise ProblemError(damaged(where, "the receipt does not cover the entries"))
        if answer.through_sequence == self.head[0] and answer.link != self.head[1]:
            raise ProblemError(damaged(where, "the receipt is for other entries"))
        if read_envelope(signed).kid in self.kids:
            raise ProblemError(damaged(where, "the gateway itself signed the receipt"))
        self.receipt = answer


def _not_signed(where: str, error: SealError) -> Problem:
    return problem(
        "WP-EXP-012",
        where,
        "the signature does not hold: {detail}",
        "the file was changed, or the public key is missing in the folder given with --keys",
        detail=error,
    )


def _is_day(day: str) -> bool:
    try:
        return check_day(day) == day
    except ProblemError:
        return False


def _accounts_of(recomputation: Recomputation, day: str) -> list[Account]:
    """Return the accounts of *day* as amended; raises ProblemError where there is none, or one is missing between."""
    start_s, end_s = day_bounds(day)
    found = [one for at_s, one in sorted(recomputation.accounts.items()) if start_s <= at_s < end_s]
    if not found:
        raise ProblemError(damaged("byte 0", "there is no interval of its day in it"))
    for (_, before), (sequence, account) in zip(found, found[1:], strict=False):
        if account.start_s != before.end_s:
            raise ProblemError(damaged("entry %d" % sequence, "intervals before it are missing"))
    return [recomputation.current[account.start_s] for _, account in found]


def verify_export(path: Path, keys: Path) -> dict[str, Any]:
    """Return what an export proves; raises ProblemError naming every entry that does not hold."""
    ring = KeyRing.load(keys)
    if not len(ring):
        raise ProblemError(
            problem(
                "WP-EXP-013",
                str(keys),
                "there is no public key (*.pub) in this folder",
                "name the folder with the keys of the gateway and of the platform: --keys DIR",
            )
        )
    chain = _Chain(ring)
    for frame in read_frames(path):
        chain.take(frame)
    if not chain.verified:
        raise ProblemError(damaged(str(path), "there is no entry in it"))
    start_s, end_s = day_bounds(chain.day)
    recomputation = Recomputation((start_s, end_s))
    for sequence, body in chain.verified:
        recomputation.take(sequence, body)
    if recomputation.problems:
        raise ProblemError(*recomputation.problems[:PROBLEMS_SHOWN])
    accounts = _accounts_of(recomputation, chain.day)
    # Batches hold whole commits: entries of other days that came with those of this day are proven, but not counted.
    amendments = [late for late in recomputation.amendments if start_s <= late.start_s < end_s]
    energies: dict[str, list[int]] = {}
    for account in accounts:
        for one in account.energies:
            row = energies.setdefault(one.meter_point, [0, 0])
            row[0] += one.import_wh
            row[1] += one.export_wh
    periods = [period for at_s, (_, period) in sorted(recomputation.periods.items()) if start_s <= at_s < end_s]
    return {
        "gateway": chain.gateway,
        "day": chain.day,
        "entries": len(chain.verified),
        "first": chain.verified[0][0],
        "last": chain.verified[-1][0],
        "batches": chain.batches,
        "key_changes": len(chain.handed_over),
        "receipted_through": chain.receipt.through_sequence if chain.receipt else None,
        "intervals": len(accounts),
        "registers": sum(len(account.spans) for account in accounts),
        "amendments": len(amendments),
        "energies": [
            {"meter_point": name, "import_wh": row[0], "export_wh": row[1]} for name, row in sorted(energies.items())
        ],
        "tallies": sum_tallies([*accounts, *periods]),
    }
