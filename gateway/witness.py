"""Witness: are the entries of an export those over which the platform cosigned its checkpoints?

A note by the platform counts only where something ties it to the entries: a proof that shows one of their links in
its tree, or a proof between it and another note that is tied. What is not tied, or is tied to something else, tells
of a history that was written again.
"""

from cloud_sync.core.merkle import root_from
from cloud_sync.core.tree import Tree, continues, grown, is_tree, root_of
from cloud_sync.keys import KeyRing
from cloud_sync.note import Cosigned, NoteError, read_note, size_in
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.record import Checkpoint


def contradicts(where: str, size: int) -> Problem:
    """Return the problem that what stands at *where* is not what the platform cosigned."""
    return problem(
        "WP-EXP-070",
        where,
        "this contradicts the checkpoint over the first {size} entries that the platform cosigned",
        "history was written again after it was cosigned, or is shown differently to others: keep the file as evidence",
        size=size,
    )


def _unproven(size: int) -> Problem:
    return problem(
        "WP-EXP-071",
        "checkpoint %d" % size,
        "nothing in the export proves that its entries belong to the checkpoint over the first {size} entries",
        "ask for wattproof export DAY --checkpoint FILE with it; a gateway that cannot has another history",
        size=size,
    )


def no_checkpoint(where: str, detail: object) -> Problem:
    """Return the problem that a cosigned checkpoint cannot be believed."""
    return problem(
        "WP-EXP-072",
        where,
        "the cosigned checkpoint does not hold: {detail}",
        "it was changed, or is of another gateway, or the platform's public key is missing in the folder of --keys",
        detail=detail,
    )


def size_of(raw: bytes, where: str) -> int:
    """Return the size that a checkpoint names, whoever signed it; raises ProblemError where it is none."""
    try:
        return size_in(raw)
    except NoteError as error:
        raise ProblemError(no_checkpoint(where, error)) from error


class Witness:
    """The cosigned checkpoints of an export, and one that the auditor got elsewhere."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self.notes: dict[int, Cosigned] = {}
        self._tied: set[int] = set()
        self._pairs: list[tuple[int, int]] = []
        self.own: dict[int, Checkpoint] = {}  # the gateway's own checkpoints, by size
        self._tree: Tree | None = None  # of the last of them, as long as no entry after it is left out
        self.through = 0  # the last entry that is shown in a cosigned checkpoint

    def take_note(self, raw: bytes, gateway: str, kids: set[bytes], where: str, theirs: bool = False) -> Cosigned:
        """Take a cosigned checkpoint; raises ProblemError where it is none of *gateway*, or not by the platform."""
        try:
            note = read_note(raw, self._ring)
        except NoteError as error:
            raise ProblemError(no_checkpoint(where, error)) from error
        if note.origin != gateway:
            raise ProblemError(no_checkpoint(where, "it is of gateway %s" % note.origin))
        if note.kid in kids:
            raise ProblemError(no_checkpoint(where, "the gateway itself signed it"))
        known = self.notes.get(note.size)
        if known is not None and known.root != note.root:
            raise ProblemError(contradicts(where, note.size))
        if not theirs and self.notes and note.size <= max(self.notes):
            raise ProblemError(no_checkpoint(where, "it does not follow the one before it"))
        self.notes[note.size] = note
        return note

    def take_inclusion(self, at: int, size: int, sequence: int, path: list[bytes], link: bytes | None) -> None:
        """Take the proof, *at* a byte of the file, that entry *sequence* with *link* is one of the first *size*."""
        where = "entry %d (byte %d)" % (sequence, at)
        note = self.notes.get(size)
        if note is None or link is None:
            raise ProblemError(no_checkpoint(where, "a proof about an entry or a checkpoint that is not here"))
        if root_from(link, sequence - 1, size, tuple(path)) != note.root:
            raise ProblemError(contradicts(where, size))
        self._tied.add(size)
        self.through = max(self.through, sequence)

    def take_consistency(self, at: int, size: int, later: int, path: list[bytes]) -> None:
        """Take the proof, *at* a byte of the file, that the checkpoint over *later* continues that over *size*."""
        first, last = self._root(size), self._root(later)
        where = "checkpoint %d (byte %d)" % (later, at)
        if first is None or last is None:
            # It is about a checkpoint of which this auditor has not heard: it proves nothing to anyone here.
            if size < later and (first is not None or last is not None):
                return
            raise ProblemError(no_checkpoint(where, "a proof about checkpoints that are not here"))
        if not continues(size, first, later, last, tuple(path)):
            raise ProblemError(contradicts(where, size))
        self._pairs.append((size, later))

    def _root(self, size: int) -> bytes | None:
        note = self.notes.get(size)
        return None if note is None else note.root

    def take_own(self, sequence: int, record: Checkpoint, gateway: str) -> Problem | None:
        """Take the gateway's own checkpoint of entry *sequence*; return what is wrong with it."""
        tree = Tree(record.size, record.peaks)
        fits = record.size == sequence - 1 and record.origin == gateway and is_tree(tree)
        if not fits or root_of(tree) != record.root or (self._tree is not None and self._tree != tree):
            return problem(
                "WP-EXP-073",
                "entry %d" % sequence,
                "the checkpoint is not the tree over the entries before it",
                "the gateway signed what is not so: ask its operator",
            )
        self.own[record.size] = record
        self._tree = tree
        return None

    def take_link(self, link: bytes) -> None:
        """Grow the tree since the last checkpoint by the link of the next entry."""
        if self._tree is not None:
            self._tree = grown(self._tree, (link,))

    def skip(self) -> None:
        """Entries are left out here."""
        self._tree = None

    def judge(self) -> None:
        """Say of every note whether it is tied to the entries; raises ProblemError naming each that is not."""
        problems = []
        for size, note in sorted(self.notes.items()):
            own = self.own.get(size)
            if own is not None and own.root != note.root:
                problems.append(contradicts("entry %d" % (size + 1), size))
        if problems:
            raise ProblemError(*problems)
        grew = True
        while grew:
            before = len(self._tied)
            for size, later in self._pairs:
                if size in self._tied or later in self._tied:
                    self._tied |= {size, later}
            grew = len(self._tied) > before
        untied = [size for size in sorted(self.notes) if size not in self._tied]
        if untied:
            raise ProblemError(*[_unproven(size) for size in untied])
