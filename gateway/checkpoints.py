"""Checkpoints: once a day of the park, the size and the Merkle root of the chain become an entry of their own."""

from cloud_sync.core.canonical import CanonicalError, decode
from cloud_sync.core.tree import EMPTY, Tree, grown, is_tree, root_of
from gateway.core.park_day import park_day
from gateway.core.record import KIND_CHECKPOINT, Checkpoint, RecordError, Stamp, from_map
from gateway.figures import ALWAYS_S
from gateway.journal import Journal


def checkpoint_in(journal: Journal, sequence: int) -> Checkpoint | None:
    """Return the checkpoint that entry *sequence* holds; None where it holds none that can be believed."""
    found = journal.entries(sequence, sequence)
    try:
        record = from_map(decode(found[0].body)) if found else None  # type: ignore[arg-type]
    except (CanonicalError, RecordError):
        return None
    if not isinstance(record, Checkpoint) or record.size != sequence - 1:
        return None
    tree = tree_of(record)
    return record if is_tree(tree) and root_of(tree) == record.root else None


def tree_of(record: Checkpoint) -> Tree:
    """Return the tree that a checkpoint names."""
    return Tree(record.size, record.peaks)


def checkpoint_sequences(journal: Journal) -> list[int]:
    """Return the entries that are found as checkpoints, in their order."""
    return sorted(journal.figures_between(-ALWAYS_S, ALWAYS_S, (KIND_CHECKPOINT,)))


def last_checkpoint(journal: Journal, before: int) -> Checkpoint | None:
    """Return the last believable checkpoint of an entry before *before*."""
    for sequence in reversed(checkpoint_sequences(journal)):
        found = checkpoint_in(journal, sequence) if sequence < before else None
        if found is not None:
            return found
    return None


class Checkpoints:
    """The checkpoints of a running gateway."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._day: int | None = None
        self._tree = EMPTY

    def restore(self) -> None:
        """Go on from the last checkpoint of the journal."""
        sequence = self._journal.last_figure(ALWAYS_S, KIND_CHECKPOINT)
        record = last_checkpoint(self._journal, self._journal.head_sequence + 1)
        self._tree = tree_of(record) if record is not None else EMPTY
        self._day = None if sequence is None else park_day(self._journal.start_of(sequence))

    def due(self, closed_s: int | None) -> bool:
        """Tell whether intervals up to *closed_s* end a day of the park of which there is no checkpoint yet."""
        return closed_s is not None and park_day(closed_s) != self._day

    def record(self, stamp: Stamp, gateway: str, closed_s: int) -> Checkpoint | None:
        """Return the checkpoint of all that the journal holds; None where entries are missing in it."""
        head = self._journal.head_sequence
        links = self._journal.links(self._tree.size + 1, head)
        self._day = park_day(closed_s)
        if len(links) != head - self._tree.size:
            return None
        self._tree = grown(self._tree, links)
        return Checkpoint(stamp, gateway, head, root_of(self._tree), self._tree.peaks, self._journal.last_cosigned())
