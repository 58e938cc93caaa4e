"""Tests of checkpoints: made once a day, cosigned where they continue what was cosigned before, kept on both ends."""

from hashlib import sha256
from pathlib import Path

import pytest

from cloud_sync.core.canonical import decode
from cloud_sync.core.entry import Entry
from cloud_sync.note import read_note
from gateway.core.record import Checkpoint, from_map
from gateway.journal import Journal
from hil_tests.paired import DAY_S, GATEWAY, STEP_S, Pair

DAY_STEPS = DAY_S // STEP_S


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def _checkpoints(journal: Journal) -> list[tuple[int, Checkpoint]]:
    found = []
    for entry in journal.entries(1, journal.head_sequence):
        record = from_map(decode(entry.body))  # type: ignore[arg-type]
        if isinstance(record, Checkpoint):
            found.append((entry.sequence, record))
    return found


def _root(entries: list[Entry]) -> bytes:
    """The tree hash of RFC 9162, 2.1.1, over the links of entries, word for word."""
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0].link).digest()
    size = 1
    while size * 2 < len(entries):
        size *= 2
    return sha256(b"\x01" + _root(entries[:size]) + _root(entries[size:])).digest()


def test_a_checkpoint_is_made_after_the_last_interval_of_each_day(pair: Pair) -> None:
    """One after the first interval and one after each midnight of the park, over all before it, restarts or not."""
    pair.run(0, 3)
    assert len(_checkpoints(pair.park.journal)) == 1
    pair.run(4, DAY_STEPS + 2)
    pair.park.close()
    pair.park.open()
    pair.run(DAY_STEPS + 3, DAY_STEPS * 2 + 1)
    journal = pair.park.journal
    found = _checkpoints(journal)
    assert len(found) == 3
    for sequence, record in found:
        assert (record.origin, record.size) == (GATEWAY, sequence - 1)
        assert record.root == _root(journal.entries(1, record.size))
        assert len(record.peaks) == bin(record.size).count("1")
    ends = [pair.park.journal.start_of(sequence) for sequence, _ in found[1:]]
    assert [at_s % DAY_S for at_s in ends] == [16 * 3600, 16 * 3600]  # midnight of the park
    pair.close()


def test_the_platform_cosigns_what_continues_and_the_gateway_keeps_it(pair: Pair) -> None:
    """The note names gateway, size and root, is signed by the platform alone, and comes again where it was lost."""
    pair.run(0, 2)
    pair.carry()
    (sequence, record) = _checkpoints(pair.park.journal)[0]
    found = read_note(pair.notes[0], pair.ring)
    assert found[:3] == (GATEWAY, record.size, record.root)
    assert pair.park.journal.cosigned_note(record.size) == pair.notes[0]
    before = pair.park.journal.link_at(sequence - 1)
    assert before is not None and len(pair.notes) == 1
    pair.carry(after=sequence - 1)
    assert pair.notes[1] == pair.notes[0]
    pair.run(3, DAY_STEPS)
    pair.carry()
    assert [read_note(note, pair.ring).size for note in pair.notes] == [
        record.size,
        record.size,
        _checkpoints(pair.park.journal)[1][1].size,
    ]
    assert _checkpoints(pair.park.journal)[1][1].cosigned == record.size
    assert not pair.refusals and not pair.ledger.read("SELECT * FROM contradiction")
    pair.close()
