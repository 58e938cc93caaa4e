"""Freezes end to end: emulated DL/T 645 meters, poll, settlement, journal, and the figures computed again."""

import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from cloud_sync.core.canonical import decode
from gateway.bus_plan import jobs_of
from gateway.clock import Clock
from gateway.config import load
from gateway.core.meter.poll import Poll
from gateway.core.reading import Fault, Reading
from gateway.core.record import Account, Event, from_map
from gateway.core.time_keeping import ClockFacts
from gateway.journal import Journal
from gateway.line import open_line
from gateway.recompute import Recomputation
from gateway.recorder import Recorder, journal_path
from gateway.sweep import BusRunner
from hil_tests.emulator import Emulator
from hil_tests.emulator_config import read_emulator_config
from hil_tests.truth import Truth

METER = """
[[meter]]
name = "{name}"
bus = "line"
address = "{address}"
profile = "dlt645-2007-three-phase"
"""
EMULATED = """
[[bus]]
name = "line"
baud = 9600
turnaround = "20 ms"
"""
SITE = """
[gateway]
id = "gw1"
cycle = "15 s"
interval = "60 min"
province = "Jiangsu"
[[bus]]
name = "line"
port = "{port}"
line = "9600 8N1"
[[busbar]]
name = "LV1"
"""
POINT = """
max_power = "100 kW"
[[meter_point]]
name = "{name} point"
role = "load"
meter = "{name}"
busbar = "LV1"
"""
METERS = (("right", "000000000001", ""), ("ahead", "000000000002", 'clock_ahead = "40 s"'))
LOAD_WH = 36_000  # of each in an hour: 10 Wh a second, one step of its register
HOUR_MS = 3_600_000
BEFORE_MS = 3000  # how long before the boundary the waiting begins


class SkippingClock(Clock):
    """The time of this machine, with hours left out."""

    def __init__(self) -> None:
        self._ahead_ms = int((time.time() - time.monotonic()) * 1000)
        self.skipped_ms = 0
        super().__init__()

    def facts(self) -> ClockFacts:
        """Return that the time is right to 1 ms."""
        return ClockFacts(self.monotonic_ms(), self.monotonic_ms() + self._ahead_ms, 1, True)

    def monotonic_ms(self) -> int:
        """Return milliseconds that never go back."""
        return int(time.monotonic() * 1000) + self.skipped_ms


def written(folder: Path) -> tuple[Path, Path]:
    """Write the configurations of emulator and gateway; return both places."""
    emulated, site = EMULATED, SITE
    for name, address, clock in METERS:
        meter = METER.format(name=name, address=address)
        emulated += meter + f'load = "{LOAD_WH} W"\n{clock}\n'
        site += meter + POINT.format(name=name)
    (folder / "emulator.toml").write_text(emulated)
    (folder / "gateway.toml").write_text(site)
    return folder / "emulator.toml", folder / "gateway.toml"


def test_an_hour_from_freeze_to_freeze(tmp_path: Path) -> None:
    """The meter with a right clock gives exactly its hour, by its own registers; the other by what was read, and told.

    Everything is computed again from the journal.
    """
    config, site = written(tmp_path)
    emulator = Emulator(read_emulator_config(config, tmp_path), tmp_path / "truth.jsonl")
    site.write_text(site.read_text().format(port=emulator.buses[0].path))
    configuration = load(tmp_path)
    clock, heard = SkippingClock(), queue.Queue[Sequence[Reading | Fault]]()
    journal = Journal(journal_path(tmp_path))
    recorder = Recorder(configuration, journal, clock, None)
    bus = configuration.site.buses[0]
    poll = Poll(bus, jobs_of(configuration.site, configuration.profiles, bus), 15_000)
    stopped = threading.Event()
    emulator.start()
    runner = BusRunner(poll, open_line(bus), clock, heard.put, bus.name)
    thread = threading.Thread(target=runner.run, args=(stopped,))
    closed = 0
    try:
        recorder.start()
        for hour in (0, 1):
            skip_ms = HOUR_MS - BEFORE_MS - clock.utc_ms() % HOUR_MS
            emulator.skip(skip_ms)
            clock.skipped_ms += skip_ms
            if not hour:
                thread.start()
            boundary_s = (clock.utc_ms() // HOUR_MS + 1) * HOUR_MS // 1000
            while clock.utc_ms() < boundary_s * 1000:
                time.sleep(0.01)
            poll.boundary(boundary_s)
            runner.wake()
            while recorder.settlement.start_s != boundary_s:
                recorder.take(heard.get(timeout=60))
                closed += recorder.close_due()
    finally:
        stopped.set()
        runner.wake()
        thread.join(30)
        emulator.stop()
        recorder.stop()
    assert closed == 1
    entries = journal.entries(1, journal.head_sequence)
    journal.close()
    checked = Recomputation()
    for entry in entries:
        checked.take(entry.sequence, entry.body)
    assert checked.problems == []
    records = [from_map(decode(entry.body)) for entry in entries]  # type: ignore[arg-type]
    (account,) = (one for one in records if isinstance(one, Account))
    spans = {(span.meter, span.quantity): span for span in account.spans}
    right, ahead = spans["right", "energy_active_import"], spans["ahead", "energy_active_import"]
    assert (right.start_ms, right.end_ms, right.flag) == (account.start_s * 1000, account.end_s * 1000, "F")
    assert abs(right.energy_wh - LOAD_WH) <= 10
    assert ahead.start_ms > account.start_s * 1000 and ahead.end_ms > account.end_s * 1000 and "F" not in ahead.flag
    truth = Truth.load(tmp_path / "truth.jsonl")
    for span in (right, ahead):
        true_uwh = truth.energy_between(span.meter, span.quantity, span.start_words, span.end_words)
        assert true_uwh is not None and abs(true_uwh - span.energy_wh * 10**6) <= 10 * 10**6
    unused = [dict(one.details) for one in records if isinstance(one, Event) and one.code == "freeze-unused"]
    assert [one["meter"] for one in unused] == ["ahead"]  # told once, until one of its freezes is used
    assert all(one["reason"].startswith("the meter's clock is ") for one in unused)
    assert not [energy.flag for energy in account.energies if energy.meter_point == "right point" and energy.flag]
