"""DL/T 645 meters on the emulated bus, between Modbus meters, read by the gateway over its own line."""

import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.asker import Asker, ask_address
from gateway.bus_plan import jobs_of
from gateway.cli import main
from gateway.clock import Clock
from gateway.config import load
from gateway.core.meter.poll import Poll
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.reading import Fault, Reading
from gateway.line import open_line
from gateway.sweep import BusRunner
from hil_tests.emulator import Emulator
from hil_tests.emulator_config import read_emulator_config

EMULATED = """
value = "60 s"
step = "1 s"
[[bus]]
name = "line"
baud = 9600
turnaround = "20 ms"
[[meter]]
name = "sdm"
bus = "line"
unit = 7
profile = "eastron-sdm630"
load = "36 kW"
[[meter]]
name = "state-grid"
bus = "line"
address = "002241020208"
profile = "dlt645-2007-three-phase"
load = "24 kW"
ct_ratio = "200/5"
start_import = "7502.64 kWh"
"""
SITE = """
[gateway]
id = "gw1"
cycle = "5 s"
province = "Jiangsu"
[[bus]]
name = "line"
port = "{port}"
line = "9600 8N1"
turnaround = "20 ms"
[[meter]]
name = "sdm"
bus = "line"
unit = 7
profile = "eastron-sdm630"
max_power = "100 kW"
[[meter]]
name = "state-grid"
bus = "line"
address = "002241020208"
profile = "dlt645-2007-three-phase"
ct_ratio = "200/5"
max_power = "100 kW"
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Intake"
role = "intake"
meter = "state-grid"
busbar = "LV1"
[[meter_point]]
name = "Mill"
role = "load"
meter = "sdm"
busbar = "LV1"
"""


@pytest.fixture
def emulator(tmp_path: Path) -> Emulator:
    """Return an emulator with a Modbus and a DL/T 645 meter on one bus, not yet started."""
    path = tmp_path / "emulator.toml"
    path.write_text(EMULATED)
    return Emulator(read_emulator_config(path, tmp_path), tmp_path / "truth.jsonl")


def site(home: Path, port: str) -> Path:
    """Write the site that belongs to the emulated bus."""
    (home / "gateway.toml").write_text(SITE.format(port=port))
    return home


def test_one_bus_two_protocols(emulator: Emulator, tmp_path: Path) -> None:
    """A sweep reads both meters without a fault; what the DL/T 645 meter shows is what it counted, cut at its step."""
    bus = emulator.buses[0]
    configuration = load(site(tmp_path, bus.path))
    outcomes: list[Reading | Fault] = []
    stopped = threading.Event()
    emulator.start()
    try:
        one = configuration.site.buses[0]
        poll = Poll(one, jobs_of(configuration.site, configuration.profiles, one), 5000)
        runner = BusRunner(poll, open_line(one), Clock(), outcomes.extend, one.name)
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
    assert {meter for meter, _ in found} == {"sdm", "state-grid"}
    power_w, volts = found["state-grid", "active_power_total"], found["state-grid", "voltage_l2_n"]
    assert power_w is not None and 20_000 <= power_w <= 28_000
    assert volts is not None and 200_000 <= volts <= 250_000
    shown_wh = found["state-grid", "energy_active_import"]
    step_wh = 10 * 200 // 5
    assert shown_wh is not None and shown_wh % step_wh == 0 and 0 <= shown_wh - (7_502_640 - step_wh) <= 2 * step_wh
    rows = [json.loads(row) for row in (tmp_path / "truth.jsonl").read_text().splitlines()]
    true_uwh = [row["true_uwh"] for row in rows if row.get("quantity") == "energy_active_import"]
    assert any(0 <= uwh - shown_wh * 10**6 < step_wh * 10**6 for uwh in true_uwh)
    assert all(one.quantity in QUANTITIES for one in outcomes if isinstance(one, Reading))


def test_read_shows_every_identifier(emulator: Emulator, tmp_path: Path) -> None:
    """`wattproof read`, by name or by number, asks everything that the profile knows, and tells what came."""
    site(tmp_path, emulator.buses[0].path)
    emulator.start()
    try:
        arguments = ["--lang", "en", "--home", str(tmp_path), "read"]
        told = CliRunner().invoke(main, [*arguments, "state-grid", "--json"])
        shown = CliRunner().invoke(main, [*arguments, "002241020208"])
    finally:
        emulator.stop()
    assert told.exit_code == shown.exit_code == 0, told.output + shown.output
    found = json.loads(told.output)
    assert all(one["fault"] is None and one["request_hex"].startswith("fe fe fe fe 68") for one in found["exchanges"])
    values = {one["quantity"]: one["value"] for one in found["readings"]}
    assert 49 < float(values["frequency"]) < 51
    assert "DI 0203FF00" in shown.output


def test_the_only_meter_tells_its_number(emulator: Emulator, tmp_path: Path) -> None:
    """The question with the wildcard address is answered with the number of the meter."""
    bus = load(site(tmp_path, emulator.buses[0].path)).site.buses[0]
    emulator.start()
    line = open_line(bus)
    try:
        assert ask_address(line, bus) == "002241020208"
    finally:
        line.close()
        emulator.stop()


def test_two_protocols_at_the_speed_and_parity_of_the_standard(tmp_path: Path) -> None:
    """On one pair of wires at 2400 8E1, a DL/T 645 and a Modbus meter answer in turn, each in its own frames."""
    path = tmp_path / "emulator.toml"
    path.write_text(EMULATED.replace("baud = 9600", "baud = 2400"))
    emulator = Emulator(read_emulator_config(path, tmp_path))
    (tmp_path / "gateway.toml").write_text(SITE.format(port=emulator.buses[0].path).replace("9600 8N1", "2400 8E1"))
    configuration = load(tmp_path)
    bus = configuration.site.buses[0]
    emulator.start()
    line = open_line(bus)
    try:
        asker = Asker(line, bus)
        for job in jobs_of(configuration.site, configuration.profiles, bus) * 2:
            answer = asker.ask_block(job.meter, job.blocks[0], job.profile.timeout_ms)
            assert answer.fault is None and answer.registers is not None
            assert len(answer.registers) == job.blocks[0].count
    finally:
        line.close()
        emulator.stop()


def test_what_is_not_there_is_refused(emulator: Emulator, tmp_path: Path) -> None:
    """An identifier that the profile does not know is refused; another number and a command get silence."""
    bus = load(site(tmp_path, emulator.buses[0].path)).site.buses[0]
    number = "fe 68 08 02 02 41 22 00 68"
    emulator.start()
    line = open_line(bus)
    try:
        refused, _ = line.exchange(bytes.fromhex(number + "11 04 33 33 3c 33 29 16"), 20, 10, 1500)
        silence, _ = line.exchange(bytes.fromhex(number + "16 04 cc cc cc cc 89 16"), 20, 10, 300)
    finally:
        line.close()
        emulator.stop()
    assert refused[8:10] == b"\xd1\x01"
    assert silence == b""
