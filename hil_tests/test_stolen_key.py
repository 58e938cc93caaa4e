"""Tests of a gateway's key in other hands: history written again, split views, two places at once."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_sync.core.canonical import decode, encode
from cloud_sync.core.receipt import CLONE
from cloud_sync.core.tree import EMPTY, grown, root_of
from cloud_sync.keys import load_signer
from cloud_sync.note import read_note
from cloud_sync.platform.clones import clear, clone_of
from cloud_sync.seal import seal
from gateway.config import key_path
from gateway.core.problem import ProblemError
from gateway.core.record import Account, Checkpoint, from_map, to_map
from gateway.export import write_export
from gateway.journal import Journal
from gateway.recorder import Recorder, journal_path
from gateway.tests.small_park import DAY
from gateway.verification import verify_export
from hil_tests.paired import GATEWAY, UP, Pair


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def _greener(record: tuple[object, ...]) -> tuple[object, ...]:
    """Return an account with another stamp, which changes its entry and no figure."""
    return record._replace(stamp=record.stamp._replace(bound_ms=1)) if isinstance(record, Account) else record


def _rewritten(
    pair: Pair, path: Path, from_entry: int, change: Callable[[tuple[object, ...]], tuple[object, ...]] = _greener
) -> Journal:
    """Write the journal again from *from_entry* on, with the gateway's own key, as whoever stole it could."""
    old = pair.park.journal
    signer = load_signer(key_path(pair.park.home))
    fresh = Journal(path)
    tree = EMPTY
    for entry, incarnation in zip(
        old.entries(1, old.head_sequence), old.incarnations(1, old.head_sequence), strict=True
    ):
        record, body = from_map(decode(entry.body)), entry.body  # type: ignore[arg-type]
        figures = []
        if entry.sequence >= from_entry and isinstance(record, Checkpoint):
            body = encode(to_map(record._replace(root=root_of(tree), peaks=tree.peaks)))
        elif entry.sequence >= from_entry:
            body = encode(to_map(change(record)))
        for kind in (5, 6, 7, 9, 12):
            if entry.sequence in old.figures_between(0, 1 << 40, (kind,)):
                figures.append((0, kind, old.start_of(entry.sequence)))
        fresh.commit(
            incarnation, [body], b"", figures, 0 if entry.sequence == 1 else None, None, False,
            lambda batch: seal(batch, signer, UP), GATEWAY,
        )  # fmt: skip
        tree = grown(tree, [fresh.head_link])
    return fresh


def test_fault_i04_history_written_again_contradicts_the_cosigned_checkpoint(pair: Pair, tmp_path: Path) -> None:
    """The whole chain made again with the right key holds in itself; beside one note of the platform it does not."""
    pair.run(0, 96)
    pair.carry()
    own = tmp_path / "own.note"
    own.write_bytes(pair.notes[-1])
    size = read_note(pair.notes[-1], pair.ring).size
    forged = _rewritten(pair, tmp_path / "forged.sqlite", 2)
    path = tmp_path / "forged.wpx"
    write_export(pair.park.configuration, forged, DAY, str(path))
    answer = verify_export(path, pair.auditor)
    assert answer["intervals"] == 96 and answer["cosigned_through"] is None
    with pytest.raises(ProblemError) as caught:
        verify_export(path, pair.auditor, own)
    assert [(one.code, one.values["size"]) for one in caught.value.problems] == [("WP-EXP-070", size)]
    # With the notes that the platform gave the true gateway, the forgery contradicts itself.
    for note in pair.notes:
        forged.cosigned(read_note(note, pair.ring).size, note)
    write_export(pair.park.configuration, forged, DAY, str(path))
    with pytest.raises(ProblemError) as caught:
        verify_export(path, pair.auditor)
    assert caught.value.problems[0].code == "WP-EXP-070"
    forged.close()
    write_export(pair.park.configuration, pair.park.journal, DAY, str(path))
    assert verify_export(path, pair.auditor, own)["checkpoints"][-1] == size
    pair.close()


def test_fault_i04_the_platform_does_not_cosign_another_history(pair: Pair, tmp_path: Path) -> None:
    """A chain written again is heard as a branch; its checkpoint is not cosigned, and is shown, until it is cleared."""
    pair.run(0, 3)
    pair.carry()
    signer = load_signer(key_path(pair.park.home))
    forged = _rewritten(pair, tmp_path / "forged.sqlite", 2)
    other = Recorder(pair.park.configuration, forged, pair.park.clock, signer)
    bodies = [entry.body for entry in forged.entries(1, forged.head_sequence)]
    fresh = Journal(tmp_path / "fresh.sqlite")
    for body in bodies:
        fresh.commit(other.incarnation, [body], None, (), None, None, False, lambda b: seal(b, signer, UP), GATEWAY)
    pair.carry(fresh)
    rows = pair.ledger.read("SELECT size, reason, cosigned FROM contradiction")
    first = read_note(pair.notes[0], pair.ring).size
    assert [tuple(row) for row in rows] == [(first, "history", first)]
    assert len(pair.notes) == 1
    assert pair.ledger.read("SELECT branch FROM chain ORDER BY opened")[-1]["branch"] == 1
    forged.close()
    fresh.close()
    pair.close()


def test_fault_i08_an_auditor_with_another_view_is_told(pair: Pair, tmp_path: Path) -> None:
    """A later export proves on demand that it continues an older checkpoint; one of a fork cannot."""
    pair.run(0, 3)
    pair.carry()
    pair.run(4, 96)
    pair.carry()
    first = tmp_path / "first.note"
    first.write_bytes(pair.notes[-1])
    size = read_note(pair.notes[-1], pair.ring).size
    pair.run(97, 96 * 2 + 8)
    pair.carry()
    path = tmp_path / "second.wpx"
    write_export(pair.park.configuration, pair.park.journal, "2026-11-23", str(path))
    with pytest.raises(ProblemError) as caught:
        verify_export(path, pair.auditor, first)
    assert [(one.code, one.values["size"]) for one in caught.value.problems] == [("WP-EXP-071", size)]
    write_export(pair.park.configuration, pair.park.journal, "2026-11-23", str(path), size)
    assert size in verify_export(path, pair.auditor, first)["checkpoints"]
    assert verify_export(path, pair.auditor)["cosigned_through"]
    forged = _rewritten(pair, tmp_path / "forged.sqlite", 2)
    write_export(pair.park.configuration, forged, "2026-11-23", str(path), size)
    with pytest.raises(ProblemError) as caught:
        verify_export(path, pair.auditor, first)
    assert caught.value.problems[0].values["size"] == size
    forged.close()
    pair.close()


def _copied_card(pair: Pair, folder: Path) -> Path:
    """Return the home of a second gateway with the same card."""
    shutil.copytree(pair.park.home, folder)
    return folder


class _Twin:
    """A second gateway with the same key and the same journal, that goes on by itself."""

    def __init__(self, pair: Pair, home: Path) -> None:
        self.journal = Journal(journal_path(home))
        signer = load_signer(key_path(home))
        self.recorder = Recorder(pair.park.configuration, self.journal, pair.park.clock, signer)
        self.recorder.start()

    def say(self, pair: Pair) -> None:
        self.recorder.event("twin")
        self.recorder.commit()
        pair.carry(self.journal)


def _refused(pair: Pair) -> list[bytes]:
    with pair.ledger.lock:
        found = clone_of(pair.ledger.connection, GATEWAY)
    return [] if found is None else [found.refused]


def test_fault_d13_two_gateways_with_one_card_are_found_within_one_cycle(pair: Pair, tmp_path: Path) -> None:
    """As soon as both have spoken, the younger is refused and shown, until a person clears it; the other goes on."""
    pair.run(0, 3)
    pair.carry()
    home = _copied_card(pair, tmp_path / "copy")
    pair.run(4, 5)
    pair.carry()
    twin = _Twin(pair, home)
    twin.say(pair)
    assert not _refused(pair) and not pair.refusals
    pair.run(6, 6)
    pair.carry()
    assert _refused(pair) == [twin.recorder.incarnation]
    twin.say(pair)
    assert pair.refusals == [CLONE]
    before = pair.park.journal.receipted_through()
    pair.park.close()
    pair.park.open()
    pair.run(7, 7)
    pair.carry()
    assert pair.park.journal.receipted_through() > before and pair.refusals == [CLONE]
    with pair.ledger.writing() as connection:
        assert clear(connection, GATEWAY, "Li Wei", "second box taken out of service", 1) >= 1
    pair.run(8, 9)
    pair.carry()
    assert not _refused(pair) and pair.refusals == [CLONE]
    twin.journal.close()
    pair.close()


def test_fault_i07_a_stolen_key_used_elsewhere_is_found_within_one_cycle(pair: Pair, tmp_path: Path) -> None:
    """Whoever begins a chain of his own with the stolen key is refused when the true gateway next speaks."""
    pair.run(0, 3)
    pair.carry()
    home = tmp_path / "thief"
    home.mkdir()
    shutil.copytree(pair.park.home / "keys", home / "keys")
    twin = _Twin(pair, home)
    twin.say(pair)
    assert not _refused(pair)
    pair.run(4, 4)
    pair.carry()
    assert _refused(pair) == [twin.recorder.incarnation] and not pair.refusals
    twin.say(pair)
    assert pair.refusals == [CLONE]
    twin.journal.close()
    pair.close()


def test_fault_d13_a_restart_and_a_restored_backup_are_no_clone(pair: Pair, tmp_path: Path) -> None:
    """A restart goes on where the chain ended; a card set back leaves its chain for good: neither is refused."""
    pair.run(0, 3)
    pair.carry()
    home = _copied_card(pair, tmp_path / "copy")
    for number in range(4, 9):
        pair.park.close()
        pair.park.open()
        pair.run(number, number)
        pair.carry()
    pair.park.close()
    assert not _refused(pair)
    pair.park.home = home
    pair.park.open()
    pair.run(9, 12)
    pair.carry()
    pair.park.close()
    pair.park.open()
    pair.run(13, 14)
    pair.carry()
    assert not _refused(pair) and not pair.refusals
    assert [row["branch"] for row in pair.ledger.read("SELECT branch FROM chain ORDER BY opened")].count(1) == 1
    pair.close()
