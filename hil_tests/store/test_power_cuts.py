"""The journal under power cuts: of what was told as committed nothing is lost, whatever sectors a cut keeps."""

import os
from collections.abc import Callable

import pytest

from hil_tests.conftest import TOLD
from hil_tests.store.crashes import Bench
from hil_tests.store.judge import HALF, LOST
from hil_tests.store.power_cuts import IMAGES, LIVES, cut_interrupted, cut_lives, told_text
from hil_tests.store.shim import FAIL_ONCE, KILL

Record = Callable[[str, object], None]
WANTED = int(os.environ.get("WATTPROOF_POWER_CUTS", str(IMAGES)))
COUNTED = "%d images of power cuts" % WANTED
CONTRAST = 600
AGAIN = 2_000


@pytest.mark.slow
def test_fault_d01_power_cut_at_every_write_loses_nothing(stand: Bench, record_property: Record) -> None:
    """As shipped, every image holds what was told, nothing half, and the journal goes on from it."""
    tally = cut_lives(stand, WANTED, LIVES)
    record_property(TOLD, told_text("as shipped", tally))
    assert tally.points >= WANTED
    assert tally.bad == []


@pytest.mark.slow
def test_power_cut_after_a_crash_and_a_restart_loses_nothing(stand: Bench, record_property: Record) -> None:
    """A process is killed, another goes on after it, then the power is cut: what either told is there."""
    tally = cut_interrupted(stand, KILL, AGAIN)
    record_property(TOLD, told_text("killed before, as shipped", tally))
    assert tally.points >= AGAIN
    assert tally.bad == []


@pytest.mark.slow
def test_fault_d05_flush_that_failed_loses_nothing_at_a_later_power_cut(stand: Bench, record_property: Record) -> None:
    """A flush fails and the kernel gives up the pages; whoever starts anew trusts none of them, and nothing is lost."""
    tally = cut_interrupted(stand, FAIL_ONCE, AGAIN, only_syncs=True)
    record_property(TOLD, told_text("a flush failed before", tally))
    assert tally.points >= AGAIN
    assert tally.bad == []


def test_same_cuts_show_what_weaker_syncing_loses(stand: Bench, record_property: Record) -> None:
    """With synchronous=NORMAL the same cuts lose steps that were told: so sharp is the knife."""
    tally = cut_lives(stand, CONTRAST, 2, synchronous="NORMAL")
    record_property(TOLD, told_text("synchronous=NORMAL", tally))
    assert tally.verdicts[LOST] > CONTRAST // 10


def test_same_cuts_show_who_tells_too_early(stand: Bench, record_property: Record) -> None:
    """A writer that tells of a step before its commit is found out at every second cut."""
    tally = cut_lives(stand, CONTRAST, 2, early=True)
    record_property(TOLD, told_text("told before the commit", tally))
    assert tally.verdicts[LOST] > CONTRAST // 4


def test_same_cuts_show_who_commits_in_two_transactions(stand: Bench, record_property: Record) -> None:
    """A writer that commits entries before the books and batches that go with them leaves halves."""
    tally = cut_lives(stand, CONTRAST, 2, halves=True)
    record_property(TOLD, told_text("two transactions", tally))
    assert tally.verdicts[HALF] > CONTRAST // 20
