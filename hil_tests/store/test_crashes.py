"""The journal under crashes at every storage call: what was told as committed is there, whole, and it goes on."""

import os
from collections.abc import Callable

import pytest

from hil_tests.conftest import TOLD
from hil_tests.store.crashes import COMPOUND, MODES, POINTS, Bench, Tally, crashed, told_text

Record = Callable[[str, object], None]


COUNTED = "%d crash points" % POINTS


@pytest.fixture(scope="module")
def tallies(stand: Bench) -> dict[str, Tally]:
    """Give what was found at all points."""
    return crashed(stand, int(os.environ.get("WATTPROOF_CRASH_POINTS", str(POINTS))))


def _fine(tallies: dict[str, Tally], *names: str) -> None:
    assert [bad for name in names for bad in tallies[name].bad] == []
    assert all(tallies[name].points > 100 for name in names)


@pytest.mark.slow
def test_fault_c01_kill_at_every_storage_call_loses_nothing(tallies: dict[str, Tally], record_property: Record) -> None:
    """Killed before any call that changes a file, the journal holds all that was told, nothing half, and goes on."""
    record_property(TOLD, told_text(tallies))
    assert sum(tally.points for tally in tallies.values()) >= POINTS
    _fine(tallies, "kill -9")


@pytest.mark.slow
def test_fault_c02_kill_in_the_middle_of_a_write_loses_nothing(tallies: dict[str, Tally]) -> None:
    """Killed with half of a write done, at any of them, nothing told is lost and nothing is half."""
    _fine(tallies, "kill -9, write torn")


@pytest.mark.slow
def test_fault_c03_kill_in_the_recovery_loses_nothing(tallies: dict[str, Tally]) -> None:
    """Killed once more while what the first kill left is being recovered, at any call of that, nothing is lost."""
    _fine(tallies, COMPOUND)


@pytest.mark.slow
def test_fault_d05_single_error_of_a_write_is_done_again(tallies: dict[str, Tally]) -> None:
    """After one failed write the writer goes on in a new connection; it ends where it opens or where a flush failed."""
    tally = tallies["EIO once"]
    assert tally.bad == []
    assert set(tally.failures) == {"WP-JRN-002", "WP-JRN-010"}
    assert tally.went_on > tally.points * 3 // 4


@pytest.mark.slow
def test_failing_storage_loses_nothing_that_was_told(tallies: dict[str, Tally]) -> None:
    """Where a call fails for want of space or with an error, once or for ever, all that was told stays."""
    _fine(tallies, *[name for name in MODES if name.startswith(("EIO", "ENOSPC"))])
