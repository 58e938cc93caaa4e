"""The year by annex 4: the table of carriers, and a worked park on it."""

from gateway.core.account.carrier import chiller_co2, fuel_co2, micrograms, read_carriers
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

UG_PER_T = 10**12


def row(name, **keys):
    """Return a row of the table as TOML gives it."""
    found = {"id": name, "unit": "t", "standard": "s", "source": "a source", "valid_from": "2021-04-01"}
    found.update(keys)
    return found


GAS = row("gas", zh="天然气", ncv="389.31", carbon="0.0153", oxidation="0.99", coal="13.3", valid_to="2025-03-01")
NEW_GAS = row("gas", zh="天然气", ncv="389.31", carbon="0.0153", oxidation="0.99", coal="13.3", valid_from="2025-03-01")
HEAT = row("heat", co2="0.11", coal="0.03412")
PLAIN = {"carrier": [GAS, NEW_GAS, HEAT, row("cold", co2="document", coal="0.03412"), row("peat", ncv="29.3076",
         carbon="0.03", oxidation="1")]}  # fmt: skip
DAY_2021_S, DAY_2025_S = 1617206400, 1740758400  # 2021-04-01 and 2025-03-01 in China


def table():
    """Return the table, which is in order."""
    found, problems = read_carriers(PLAIN)
    assert problems == []
    return found


def test_each_row_has_its_carbon_and_its_coal():
    """389.31 GJ x 0.0153 t C/GJ x 0.99 x 44/12 is 21.62188809 t CO2; without a coefficient coal follows the heat."""
    carriers = table()
    gas = carriers.lookup("天然气", DAY_2025_S)
    assert micrograms((1, 1), gas.co2) == 21621888090000
    assert micrograms((1, 1), gas.coal) == 133 * UG_PER_T // 10
    peat = carriers.lookup("peat", DAY_2025_S)
    assert micrograms((1, 1), peat.coal) == UG_PER_T  # 29.3076 GJ are one tonne of standard coal
    assert fuel_co2((1, 1), (12, 44), (1, 1)) == (12 * 44, 44 * 12)
    assert carriers.lookup("cold", DAY_2025_S).co2 is None
    assert micrograms((1, 1), chiller_co2(832500, (5, 1))) == 46250000000  # 1/18 MWh at 0.8325 t/MWh


def test_the_row_that_holds_at_the_time_is_found():
    """The later row holds from its first day on; before the first one, and for another name, there is none."""
    carriers = table()
    found = [carriers.lookup("gas", at_s) for at_s in (DAY_2021_S - 1, DAY_2021_S, DAY_2025_S - 1, DAY_2025_S)]
    assert [one and one.row() for one in found] == [None, "gas:2021-04-01", "gas:2021-04-01", "gas:2025-03-01"]
    assert carriers.lookup("oil", DAY_2025_S) is None
    assert len(carriers.held("天然气")) == 2 and carriers.held("oil") == ()
    assert carriers.names() == ["cold", "gas", "heat", "peat", "天然气"]


def test_of_rows_that_hold_together_the_one_that_began_last_is_found():
    """In whatever order they stand in the table."""
    early = row("gas", co2="1", coal="1")
    late = row("gas", co2="2", coal="1", valid_from="2025-03-01")
    for rows in ([early, late], [late, early]):
        found, problems = read_carriers({"carrier": rows})
        assert problems == [] and found.lookup("gas", DAY_2025_S).co2 == (2, 1)


def test_mistakes_of_the_table_have_their_codes_and_places():
    """A row that stands there twice, a factor that is none, one below zero, and a missing day."""

    def told(*rows):
        found, problems = read_carriers({"carrier": list(rows)}, "c")
        assert found is None
        return [(one.code, one.where) for one in problems]

    assert told(HEAT, HEAT) == [("WP-ACC-064", "c")]
    assert told(row("a", co2="-1", coal="1")) == [("WP-ACC-065", "c.carrier[0].co2")]
    assert told(row("a", co2="1", coal=1)) == [("WP-ACC-065", "c.carrier[0].coal")]
    assert told(row("a", ncv="1", carbon="x", oxidation="1")) == [("WP-ACC-065", "c.carrier[0].carbon")]
    assert told({"id": "a", "unit": "t", "standard": "s", "source": "s", "co2": "1", "coal": "1"}) == [
        ("WP-CFG-003", "c.carrier[0]")
    ]
    assert told() == [("WP-CFG-020", "c.carrier")]


def worked(coal_mg_per_kwh, certified_mwh=120000):
    """Return the year of a park with gas, heat in and out, grid power, a direct line and a roof."""
    carriers = table()
    uses = (("gas", 1000, FUEL), ("heat", 400000, HEAT_IN), ("heat", 50000, HEAT_OUT))
    activities = [
        Activity(carriers.lookup(name, DAY_2025_S), (amount, 1), use, "invoice") for name, amount, use in uses
    ]
    power = Electricity(200000 * MWH, certified_mwh * MWH, 300000 * MWH, 50000 * MWH, 10000 * MWH, 832500)
    return yearly(tuple(activities), (), power, coal_mg_per_kwh), power


def test_parts_of_the_year_by_annex_4():
    """Gas 21621.888 t, 80 GWh of grid power 66600 t, 350 TJ of heat 38500 t; coal of all, power by its k_el."""
    result, power = worked(300000)
    assert result.fuel_ug == 21621888090 * 10**6
    assert (result.electricity_ug, result.heat_ug) == (66600 * UG_PER_T, 38500 * UG_PER_T)
    assert result.carbon_ug == result.fuel_ug + result.electricity_ug + result.heat_ug
    assert result.consumed_wh == 540000 * MWH
    assert result.coal_ug == (13300 + 11942 + 162000) * UG_PER_T  # 1000 x 13.3, 350000 x 0.03412, 540000 x 0.3
    assert direct_supply(power, True) == (340000 * MWH, 540000 * MWH)
    assert direct_supply(power, False) == (300000 * MWH, 540000 * MWH)


def test_certificates_beyond_grid_power_count_for_nothing():
    """With all of it certified there is no carbon in electricity, and never less than none."""
    for certified in (200000, 250000):
        assert worked(300000, certified)[0].electricity_ug == 0


def test_conversion_feedstock_and_process():
    """What leaves a conversion is taken off, feedstock counts nothing, a process counts by its product."""
    heat = table().lookup("heat", DAY_2025_S)
    rows = [Activity(heat, (amount, 1), use, "d") for amount, use in (
        (100, CONVERSION_IN), (40, CONVERSION_OUT), (999, FEEDSTOCK))]  # fmt: skip
    lime = Process("lime", (1000, 1), (683, 1000), "report")
    result = yearly(tuple(rows), (lime,), Electricity(0, 0, 0, 0, 0, 832500), 300000)
    assert result.conversion_ug == 6600000 * 10**6  # 60 GJ at 0.11 t
    assert result.coal_ug == 2047200 * 10**6  # 60 GJ at 0.03412 tce
    assert result.process_ug == 683 * UG_PER_T
    assert result.carbon_ug == result.conversion_ug + result.process_ug


def test_the_target_is_that_of_the_class_and_includes_its_bound():
    """None below 200,000 tce, 0.2 from there, 0.3 from 1,000,000 on; the target itself is met, a microgram more not."""
    assert [target(tce * UG_PER_T) for tce in (199999, 200000, 999999, 1000000)] == [None, (2, 10), (2, 10), (3, 10)]
    for tce, verdicts in ((199999, (None, None)), (200000, (True, False)), (1000000, (True, False))):
        aim = target(tce * UG_PER_T) or (2, 10)
        most = tce * UG_PER_T * aim[0] // aim[1]
        found = [meets(Yearly(0, 0, 0, 0, 0, carbon, tce * UG_PER_T, 0)) for carbon in (most, most + 1)]
        assert tuple(found) == verdicts
