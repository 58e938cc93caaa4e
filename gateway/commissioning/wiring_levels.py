"""What volts, amperes and watts of one meter say about its connection, each by itself: levels, ratios, sums."""

import math
from collections.abc import Mapping

from gateway.commissioning.wiring_angles import PHASES
from gateway.commissioning.wiring_facts import (
    LEAST_A,
    LEAST_VA,
    MISSING,
    Connection,
    Finding,
    finding,
    least_a,
    of_phases,
    text_of,
)
from gateway.core.problem import problem

# GB/T 12325 lets 220 V lie between 90 and 107 %; 230 V networks up to 253 V.
_LOW, _HIGH = 0.90, 1.15
_SUM_TOLERANCE = 0.03
_PRODUCT_TOLERANCE = 0.08
_CLAMP_TOLERANCE = 0.05  # of a clamp meter, and of the load that moves meanwhile
# The primaries of current transformers, IEC 61869-2 and decades.
_PRIMARIES = (
    5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 125, 150, 160, 200, 250, 300, 400, 500, 600, 750, 800, 1000,
    1200, 1250, 1500, 1600, 2000, 2500, 3000, 4000, 5000, 6000,
)  # fmt: skip


def levels(values: Mapping[str, float], connection: Connection) -> list[Finding]:
    """Return what looks wrong in single values and between those that depend on each other."""
    judges = (_voltages, _currents, _clamps, _sums, _products)
    return [one for judge in judges for one in judge(values, connection)]


def _voltages(values: Mapping[str, float], connection: Connection) -> list[Finding]:
    found = []
    for phase, volts in of_phases(values, "voltage_{}_n").items():
        part = volts / connection.nominal_v
        if part < MISSING:
            found.append(
                finding(
                    "voltage-missing", (phase,), connection,
                    problem(
                        "WP-BUS-043",
                        "",
                        "{phase}: {volts} V, expected about {nominal} V: this voltage does not reach the meter.",
                        "A fuse or terminal of the voltage wire of {phase} is open; with one phase only, the meter "
                        "may be of another model.",
                        phase=phase.upper(), volts=text_of(volts), nominal=text_of(connection.nominal_v),
                    ),
                )
            )  # fmt: skip
        elif not _LOW <= part <= _HIGH:
            found.append(
                finding(
                    "voltage-level", (phase,), connection,
                    problem(
                        "WP-BUS-044",
                        "",
                        "{phase}: {volts} V, expected {low} to {high} V, {factor} times the nominal {nominal} V.",
                        "About 1.73: a line voltage lies on the input, or neutral and a phase are exchanged. About "
                        "0.58: neutral is open. Else: vt_ratio, or another nominal voltage (--nominal).",
                        phase=phase.upper(), volts=text_of(volts), low=text_of(_LOW * connection.nominal_v),
                        high=text_of(_HIGH * connection.nominal_v), factor="%.2f" % part,
                        nominal=text_of(connection.nominal_v),
                    ),
                )
            )  # fmt: skip
    return found


def _currents(values: Mapping[str, float], connection: Connection) -> list[Finding]:
    currents = {phase: abs(one) for phase, one in of_phases(values, "current_{}").items()}
    largest = max(currents.values(), default=0.0)
    if largest * MISSING < least_a(connection):
        return []
    return [
        finding(
            "current-missing", (phase,), connection,
            problem(
                "WP-BUS-045",
                "",
                "{phase}: {amperes} A, while another phase carries {largest} A.",
                "Nothing runs on {phase}; or its current transformer is short-circuited, open (dangerous: never open a "
                "loaded one), or not round the conductor.",
                phase=phase.upper(), amperes=text_of(one), largest=text_of(largest),
            ),
        )
        for phase, one in currents.items() if one < MISSING * largest
    ]  # fmt: skip


def _clamps(values: Mapping[str, float], connection: Connection) -> list[Finding]:
    currents = {phase: abs(one) for phase, one in of_phases(values, "current_{}").items()}
    clamps = connection.clamps or {}
    found = []
    for phase, clamp in clamps.items():
        shown = currents.get(phase)
        if shown is None or _close(shown, clamp):
            continue
        other = [name for name, one in currents.items() if name != phase and _close(one, clamp)]
        factor = clamp / shown if shown else 0.0
        found.append(
            finding(
                "clamp", (phase,), connection,
                problem(
                    "WP-BUS-052",
                    "",
                    "{phase}: the meter shows {shown} A, the clamp {clamp} A, {factor} times as much. ct_ratio is "
                    "{ratio}; a transformer of {fitting} would fit, and the current of: {other}.",
                    "All phases by one factor: the transformer ratio is wrong, here or in the meter. One phase: its "
                    "transformer is another, or currents are exchanged.",
                    phase=phase.upper(), shown=text_of(shown), clamp=text_of(clamp), factor="%.3f" % factor,
                    ratio="%d/%d" % connection.ct_ratio, fitting=fitting_ratio(connection.ct_ratio, factor),
                    other=", ".join(name.upper() for name in other) or "-",
                ),
            )
        )  # fmt: skip
    return found


def fitting_ratio(configured: tuple[int, int], factor: float) -> str:
    """Return the usual transformer ratio nearest to *factor* times the configured one, "-" where none is near."""
    primary, secondary = configured
    if factor <= 0:
        return "-"
    of = secondary if primary != secondary else 5
    wanted = primary / secondary * factor * of
    nearest = min(_PRIMARIES, key=lambda one: abs(math.log(one / wanted)))
    return "%d/%d" % (nearest, of) if _close(nearest, wanted) else "-"


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= max(_CLAMP_TOLERANCE * max(abs(one), abs(other)), 2 * LEAST_A)


def _sums(values: Mapping[str, float], connection: Connection) -> list[Finding]:
    powers = of_phases(values, "active_power_{}")
    total = values.get("active_power_total")
    if total is None or len(powers) < len(PHASES):
        return []
    added = sum(powers.values())
    if abs(added - total) <= max(_SUM_TOLERANCE * sum(map(abs, powers.values())), LEAST_VA):
        return []
    return [
        finding(
            "sum", tuple(powers), connection,
            problem(
                "WP-BUS-050",
                "",
                "The phases add up to {added} W, the total is {total} W.",
                "The meter is set to another network (three wires, single phase), adds up magnitudes, or the profile "
                "is of another model.",
                added=text_of(added), total=text_of(total),
            ),
        )
    ]  # fmt: skip


def _products(values: Mapping[str, float], connection: Connection) -> list[Finding]:
    """Judge whether power and apparent power go with volts times amperes."""
    found = []
    for phase in PHASES:
        volts, amperes = values.get("voltage_%s_n" % phase), values.get("current_%s" % phase)
        power, apparent = values.get("active_power_%s" % phase), values.get("apparent_power_%s" % phase)
        if volts is None or amperes is None or power is None or abs(amperes) < least_a(connection):
            continue
        product = volts * abs(amperes)
        too_much = abs(power) > product * (1 + _PRODUCT_TOLERANCE) + LEAST_VA
        differs = apparent is not None and abs(apparent - product) > _PRODUCT_TOLERANCE * product + LEAST_VA
        if too_much or differs:
            shown = abs(power) if apparent is None else apparent
            found.append(
                finding(
                    "product", (phase,), connection,
                    problem(
                        "WP-BUS-051",
                        "",
                        "{phase}: {volts} V times {amperes} A are {product} VA, but the meter shows {shown}.",
                        "A ratio counts for the current and not for the power, or twice: compare ct_ratio and vt_ratio "
                        "with the meter's own; or the profile is of another model.",
                        phase=phase.upper(), volts=text_of(volts), amperes=text_of(amperes), product=text_of(product),
                        shown=text_of(shown),
                    ),
                )
            )  # fmt: skip
    return found
