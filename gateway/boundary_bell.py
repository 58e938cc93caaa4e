"""Boundary bell: has every bus read the energy registers as soon as an interval ends.

It has a thread of its own, so that it rings on time while the loop waits for a slow disk.
"""

import threading
from collections.abc import Sequence

from gateway.clock import Clock
from gateway.core.settlement import Settlement
from gateway.sweep import BusRunner

LOOK_MS = 10_000  # how long a clock that was put forward or back, or a system that slept, can go unnoticed


class BoundaryBell:
    """Rings at the end of each interval."""

    def __init__(self, runners: Sequence[BusRunner], settlement: Settlement, clock: Clock) -> None:
        self._runners = runners
        self._settlement = settlement
        self._clock = clock

    def run(self, stopped: threading.Event) -> None:
        """Ring until *stopped*."""
        next_s = self._next_s(self._clock.utc_ms())
        while not stopped.is_set():
            now_ms = self._clock.utc_ms()
            if now_ms < next_s * 1000:
                # A little at a time: the clock may be put forward or back meanwhile, and the system may sleep.
                next_s = self._next_s(now_ms)
                stopped.wait(min(next_s * 1000 - now_ms, LOOK_MS) / 1000)
                continue
            next_s = self._next_s(now_ms)
            for runner in self._runners:
                runner.poll.boundary(next_s - self._settlement.site.interval_s)
                runner.wake()

    def _next_s(self, now_ms: int) -> int:
        """Return the first boundary after *now_ms*."""
        return self._settlement.next_boundary_s(now_ms // 1000)
