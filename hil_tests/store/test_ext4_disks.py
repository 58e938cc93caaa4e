"""The journal on a real ext4 under power cuts: the file system mounts again, and nothing that was told is lost."""

import os
from collections.abc import Callable

import pytest

from hil_tests.conftest import TOLD
from hil_tests.foreign import WANT
from hil_tests.store.crashes import Bench
from hil_tests.store.ext4_disks import DISKS, NOT_MOUNTED, cut_disks, told_text, wanting
from hil_tests.store.judge import LOST

Record = Callable[[str, object], None]
WANTED = int(os.environ.get("WATTPROOF_DISKS", str(DISKS)))
COUNTED = "%d ext4 disks" % WANTED
CONTRAST = 200


def _allowed(disks: int) -> None:
    missing = wanting()
    if missing:
        pytest.skip("%d ext4 disks not run %s%s" % (disks, WANT, missing))


@pytest.mark.slow
def test_fault_d02_power_cut_on_real_ext4_loses_nothing(stand: Bench, record_property: Record) -> None:
    """On every disk that a cut may leave, ext4 mounts, if need be after e2fsck, and all that was told is there."""
    _allowed(WANTED)
    tally, ways = cut_disks(stand, WANTED)
    record_property(TOLD, told_text("as shipped", tally, ways))
    assert tally.points >= WANTED
    assert tally.bad == []
    assert ways[NOT_MOUNTED] == 0


@pytest.mark.slow
def test_same_disks_show_what_weaker_syncing_loses(stand: Bench, record_property: Record) -> None:
    """With synchronous=NORMAL the same disks lose steps that were told."""
    _allowed(CONTRAST)
    tally, ways = cut_disks(stand, CONTRAST, synchronous="NORMAL")
    record_property(TOLD, told_text("synchronous=NORMAL", tally, ways))
    assert tally.verdicts[LOST] > 0
