"""Tally: energy by origin and carbon of one meter point in one period."""

from collections import namedtuple

from gateway.core.account.factor import RENEWABLE, EmissionFactor, FactorTable
from gateway.core.problem import Problem, problem


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


def green_wh(by_origin: "tuple[tuple[str, int], ...]") -> int:
    """Return the renewable part of a mix."""
    return sum([wh for origin, wh in by_origin if origin in RENEWABLE])


class Tallier:
    """Makes the tallies of one period and one method, and remembers which factors it could not find."""

    def __init__(self, table: FactorTable, sets: "tuple[str, ...]", region: str, at_s: int, method: str) -> None:
        self.warnings: "list[Problem]" = []
        self._table = table
        self._sets = sets
        self._region = region
        self._at_s = at_s
        self._method = method
        self._found: "dict[tuple[str, str], EmissionFactor | None]" = {}
        self._rates: "dict[tuple[str, ...], list[tuple[str, list[int], tuple[str, ...]]]]" = {}

    def tallies(self, meter_point: str, by_origin: "tuple[tuple[str, int], ...]") -> "list[Tally]":
        """Return one tally for each set of factors; a set without a factor for the energy gives none."""
        origins = tuple([origin for origin, _ in by_origin])
        if origins not in self._rates:
            self._rates[origins] = self._rates_of(origins)
        wh = sum([part for _, part in by_origin])
        green = green_wh(by_origin)
        result = []
        for name, mg_per_kwh, factors in self._rates[origins]:
            carbon_ug = sum([by_origin[n][1] * mg_per_kwh[n] for n in range(len(by_origin))])
            result.append(Tally(meter_point, self._method, name, wh, green, carbon_ug, by_origin, factors))
        return result

    def _rates_of(self, origins: "tuple[str, ...]") -> "list[tuple[str, list[int], tuple[str, ...]]]":
        """Return (set, mg per kWh of each of *origins*, ids of the factors) of every set that has them all."""
        rates = []
        for name in self._sets:
            rows = [self._factor(name, origin) for origin in origins]
            known = [row for row in rows if row is not None]
            if len(known) == len(rows):
                factors = tuple(sorted({row.id for row in known}))
                rates.append((name, [row.mg_per_kwh for row in known], factors))
        return rates

    def _factor(self, name: str, origin: str) -> "EmissionFactor | None":
        key = (name, origin)
        if key in self._found:
            return self._found[key]
        row = self._table.lookup(name, origin, self._region, self._at_s)
        if row is None:
            row = self._table.lookup(name, "grid", self._region, self._at_s)
            if row is None:
                self.warnings.append(
                    problem(
                        "WP-ACC-031", name, "the factor set {set} has no factor for {origin} in {region}",
                        "set another province or factor set, or add the factor to factors.toml",
                        set=name, origin=origin, region=self._region or "-",
                    )
                )  # fmt: skip
            else:
                self.warnings.append(
                    problem(
                        "WP-ACC-032", name, "energy of origin {origin} counts as grid in the factor set {set}",
                        "name the origin of the meter point, or add a factor for it to factors.toml",
                        set=name, origin=origin,
                    )
                )  # fmt: skip
        self._found[key] = row
        return row
