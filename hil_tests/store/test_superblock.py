"""A disk whose first superblock is torn: it is not mounted as it is, and after e2fsck the journal is whole."""

import os
import subprocess
from pathlib import Path

import pytest

from gateway.journal import Journal
from hil_tests.foreign import WANT
from hil_tests.store.ext4_disks import FORMAT, MEGABYTES, wanting

SUPERBLOCK, TORN = 1024, 512
ENTRIES = 200


def _mount(image: Path, folder: Path) -> bool:
    command = ["mount", "-o", "loop", str(image), str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True)


def test_fault_d03_torn_superblock_is_mended_and_the_journal_is_whole(tmp_path: Path) -> None:
    """Half of the superblock is rubbish: ext4 refuses it, e2fsck takes the second one, and no entry is lost."""
    if wanting():
        pytest.skip("a torn superblock not tried %s%s" % (WANT, wanting()))
    image, disk = tmp_path / "card.img", tmp_path / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(MEGABYTES << 20)
    subprocess.run([*FORMAT, str(image)], check=True, capture_output=True)
    assert _mount(image, disk)
    journal = Journal(disk / "journal.sqlite")
    for number in range(ENTRIES):
        journal.commit(b"i" * 16, [b"entry %d" % number])
    journal.close()
    _unmount(disk)
    with image.open("r+b") as file:
        file.seek(SUPERBLOCK)
        file.write(os.urandom(TORN))
    assert not _mount(image, disk)
    subprocess.run(["e2fsck", "-fy", "-b", "2048", str(image)], capture_output=True, check=False, timeout=60)
    assert _mount(image, disk)
    journal = Journal(disk / "journal.sqlite")
    bodies = [one.body for one in journal.entries(1, ENTRIES + 1)]
    journal.close()
    _unmount(disk)
    assert bodies == [b"entry %d" % number for number in range(ENTRIES)]
