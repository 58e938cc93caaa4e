"""The worked park of the documented method comes out as printed."""

import json
import re
from pathlib import Path
from typing import Any

from gateway.core.account.closing import Closed, close_account
from gateway.core.account.interval import Energy
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.storage import Pool, pool_of
from gateway.core.meter.decoding import register_advance
from gateway.core.site import MIXING, OF_RENEWABLES, OF_USERS, PROPORTIONAL, MeterPoint, SelfUseRule, Site, Storage
from gateway.factors import load_factors
from gateway.profiles import load_profile

PAGE = Path(__file__).parents[2] / "docs" / "accounting-method.md"
START_S = 1790000100


def printed(name: str) -> Any:
    """Return what the page prints in its block *name*."""
    blocks = dict(re.findall(r"^```json (\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    return json.loads(blocks[name])


def park() -> tuple[Site, tuple[Energy, ...], tuple[Pool, ...]]:
    """Return the worked park, its energies and its storage account."""
    plain = printed("park")
    points = []
    energies = []
    for row in plain["meter_points"]:
        end, origin = row.get("to_busbar", ""), row.get("origin", "")
        points.append(MeterPoint(row["name"], row["role"], "m-" + row["name"], row["busbar"], end, origin, False))
        energies.append(Energy(row["name"], row["import_wh"], row["export_wh"], ""))
    storage = Storage("Battery", 0, "grid", plain["efficiency_permille"], MIXING)
    site = Site(
        "g",
        "p",
        900,
        5,
        60,
        30,
        SelfUseRule(3600, PROPORTIONAL, OF_USERS, OF_RENEWABLES),
        plain["province"],
        tuple(plain["factor_sets"]),
        (),
        (),
        tuple(points),
        (storage,),
        60,
        "first-after",
        "linear",
    )
    content = tuple((origin, wh) for origin, wh in plain["pool"])
    return site, tuple(energies), (pool_of("Battery", content),)


def closed() -> Closed:
    """Return the worked park closed by the flow method."""
    site, energies, pools = park()
    return close_account(site, energies, pools, load_factors(), START_S, START_S + 900)


def test_the_printed_registers_are_the_energies_of_the_park() -> None:
    """Words, counts and watt-hours of three loads agree with each other, with their profiles and with the park."""
    imports = {row["name"]: row["import_wh"] for row in printed("park")["meter_points"]}
    for row in printed("registers"):
        points = {point.quantity: point for point in load_profile(row["profile"], ".").polled()}
        ratios = ((row["ct_ratio"][0], row["ct_ratio"][1]), (1, 1))
        found = register_advance(points["energy_active_import"], tuple(row["start"]), tuple(row["end"]), ratios)
        assert found == (row["wh"], row["flag"])
        start, end = (words[0] * 65536 + words[1] for words in (row["start"], row["end"]))
        assert (end - start) % 2**32 == row["counts"]
        assert row["counts"] * row["count_wh"] == row["wh"] == imports[row["point"]]


def test_the_printed_flow_is_the_flow() -> None:
    """Allocations and residuals of the page are those of the method, in any order, without warnings."""
    result = closed()
    page = printed("flow")
    assert sorted([row.source, row.sink, row.wh] for row in result.allocations) == sorted(page["allocations"])
    assert [list(row) for row in result.residuals] == page["residuals"]
    assert result.warnings == ()


def test_the_printed_storage_account_is_the_account() -> None:
    """The content of the battery's pool afterwards."""
    assert [list(row) for row in closed().pools_after[0].content] == printed("pool_after")


def test_the_printed_tallies_are_the_tallies() -> None:
    """Energy, renewable energy, origins and carbon by both sets of factors."""
    result = closed()
    rows = []
    for tally in result.tallies:
        if tally.factor_set == "NDRC910-trial":
            other = next(
                one
                for one in result.tallies
                if one.meter_point == tally.meter_point and one.factor_set != tally.factor_set
            )
            origins = [list(pair) for pair in tally.by_origin]
            rows.append([tally.meter_point, tally.wh, tally.green_wh, origins, tally.carbon_ug, other.carbon_ug])
    assert rows == printed("flow_tallies")


def test_the_printed_carbon_follows_from_the_printed_origins() -> None:
    """Each printed figure is the printed grid energy times 832 500 and times 582 700 mg/kWh."""
    for _, wh, green, origins, trial_ug, province_ug in printed("flow_tallies"):
        grid = dict(map(tuple, origins)).get("grid", 0)
        assert (wh, trial_ug, province_ug) == (green + grid, grid * 832500, grid * 582700)


def test_the_printed_self_use_is_the_rule() -> None:
    """Allocations of the published rule for the same energies."""
    site, energies, pools = park()
    result = close_self_use(site, energies, pools, load_factors(), START_S, START_S + 3600)
    assert [[row.source, row.sink, row.wh] for row in result.allocations] == printed("self_use")
