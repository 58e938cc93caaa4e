"""Closing a period by the published self-use rule, with each choice that its text leaves open."""

from gateway.core.account.closing import Closed
from gateway.core.account.factor import read_factors
from gateway.core.account.interval import Energy
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.storage import pool_of
from gateway.core.site import MIXING, MeterPoint, SelfUseRule, Site, Storage

FACTORS = read_factors(
    {
        "set": [
            {
                "id": "trial",
                "basis": "b",
                "source": "s",
                "valid_from": "1970-01-01",
                "grid": {"*": "0.8325"},
                "zero": ["solar"],
            }
        ]
    }
)[0]
assert FACTORS is not None
MWH = 1000000


def _point(name: str, role: str, origin: str = "") -> MeterPoint:
    return MeterPoint(name, role, "m-" + name, "A", "", origin, False)


def _site(
    *points: MeterPoint, charging: str = "proportional", own_use: str = "user", export: str = "renewable"
) -> Site:
    rule = SelfUseRule(3600, charging, own_use, export)
    storages = tuple([Storage(point.name, 0, "grid", 1000, MIXING) for point in points if point.role == "storage"])
    return Site("g", "p", 900, 5, 60, 30, rule, "", ("trial",), (), (), points, storages, 60, "first-after", "linear")


def _energies(**wh: "tuple[int, int]") -> "tuple[Energy, ...]":
    return tuple([Energy(name, wh[name][0], wh[name][1], "") for name in sorted(wh)])


def _cells(closed: Closed) -> "dict[tuple[str, str], int]":
    return {(row.source[7:], row.sink): row.wh for row in closed.allocations}


POINTS = (
    _point("Intake", "intake", "grid"),
    _point("Roof", "generation", "solar"),
    _point("Battery", "storage", "storage"),
    _point("A", "load"),
    _point("B", "load"),
    _point("C", "load"),
)
HOURS = (
    # MWh: roof, charge, discharge, import, export, three loads, pool before (Wh)
    (2, 0, 1, 3, 0, (3, 2, 1), (("grid", 200000), ("solar", 800000))),
    (8, 1.5, 0, 0, 0.5, (3, 2, 1), ()),
    (7, 0, 0, 0, 1, (4, 0, 2), ()),
    (1, 1, 0, 6, 0, (2, 2, 2), ()),
)


def _day(site: Site) -> "tuple[list[int], dict[str, int]]":
    """Return self-use by hour, and the renewable energy of each user."""
    hours = []
    green = {"A": 0, "B": 0, "C": 0}
    for roof, charged, discharged, imported, exported, loads, content in HOURS:
        wh = [int(value * MWH) for value in (roof, charged, discharged, imported, exported)]
        energies = _energies(
            Intake=(wh[3], wh[4]),
            Roof=(0, wh[0]),
            Battery=(wh[1], wh[2]),
            A=(loads[0] * MWH, 0),
            B=(loads[1] * MWH, 0),
            C=(loads[2] * MWH, 0),
        )
        closed = close_self_use(site, energies, (pool_of("Battery", content),), FACTORS, 0, 3600)
        assert closed.warnings == () and closed.residuals == () and closed.pools_after == ()
        hours.append(sum([tally.green_wh for tally in closed.tallies]))
        for tally in closed.tallies:
            assert tally.method == "688-hourly"
            assert tally.wh == {row.meter_point: row.import_wh for row in energies}[tally.meter_point]
            assert tally.carbon_ug == (tally.wh - tally.green_wh) * 832500
            green[tally.meter_point] += tally.green_wh
    return hours, green


def test_the_hourly_rule_closes_the_published_day() -> None:
    """Four hours of three users with storage: self-use 15.657143 MWh, and every user's energy is whole."""
    hours, green = _day(_site(*POINTS))
    assert hours == [2800000, 6000000, 6000000, 857143]
    assert abs(green["A"] - 8685714) <= 1 and abs(green["B"] - 3219048) <= 1 and abs(green["C"] - 3752381) <= 1


def test_renewable_energy_to_loads_first_charges_storage_from_the_grid() -> None:
    """In the fourth hour the grid gives 6 and charging takes 1 of it: self-use is 1.0 there and 15.8 MWh in all."""
    hours, _ = _day(_site(*POINTS, charging="load-first"))
    assert hours == [2800000, 6000000, 6000000, 1000000]


def test_charge_beyond_what_the_grid_gave_is_renewable() -> None:
    """Loads first: of 40 charged with 10 from the grid, 30 are solar."""
    site = _site(*POINTS[:4], charging="load-first")
    closed = close_self_use(
        site, _energies(Intake=(10, 0), Roof=(0, 80), Battery=(40, 0), A=(50, 0)), (), FACTORS, 0, 9
    )
    assert _cells(closed) == {("solar", "A"): 50}


def test_fossil_plants_and_own_use_under_the_hourly_rule() -> None:
    """A gas engine is no renewable generation, and what a plant draws for itself is consumption like any other."""
    site = _site(_point("Roof", "generation", "solar"), _point("Gas", "generation", "gas"), _point("L", "load"))
    closed = close_self_use(site, _energies(Roof=(20, 60), Gas=(0, 40), L=(80, 0)), (), FACTORS, 0, 3600)
    assert _cells(closed) == {("solar", "Roof"): 12, ("solar", "L"): 48, ("grid", "Roof"): 8, ("grid", "L"): 32}


def test_own_use_may_be_taken_off_generation() -> None:
    """60 generated, 20 of them for the plant itself and 5 for the park's own use: 35 are left for the load."""
    points = (_point("Roof", "generation", "solar"), _point("Fans", "own_use"), _point("L", "load"))
    energies = _energies(Roof=(20, 60), Fans=(5, 0), L=(80, 0))
    closed = close_self_use(_site(*points, own_use="generation"), energies, (), FACTORS, 0, 3600)
    assert _cells(closed) == {("solar", "Roof"): 20, ("solar", "Fans"): 5, ("solar", "L"): 35, ("grid", "L"): 45}
    assert {tally.meter_point: tally.green_wh for tally in closed.tallies} == {"Roof": 20, "Fans": 5, "L": 35}


def test_own_use_beyond_generation_is_consumption() -> None:
    """At night a roof that draws 20 and gives 8 uses 8 of its own and 12 from the grid."""
    site = _site(_point("Roof", "generation", "solar"), _point("Intake", "intake", "grid"), own_use="generation")
    closed = close_self_use(site, _energies(Roof=(20, 8), Intake=(12, 0)), (), FACTORS, 0, 3600)
    assert _cells(closed) == {("solar", "Roof"): 8, ("grid", "Roof"): 12}


def test_export_may_be_of_all_plants() -> None:
    """60 solar and 40 gas, 20 exported: all of it solar (40 left), or 12 of it (48 left)."""
    points = (
        _point("Intake", "intake", "grid"),
        _point("Roof", "generation", "solar"),
    )
    points += (_point("Gas", "generation", "gas"), _point("L", "load"))
    energies = _energies(Intake=(0, 20), Roof=(0, 60), Gas=(0, 40), L=(80, 0))
    for export, solar in (("renewable", 40), ("proportional", 48)):
        closed = close_self_use(_site(*points, export=export), energies, (), FACTORS, 0, 3600)
        assert _cells(closed) == {("solar", "L"): solar, ("grid", "L"): 80 - solar}


def test_two_kinds_of_plant_share_what_they_draw_for_themselves() -> None:
    """With 60 of the sun and 20 of the wind, 8 of own use are 6 and 2; of 1 all is the sun's, the larger share."""
    points = (
        _point("Roof", "generation", "solar"), _point("Mast", "generation", "wind"), _point("Fans", "own_use"),
        _point("L", "load"),
    )  # fmt: skip
    for own, cells in ((8, {("solar", "Fans"): 6, ("wind", "Fans"): 2}), (1, {("solar", "Fans"): 1})):
        energies = _energies(Roof=(0, 60), Mast=(0, 20), Fans=(own, 0), L=(80 - own, 0))
        closed = close_self_use(_site(*points, own_use="generation"), energies, (), FACTORS, 0, 3600)
        assert {key: wh for key, wh in _cells(closed).items() if key[1] == "Fans"} == cells


def test_ties_and_points_without_energies_are_no_users() -> None:
    """What a tie carries was given and is used elsewhere; of a point that nothing is known of nothing is said."""
    tie = MeterPoint("Tie", "tie", "m-Tie", "A", "B", "", False)
    site = _site(_point("Intake", "intake", "grid"), _point("L", "load"), _point("Blind", "load"), tie)
    closed = close_self_use(site, _energies(Intake=(50, 0), L=(50, 0), Tie=(40, 0)), (), FACTORS, 0, 3600)
    assert _cells(closed) == {("grid", "L"): 50}
