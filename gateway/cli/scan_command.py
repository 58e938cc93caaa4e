"""wattproof scan: what answers on a bus, at which line settings, as which model; and it into the configuration."""

import difflib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gateway.asker import Asker
from gateway.cli.bus_options import LineSetting, Units
from gateway.cli.progress import Course
from gateway.cli.tables import drawn, table_text
from gateway.commissioning.adding import addition
from gateway.commissioning.scan import Found, LineReport, Scan, bus_of, usual_settings
from gateway.config import SITE_FILE
from gateway.core.meter.profile import DeviceProfile
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.tcp_address import is_network
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, show, stop
from gateway.line import WireLine, open_line
from gateway.new_profile.profile_making import write_whole
from gateway.profiles import all_profiles
from gateway.text_file import read_text
from gateway.words import say
from gateway.words import translate as _

_ANY_SETTING = "115200 8N1"  # Modbus TCP has none; behind a serial server none is known, so the fastest stands
_UNSETTABLE = "WP-BUS-007"
_NETWORK = "Modbus TCP"

Refused = list[tuple[str, Problem]]


@click.command("scan")
@click.argument("port")
@click.option("--line", "settings", type=LineSetting(), multiple=True, help='Line setting to try, such as "9600 8N1".')
@click.option("--units", type=Units(), default="1-32", show_default=True, help="Unit ids to ask.")
@click.option(
    "--timeout-ms",
    type=click.IntRange(20, 10_000),
    default=100,
    show_default=True,
    help="How long a unit may take to answer at first; silent ones are asked again with more time.",
)
@click.option("--add", is_flag=True, help="Put the meters found into gateway.toml, for review; asks before it does.")
@click.option("--yes", is_flag=True, help="With --add: do not ask.")
@json_option
@click.pass_obj
@fails_clearly
def scan(
    home: str,
    port: str,
    settings: tuple[str, ...],
    units: tuple[int, ...],
    timeout_ms: int,
    add: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Find what answers at PORT, at which line settings, as which model; nothing is ever written to a meter."""
    profiles, problems = all_profiles(home)
    show(*problems)
    network = is_network(port)
    wanted = [_ANY_SETTING] if network else list(dict.fromkeys(settings)) or usual_settings(profiles)
    reports: list[LineReport] = []
    refused: Refused = []
    with Course(len(wanted), as_json) as course:
        for setting in wanted:
            course.begin(_NETWORK if network else setting)
            bus = bus_of(port, setting)
            try:
                line = open_line(bus)
            except ProblemError as error:
                if error.problems[0].code != _UNSETTABLE or len(wanted) == 1:
                    raise
                refused.append((setting, error.problems[0]))
                course.end()
                continue
            try:
                listen = line.listen if isinstance(line, WireLine) else None
                report = Scan(Asker(line, bus), profiles, timeout_ms, course.show, listen).run(setting, units)
            finally:
                line.close()
            reports.append(report)
            course.end()
            if report.another_master:
                break
    emit(_scan_value(port, reports, refused, network), _scan_text(reports, refused, network), as_json)
    if not any(report.found for report in reports):
        stop(PROBLEM, _nothing(port, reports))
    if add:
        _add(Path(home), port, reports, profiles, yes)


def _add(home: Path, port: str, reports: list[LineReport], profiles: list[DeviceProfile], yes: bool) -> None:
    """Show what would come to the configuration, ask, and write it."""
    path = home / SITE_FILE
    text = read_text(path) if path.exists() else ""
    best = max(reports, key=lambda report: len(report.found))
    new = addition(text, str(path), port, best, {profile.id: profile for profile in profiles})
    if not new.names:
        click.echo(
            _("Nothing to add: {present} of the meters found are configured.").format(present=new.present), err=True
        )
        return
    before, after = text.splitlines(), new.text.splitlines()
    for row in difflib.unified_diff(before, after, str(path), str(path), lineterm="", n=1):
        click.echo(row, err=True)
    if yes or click.confirm(
        _("Write these {count} meters to {path}?").format(count=len(new.names), path=path), err=True
    ):
        write_whole(path, new.text)
        click.echo(_("Written. Review it, complete the meter points, then: wattproof check --live"), err=True)


def _scan_value(port: str, reports: list[LineReport], refused: Refused, network: bool) -> dict[str, Any]:
    lines: list[dict[str, Any]] = [
        {
            "line": None if network else report.line,
            "problem": None,
            "found": [
                {
                    "protocol": "dlt645" if one.address else "modbus",
                    "unit": one.unit or None,
                    "address": one.address or None,
                    "exception": one.refusal,
                    "models": list(one.models),
                    "likely": list(one.likely),
                }
                for one in report.found
            ],
            "garbled_units": list(report.garbled),
            "damaged_units": list(report.damaged),
            "overheard": None if report.overheard is None else asdict(report.overheard),
            "several_dlt645": report.crowd,
            "looks_swapped": report.swapped,
            "any_unit": report.any_unit,
        }
        for report in reports
    ]
    lines += [
        {
            "line": setting, "problem": say(why), "found": [], "garbled_units": [], "damaged_units": [],
            "overheard": None, "several_dlt645": False, "looks_swapped": False, "any_unit": False,
        }
        for setting, why in refused
    ]  # fmt: skip
    return {"port": port, "lines": lines}


def _scan_text(reports: list[LineReport], refused: Refused, network: bool) -> str:
    rows = [
        [_NETWORK if network else report.line, one.address or str(one.unit), *_model(one)]
        for report in reports
        for one in report.found
    ]
    parts = [table_text([_("line"), _("unit"), _("model"), _("known by")], rows, {1})] if rows else []
    for report in reports:
        name = _NETWORK if network else report.line
        parts += [drawn("%s  %s" % (name, remark)) for remark in _remarks(report)]
    parts += [_("{line}  not possible on this port").format(line=setting) for setting, _why in refused]
    return "\n".join(parts)


def _model(one: Found) -> list[str]:
    if one.models:
        return [", ".join(one.models), _("its values") if one.address else _("its signature")]
    if one.likely:
        return [", ".join(one.likely), _("a guess by its values")]
    if one.refusal is not None:
        return [_("no profile fits"), _("a refusal, code {code}").format(code=one.refusal)]
    return [_("no profile fits"), _("its answer")]


def _remarks(report: LineReport) -> list[str]:
    """Return what is to be said of a line setting beside the meters found."""
    found = []
    heard = report.overheard
    if heard is not None and heard.another_master:
        found.append(
            _("another master is talking: it asks {asked}; answers come from {answered}").format(
                asked=", ".join(heard.asked) or "-", answered=", ".join(heard.answered) or "-"
            )
        )
    elif heard is not None:
        found.append(_("{octets} bytes came unasked, none of them readable").format(octets=heard.octets))
    if report.crowd:
        found.append(_("bytes answer the DL/T 645 wildcard, but no frame: several such meters, or noise"))
    if report.damaged:
        units = ", ".join(str(unit) for unit in report.damaged)
        found.append(_("wrong check sums from units {units}: noise, or two meters with one id").format(units=units))
    if report.garbled:
        units = ", ".join(str(unit) for unit in report.garbled)
        found.append(
            _("unreadable bytes from units {units}: something is there, with other settings").format(units=units)
        )
    if report.any_unit:
        found.append(_("it answers to whatever unit id: one device, found many times"))
    if report.swapped:
        found.append(_("nothing but ones and zeros comes: A and B look exchanged"))
    return found or ([] if report.found else [_("silence")])


def _nothing(port: str, reports: list[LineReport]) -> Problem:
    if any(report.another_master for report in reports):
        return problem(
            "WP-BUS-042",
            port,
            "Another master asks the meters on this line, so it was not scanned.",
            "Disconnect or stop the other one for the time of the scan, and for good: a line has one master.",
        )
    if any(report.garbled or report.damaged or report.crowd or report.overheard for report in reports):
        return problem(
            "WP-BUS-010",
            port,
            "Bytes come, but no meter can be understood.",
            "A and B may be exchanged, the speed or parity another, or two meters have one unit id: try more --line "
            "settings, and one meter alone.",
        )
    return problem(
        "WP-BUS-011",
        port,
        "No meter answers.",
        "Check power, A and B, and termination; try --units 1-247 and other --line settings.",
    )
