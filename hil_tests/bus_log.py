"""BusLog: one JSON line for everything that was on an emulated wire, with its time and the emulator's own lateness."""

import json
import threading
import time
from pathlib import Path

from hil_tests.wire import Burst


class BusLog:
    """Appends to a log file. utc_ms and us are of the first bit; us counts from the start of the emulator."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._utc_ahead_s = time.time() - self._began

    def write(self, bus: str, burst: Burst) -> None:
        """Append one burst."""
        line = {
            "utc_ms": round((burst.start + self._utc_ahead_s) * 1000),
            "us": round((burst.start - self._began) * 1e6),
            "lasts_us": round((burst.end - burst.start) * 1e6),
            "bus": bus,
            "from": burst.sender,
            "hex": burst.octets.hex(" "),
            "baud": burst.setting.baud,
            "parity": burst.setting.parity,
            "collided": bool(burst.met),
            "fault": burst.note,
            "late_us": burst.late_us,
        }
        with self._lock:
            self._file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
