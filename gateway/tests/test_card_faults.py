"""Tests of what a journal asks of its card: bytes, flushes, a short log, a start that does not depend on its length."""

import os
import sqlite3
from pathlib import Path

import pytest

from gateway.core.park_day import DAY_S
from gateway.disk_pace import CALM_MS, SLOW_MS, DiskPace
from gateway.journal import Journal
from gateway.journal_file import LOG_BYTES
from gateway.questions import storage_status
from gateway.recorder import Recorder, journal_path
from gateway.tests.small_park import DAY_START_S, SmallPark
from hil_tests.backlog import Backlog

CYCLE_S = 15
MOST_LOG_BYTES = 8 << 20


def _io(name: str) -> int:
    """Return what this process has read or written so far, by the kernel's count."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def test_fault_d14_the_log_stays_short_and_nobody_can_hold_it_open(tmp_path: Path) -> None:
    """Through 60 MB of commits the log never exceeds 8 MB; a reader that would keep it from shrinking is shut out."""
    path = tmp_path / "journal.sqlite"
    journal = Journal(path)
    journal._db.execute("PRAGMA synchronous=OFF")  # its length is the same without waiting for the disk
    longest = 0
    for number in range(300):
        journal.commit(b"i" * 16, [os.urandom(20_000) for _ in range(10)])
        longest = max(longest, path.with_name(path.name + "-wal").stat().st_size)
        if number == 150:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                sqlite3.connect(path, timeout=0).execute("SELECT count(*) FROM entry")
    assert path.stat().st_size > 50_000_000 and longest <= MOST_LOG_BYTES
    journal.close()


def test_a_log_of_full_length_is_an_empty_one(tmp_path: Path) -> None:
    """The zeros laid down for the log are no entries, after a clean end and after a kill, and it grows no more."""
    path = tmp_path / "journal.sqlite"
    log = path.with_name(path.name + "-wal")
    journal = Journal(path)
    journal.lay_log()
    assert log.stat().st_size == LOG_BYTES
    journal.commit(b"i" * 16, [b"first", b"second"])
    assert log.stat().st_size == LOG_BYTES
    left = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    journal.close()
    for name, content in left.items():  # as a kill leaves it
        (tmp_path / name).write_bytes(content)
    journal = Journal(path)
    journal.lay_log()
    journal.commit(b"i" * 16, [b"third"])
    journal.close()
    journal = Journal(path)
    assert [one.body for one in journal.entries(1, 9)] == [b"first", b"second", b"third"]
    assert journal.behind == 0
    journal.close()


def _backlog(home: Path, hours: int) -> SmallPark:
    backlog = Backlog(home, 15)
    backlog.fill(hours)
    backlog.journal.close()
    return backlog.park


def _read_to_start(park: SmallPark) -> int:
    """Return the bytes that a start reads; the log is empty."""
    before = _io("rchar")
    journal = Journal(journal_path(park.home))
    recorder = Recorder(park.configuration, journal, park.clock, None)
    recorder.start()
    read = _io("rchar") - before
    journal.close()
    return read


def test_fault_d15_a_start_reads_as_little_of_a_long_journal_as_of_a_short_one(tmp_path: Path) -> None:
    """Opening a journal that is ten times as long, and going on from it, reads less than twice as much."""
    short, long = _backlog(tmp_path / "short", 4), _backlog(tmp_path / "long", 40)
    sizes = [journal_path(one.home).stat().st_size for one in (short, long)]
    assert sizes[1] > 7 * sizes[0]
    read = [_read_to_start(one) for one in (short, long)]
    assert read[1] < 2 * read[0]


def test_fault_d18_a_cycle_hands_the_card_few_bytes(tmp_path: Path) -> None:
    """Of a park of four meters, an hour of sweeps with four accounts: at most 20 KB a sweep, 6 KB of it in the end."""
    park = SmallPark(tmp_path)
    park.journal._db.execute("PRAGMA synchronous=OFF")
    park.read_at(DAY_START_S)
    size, before, commits = journal_path(tmp_path).stat().st_size, _io("wchar"), park.journal.commits
    for number in range(1, 241):
        park.read_at(DAY_START_S + number * CYCLE_S)
    written = _io("wchar") - before
    assert written <= 240 * 20_000
    assert park.journal.commits - commits <= 240 + 4 * 3
    park.close()
    assert journal_path(tmp_path).stat().st_size - size <= 240 * 6_000


def test_days_left_are_those_of_what_the_journal_takes_a_day(tmp_path: Path) -> None:
    """`status` tells no forecast on the first day; then the free bytes by those of a day, and warns below 30 days."""
    park = SmallPark(tmp_path)
    park.read_at(DAY_START_S)
    park.read_at(DAY_START_S + 900)
    assert storage_status(park.recorder)["days_left"] is None
    for number in range(2, 2 * 96 + 1):
        park.read_at(DAY_START_S + number * 900)
    told = storage_status(park.recorder)
    daily = told["journal_bytes"] / ((park.recorder.settlement.start_s or 0) - DAY_START_S) * DAY_S
    assert told["bytes_a_day"] == pytest.approx(daily, rel=0.02)
    free = os.statvfs(tmp_path)
    assert told["days_left"] == pytest.approx(free.f_bavail * free.f_frsize / daily, rel=0.02)
    park.recorder.room.free_bytes = lambda: int(29 * daily)  # type: ignore[method-assign]
    assert storage_status(park.recorder)["days_left"] in (28, 29) and storage_status(park.recorder)["warning"]
    park.close()


def test_a_slow_card_is_told_once_and_when_it_is_over() -> None:
    """The first slow commit is an event, the next are not; an hour after the last one another says how bad it was."""
    pace, now_ms = DiskPace(), 0
    for took_ms in (20, SLOW_MS, 4 * SLOW_MS, 20):
        pace.begin(now_ms)
        assert pace.answer(now_ms + 7)["waiting_ms"] == 7
        now_ms += took_ms
        pace.end(now_ms)
        if took_ms == SLOW_MS:
            assert pace.news(now_ms) == [("disk-slow", {"took_ms": "1000"})]
        else:
            assert pace.news(now_ms) == []
    assert pace.answer(now_ms) == {"commit_ms": 20, "waiting_ms": None, "slow_commits": 2, "longest_ms": 4000}
    assert pace.news(now_ms + CALM_MS) == [("disk-quick", {"commits": "2", "longest_ms": "4000"})]
    assert pace.news(now_ms + 2 * CALM_MS) == []
