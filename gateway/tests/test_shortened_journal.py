"""Journals that come back shorter than they were: noticed at the start, told in an event, and gone on from honestly."""

import shutil
from pathlib import Path

from cloud_sync.core.canonical import decode
from cloud_sync.core.entry import GENESIS, chain
from gateway.core.record import Event, from_map
from gateway.journal import Journal
from gateway.recorder import journal_path
from gateway.tests.small_park import DAY_START_S, SmallPark

STEP_S = 30


def _events(journal: Journal, code: str) -> list[dict[str, str]]:
    records = [from_map(decode(entry.body)) for entry in journal.entries(1, journal.head_sequence)]  # type: ignore[arg-type]
    return [dict(one.details) for one in records if isinstance(one, Event) and one.code == code]


def _live(park: SmallPark, reads: int, first: int = 0) -> None:
    for number in range(first, first + reads):
        park.read_at(DAY_START_S + number * STEP_S)
        park.recorder.event("read", number=str(number))
    park.recorder.commit()


def _crash(park: SmallPark, folder: Path) -> None:
    """Keep in *folder* what a process leaves that dies now, and put it in the place of the journal."""
    folder.mkdir()
    for file in park.home.glob("journal.sqlite*"):
        shutil.copy(file, folder)
    park.journal.close()
    for file in park.home.glob("journal.sqlite*"):
        file.unlink()
    for file in folder.iterdir():
        shutil.copy(file, park.home)


def _went_on(park: SmallPark, kept: int, known: int) -> None:
    """Check that the loss is told, and that nothing is numbered by the incarnation that wrote what is lost."""
    journal = park.journal
    assert _events(journal, "journal-behind") == [{"kept": str(kept), "known": str(known)}]
    entries = journal.entries(1, journal.head_sequence)
    assert entries == list(chain(GENESIS, 1, tuple(entry.body for entry in entries)))
    incarnations = journal.incarnations(1, journal.head_sequence)
    assert park.recorder.incarnation not in incarnations[:kept]
    assert set(incarnations[kept:]) == {park.recorder.incarnation}
    park.close()
    park.open()
    assert len(_events(park.journal, "journal-behind")) == 1, "told once"
    park.close()


def test_fault_d11_deleted_log_is_noticed_and_told(tmp_path: Path) -> None:
    """Somebody deletes the write-ahead log: the entries it held are told as missing, and a new incarnation goes on."""
    park = SmallPark(tmp_path)
    _live(park, 6)
    known = park.journal.head_sequence
    _crash(park, tmp_path / "left")
    (tmp_path / "journal.sqlite-wal").unlink()
    kept_journal = Journal(journal_path(tmp_path))
    kept = kept_journal.head_sequence
    kept_journal.close()
    assert kept < known
    park.open()
    _went_on(park, kept, known)


def test_fault_d12_older_copy_of_the_journal_is_noticed_and_told(tmp_path: Path) -> None:
    """A copy of yesterday's journal is put back: told at the start, before the platform is ever reached."""
    park = SmallPark(tmp_path)
    _live(park, 4)
    park.close()
    shutil.copy(journal_path(tmp_path), tmp_path / "copy")
    park.open()
    kept = park.journal.head_sequence - 1  # the start is not in the copy
    _live(park, 4, first=4)
    known = park.journal.head_sequence + 2  # what it records when it stops
    park.close()
    shutil.copy(tmp_path / "copy", journal_path(tmp_path))
    park.open()
    told = _events(park.journal, "journal-behind")
    assert [int(one["kept"]) for one in told] == [kept]
    assert known - 1 <= int(told[0]["known"]) <= known
    park.close()


def test_fault_d12_journal_of_another_life_is_noticed(tmp_path: Path) -> None:
    """A journal as long as the own one, but another: the entry that was marked is not in it."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    parks = [SmallPark(tmp_path / name) for name in "ab"]
    for number, park in enumerate(parks):
        _live(park, 3, first=number)
        park.close()
    shutil.copy(journal_path(tmp_path / "b"), journal_path(tmp_path / "a"))
    journal = Journal(journal_path(tmp_path / "a"))
    assert journal.behind == journal.head_sequence
    journal.close()


def test_fault_d11_deleted_journal_is_told_and_begun_anew(tmp_path: Path) -> None:
    """Somebody deletes the whole journal: a new one begins, and its first entries say what the old one had."""
    park = SmallPark(tmp_path)
    _live(park, 3)
    park.close()
    marked = Journal(journal_path(tmp_path))
    known = marked.head_sequence
    marked.close()
    journal_path(tmp_path).unlink()
    park.open()
    _went_on(park, 0, known)


def test_fault_d10_rotten_bit_anywhere_in_the_log_is_noticed(tmp_path: Path) -> None:
    """Of a bit flipped in each 512 bytes of the log, every one that costs an entry is told; none is believed."""
    park = SmallPark(tmp_path)
    _live(park, 8)
    known, head = park.journal.head_sequence, park.journal.head_link
    _crash(park, tmp_path / "left")
    lost = noticed = 0
    log = (tmp_path / "left" / "journal.sqlite-wal").read_bytes()
    for at in range(0, len(log), 512):
        shutil.rmtree(tmp_path / "rotten", ignore_errors=True)
        shutil.copytree(tmp_path / "left", tmp_path / "rotten")
        rotten = bytearray(log)
        rotten[min(at + at // 512 % 400, len(log) - 1)] ^= 1 << at // 512 % 8
        (tmp_path / "rotten" / "journal.sqlite-wal").write_bytes(rotten)
        journal = Journal(tmp_path / "rotten" / "journal.sqlite")
        entries = journal.entries(1, journal.head_sequence)
        assert entries == list(chain(GENESIS, 1, tuple(entry.body for entry in entries)))
        whole = (journal.head_sequence, journal.head_link) == (known, head)
        lost += not whole
        noticed += journal.behind == known
        journal.close()
    assert noticed == lost > 20
