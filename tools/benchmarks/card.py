"""Card: an ext4 on a loop device as a gateway's disk, and what the kernel counts that reaches the device."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

CARD_BYTES = 1 << 30
MOUNTED = "noatime,commit=60"  # as docs/operations.md says; the journal asks for every flush that it needs
_SECTOR = 512  # of the kernel's statistics, whatever the device has
_SECTORS_WRITTEN, _FLUSHES = 6, 15  # fields of /sys/block/<device>/stat


class Reached(NamedTuple):
    """What reached the device since it was attached: bytes, the file system's journal included, and flushes."""

    written: int
    flushes: int

    def since(self, earlier: "Reached") -> "Reached":
        """Return what came after *earlier*."""
        return Reached(self.written - earlier.written, self.flushes - earlier.flushes)


NOTHING = Reached(0, 0)


class Card(NamedTuple):
    """A mounted card."""

    device: str

    def reached(self) -> Reached:
        """Return what has reached the device."""
        fields = (Path("/sys/block") / self.device / "stat").read_text().split()
        return Reached(int(fields[_SECTORS_WRITTEN]) * _SECTOR, int(fields[_FLUSHES]))


@contextmanager
def card(image: Path, folder: Path) -> Iterator[Card | None]:
    """Mount a new ext4 in the file *image* at *folder*; None where this machine or this user cannot."""
    device = _attached(image)
    if device is None:
        yield None
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-o", MOUNTED, device, str(folder)], check=True, capture_output=True)
        try:
            yield Card(Path(device).name)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
        image.unlink()


def _attached(image: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    with image.open("wb") as file:
        file.truncate(CARD_BYTES)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
        attached = ["losetup", "--find", "--show", str(image)]
        device = subprocess.run(attached, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        image.unlink()
        return None
    return device
