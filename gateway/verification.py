"""Verification: is an export what the gateway signed, and does every figure in it follow from raw registers?"""

from hashlib import sha256
from pathlib import Path
from typing import Any

from cloud_sync.core.batch import Batch, read_envelope
from cloud_sync.core.canonical import CanonicalError, decode
from cloud_sync.core.entry import link
from cloud_sync.core.receipt import NOTE_BYTES_MAX, Receipt
from cloud_sync.core.topic import down_topic, is_name, up_topic
from cloud_sync.key_change import is_change, successor
from cloud_sync.keys import KeyRing
from cloud_sync.seal import SealError, open_answer, open_sealed
from gateway.core.anchoring import is_claimable
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.record import KIND_CHECKPOINT, Account, Checkpoint, KeyChange, RecordError, from_map
from gateway.export import (
    BATCH,
    CONSISTENCY,
    END,
    ENTRY,
    HEADER,
    INCLUSION,
    MAGIC,
    NOTE,
    RECEIPT,
    Frame,
    check_day,
    damaged,
    read_frames,
)  # fmt: skip
from gateway.figures import day_bounds
from gateway.recompute import Recomputation
from gateway.sums import sum_tallies
from gateway.witness import Witness, no_checkpoint

# One broken link makes all that follows suspect; more lines than this help nobody.
PROBLEMS_SHOWN = 20


# In which order the frames of an export stand; of those listed here alone there is one.
_ORDER = {HEADER: 0, ENTRY: 1, BATCH: 1, RECEIPT: 2, NOTE: 3, INCLUSION: 4, CONSISTENCY: 5, END: 6}
_ONCE = (HEADER, RECEIPT, END)


class Chain:
    """The signed entries of an export, and what they are witnessed by, as they pass."""

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
        self.links: dict[int, bytes] = {}
        self.witness = Witness(ring)
        self._others = 0
        self._place_in_order = -1
        self._digest = sha256()
        self._proof: tuple[int, ...] = ()

    def take(self, frame: Frame) -> None:
        """Take one frame; raises ProblemError naming the entry where it does not hold."""
        order = _ORDER[frame.kind]
        if order < self._place_in_order or (order == self._place_in_order and frame.kind in _ONCE):
            raise ProblemError(damaged(self._at(frame), "it stands in another place than it was written to"))
        self._place_in_order = order
        if frame.kind != END:
            self._digest.update(frame.raw)
            self._others += frame.kind not in (ENTRY, BATCH)
        if order > _ORDER[ENTRY] and self.waiting:
            raise ProblemError(damaged(self._place(), "entries or batches are missing"))
        if frame.kind == HEADER:
            magic, self.gateway, self.bucket, self.day = frame.fields
            if magic != MAGIC or not is_name(self.gateway) or not is_name(self.bucket) or not _is_day(self.day):
                raise ProblemError(damaged("byte 0", "the header is not that of an export"))
        elif frame.kind == ENTRY:
            self._take_entry(self._at(frame), *frame.fields)
        elif frame.kind == BATCH:
            self._take_batch(frame.fields[0])
        elif frame.kind == RECEIPT:
            self._take_receipt(frame.fields[0])
        elif frame.kind == NOTE:
            self.witness.take_note(frame.fields[0], self.gateway, self.kids, self._at(frame))
        elif frame.kind in (INCLUSION, CONSISTENCY):
            self._take_proof(frame)
        elif frame.fields[:2] != (len(self.verified), self.batches):
            raise ProblemError(damaged(self._place(), "entries or batches are missing"))
        elif frame.fields[2:] != (self._others, self._digest.digest()):
            raise ProblemError(damaged(self._at(frame), "frames before it are missing, or were changed"))

    def _at(self, frame: Frame) -> str:
        return "byte %d (after %s)" % (frame.offset, self._place())

    def _take_proof(self, frame: Frame) -> None:
        first, second, path = frame.fields
        if (frame.kind, first, second) <= self._proof:
            raise ProblemError(damaged(self._at(frame), "it stands in another place than it was written to"))
        self._proof = (frame.kind, first, second)
        if frame.kind == INCLUSION:
            self.witness.take_inclusion(frame.offset, first, second, path, self.links.get(second))
        else:
            self.witness.take_consistency(frame.offset, first, second, path)

    def _place(self) -> str:
        return "entry %d" % (self.waiting[-1][0] if self.waiting else self.head[0] if self.head else 0)

    def _take_entry(self, where: str, sequence: int, incarnation: bytes, stated: bytes, body: bytes) -> None:
        previous = (self.waiting[-1][0], self.waiting[-1][2]) if self.waiting else self.head
        if (self.waiting and sequence != self.waiting[-1][0] + 1) or (previous and sequence <= previous[0]):
            raise ProblemError(damaged(where, "entry %d does not follow the entry before it" % sequence))
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
            if isinstance(batch, Batch):  # what is signed is right, whatever the entries say of themselves
                where = "entries %d to %d" % (batch.first_sequence, batch.last_sequence)
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
        for sequence, _, stated, body in self.waiting:
            self._watch(sequence, stated, body)
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

    def _watch(self, sequence: int, stated: bytes, body: bytes) -> None:
        """Keep the link of an entry that holds, and see whether it is a checkpoint that holds too."""
        if sequence - 1 not in self.links:
            self.witness.skip()
        if body[1:3] == bytes((0, KIND_CHECKPOINT)):  # how such a record begins: a map whose key 0 says its kind
            try:
                record = from_map(decode(body))  # type: ignore[arg-type]
            except (CanonicalError, RecordError):
                record = ()  # the recomputation says that it cannot be read
            if isinstance(record, Checkpoint):
                wrong = self.witness.take_own(sequence, record, self.gateway)
                if wrong is not None:
                    raise ProblemError(wrong)
        self.links[sequence] = stated
        self.witness.take_link(stated)

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


def read_checkpoint(path: Path) -> bytes:
    """Return the cosigned checkpoint in the file *path*; raises ProblemError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(NOTE_BYTES_MAX + 1)
    except OSError as error:
        raise ProblemError(no_checkpoint(str(path), error.strerror or error)) from error


def verify_export(path: Path, keys: Path, checkpoint: Path | None = None) -> dict[str, Any]:
    """Return what an export proves, also against a *checkpoint* that came another way; raises ProblemError else."""
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
    chain = Chain(ring)
    theirs = None if checkpoint is None else read_checkpoint(checkpoint)
    for frame in read_frames(path):
        if frame.kind in (INCLUSION, CONSISTENCY, END) and theirs is not None:
            chain.witness.take_note(theirs, chain.gateway, chain.kids, str(checkpoint), theirs=True)
            theirs = None
        chain.take(frame)
    chain.witness.judge()
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
        "cosigned_through": chain.witness.through or None,
        "checkpoints": sorted(chain.witness.notes),
        "intervals": len(accounts),
        "registers": sum(len(account.spans) for account in accounts),
        "amendments": len(amendments),
        "unplaced": sum(not is_claimable(account, recomputation.anchors) for account in accounts),
        "energies": [
            {"meter_point": name, "import_wh": row[0], "export_wh": row[1]} for name, row in sorted(energies.items())
        ],
        "tallies": sum_tallies([*accounts, *periods]),
    }
