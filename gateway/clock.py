"""Clock: the one place that reads time; what it means is kept by TimeKeeping."""

import ctypes
import os
import time
from pathlib import Path
from typing import Any

from cloud_sync.core.freshness import Anchor
from cloud_sync.kernel_clock import kernel_bound_ms
from gateway.core.record import Stamp
from gateway.core.time_keeping import ClockFacts, ClockNews, Kept, Mark, TimeKeeping

_SET_TIMER_SLACK = 29  # prctl(2)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_RTC = Path("/sys/class/rtc")


def wake_on_time() -> None:
    """Let the calling thread wake within a microsecond of the time it asked for, where the system would be lax."""
    ctypes.CDLL(None).prctl(_SET_TIMER_SLACK, 1, 0, 0, 0)


def boot_id() -> bytes:
    """Return eight bytes that name this boot of the system; random where it has no name."""
    if not _BOOT_ID.exists():
        return os.urandom(8)
    return bytes.fromhex(_BOOT_ID.read_text().replace("-", "").strip())[:8]


class Clock:
    """UTC and the time since boot."""

    def __init__(self) -> None:
        self._boot = boot_id()
        self._rtc = _RTC.is_dir() and any(_RTC.iterdir())
        self.keeping = TimeKeeping(self._boot, self.facts())

    def facts(self) -> ClockFacts:
        """Return what the system says about time now."""
        return ClockFacts(self.monotonic_ms(), time.time_ns() // 1_000_000, kernel_bound_ms(), self._rtc)

    def resume(self, kept: Kept) -> None:
        """Go on from what `kept` returned before a restart."""
        self.keeping = TimeKeeping(self._boot, self.facts(), kept)

    def kept(self) -> Kept:
        """Return what must survive a restart."""
        return self.keeping.kept(self.monotonic_ms())

    def look(self) -> tuple[ClockNews, ...]:
        """Follow the system's clock; between two looks UTC runs on evenly, whatever that clock does."""
        return self.keeping.look(self.facts())

    def anchor(self, anchor: Anchor) -> None:
        """Take the time that a fresh receipt of the platform gave."""
        self.keeping.anchored(anchor.at_ms, anchor.bound_ms, anchor.sent_ms, self.monotonic_ms())

    def anchor_due(self) -> Mark | None:
        """Return the time to record as an anchor now, where one is due."""
        return self.keeping.anchor_due(self.monotonic_ms())

    def monotonic_ms(self) -> int:
        """Return milliseconds since boot, suspended time included; they never go back."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def utc_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return self.keeping.utc_ms(self.monotonic_ms())

    def known_ms(self) -> int | None:
        """Return UTC milliseconds where they are known well enough to judge by, None where not."""
        monotonic_ms = self.monotonic_ms()
        return self.keeping.utc_ms(monotonic_ms) if self.keeping.is_sure(monotonic_ms) else None

    def status(self) -> tuple[str, int]:
        """Return time status (U, I, S or R) and error bound in ms."""
        return self.keeping.status(self.monotonic_ms())

    def answer(self) -> dict[str, Any]:
        """Return what is known of the time, for people: status, bound, by whose word, and the drift measured."""
        status, bound_ms = self.status()
        keeping = self.keeping
        return {
            "status": status, "bound_ms": bound_ms, "source": keeping.source(), "drift_ppm": keeping.drift_ppm,
            "boot": self._boot.hex(),
        }  # fmt: skip

    def stamp(self) -> Stamp:
        """Return the stamp of a record made now."""
        monotonic_ms = self.monotonic_ms()
        status, bound_ms = self.keeping.status(monotonic_ms)
        return Stamp(self._boot, monotonic_ms, self.keeping.utc_ms(monotonic_ms), status, bound_ms)
