"""The carriers that come with the product, and the year they are counted in: published chains and a worked park."""

import tomllib
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest

from gateway.carriers import load_carriers
from gateway.core.account.carrier import Carrier, chiller_co2, micrograms, read_carriers
from gateway.core.account.factor import day_text
from gateway.core.account.yearly import (
    CONVERSION_IN,
    CONVERSION_OUT,
    FEEDSTOCK,
    FUEL,
    HEAT_IN,
    HEAT_OUT,
    MWH,
    Activity,
    Electricity,
    Process,
    Yearly,
    direct_supply,
    meets,
    target,
    yearly,
)

AT_S = 1790000000  # a day in 2026
CHINA = timezone(timedelta(hours=8))


def at(day: str) -> int:
    """Return when *day* begins in China, in UTC seconds."""
    return int(datetime.fromisoformat(day).replace(tzinfo=CHINA).timestamp())


def co2_of(row: Carrier) -> tuple[int, int]:
    """Return the published CO2 of one unit, which must be there."""
    assert row.co2 is not None, row.id
    return row.co2


def carrier(name: str) -> Carrier:
    """Return the carrier *name*, which must be there."""
    row = load_carriers().lookup(name, AT_S)
    assert row is not None, name
    return row


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("洗精煤", "2.28"), ("褐煤", "1.42"), ("燃料油", "3.05"), ("柴油", "3.15"), ("汽油", "3.04"),
        ("一般煤油", "3.15"),
        ("焦炉煤气", "8.58"), ("天然气", "21.62"), ("液化石油气", "2.95"), ("液化天然气", "2.33"), ("heat", "0.11"),
    ],
)  # fmt: skip
def test_products_are_those_published(name: str, published: str) -> None:
    """NCV x carbon content x oxidation x 44/12 rounds to the t CO2 per unit that a second source prints."""
    co2 = Fraction(*co2_of(carrier(name)))
    assert round(Decimal(co2.numerator) / Decimal(co2.denominator), 2) == Decimal(published)


def test_natural_gas_in_both_units() -> None:
    """389.31 GJ x 0.0153 t C/GJ x 0.99 x 44/12 is 21.6219 t CO2 for 10,000 m3, 2.16219 kg for one."""
    assert micrograms((1, 1), co2_of(carrier("natural gas"))) == 21_621_888_090_000  # exact
    assert micrograms((1, 10000), co2_of(carrier("natural gas"))) == 2_162_188_809


def test_every_carrier_has_a_source_a_validity_and_a_name_in_chinese() -> None:
    """No row without standard, source, begin of validity, unit, standard coal; CO2 but for what documents say."""
    for row in load_carriers().rows:
        assert row.standard and row.source and row.zh and row.unit and row.coal[0] > 0
        assert row.valid_from_s >= at("2021-04-01") and (row.valid_to_s is None or row.valid_to_s > row.valid_from_s)
        assert (row.co2 is None) == (row.id == "cold")
        assert row.co2 is None or row.co2[0] > 0 or row.id == "non-fossil heat"


def test_every_carrier_holds_from_the_first_row_on_without_a_gap() -> None:
    """Rows of one carrier follow one another, the last one is in force; before the first one there is none."""
    table = load_carriers()
    for name in {row.id for row in table.rows}:
        rows = sorted(table.held(name), key=lambda row: row.valid_from_s)
        assert [row.valid_to_s for row in rows] == [*(row.valid_from_s for row in rows[1:]), None]
        assert table.lookup(name, rows[0].valid_from_s - 1) is None
        assert [table.lookup(name, row.valid_from_s) for row in rows] == rows


@pytest.mark.parametrize(
    ("name", "day", "standard"),
    [
        ("diesel", "2021-03-31", ""),  # GB/T 2589-2020 was not in force
        ("diesel", "2021-04-01", "GB/T 32151-2015"),
        ("natural gas", "2025-02-28", "GB/T 32151-2015"),
        ("natural gas", "2025-03-01", "GB/T 32151.34-2024"),
        ("heat", "2024-12-31", "GB/T 32151-2015"),
        ("heat", "2025-01-01", "910号"),
        ("steam", "2025-01-01", "910号"),
        ("non-fossil heat", "2024-12-31", ""),
        ("non-fossil heat", "2025-01-01", "910号"),
    ],
)
def test_row_is_the_one_of_the_day(name: str, day: str, standard: str) -> None:
    """Each row begins on the day its last document came into force; before the first of them nothing is found."""
    row = load_carriers().lookup(name, at(day))
    assert (row is None) == (standard == "")
    assert row is None or (standard in row.standard and row.row().startswith(name + ":"))


def test_days_are_written_back_as_they_were_read() -> None:
    """Every day of 1970 to 2070 and back, leap days among them: datetime is the oracle."""
    day = datetime(1970, 1, 2, tzinfo=CHINA)
    while day.year < 2070:
        assert day_text(int(day.timestamp())) == day.strftime("%Y-%m-%d")
        day += timedelta(days=1)


def test_cold_of_a_chiller() -> None:
    """A GJ of cold at COP 5 takes 1/5 GJ = 1/18 MWh of electricity: at 0.8325 t/MWh 0.04625 t CO2."""
    assert Fraction(*chiller_co2(832_500, (5, 1))) == Fraction("0.8325") / 18
    assert Fraction(*chiller_co2(832_500, (55, 10))) == Fraction("0.8325") * 10 / (36 * Fraction("5.5"))


def test_row_without_validity_is_refused() -> None:
    """A carrier without valid_from is named, as one without a source is."""
    text = '[[carrier]]\nid = "peat"\nunit = "t"\nco2 = "1"\ncoal = "0.5"\nstandard = "s"\n'
    table, problems = read_carriers(tomllib.loads(text))
    assert table is None and sorted((one.code, str(one.values["key"])) for one in problems) == [
        ("WP-CFG-003", "source"), ("WP-CFG-003", "valid_from")
    ]  # fmt: skip


def test_standard_coal_of_a_fuel_without_a_printed_coefficient_follows_its_heat() -> None:
    """Anthracite has 24.515 GJ/t, and 1 kgce is 29.3076 MJ: 0.836472 tce/t."""
    assert abs(Fraction(*carrier("anthracite").coal) - Fraction(24515, 29308)) < Fraction(1, 10**4)
    assert micrograms((1, 1), carrier("anthracite").coal) == round(Fraction("24.515") / Fraction("29.3076") * 10**12)


def worked(coal_mg_per_kwh: int, certified_mwh: int = 120_000) -> tuple[Yearly, Electricity]:
    """Return the worked park: coal, gas, diesel, certified grid power, a direct line, a roof, heat in and out."""
    activities = tuple(
        Activity(carrier(name), (amount, 1), use, "invoice")
        for name, amount, use in (
            ("烟煤", 20_000, FUEL), ("天然气", 1_000, FUEL), ("柴油", 500, FUEL),
            ("heat", 400_000, HEAT_IN), ("heat", 50_000, HEAT_OUT),
        )
    )  # fmt: skip
    power = Electricity(200_000 * MWH, certified_mwh * MWH, 300_000 * MWH, 50_000 * MWH, 10_000 * MWH, 832_500)
    return yearly(activities, (), power, coal_mg_per_kwh), power


def test_the_worked_park_of_annex_4() -> None:
    """Fuel 64,624.634 t, electricity 66,600 t, heat 38,500 t: 169,724.634 t CO2; 540,000 MWh consumed."""
    result, power = worked(300_000)
    assert [part // 10**9 for part in (result.electricity_ug, result.heat_ug)] == [66_600_000, 38_500_000]
    assert round(Fraction(result.carbon_ug, 10**12), 3) == Fraction("169724.634")
    assert result.fuel_ug + result.electricity_ug + result.heat_ug == result.carbon_ug
    assert result.consumed_wh == 540_000 * MWH
    assert Fraction(*direct_supply(power, inside=True)) == Fraction(340, 540)
    assert Fraction(*direct_supply(power, inside=False)) == Fraction(300, 540)


@pytest.mark.parametrize(
    ("coal_mg_per_kwh", "tce", "intensity", "verdict"),
    [
        (300_000, "202256.55", "0.839155", False),
        (302_400, "203552.55", "0.833812", False),
        (122_900, "106622.55", "1.591827", None),  # the calorific value, wrongly: out of every class
    ],
)
def test_the_core_indicator_depends_on_the_equivalent_value(
    coal_mg_per_kwh: int, tce: str, intensity: str, verdict: bool | None
) -> None:
    """Energy in tce and t CO2/tce for three values of k_el, with the verdict of the park's class."""
    result, _ = worked(coal_mg_per_kwh)
    assert round(Fraction(result.coal_ug, 10**12), 2) == Fraction(tce)
    assert round(Fraction(result.carbon_ug, result.coal_ug), 6) == Fraction(intensity)
    assert meets(result) is verdict


def test_certificates_for_all_grid_power() -> None:
    """With all of it certified I is 0.509870; more certificates than grid power change nothing."""
    for certified in (200_000, 250_000):
        result, _ = worked(300_000, certified)
        assert round(Fraction(result.carbon_ug, result.coal_ug), 6) == Fraction("0.509870")


def test_the_class_of_a_park() -> None:
    """No target below 200,000 tce, 0.2 from there, 0.3 from 1,000,000 tce on."""
    assert [target(tce * 10**12) for tce in (199_999, 200_000, 999_999, 1_000_000)] == [None, (2, 10), (2, 10), (3, 10)]


def test_a_park_on_electricity_alone_needs_its_zero_share() -> None:
    """All electric at k 0.300: the target 0.2 is met from a zero-factor share of 92.7928 % on, and not below."""
    for share, verdict in ((927_928, True), (927_927, False)):
        power = Electricity(1_000_000 * MWH, share * MWH, 0, 0, 0, 832_500)
        assert meets(yearly((), (), power, 300_000)) is verdict


def test_conversion_feedstock_and_process() -> None:
    """What leaves a conversion is taken off, feedstock counts nothing, and a process counts by its product."""
    gas = carrier("natural gas")
    rows = (
        Activity(gas, (10, 1), CONVERSION_IN, "d"), Activity(gas, (4, 1), CONVERSION_OUT, "d"),
        Activity(gas, (99, 1), FEEDSTOCK, "d"),
    )  # fmt: skip
    lime = Process("lime", (1000, 1), (683, 1000), "laboratory report")
    result = yearly(rows, (lime,), Electricity(0, 0, 0, 0, 0, 832_500), 300_000)
    assert result.conversion_ug == micrograms((10, 1), co2_of(gas)) - micrograms((4, 1), co2_of(gas))
    assert result.process_ug == 683 * 10**12
    assert result.carbon_ug == result.conversion_ug + result.process_ug
    assert result.coal_ug == micrograms((10, 1), gas.coal) - micrograms((4, 1), gas.coal)
