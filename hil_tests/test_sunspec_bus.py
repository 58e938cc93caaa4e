"""A SunSpec device whose models stand elsewhere than usual is read on an emulated bus, by command and in sweeps."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import device_profiles
from gateway.bus_plan import jobs_of
from gateway.clock import Clock
from gateway.config import load
from gateway.core.meter.poll import Poll
from gateway.core.reading import Fault, Reading
from gateway.line import line_of
from gateway.sweep import BusRunner
from hil_tests.test_commands_on_a_bus import SITE, wattproof
from hil_tests.test_emulator import ROOT

EMULATOR = """
value = "60 s"
step = "1 s"

[[bus]]
name = "line"
baud = 115200
link = "{link}"

[[meter]]
name = "pv"
bus = "line"
unit = 7
profile = "sunspec-103"
serial = "SN-4711"
role = "standalone"
load = "-20 kW"
start_export = "5000 kWh"
"""
USUAL, ELSEWHERE = "chain = [[1, 65], [103, 50]]", "chain = [[1, 66], [120, 26], [123, 24], [103, 50]]"


@contextmanager
def emulated_inverter(folder: Path) -> Iterator[str]:
    """Run an inverter whose models begin at 50000, two others before the one of its figures; give its port."""
    text = device_profiles.text("sunspec-103")
    assert USUAL in text
    (folder / "profiles").mkdir()
    moved = text.replace(USUAL, ELSEWHERE).replace("bases = [40000, 50000, 0]", "bases = [50000]")
    (folder / "profiles" / "sunspec-103.toml").write_text(moved, encoding="utf-8")
    config = folder / "emulator.toml"
    config.write_text(EMULATOR.format(link=folder / "line.tty"), encoding="utf-8")
    command = [sys.executable, "-m", "hil_tests.emulator", str(config)]
    command += ["--truth", str(folder / "truth.jsonl"), "--home", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        bus = json.loads(process.stdout.readline())
        assert json.loads(process.stdout.readline()) == {"ready": True}
        yield bus["link"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


def site(home: Path, link: str, serial: str) -> None:
    """Write the site of one inverter that is known by its shipped profile, with the usual chain."""
    home.mkdir()
    text = SITE % link
    only = text.replace('profile = "eastron-sdm630"', 'profile = "sunspec-103"\nserial = "%s"' % serial, 1)
    begin, end = only.index('[[meter]]\nname = "m-gone"'), only.index("[[busbar]]")
    only = (only[:begin] + only[end:]).replace('role = "intake"', 'role = "generation"\norigin = "pv"')
    (home / "gateway.toml").write_text(only, encoding="utf-8")


def swept(home: Path, wanted: int) -> list[Reading | Fault]:
    """Sweep the bus of the site as the daemon does, until *wanted* outcomes have come, and return them."""
    configuration = load(home)
    (bus,) = configuration.site.buses
    line = line_of(bus)
    line.open()
    outcomes: list[Reading | Fault] = []
    stopped = threading.Event()

    def deliver(found: Sequence[Reading | Fault]) -> None:
        outcomes.extend(found)
        if len(outcomes) >= wanted:
            stopped.set()

    poll = Poll(bus, jobs_of(configuration.site, configuration.profiles, bus), 1000)
    BusRunner(poll, line, Clock(), deliver, bus.name).run(stopped)
    return outcomes


def test_the_models_are_found_where_they_are(tmp_path: Path) -> None:
    """Read and sweep show the inverter's figures, though its models stand at other registers than the profile says."""
    home = tmp_path / "site"
    with emulated_inverter(tmp_path) as link:
        site(home, link, "SN-4711")
        done = wattproof(home, "read", "m-sdm", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        values = {one["quantity"]: one["value"] for one in json.loads(done.stdout)["readings"]}
        assert values["serial_number"] == "SN-4711"
        assert 15_000 < Decimal(values["active_power_total"]) < 25_000
        assert 5000 <= Decimal(values["energy_active_export"]) < 5010

        outcomes = swept(home, 20)
        readings = {one.quantity: one.value for one in outcomes if isinstance(one, Reading)}
        assert -25_000 < (readings["active_power_total"] or 0) < -15_000
        assert 5_000_000 <= (readings["energy_active_export"] or 0) < 5_010_000
        # Nothing is at 40000, which the device says by a refusal.
        assert {one.kind for one in outcomes if isinstance(one, Fault)} <= {"exception"}


def test_another_device_at_the_same_unit_is_not_believed(tmp_path: Path) -> None:
    """The serial number stands in the common model that the walk found; another one gives no reading."""
    home = tmp_path / "site"
    with emulated_inverter(tmp_path) as link:
        site(home, link, "SN-4712")
        outcomes = swept(home, 3)
        assert {one.kind for one in outcomes if isinstance(one, Fault)} == {"exception", "serial"}
        assert not [one for one in outcomes if isinstance(one, Reading)]
