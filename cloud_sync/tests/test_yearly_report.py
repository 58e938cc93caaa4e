"""The report of a park from signed batches and documents to its figures: the worked examples, end to end."""

import json
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cloud_sync.platform.yearly_report import make_report
from cloud_sync.tests import two_cabinets
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import BASIS, Gateway, stamp
from cloud_sync.tests.report_park import PARK, ReportPark
from cloud_sync.tests.test_composing import Cabinets
from cloud_sync.tests.test_platform_cli import SETTINGS, answer, call
from cloud_sync.tests.two_cabinets import closed_by, configuration, in_one
from gateway.core import record as records
from gateway.core.account.interval import Energy

ZONE = ZoneInfo("Asia/Shanghai")
MWH = 10**6
KWH = 1000


def at(text: str) -> int:
    """Return a local time of the park in UTC seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp())


@pytest.fixture
def park(platform: Platform, gateway: Gateway) -> ReportPark:
    """A park of one gateway whose accounts are still to be closed."""
    (platform.home / "platform.toml").write_text(SETTINGS)
    return ReportPark(platform, gateway)


def home_of(park: ReportPark) -> Path:
    """Close the ledger and return the platform's home folder."""
    park.platform.ledger.close()
    return park.platform.home


def enter(home: Path, *rows: dict[str, str]) -> None:
    """Enter documents of the park, each from its own fields."""
    text = ""
    for number, row in enumerate(rows):
        fields = {"park": PARK, "period": "2025", "paper": "paper %d" % number} | row
        text += "[[document]]\n" + "".join("%s = %s\n" % (key, json.dumps(fields[key])) for key in fields)
    (home / "rows.toml").write_text(text, encoding="utf-8")
    answer(home, "document", "add", str(home / "rows.toml"))


def figures(report: dict[str, Any], section: str) -> dict[str, Any]:
    """Return the values of a section's figures by their ids."""
    return {one["id"]: one["value"] for one in report["sections"][section]["figures"]}


def figure(report: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    """Return one figure whole."""
    found: dict[str, Any] = next(one for one in report["sections"][section]["figures"] if one["id"] == name)
    return found


def rows(report: dict[str, Any], section: str, name: str) -> list[list[str]]:
    """Return the rows of a section's table."""
    found: list[list[str]] = next(one for one in report["sections"][section]["tables"] if one["id"] == name)["rows"]
    return found


def activity(carrier: str, quantity: str, unit: str, use: str) -> dict[str, str]:
    """Return a document of an activity."""
    return {"kind": "activity", "carrier": carrier, "quantity": quantity, "unit": unit, "use": use}


def certificate(operation: str, period: str, count: int, number: str, **more: str) -> dict[str, str]:
    """Return a document of certificates."""
    row = {"kind": "certificate", "operation": operation, "period": period, "count": str(count), "number": number}
    return row | more


YEAR = (
    activity("bituminous coal", "20000", "t", "fuel"),
    activity("天然气", "1000", "1e4 Nm3", "fuel"),
    activity("diesel", "500", "t", "fuel"),
    activity("heat", "400000", "GJ", "received"),
    activity("heat", "50000", "GJ", "given"),
    certificate("bought", "2025-03", 120000, "GEC-1"),
    certificate("cancelled", "2025-06", 120000, "C-1", of="GEC-1"),
)


def worked_year(park: ReportPark) -> Path:
    """Return the home of a platform with the year of the annex's worked example, 2025."""
    park.close(at("2025-06-01T12:00"), at("2025-06-01T13:00"), {
        "Grid": (200_000 * MWH, 10_000 * MWH), "Line": (300_000 * MWH, 0), "PV": (0, 50_000 * MWH),
        "Hall": (540_000 * MWH, 0),
    }, tallied=False)  # fmt: skip
    home = home_of(park)
    enter(home, *YEAR)
    return home


@pytest.fixture
def annex(park: ReportPark) -> Path:
    """The home of a platform with the worked example."""
    return worked_year(park)


def test_year_by_annex_4_is_the_worked_example(annex: Path) -> None:
    """Parts and sum of E_park, C_park with k_el 0.3024, the core indicator and both readings of direct supply."""
    report = answer(annex, "report", "2025")
    carbon = figures(report, "carbon")
    tonnes = {name: round(carbon[name] / 10**12, 3) for name in carbon if name.startswith("e_")}
    assert tonnes["e_fuel"] == pytest.approx(41430.185 + 21621.888 + 1572.561, abs=0.002)
    assert tonnes["e_electricity"] == 66600 and tonnes["e_heat"] == 38500 and tonnes["e_process"] == 0
    assert tonnes["e_park"] == pytest.approx(169724.634, abs=0.001)
    assert round(carbon["c_park"] / 10**12, 2) == 203552.55
    assert carbon["intensity"] == 833812
    core = figure(report, "carbon", "intensity")
    assert core["verdict"] == "missed" and "0.2 t CO2/tce" in core["notes"][0]
    assert "0.3024" in figure(report, "carbon", "c_park")["notes"][0]
    assert figure(report, "carbon", "e_electricity")["factors"] == ["NDRC910-trial:grid"]
    assert figure(report, "carbon", "e_electricity")["documents"] == [7]
    power = figures(report, "electricity")
    assert power["consumed_wh"] == 540_000 * MWH and power["certified_wh"] == 120_000 * MWH
    assert (power["direct_supply_lines"], power["direct_supply_with_inside"]) == (555555, 629629)
    # (300000 + 50000 - 10000 + 120000) / 540000 of the electricity is free of carbon
    assert power["clean_electricity"] == 851851
    # by k_el: 460000 x 0.3024 of 203552.55 tce; gas adds 13300 tce
    assert power["clean_non_fossil"] == int(460000 * 0.3024 / 203552.55 * 10**6)
    assert power["clean_with_gas"] == int((460000 * 0.3024 + 13300) / 203552.55 * 10**6)


@pytest.mark.parametrize(
    "k_el, coal, intensity, verdict",
    [("0.3000", 202256.55, 839155, "missed"), ("0.1229", 106622.55, 1591827, "")],
)
def test_equivalent_value_is_a_parameter_of_the_platform(
    annex: Path, k_el: str, coal: float, intensity: int, verdict: str
) -> None:
    """Another k_el in parameters.toml moves C_park and the indicator; below 200 000 tce the notice has no target."""
    row = '[[coal_equivalent]]\nregion = "*"\nvalue = "%s"\nvalid_from = "2025-01-01"\nsource = "a test"\n'
    (annex / "parameters.toml").write_text(row % k_el)
    report = answer(annex, "report", "2025")
    carbon = figures(report, "carbon")
    assert round(carbon["c_park"] / 10**12, 2) == coal and carbon["intensity"] == intensity
    assert figure(report, "carbon", "intensity")["verdict"] == verdict
    assert figure(report, "carbon", "c_park")["factors"] == ["coal_equivalent:*:2025-01-01"]


def test_electricity_stands_by_every_factor_set(annex: Path) -> None:
    """200 GWh of Jiangsu's grid by national, grid, province and residual factors of the years, each with its source."""
    found = {row[0]: row for row in rows(answer(annex, "report", "2025"), "electricity", "factor_sets")}
    assert found["national-2023:grid"][2] == "106,120.000"  # 200 000 x 0.5306
    assert found["grid-2023:East:grid"][2] == "110,000.000"
    assert found["province-2023:Jiangsu:grid"][2] == "116,540.000"
    assert found["residual-2023:grid"][3] == "48,768.000"  # 80 000 x 0.6096
    assert found["NDRC910-trial:grid"][3] == "66,600.000"
    assert found["national-2022:grid"][2] == "107,320.000"
    assert all(row[5] for row in found.values())
    # the ministry's statements on 2023 against 2022: national -1.1 %, East -2.1 %, residual +4.1 %
    for newer, older, change in (
        ("national-2023:grid", "national-2022:grid", "-1.1"), ("grid-2023:East:grid", "grid-2022:East:grid", "-2.1"),
        ("residual-2023:grid", "residual-2022:grid", "4.1"),
    ):  # fmt: skip
        tonnes = [float(found[name][2].replace(",", "")) for name in (newer, older)]
        assert f"{(tonnes[0] / tonnes[1] - 1) * 100:.1f}" == change


def test_year_without_equivalent_value_names_what_to_add(annex: Path) -> None:
    """In 2026 no coal rate of the year before is known: no figure that needs it is told, and the problem says why."""
    report = answer(annex, "report", "2026", code=1)
    assert [one["code"] for one in report["problems"]] == ["WP-PLT-092"]
    assert "coal_equivalent" in report["problems"][0]["text"]
    carbon = figures(report, "carbon")
    assert carbon["e_park"] is None and carbon["c_park"] is None and carbon["intensity"] is None


def test_carrier_that_is_no_longer_in_the_table_is_a_problem(annex: Path) -> None:
    """A document whose carrier lost its row is named, and nothing is summed up without it."""
    table = '[[carrier]]\nid = "heat"\nunit = "GJ"\nco2 = "0.11"\ncoal = "0.03412"\nstandard = "s"\nsource = "t"\n'
    table += 'valid_from = "2025-01-01"\n'
    (annex / "carriers.toml").write_text(table)
    report = answer(annex, "report", "2025", code=1)
    assert [one["code"] for one in report["problems"]] == ["WP-ACC-066"] * 3
    assert figures(report, "carbon")["e_park"] is None


def test_offsets_and_biogenic_stand_apart(annex: Path) -> None:
    """Neither changes E_park; the processes' own CO2 does; output gives carbon and energy of a unit."""
    before = figures(answer(annex, "report", "2025"), "carbon")
    enter(
        annex,
        {"kind": "offset", "number": "CCER-1", "co2": "5000"},
        {"kind": "biogenic", "what": "straw", "co2": "700.5", "source": "laboratory"},
        {"kind": "process", "product": "lime", "quantity": "100", "co2": "0.683", "source": "a test"},
        {"kind": "output", "product": "lime", "quantity": "1000", "unit": "t"},
    )
    report = answer(annex, "report", "2025")
    after = figures(report, "carbon")
    assert after["offset"] == 5000 * 10**12 and after["biogenic"] == 7005 * 10**11
    assert after["e_process"] == 683 * 10**11 and after["e_park"] == before["e_park"] + after["e_process"]
    per_tonne = rows(report, "carbon", "output")[0][3]
    assert float(per_tonne) == pytest.approx(after["e_park"] / 10**12)  # kg for each of 1000 t


def test_hours_match_as_in_the_published_method(park: ReportPark) -> None:
    """Loads of 100, own 120, 60, 0, 30, grids of 50, 40, 30, 20 %: 62.5 %, 47.5 % of it own, 52.5 % by volume."""
    shares = ""
    for day, (own, grid) in enumerate(((120, "0.5"), (60, "0.4"), (0, "0.3"), (30, "0.2")), start=1):
        start_s = at("2025-04-%02dT12:00" % day)
        park.close(start_s, start_s + 3600, {
            "PV": (0, own * KWH), "Hall": (100 * KWH, 0),
            "Grid": (max(0, 100 - own) * KWH, max(0, own - 100) * KWH),
        })  # fmt: skip
        shares += '[[grid_share]]\nregion = "Jiangsu"\nvalue = "%s"\nsource = "a test"\n' % grid
        shares += 'valid_from = "2025-04-%02d"\nvalid_to = "2025-04-%02d"\n' % (day, day + 1)
    home = home_of(park)
    coal = '[[coal_equivalent]]\nregion = "*"\nvalue = "0.3"\nvalid_from = "2025-01-01"\nsource = "a test"\n'
    (home / "parameters.toml").write_text(coal + shares)
    report = answer(home, "report", "2025-04")
    found = figures(report, "matching")
    for method in ("flow", "688-hourly"):
        assert (found["hourly_" + method], found["hourly_own_" + method]) == (625000, 475000)
    assert found["volume"] == 525000 and found["volume_own"] == 475000
    assert len(figure(report, "matching", "hourly_flow")["factors"]) == 4
    (home / "parameters.toml").write_text(coal)
    report = answer(home, "report", "2025-04")
    assert figures(report, "matching")["hourly_flow"] == 475000
    assert any("counts as nought" in note for note in report["sections"]["matching"]["notes"])


def test_ratios_of_the_rules_by_year_and_month(park: ReportPark) -> None:
    """Of 200 kWh generated and 300 used in two months 190 are self-used, 10 exported; curtailed energy is a choice."""
    for month, (made, load) in (("2025-05", (120, 110)), ("2025-06", (80, 190))):
        start_s = at(month + "-10T12:00")
        spare = max(0, made - load)
        park.close(start_s, start_s + 3600, {
            "PV": (0, made * KWH), "Hall": (load * KWH, 0), "Grid": (max(0, load - made) * KWH, spare * KWH),
        })  # fmt: skip
    home = home_of(park)
    enter(home, {"kind": "curtailed", "plant": "PV", "kwh": "200"})
    report = answer(home, "report", "2025")
    found = figures(report, "supply")
    assert found["self-use-of-generation"] == 950000
    assert found["self-use-of-consumption"] == 190 * 10**6 // 300
    assert found["export-of-generation"] == 50000
    one = figure(report, "supply", "self-use-of-generation")
    assert one["verdict"] == "met" and "688" in one["rule"] and "60 %" in one["notes"][0]
    assert rows(report, "supply", "months") == [
        ["2025-05", "91.6666 %", "100.0000 %", "8.3333 %"], ["2025-06", "100.0000 %", "42.1052 %", "0.0000 %"]
    ]  # fmt: skip
    choice = '[[park]]\nname = "Demo park"\nrule = "650"\navailable = "generated-and-curtailed"\n'
    (home / "indicators.toml").write_text(choice)
    report = answer(home, "report", "2025")
    one = figure(report, "supply", "self-use-of-generation")
    assert (one["value"], one["verdict"], one["documents"]) == (475000, "missed", [1])
    assert "650" in one["rule"]


def months_of_generation(park: ReportPark) -> None:
    """Generate 1 234 567 kWh in January 2026, all used inside, and 800 433 kWh in February, half exported."""
    park.close(at("2026-01-10T12:00"), at("2026-01-10T13:00"), {"PV": (0, 1_234_567_000), "Hall": (1_234_567_000, 0)})
    park.close(at("2026-02-10T12:00"), at("2026-02-10T13:00"), {
        "PV": (0, 800_433_000), "Hall": (400_433_000, 0), "Grid": (0, 400_000_000),
    })  # fmt: skip
    park.close(at("2026-03-10T12:00"), at("2026-03-10T13:00"), {"Grid": (900_000_000, 0), "Hall": (900_000_000, 0)})


PARAMETERS = '[[coal_equivalent]]\nregion = "*"\nvalue = "0.3"\nvalid_from = "2025-01-01"\nsource = "a test"\n'


def test_certificates_are_whole_and_the_remainder_is_carried(park: ReportPark) -> None:
    """January gives 1234 with 567 kWh left, February 801 with nothing left; January's are valid to the end of 2027."""
    months_of_generation(park)
    home = home_of(park)
    (home / "parameters.toml").write_text(PARAMETERS)
    report = answer(home, "report", "2026")
    january, february, _march = rows(report, "certificates", "earned")
    assert january == ["2026-01", "1,234,567.000", "1,234", "567.000", "0.000", "0", "2027-12"]
    assert february == ["2026-02", "800,433.000", "801", "0.000", "400,000.000", "400", "2028-01"]
    # a month by itself carries what the month before left
    assert rows(answer(home, "report", "2026-02"), "certificates", "earned") == [february]


def test_certificate_of_energy_that_was_used_is_a_conflict(park: ReportPark) -> None:
    """More than earned, tradable beyond export, used though supplied directly, late, unknown, twice: each is said."""
    months_of_generation(park)
    home = home_of(park)
    (home / "parameters.toml").write_text(PARAMETERS)
    enter(
        home,
        certificate("issued", "2026-01", 1235, "A", plant="PV", tradable="no"),
        certificate("issued", "2026-02", 500, "B", plant="PV", tradable="yes"),
        certificate("bought", "2023-12", 50, "OLD"),
        certificate("bought", "2025-12", 100, "NEW"),
        certificate("cancelled", "2026-03", 10, "c1", of="A"),
        certificate("cancelled", "2026-03", 10, "c2", of="OLD"),
        certificate("cancelled", "2026-03", 10, "c3", of="NEVER"),
        certificate("cancelled", "2026-03", 80, "c4", of="NEW"),
        certificate("sold", "2026-03", 30, "c5", of="NEW"),
    )
    report = answer(home, "report", "2026")
    found = figures(report, "certificates")
    assert found["conflicts"] == 6 and found["covered_wh"] == 80 * MWH
    notes = "\n".join(report["sections"]["certificates"]["notes"])
    for text in ("earns 1234", "only 400 are of exported", "claims it twice", "valid from 2023-12 to 2025-11",
                 "no certificates NEVER", "only 20 are left"):  # fmt: skip
        assert text in notes
    assert figures(report, "carbon")["e_electricity"] == (900 - 80) * 10**6 * 832500
    (home / "indicators.toml").write_text('[[park]]\nname = "Demo park"\ncertificate_period = "same-year"\n')
    assert figures(answer(home, "report", "2026"), "certificates")["covered_wh"] == 0


def test_budget_of_an_enterprise_has_use_and_linear_forecast(park: ReportPark) -> None:
    """30 days of 1 MWh grid energy use 24.975 t; over the year they forecast 365/30 of it."""
    first_s = at("2025-01-01T00:00")
    for day in range(30):
        park.close(first_s + day * 86400, first_s + day * 86400 + 86400, {"Grid": (MWH, 0), "Hall": (MWH, 0)})
    home = home_of(park)
    (home / "indicators.toml").write_text(
        '[[enterprise]]\nname = "Works"\npark = "Demo park"\nyear = "2025"\nbudget = "300"\nmeter_points = ["Hall"]\n'
        'factor_set = "NDRC910-trial"\n'
        '[[enterprise]]\nname = "Ghost"\npark = "Demo park"\nyear = "2025"\nbudget = "1"\nmeter_points = ["Nowhere"]\n'
        'factor_set = "NDRC910-trial"\n'
    )
    report = answer(home, "report", "2025", code=1)
    assert [one["code"] for one in report["problems"]] == ["WP-PLT-093"]
    assert ["flow", "NDRC910-trial", "30,000.000", "0.0000 %", "24.975"] in rows(report, "electricity", "traced")
    works = rows(report, "budgets", "budgets")[0]
    assert works[:4] == ["Works", "300.000", "24.975", "303.863"]  # 24.975 x 365 / 30 = 303.8625
    assert figure(report, "budgets", "budget:Works")["verdict"] == "missed"


def test_completeness_tells_measured_from_estimated_and_late(park: ReportPark) -> None:
    """Of 48 half-hours 4 are measured, 24 estimated, 20 amended: 8.33 % are actual; one is late; receipts took 7 s."""
    first_s = at("2025-07-01T00:00")
    for step in range(48):
        flag = "E" if step >= 24 else "L" if step == 20 else ""
        start_s = first_s + step * 1800
        account = park.close(start_s, start_s + 1800, {
            "Grid": (KWH, 0), "Line": (KWH, 0), "PV": (0, KWH), "Hall": (KWH, 0), "Office": (2 * KWH, 0),
        }, flag)  # fmt: skip
        if step < 20:
            energies = tuple(Energy(name, 0, 0, "") for name in ("Grid", "Line", "PV", "Hall", "Office"))
            park.send(records.Amendment(
                stamp(), 1, start_s, start_s + 1800, account, (), energies, (), (), (), (), (), BASIS
            ))  # fmt: skip
    report = answer(home_of(park), "report", "2025-07-01")
    found = figures(report, "quality")
    assert found["actual:gw-1"] == 83333 and found["amended:gw-1"] == 20 * 10**6 // 48
    assert found["late:gw-1"] == 10**6 // 48 and found["complete:gw-1"] == 500000
    assert found["median_s:gw-1"] == 7


def test_park_must_be_named_where_it_is_not_known(park: ReportPark) -> None:
    """An unknown park, a broken period and a park without a figure end with a message or a report, no traceback."""
    home = home_of(park)
    assert "WP-PLT-090" in call(home, "report", "2025", "--park", "Other").stderr
    assert "WP-PLT-075" in call(home, "report", "25").stderr
    assert answer(home, "report", "2025", "--park", PARK)["sections"]["quality"]["figures"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_report_as_text_keeps_to_eighty_columns(annex: Path, lang: str) -> None:
    """No line is wider than a terminal, in either language, and the figures are the same."""
    text = call(annex, "report", "2025", lang=lang).stdout
    for line in text.splitlines():
        assert sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line) <= 80, line
    assert "169,724.634 t CO2" in text and "0.833812" in text and "0.3024" in text
    assert ("园区碳排放" in text) == (lang == "zh")


def test_composed_park_is_reported_by_its_own_trace(platform: Platform) -> None:
    """Where a park is composed of two gateways, hourly matching goes by the trace of the whole."""
    cabinets = Cabinets(platform)
    for name in two_cabinets.PARTS:
        cabinets.send(name, configuration(name))
        for step in range(4):
            cabinets.send(name, *closed_by(name, step))
    cabinets.compose()
    whole = [tally for one in in_one(4) for tally in one.tallies]
    chosen = [one for one in whole if one.factor_set == whole[0].factor_set]
    day = datetime.fromtimestamp(two_cabinets.START_S, ZONE).strftime("%Y-%m-%d")
    report = make_report(platform.ledger, None, ZONE, day, "demo", two_cabinets.START_S + 86400).plain()
    users = ("gw-1/Mill", "gw-2/Mill", "gw-1/Roof", "gw-2/Mast")  # loads, and what plants drew
    green = sum(one.green_wh for one in chosen if one.meter_point in users)
    load = sum(one.wh for one in chosen if one.meter_point in users)
    assert report["gateways"] == ["gw-1", "gw-2"] and green > 0
    assert figures(report, "matching")["hourly_own_flow"] == green * 10**6 // load
    assert figures(report, "electricity")["load_wh"] == load


def test_broken_tables_and_documents_end_with_all_that_is_wrong(annex: Path) -> None:
    """What is wrong in indicators.toml or parameters.toml is told at once; a broken documents file is named."""
    (annex / "indicators.toml").write_text(
        '[[park]]\nname = "Demo park"\nrule = "999"\n[[enterprise]]\nname = "E"\npark = "Demo park"\nyear = "2025"\n'
        'budget = "much"\nfactor_set = "s"\n'
    )
    told = call(annex, "report", "2025").stderr
    assert "indicators.toml.park[0].rule" in told and "WP-PLT-089" in told and "meter_points" in told
    (annex / "indicators.toml").unlink()
    (annex / "parameters.toml").write_text('[[grid_share]]\nregion = "*"\nvalue = "18"\n')
    told = call(annex, "report", "2025").stderr
    assert "WP-PLT-088" in told and "source" in told
    (annex / "parameters.toml").unlink()
    (annex / "documents.sqlite").write_text("no database at all, but long enough to be looked at as one" * 20)
    result = call(annex, "report", "2025")
    assert result.exit_code == 1 and "WP-PLT-076" in result.stderr


def test_month_leaves_out_what_is_of_the_whole_year(annex: Path) -> None:
    """Documents of 2025 are not in the report of June, which names them; the month's certificates are."""
    report = answer(annex, "report", "2025-06")
    carbon = report["sections"]["carbon"]
    assert figures(report, "carbon")["e_fuel"] == 0 and figures(report, "carbon")["e_electricity"] == 66600 * 10**12
    assert sum("longer than this report" in note for note in carbon["notes"]) == 5
