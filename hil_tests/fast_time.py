"""Fast time: real programs, unchanged, whose clocks run many times as fast, by the preloaded fast_time.c."""

import os
import time
from pathlib import Path

from hil_tests.store.shim import compiler, preloadable

_SOURCE = Path(__file__).with_name("fast_time.c")


def possible() -> bool:
    """Tell whether this machine can compile it and has the system calls it needs."""
    return compiler() is not None and os.uname().sysname == "Linux"


class FastTime:
    """A time that runs *times* as fast from now on; every program with its environment sees the same."""

    def __init__(self, folder: Path, times: int) -> None:
        self.times = times
        self._library = preloadable(_SOURCE, folder)
        self._flush = folder / "flush_ms"
        self._origin_ns = time.monotonic_ns()
        self._utc_ns = time.time_ns()

    def environment(self) -> dict[str, str]:
        """Return what a program must be started with."""
        return {
            **os.environ,
            "LD_PRELOAD": str(self._library),
            "FAST_TIMES": str(self.times),
            "FAST_ORIGIN": str(self._origin_ns),
            "FAST_FLUSH": str(self._flush),
        }

    def utc_ms(self) -> int:
        """Return what its clock shows now."""
        return (self._utc_ns + (time.monotonic_ns() - self._origin_ns) * self.times) // 1_000_000

    def sleep_s(self, seconds: float) -> None:
        """Let *seconds* of it pass."""
        time.sleep(seconds / self.times)

    def flushes_take(self, milliseconds: int) -> None:
        """Have every flush of a file take so long in it; 0: as long as it takes."""
        fresh = self._flush.with_name("flush_ms.new")
        fresh.write_text("%d" % milliseconds)
        fresh.replace(self._flush)
