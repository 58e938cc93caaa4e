"""Disk: what SQLite writes where every reading is a row and a commit of its own, as simple loggers do it."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.benchmarks.process import usage, written_between

READINGS = 1500
_CHANNELS = 300
_SCHEMA = """CREATE TABLE reading (
    meter TEXT, quantity TEXT, at_ms INTEGER, value REAL, PRIMARY KEY (meter, quantity, at_ms)
)"""


def row_by_row_bytes(folder: Path) -> float:
    """Return the bytes written to the disk of *folder* a reading, by a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder if folder.is_dir() else None) as place:
        command = [sys.executable, "-m", "tools.benchmarks.disk", str(Path(place) / "rows.sqlite")]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(found.stdout)


def write_rows(path: Path) -> float:
    """Write the readings, safe against power cuts as the journal is; return the bytes written to the disk a reading."""
    before = usage(os.getpid())
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(_SCHEMA)
    for number in range(READINGS):
        cycle, channel = divmod(number, _CHANNELS)
        row = ("m%d" % (channel // 30), "quantity_%d" % (channel % 30), 5000 * cycle, 0.1 * number)
        db.execute("INSERT INTO reading VALUES (?, ?, ?, ?)", row)
    db.close()
    return written_between(before, usage(os.getpid())) / READINGS


if __name__ == "__main__":
    print(write_rows(Path(sys.argv[1])))
