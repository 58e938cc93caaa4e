"""Recovery: a running gateway is killed, started again as systemd would, and has read and committed again how soon."""

import os
import random
import re
import shutil
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from gateway.recorder import journal_path
from hil_tests.brokers import PipBroker, free_port
from hil_tests.stand import EMULATOR, GATEWAY, Stand
from tools.benchmarks.figure import AT_MOST, Figure, Gate, Section

KILLS = 12
MOST_S = 5.0
SEED = 20261121
_UNIT = Path("docs/operations.md")  # with the systemd unit that people copy
_LIFE_S = (2.0, 7.0)  # of a gateway beyond the gate: all that it does in a cycle
_READINGS = ('readings = "10 s"', 'readings = "60 min"')  # until then the journal keeps each cycle with its time


def restart_s() -> float:
    """Return how long the shipped unit has systemd wait before it starts a gateway that died."""
    found = re.search(r"^RestartSec=(\d+)(ms|s)?$", _UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, "the unit says how soon"
    return int(found[1]) / (1000 if found[2] == "ms" else 1)


def _committed_ms(home: Path, folder: Path) -> list[int]:
    """Return when each cycle was committed that a gateway, dead now, has left in its journal."""
    for path in journal_path(home).parent.glob(journal_path(home).name + "*"):
        shutil.copy(path, folder)
    db = sqlite3.connect(folder / journal_path(home).name)
    try:
        return [row[0] for row in db.execute("SELECT at_ms FROM snapshot ORDER BY at_ms")]
    finally:
        db.close()


def recoveries(folder: Path, kills: int = KILLS) -> list[float]:
    """Kill a gateway *kills* times; return the seconds from each kill to the commit of what was read after it."""
    stand = Stand(folder / "stand", PipBroker(), free_port())
    stand.prepare()
    told = stand.gateway_home / "gateway.toml"
    text = told.read_text(encoding="utf-8")
    assert _READINGS[0] in text
    told.write_text(text.replace(*_READINGS), encoding="utf-8")
    chance, killed_ms, seconds = random.Random(SEED), 0, []
    try:
        stand.start(EMULATOR)
        stand.start(GATEWAY)
        for number in range(kills + 1):
            time.sleep(chance.uniform(*_LIFE_S) + MOST_S)
            stand.kill(GATEWAY)
            now_ms = time.time_ns() // 1_000_000
            if number:
                copy = folder / str(number)
                copy.mkdir()
                later = [at_ms for at_ms in _committed_ms(stand.gateway_home, copy) if at_ms > killed_ms]
                seconds.append(((later[0] if later else now_ms) - killed_ms) / 1000)
                shutil.rmtree(copy)
            killed_ms = now_ms
            time.sleep(restart_s())
            stand.launch(GATEWAY)
    finally:
        stand.stop_all()
    return seconds


def measure() -> Section:
    """Kill, and measure."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        found = recoveries(Path(folder))
    figures = (
        Figure("recovery_median_s", "kill -9 to the next committed reading", statistics.median(found), "s", 1),
        Figure("recovery_worst_s", "at the worst", max(found), "s", 1, Gate(AT_MOST, MOST_S)),
    )
    measured_on = (
        "%d kills at seeded moments, two emulated buses with twelve meters, started again after %.1f s; load %.1f"
    )
    return Section("Recovery", measured_on % (len(found), restart_s(), os.getloadavg()[0]), figures)
