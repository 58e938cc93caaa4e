"""wattproof wiring: what a meter shows about how it is connected, beside what is expected, for a person to judge."""

import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gateway.asker import Asker
from gateway.cli.tables import drawn, table_text
from gateway.commissioning.meter_reading import energies_in, meter_named, read_points, values_in
from gateway.commissioning.wiring import Preview, preview
from gateway.commissioning.wiring_angles import PHASES
from gateway.commissioning.wiring_facts import Connection, Watched
from gateway.config import load_site
from gateway.core.meter.profile import DeviceProfile
from gateway.core.problem import ProblemError, problem
from gateway.core.site import Bus, Meter, Site
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, plain_problem
from gateway.line import LineLostError, open_line
from gateway.sunspec_walk import walked
from gateway.words import say
from gateway.words import translate as _

_LOW_VOLTAGE = 220.0
_ENERGIES = ("energy_active_import", "energy_active_export")
_PER_PHASE = ("voltage_{}_n", "current_{}", "active_power_{}", "reactive_power_{}", "apparent_power_{}")
_QUANTITIES = {
    *(name.format(phase) for name in _PER_PHASE for phase in PHASES), *_ENERGIES, "active_power_total",
    "reactive_power_total",
}  # fmt: skip
_LOOK_S = 1.0  # how often the energy registers are read while they are watched


class Clamp(click.ParamType[tuple[str, float]]):
    """What a clamp meter shows on one phase, such as "L1=123.4"."""

    name = "clamp"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """Return phase and amperes."""
        if isinstance(value, tuple):
            return value
        phase, _equals, amperes = str(value).partition("=")
        try:
            found = float(amperes)
        except ValueError:
            found = -1.0
        if phase.lower() not in PHASES or not 0 <= found < math.inf:
            self.fail(_('Give phase and amperes, such as "L1=123.4".'), param, ctx)
        return phase.lower(), found


@click.command("wiring")
@click.argument("meter")
@click.option("--clamp", "clamps", type=Clamp(), multiple=True, help='A clamp reading in A, such as "L1=123.4".')
@click.option("--nominal", type=click.FloatRange(10, 500_000), help="Nominal voltage to neutral, in V.  [default: 220]")
@click.option(
    "--watch", type=click.IntRange(0, 600), default=10, show_default=True, help="Seconds to watch the energy registers."
)
@json_option
@click.pass_obj
@fails_clearly
def wiring(
    home: str, meter: str, clamps: tuple[tuple[str, float], ...], nominal: float | None, watch: int, as_json: bool
) -> None:
    """Show what METER says about its wiring: polarity, phase order, ratio, sums, direction; a person judges."""
    site, profiles = load_site(Path(home))
    bus, asked = meter_named(site, meter)
    connection = connection_of(site, asked, profiles[asked.profile], nominal, dict(clamps))
    values, watched = _looked(bus, asked, profiles[asked.profile], watch)
    if not values:
        raise ProblemError(
            problem(
                "WP-BUS-053",
                asked.name,
                "The meter gives no value that tells of its wiring.",
                "See what it answers at all: wattproof read {meter}.",
                meter=asked.name,
            )
        )
    seen = preview(values, connection, watched)
    emit(_value(asked, connection, values, watched, seen), _text(asked, connection, values, watched, seen), as_json)
    if seen.findings:
        sys.exit(PROBLEM)


def connection_of(
    site: Site, meter: Meter, profile: DeviceProfile, nominal: float | None, clamps: Mapping[str, float]
) -> Connection:
    """Return what the configuration knows of the connection of *meter*."""
    point = next((one for one in site.meter_points if one.meter == meter.name), None)
    primary, secondary = meter.vt_ratio
    if nominal is None:
        nominal = _LOW_VOLTAGE if primary == secondary else primary / math.sqrt(3)
    by_site = any("ct" in one.times for one in profile.points)
    return Connection(
        meter.name,
        point.role if point else "",
        point.reversed if point else False,
        meter.ct_ratio if by_site else (1, 1),
        nominal,
        clamps,
    )


def _looked(bus: Bus, meter: Meter, profile: DeviceProfile, watch_s: int) -> tuple[dict[str, float], Watched | None]:
    """Return what *meter* measures, and how its energy registers moved until one of them did, or the time was over."""
    line = open_line(bus)
    try:
        asker = Asker(line, bus)
        profile = walked(asker, meter, profile)
        points = [point for point in profile.points if point.quantity in _QUANTITIES]
        reads = read_points(asker, bus, meter, profile, points)
        values, before = values_in(meter, reads), energies_in(meter, reads)
        counters = [point for point in points if point.quantity in _ENERGIES]
        watched = None
        begun = time.monotonic()
        while before and (left := begun + watch_s - time.monotonic()) > 0:
            time.sleep(min(_LOOK_S, left))
            now = energies_in(meter, read_points(asker, bus, meter, profile, counters))
            rises = [now[name] - before[name] if name in now and name in before else None for name in _ENERGIES]
            watched = Watched(time.monotonic() - begun, *rises)
            if any(rises):
                break
        return values, watched
    except LineLostError as error:
        raise ProblemError(*error.problems) from error
    finally:
        line.close()


def _value(
    meter: Meter, connection: Connection, values: Mapping[str, float], watched: Watched | None, seen: Preview
) -> dict[str, Any]:
    return {
        "meter": meter.name,
        "role": connection.role or None,
        "direction": connection.direction,
        "nominal_v": round(connection.nominal_v, 1),
        "ct_ratio": "%d/%d" % connection.ct_ratio,
        "values": {name: values[name] for name in sorted(values) if name not in _ENERGIES},
        "angles_deg": {phase: round(angle, 1) for phase, angle in seen.angles.items()},
        "clamps_a": dict(connection.clamps or {}),
        "watched": None
        if watched is None
        else {
            "seconds": round(watched.seconds, 1), "import_wh": watched.import_wh, "export_wh": watched.export_wh,
        },
        "explanations": [
            {"voltages": list(one.voltages), "currents": list(one.currents), "turned": list(one.turned)}
            for one in seen.explained
            if one.score
        ],
        "findings": [
            {"kind": one.kind, "phases": list(one.phases), **plain_problem(one.problem)} for one in seen.findings
        ],
    }  # fmt: skip


def _text(
    meter: Meter, connection: Connection, values: Mapping[str, float], watched: Watched | None, seen: Preview
) -> str:
    def shown(name: str, digits: int = 1) -> str:
        return "%.*f" % (digits, values[name]) if name in values else "-"

    rows = [
        [
            phase.upper(),
            *[shown(name.format(phase)) for name in _PER_PHASE[:2]],
            *[shown(name.format(phase), 0) for name in _PER_PHASE[2:4]],
            "%+.0f°" % seen.angles[phase] if phase in seen.angles else "-",
            "%.1f" % connection.clamps[phase] if connection.clamps and phase in connection.clamps else "-",
        ]
        for phase in PHASES
        if any(name.format(phase) in values for name in _PER_PHASE)
    ]
    rows.append([_("total"), "", "", shown("active_power_total", 0), shown("reactive_power_total", 0), "", ""])
    parts = [
        table_text([_("phase"), "U V", "I A", "P W", "Q var", _("angle"), _("clamp A")], rows, {1, 2, 3, 4, 5, 6}),
        "",
        drawn(
            _("{meter}: role {role}, expected {direction}; nominal {nominal} V; ct_ratio {ratio}").format(
                meter=meter.name, role=connection.role or "-", direction=_direction(connection),
                nominal="%.0f" % connection.nominal_v, ratio="%d/%d" % connection.ct_ratio,
            )
        ),
    ]  # fmt: skip
    if watched is not None:
        parts.append(drawn(_watched_text(watched)))
    if seen.judged != tuple(row[0].lower() for row in rows[:-1]):
        judged = ", ".join(phase.upper() for phase in seen.judged) or "-"
        parts.append(drawn(_("Phases with enough current to judge their angle: {judged}").format(judged=judged)))
    parts.append("")
    parts += [drawn(say(one.problem)) for one in seen.findings]
    if not seen.findings:
        parts.append(drawn(_("Nothing looks wrong. Whether it is right, you judge.")))
    return "\n".join(parts)


def _direction(connection: Connection) -> str:
    return {"import": "P > 0", "export": "P < 0", "both": _("either direction")}[connection.direction]


def _watched_text(watched: Watched) -> str:
    if not watched.import_wh and not watched.export_wh:
        return _("In {seconds} s no energy register moved: watch longer (--watch), or there is little power.").format(
            seconds="%.0f" % watched.seconds
        )
    return _("In {seconds} s import rose by {taken} Wh, export by {given} Wh.").format(
        seconds="%.0f" % watched.seconds,
        taken="-" if watched.import_wh is None else watched.import_wh,
        given="-" if watched.export_wh is None else watched.export_wh,
    )
