"""Proofs: what an export carries so that its entries can be tied to the checkpoints that the platform cosigned."""

from typing import NamedTuple

from cloud_sync.core.tree import EMPTY, Growth
from gateway.checkpoints import checkpoint_in, checkpoint_sequences, last_checkpoint, tree_of
from gateway.journal import Journal


class Inclusion(NamedTuple):
    """The hashes that show the link of entry *sequence* among the first *size*."""

    size: int
    sequence: int
    path: tuple[bytes, ...]


class Consistency(NamedTuple):
    """The hashes that show that the tree over the first *size* entries is how that over *later* begins."""

    size: int
    later: int
    path: tuple[bytes, ...]


class Proofs(NamedTuple):
    """Cosigned checkpoints, entries shown in them, and how each goes on from the one before."""

    notes: tuple[bytes, ...]
    inclusions: tuple[Inclusion, ...]
    consistencies: tuple[Consistency, ...]


def cosigned_sizes(journal: Journal) -> list[int]:
    """Return the sizes of the checkpoints in *journal* that the platform cosigned."""
    sizes = [sequence - 1 for sequence in checkpoint_sequences(journal)]
    return [size for size in sizes if journal.cosigned_note(size) is not None]


def proofs_for(journal: Journal, runs: list[tuple[int, int]], theirs: int | None) -> Proofs:
    """Return what ties *runs* of entries (first, last) to cosigned checkpoints, and these to one of size *theirs*."""
    known = cosigned_sizes(journal)
    shown: dict[int, set[int]] = {}
    for first, last in runs:
        for size in [one for one in known if first - 1 <= one < last]:
            shown.setdefault(size, set())
            if size >= first:
                shown[size].add(size)
        after = [size for size in known if size >= last]
        if after:
            shown.setdefault(after[0], set()).add(last)
    inclusions = [
        found for size in sorted(shown) for one in sorted(shown[size]) if (found := _inclusion(journal, size, one))
    ]
    tied = sorted({one.size for one in inclusions})
    sizes = sorted({*tied, theirs} if theirs is not None and tied else tied)
    pairs = [_consistency(journal, size, later) for size, later in zip(sizes, sizes[1:], strict=False)]
    notes = tuple(note for size in tied if (note := journal.cosigned_note(size)) is not None)
    return Proofs(notes, tuple(inclusions), tuple(one for one in pairs if one is not None))


def _inclusion(journal: Journal, size: int, sequence: int) -> Inclusion | None:
    before = last_checkpoint(journal, sequence)
    growth = _growth(journal, None if before is None else before.size, size)
    return None if growth is None else Inclusion(size, sequence, growth.inclusion(sequence - 1))


def _consistency(journal: Journal, size: int, later: int) -> Consistency | None:
    growth = _growth(journal, size, later)
    return None if growth is None else Consistency(size, later, growth.consistency())


def _growth(journal: Journal, size: int | None, later: int) -> Growth | None:
    """Return the tree of the checkpoint over *size* entries, grown to *later*; None where entries are not kept."""
    record = None if size is None else checkpoint_in(journal, size + 1)
    if size is not None and record is None:
        return None
    links = journal.links((size or 0) + 1, later)
    if len(links) != later - (size or 0):
        return None
    return Growth(EMPTY if record is None else tree_of(record), links)
