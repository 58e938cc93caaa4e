"""Tally: energy by origin and carbon of one meter point in one period."""

from collections import namedtuple


class Tally(
    namedtuple("Tally", ("meter_point", "method", "factor_set", "wh", "green_wh", "carbon_ug", "by_origin", "factors"))
):
    """Energy a sink used and the carbon it carries, by one trace method and one set of factors.

    by_origin: ((origin, wh), ...) sorted by origin, adding up to wh. factors: ids of the factor rows used.
    carbon_ug: micrograms of CO2; 1 Wh at 1 mg/kWh is exactly 1 ug.
    """

    __slots__ = ()
    meter_point: str
    method: str
    factor_set: str
    wh: int
    green_wh: int
    carbon_ug: int
    by_origin: "tuple[tuple[str, int], ...]"
    factors: "tuple[str, ...]"
