"""kill -9 of gateway, broker or platform at any moment: nothing is lost and nothing is counted twice."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloud_sync.platform.ledger import Ledger
from hil_tests.brokers import Mosquitto, free_port
from hil_tests.stand import BROKER, GATEWAY, PLATFORM, Stand

KILLS = 50
VICTIMS = (GATEWAY, GATEWAY, BROKER, PLATFORM)  # the gateway has most to lose
# Moments are drawn over what a part goes through: starting, reading, committing, sending, waiting for a receipt.
LONGEST_LIFE_S = 6.0
SETTLING_S = 150.0


def _wait_for_receipts(stand: Stand, intervals: int) -> None:
    """Wait until *intervals* more intervals are closed and the platform has a receipt for every entry."""
    deadline = time.monotonic() + SETTLING_S
    start = stand.gateway_status()["intervals"]
    while time.monotonic() < deadline:
        status = stand.gateway_status()
        if status["intervals"] >= start + intervals and status["oldest_unreceipted"] is None:
            return
        time.sleep(0.5)
    raise AssertionError("not all receipted in time: %r" % stand.gateway_status())


@pytest.mark.slow
def test_fault_f08_g01_nothing_is_lost_or_counted_twice_over_fifty_kills(tmp_path: Path) -> None:
    """After 50 kills at seeded random moments, over TLS, every register is exact and every link holds."""
    seed = int(os.environ.get("WATTPROOF_SEED", "20261121"))
    print("seed", seed)
    chance = random.Random(seed)
    stand = Stand(tmp_path, Mosquitto(), free_port())
    stand.prepare()
    killed: dict[str, int] = {}
    try:
        stand.start_all()
        _wait_for_receipts(stand, 1)
        for _ in range(KILLS):
            victim = chance.choice(VICTIMS)
            time.sleep(chance.random() * LONGEST_LIFE_S)
            stand.kill(victim)
            killed[victim] = killed.get(victim, 0) + 1
            # Not waiting until it is ready lets the next kill strike while it starts.
            stand.launch(victim)
        for part in set(killed):
            stand.await_ready(part)
        _wait_for_receipts(stand, 2)
        entries = stand.gateway_status()["entries"]
    finally:
        stand.stop_all()
    assert sum(killed.values()) == KILLS and len(killed) == 3

    compared = stand.compared()
    assert len(compared) == 23
    assert [one for one in compared if not one.agrees] == []

    ledger = Ledger(stand.ledger_path, read_only=True)
    try:
        kept = [row[0] for row in ledger.read("SELECT sequence FROM entry ORDER BY sequence")]
        gaps = ledger.read(
            "SELECT a.end_s FROM interval a LEFT JOIN interval b ON b.start_s = a.end_s"
            " WHERE b.start_s IS NULL AND a.end_s < (SELECT max(end_s) FROM interval)"
        )
        conflicts = ledger.read("SELECT * FROM conflict")
    finally:
        ledger.close()
    assert kept[:entries] == list(range(1, entries + 1))
    assert gaps == []
    assert conflicts == []
    _assert_fine("cloud_sync.platform", "--home", str(stand.platform_home), "verify")

    export = tmp_path / "day.wpx"
    _assert_fine("gateway", "--home", str(stand.gateway_home), "export", "-o", str(export))
    keys = tmp_path / "auditor"
    keys.mkdir()
    for key in (stand.gateway_home / "keys").glob("*.pub"):
        shutil.copy(key, keys)
    _assert_fine("gateway", "verify", str(export), "--keys", str(keys))


def _assert_fine(module: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
