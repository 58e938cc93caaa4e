"""Meters of water, heat and gas by CJ/T 188 on one pair of wires with Modbus and DL/T 645 meters."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud_sync.core.canonical import decode
from gateway.bus_plan import jobs_of
from gateway.cli import main
from gateway.clock import Clock
from gateway.config import load
from gateway.control import is_running
from gateway.core.meter.poll import Poll
from gateway.core.reading import Fault, Reading
from gateway.core.record import Config, Readings, from_map
from gateway.journal import Journal
from gateway.line import open_line
from gateway.recorder import journal_path
from gateway.sweep import BusRunner
from hil_tests.emulated import ROOT
from hil_tests.emulator import Emulator
from hil_tests.emulator_config import read_emulator_config

WATER, HEAT, GAS, MAINS = "31271824191201", "00000000681268", "00000000000003", "002241020208"
EMULATED = f"""
value = "60 s"
step = "1 s"
[[bus]]
name = "line"
baud = 2400
turnaround = "60 ms"
[[meter]]
name = "sdm"
bus = "line"
unit = 7
profile = "eastron-sdm120"
load = "3 kW"
[[meter]]
name = "mains"
bus = "line"
address = "{MAINS}"
profile = "dlt645-2007-three-phase"
load = "24 kW"
start_import = "7502.64 kWh"
[[meter]]
name = "water"
bus = "line"
address = "{WATER}"
profile = "cjt188-2004-water"
load = "12 kW"
start_import = "123.45 kWh"
turnaround = "500 ms"
[[meter]]
name = "heat"
bus = "line"
address = "{HEAT}"
profile = "cjt188-2004-heat"
load = "36 kW"
start_import = "54427.88 kWh"
[[meter]]
name = "gas"
bus = "line"
address = "{GAS}"
profile = "cjt188-2004-gas"
load = "0 W"
start_import = "0.99 kWh"
"""
SITE = f"""
[gateway]
id = "gw1"
cycle = "6 s"
readings = "1 s"
province = "Jiangsu"
[[bus]]
name = "line"
port = "{{port}}"
line = "2400 8E1"
turnaround = "60 ms"
[[meter]]
name = "sdm"
bus = "line"
unit = 7
profile = "eastron-sdm120"
max_power = "10 kW"
[[meter]]
name = "mains"
bus = "line"
address = "{MAINS}"
profile = "dlt645-2007-three-phase"
max_power = "100 kW"
[[meter]]
name = "water"
bus = "line"
address = "{WATER}"
profile = "cjt188-2004-water"
[[meter]]
name = "heat"
bus = "line"
address = "{HEAT}"
profile = "cjt188-2004-heat"
max_power = "100 kW"
[[meter]]
name = "gas"
bus = "line"
address = "{GAS}"
profile = "cjt188-2004-gas"
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Intake"
role = "intake"
meter = "mains"
busbar = "LV1"
[[meter_point]]
name = "Mill"
role = "load"
meter = "sdm"
busbar = "LV1"
"""


def prepared(home: Path, emulated: str, site: str) -> Emulator:
    """Return an emulator, not yet started, with its site in *home*."""
    path = home / "emulator.toml"
    path.write_text(emulated)
    found = Emulator(read_emulator_config(path, home), home / "truth.jsonl")
    (home / "gateway.toml").write_text(site.format(port=found.buses[0].path))
    return found


@pytest.fixture
def emulator(tmp_path: Path) -> Emulator:
    """Return an emulator with meters of three protocols on one bus, not yet started; their site is in *tmp_path*."""
    return prepared(tmp_path, EMULATED, SITE)


def call(home: Path, *arguments: str) -> tuple[int, str]:
    """Run the command line in English; return exit code and output."""
    result = CliRunner().invoke(main, ["--lang", "en", "--home", str(home), *arguments])
    return result.exit_code, result.output


def test_one_bus_three_protocols(emulator: Emulator, tmp_path: Path) -> None:
    """A sweep reads all five meters without a fault; what the counters show is what was counted, cut at their step."""
    configuration = load(tmp_path)
    outcomes: list[Reading | Fault] = []
    stopped = threading.Event()
    emulator.start()
    try:
        bus = configuration.site.buses[0]
        poll = Poll(bus, jobs_of(configuration.site, configuration.profiles, bus), 6000)
        runner = BusRunner(poll, open_line(bus), Clock(), outcomes.extend, bus.name)
        thread = threading.Thread(target=runner.run, args=(stopped,))
        thread.start()
        while not poll.cycle and thread.is_alive():
            thread.join(0.05)
        stopped.set()
        runner.wake()
        thread.join()
    finally:
        emulator.stop()
    assert [fault for fault in outcomes if isinstance(fault, Fault)] == []
    found = {(one.meter, one.quantity): one.value for one in outcomes if isinstance(one, Reading)}
    assert {meter for meter, _ in found} == {"sdm", "mains", "water", "heat", "gas"}
    assert found["gas", "volume"] == 990
    volume, energy = found["water", "volume"], found["heat", "energy_heat"]
    assert volume is not None and volume % 10 == 0 and 123_450 <= volume <= 124_450
    assert found["heat", "temperature_supply"] == 651 and found["heat", "temperature_return"] == 411
    rows = [json.loads(row) for row in (tmp_path / "truth.jsonl").read_text().splitlines()]
    true_uwh = [row["true_uwh"] for row in rows if row.get("meter") == "heat"]
    assert energy is not None and any(0 <= uwh - energy * 10**6 < 10 * 10**6 for uwh in true_uwh)


def test_check_and_read_know_a_meter_without_a_meter_point(emulator: Emulator, tmp_path: Path) -> None:
    """Such a meter gives readings and needs no meter point; `read`, by its number, shows all of its readout."""
    emulator.start()
    try:
        checked = call(tmp_path, "check")
        told = call(tmp_path, "read", HEAT, "--json")
        shown = call(tmp_path, "read", "water")
    finally:
        emulator.stop()
    assert (checked[0], told[0], shown[0]) == (0, 0, 0), (checked, told, shown)
    found = json.loads(told[1])
    assert [one["fault"] for one in found["exchanges"]] == [None]
    values = {one["quantity"]: (one["value"], one["unit"]) for one in found["readings"]}
    assert values["temperature_supply"] == ("65.12", "degC") and values["status_word"] == ("0", "")
    assert set(values) >= {"energy_heat", "energy_settled", "thermal_power", "volume", "operating_hours"}
    assert "DI 901F" in shown[1] and "volume_settled" in shown[1]


def shown_by(home: Path, daemon: "subprocess.Popen[bytes]", sweeps: int) -> dict[tuple[str, str], str]:
    """Return what the running gateway says of its latest readings, after so many sweeps that reached the gas meter."""
    found: dict[tuple[str, str], str] = {}
    moments: set[str] = set()
    deadline = time.monotonic() + 120
    while len(moments) < sweeps:
        assert daemon.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
        if is_running(home):
            rows = json.loads(call(home, "readings", "--json")[1])["readings"]
            found = {(one["meter"], one["quantity"]): one["value"] for one in rows}
            moments |= {one["at"] for one in rows if one["meter"] == "gas"}
    return found


def test_a_meter_without_a_meter_point_is_recorded(tmp_path: Path) -> None:
    """The gateway shows its readings while it runs, and its journal keeps them, beside those of the accounts."""
    emulator = prepared(tmp_path, EMULATED.replace("2400", "9600"), SITE.replace("2400", "9600"))
    emulator.start()
    daemon = subprocess.Popen([sys.executable, "-m", "gateway", "--home", str(tmp_path), "run"], cwd=ROOT)
    try:
        shown = shown_by(tmp_path, daemon, 3)  # a record is made of some sweeps when another has begun
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait() == 0
    finally:
        daemon.kill()
        daemon.wait()
        emulator.stop()
    assert float(shown["gas", "volume"]) == 0.99 and float(shown["heat", "temperature_supply"]) == 65.1
    journal = Journal(journal_path(tmp_path))
    bodies = [decode(entry.body) for entry in journal.entries(1, journal.head_sequence)]
    journal.close()
    records = [from_map(body) for body in bodies if isinstance(body, dict)]
    (channels,) = {one.channels for one in records if isinstance(one, Config)}
    rows = [one.columns for one in records if isinstance(one, Readings)]
    column = channels.index(("gas", "volume"))
    given = [[one for one in columns[column] if one is not None] for columns in rows]
    assert {one[0] for one in given if one} == {990}  # the first sweep is kept before it has come to every meter
