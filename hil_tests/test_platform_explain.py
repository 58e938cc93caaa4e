"""Explaining on the platform: from the report's tonnes down to the words that a gateway read, and up again."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cloud_sync.platform.cli import main
from gateway.evidence import JournalEvidence
from gateway.explanation import Explanation
from gateway.figures import PARK_TIME
from gateway.questions import tally_answer
from gateway.tests.small_park import SmallPark
from hil_tests.platform_home import platform_home

STEP_S = 900
FIRST_S = int(datetime(2026, 11, 30, 22, tzinfo=PARK_TIME).timestamp())
AMOUNTS = ("wh", "green_wh", "carbon_ug")
SET = "NDRC910-trial"
MOMENT = "2026-11-30T22:50"
Plain = dict[str, Any]


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPark]:
    """Four hours over the end of a month, with late truth about the mill."""
    park = SmallPark(tmp_path_factory.mktemp("park"))
    for number in range(17):
        park.silent = {"m-mill"} if number in (6, 7) else set()
        park.read_at(FIRST_S + number * STEP_S)
        if park.silent:
            park.read_at(FIRST_S + number * STEP_S + 61)  # the hold time is over: closed without it
        park.count("m-intake", "energy_active_import", 10_000 + 700 * number)
        park.count("m-roof", "energy_active_export", 900)
        park.count("m-mill", "energy_active_import", 400 + 10 * number)
        park.count("m-battery", "energy_active_import", 40 * (number % 3))
        park.count("m-battery", "energy_active_export", 30 * (number % 2))
    yield park
    park.close()


@pytest.fixture(scope="module")
def home(park: SmallPark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of a platform that took every batch of the park."""
    return platform_home(tmp_path_factory.mktemp("platform"), park)


def call(home: Path, *arguments: str, lang: str = "en") -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["--home", str(home), "--lang", lang, *arguments])


def explain(home: Path, *arguments: str) -> Plain:
    """Return what `explain --json` says."""
    result = call(home, "explain", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: Plain = json.loads(result.stdout)
    return found


def counted(park: SmallPark, name: str, method: str = "flow") -> dict[str, Plain]:
    """Return by day what the gateway itself tallies of a meter point."""
    days = {day: tally_answer(park.journal, day)["tallies"] for day in ("2026-11-30", "2026-12-01")}
    wanted = (name, method, SET)
    return {
        day: next(one for one in rows if (one["meter_point"], one["method"], one["factor_set"]) == wanted)
        for day, rows in days.items()
    }


@pytest.mark.parametrize("method", ["flow", "688-hourly"])
def test_a_year_is_the_sum_of_what_the_gateway_tallied_level_by_level(home: Path, park: SmallPark, method: str) -> None:
    """Year, months, days and intervals of the ledger add up without a remainder to the gateway's own days."""
    own = counted(park, "Mill", method)
    year = explain(home, "2026", "--point", "Mill", "--method", method)
    assert [year[key] for key in AMOUNTS] == [sum(one[key] for one in own.values()) for key in AMOUNTS]
    assert [one["when"] for one in year["parts"]] == ["2026-11", "2026-12"]
    for month in year["parts"]:
        one = explain(home, month["when"], "--point", "Mill", "--method", method)
        (day,) = one["parts"]
        intervals = explain(home, day["when"], "--point", "Mill", "--method", method)
        assert [one[key] for key in AMOUNTS] == [own[day["when"]][key] for key in AMOUNTS]
        assert len(intervals["parts"]) == (8 if method == "flow" else 2)
        for level in (year, one, intervals):
            assert [level[key] for key in AMOUNTS] == [sum(part[key] for part in level["parts"]) for key in AMOUNTS]
            assert level["difference"] == dict.fromkeys(AMOUNTS, 0)
        for part in intervals["parts"]:
            at = datetime.fromtimestamp(part["start_s"], PARK_TIME).isoformat()
            figure = explain(home, at, "--point", "Mill", "--method", method)
            assert [figure[key] for key in AMOUNTS] == [part[key] for key in AMOUNTS]
            assert figure["entry"] == part["entry"]
            assert sum(origin["carbon_ug"] for origin in figure["origins"]) == figure["carbon_ug"]


def test_the_tonnes_of_the_report_are_the_sum_of_its_consumers(home: Path) -> None:
    """The report's tonnes by method and set are what `explain` of the year starts with."""
    report = json.loads(call(home, "report", "2026", "--json").stdout)
    (table,) = [one for one in report["sections"]["electricity"]["tables"] if one["id"] == "traced"]
    (basis,) = [one["rows"] for one in report["sections"]["basis"]["tables"] if one["id"] == "basis"]
    for method in ("flow", "688-hourly"):
        (base,) = explain(home, "2026", "--method", method)["basis"]
        which = "gw-test, %s, entries %d to %d (%d)" % (method, *base["entries"].values())
        assert [which, "config:%s; %s" % (base["configuration"], " ".join(base["switches"]))] in basis
        (row,) = [one for one in table["rows"] if one[:2] == [method, SET]]
        year = explain(home, "2026", "--method", method)
        assert row[4] == "%.3f" % (year["carbon_ug"] / 10**12)
        assert {one["meter_point"] for one in year["parts"]} >= {"Mill"}
        assert year["carbon_ug"] == sum(part["carbon_ug"] for part in year["parts"]) > 0


def test_an_interval_is_explained_as_the_gateway_explains_it(home: Path, park: SmallPark) -> None:
    """Down to registers, words, factors, basis and configuration both say the same; here there is a receipt too."""
    at_s = int(datetime.fromisoformat(MOMENT).replace(tzinfo=PARK_TIME).timestamp())
    evidence = Explanation(JournalEvidence("gw-test", park.journal))
    for method in ("flow", "688-hourly"):
        mine = json.loads(json.dumps(evidence.figure("Mill", at_s, method, SET)))
        told = explain(home, MOMENT, "--point", "Mill", "--method", method)
        sums = told.pop("part_of")
        assert told == {**mine, "receipted": True} and told["batch"]
        years = explain(home, "2026", "--point", "Mill", "--method", method)
        assert [one["when"] for one in sums] == ["2026-11-30", "2026-11", "2026"]
        assert sums[2]["carbon_ug"] == years["carbon_ug"]


def test_one_command_walks_from_the_tonne_to_the_words(home: Path, park: SmallPark) -> None:
    """With --down every level is the largest part of the one above, and the last one has the words read at its ends."""
    levels = explain(home, "2026", "--down")["levels"]
    assert [level.get("when", "interval") for level in levels] == [
        "2026", "2026", levels[2]["when"], levels[3]["when"], "interval"
    ]  # fmt: skip
    for above, below in zip(levels, levels[1:], strict=False):
        assert below["carbon_ug"] == max(part["carbon_ug"] for part in above["parts"])
    registers = [one for energy in levels[-1]["intervals"][0]["energies"] for one in energy["registers"]]
    assert {one["meter"] for one in registers} == {"m-intake", "m-roof", "m-mill", "m-battery"}
    assert all(one["start"]["words"] and one["end"]["words"] for one in registers)
    assert levels[-1]["entry"] in levels[-1]["basis"]["entries"]
    text = call(home, "explain", "2026", "--down").stdout
    assert text.count("add up to it exactly") == 4 and registers[0]["end"]["words"][0] in text
    assert "加和" in call(home, "explain", "2026", "--down", lang="zh").stdout


def test_a_meter_leads_up_to_the_year(home: Path) -> None:
    """From the mill's registers to its tallies, their day, month and year, and to the hour of the self-use rule."""
    up = explain(home, MOMENT, "--meter", "m-mill")
    assert {one["quantity"] for one in up["registers"]} == {"energy_active_import", "energy_active_export"}
    mill = next(one for one in up["tallies"] if (one["meter_point"], one["factor_set"]) == ("Mill", SET))
    year = explain(home, "2026", "--point", "Mill")
    assert mill["part_of"][2] == {"when": "2026", **{key: year[key] for key in AMOUNTS}}
    (hour,) = up["self_use"]
    own = next(one for one in hour["tallies"] if (one["meter_point"], one["factor_set"]) == ("Mill", SET))
    hours = explain(home, "2026", "--point", "Mill", "--method", "688-hourly")
    assert own["part_of"][2]["carbon_ug"] == hours["carbon_ug"]
    text = call(home, "explain", MOMENT, "--meter", "m-mill").stdout
    assert "2026: %d.%06d kg" % divmod(year["carbon_ug"] // 1000, 10**6) in " ".join(text.split())


def test_what_does_not_add_up_is_said(home: Path, tmp_path: Path) -> None:
    """A changed row of the tables differs from the records of its day by just that, with exit code 1."""
    for name in ("platform.toml", "ledger.sqlite"):
        (tmp_path / name).write_bytes((home / name).read_bytes())
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute(
            "UPDATE tally SET carbon_ug = carbon_ug + 5 WHERE meter_point = 'Mill' AND method = 'flow' AND start_s = ?"
            " AND factor_set = ?", (FIRST_S, SET),
        )  # fmt: skip
    result = call(tmp_path, "explain", "2026-11-30", "--point", "Mill", "--json")
    assert result.exit_code == 1 and "WP-EXP-060" in result.stderr
    assert json.loads(result.stdout)["difference"]["carbon_ug"] == 5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("2026", "--gateway", "gw-none"), "WP-EXP-062"),
        (("2025",), "WP-EXP-063"),
        (("2026", "--point", "Nowhere"), "WP-EXP-063"),
        (("2026-11-30Tnoon", "--point", "Mill"), "WP-EXP-064"),
        (("soon",), "WP-PLT-075"),
        (("2026-11-30T03:00", "--point", "Mill"), "WP-ACC-123"),
        (("2026-11-30T03:00", "--meter", "m-mill"), "WP-ACC-062"),
    ],
)
def test_what_cannot_be_explained_is_a_message(home: Path, words: tuple[str, ...], code: str) -> None:
    """Unknown gateways, points, times and years without a figure end with a problem, not a traceback."""
    result = call(home, "explain", *words)
    assert result.exit_code == 1 and code in result.stderr
