"""Tests of freeing: only what carries a receipt goes, and what later accounts rest on stays."""

from pathlib import Path

from gateway.export import write_export
from gateway.figures import account_of
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark


def _park(tmp_path: Path) -> SmallPark:
    park = SmallPark(tmp_path)
    for number in range(4):
        park.read_at(DAY_START_S + number * 900)
        park.count("m-intake", "energy_active_import", 100)
    return park


def test_fault_f15_nothing_is_freed_without_a_receipt(tmp_path: Path) -> None:
    """However old an entry is, it stays until the platform's signed receipt covers it."""
    park = _park(tmp_path)
    entries = len(park.journal.entries(1, 1000))
    assert park.journal.free(DAY_START_S + 10**9) == 0
    assert len(park.journal.entries(1, 1000)) == entries
    park.close()


def test_receipted_entries_are_freed_when_they_are_old(tmp_path: Path) -> None:
    """With a receipt the intervals before the limit go; the configuration and the later intervals stay provable."""
    park = _park(tmp_path)
    park.receipt()
    assert park.journal.free(DAY_START_S) == 0
    assert park.journal.free(DAY_START_S + 1800) > 0
    assert account_of(park.journal, DAY_START_S) is None
    assert account_of(park.journal, DAY_START_S + 1800) is not None
    answer = write_export(park.configuration, park.journal, DAY, str(tmp_path / "day.wpx"))
    assert answer["intervals"] == 1
    park.close()


def test_the_end_of_what_is_receipted_stays(tmp_path: Path) -> None:
    """Offline for longer than the retention: the entry that the next batch links to is kept with its link."""
    park = _park(tmp_path)
    park.receipt()
    park.read_at(DAY_START_S + 3600)
    through = park.journal.receipted_through()
    assert park.journal.free(DAY_START_S + 10**9) > 0
    assert park.journal.link_at(through) is not None
    park.close()
