"""Composing a park of two cabinets, with figures worked by hand."""

from gateway.core.account.composition import Part, close_park, common_cuts, compose_energies, compose_site, far_end
from gateway.core.account.factor import read_factors
from gateway.core.account.interval import Energy
from gateway.core.account.storage import pool_of
from gateway.core.fields import Fields
from gateway.core.problem import Problem
from gateway.core.site import MIXING, MeterPoint, Park, SelfUseRule, Storage
from gateway.core.site_points import read_meter_points, shared_busbars

FACTORS = read_factors(
    {
        "set": [
            {
                "id": "t",
                "basis": "b",
                "source": "s",
                "valid_from": "1970-01-01",
                "grid": {"*": "0.5"},
                "zero": ["solar"],
            }
        ]
    }
)[0]
assert FACTORS is not None
HOURLY = SelfUseRule(3600, "proportional", "user", "renewable")


def _one(*energies: "tuple[str, int, int]") -> Part:
    """Cabinet one: grid and roof on its busbar, and the meter of the tie to cabinet two."""
    points = (
        MeterPoint("Intake", "intake", "m1", "LV", "", "grid", False),
        MeterPoint("Roof", "generation", "m2", "LV", "", "solar", False),
        MeterPoint("Mill", "load", "m3", "LV", "", "", False),
        MeterPoint("Tie", "tie", "m4", "LV", "two/LV", "", False),
    )
    return Part("one", ("LV",), points, (), tuple([Energy(name, wh, back, "") for name, wh, back in energies]))


def _two(wh: "int | None") -> Part:
    """Cabinet two: a mill, on a busbar that has the same name as that of the other."""
    points = (MeterPoint("Mill", "load", "m1", "LV", "", "", False),)
    return Part("two", ("LV",), points, (), None if wh is None else (Energy("Mill", wh, 0, ""),))


def _closed(*parts: Part) -> "tuple[dict[tuple[str, str], int], dict[tuple[str, str], int], dict[str, int]]":
    """Return who fed whom, what each busbar kept of whom, and the carbon of each sink."""
    park = compose_site(parts, ("t",), "", HOURLY)
    closed = close_park(park, compose_energies(parts), (), FACTORS, 0, 900)
    fed = {(row.source, row.sink): row.wh for row in closed.allocations}
    kept = {(row.busbar, row.source): row.wh for row in closed.residuals}
    return fed, kept, {row.meter_point: row.carbon_ug for row in closed.tallies}


ENERGIES = (("Intake", 60, 0), ("Roof", 0, 40), ("Mill", 50, 0), ("Tie", 50, 0))


def test_cabinets_are_joined_where_a_tie_says_so_and_nowhere_else() -> None:
    """What the tie carried is grid and sun as six to four; two busbars of the same name stay two."""
    fed, kept, carbon = _closed(_two(45), _one(*ENERGIES))
    assert fed == {
        ("one/Intake", "one/Mill"): 30,
        ("one/Roof", "one/Mill"): 20,
        ("one/Intake", "two/Mill"): 27,
        ("one/Roof", "two/Mill"): 18,
    }
    assert kept == {("two/LV", "one/Intake"): 3, ("two/LV", "one/Roof"): 2}
    assert carbon == {"one/Mill": 15000000, "two/Mill": 13500000, "residual:two/LV": 1500000}


def test_what_went_to_a_part_whose_interval_is_missing_is_nobodys() -> None:
    """Without the interval of cabinet two all that the tie carried is residual at its busbar."""
    fed, kept, _carbon = _closed(_one(*ENERGIES), _two(None))
    assert sorted(sink for _, sink in fed) == ["one/Mill", "one/Mill"]
    assert kept == {("two/LV", "one/Intake"): 30, ("two/LV", "one/Roof"): 20}


def test_what_came_from_a_part_whose_interval_is_missing_has_the_factor_of_the_grid() -> None:
    """The mill of cabinet two draws from an unmetered source, although the sun may have shone on cabinet one."""
    blind = Part("one", ("LV",), _one().meter_points, (), None)
    fed, kept, carbon = _closed(blind, _two(45))
    assert fed == {("unmetered:two/LV", "two/Mill"): 45} and kept == {}
    assert carbon == {"two/Mill": 22500000}


def test_everything_of_a_part_has_a_full_name() -> None:
    """Names hold the gateway; the tie ends at the busbar of the other part."""
    park = compose_site((_two(1), _one()), ("t",), "Jiangsu", HOURLY)
    assert isinstance(park, Park)
    assert [point.name for point in park.meter_points] == ["one/Intake", "one/Mill", "one/Roof", "one/Tie", "two/Mill"]
    assert park.meter_points[3].to_busbar == "two/LV" and park.meter_points[3].meter == "one/m4"


def test_a_tie_may_end_at_a_busbar_of_another_gateway() -> None:
    """ "<gateway>/<busbar>" is taken where it is not this gateway's own; anything else must be a busbar of the file."""
    wrong = []
    for to in ("two/LV", "one/LV", "two/", "/LV", "HV", "10kV/0.4kV"):
        problems: "list[Problem]" = []
        tie = {"name": "Tie", "role": "tie", "meter": "m", "busbar": "LV", "to_busbar": to}
        top = Fields({"meter_point": [tie]}, "", problems)
        read_meter_points(top, ["m"], ["LV", "HV"], "one")
        if problems:
            assert [one.code for one in problems] == ["WP-CFG-008"]
            wrong.append(to)
    assert wrong == ["one/LV", "two/", "/LV"]


def test_busbars_with_meters_of_several_gateways_are_known() -> None:
    """They are the far ends of ties, and those that name ties of others; not those of ties inside the cabinet."""
    ties = [{"name": "A", "to_busbar": "LV2"}, {"name": "B", "to_busbar": "two/LV"}, {"name": "C"}]
    plain = {"busbar": [{"name": "LV1"}, {"name": "LV2", "ties": ["two/Tie"]}], "meter_point": ties}
    assert shared_busbars(plain) == ("LV2", "two/LV")


def test_storages_of_parts_have_full_names_and_open_with_what_they_held() -> None:
    """A battery of cabinet one begins with its 500 of solar; the pool of one that is gone now is kept."""
    battery = MeterPoint("Battery", "storage", "m5", "LV", "", "storage", False)
    points = _one().meter_points + (battery,)  # noqa: RUF005 - MicroPython has no (*a,)
    part = Part(
        "one", ("LV",), points, (Storage("Battery", 500, "solar", 1000, MIXING),),
        (Energy("Battery", 0, 200, ""), Energy("Mill", 200, 0, "")),
    )  # fmt: skip
    park = compose_site((part,), ("t",), "", HOURLY)
    assert park.storages == (Storage("one/Battery", 500, "solar", 1000, MIXING),)
    gone = pool_of("zero/Battery", (("grid", 7),))
    closed = close_park(park, compose_energies((part,)), (gone,), FACTORS, 0, 900)
    assert closed.pools_after == (pool_of("one/Battery", (("solar", 300),)), gone)
    again = close_park(park, compose_energies((part,)), closed.pools_after, FACTORS, 900, 1800)
    assert again.pools_after == (pool_of("one/Battery", (("solar", 100),)), gone)


def test_a_tie_inside_a_cabinet_ends_at_a_busbar_of_that_cabinet() -> None:
    """Its far end is none, and gets the name of its gateway."""
    tie = MeterPoint("Tie", "tie", "m1", "LV", "HV", "", False)
    part = Part("one", ("LV", "HV"), (tie,), (), None)
    assert far_end(part, tie) == ""
    assert compose_site((part,), ("t",), "", HOURLY).meter_points[0].to_busbar == "one/HV"


def test_periods_that_cut_no_interval() -> None:
    """Intervals of 15 and of 10 minutes meet every half hour; what only touches is not joined."""
    spans = [(0, 600), (0, 900), (600, 1200), (900, 1800), (1200, 1800), (1800, 2400), (2400, 3000)]
    assert common_cuts(spans) == [(0, 1800), (1800, 2400), (2400, 3000)]
    assert common_cuts([]) == []
