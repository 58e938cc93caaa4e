"""A park of several gateways as people see it: park.toml, the commands, the page's figures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from cloud_sync.platform.cli import main
from cloud_sync.platform.composer import Composer
from cloud_sync.platform.park import Opening, ParkPlan, read_parks
from cloud_sync.platform.web import create_app
from cloud_sync.tests.conftest import Platform, signer_of
from cloud_sync.tests.gateways import Gateway
from cloud_sync.tests.two_cabinets import PARTS, START_S, STEP_S, closed_by, configuration, energies, in_one
from gateway.core.problem import ProblemError

PARK = """
[[park]]
name = "demo"
gateways = ["gw-2", "gw-1"]
"""


def composed(platform: Platform, *steps: tuple[str, int]) -> Composer:
    """Let the gateways close *steps*, and compose them as a running platform does."""
    (platform.home / "park.toml").write_text(PARK)
    composer = Composer(platform.home, platform.ledger)
    gateways = {name: Gateway(name, signer_of(platform.home, name)) for name in PARTS}
    for name, gateway in gateways.items():
        platform.receipted(name, gateway.send(configuration(name)))
    for name, step in steps:
        platform.receipted(name, gateways[name].send(*closed_by(name, step)))
    while composer.step():
        pass
    return composer


@pytest.fixture
def partial(platform: Platform) -> Iterator[TestClient]:
    """The page of a park of which the newest interval lacks gw-2."""
    composed(platform, ("gw-1", 0), ("gw-2", 0), ("gw-1", 1))
    yield TestClient(create_app(platform.ledger, now=lambda: START_S + 2 * STEP_S))


def ask(client: TestClient, path: str, **parameters: str) -> Any:
    """Return the JSON of *path* for the park."""
    answer = client.get("/api/v1/" + path, params={"gateway": "park/demo", **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def call(home: Path, *arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed."""
    (home / "platform.toml").write_text("[platform]\n")
    result = CliRunner().invoke(main, ["--home", str(home), "--lang", "en", *arguments])
    return result.exit_code, result.output


def test_the_park_stands_among_the_gateways(partial: TestClient) -> None:
    """It can be chosen like one; the overview names its gateways, and which of them the newest interval lacks."""
    overview = ask(partial, "overview")
    assert overview["gateways"] == ["gw-1", "gw-2", "park/demo"]
    assert (overview["park"], overview["province"]) == ("Two cabinets", "Jiangsu")
    assert overview["interval"]["start_s"] == START_S + STEP_S
    assert overview["interval"]["complete_ppm"] == 5_000_000 // 9  # five of nine meter points were read
    assert overview["composed"]["gateways"] == ["gw-1", "gw-2"]
    assert (overview["composed"]["newest"]["state"], overview["composed"]["newest"]["missing"]) == ("partial", ["gw-2"])
    assert overview["chain"]["state"] == "whole" and overview["chain"]["entries"] == 8
    assert [one["gateway"] for one in ask(partial, "gateways")["gateways"]] == ["gw-1", "gw-2"]


def test_every_figure_of_the_page_is_there_for_the_park(partial: TestClient) -> None:
    """Flow, tallies and balance are those of the whole park; each route answers for it."""
    expected = in_one(2, {1: "gw-2"})
    flow = ask(partial, "flow", period="day")
    fed = sum(row.wh for one in expected for row in one.allocations)
    kept = sum(row.wh for one in expected for row in one.residuals)
    assert sum(link["wh"] for link in flow["links"]) == fed + kept
    tallies = ask(partial, "tallies", period="day", factor_set="grid-2023")
    mill = next(load for load in tallies["loads"] if load["meter_point"] == "gw-1/Mill")
    own = [
        tally for one in expected for tally in one.tallies
        if (tally.meter_point, tally.factor_set) == ("gw-1/Mill", "grid-2023")
    ]  # fmt: skip
    assert (mill["wh"], mill["green_wh"], mill["carbon_ug"]) == tuple(
        sum(getattr(tally, name) for tally in own) for name in ("wh", "green_wh", "carbon_ug")
    )
    for path in ("summary", "live", "curve", "storage", "residuals", "completeness", "self-use", "intervals"):
        assert ask(partial, path)["now_s"] == START_S + 2 * STEP_S
    day = ask(partial, "composed")
    assert (day["whole"], day["partial"], day["refused"]) == (1, 1, 0)
    assert [one["missing"] for one in day["periods"]] == [["gw-2"]]


def test_commands_show_the_park(platform: Platform) -> None:
    """`park` and `show` say what is composed of it, and what its meter points counted."""
    composed(platform, ("gw-1", 0), ("gw-2", 0), ("gw-1", 1))
    code, text = call(platform.home, "park")
    assert code == 0 and "Park park/demo of gw-1, gw-2" in text
    assert "1 periods whole, 1 with a gateway missing, 0 refused" in text and "without gw-2" in text
    code, text = call(platform.home, "show", "--json")
    [park] = json.loads(text)["parks"]
    assert park["periods"]["whole"] == 1 and park["newest"]["missing"] == ["gw-2"]
    mills = [row for row in park["energy"] if row["meter_point"] == "gw-2/Mill"]
    assert [row["import_wh"] for row in mills] == [energies("gw-2", 0)[0].import_wh]
    (platform.home / "park.toml").unlink()
    assert "park.toml says otherwise by now" in call(platform.home, "park")[1]


def test_a_changed_park_file_is_taken_over_and_a_broken_one_is_not(platform: Platform) -> None:
    """The platform composes by the file of now; what it cannot read leaves the parks as they were."""
    composer = composed(platform, ("gw-1", 0), ("gw-2", 0))
    path = platform.home / "park.toml"
    path.write_text("[[park]]\nname = 7\n")
    assert not composer.step() and platform.ledger.read("SELECT name FROM park")[0]["name"] == "demo"
    path.write_text(PARK.replace("demo", "other"))
    while composer.step():
        pass
    names = platform.ledger.read("SELECT DISTINCT gateway FROM energy WHERE instr(gateway, '/') ORDER BY 1")
    assert [row[0] for row in names] == ["park/other"]


def test_a_park_file_is_read_with_all_that_is_wrong_in_it(tmp_path: Path) -> None:
    """Gateways in order and openings in watt-hours; every mistake is named at once."""
    assert read_parks(tmp_path) == ()
    opening = '[[park.storage]]\nmeter_point = "gw-2/Battery"\ninitial = "1.5 kWh"\ninitial_origin = "solar"\n'
    (tmp_path / "park.toml").write_text(PARK + opening)
    assert read_parks(tmp_path) == (ParkPlan("demo", ("gw-1", "gw-2"), (Opening("gw-2/Battery", 1500, "solar"),)),)
    wrong = PARK.replace("demo", "a/b") + opening.replace("gw-2/", "gw-3/") + PARK.replace("gw-2", "gw-1")
    (tmp_path / "park.toml").write_text(wrong)
    with pytest.raises(ProblemError) as caught:
        read_parks(tmp_path)
    assert [one.code for one in caught.value.problems] == ["WP-PLT-060", "WP-PLT-062", "WP-PLT-061"]
