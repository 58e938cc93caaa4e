"""Random parks cut into the parts of several gateways: composed, they are the whole park computed in one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.account.closing import Closed, close_account
from gateway.core.account.composition import Part, close_park, common_cuts, compose_energies, compose_site, opened
from gateway.core.account.flow_tracing import trace_flow
from gateway.core.account.interval import Energy
from gateway.core.account.network import Feeder, Sink, Source
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.storage import Pool, opening_pools
from gateway.core.site import STORAGE_RULES, MeterPoint, SelfUseRule, Site, Storage
from gateway.factors import load_factors

FACTORS = load_factors()
SETS = ("NDRC910-trial", "grid-2023")
START_S = 1790000100
STEP_S = 900
RULE = SelfUseRule(3600, "proportional", "user", "renewable")
WH = st.one_of(st.just(0), st.integers(0, 20), st.integers(0, 10**7))
ROLES = ("intake", "generation", "storage", "load", "own_use", "tie", "tie")
ORIGINS = {"intake": "grid", "storage": "storage", "load": "", "own_use": "", "tie": ""}

Steps = list[tuple[Energy, ...]]
Drawn = tuple[list[MeterPoint], list[Storage], Steps, dict[str, str]]


@st.composite
def parks(draw: st.DrawFn) -> Drawn:
    """Draw a park of up to six busbars with loops of ties, three intervals of it, and whose gateway is whose.

    All names are full ones. Registers are gross: a tie may count both ways in one interval.
    """
    count = draw(st.integers(2, 6))
    owners = [f"g{draw(st.integers(1, 4))}" for _ in range(count)]
    busbars = [f"{owner}/B{n}" for n, owner in enumerate(owners)]
    points = []
    storages = []
    for n in range(draw(st.integers(2, 14))):
        role = draw(st.sampled_from(ROLES))
        at = draw(st.integers(0, count - 1))
        to = busbars[(at + draw(st.integers(1, count - 1))) % count] if role == "tie" else ""
        origin = ORIGINS.get(role)
        if origin is None:
            origin = draw(st.sampled_from(("solar", "wind", "gas")))
        name = f"{owners[at]}/{role}{n}"
        points.append(MeterPoint(name, role, f"{owners[at]}/m{n}", busbars[at], to, origin, False))
        if role == "storage":
            efficiency, rule = draw(st.integers(500, 1000)), draw(st.sampled_from(STORAGE_RULES))
            storages.append(Storage(name, draw(WH), "grid", efficiency, rule))
    steps = [tuple(Energy(point.name, draw(WH), draw(WH), "") for point in points) for _ in range(3)]
    return points, storages, steps, dict(zip(busbars, owners, strict=True))


def site_of(drawn: Drawn) -> Site:
    """Return the whole park as the site of one gateway, in the order of the names."""
    points, storages = tuple(sorted(drawn[0])), tuple(sorted(drawn[1]))
    return Site(
        "one", "p", STEP_S, 5, 60, 30, RULE, "Jiangsu", SETS, (), (), points, storages, 60, "first-after", "linear"
    )  # fmt: skip


def in_one(drawn: Drawn, known: list[set[str]]) -> list[Closed]:
    """Close the whole park as the site of one gateway would, with the energies of the gateways in *known* alone."""
    steps = drawn[2]
    site = site_of(drawn)
    pools = opening_pools(site)
    closed = []
    for number, energies in enumerate(steps):
        seen = tuple(row for row in energies if row.meter_point.split("/")[0] in known[number])
        start_s = START_S + number * STEP_S
        closed.append(close_account(site, seen, pools, FACTORS, start_s, start_s + STEP_S))
        pools = closed[-1].pools_after
    return closed


def parts_of(drawn: Drawn, number: int, known: set[str]) -> tuple[Part, ...]:
    """Return what each gateway's own file and interval say: short names, but for busbars of others."""
    points, storages, steps, owners = drawn

    def short(gateway: str, name: str) -> str:
        return name.removeprefix(gateway + "/")

    parts = []
    for gateway in sorted(set(owners.values()), reverse=number % 2 == 1):
        own = [
            point._replace(
                name=short(gateway, point.name),
                meter=short(gateway, point.meter),
                busbar=short(gateway, point.busbar),
                to_busbar=short(gateway, point.to_busbar),
            )
            for point in points
            if owners[point.busbar] == gateway
        ]
        held = [row for row in storages if row.meter_point.startswith(gateway + "/")]
        energies = [row for row in steps[number] if row.meter_point.startswith(gateway + "/")]
        parts.append(
            Part(
                gateway,
                tuple(short(gateway, busbar) for busbar, owner in owners.items() if owner == gateway),
                tuple(own),
                tuple(row._replace(meter_point=short(gateway, row.meter_point)) for row in held),
                tuple(row._replace(meter_point=short(gateway, row.meter_point)) for row in energies)
                if gateway in known
                else None,
            )
        )
    return tuple(parts)


def composed(drawn: Drawn, known: list[set[str]]) -> list[Closed]:
    """Close the park part by part, interval by interval."""
    pools: tuple[Pool, ...] = ()
    closed = []
    for number in range(len(drawn[2])):
        parts = parts_of(drawn, number, known[number])
        park = compose_site(parts, SETS, "Jiangsu", RULE)
        start_s = START_S + number * STEP_S
        closed.append(close_park(park, compose_energies(parts), pools, FACTORS, start_s, start_s + STEP_S))
        pools = closed[-1].pools_after
    return closed


def with_sorted_pools(closed: list[Closed]) -> list[Closed]:
    """Return *closed* with pools by name: a site lists them by its own file."""
    return [one._replace(pools_after=tuple(sorted(one.pools_after))) for one in closed]


@settings(deadline=None, max_examples=150)
@given(parks())
def test_the_composed_park_is_the_whole_park_in_one_bit_for_bit(drawn: Drawn) -> None:
    """Allocations, residuals, tallies, pools and warnings are those of one gateway over all, loops and reversal too."""
    everybody = [set(drawn[3].values())] * len(drawn[2])
    assert composed(drawn, everybody) == with_sorted_pools(in_one(drawn, everybody))


@settings(deadline=None, max_examples=100)
@given(parks(), st.data())
def test_a_missing_part_counts_nothing_and_what_came_from_it_is_unmetered(drawn: Drawn, data: st.DataObject) -> None:
    """The park without a part is the park whose meters there are silent; each sum closes, and no green is made up."""
    gateways = sorted(set(drawn[3].values()))
    known = [data.draw(st.sets(st.sampled_from(gateways))) for _ in drawn[2]]
    closed = composed(drawn, known)
    assert closed == with_sorted_pools(in_one(drawn, known))
    points = {point.name: point for point in drawn[0]}
    for number, one in enumerate(closed):
        seen = [row for row in drawn[2][number] if row.meter_point.split("/")[0] in known[number]]
        made: dict[str, int] = {}
        for row in one.allocations:
            made[row.source] = made.get(row.source, 0) + row.wh
        for residual in one.residuals:
            made[residual.source] = made.get(residual.source, 0) + residual.wh
        for energy in seen:
            point = points[energy.meter_point]
            if point.role != "tie":
                gives = energy.import_wh if point.role == "intake" else energy.export_wh
                assert made.pop(point.name, 0) == gives
        assert all(source.startswith("unmetered:") for source in made)


@settings(deadline=None, max_examples=100)
@given(parks())
def test_the_self_use_of_the_composed_park_is_that_of_the_whole_park(drawn: Drawn) -> None:
    """By the published rule too, the park of several gateways is one project: ties do not matter to it."""
    everybody = set(drawn[3].values())
    parts = parts_of(drawn, 0, everybody)
    park = compose_site(parts, SETS, "Jiangsu", RULE)
    pools = opened(park, ())
    composed_one = close_self_use(park, compose_energies(parts), pools, FACTORS, START_S, START_S + STEP_S)
    site = site_of(drawn)
    assert composed_one == close_self_use(site, drawn[2][0], opening_pools(site), FACTORS, START_S, START_S + STEP_S)


def test_periods_cut_no_interval_of_any_part() -> None:
    """Quarter hours beside minutes give quarter hours; ten beside fifteen minutes give the half hour."""
    minutes = [(60 * n, 60 * n + 60) for n in range(30)]
    assert common_cuts(minutes) == minutes
    assert common_cuts(sorted([*minutes, (0, 900)])) == [(0, 900), *minutes[15:]]
    assert common_cuts([(0, 600), (0, 900), (600, 1200), (900, 1800), (1200, 1800), (2400, 3000)]) == [
        (0, 1800), (2400, 3000),
    ]  # fmt: skip


def test_the_loss_of_a_transformer_metered_at_both_ends_is_its_own() -> None:
    """A busbar between both meters keeps what is lost, by what it carried; energy the other way is not netted."""
    feeders = (Feeder("T1 high", "HV", "T1", 1000, 0), Feeder("T1 low", "T1", "LV", 980, 30))
    sources = (Source("Grid", "HV", 1000), Source("PV", "LV", 250))
    sinks = (Sink("Mill", "LV", 1200),)
    trace = trace_flow(("HV", "T1", "LV"), sources, sinks, feeders)
    assert trace.warnings == ()
    # T1 holds 1000 of the grid and 30 that came back from LV, which holds grid and PV as 980 g : 250 with g the
    # grid's part in T1. g = (1000 + 30 p) / 1030 and p = 980 g / 1230 give g = 1000 / (1030 - 30 * 980 / 1230).
    grid_in_t1 = 1000 / (1030 - 30 * 980 / 1230)
    kept = {row.source: row.wh for row in trace.residuals if row.busbar == "T1"}
    assert sum(kept.values()) == 1000 + 30 - 980
    assert abs(kept["Grid"] - 50 * grid_in_t1) < 1 and abs(kept.get("PV", 0) - 50 * (1 - grid_in_t1)) < 1
    assert sum(row.wh for row in trace.residuals if row.busbar == "HV") == 0
