"""wattproof wiring against emulated meters that are connected wrongly."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.core.meter.modbus import read_request
from gateway.profiles import load_profile
from gateway.tests.pty_meter import PtyMeter, registers_answer
from hil_tests.electrical import nature
from hil_tests.emulated_park import Sample
from hil_tests.miswired_meter import MiswiredMeter

SITE = """
[gateway]
id = "gw-1"
province = "Jiangsu"
[[bus]]
name = "a"
port = "{port}"
[[meter]]
name = "m1"
bus = "a"
unit = 5
profile = "eastron-sdm630"
max_power = "100 kW"
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Mill"
role = "{role}"
meter = "m1"
busbar = "LV1"
{origin}
"""

TAKING = Sample(0, 7, 36_000, 10_000_000, 0, 0)
GIVING = Sample(0, 7, -36_000, 0, 10_000_000, 0)


@contextmanager
def served(home: Path, sample: Sample, role: str = "load", **wires: Any) -> Iterator[PtyMeter]:
    """Serve one meter with these wires on a pseudo-terminal, as the meter m1 of a site in *home*."""
    kind = nature("wiring", 3, source=sample.power_w < 0, start_import_wh=0, start_export_wh=0)
    meter = MiswiredMeter(5, load_profile("eastron-sdm630", home), kind, **wires)
    words = meter.shown_words(sample)

    def respond(question: bytes) -> list[tuple[float, bytes]]:
        asked = read_request(question)
        return [(0.0, registers_answer(question, lambda address: words.get((asked.function, address), 0)))]

    with PtyMeter(respond) as line:
        origin = 'origin = "solar"' if role == "generation" else ""
        (home / "gateway.toml").write_text(SITE.format(port=line.port, role=role, origin=origin), encoding="utf-8")
        yield line


def call(home: Path, *arguments: str, lang: str = "en") -> Result:
    """Call wattproof wiring on the meter, without watching its energies."""
    command = ["--lang", lang, "--home", str(home), "wiring", "m1", "--watch", "0", *arguments]
    return CliRunner().invoke(main, command)


@pytest.mark.parametrize(
    ("wires", "kind", "phases"),
    [
        ({"turned": ("l2",)}, "ct-reversed", ["l2"]),
        ({"currents": ("l2", "l1", "l3")}, "phases-exchanged", ["l1", "l2"]),
        ({"voltages": ("l1", "l3", "l2")}, "phases-exchanged", ["l2", "l3"]),
        ({"currents": ("l2", "l3", "l1")}, "phases-exchanged", ["l1", "l2", "l3"]),
        ({"turned": ("l1", "l2", "l3")}, "direction", ["l1", "l2", "l3"]),
    ],
    ids=["CT turned", "currents exchanged", "voltages exchanged", "moved on", "all turned"],
)
def test_a_miswired_meter_is_seen_through_its_registers(
    tmp_path: Path, wires: dict[str, Any], kind: str, phases: list[str]
) -> None:
    """The fault is found from what the meter answers; only reads were sent."""
    with served(tmp_path, TAKING, **wires) as line:
        result = call(tmp_path, "--json")
        assert {question[1] for question in line.questions} <= {3, 4}
    assert result.exit_code == 1, result.output
    assert [(one["kind"], one["phases"]) for one in json.loads(result.stdout)["findings"]] == [(kind, phases)]


@pytest.mark.parametrize(("sample", "role"), [(TAKING, "load"), (GIVING, "generation"), (GIVING, "intake")])
def test_a_meter_that_is_wired_right_has_no_findings(tmp_path: Path, sample: Sample, role: str) -> None:
    """Loads that take, plants and intakes that give: exit 0, and the numbers are there to judge by."""
    with served(tmp_path, sample, role):
        result = call(tmp_path, "--json")
    assert result.exit_code == 0, result.output
    seen = json.loads(result.stdout)
    assert (seen["role"], seen["findings"], sorted(seen["angles_deg"])) == (role, [], ["l1", "l2", "l3"])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_preview_fits_a_terminal(tmp_path: Path, lang: str) -> None:
    """Table and findings keep to 80 columns, in both languages, with what a clamp showed beside them."""
    with served(tmp_path, TAKING, turned=("l2",)):
        result = call(tmp_path, "--clamp", "L1=400", lang=lang)
    assert result.exit_code == 1
    assert "WP-BUS-046" in result.stdout and "WP-BUS-052" in result.stdout and "CT L2" in result.stdout
    assert max(sum(2 if ord(sign) > 0x2E7F else 1 for sign in line) for line in result.stdout.splitlines()) <= 80


def test_the_clamp_must_be_phase_and_amperes(tmp_path: Path) -> None:
    """Anything else is wrong usage."""
    for wrong in ("L4=3", "L1", "L1=-2", "L1=nan"):
        assert call(tmp_path, "--clamp", wrong).exit_code == 2


def test_energy_that_moves_is_watched(tmp_path: Path) -> None:
    """On a plant whose import register grows, that is a finding with the numbers, as soon as it moved."""
    kind = nature("wiring", 3, source=True, start_import_wh=0, start_export_wh=0)
    meter = MiswiredMeter(5, load_profile("eastron-sdm630", tmp_path), kind)
    asked = 0

    def respond(question: bytes) -> list[tuple[float, bytes]]:
        nonlocal asked
        asked += 1
        words = meter.shown_words(GIVING._replace(import_mj=GIVING.import_mj + 500_000_000 * asked))
        function = read_request(question).function
        return [(0.0, registers_answer(question, lambda address: words.get((function, address), 0)))]

    with served(tmp_path, GIVING, "generation"), PtyMeter(respond) as line:
        text = SITE.format(port=line.port, role="generation", origin='origin = "solar"')
        (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
        result = call(tmp_path, "--json", "--watch", "30")
    seen = json.loads(result.stdout)
    assert [one["kind"] for one in seen["findings"]] == ["energy-direction"]
    assert seen["watched"]["import_wh"] > 0 and seen["watched"]["export_wh"] == 0
