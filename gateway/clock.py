"""Clock: UTC, monotonic time, and how far UTC can be trusted."""

import ctypes
import os
import time
from pathlib import Path

from gateway.core.record import Stamp

# adjtimex(2): state 5 (TIME_ERROR) means the kernel clock is not synchronised; maxerror is in microseconds.
_TIME_ERROR = 5
_SET_TIMER_SLACK = 29  # prctl(2)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Without a synchronised clock we claim no bound better than this.
_UNKNOWN_BOUND_MS = 86_400_000


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def wake_on_time() -> None:
    """Let the calling thread wake within a microsecond of the time it asked for, where the system would be lax."""
    ctypes.CDLL(None).prctl(_SET_TIMER_SLACK, 1, 0, 0, 0)


class Clock:
    """The one place that reads time."""

    def __init__(self) -> None:
        self._boot = (
            bytes.fromhex(_BOOT_ID.read_text().replace("-", "").strip())[:8] if _BOOT_ID.exists() else os.urandom(8)
        )
        self._libc = ctypes.CDLL(None, use_errno=True)

    def monotonic_ms(self) -> int:
        """Return milliseconds that never go back."""
        return time.monotonic_ns() // 1_000_000

    def utc_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def status(self) -> tuple[str, int]:
        """Return time status and error bound in ms: ("S", bound) synchronised, ("U", a day) not known."""
        timex = _Timex()
        state = self._libc.adjtimex(ctypes.byref(timex))
        if state < 0 or state == _TIME_ERROR:
            return "U", _UNKNOWN_BOUND_MS
        return "S", max(1, timex.maxerror // 1000)

    def stamp(self) -> Stamp:
        """Return the stamp of a record made now."""
        status, bound_ms = self.status()
        return Stamp(self._boot, self.monotonic_ms(), self.utc_ms(), status, bound_ms)
