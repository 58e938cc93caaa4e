"""Tests of the recorder: how readings become entries that fit a batch."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloud_sync.core.canonical import decode
from gateway import cycles
from gateway.core.problem import ProblemError
from gateway.core.reading import Reading
from gateway.core.record import Event, Readings, from_map
from gateway.cycles import READINGS_MAX
from gateway.recorder import journal_path
from gateway.tests.small_park import DAY_START_S, SITE, SmallPark


def _readings(park: SmallPark) -> list[Readings]:
    entries = park.journal.entries(1, park.journal.head_sequence)
    records = [from_map(decode(entry.body)) for entry in entries]  # type: ignore[arg-type]
    return [record for record in records if isinstance(record, Readings)]


def test_readings_of_a_long_time_are_recorded_before_they_fit_no_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long `readings` is and however often the park is read, no record is larger than a batch may be."""
    park = SmallPark(tmp_path)
    park.configure(SITE.replace('cycle = "15 s"', 'cycle = "15 s"\nreadings = "1440 min"'))
    width = len(park.recorder._cycles.channels)
    monkeypatch.setattr(cycles, "READINGS_MAX", 3 * width)
    for number in range(8):
        park.clock.now_ms = (DAY_START_S + number) * 1000
        park.recorder.take([Reading("m-intake", "active_power_total", park.clock.now_ms, (0, 0), 1000)])
        park.recorder.cycle()
    assert [len(one.steps_ms) + 1 for one in _readings(park)] == [3, 3]
    park.close()
    park.open()
    assert [len(one.steps_ms) + 1 for one in _readings(park)] == [3, 3, 2]
    park.close()


def test_the_largest_record_of_readings_fits_a_batch() -> None:
    """READINGS_MAX values of the longest kind, nine bytes each, leave room for the rest of a batch of 128 KiB."""
    assert READINGS_MAX * 9 < 128 * 1024 - 8 * 1024


def test_a_damaged_state_is_told(tmp_path: Path) -> None:
    """Where the state of the settlement cannot be read, the gateway says so instead of starting from nothing."""
    park = SmallPark(tmp_path)
    park.read_at(DAY_START_S)
    park.close()
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal, journal:
        journal.execute("UPDATE state SET value = x'ff'")
    with pytest.raises(ProblemError) as caught:
        park.open()
    assert caught.value.problems[0].code == "WP-JRN-011"
    park.journal.close()


def test_a_register_that_stands_while_power_flows_becomes_an_event(tmp_path: Path) -> None:
    """The mill draws 50 kW for ten minutes and its register does not move: one event names point and register."""
    park = SmallPark(tmp_path)
    for number in range(40):
        at_ms = (DAY_START_S + 15 * number) * 1000
        park.clock.now_ms = at_ms
        park.recorder.take([Reading("m-mill", "active_power_total", at_ms, (0, 0), 50_000)])
        park.recorder.take([Reading("m-mill", "energy_active_import", at_ms, (0x447A, 0), 1_000_000)])
        park.recorder.cycle()
    entries = park.journal.entries(1, park.journal.head_sequence)
    records = [from_map(decode(entry.body)) for entry in entries]  # type: ignore[arg-type]
    events = [record for record in records if isinstance(record, Event) and record.code == "register-stuck"]
    assert [dict(event.details)["meter_point"] for event in events] == ["Mill"]
    assert dict(events[0].details)["register"] == "energy_active_import"
    park.close()
