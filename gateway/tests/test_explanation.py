"""Explanations: a figure leads down to the words that were read, and a meter up to the figures that rest on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.problem import ProblemError
from gateway.evidence import ExportEvidence, JournalEvidence
from gateway.explanation import Explanation, explained
from gateway.export import write_export
from gateway.questions import tally_answer
from gateway.tests.small_park import DAY, DAY_START_S, SITE, SmallPark
from gateway.tests.test_cli_contract import call

AT_S = DAY_START_S + 1000  # in the second interval


@pytest.fixture
def park(tmp_path: Path) -> Iterator[SmallPark]:
    """A park of five closed intervals: intake 60 kWh, roof 0.4 out, mill 80, battery 1.0 in and 0.5 out in each."""
    park = SmallPark(tmp_path)
    park.configure(SITE.replace("130 kW", "400 kW"))
    for number in range(6):
        park.read_at(DAY_START_S + number * 900)
        park.count("m-intake", "energy_active_import", 60_000)
        park.count("m-roof", "energy_active_export", 40)
        park.count("m-mill", "energy_active_import", 2_000)
        park.count("m-battery", "energy_active_import", 100)
        park.count("m-battery", "energy_active_export", 50)
    yield park
    park.close()


def _of(park: SmallPark) -> Explanation:
    return Explanation(JournalEvidence("gw-test", park.journal))


def _asked(park: SmallPark, **question: Any) -> dict[str, Any]:
    return explained(_of(park), question)


def test_carbon_is_the_sum_of_origins_times_factors(park: SmallPark) -> None:
    """Every origin has one dated and sourced factor, and their products add up to the carbon of the figure."""
    answer = _asked(park, name="Mill", at_s=AT_S)
    assert answer["wh"] == 80_000 and answer["factor_set"] == "NDRC910-trial"
    assert sum(one["carbon_ug"] for one in answer["origins"]) == answer["carbon_ug"]
    for one in answer["origins"]:
        assert one["carbon_ug"] == one["wh"] * one["mg_per_kwh"] and one["factor"]["source"]
    grid = next(one for one in answer["origins"] if one["origin"] == "grid")
    assert grid["mg_per_kwh"] == 832_500 and grid["factor"]["id"] == "NDRC910-trial:grid"


def test_a_figure_leads_to_the_words_that_were_read(park: SmallPark) -> None:
    """The mill's 80 kWh are two readings of one register, 40 times 2.0 by its current transformer of 200/5."""
    answer = _asked(park, name="Mill", at_s=AT_S)
    (interval,) = answer["intervals"]
    mill = next(one for one in interval["energies"] if one["meter_point"] == "Mill")
    register = next(one for one in mill["registers"] if one["quantity"] == "energy_active_import")
    assert (register["profile"], register["address"], register["ct_ratio"]) == ("chint-dtsu666", 0x101E, [200, 5])
    assert register["start"]["words"] == ["447a", "8000"] and register["end"]["words"] == ["447b", "0000"]
    assert register["end"]["wh"] - register["start"]["wh"] == register["energy_wh"] == 80_000
    assert mill["takes_wh"] == 80_000 and mill["gives_wh"] == 0


def test_sources_and_storage_make_up_every_origin(park: SmallPark) -> None:
    """Sources and storage give the energy of every origin; storages say what they held before and after."""
    answer = _asked(park, name="Mill", at_s=AT_S)
    straight = {one["origin"]: sum(source["wh"] for source in one["sources"]) for one in answer["origins"]}
    stored = sum(one["wh"] - straight[one["origin"]] for one in answer["origins"])
    assert stored == next(one["wh"] for one in answer["allocations"] if one["source"] == "Battery")
    (battery,) = answer["intervals"][0]["storages"]
    assert battery["rule"] == "mixing" and battery["before"] != battery["after"]


def test_a_day_is_the_sum_of_its_intervals(park: SmallPark) -> None:
    """The parts of a day's figure add up to what `tally` says, and each names its entry."""
    answer = _asked(park, name="Mill", day=DAY, factors="grid-2023")
    told = next(
        one
        for one in tally_answer(park.journal, DAY)["tallies"]
        if (one["meter_point"], one["method"], one["factor_set"]) == ("Mill", "flow", "grid-2023")
    )
    assert len(answer["parts"]) == 5
    assert (answer["wh"], answer["green_wh"], answer["carbon_ug"]) == (told["wh"], told["green_wh"], told["carbon_ug"])
    for part in answer["parts"]:
        assert _asked(park, name="Mill", at_s=part["start_s"], factors="grid-2023")["entry"] == part["entry"]


def test_an_hour_of_the_self_use_rule_names_its_choices_and_intervals(park: SmallPark) -> None:
    """The figure of a period rests on four intervals and on the named choices of the rule."""
    answer = _asked(park, name="Mill", at_s=AT_S, method="688-hourly")
    assert answer["rule"] == {
        "period_s": 3600, "charging": "proportional", "own_use": "user", "export": "renewable",
    }  # fmt: skip
    assert [one["start_s"] for one in answer["intervals"]] == [DAY_START_S + 900 * number for number in range(4)]
    assert answer["wh"] == 320_000


def test_a_meter_leads_up_to_the_figures_that_rest_on_it(park: SmallPark) -> None:
    """From the battery's registers to its energy, to whom it fed, to their figures, and to the hour that holds them."""
    answer = _asked(park, name="m-battery", at_s=AT_S)
    assert {one["quantity"] for one in answer["registers"]} == {"energy_active_import", "energy_active_export"}
    assert answer["energies"] == [{"meter_point": "Battery", "import_wh": 1000, "export_wh": 500, "flag": ""}]
    assert ("Battery", "Mill") in {(one["source"], one["sink"]) for one in answer["allocations"]}
    assert {one["meter_point"] for one in answer["tallies"]} == {"Battery", "Mill"}
    assert [one["start_s"] for one in answer["self_use"]] == [DAY_START_S]
    down = _asked(park, name="Mill", at_s=AT_S)
    assert down["entry"] == answer["entry"] and down["link"] == answer["link"]


def test_an_export_explains_the_same(park: SmallPark, tmp_path: Path) -> None:
    """Out of the export alone comes what the journal says, word for word, with the receipt."""
    park.receipt()
    path = tmp_path / "day.wpx"
    write_export(park.configuration, park.journal, DAY, str(path))
    for question in ({"name": "Mill", "at_s": AT_S}, {"name": "m-battery", "at_s": AT_S}, {"name": "Mill", "day": DAY}):
        assert explained(Explanation(ExportEvidence(path)), question) == explained(_of(park), question)
    assert explained(Explanation(ExportEvidence(path)), {"name": "Mill", "at_s": AT_S})["receipted"] is True


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"name": "Mill", "at_s": DAY_START_S - 5000}, "WP-ACC-123"),
        ({"name": "Nobody", "at_s": AT_S}, "WP-ACC-063"),
        ({"name": "Nobody", "day": DAY}, "WP-ACC-063"),
        ({"name": "Mill", "day": DAY, "factors": "grid-1999"}, "WP-ACC-063"),
    ],
)
def test_what_is_not_there_is_said(park: SmallPark, question: dict[str, Any], code: str) -> None:
    """A time, a name or a set of factors without a figure is a clear problem."""
    with pytest.raises(ProblemError) as error:
        _asked(park, **question)
    assert error.value.problems[0].code == code
    assert error.value.problems[0].hint


def test_the_command_shows_it_in_80_columns(park: SmallPark, tmp_path: Path) -> None:
    """Day, interval and meter are readable on a technician's terminal, and the register words are there."""
    park.receipt()
    path = tmp_path / "day.wpx"
    write_export(park.configuration, park.journal, DAY, str(path))
    for name, when in (("Mill", DAY), ("Mill", DAY + "T00:20"), ("m-mill", DAY + "T00:20")):
        done = call(tmp_path, "explain", name, when, "--export", str(path))
        assert done.exit_code == 0, done.output
        assert max(len(line) for line in done.output.splitlines()) <= 80
        assert when == DAY or "447a 8000 = 40080.000 kWh" in done.output
    wrong = call(tmp_path, "explain", "Mill", "noon", "--export", str(path))
    assert wrong.exit_code == 1 and "WP-CLI-008" in wrong.output
