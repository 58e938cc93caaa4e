"""Sums of tallies over a day or any other stretch of time."""

from collections.abc import Iterable
from typing import Any

from gateway.core.account.tally import Tally


def sum_tallies(tallies: Iterable[Tally]) -> list[dict[str, Any]]:
    """Return the sums of *tallies* by meter point, method and factor set."""
    sums: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in tallies:
        row = sums.setdefault(
            (one.meter_point, one.method, one.factor_set),
            {
                "meter_point": one.meter_point,
                "method": one.method,
                "factor_set": one.factor_set,
                "wh": 0,
                "green_wh": 0,
                "carbon_ug": 0,
                "by_origin": {},
            },
        )
        row["wh"] += one.wh
        row["green_wh"] += one.green_wh
        row["carbon_ug"] += one.carbon_ug
        for origin, wh in one.by_origin:
            row["by_origin"][origin] = row["by_origin"].get(origin, 0) + wh
    return [sums[key] for key in sorted(sums)]
