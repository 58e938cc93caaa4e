"""Factors of carriers in reports: each with its time and source, and cold, for which no standard has a default."""

from pathlib import Path

import pytest

from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import Gateway
from cloud_sync.tests.report_park import PARK, ReportPark
from cloud_sync.tests.test_platform_cli import SETTINGS, answer, call
from cloud_sync.tests.test_yearly_report import activity, enter, figure, figures, rows, worked_year


@pytest.fixture
def annex(platform: Platform, gateway: Gateway) -> Path:
    """The home of a platform with the worked example of the annex."""
    (platform.home / "platform.toml").write_text(SETTINGS)
    return worked_year(ReportPark(platform, gateway))


def test_report_prints_when_each_row_of_factors_holds(annex: Path) -> None:
    """Every row that a figure names stands with validity and source; so do the activities' and the sets' rows."""
    report = answer(annex, "report", "2025")
    used = {row[0]: row[1:] for row in rows(report, "basis", "factors")}
    named = {name for one in report["sections"].values() for each in one["figures"] for name in each["factors"]}
    assert named == set(used) and all(source for _valid, source in used.values())
    assert used["heat:2025-01-01"][0] == "2025-01-01/.."
    assert used["coal_equivalent:*:2025-01-01"][0] == "2025-01-01/2026-01-01"
    assert used["natural gas:2021-04-01"][0] == "2021-04-01/2025-03-01"  # the row of the year's first day
    assert {row[7] for row in rows(report, "carbon", "activities")} >= {"2021-04-01/..", "2025-01-01/.."}
    assert {row[6] for row in rows(report, "electricity", "factor_sets")} >= {"2023-01-01/..", "2025-01-01/.."}
    assert "2025-01-01/2026-01-01" in figure(report, "carbon", "c_park")["notes"][1]


def test_cold_counts_by_its_supplier_or_by_its_chiller(annex: Path) -> None:
    """No default is published: the supplier's factor, or electricity at 0.8325 t/MWh over COP; heat's coal for both."""
    before = figures(answer(annex, "report", "2025"), "carbon")
    cold = activity("冷量", "1000", "GJ", "received")
    supplied = cold | {"co2": "0.06", "source": "statement of the supplier"}
    enter(
        annex, supplied, activity("cold", "1800", "GJ", "received") | {"by": "chiller", "cop": "5", "source": "plate"}
    )
    report = answer(annex, "report", "2025")
    after = figures(report, "carbon")
    assert after["e_heat"] - before["e_heat"] == 60 * 10**12 + 83_250_000_000_000  # 1800 GJ / 5 = 100 MWh
    assert after["c_park"] - before["c_park"] == (1000 + 1800) * 34120 * 10**6
    words = [row[8] for row in rows(report, "carbon", "activities")][-2:]
    assert words == ["the supplier, 0.06 t: statement of the supplier", "electricity and COP 5: plate"]
    stated = [one["fields"]["by"] for one in answer(annex, "document", "list")["documents"][-2:]]
    assert stated == ["supplier", "chiller"]


@pytest.mark.parametrize(
    "row, code",
    [
        (activity("diesel", "1", "t", "fuel") | {"period": "2020"}, "WP-ACC-120"),
        (activity("非化石热力", "1", "GJ", "received") | {"period": "2024-12"}, "WP-ACC-120"),
        (activity("diesel", "1", "t", "fuel") | {"co2": "3", "source": "mine"}, "WP-ACC-121"),
        (activity("cold", "1", "GJ", "received"), "WP-CFG-003"),
        (activity("cold", "1", "GJ", "received") | {"by": "chiller", "cop": "0", "source": "x"}, "WP-ACC-122"),
        (activity("cold", "1", "GJ", "received") | {"co2": "1", "cop": "5", "source": "x"}, "WP-ACC-122"),
    ],
)
def test_document_without_a_factor_of_its_time_is_refused(annex: Path, row: dict[str, str], code: str) -> None:
    """Before the first row's validity, with a factor of its own choice, or of cold without one: nothing is entered."""
    count = len(answer(annex, "document", "list")["documents"])
    fields = {"park": PARK, "period": "2025", "paper": "p"} | row
    found = call(annex, "document", "add", *(word for key in fields for word in ("--with", f"{key}={fields[key]}")))
    assert found.exit_code == 1 and code in found.stderr
    assert len(answer(annex, "document", "list")["documents"]) == count
