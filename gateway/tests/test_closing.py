"""Random parks: whatever the meters say, both methods close to the watt-hour, for every origin and its carbon."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.account.closing import close_account, flows, origin_of
from gateway.core.account.interval import Energy
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.storage import Layer, Pool, merged
from gateway.core.site import STORAGE_RULES, MeterPoint, SelfUseRule, Site, Storage
from gateway.factors import load_factors

FACTORS = load_factors()
START_S = 1790000100
WH = st.one_of(st.just(0), st.integers(0, 20), st.integers(0, 10**7))
BUSBARS = ("A", "B", "C")
ROLES = ("intake", "generation", "storage", "load", "own_use", "tie")
Park = tuple[Site, tuple[Energy, ...], tuple[Pool, ...]]


def rules() -> st.SearchStrategy[SelfUseRule]:
    """Draw every choice of the self-use rule."""
    return st.builds(
        SelfUseRule,
        st.just(3600),
        st.sampled_from(("proportional", "load-first")),
        st.sampled_from(("user", "generation")),
        st.sampled_from(("renewable", "proportional")),
    )


@st.composite
def parks(draw: st.DrawFn) -> Park:
    """Draw a park of up to three busbars with energies that need not balance."""
    points = []
    energies = []
    storages = []
    pools = []
    for n in range(draw(st.integers(1, 9))):
        role = draw(st.sampled_from(ROLES))
        name = f"{role}{n}"
        busbar = draw(st.integers(0, 2))
        end = BUSBARS[(busbar + draw(st.integers(1, 2))) % 3] if role == "tie" else ""
        origin = {"intake": "grid", "storage": "storage", "load": "", "own_use": "", "tie": ""}.get(role)
        if origin is None:
            origin = draw(st.sampled_from(("solar", "wind", "gas")))
        points.append(MeterPoint(name, role, "m", BUSBARS[busbar], end, origin, False))
        energies.append(Energy(name, draw(WH), draw(WH), ""))
        if role == "storage":
            storages.append(
                Storage(name, 0, "grid", draw(st.integers(500, 1000)), draw(st.sampled_from(STORAGE_RULES)))
            )
            charged = draw(st.lists(st.sampled_from(("grid", "solar")), max_size=4))
            held = [Layer(900 * number, merged(((o, draw(WH)),))) for number, o in enumerate(charged)]
            pools.append(Pool(name, tuple(layer for layer in held if layer.mix)))
    site = Site(
        "g",
        "p",
        900,
        5,
        60,
        30,
        draw(rules()),
        "Jiangsu",
        ("NDRC910-trial",),
        (),
        (),
        tuple(points),
        tuple(storages),
        60,
        "first-after",
        "linear",
    )
    return site, tuple(energies), tuple(pools)


@settings(deadline=None, max_examples=200)
@given(parks())
def test_a_park_closes_for_every_origin(park: Park) -> None:
    """By origin: sources and opening content are used, lost, residual or in the closing content; nothing is left."""
    site, energies, pools = park
    closed = close_account(site, energies, pools, FACTORS, START_S, START_S + 900)
    came: tuple[tuple[str, int], ...] = ()
    taken = {}
    for point, energy in zip(site.meter_points, energies, strict=True):
        gives, takes = flows(point, energy)
        if point.role not in ("tie", "storage"):
            came = merged(came, ((origin_of(point), gives),))
        if point.role != "tie":
            taken[point.name] = takes
    for name, takes in taken.items():
        assert sum(row.wh for row in closed.allocations if row.sink == name) == takes
    made_up = {"WP-ACC-021": "unmetered", "WP-ACC-023": "unknown"}
    for warning in closed.warnings:
        if warning.code in made_up:
            wh = warning.values["wh"]
            assert isinstance(wh, int)
            came = merged(came, ((made_up[warning.code], wh),))
    went = merged(*[row.by_origin for row in closed.tallies])
    held_before = merged(*[pool.content for pool in pools])
    held_after = merged(*[pool.content for pool in closed.pools_after])
    assert merged(went, held_after) == merged(came, held_before)
    for tally in closed.tallies:
        assert sum(wh for _, wh in tally.by_origin) == tally.wh
        dirty = sum(wh for origin, wh in tally.by_origin if origin not in ("solar", "wind"))
        assert (tally.green_wh, tally.carbon_ug) == (tally.wh - dirty, dirty * 832500)


@settings(deadline=None, max_examples=200)
@given(parks())
def test_the_self_use_rule_closes_for_every_user(park: Park) -> None:
    """Every user's allocations are the user's consumption; a user's self-use is within 1 Wh of the published share."""
    site, energies, pools = park
    closed = close_self_use(site, energies, pools, FACTORS, START_S, START_S + 3600)
    takes = {
        point.name: flows(point, energy)[1]
        for point, energy in zip(site.meter_points, energies, strict=True)
        if point.role in ("generation", "load", "own_use")
    }
    green = dict.fromkeys((*takes, "loss"), 0)
    for name, wh in takes.items():
        assert sum(row.wh for row in closed.allocations if row.sink == name) == wh
    for row in closed.allocations:
        if row.source != "origin:grid":
            green[row.sink] += row.wh
    used = sum(green[name] for name in takes)
    whole = sum(takes.values())
    for name, wh in takes.items():
        assert green[name] <= wh
        if site.self_use.own_use == "user":  # else plants are served first
            assert abs(green[name] * whole - used * wh) < max(whole, 1)
    assert green["loss"] == 0 or used == whole
