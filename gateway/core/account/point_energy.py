"""What meter points count: which registers are theirs, which way they look, and the network they make together."""

from gateway.core.account.interval import Energy, Span
from gateway.core.account.network import Feeder, Network, Sink, Source
from gateway.core.account.self_use import GRID
from gateway.core.account.storage import UNKNOWN
from gateway.core.flag import FROZEN, MISSING, join_flags
from gateway.core.site import MeterPoint, Park, Site

GRID_UNKNOWN = "grid-unknown"  # origin of what a load gave back


def registers_of(role: str, offered: "tuple[str, ...] | list[str]") -> "tuple[str, str]":
    """Return the quantities that are the import and the export of a meter point, out of those its meter offers.

    A register of the thing itself (a plant's yield, a battery's charge) goes before the meter's general one.
    "" where there is none.
    """
    imports: "tuple[str, ...]" = ("energy_active_import",)
    exports: "tuple[str, ...]" = ("energy_active_export",)
    if role == "generation":
        exports = ("energy_pv",) + exports
    elif role == "storage":
        imports = ("energy_battery_charge",) + imports
        exports = ("energy_battery_discharge",) + exports
    return (
        ([name for name in imports if name in offered] + [""])[0],
        ([name for name in exports if name in offered] + [""])[0],
    )


def energies_of(site: Site, spans: "tuple[Span, ...] | list[Span]") -> "tuple[Energy, ...]":
    """Return what every meter point imported and exported, from the spans of its meter, in the order of the site.

    A meter point without any usable span is missing: it counts nothing and carries the flag M.
    """
    by_meter: "dict[str, list[Span]]" = {}
    for span in spans:
        if span.meter not in by_meter:
            by_meter[span.meter] = []
        by_meter[span.meter].append(span)
    result = []
    for point in site.meter_points:
        own = by_meter.get(point.meter, [])
        imported, exported = registers_of(point.role, [span.quantity for span in own])
        used = [span for span in own if span.quantity in (imported, exported)]
        wh = [sum([span.energy_wh for span in used if span.quantity == name]) for name in (imported, exported)]
        if point.reversed:
            wh.reverse()
        # How well the registers were read is said of the spans; the flags of an energy say what is wrong with it.
        flag = join_flags(*[span.flag for span in used]).replace(FROZEN, "") if used else MISSING
        result.append(Energy(point.name, wh[0], wh[1], flag))
    return tuple(result)


def sum_energies(*periods: "tuple[Energy, ...]") -> "tuple[Energy, ...]":
    """Return the energies of consecutive periods together, sorted by meter point."""
    total: "dict[str, Energy]" = {}
    for energies in periods:
        for one in energies:
            sofar = total.get(one.meter_point, Energy(one.meter_point, 0, 0, ""))
            total[one.meter_point] = Energy(
                one.meter_point,
                sofar.import_wh + one.import_wh,
                sofar.export_wh + one.export_wh,
                join_flags(sofar.flag, one.flag),
            )
    return tuple([total[name] for name in sorted(total)])


def flows(point: MeterPoint, energy: Energy) -> "tuple[int, int]":
    """Return what a meter point gave to its busbar and took from it.

    Import and export are from the point's own view: an intake imports what the grid gives to the busbar, while a
    plant, a battery or a load imports what it takes from the busbar. A tie gives forward and takes back.
    """
    if point.role in ("intake", "tie"):
        return energy.import_wh, energy.export_wh
    return energy.export_wh, energy.import_wh


def origin_of(point: MeterPoint) -> str:
    """Return the origin of what a meter point gives."""
    if point.role in ("load", "own_use"):
        return point.origin or GRID_UNKNOWN
    return point.origin or (GRID if point.role == "intake" else UNKNOWN)


def network_of(site: "Site | Park", energies: "tuple[Energy, ...]") -> Network:
    """Return the interval as the flow method sees it: every register at its busbar, nothing netted."""
    energy = {row.meter_point: row for row in energies}
    busbars: "list[str]" = []
    known: "set[str]" = set()
    sources = []
    sinks = []
    feeders = []
    for point in site.meter_points:
        for name in (point.busbar, point.to_busbar):
            if name and name not in known:
                known.add(name)
                busbars.append(name)
        if point.name not in energy:
            continue
        gives, takes = flows(point, energy[point.name])
        if point.role == "tie":
            feeders.append(Feeder(point.name, point.busbar, point.to_busbar, gives, takes))
        else:
            sources.append(Source(point.name, point.busbar, gives))
            sinks.append(Sink(point.name, point.busbar, takes))
    return Network(tuple(busbars), tuple(sources), tuple(sinks), tuple(feeders))
