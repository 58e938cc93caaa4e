"""The site of a simulated gateway: two meters on one bus, with three energy registers, and where they count."""

from functools import lru_cache
from pathlib import Path

from gateway.config import Configuration, configuration_of
from gateway.factors import factors_text
from hil_tests.simulator.bus import MOST_W, PLACES, WRAP

GATEWAY = "gw-1"
HOLD_S = 60
CYCLE_S = 60
IMPORT, EXPORT = PLACES
# name, unit, registers
METERS: tuple[tuple[str, int, tuple[str, ...]], ...] = (("m-intake", 1, (IMPORT, EXPORT)), ("m-roof", 2, (EXPORT,)))

_HEAD = """
id = "{name}"
maker = "Simulated"
model = "{name}"
kind = "three-phase meter"
status = "draft"
points = [
{points}]
[[evidence]]
source = "simulated"
page = "p. 1"
[serial]
default = "9600 8N1"
allowed = ["9600 8N1"]
units = [1, 247]
[modbus]
transport = ["rtu"]
function = 3
address = "zero-based"
words = "high-first"
max_registers = 80
windows = [{windows}]
timeout_ms = 300
gap_ms = 10
"""
_POINT = '{{ quantity = "{quantity}", at = {at}, type = "u32", unit = "Wh", counter = true, wrap = {wrap} }},\n'
_WINDOW = 16  # registers around each energy register that may be read with it

_SITE = """
[gateway]
id = "{gateway}"
park = "Simulated park"
interval = "{interval} min"
cycle = "{cycle} s"
hold = "{hold} s"
readings = "24 h"
gap = "{gap}"
province = "Jiangsu"
factor_sets = ["grid-2023"]
[self_use]
period = "24 h"
[uplink]
broker = "mqtt://127.0.0.1:1"
platform_key = "keys/platform.pub"
[[bus]]
name = "a"
port = "/dev/ttySIMULATED"
line = "9600 8N1"
[[busbar]]
name = "LV1"
"""
_METER = """
[[meter]]
name = "{name}"
bus = "a"
unit = {unit}
profile = "simulated-{unit}"
max_power = "{watts} W"
"""
_POINTS = (
    """
[[meter_point]]
name = "Intake"
role = "intake"
meter = "m-intake"
busbar = "LV1"
""",
    """
[[meter_point]]
name = "Roof"
role = "generation"
meter = "m-roof"
busbar = "LV1"
origin = "solar"
""",
)


def _profile(name: str, quantities: tuple[str, ...]) -> str:
    points = "".join(_POINT.format(quantity=one, at=PLACES[one], wrap=WRAP) for one in quantities)
    windows = ", ".join(f"[{PLACES[one]}, {PLACES[one] + _WINDOW - 1}]" for one in quantities)
    return _HEAD.format(name=name, points=points, windows=windows)


@lru_cache(maxsize=16)
def configuration(interval_min: int, gap: str, meters: int) -> Configuration:
    """Return the configuration of a gateway with intervals of so many minutes, and so many of the meters."""
    text = _SITE.format(gateway=GATEWAY, interval=interval_min, gap=gap, hold=HOLD_S, cycle=CYCLE_S)
    text += "".join(_METER.format(name=name, unit=unit, watts=MOST_W) for name, unit, _ in METERS[:meters])
    text += "".join(_POINTS[:meters])
    profiles = tuple((f"simulated-{unit}", _profile(f"simulated-{unit}", own)) for _, unit, own in METERS[:meters])
    return configuration_of(text, factors_text(Path("/nonexistent")), profiles)
