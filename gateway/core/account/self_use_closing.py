"""SelfUseClosing: a period by the published self-use rule, with the choices that its text leaves open.

发改能源〔2026〕688号 (十一). The choices are those of the configuration's [self_use]; see docs/accounting-method.md.
"""

from collections import namedtuple

from gateway.core.account.closing import Closed, held_of, storage_of
from gateway.core.account.factor import RENEWABLE, FactorTable
from gateway.core.account.interval import Energy
from gateway.core.account.point_energy import flows, origin_of
from gateway.core.account.self_use import GRID, Renewable, allocate
from gateway.core.account.share import share
from gateway.core.account.storage import UNKNOWN, Pool, amount, charge, discharge, merged
from gateway.core.account.tally import Tallier
from gateway.core.account.trace import LOSS, ORIGIN, SELF_USE, Allocation
from gateway.core.site import LOAD_FIRST, OF_GENERATION, PROPORTIONAL, Park, Site


class _Period(namedtuple("_Period", ("given", "fossil_wh", "export_wh", "users", "plants", "stores"))):
    """The energies of a period as the rule looks at them.

    given: by origin, everything that is not renewable as "grid"; fossil_wh: how much of that was generated inside.
    users: [(name, wh)] of everything that consumed; plants: names of those that are parts of plants.
    stores: [(name, discharge, charge)].
    """

    __slots__ = ()
    given: "dict[str, int]"
    fossil_wh: int
    export_wh: int
    users: "list[tuple[str, int]]"
    plants: "list[str]"
    stores: "list[tuple[str, int, int]]"


def close_self_use(
    site: "Site | Park",
    energies: "tuple[Energy, ...]",
    pools: "tuple[Pool, ...]",
    factors: FactorTable,
    start_s: int,
    end_s: int,
) -> Closed:
    """Close one period by the published self-use rule; energies are the sums of the period, pools its opening.

    What storage was charged with came from what generation and the grid gave in the period; what it released is
    explained by its account after that. The storage accounts themselves are kept by the intervals, not here.
    """
    assert start_s < end_s
    period = _period(site, energies)
    given, users = period.given, period.users
    own: "list[Allocation]" = []
    if site.self_use.own_use == OF_GENERATION:
        given, users, own = _own_use(period)
    origins = sorted(given)
    charged: "list[tuple[str, int]]" = []
    released: "list[tuple[str, int]]" = []
    splits = _charges(site, origins, given, [takes for _, _, takes in period.stores])
    for n in range(len(period.stores)):
        name, gives, takes = period.stores[n]
        mix = [(origins[k], splits[n][k]) for k in range(len(origins))]
        mix.append((UNKNOWN, takes - amount(tuple(mix))))
        storage = storage_of(site, name)
        release = discharge(charge(held_of(pools, name), merged(tuple(mix)), storage, start_s), gives, storage)
        charged.extend(mix)
        released.extend(release.mix)
    names = sorted({origin for origin in origins if origin != GRID} | {o for o, _ in released if o in RENEWABLE})
    renewables = []
    for origin in names:
        into = sum([wh for o, wh in charged if o == origin])
        back = sum([wh for o, wh in released if o == origin])
        renewables.append(Renewable(origin, given.get(origin, 0), into, back))
    export = period.export_wh
    ready = sum([row.generated_wh - row.charged_wh + row.discharged_wh for row in renewables])
    if site.self_use.export == PROPORTIONAL and period.fossil_wh and export:
        export = share(min(export, ready + period.fossil_wh), (ready, period.fossil_wh))[0]
    trace = allocate(tuple(renewables), export, tuple(users))
    allocations = tuple(own) + trace.allocations
    mixes: "dict[str, tuple[tuple[str, int], ...]]" = {}
    for row in allocations:
        mixes[row.sink] = merged(mixes.get(row.sink, ()), ((row.source[len(ORIGIN) :], row.wh),))
    tallier = Tallier(factors, site.factor_sets, site.province, start_s, SELF_USE)
    tallies = []
    for name in [name for name, _ in period.users] + [LOSS]:
        if name in mixes:
            tallies.extend(tallier.tallies(name, mixes[name]))
    return Closed(allocations, (), tuple(tallies), (), tuple(tallier.warnings))


def _period(site: "Site | Park", energies: "tuple[Energy, ...]") -> _Period:
    energy = {row.meter_point: row for row in energies}
    given: "dict[str, int]" = {GRID: 0}
    export = fossil = 0
    users = []
    plants = []
    stores = []
    for point in site.meter_points:
        if point.name not in energy or point.role == "tie":
            continue
        gives, takes = flows(point, energy[point.name])
        if point.role == "storage":
            stores.append((point.name, gives, takes))
            continue
        origin = origin_of(point) if point.role == "generation" else GRID
        if origin not in RENEWABLE:
            origin = GRID
            fossil += gives if point.role == "generation" else 0
        given[origin] = given.get(origin, 0) + gives
        if point.role == "intake":
            export += takes
        else:
            users.append((point.name, takes))
            if point.role != "load":
                plants.append(point.name)
    return _Period(given, fossil, export, users, plants, stores)


def _own_use(period: _Period) -> "tuple[dict[str, int], list[tuple[str, int]], list[Allocation]]":
    """Take what plants draw for themselves off renewable generation; what it cannot cover they use like any user.

    Returns what is left of generation and of consumption, and the allocations of what was taken off.
    """
    green = [origin for origin in sorted(period.given) if origin != GRID]
    given = dict(period.given)
    users = dict(period.users)
    own = []
    for name in period.plants:
        left = [given[origin] for origin in green]
        parts = share(min(users[name], sum(left)), left)
        for k in range(len(green)):
            if parts[k]:
                given[green[k]] -= parts[k]
                users[name] -= parts[k]
                own.append(Allocation(SELF_USE, ORIGIN + green[k], name, parts[k]))
    return given, [(name, users[name]) for name, _ in period.users], own


def _charges(
    site: "Site | Park", origins: "list[str]", given: "dict[str, int]", charges: "list[int]"
) -> "list[list[int]]":
    """Split each charge over the origins, no more of any than it gave.

    In proportion to what they gave; or, where renewable energy goes to loads first, from the grid while it gave.
    """
    splits = []
    left = [given[origin] for origin in origins]
    for wh in charges:
        parts = [0] * len(origins)
        if site.self_use.charging == LOAD_FIRST:
            grid = origins.index(GRID)
            parts[grid] = min(wh, left[grid])
            left[grid] -= parts[grid]
            wh -= parts[grid]
        rest = share(min(wh, sum(left)), left)
        left = [left[k] - rest[k] for k in range(len(left))]
        splits.append([parts[k] + rest[k] for k in range(len(left))])
    return splits
