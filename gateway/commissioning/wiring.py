"""Wiring: what the measured values of one meter say about how it is connected. A preview: a person judges."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.commissioning.wiring_angles import PHASES, Explanation, explanations
from gateway.commissioning.wiring_facts import (
    BOTH,
    EXPORT,
    IMPORT,
    LEAST_VA,
    MISSING,
    Connection,
    Finding,
    Watched,
    finding,
    least_a,
    text_of,
)  # fmt: skip
from gateway.commissioning.wiring_levels import levels
from gateway.core.problem import problem

_CENTRES = {IMPORT: (0.0,), EXPORT: (180.0,), BOTH: (0.0, 180.0)}
_SIGNS = {IMPORT: "P > 0", EXPORT: "P < 0"}
_CAPACITIVE_DEG = -25


@dataclass(frozen=True)
class Preview:
    """What a wiring check shows. angles: degrees by phase, of those with current and known sign.

    judged: the phases whose angles were judged. explained: how the wiring would have to be, where not as it should.
    """

    angles: dict[str, float]
    judged: tuple[str, ...]
    explained: tuple[Explanation, ...]
    findings: tuple[Finding, ...]


def preview(values: Mapping[str, float], connection: Connection, watched: Watched | None = None) -> Preview:
    """Return what *values* (by quantity, in its unit, primary side, powers positive for import) say."""
    findings = levels(values, connection)
    angles = _angles(values, connection)
    judged, explained = explanations(angles, _CENTRES[connection.direction]) if angles else ((), [])
    if judged and not (explained and explained[0].score == 0):
        findings.append(_exchanged(connection, judged, angles, explained))
    elif judged and explained[0].angle_deg < _CAPACITIVE_DEG:
        findings.append(_capacitive(connection, judged, explained[0].angle_deg))
    if not judged:
        findings += _total_direction(values, connection)
    findings += _energies(connection, watched)
    signed = {phase: found[0] for phase, found in angles.items() if len(found) == 1}
    return Preview(signed, judged, tuple(explained), tuple(findings))


def _angles(values: Mapping[str, float], connection: Connection) -> dict[str, tuple[float, ...]]:
    """Return the angle between voltage and current of every phase that carries enough; two where the sign is open."""
    found: dict[str, tuple[float, ...]] = {}
    for phase in PHASES:
        power = values.get("active_power_%s" % phase)
        volts, amperes = values.get("voltage_%s_n" % phase), values.get("current_%s" % phase)
        if power is None or volts is None or amperes is None:
            continue
        if abs(amperes) < least_a(connection) or volts < MISSING * connection.nominal_v:
            continue
        reactive = values.get("reactive_power_%s" % phase)
        if reactive is not None:
            found[phase] = (math.degrees(math.atan2(reactive, power)),)
        else:
            angle = math.degrees(math.acos(max(-1.0, min(1.0, power / (volts * abs(amperes))))))
            found[phase] = (angle, -angle)
    return found


def _exchanged(
    connection: Connection,
    judged: tuple[str, ...],
    angles: Mapping[str, tuple[float, ...]],
    explained: list[Explanation],
) -> Finding:
    shown = ", ".join(
        "%s %s°" % (phase.upper(), " / ".join("%+.0f" % one for one in angles[phase])) for phase in judged
    )
    direction = connection.direction
    if not explained:
        return finding(
            "angles", judged, connection,
            problem(
                "WP-BUS-048",
                "",
                "The angles {angles} fit no single load, and no simple exchange explains them; expected: alike, about "
                "{expected}.",
                "Loads of the phases differ much, or more than one thing is wrong: look at each phase with a clamp.",
                angles=shown, expected=_expected(direction),
            ),
        )  # fmt: skip
    best = explained[0]
    others = [causes_text(judged, one) for one in explained[1:]]
    if best.voltages == best.currents:
        everything = len(best.turned) == len(judged)
        return finding(
            "direction" if everything and len(judged) > 1 else "ct-reversed", best.turned, connection,
            problem(
                "WP-BUS-046",
                "",
                "Angles {angles}, expected alike, about {expected}. Likely: {cause}.",
                "Turn the transformer, or exchange its two wires (short-circuit it first). All turned: look at the "
                "role of the meter point, or set reversed there. Less likely: {others}.",
                angles=shown, expected=_expected(direction), cause=causes_text(judged, best),
                others="; ".join(others) or "-",
            ),
        )  # fmt: skip
    pairs = zip(judged, best.voltages, best.currents, strict=True)
    moved = tuple(phase for phase, voltage, current in pairs if voltage != current)
    return finding(
        "phases-exchanged", tuple(sorted({*moved, *best.turned})), connection,
        problem(
            "WP-BUS-047",
            "",
            "Angles {angles}, expected alike, about {expected}. Likely: {cause}.",
            "Voltages and currents of one phase must meet in one channel: exchange either the voltage wires or the "
            "transformers. Less likely: {others}.",
            angles=shown, expected=_expected(direction), cause=causes_text(judged, best),
            others="; ".join(others) or "-",
        ),
    )  # fmt: skip


def causes_text(judged: tuple[str, ...], one: Explanation) -> str:
    """Return an explanation in signs that both languages read: which current runs where, which CT is turned."""
    parts = []
    for sign, order in (("U", one.voltages), ("I", one.currents)):
        moved = [(own.upper(), other.upper()) for own, other in zip(judged, order, strict=True) if own != other]
        if len(moved) == 2:
            parts.append("%s: %s ⇄ %s" % (sign, moved[0][0], moved[1][0]))
        elif moved:
            parts.append("%s: %s" % (sign, ", ".join("%s → %s" % (other, own) for own, other in moved)))
    return " + ".join(parts + ["CT %s ↺" % phase.upper() for phase in one.turned])


def _expected(direction: str) -> str:
    return {IMPORT: "0°…+40° (P > 0)", EXPORT: "180° (P < 0)", BOTH: "0° / 180°"}[direction]


def _capacitive(connection: Connection, judged: tuple[str, ...], angle: int) -> Finding:
    return finding(
        "capacitive", judged, connection,
        problem(
            "WP-BUS-055",
            "",
            "The load looks capacitive: {angle}°, expected -20° to +40°.",
            "A compensation that is too large; or all currents are at the wrong voltages and turned round as well.",
            angle=angle,
        ),
    )  # fmt: skip


def _total_direction(values: Mapping[str, float], connection: Connection) -> list[Finding]:
    """Judge the total where phases cannot be judged."""
    power = values.get("active_power_total")
    if power is None or connection.direction == BOTH or abs(power) < LEAST_VA:
        return []
    if (power > 0) == (connection.direction == IMPORT):
        return []
    return [
        finding(
            "direction", (), connection,
            problem(
                "WP-BUS-049",
                "",
                "The total power is {power} W, positive for import; the role {role} expects {expected}.",
                "The current transformers are all turned; or the role is another, or reversed is to be set.",
                power=text_of(power), role=connection.role, expected=_SIGNS[connection.direction],
            ),
        )
    ]  # fmt: skip


def _energies(connection: Connection, watched: Watched | None) -> list[Finding]:
    if watched is None or connection.direction == BOTH:
        return []
    wrong, right = watched.export_wh, watched.import_wh
    if connection.direction == EXPORT:
        wrong, right = right, wrong
    if not wrong or wrong <= (right or 0):
        return []
    return [
        finding(
            "energy-direction", (), connection,
            problem(
                "WP-BUS-054",
                "",
                "In {seconds} s import rose by {taken} Wh and export by {given} Wh; the role {role} "
                "expects {expected}.",
                "The current transformers are all turned; or the role is another, or reversed is to be set.",
                seconds="%.0f" % watched.seconds, taken=_plain(watched.import_wh), given=_plain(watched.export_wh),
                role=connection.role, expected="energy_active_" + connection.direction,
            ),
        )
    ]  # fmt: skip


def _plain(wh: int | None) -> str:
    return "-" if wh is None else str(wh)
