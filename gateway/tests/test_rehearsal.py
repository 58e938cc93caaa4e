"""The budget of a bus: what sweeps cost when all meters answer, and what is left when the worst are dead."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.bus_plan import jobs_of, sweep_us
from gateway.cli import main
from gateway.config import Configuration, configuration_of
from gateway.core.meter.plan import Block, bus_us
from gateway.core.meter.poll import Job
from gateway.factors import factors_text
from gateway.profiles import profile_text
from gateway.rehearsal import rehearse, worst_dead

HEAD = """
[gateway]
id = "g"
province = "Jiangsu"
cycle = "{cycle}"
slow = "60 s"
[[bus]]
name = "a"
port = "/dev/ttyUSB0"
line = "9600 8N1"
[[busbar]]
name = "LV"
[[meter_point]]
name = "P1"
role = "load"
meter = "m1"
busbar = "LV"
"""
METER = """
[[meter]]
name = "m{number}"
bus = "a"
unit = {number}
profile = "{profile}"
max_power = "100 kW"
"""


def text_of(models: list[str], cycle: str = "5 s") -> str:
    """Return a site with a meter of each of *models*."""
    meters = [METER.format(number=number, profile=model) for number, model in enumerate(models, 1)]
    return HEAD.format(cycle=cycle) + "".join(meters)


def configured(models: list[str], cycle: str = "5 s") -> Configuration:
    """Return the configuration of that site."""
    texts = tuple((name, profile_text(name, Path())[0]) for name in sorted(set(models)))
    return configuration_of(text_of(models, cycle), factors_text(), texts)


def by_class(job: Job) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """Return the fast and the slow reads of a meter."""
    fast, slow = (
        tuple(block for block in job.blocks if {point.poll for point in block.points} == {poll})
        for poll in ("fast", "slow")
    )
    assert len(fast) + len(slow) == len(job.blocks)
    return fast, slow


def test_a_sweep_holds_all_fast_reads_and_its_share_of_slow_ones() -> None:
    """Eight SDM630 have a slow read each; twelve sweeps share them at 5 s, three at 20 s."""
    for cycle, share in (("5 s", 1), ("20 s", 3)):
        configuration = configured(["eastron-sdm630"] * 8, cycle)
        bus = configuration.site.buses[0]
        jobs = jobs_of(configuration.site, configuration.profiles, bus)
        fast, slow = by_class(jobs[0])
        assert [point.poll for block in slow for point in block.points] == ["slow"] * 3
        expected_us = 8 * bus_us(fast, 9600) + share * bus_us(slow, 9600)
        assert sweep_us(jobs, bus, configuration.site.slow_sweeps) == expected_us


def test_the_living_are_rehearsed_as_planned() -> None:
    """With no meter dead, all sweeps are made, and the bus is taken as long as fast and slow reads take on average."""
    configuration = configured(["eastron-sdm630"] * 8)
    bus = configuration.site.buses[0]
    jobs = jobs_of(configuration.site, configuration.profiles, bus)
    found = rehearse(bus, jobs, 5000, 12, ())
    fast, slow = by_class(jobs[0])
    planned_us = 8 * (bus_us(fast, 9600) + bus_us(slow, 9600) / 12)
    assert found.sweeps_percent == 100
    assert abs(found.taken_percent - planned_us / 50_000) < 1


def test_the_worst_are_those_with_the_longest_time_outs() -> None:
    """Three at most, and never all of a bus; the inverter's five seconds come before the meters' half and third."""
    configuration = configured(["eastron-sdm630", "huawei-sun2000", "eastron-sdm630", "acrel-adl3000"], "15 s")
    jobs = jobs_of(configuration.site, configuration.profiles, configuration.site.buses[0])
    assert worst_dead(jobs) == ("m2", "m4", "m1")
    assert worst_dead(jobs[:2]) == ("m2",)
    assert worst_dead(jobs[:1]) == ()


def test_check_tells_the_budget(tmp_path: Path) -> None:
    """`check` says how busy a bus is and how it does with three meters dead, for people and for programs."""
    (tmp_path / "gateway.toml").write_text(text_of(["eastron-sdm630"] * 8), encoding="utf-8")
    start = ["--lang", "en", "--home", str(tmp_path), "check"]
    done = CliRunner().invoke(main, start)
    assert done.exit_code == 0, done.output
    assert "m1, m2, m3 dead: " in done.output
    row = json.loads(CliRunner().invoke(main, [*start, "--json"]).stdout)["budget"][0]
    assert row["utilisation_percent"] == pytest.approx(row["sweep_ms"] / 50, abs=0.1)
    assert row["dead"]["meters"] == ["m1", "m2", "m3"]
    assert row["dead"]["sweeps_percent"] == 100
    assert row["dead"]["utilisation_percent"] < row["utilisation_percent"]


def test_check_refuses_what_does_not_fit(tmp_path: Path) -> None:
    """Twenty SDM630 need more than 5 s at 9600 Bd."""
    (tmp_path / "gateway.toml").write_text(text_of(["eastron-sdm630"] * 20), encoding="utf-8")
    done = CliRunner().invoke(main, ["--lang", "en", "--home", str(tmp_path), "check"])
    assert done.exit_code == 1 and "WP-CFG-036" in done.output


def test_check_refuses_what_dead_meters_would_stop(tmp_path: Path) -> None:
    """Where a single probe of a dead meter takes many cycles, the others are not read as often as they should be."""
    (tmp_path / "profiles").mkdir()
    patient = profile_text("eastron-sdm630", Path())[0].replace("timeout_ms = 300", "timeout_ms = 30000")
    (tmp_path / "profiles" / "patient.toml").write_text(patient.replace("eastron-sdm630", "patient"), encoding="utf-8")
    models = ["eastron-sdm630"] * 3 + ["patient"] * 3
    (tmp_path / "gateway.toml").write_text(text_of(models), encoding="utf-8")
    done = CliRunner().invoke(main, ["--lang", "en", "--home", str(tmp_path), "check"])
    assert done.exit_code == 1 and "WP-CFG-090 bus[0]: with m4, m5, m6 silent" in done.output, done.output
