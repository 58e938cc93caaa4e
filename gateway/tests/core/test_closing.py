"""Closing a park's interval: energies of points, both methods, storage, tallies."""

from gateway.core.account.closing import (
    close_account,
    energies_of,
    flows,
    network_of,
    registers_of,
    storage_of,
    sum_energies,
)
from gateway.core.account.factor import read_factors
from gateway.core.account.interval import Energy, Span
from gateway.core.account.storage import Pool, amount, merged, pool_of
from gateway.core.site import MIXING, MeterPoint, SelfUseRule, Site, Storage

HOURLY = SelfUseRule(3600, "proportional", "user", "renewable")

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
            },
            {
                "id": "average",
                "basis": "b",
                "source": "s",
                "valid_from": "1970-01-01",
                "grid": {"*": "0.5306"},
                "zero": ["solar"],
            },
        ]
    }
)[0]
assert FACTORS is not None


def _point(
    name: str, role: str, busbar: str = "A", origin: str = "", to: str = "", reversed: bool = False
) -> MeterPoint:
    return MeterPoint(name, role, "m-" + name, busbar, to, origin, reversed)


def _site(
    *points: MeterPoint,
    efficiency: int = 850,
    rule: str = MIXING,
    self_use: SelfUseRule = HOURLY,
    sets: "tuple[str, ...]" = ("trial",),
) -> Site:
    storages = tuple([Storage(point.name, 0, "grid", efficiency, rule) for point in points if point.role == "storage"])
    return Site("g", "p", 900, 5, 60, 30, self_use, "", sets, (), (), points, storages, 60, "first-after", "linear")


PARK = _site(
    _point("Intake", "intake", "A", "grid"),
    _point("Roof", "generation", "B", "solar"),
    _point("Battery", "storage", "B", "storage"),
    _point("Mill", "load", "A"),
    _point("Press", "load", "B"),
    _point("Fans", "own_use", "B"),
    _point("Tie", "tie", "A", "", "B"),
    sets=("trial", "average"),
)


def _energies(**wh: "tuple[int, int]") -> "tuple[Energy, ...]":
    return tuple([Energy(name, wh[name][0], wh[name][1], "") for name in sorted(wh)])


def _span(meter: str, quantity: str, wh: int, flag: str = "") -> Span:
    return Span(meter, quantity, (0, 0), 0, (0, 1), 1, 0, 1, wh, flag, (), (), 0, 0)


def test_import_and_export_are_from_the_points_own_view() -> None:
    """What an intake imports is given to the park; what a load imports is taken from it; a tie goes forward first."""
    energy = Energy("x", 7, 3, "")
    given = {role: flows(_point("x", role), energy) for role in ("intake", "tie", "generation", "storage", "load")}
    assert given == {
        "intake": (7, 3),
        "tie": (7, 3),
        "generation": (3, 7),
        "storage": (3, 7),
        "load": (3, 7),
    }


def test_the_register_of_the_thing_itself_goes_before_the_general_one() -> None:
    """A battery's charge and a plant's yield are used where there; else the meter's import and export."""
    every = ("energy_active_import", "energy_active_export", "energy_pv", "energy_battery_charge")
    assert registers_of("storage", every) == ("energy_battery_charge", "energy_active_export")
    assert registers_of("generation", every) == ("energy_active_import", "energy_pv")
    assert registers_of("load", every) == ("energy_active_import", "energy_active_export")
    assert registers_of("load", ("energy_active_total",)) == ("", "")


def test_spans_become_energies_with_flags_and_reversal() -> None:
    """Import and export of a reversed point change places; flags join; a point without spans is missing."""
    site = _site(
        _point("a", "load"), _point("b", "load", reversed=True), _point("c", "load"), _point("d", "generation")
    )
    spans = (
        _span("m-a", "energy_active_import", 10, "E"),
        _span("m-a", "energy_active_export", 1, "R"),
        _span("m-a", "energy_reactive_import", 99, "D"),
        _span("m-b", "energy_active_import", 20),
        _span("m-b", "energy_active_export", 2),
        _span("m-d", "energy_pv", 30),
    )
    assert energies_of(site, spans) == (
        Energy("a", 10, 1, "ER"),
        Energy("b", 2, 20, ""),
        Energy("c", 0, 0, "M"),
        Energy("d", 0, 30, ""),
    )


def test_energies_of_periods_add_up() -> None:
    """Sums by meter point, sorted, with every flag that occurred."""
    summed = sum_energies((Energy("b", 1, 2, "E"), Energy("a", 5, 0, "")), (Energy("b", 10, 20, "R"),))
    assert summed == (Energy("a", 5, 0, ""), Energy("b", 11, 22, "ER"))


def test_a_site_becomes_a_network_without_netting() -> None:
    """Both registers of an intake stand as source and sink; a tie is a feeder with both directions."""
    network = network_of(PARK, _energies(Intake=(10, 4), Tie=(6, 1)))
    assert network.busbars == ("A", "B")
    assert [tuple(row) for row in network.sources] == [("Intake", "A", 10)]
    assert [tuple(row) for row in network.sinks] == [("Intake", "A", 4)]
    assert [tuple(row) for row in network.feeders] == [("Tie", "A", "B", 6, 1)]


def test_a_park_closes_with_storage_by_origin() -> None:
    """Grid 600 at A (Mill 400, 200 to B); at B roof 600, battery 200: Press 800, Fans 100, charge 100.

    B mixes grid 200, solar 600, battery 200. The battery starts with 500 of solar; its charge is 20 grid, 60 solar and
    20 of itself. The 20 + 60 join first: pool grid 20, solar 560. At 850 permille, 200 out draw 235: grid 8, solar 227
    (8.1 and 226.9), give grid 7, solar 193 (6.8 and 193.2), lose grid 1, solar 34.
    """
    energies = _energies(
        Intake=(600, 0), Roof=(0, 600), Battery=(100, 200), Mill=(400, 0), Press=(800, 0), Fans=(100, 0), Tie=(200, 0)
    )
    closed = close_account(PARK, energies, (pool_of("Battery", (("solar", 500),)),), FACTORS, 0, 900)
    cells = {(row.source, row.sink): row.wh for row in closed.allocations}
    assert cells == {
        ("Intake", "Mill"): 400,
        ("Intake", "Battery"): 20,
        ("Intake", "Press"): 160,
        ("Intake", "Fans"): 20,
        ("Roof", "Battery"): 60,
        ("Roof", "Press"): 480,
        ("Roof", "Fans"): 60,
        ("Battery", "Battery"): 20,
        ("Battery", "Press"): 160,
        ("Battery", "Fans"): 20,
    }
    assert closed.residuals == () and closed.warnings == ()
    tallies = {row.meter_point: row for row in closed.tallies if row.factor_set == "trial"}
    assert sorted(tallies) == ["Battery", "Fans", "Mill", "Press"]
    assert tallies["Battery"].by_origin == (("grid", 1), ("solar", 34))
    assert tallies["Mill"].by_origin == (("grid", 400),) and tallies["Mill"].carbon_ug == 400 * 832500
    assert tallies["Press"].wh == 800 and tallies["Fans"].wh == 100
    # Everything that came in is used, lost or stored, for every origin; and so is its carbon.
    end = closed.pools_after[0].content
    used = merged(*[row.by_origin for row in tallies.values()])
    assert merged(used, end) == (("grid", 600), ("solar", 600 + 500))
    carbon = sum([row.carbon_ug for row in tallies.values()])
    assert carbon == 832500 * (600 - dict(end).get("grid", 0))
    assert amount(end) == 500 + 100 - 235
    both = [row.carbon_ug for row in closed.tallies if row.meter_point == "Mill"]
    assert both == [400 * 832500, 400 * 530600]
    assert [row.factors for row in closed.tallies if row.meter_point == "Mill"] == [("trial:grid",), ("average:grid",)]


def test_closing_twice_gives_the_same() -> None:
    """The account is a function of its arguments."""
    energies = _energies(
        Intake=(613, 7), Roof=(0, 599), Battery=(101, 199), Mill=(397, 0), Press=(797, 3), Tie=(211, 5)
    )
    pools = (pool_of("Battery", (("grid", 77), ("solar", 500))),)
    assert close_account(PARK, energies, pools, FACTORS, 0, 900) == close_account(
        PARK, tuple(reversed(energies)), pools, FACTORS, 0, 900
    )


def test_residuals_carry_carbon_under_their_own_name() -> None:
    """Of 100 Wh from the grid the load used 90: the other 10 are tallied as residual:A."""
    site = _site(_point("Intake", "intake", "A", "grid"), _point("Mill", "load"))
    closed = close_account(site, _energies(Intake=(100, 0), Mill=(90, 0)), (), FACTORS, 0, 900)
    assert [tuple(row) for row in closed.residuals] == [("A", "Intake", 10)]
    assert [(row.meter_point, row.wh, row.carbon_ug) for row in closed.tallies] == [
        ("Mill", 90, 90 * 832500),
        ("residual:A", 10, 10 * 832500),
    ]


def test_energy_of_unknown_origin_counts_as_grid_and_says_so() -> None:
    """What no meter saw come in, what a load gave and what a storage cannot explain have the grid's factor."""
    site = _site(
        _point("Mill", "load"), _point("Shop", "load"), _point("Battery", "storage", "A", "storage"), efficiency=1000
    )
    closed = close_account(site, _energies(Mill=(100, 0), Shop=(0, 30), Battery=(0, 20)), (), FACTORS, 0, 900)
    tally = closed.tallies[0]
    assert tally.by_origin == (("grid-unknown", 30), ("unknown", 20), ("unmetered", 50))
    assert tally.green_wh == 0 and tally.carbon_ug == 100 * 832500 and tally.factors == ("trial:grid",)
    assert sorted([warning.code for warning in closed.warnings]) == [
        "WP-ACC-021",
        "WP-ACC-023",
        "WP-ACC-024",
        "WP-ACC-032",
        "WP-ACC-032",
        "WP-ACC-032",
    ]


def test_a_set_without_a_factor_gives_no_tally_but_a_warning() -> None:
    """A figure is left out rather than made up."""
    site = _site(_point("Intake", "intake", "A", "grid"), _point("Mill", "load"), sets=("nowhere",))
    closed = close_account(site, _energies(Intake=(9, 0), Mill=(9, 0)), (), FACTORS, 0, 900)
    assert closed.tallies == () and [warning.code for warning in closed.warnings] == ["WP-ACC-031"]


def test_one_storage_may_charge_another() -> None:
    """Two storages on one busbar exchange energy in one interval, and every origin still adds up."""
    site = _site(
        _point("Roof", "generation", "A", "solar"),
        _point("One", "storage", "A", "storage"),
        _point("Two", "storage", "A", "storage"),
        _point("Mill", "load"),
        efficiency=900,
    )
    pools = (pool_of("One", (("grid", 1000),)), pool_of("Two", (("wind", 10),)))
    energies = _energies(Roof=(0, 100), One=(0, 300), Two=(250, 0), Mill=(150, 0))
    closed = close_account(site, energies, pools, FACTORS, 0, 900)
    used = merged(*[row.by_origin for row in closed.tallies])
    held = merged(*[pool.content for pool in closed.pools_after])
    assert merged(used, held) == (("grid", 1000), ("solar", 100), ("wind", 10))
    assert dict(closed.pools_after[1].content)["wind"] == 10


def test_a_declared_content_is_booked_before_the_interval() -> None:
    """400 Wh that were not there are lost of solar and grid alike, and count as the storage's loss; 50 more unknown."""
    site = _site(_point("Battery", "storage", "A", "storage"), _point("Mill", "load"), efficiency=1000)
    pools = (pool_of("Battery", (("grid", 400), ("solar", 400))),)
    energies = _energies(Battery=(0, 100), Mill=(100, 0))
    closed = close_account(site, energies, pools, FACTORS, 0, 900, (("Battery", -400), ("Battery", 50)))
    tallies = {row.meter_point: row.by_origin for row in closed.tallies}
    assert tallies["Battery"] == (("grid", 200), ("solar", 200))
    # 450 are left, of which the mill draws 100: 200 to 200 to 50.
    assert tallies["Mill"] == (("grid", 45), ("solar", 44), ("unknown", 11))
    assert closed.pools_after == (pool_of("Battery", (("grid", 155), ("solar", 156), ("unknown", 39))),)


def test_a_storage_point_without_its_table_is_a_mistake_of_the_program() -> None:
    """Every site that was read has one for each; what was not read so is not accounted for by a guess."""
    try:
        storage_of(_site(_point("Mill", "load")), "Battery")
    except AssertionError:
        return
    raise ValueError("a storage was made up")


def _spelled(value: object) -> str:
    """Write rows alike on every interpreter, whatever their class."""
    if isinstance(value, tuple):
        return "(" + ",".join([_spelled(item) for item in value]) + ")"
    return str(value)


def vectors() -> "list[bytes]":
    """Twenty intervals of the park one after another, the pool of one being the start of the next."""
    pieces = []
    pools: "tuple[Pool, ...]" = (pool_of("Battery", (("grid", 77), ("solar", 423))),)
    for n in range(20):
        energies = _energies(
            Intake=(600 + 31 * n, 3 * n), Roof=(0, 600 + 17 * n), Battery=(100 + 7 * n, 90), Mill=(400 + 5 * n, 0),
            Press=(790 + n, 0), Fans=(100, 0), Tie=(200 + 11 * n, n),
        )  # fmt: skip
        closed = close_account(PARK, energies, pools, FACTORS, 900 * n, 900 * n + 900)
        pools = closed.pools_after
        pieces.append(_spelled((closed.allocations, closed.residuals, closed.tallies, pools)).encode())
    return pieces
