"""Tests of a disk that takes nothing more, or never again: nothing committed is lost, and what is read is kept."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloud_sync.core.batch import read_envelope
from cloud_sync.keys import load_signer, new_key
from gateway import holding, room
from gateway.core.problem import ProblemError
from gateway.core.record import Account, Event
from gateway.figures import records_of
from gateway.journal import Journal
from gateway.questions import journal_status, storage_status
from gateway.recorder import journal_path
from gateway.roads import Outbox
from gateway.tests.small_park import DAY_START_S, SmallPark
from hil_tests.conftest import TOLD
from hil_tests.foreign import WANT

QUARTER_S = 900
Record = Callable[[str, object], None]


@contextmanager
def dead_card() -> Iterator[None]:
    """Have every write to every file fail, as on a card that went read-only, until this is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a file system in memory at *folder*."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a full disk not tried %sroot that may mount" % WANT)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def quarters(park: SmallPark, first: int, count: int) -> None:
    """Let *count* quarters of an hour pass, from the boundary *first* on, every register counting on its own way."""
    for number in range(first, first + count):
        for index, channel in enumerate(park.channels):
            park.count(channel.meter, channel.quantity, 10 * (index + 1) + number % 7)
        park.read_at(DAY_START_S + number * QUARTER_S)


def accounts(park: SmallPark) -> dict[int, tuple[object, ...]]:
    """Return energies and tallies of every account, by the start of its interval."""
    found = records_of(park.journal, 0, 1 << 40)
    return {one.start_s: (one.energies, one.tallies) for _, one in found if isinstance(one, Account)}


def events(park: SmallPark) -> list[Event]:
    """Return all events in the journal."""
    from cloud_sync.core.canonical import decode
    from gateway.core.record import from_map

    records = [from_map(decode(one.body)) for one in park.journal.entries(1, park.journal.head_sequence)]  # type: ignore[arg-type]
    return [one for one in records if isinstance(one, Event)]


def _park(folder: Path) -> SmallPark:
    folder.mkdir(parents=True, exist_ok=True)
    return SmallPark(folder)


def test_fault_d06_h10_a_card_that_takes_nothing_for_a_day_costs_no_interval(
    tmp_path: Path, record_property: Record
) -> None:
    """The card takes no write for 24 hours: all intervals are closed afterwards as if it had, and an event says so."""
    healthy, park = _park(tmp_path / "healthy"), _park(tmp_path / "park")
    quarters(healthy, 0, 100)
    quarters(park, 0, 3)
    before = park.journal.head_sequence
    with dead_card():
        quarters(park, 3, 96)
        status = storage_status(park.recorder)
        assert park.journal.head_sequence == before
        with pytest.raises(ProblemError):
            park.recorder.written()
    assert status["held"]["boundaries"] == 95
    quarters(park, 99, 1)
    assert park.recorder.holding is None
    assert accounts(park) == accounts(healthy)
    over = [dict(one.details) for one in events(park) if one.code == "journal-back"]
    assert [one["boundaries_lost"] for one in over] == ["0"]
    record_property(TOLD, "a card that takes nothing: 24 h of 15-minute boundaries held in memory, 0 intervals lost")


def test_fault_d06_what_is_too_much_for_memory_becomes_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What memory does not hold of a dead card's time is a gap between two boundaries, its energy in the sums."""
    healthy, park = _park(tmp_path / "healthy"), _park(tmp_path / "park")
    monkeypatch.setattr(holding, "READINGS_HELD", 10 * len(park.channels))
    quarters(healthy, 0, 40)
    quarters(park, 0, 3)
    with dead_card():
        quarters(park, 3, 30)
    quarters(park, 33, 7)
    found, expected = accounts(park), accounts(healthy)
    assert set(found) == set(expected)
    same = [start_s for start_s in sorted(expected) if found[start_s][0] == expected[start_s][0]]
    assert 15 <= len(same) < len(expected)
    lost = [dict(one.details)["boundaries_lost"] for one in events(park) if one.code == "journal-back"]
    assert len(lost) == 1 and 15 <= int(lost[0]) <= 25
    sums = [
        sum(one.import_wh for energies, _ in some.values() for one in energies)  # type: ignore[attr-defined]
        for some in (found, expected)
    ]
    assert sums[0] == sums[1]


def test_fault_h10_a_card_pulled_and_put_back_is_used_again(tmp_path: Path) -> None:
    """While the journal is gone no other one is made in its place, questions get an answer, and then it goes on."""
    park = _park(tmp_path / "park")
    path, away = journal_path(park.home), tmp_path / "away"
    quarters(park, 0, 3)
    before = accounts(park)
    away.mkdir()
    with dead_card():
        quarters(park, 3, 1)
        for one in park.home.glob("journal.sqlite*"):
            one.rename(away / one.name)
    quarters(park, 4, 4)
    assert not path.exists()
    assert journal_status(park.configuration, park.journal)["entries"] == park.journal.head_sequence
    assert storage_status(park.recorder)["held"]["problem"]["code"] == "WP-JRN-002"
    for one in away.iterdir():
        one.rename(park.home / one.name)
    quarters(park, 8, 1)
    found = accounts(park)
    assert len(found) == 8
    assert {start_s: found[start_s] for start_s in before} == before
    park.close()


def test_fault_h10_another_card_in_its_place_is_not_written(tmp_path: Path) -> None:
    """A journal that is not the one that was here is left as it is, and the problem says so."""
    park, other = _park(tmp_path / "park"), _park(tmp_path / "other")
    quarters(park, 0, 3)
    quarters(other, 0, 1)
    other.close()
    with dead_card():
        quarters(park, 3, 1)
    for one in park.home.glob("journal.sqlite*"):
        one.unlink()
    content = journal_path(other.home).read_bytes()
    journal_path(park.home).write_bytes(content)
    quarters(park, 4, 1)
    assert storage_status(park.recorder)["held"]["problem"]["code"] == "WP-JRN-020"
    park.journal.close()
    assert Journal(journal_path(park.home)).head_sequence == other.journal.head_sequence


def _sized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BALLAST_BYTES", 256 << 10)
    monkeypatch.setattr(room, "TIGHT_BYTES", 512 << 10)


def _filled(park: SmallPark) -> int:
    """Let time pass until the journal takes nothing more; return how many quarters that were."""
    number = 0
    while park.recorder.holding is None:
        quarters(park, number, 1)
        number += 1
    return number


def test_fault_d07_a_full_disk_loses_nothing_and_takes_receipts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    """Readings stop first, accounts go on to the last byte, none is freed unreceipted, and room again is enough."""
    _sized(monkeypatch)
    with small_disk(tmp_path / "disk", "size=3m") as disk:
        park = _park(disk / "park")
        count = _filled(park)
        assert storage_status(park.recorder)["tight"]
        assert not (park.home / "journal.sqlite.ballast").exists()
        committed, before = park.journal.head_sequence, accounts(park)
        assert [one.sequence for one in park.journal.entries(1, committed)] == list(range(1, committed + 1))
        assert park.journal.free(1 << 40) == 0
        quarters(park, count, 4)
        Outbox(park.journal, "platform").receipted(committed, b"receipt")
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        quarters(park, count + 4, 1)
        found = accounts(park)
        assert {start_s: found[start_s] for start_s in before} == before
        assert len(found) == count + 4
        quarters(park, count + 5, 1)
        codes = [one.code for one in events(park)]
        assert codes.index("disk-tight") < codes.index("journal-back") < codes.index("disk-wide")
        park.close()
    record_property(TOLD, "a full disk: %d entries committed, 0 lost, %d accounts on 3 MB" % (committed, count))


def test_fault_d08_no_inode_and_no_quota_are_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an inode for the ballast, and at a limit of the file's size, nothing is lost and the rest follows."""
    _sized(monkeypatch)
    with small_disk(tmp_path / "disk", "size=8m,nr_inodes=12") as disk:
        park = _park(disk / "park")
        number = 0
        while True:
            try:
                (disk / ("file%d" % number)).touch()
            except OSError:
                break
            number += 1
        quarters(park, 0, 4)
        assert not (park.home / "journal.sqlite.ballast").exists()
        size = journal_path(park.home).with_name("journal.sqlite-wal").stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + (64 << 10), hard))
        try:
            count = 4
            while park.recorder.holding is None:
                quarters(park, count, 1)
                count += 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        quarters(park, count, 1)
        assert park.recorder.holding is None
        assert len(accounts(park)) == count
        park.close()


def test_a_change_of_key_that_the_card_does_not_take_is_made_later(tmp_path: Path) -> None:
    """It is said at once; once the card takes it the new key signs, and what was read meanwhile comes after it."""
    park = SmallPark(tmp_path)
    quarters(park, 0, 2)
    new_key(tmp_path / "next.key")
    new, handed_over = load_signer(tmp_path / "next.key"), list[int]()
    park.recorder.written()
    with dead_card():
        with pytest.raises(ProblemError) as caught:
            park.recorder.change_key(new, handed_over.append)
        quarters(park, 2, 2)
        assert not handed_over and park.recorder.holding is not None
    before = park.journal.head_sequence

    quarters(park, 4, 1)

    assert caught.value.problems[0].code == "WP-KEY-028"
    assert handed_over == [before + 1] and len(accounts(park)) == 4
    kids = [
        read_envelope(one.signed).kid for one in park.journal.sealed_between(before + 1, park.journal.head_sequence)
    ]
    assert kids[0] != new.kid and set(kids[1:]) == {new.kid}
    park.close()
