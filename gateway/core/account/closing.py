"""Closing: from the energies of meter points to traces, tallies and storage accounts, by the flow method.

Everything here is a function of its arguments alone: the gateway closes an interval with it, and whoever verifies
calls it again on the published energies and compares.
"""

from collections import namedtuple

from gateway.core.account.factor import FactorTable
from gateway.core.account.flow_tracing import trace_flow
from gateway.core.account.interval import Energy
from gateway.core.account.point_energy import energies_of as energies_of
from gateway.core.account.point_energy import flows as flows
from gateway.core.account.point_energy import network_of as network_of
from gateway.core.account.point_energy import origin_of as origin_of
from gateway.core.account.point_energy import registers_of as registers_of
from gateway.core.account.point_energy import sum_energies as sum_energies
from gateway.core.account.share import share_table
from gateway.core.account.storage import UNKNOWN, Pool, charge, corrected, discharge, merged
from gateway.core.account.tally import Tallier, Tally
from gateway.core.account.trace import FLOW, RESIDUAL, UNMETERED, Allocation, Residual
from gateway.core.problem import Problem, problem
from gateway.core.site import MeterPoint, Park, Site, Storage

UNSEEN = "unmetered"  # origin of what a busbar gave out and was not seen to take in


class Closed(namedtuple("Closed", ("allocations", "residuals", "tallies", "pools_after", "warnings"))):
    """What a period came to."""

    __slots__ = ()
    allocations: "tuple[Allocation, ...]"
    residuals: "tuple[Residual, ...]"
    tallies: "tuple[Tally, ...]"
    pools_after: "tuple[Pool, ...]"
    warnings: "tuple[Problem, ...]"


def close_account(
    site: "Site | Park",
    energies: "tuple[Energy, ...]",
    pools: "tuple[Pool, ...]",
    factors: FactorTable,
    start_s: int,
    end_s: int,
    corrections: "tuple[tuple[str, int], ...]" = (),
) -> Closed:
    """Close one interval by the flow method: traces, storage accounts, tallies.

    corrections: (storage, Wh) by which a person declared that it holds more or less than its account says.
    """
    assert start_s < end_s
    declared: "dict[str, tuple[tuple[str, int], ...]]" = {}
    held = {name: held_of(pools, name) for name, _ in corrections}
    for name, wh in corrections:
        held[name], lost = corrected(held[name], wh, storage_of(site, name), start_s)
        declared[name] = merged(declared.get(name, ()), lost)
    network = network_of(site, energies)
    trace = trace_flow(network.busbars, network.sources, network.sinks, network.feeders)
    warnings = list(trace.warnings)
    origins = {point.name: origin_of(point) for point in site.meter_points}
    storages = [point.name for point in site.meter_points if point.role == "storage"]
    ways = [(row.source, row.sink, row.wh) for row in trace.allocations]
    ways.extend([(row.source, RESIDUAL + row.busbar, row.wh) for row in trace.residuals])
    parts: "dict[str, list[tuple[str, int]]]" = {}
    for source, sink, wh in ways:
        if source not in storages:
            origin = UNSEEN if source.startswith(UNMETERED) else origins[source]
            parts.setdefault(sink, []).append((origin, wh))
    mixes = {sink: merged(tuple(parts[sink])) for sink in parts}
    released = [
        _release(
            storage_of(site, name), mixes.get(name, ()), held.get(name, held_of(pools, name)), start_s, ways, warnings
        )
        for name in storages
    ]
    # What a storage was charged with out of a storage is known only now, and joins its pool last.
    late: "dict[str, tuple[tuple[str, int], ...]]" = {}
    for release in released:
        for sink, mix in release.fed:
            into = late if sink in storages else mixes
            into[sink] = merged(into.get(sink, ()), mix)
    after = []
    for release in released:
        name = release.pool.storage
        after.append(charge(release.pool, late.get(name, ()), storage_of(site, name), start_s))
    for release in released:
        name = release.pool.storage
        mixes[name] = merged(release.losses, declared.get(name, ()))
    giving = {source.name for source in network.sources if source.wh}
    warnings.extend([_gave(one) for one in site.meter_points if one.role in ("load", "own_use") and one.name in giving])
    tallier = Tallier(factors, site.factor_sets, site.province, start_s, FLOW)
    tallies = []
    for name in [point.name for point in site.meter_points] + [RESIDUAL + name for name in network.busbars]:
        if mixes.get(name):
            tallies.extend(tallier.tallies(name, mixes[name]))
    return Closed(trace.allocations, trace.residuals, tuple(tallies), tuple(after), tuple(warnings + tallier.warnings))


class _Released(namedtuple("_Released", ("pool", "losses", "fed"))):
    """What one storage did: its pool, its losses by origin, and (sink, mix) of everything it fed."""

    __slots__ = ()
    pool: Pool
    losses: "tuple[tuple[str, int], ...]"
    fed: "list[tuple[str, tuple[tuple[str, int], ...]]]"


def _release(
    storage: Storage,
    charged: "tuple[tuple[str, int], ...]",
    pool: Pool,
    start_s: int,
    ways: "list[tuple[str, str, int]]",
    warnings: "list[Problem]",
) -> _Released:
    """Charge a storage with *charged*, discharge it, and give every sink it fed its part of the mix."""
    name = storage.meter_point
    out = [(sink, wh) for source, sink, wh in ways if source == name]
    release = discharge(charge(pool, charged, storage, start_s), sum([wh for _, wh in out]), storage)
    for origin, wh in release.mix:
        if origin == UNKNOWN:
            warnings.append(_beyond(name, wh))
    table = share_table([wh for _, wh in release.mix], [wh for _, wh in out])
    fed = []
    for column in range(len(out)):
        mix = [(release.mix[row][0], table[row][column]) for row in range(len(table))]
        fed.append((out[column][0], merged(tuple(mix))))
    return _Released(release.pool, release.losses, fed)


def held_of(pools: "tuple[Pool, ...]", name: str) -> Pool:
    for pool in pools:
        if pool.storage == name:
            return pool
    return Pool(name, ())


def storage_of(site: "Site | Park", name: str) -> Storage:
    """Return the [[storage]] of the meter point *name*."""
    for row in site.storages:
        if row.meter_point == name:
            return row
    raise AssertionError("a site that was read has a [[storage]] for every meter point of that role")


def _beyond(storage: str, wh: int) -> Problem:
    return problem(
        "WP-ACC-023", storage, "storage {storage} gave {wh} Wh more than its account holds",
        "check the initial content and the efficiency of the storage, and its meter",
        storage=storage, wh=wh,
    )  # fmt: skip


def _gave(point: MeterPoint) -> Problem:
    return problem(
        "WP-ACC-024", point.name, "the load {name} gave energy back",
        "check the direction of its current transformers; if it has a plant of its own, give the plant a meter point",
        name=point.name,
    )  # fmt: skip
