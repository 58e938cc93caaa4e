"""The rows of an explanation as plain values: origins, energies, registers, storages, each with what it rests on."""

from typing import Any

from gateway.core.account.closing import UNSEEN
from gateway.core.account.factor import EmissionFactor
from gateway.core.account.interval import Before, Energy, Span
from gateway.core.account.point_energy import flows, origin_of, registers_of
from gateway.core.account.storage import Pool
from gateway.core.account.tally import Tally
from gateway.core.account.trace import ORIGIN, RESIDUAL, UNMETERED, Allocation
from gateway.core.channel import Channel
from gateway.core.meter.decoding import energy_wh
from gateway.core.record import Account, Declaration, SelfUse
from gateway.core.site import MeterPoint, Site
from gateway.exports.stretch import Terms

Plain = dict[str, Any]


def rule_row(site: Site) -> Plain:
    """Return the choices of the self-use rule."""
    rule = site.self_use
    return {"period_s": rule.period_s, "charging": rule.charging, "own_use": rule.own_use, "export": rule.export}


def origin_row(site: Site, record: "Account | SelfUse", tally: Tally, number: int, row: EmissionFactor | None) -> Plain:
    """Return one origin of a tally: its factor, and which sources gave how much of it."""
    origin, wh = tally.by_origin[number]
    assert row is not None, "a tally is made only where every origin has a factor"
    return {
        "origin": origin,
        "wh": wh,
        "mg_per_kwh": row.mg_per_kwh,
        "carbon_ug": wh * row.mg_per_kwh,
        "factor": {
            "id": row.id, "basis": row.basis, "source": row.source,
            "valid_from_s": row.valid_from_s, "valid_to_s": row.valid_to_s,
        },
        "sources": [{"source": name, "wh": part} for name, part in _sources(site, record, tally.meter_point, origin)],
    }  # fmt: skip


def _sources(site: Site, record: "Account | SelfUse", sink: str, origin: str) -> list[tuple[str, int]]:
    """Return the sources that gave energy of *origin* straight to *sink*; what storage gave is not among them."""
    if isinstance(record, SelfUse):
        return [(a.source, a.wh) for a in record.allocations if a.sink == sink and a.source == ORIGIN + origin]
    if sink in [storage.meter_point for storage in site.storages]:
        return []  # the figure of a storage is what it lost, not what it was charged with
    direct = {point.name: origin_of(point) for point in site.meter_points if point.role != "storage"}
    direct.update({UNMETERED + point.busbar: UNSEEN for point in site.meter_points})
    ways = [(a.source, a.wh) for a in record.allocations if a.sink == sink]
    ways += [(r.source, r.wh) for r in record.residuals if RESIDUAL + r.busbar == sink]
    return [(source, wh) for source, wh in ways if direct.get(source) == origin]


def given_row(point: MeterPoint, energy: Energy) -> Plain:
    """Return what a meter point gave to its busbar and took from it."""
    gives, takes = flows(point, energy)
    return {"role": point.role, "gives_wh": gives, "takes_wh": takes}


def counts(span: Span, point: MeterPoint, record: Account) -> bool:
    """Tell whether the register of *span* counts for *point*."""
    offered = [one.quantity for one in record.spans if one.meter == point.meter]
    return span.meter == point.meter and span.quantity in registers_of(point.role, offered)


def declaration_row(sequence: int, one: Declaration) -> Plain:
    """Return what a person declared."""
    return {
        "entry": sequence, "what": one.what, "at_ms": one.at_ms, "by": one.by, "reason": one.reason,
        "values": dict(one.values),
    }  # fmt: skip


def register_row(
    span: Span,
    terms: Terms,
    began: Channel | None = None,
    declared: tuple[Plain, ...] = (),
) -> Plain:
    """Return one register from boundary to boundary: where it is, its words, and what they mean.

    began: how it was read at the start, where that was otherwise; declared: what its energy rests on besides.
    """
    channel = terms.channels[span.meter, span.quantity]
    meter = next(one for one in terms.site.meters if one.name == span.meter)
    point = channel.point

    def read(words: tuple[int, ...], at_ms: int, by: Channel) -> Plain:
        return {"words": ["%04x" % w for w in words], "at_ms": at_ms, "wh": energy_wh(by.point, words, by.ratios)}

    def side(words: tuple[int, ...], at_ms: int, before: tuple[Before, ...], by: Channel) -> Plain | None:
        if not words:
            return None
        earlier = [read(one.words, one.read_ms, by) for one in before]
        return {**read(words, at_ms, by), **({"before": earlier[0]} if earlier else {})}

    return {
        "meter": span.meter, "profile": meter.profile, "unit": meter.unit, "serial": meter.serial,
        "quantity": span.quantity, "function": point.function, "address": point.address, "type": point.type,
        "ct_ratio": list(meter.ct_ratio), "vt_ratio": list(meter.vt_ratio),
        "start": side(span.start_words, span.start_ms, span.start_before, began or channel),
        "end": side(span.end_words, span.end_ms, span.end_before, channel),
        "part": span.part, "parts": span.parts, "weight": span.weight, "weights": span.weights,
        "energy_wh": span.energy_wh, "flag": span.flag, "declared": list(declared),
    }  # fmt: skip


def content_rows(pools: tuple[Pool, ...], name: str) -> list[list[Any]]:
    """Return what a storage held, by origin."""
    return [list(row) for pool in pools if pool.storage == name for row in pool.content]


def energy_row(energy: Energy) -> Plain:
    """Return what a meter point imported and exported."""
    return {
        "meter_point": energy.meter_point, "import_wh": energy.import_wh, "export_wh": energy.export_wh,
        "flag": energy.flag,
    }  # fmt: skip


def allocation_row(one: Allocation) -> Plain:
    """Return who fed whom."""
    return {"source": one.source, "sink": one.sink, "wh": one.wh}


def tally_row(one: Tally) -> Plain:
    """Return a tally without its origins."""
    return {
        "meter_point": one.meter_point, "method": one.method, "factor_set": one.factor_set, "wh": one.wh,
        "green_wh": one.green_wh, "carbon_ug": one.carbon_ug,
    }  # fmt: skip
