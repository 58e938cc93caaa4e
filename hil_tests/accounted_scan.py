"""Scans of emulated cabinets on an AccountedLine: what is found, and how long the line is taken for it."""

from collections.abc import Sequence
from pathlib import Path

from gateway.asker import Asker
from gateway.commissioning.scan import LineReport, Scan, bus_of
from gateway.core.meter.profile import DeviceProfile
from gateway.profiles import all_profiles
from hil_tests.accounted_line import AccountedLine
from hil_tests.electrical import nature
from hil_tests.emulated_meter import EmulatedMeter

PROFILES = {profile.id: profile for profile in all_profiles(Path())[0]}
# Meters of a mixed cabinet: with signs of their own and without, by either function, and a SunSpec inverter.
MIXED = (
    "eastron-sdm630", "chint-dtsu666", "acrel-adl400", "abb-b23", "schneider-iem3155", "siemens-pac3200",
    "huawei-sun2000", "sunspec-103",
)  # fmt: skip


def meter(unit: int, profile: DeviceProfile) -> EmulatedMeter:
    """Return an emulated meter of this model."""
    quantities = {point.quantity for point in profile.points}
    kind = nature(
        f"scan/{unit}", 3 if "voltage_l2_n" in quantities else 1, source=False, start_import_wh=0, start_export_wh=0
    )
    return EmulatedMeter(f"m{unit}", unit, profile, kind, serial="123456")


def scanned(models: Sequence[str], turnaround_ms: int = 40) -> tuple[LineReport, AccountedLine]:
    """Scan the unit ids 1 to 32 at 9600 8N1, with these models from 1 on."""
    meters = [meter(unit, PROFILES[name]) for unit, name in enumerate(models, 1)]
    line = AccountedLine(meters, 9600, turnaround_ms)
    asker = Asker(line, bus_of("/dev/ttyACCOUNTED", "9600 8N1"))
    scan = Scan(asker, PROFILES.values(), 100, lambda text, thousandths: None, line.listen)
    return scan.run("9600 8N1", range(1, 33)), line
