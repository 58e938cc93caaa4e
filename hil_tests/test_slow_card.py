"""Tests of the whole daemon on a card whose flushes take longer than a gateway may wait for anything."""

import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cloud_sync.core.canonical import decode
from gateway.control import ask, is_running
from gateway.core.record import Account, Event, Interval, from_map
from gateway.journal import Journal
from gateway.recorder import journal_path
from hil_tests.brokers import free_port
from hil_tests.fast_park import COUNT_WH, FastMeters, counts, fast_site
from hil_tests.fast_time import FastTime, possible
from hil_tests.foreign import WANT

TIMES = 12
HOLD_S = 25
FLUSH_MS = 30_000  # longer than the closing of an interval waits for a meter, and than a few cycles
INTERVAL_MS = 60_000
UNITS = 3


def _records(home: Path) -> list[Any]:
    journal = Journal(journal_path(home))
    found = [from_map(decode(one.body)) for one in journal.entries(1, journal.head_sequence)]  # type: ignore[arg-type]
    journal.close()
    return found


def _until(moment_ms: int, clock: FastTime) -> None:
    while clock.utc_ms() < moment_ms:
        clock.sleep_s(0.5)


@pytest.mark.slow
def test_fault_d16_slow_flushes_hold_up_no_poll_no_boundary_and_no_answer(tmp_path: Path) -> None:
    """Flushes of 30 s in intervals of a minute: meters are asked on, every interval closes whole, and all is told."""
    if not possible():
        pytest.skip("a card with slow flushes not tried %sa C compiler" % WANT)
    clock = FastTime(tmp_path, TIMES)
    meters = FastMeters(UNITS, clock.utc_ms)
    home = tmp_path / "home"
    fast_site(home, meters, 1, 5, HOLD_S, free_port())
    command = [sys.executable, "-m", "gateway", "--home", str(home), "--lang", "en", "run"]
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=clock.environment())
    try:
        while not is_running(home):
            assert daemon.poll() is None
            time.sleep(0.05)
        while not meters.questions:
            time.sleep(0.05)
        began_ms = (clock.utc_ms() // INTERVAL_MS + 1) * INTERVAL_MS + 30_000
        _until(began_ms, clock)
        clock.flushes_take(FLUSH_MS)
        answers = []
        for moment_ms in range(began_ms, began_ms + 4 * INTERVAL_MS, 13_000):
            _until(moment_ms, clock)
            answers.append(ask(home, {"ask": "status"}))
        shown = subprocess.run(
            [*command[:-1], "status"], capture_output=True, text=True, check=True, timeout=120
        ).stdout
        clock.flushes_take(0)
        ended_ms = clock.utc_ms()
        _until((ended_ms // INTERVAL_MS + 1) * INTERVAL_MS + 60_000, clock)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=60) == 0
    finally:
        daemon.kill()
        daemon.wait()
        meters.close()

    asked = [moment for moment in meters.questions if began_ms < moment < ended_ms]
    assert max(later - before for before, later in pairwise(asked)) < FLUSH_MS
    waiting = [one["storage"]["waiting_ms"] for one in answers]
    assert any(waiting) and all(one["meters"][0]["last_good"] for one in answers)
    assert "slow" in shown and "meters are read on time" in shown

    records = _records(home)
    intervals = [one for one in records if isinstance(one, Interval)]
    assert len(intervals) >= 5
    assert [one.start_s for one in intervals[1:]] == [one.end_s for one in intervals[:-1]]
    assert {one.complete_ppm for one in intervals} == {1_000_000}
    spans = [span for one in records if isinstance(one, Account) for span in one.spans]
    imported = [one for one in spans if one.quantity == "energy_active_import"]
    assert len(imported) == UNITS * len(intervals) and {(one.flag, one.parts) for one in imported} == {("", 1)}
    for one in imported:
        unit = int(one.meter[1:])
        least, most = (
            counts(unit, UNITS, one.end_ms - later) - counts(unit, UNITS, one.start_ms) for later in (2000, 0)
        )
        assert COUNT_WH * (least - unit * UNITS * 2) <= one.energy_wh <= COUNT_WH * (most + unit * UNITS * 2)
    codes = [one.code for one in records if isinstance(one, Event)]
    assert codes.count("disk-slow") == 1 and "readings-dropped" not in codes
