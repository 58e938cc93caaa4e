"""One meter on one port, only ever read: an emulated one, and the real one that the environment names."""

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.core.meter.dlt645 import READ, READ_1997, read_request
from hil_tests.emulated import ROOT, emulated
from hil_tests.hardware import EMULATED, REAL, RealMeter, real_meter
from hil_tests.sweeping import swept, write_site

CONFIG = """
[[bus]]
name = "line"
line = "19200 8N1"
[[meter]]
name = "sdm"
bus = "line"
unit = 7
profile = "eastron-sdm630"
load = "36 kW"
"""
SWEEPS = 4
# What a meter in use can show, from a direct single-phase one to one behind 35 kV transformers.
PLAUSIBLE = {"voltage_l1_n": (50, 30_000), "frequency": (45, 65), "power_factor_total": (-1, 1)}


@pytest.fixture(params=[EMULATED, REAL])
def meter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealMeter]:
    """Give the meter to read."""
    if request.param == REAL:
        yield real_meter()
    else:
        with emulated(tmp_path, CONFIG) as bus:
            yield RealMeter(bus.link(), "19200 8N1", "eastron-sdm630", "unit = 7")


def is_read(frame: bytes) -> bool:
    """Tell whether a question can change nothing in a meter."""
    if frame[0] < 0xFE:
        return frame[1] in (3, 4)
    return read_request(frame).control in (READ, READ_1997)


def test_the_meter_is_read_whole(meter: RealMeter, tmp_path: Path) -> None:
    """Every block of its profile is answered, and voltage, frequency and power factor are those of a grid."""
    write_site(tmp_path, meter.port, meter.line, {"m": (meter.asked_as, meter.profile, "")})
    command = [sys.executable, "-m", "gateway", "--home", str(tmp_path), "--lang", "en", "read", "m", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert [one["fault"] for one in read["exchanges"] if one["fault"]] == []
    values = {one["quantity"]: one["value"] for one in read["readings"]}
    assert values
    for quantity, (least, most) in PLAUSIBLE.items():
        assert least <= Decimal(values.get(quantity) or least) <= most, quantity


def test_sweeps_only_read_and_what_is_counted_only_grows(meter: RealMeter, tmp_path: Path) -> None:
    """In some sweeps every question is a read, at most one exchange in twenty fails, and no energy steps back."""
    write_site(tmp_path, meter.port, meter.line, {"m": (meter.asked_as, meter.profile, "")})
    outcomes, asked = swept(tmp_path, SWEEPS)
    assert asked and all(is_read(frame) for frame in asked)
    assert 20 * len(outcomes.faults) <= len(asked)
    for quantity in ("energy_active_import", "energy_active_export"):
        values = outcomes.values("m", quantity)
        assert values == sorted(values)
