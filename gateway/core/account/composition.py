"""Composition: one park out of the parts that several gateways measure, joined at the ties between them.

Everything of a part is named "<gateway>/<name>" in the park, so that two busbars are one only where a tie says so:
a tie to "<gateway>/<busbar>" ends at that busbar of the other part. The park is then closed as one site would be,
which is why its trace is the trace of the whole park computed in one. The meter points are taken in the order of
their full names, whatever order the files of the gateways have.

A part whose interval is late or missing gives nothing. What the others sent it stays residual at its busbars, and
what they drew from it is an unmetered source, with the factor of the grid, until its interval is there.
"""

from collections import namedtuple

from gateway.core.account.closing import Closed, close_account
from gateway.core.account.factor import FactorTable
from gateway.core.account.interval import Energy
from gateway.core.account.storage import Pool, opening_pools
from gateway.core.site import MeterPoint, Park, SelfUseRule, Storage


class Part(namedtuple("Part", ("gateway", "busbars", "meter_points", "storages", "energies"))):
    """What one gateway measures of a park; energies is None where its interval is missing.

    busbars: the names of its own; a tie to any other ends in another part.
    """

    __slots__ = ()
    gateway: str
    busbars: "tuple[str, ...]"
    meter_points: "tuple[MeterPoint, ...]"
    storages: "tuple[Storage, ...]"
    energies: "tuple[Energy, ...] | None"


def full_name(gateway: str, name: str) -> str:
    """Return how something of a gateway is called in its park."""
    return "%s/%s" % (gateway, name)


def far_end(part: Part, point: MeterPoint) -> str:
    """Return the full name of the busbar in another part at which a tie ends, "" where it ends in its own part."""
    return "" if point.to_busbar in part.busbars else point.to_busbar


def compose_site(
    parts: "tuple[Part, ...]", factor_sets: "tuple[str, ...]", province: str, self_use: SelfUseRule
) -> Park:
    """Return the park that *parts* make together."""
    points = []
    storages = []
    for part in parts:
        for one in part.meter_points:
            to = far_end(part, one) or full_name(part.gateway, one.to_busbar)
            points.append(
                MeterPoint(
                    full_name(part.gateway, one.name), one.role, full_name(part.gateway, one.meter),
                    full_name(part.gateway, one.busbar), to if one.role == "tie" else "", one.origin, one.reversed,
                )
            )  # fmt: skip
        for row in part.storages:
            name = full_name(part.gateway, row.meter_point)
            storages.append(Storage(name, row.initial_wh, row.initial_origin, row.efficiency_permille, row.rule))
    points.sort(key=lambda point: point.name)
    storages.sort(key=lambda storage: storage.meter_point)
    return Park(tuple(points), tuple(storages), factor_sets, province, self_use)


def compose_energies(parts: "tuple[Part, ...]") -> "tuple[Energy, ...]":
    """Return what all meter points of the park counted, as far as it is known."""
    rows = []
    for part in parts:
        for one in part.energies or ():
            rows.append(Energy(full_name(part.gateway, one.meter_point), one.import_wh, one.export_wh, one.flag))
    return tuple(sorted(rows, key=lambda row: row.meter_point))


def opened(park: Park, pools: "tuple[Pool, ...]") -> "tuple[Pool, ...]":
    """Return *pools*, and for every storage that has none yet its initial content."""
    known = [pool.storage for pool in pools]
    return tuple(list(pools) + [pool for pool in opening_pools(park) if pool.storage not in known])


def close_park(
    park: Park,
    energies: "tuple[Energy, ...]",
    pools: "tuple[Pool, ...]",
    factors: FactorTable,
    start_s: int,
    end_s: int,
    corrections: "tuple[tuple[str, int], ...]" = (),
) -> Closed:
    """Close one interval of a composed park by the flow method; corrections as of `close_account`.

    A storage without a pool opens with its initial content; pools of storages that are not there now are kept.
    """
    closed = close_account(park, energies, opened(park, pools), factors, start_s, end_s, corrections)
    now = [pool.storage for pool in closed.pools_after]
    after = list(closed.pools_after) + [pool for pool in pools if pool.storage not in now]
    after.sort(key=lambda pool: pool.storage)
    return Closed(closed.allocations, closed.residuals, closed.tallies, tuple(after), closed.warnings)


def common_cuts(spans: "list[tuple[int, int]]") -> "list[tuple[int, int]]":
    """Return the finest periods that cut none of *spans*, the intervals of all parts, sorted by their start."""
    periods: "list[tuple[int, int]]" = []
    for start_s, end_s in spans:
        if periods and start_s < periods[-1][1]:
            periods[-1] = (periods[-1][0], max(periods[-1][1], end_s))
        else:
            periods.append((start_s, end_s))
    return periods
