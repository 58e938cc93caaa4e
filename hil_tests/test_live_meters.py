"""wattproof check --live: every configured meter is met, and held against its model and its serial number."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.tests.pty_meter import PtyMeter
from hil_tests.accounted_line import AccountedLine
from hil_tests.accounted_scan import PROFILES
from hil_tests.electrical import nature
from hil_tests.emulated_meter import EmulatedMeter

SITE = """
[gateway]
id = "gw-1"
province = "Jiangsu"
cycle = "30 s"
[[bus]]
name = "a"
port = "{port}"
[[meter]]
name = "m1"
bus = "a"
unit = {unit}
profile = "{profile}"
{serial}
max_power = "100 kW"
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Roof"
role = "generation"
origin = "solar"
meter = "m1"
busbar = "LV1"
"""


@contextmanager
def bus(model: str, serial: str) -> Iterator[str]:
    """Serve one meter of this model and serial number as unit 5; give the port."""
    kind = nature("live", 3, source=False, start_import_wh=0, start_export_wh=0)
    meter = EmulatedMeter("m", 5, PROFILES[model], kind, serial=serial)
    wires = AccountedLine([meter], 9600, 1)
    with PtyMeter(lambda question: [(0.0, wires.exchange(question, 0, 0, 1000)[0])]) as line:
        yield line.port


def check(home: Path, port: str, profile: str, serial: str, unit: int = 5) -> Result:
    """Write the site and check it live."""
    key = f'serial = "{serial}"' if serial else ""
    text = SITE.format(port=port, profile=profile, serial=key, unit=unit)
    (home / "gateway.toml").write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["--lang", "en", "--home", str(home), "check", "--live", "--json"])


@pytest.mark.parametrize("serial", ["HV2250123456", ""])
def test_a_meter_that_is_what_the_site_says(tmp_path: Path, serial: str) -> None:
    """Model and serial number agree, or no serial number is configured: exit 0, and both are shown."""
    with bus("huawei-sun2000", "HV2250123456") as port:
        result = check(tmp_path, port, "huawei-sun2000", serial)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["meters"] == [
        {"meter": "m1", "answers": True, "serial": "HV2250123456", "signature": True, "models": []}
    ]


def test_another_serial_number_is_a_problem(tmp_path: Path) -> None:
    """The meter was exchanged, or two unit ids were: both numbers are said."""
    with bus("huawei-sun2000", "HV2250999999") as port:
        result = check(tmp_path, port, "huawei-sun2000", "HV2250123456")
    (one,) = json.loads(result.stdout)["problems"]
    assert (result.exit_code, one["code"], one["where"]) == (1, "WP-BUS-057", "m1")
    assert "HV2250999999" in one["text"] and "HV2250123456" in one["text"]


def test_another_model_is_named_by_its_signature(tmp_path: Path) -> None:
    """The site says ABB B23, the signature is that of a B24."""
    with bus("abb-b24", "") as port:
        result = check(tmp_path, port, "abb-b23", "")
    problems = json.loads(result.stdout)["problems"]
    assert (result.exit_code, [one["code"] for one in problems]) == (1, ["WP-BUS-058"])
    assert "abb-b24" in problems[0]["text"]


def test_a_meter_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """Nobody answers at its unit id."""
    with bus("abb-b23", "") as port:
        result = check(tmp_path, port, "abb-b23", "", unit=6)
    assert [one["code"] for one in json.loads(result.stdout)["problems"]] == ["WP-BUS-056"]
