"""Judges how like a real electricity meter some values are: volts, hertz, sums of phases, U x I x pf, growing counters.

Nothing here proves an order of words or a factor; it ranks what could be meant, for a person to choose.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from gateway.core.meter.quantity import QUANTITIES

Values = Mapping[str, Fraction]
Bounds = tuple[Fraction, Fraction]

VOLTS = (Fraction(80), Fraction(400_000))
SECONDARY_VOLTS = (Fraction(50), Fraction(500))  # 57.7 V is the phase voltage behind a 100 V transformer
HERTZ = (Fraction(45), Fraction(65))
# Least and most that a connection in use shows; nought may always be.
_SIZES = {
    "A": (Fraction(1, 1000), Fraction(100_000)),
    "W": (Fraction(1, 100), Fraction(10**9)),
    "var": (Fraction(1, 100), Fraction(10**9)),
    "VA": (Fraction(1, 100), Fraction(10**9)),
    "kWh": (Fraction(1, 1000), Fraction(10**9)),
    "kvarh": (Fraction(1, 1000), Fraction(10**9)),
    "kVAh": (Fraction(1, 1000), Fraction(10**9)),
    "%": (Fraction(1, 100), Fraction(1000)),
    "degC": (Fraction(1, 10), Fraction(200)),
    "deg": (Fraction(1, 100), Fraction(360)),
}
_CLOSE = Fraction(3, 100)  # sums and products of values that were not sampled at quite the same time
_EXACT = Fraction(1, 2000)
_MOST_GROWTH_KWH = 200  # between two reads some seconds apart: 100 MW for seven seconds
_PHASES = ("l1", "l2", "l3")
_LINES = ("voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1")
_ROOT_3 = Fraction(1732, 1000)


class Check(NamedTuple):
    """One thing that holds, or does not, of these quantities; weight: what it counts."""

    what: str
    quantities: tuple[str, ...]
    holds: bool
    weight: int


def score(checks: Iterable[Check]) -> int:
    """Return how much speaks for the values, less what speaks against them."""
    return sum(check.weight if check.holds else -check.weight for check in checks)


def checks_of(first: Values, later: Values | None = None, secondary: bool = False) -> list[Check]:
    """Return all that can be checked on values read at once, and on those of a *later* read.

    A value of nought says nothing: nothing may flow, or nobody may have wired it.
    """
    seen = {name: value for name, value in first.items() if value}
    checks = [_size(name, value, secondary) for name, value in seen.items()]
    checks += _sums(seen) + _powers(seen) + _voltages(seen)
    if later is not None:
        checks += [
            Check("grows", (name,), 0 <= later[name] - value <= _MOST_GROWTH_KWH, 3)
            for name, value in seen.items()
            if QUANTITIES[name].cumulative and name in later
        ]
    return checks


def within(value: Fraction, bounds: Bounds) -> bool:
    """Tell whether the magnitude of *value* lies within *bounds*."""
    return bounds[0] <= abs(value) <= bounds[1]


def close(one: Fraction, other: Fraction, least: Fraction = Fraction(0)) -> bool:
    """Tell whether two values agree as well as meters do; *least* is the size below which all are alike."""
    return abs(one - other) <= max(_CLOSE * max(abs(one), abs(other)), least)


def _size(name: str, value: Fraction, secondary: bool) -> Check:
    unit = QUANTITIES[name].unit
    if unit == "V":
        alternating = name.startswith("voltage")
        bounds = (SECONDARY_VOLTS if secondary else VOLTS) if alternating else (Fraction(1, 10), VOLTS[1])
        return Check("size", (name,), within(value, bounds) and value > 0, 3)
    if unit == "Hz":
        return Check("size", (name,), within(value, HERTZ) and value > 0, 4)
    if unit == "1":
        return Check("size", (name,), abs(value) <= 1 and abs(value) >= Fraction(1, 100), 2)
    positive = value > 0 or not QUANTITIES[name].cumulative
    return Check("size", (name,), within(value, _SIZES[unit]) and positive, 2)


def _sums(seen: Values) -> list[Check]:
    """Return the checks of totals against their phases."""
    checks = []
    for base, total in (
        ("active_power_%s", "active_power_total"),
        ("reactive_power_%s", "reactive_power_total"),
        ("apparent_power_%s", "apparent_power_total"),
        ("energy_active_import_%s", "energy_active_import"),
        ("energy_active_export_%s", "energy_active_export"),
        ("current_%s", "current_total"),
    ):
        names = [base % phase for phase in _PHASES]
        if total in seen and all(name in seen for name in names):
            summed = sum((seen[name] for name in names), Fraction(0))
            checks.append(Check("sum", (*names, total), close(summed, seen[total], Fraction(1, 10)), 4))
            # Words of a neighbour in the lower half of a value shift it by less than a hundredth.
            exact = abs(summed - seen[total]) <= max(_EXACT * abs(seen[total]), Fraction(3, 100))
            checks.append(Check("exact", (*names, total), exact, 2))
    for mean, names in (
        ("voltage_ln_average", ["voltage_%s_n" % phase for phase in _PHASES]),
        ("voltage_ll_average", list(_LINES)),
        ("current_average", ["current_" + phase for phase in _PHASES]),
    ):
        if mean in seen and all(name in seen for name in names):
            summed = sum((seen[name] for name in names), Fraction(0))
            checks.append(Check("sum", (*names, mean), close(summed / 3, seen[mean]), 3))
    return checks


def power_products(seen: Values) -> list[tuple[Fraction, Fraction, tuple[str, ...]]]:
    """Return (power, U x I x power factor, quantities) where all are there; without a factor, the factor is one."""
    found = []
    for phase in _PHASES:
        names = ["voltage_%s_n" % phase, "current_" + phase, "active_power_" + phase]
        if all(name in seen for name in names):
            factor = "power_factor_" + phase
            product = abs(seen[names[0]] * seen[names[1]] * seen.get(factor, Fraction(1)))
            found.append((abs(seen[names[2]]), product, (*names, *([factor] if factor in seen else []))))
    volts = ["voltage_%s_n" % phase for phase in _PHASES if "voltage_%s_n" % phase in seen]
    if not found and "active_power_total" in seen and volts:
        amps = ["current_" + name[8:10] for name in volts]
        if all(name in seen for name in amps):
            flow = sum((abs(seen[u] * seen[i]) for u, i in zip(volts, amps, strict=True)), Fraction(0))
            extra = [name for name in ("power_factor_total",) if name in seen]
            product = flow * abs(seen.get("power_factor_total", Fraction(1)))
            found.append((abs(seen["active_power_total"]), product, (*volts, *amps, *extra, "active_power_total")))
    return found


def _powers(seen: Values) -> list[Check]:
    checks = []
    for power, product, names in power_products(seen):
        factored = any(name.startswith("power_factor") for name in names)
        holds = close(power, product) if factored else product / 5 <= power <= product * Fraction(21, 20)
        checks.append(Check("product", names, holds, 4))
    for ending in (*_PHASES, "total"):
        active, reactive, apparent = (
            seen.get("%s_power_%s" % (kind, ending)) for kind in ("active", "reactive", "apparent")
        )
        if active and reactive and apparent:
            names = tuple("%s_power_%s" % (kind, ending) for kind in ("active", "reactive", "apparent"))
            checks.append(Check("triangle", names, close(active**2 + reactive**2, apparent**2), 2))
        elif active and apparent and active != apparent:
            names = ("active_power_" + ending, "apparent_power_" + ending)
            checks.append(Check("triangle", names, abs(active) <= abs(apparent) * Fraction(21, 20), 1))
    return checks


def _voltages(seen: Values) -> list[Check]:
    """Return the checks of voltages against each other: alike on all phases, and the root of three between."""
    checks = []
    phases = [name for name in ("voltage_%s_n" % phase for phase in _PHASES) if name in seen]
    lines = [name for name in _LINES if name in seen]
    for names in (phases, lines):
        if len(names) > 1:
            values = [abs(seen[name]) for name in names]
            checks.append(Check("alike", tuple(names), max(values) <= min(values) * Fraction(6, 5), 2))
    if phases and lines:
        mean = [sum((abs(seen[name]) for name in names), Fraction(0)) / len(names) for names in (phases, lines)]
        checks.append(Check("triangle", (*phases, *lines), abs(mean[0] * _ROOT_3 - mean[1]) * 10 <= mean[1], 3))
    return checks
