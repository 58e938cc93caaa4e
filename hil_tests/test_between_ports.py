"""Emulated meters on one serial port and the gateway on another: a joint of pseudo-terminals, and two real adapters."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.emulated import ROOT, emulated
from hil_tests.hardware import EMULATED, REAL, Ports, joined_terminals, two_adapters
from hil_tests.sweeping import swept, write_site
from hil_tests.truth import Truth

CONFIG = """
value = "60 s"
step = "1 s"
[[bus]]
name = "line"
line = "{line}"
port = "{port}"
[[meter]]
name = "sdm"
bus = "line"
unit = 7
profile = "eastron-sdm630"
load = "36 kW"
start_import = "1234.56 kWh"
[[meter]]
name = "chint"
bus = "line"
unit = 8
profile = "chint-dtsu666"
load = "-7200 W"
ct_ratio = "200/5"
[[meter]]
name = "state-grid"
bus = "line"
address = "002241020208"
profile = "dlt645-2007-three-phase"
load = "24 kW"
{more}
"""
METERS = {
    "sdm": ("unit = 7", "eastron-sdm630", ""),
    "chint": ("unit = 8", "chint-dtsu666", 'ct_ratio = "200/5"'),
    "state-grid": ('address = "002241020208"', "dlt645-2007-three-phase", ""),
}
SWEEPS = 3


@pytest.fixture(params=[EMULATED, REAL])
def ports(request: pytest.FixtureRequest) -> Iterator[Ports]:
    """Give the two ends of a line."""
    if request.param == REAL:
        yield two_adapters()
    else:
        with joined_terminals() as joined:
            yield joined


def test_a_scan_finds_the_meters_over_the_wire(ports: Ports, tmp_path: Path) -> None:
    """Both Modbus meters are found at their units, and nothing else between them."""
    with emulated(tmp_path, CONFIG.format(port=ports.meters, line=ports.line, more="")):
        command = [sys.executable, "-m", "gateway", "--home", str(tmp_path), "--lang", "en", "scan", ports.gateway]
        command += ["--line", ports.line, "--units", "6-9", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = json.loads(done.stdout)["lines"]
    assert {one["unit"] for one in line["found"] if one["unit"]} == {7, 8}


def test_sweeps_over_the_wire_read_what_the_meters_show(ports: Ports, tmp_path: Path) -> None:
    """Three meters of two protocols: no fault, powers as they are, every energy register as its meter showed it."""
    with emulated(
        tmp_path,
        CONFIG.format(port=ports.meters, line=ports.line, more=""),
        "--truth",
        str(tmp_path / "truth.jsonl"),
    ):
        write_site(tmp_path, ports.gateway, ports.line, METERS)
        outcomes, _ = swept(tmp_path, SWEEPS)
    assert outcomes.faults == []
    assert set(outcomes.values("sdm", "active_power_total")) == {36_000}
    assert set(outcomes.values("chint", "active_power_total")) == {-7200}
    assert set(outcomes.values("state-grid", "active_power_total")) == {24_000}
    truth = Truth.load(tmp_path / "truth.jsonl")
    for meter in METERS:
        shown = [sample.words for sample in truth.samples(meter, "energy_active_import")]
        read = outcomes.words(meter, "energy_active_import")
        assert len(read) >= SWEEPS and read == [words for words in shown if words in read][: len(read)]


def test_no_wrong_value_comes_over_a_bad_wire(ports: Ports, tmp_path: Path) -> None:
    """With every third answer spoilt, in five ways, what is accepted is what the meters showed, or nothing."""
    kinds = ("crc", "wrong-unit", "wrong-function", "short", "long")
    faults = "".join(f'[[fault]]\nkind = "{kind}"\nquestion = {3 * n}\n' for n, kind in enumerate(kinds, 1))
    with emulated(tmp_path, CONFIG.format(port=ports.meters, line=ports.line, more=faults)) as bus:
        modbus = {name: METERS[name] for name in ("sdm", "chint")}
        write_site(tmp_path, ports.gateway, ports.line, modbus)
        outcomes, _ = swept(tmp_path, 2)
    assert bus.counts["line"]["faults"] == len(kinds) and outcomes.faults
    assert set(outcomes.values("sdm", "active_power_total")) <= {36_000}
    assert set(outcomes.values("chint", "active_power_total")) <= {-7200}


def test_a_real_port_that_goes_away_is_told(tmp_path: Path) -> None:
    """The emulator ends with 1 and says which port is gone, and a port that is not there is told at once."""
    with joined_terminals() as joined:
        process = started(tmp_path, joined.meters)
        try:
            assert process.stdout is not None
            while "ready" not in process.stdout.readline():
                assert process.poll() is None
        except BaseException:
            process.kill()
            raise
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and said.startswith("WP-EMU-022 line") and "Traceback" not in said
    process = started(tmp_path, "/dev/no-such-port")
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and "/dev/no-such-port" in said and "Traceback" not in said


def started(home: Path, port: str) -> "subprocess.Popen[str]":
    """Start an emulator that may fail."""
    path = home / "emulator.toml"
    path.write_text(CONFIG.format(port=port, line="9600 8N1", more=""), encoding="utf-8")
    command = [sys.executable, "-m", "hil_tests.emulator", str(path), "--home", str(home)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env={**os.environ, "LANG": "C"})
