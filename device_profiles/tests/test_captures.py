"""Every exchange with a real meter that is kept beside the profiles decodes to what its source says it means."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import device_profiles
from gateway.cli.meter_commands import decoded
from gateway.core.meter.profile import NO_RATIOS, DeviceProfile
from gateway.core.reading import EXCEPTION
from gateway.profiles import load_profile

FOLDER = Path(device_profiles.__file__).parent / "captures"
# Exchanges that need no profile, because the standard itself says what they mean, are tested beside.
FILES = sorted(file for file in FOLDER.glob("*.jsonl") if file.stem != "dlt645")
CAPTURES = [json.loads(line) for file in FILES for line in file.read_text(encoding="utf-8").splitlines()]
# Sources print floats to seven digits or so, cut or rounded; we give the shortest decimal of the same float.
FLOAT_STEP = Decimal("1e-6")

Ratios = tuple[tuple[int, int], tuple[int, int]]


def ratios_of(context: dict[str, Any]) -> Ratios:
    """Return the transformer ratios of an installation."""
    ct = Decimal(str(context.get("ct_ratio", 1))).as_integer_ratio()
    vt = Decimal(str(context.get("pt_ratio", 1))).as_integer_ratio()
    return (ct, vt)


def shown(capture: dict[str, Any], profile: DeviceProfile, ratios: Ratios) -> dict[str, Any]:
    """Return what `wattproof decode` says about the exchange."""
    request, response = bytes.fromhex(capture["request_hex"]), bytes.fromhex(capture["response_hex"])
    return decoded(profile, request, response, ratios)


def is_float(profile: DeviceProfile, name: str) -> bool:
    """Tell whether the meter sends *name* as a float."""
    return any(point.name == name and point.type in ("f32", "f64") for point in profile.points)


@pytest.mark.parametrize("capture", CAPTURES, ids=[capture["id"] for capture in CAPTURES])
def test_a_captured_exchange_means_what_its_source_says(capture: dict[str, Any]) -> None:
    """Quantity, value and unit of every expected figure come out, at the side for which it is stated."""
    profile = load_profile(capture["profile"], FOLDER)
    for wanted in capture["expected"]:
        primary = wanted.get("side") == "primary"
        result = shown(capture, profile, ratios_of(capture.get("context", {})) if primary else NO_RATIOS)
        if wanted["quantity"] == "modbus_exception":
            assert result["fault"] == {"kind": EXCEPTION, "detail": str(wanted["value"])}
            continue
        assert result["fault"] is None
        found = [one for one in result["readings"] if one["quantity"] == wanted["quantity"]]
        assert len(found) == 1, wanted["quantity"]
        assert found[0]["unit"] == (wanted["unit"] or "")
        value, expected = found[0]["value"], wanted["value"]
        if expected is None or isinstance(expected, str):
            assert value == expected
        else:
            exact = Decimal(str(expected))
            allowed = abs(exact) * FLOAT_STEP if is_float(profile, wanted["quantity"]) else Decimal(0)
            assert abs(Decimal(value) - exact) <= allowed, wanted["quantity"]


def test_each_file_of_captures_belongs_to_its_profile() -> None:
    """A file of captures bears the id of the profile that decodes it, and ids are not given twice."""
    for file in FILES:
        assert file.stem in device_profiles.names()
        for line in file.read_text(encoding="utf-8").splitlines():
            assert json.loads(line)["profile"] == file.stem
    assert len({capture["id"] for capture in CAPTURES}) == len(CAPTURES)
