"""Sums of tallies over a day or any other stretch of time, each with what it rests on."""

from collections.abc import Iterable
from typing import Any

from gateway.core.account.basis import Basis
from gateway.core.record import Account, SelfUse

Plain = dict[str, Any]


def basis_row(basis: Basis) -> Plain:
    """Return what the tallies of one record rest on, as plain values."""
    return {
        "switches": list(basis.switches),
        "configuration": basis.configuration.hex(),
        "entries": list(basis.entries),
    }


def sum_tallies(records: Iterable[Account | SelfUse]) -> list[Plain]:
    """Return the sums of the tallies of *records* by meter point, method and factor set, with what they rest on.

    Where switches or configuration changed on the way, a sum has several bases; of the entries, the first and the last
    one and how many there are stand for all.
    """
    sums: dict[tuple[str, str, str], Plain] = {}
    bases: dict[tuple[str, str, str], dict[tuple[tuple[str, ...], bytes], set[int]]] = {}
    for record in records:
        terms = (record.basis.switches, record.basis.configuration)
        for one in record.tallies:
            key = (one.meter_point, one.method, one.factor_set)
            row = sums.setdefault(key, _empty(*key))
            row["wh"] += one.wh
            row["green_wh"] += one.green_wh
            row["carbon_ug"] += one.carbon_ug
            row["factors"] |= set(one.factors)
            for origin, wh in one.by_origin:
                row["by_origin"][origin] = row["by_origin"].get(origin, 0) + wh
            bases.setdefault(key, {}).setdefault(terms, set()).update(record.basis.entries)
    for key, row in sums.items():
        row["factors"] = sorted(row["factors"])
        row["basis"] = [_summed(switches, digest, found) for (switches, digest), found in bases[key].items()]
    return [sums[key] for key in sorted(sums)]


def _empty(meter_point: str, method: str, factor_set: str) -> Plain:
    return {
        "meter_point": meter_point, "method": method, "factor_set": factor_set, "wh": 0, "green_wh": 0, "carbon_ug": 0,
        "by_origin": {}, "factors": set(),
    }  # fmt: skip


def _summed(switches: tuple[str, ...], digest: bytes, entries: set[int]) -> Plain:
    ends = {"first": min(entries, default=None), "last": max(entries, default=None), "count": len(entries)}
    return {"switches": list(switches), "configuration": digest.hex(), "entries": ends}
