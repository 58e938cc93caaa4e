"""Room: how much the disk of the journal still takes, and the ballast that is given up when it takes nothing more."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

# What is let go when the disk is full, so that receipts can be kept, entries freed and accounts written.
BALLAST_BYTES = 8 << 20
# With less than this left (and the ballast), readings between boundaries are recorded no longer: accounts go on.
TIGHT_BYTES = 64 << 20
WARNING_DAYS = 30


class Room:
    """The room on the disk of the journal at *path*."""

    def __init__(self, path: Path) -> None:
        self._journal = path
        self._ballast = path.with_name(path.name + ".ballast")
        self.tight = False

    def free_bytes(self) -> int:
        """Return what may be written yet; 0 where the disk does not even tell."""
        try:
            found = os.statvfs(self._journal.parent)
        except OSError:
            return 0
        return found.f_bavail * found.f_frsize

    def look(self) -> bool:
        """Look how much room there is, put ballast down where there is enough; tell whether it got tight or wide."""
        free = self.free_bytes()
        if free > TIGHT_BYTES + BALLAST_BYTES and not self._ballast.exists():
            self._put_ballast()
        # Twice as much before it is wide again, so that it is not told at every turn.
        tight = free < TIGHT_BYTES if not self.tight else free < 2 * TIGHT_BYTES
        changed, self.tight = tight != self.tight, tight
        return changed

    def _put_ballast(self) -> None:
        try:
            with self._ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
        except OSError:
            with suppress(OSError):
                self._ballast.unlink(missing_ok=True)

    def release(self) -> bool:
        """Give the ballast up; tell whether there was any."""
        try:
            self._ballast.unlink()
        except OSError:
            return False
        return True

    def used_bytes(self) -> int:
        """Return what the journal and its log take on the disk."""
        used = 0
        for path in (self._journal, self._journal.with_name(self._journal.name + "-wal")):
            with suppress(OSError):
                used += path.stat().st_size
        return used

    def forecast(self, days_kept: float, unreceipted_percent: float, freed_bytes: int) -> dict[str, Any]:
        """Return how much there is and how long it lasts.

        days_kept: how many days of entries the journal holds; freed_bytes: inside the file, free for new entries.
        """
        used, free = self.used_bytes() - freed_bytes, self.free_bytes()
        daily = round(used / days_kept) if days_kept >= 1 else None
        days_left = None if not daily else (free + freed_bytes) // daily
        return {
            "journal_bytes": used,
            "free_bytes": free,
            "unreceipted_percent": round(unreceipted_percent, 1),
            "bytes_a_day": daily,
            "days_left": days_left,
            "tight": self.tight,
            "warning": days_left is not None and days_left < WARNING_DAYS,
        }
