"""wattproof scan and read: what answers on a bus, and what the registers of one meter hold, without the daemon."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from gateway.asker import Answer, Asker
from gateway.cli.bus_options import LineSetting, Units
from gateway.cli.dlt645_decoding import fault645_text
from gateway.cli.meter_commands import fault_text
from gateway.config import load_site
from gateway.core.meter.dlt645 import WAKE, di_text
from gateway.core.meter.dlt645 import read_request as asked_of
from gateway.core.meter.dlt645_exchange import meanings_645
from gateway.core.meter.exchange import Meaning, meanings
from gateway.core.meter.modbus import read_request
from gateway.core.meter.plan import plan_blocks, readable
from gateway.core.meter.profile import MODBUS, DeviceProfile
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.reading import EXCEPTION
from gateway.core.site import Bus, Meter
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, show, stop
from gateway.line import LineLostError, open_line
from gateway.profiles import all_profiles
from gateway.scan import LineReport, Scan, bus_of, usual_settings
from gateway.words import say
from gateway.words import translate as _

_TRIES = 3
_LATE_MS = 1000  # before a question is asked again, the answer to the first must have passed
_ANY_SETTING = "9600 8N1"  # a network has none
_UNSETTABLE = "WP-BUS-007"


@click.command("scan")
@click.argument("port")
@click.option("--line", "settings", type=LineSetting(), multiple=True, help='Line setting to try, such as "9600 8N1".')
@click.option("--units", type=Units(), default="1-32", show_default=True, help="Unit ids to ask.")
@click.option(
    "--timeout-ms",
    type=click.IntRange(20, 10_000),
    default=150,
    show_default=True,
    help="How long a unit may take to answer.",
)
@json_option
@click.pass_obj
@fails_clearly
def scan(
    home: str, port: str, settings: tuple[str, ...], units: tuple[int, ...], timeout_ms: int, as_json: bool
) -> None:
    """Find what answers at PORT, at which line settings, as which model; nothing is ever written to a meter."""
    profiles, problems = all_profiles(home)
    show(*problems)
    network = port.startswith("tcp://")
    wanted = [_ANY_SETTING] if network else list(dict.fromkeys(settings)) or usual_settings(profiles)
    reports: list[LineReport] = []
    refused: list[tuple[str, Problem]] = []
    for setting in wanted:
        bus = bus_of(port, setting)
        try:
            line = open_line(bus)
        except ProblemError as error:
            if error.problems[0].code != _UNSETTABLE or len(wanted) == 1:
                raise
            refused.append((setting, error.problems[0]))
            continue
        try:
            reports.append(Scan(Asker(line, bus), profiles, timeout_ms, _progress).run(setting, units))
        finally:
            line.close()
    _progress("")
    emit(_scan_value(port, reports, refused, network), _scan_text(reports, refused, network), as_json)
    if not any(report.found for report in reports):
        stop(PROBLEM, _nothing(port, any(report.garbled for report in reports)))


def _progress(text: str) -> None:
    """Show where the scan is, on the error channel of a terminal."""
    if sys.stderr.isatty():
        click.echo("\r\033[K" + text, nl=False, err=True)


def _scan_value(
    port: str, reports: list[LineReport], refused: list[tuple[str, Problem]], network: bool
) -> dict[str, Any]:
    lines: list[dict[str, Any]] = [
        {
            "line": None if network else report.line,
            "problem": None,
            "found": [
                {"unit": one.unit, "exception": one.refusal, "models": list(one.models), "likely": list(one.likely)}
                for one in report.found
            ],
            "garbled_units": list(report.garbled),
        }
        for report in reports
    ]
    lines += [{"line": setting, "problem": say(why), "found": [], "garbled_units": []} for setting, why in refused]
    return {"port": port, "lines": lines}


def _scan_text(reports: list[LineReport], refused: list[tuple[str, Problem]], network: bool) -> str:
    rows = []
    for report in reports:
        name = "Modbus TCP" if network else report.line
        for one in report.found:
            model = ", ".join(one.models) or _("a model that no profile describes")
            if one.likely:
                model = _("by its values: {models}").format(models=", ".join(one.likely))
            rows.append(_("{line}  unit {unit:3d}  {model}").format(line=name, unit=one.unit, model=model))
        if report.garbled:
            units = ", ".join(str(unit) for unit in report.garbled)
            rows.append(_("{line}  unreadable bytes from units {units}").format(line=name, units=units))
        elif not report.found:
            rows.append(_("{line}  silence").format(line=name))
    rows += [_("{line}  not possible on this port").format(line=setting) for setting, _why in refused]
    return "\n".join(rows)


def _nothing(port: str, garbled: bool) -> Problem:
    if garbled:
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


@click.command("read")
@click.argument("meter")
@click.option(
    "--capture", type=click.Path(dir_okay=False, path_type=Path), help="Append the exchanges to this file, as JSON."
)
@json_option
@click.pass_obj
@fails_clearly
def read(home: str, meter: str, capture: Path | None, as_json: bool) -> None:
    """Read every register of METER, its name or the number on its plate, once: raw words and what they mean."""
    site, profiles = load_site(Path(home))
    found = [one for one in site.meters if meter == one.name or (not one.unit and meter == one.serial)]
    if not found:
        raise ProblemError(
            problem(
                "WP-BUS-012",
                meter,
                "The site has no meter of this name.",
                "Its meters are: {known}.",
                known=", ".join(one.name for one in site.meters),
            )
        )
    bus = next(one for one in site.buses if one.name == found[0].bus)
    profile = profiles[found[0].profile]
    line = open_line(bus)
    try:
        answers = read_meter(Asker(line, bus), bus, found[0], profile)
    except LineLostError as error:
        raise ProblemError(*error.problems) from error
    finally:
        line.close()
    meant = [(answer, _meant(found[0], profile, answer)) for answer in answers]
    if capture is not None:
        _append(capture, found[0], profile, meant)
    emit(_read_value(found[0], profile, meant), _read_text(meant), as_json)
    if any(answer.fault for answer in answers):
        sys.exit(PROBLEM)


def read_meter(asker: Asker, bus: Bus, meter: Meter, profile: DeviceProfile) -> list[Answer]:
    """Return one exchange for every read that the whole profile needs, each tried a few times."""
    points = tuple(point for point in profile.points if readable(profile, point))
    asker.drain(min(_LATE_MS, profile.timeout_ms))
    answers = []
    for block in plan_blocks(profile, points, bus.baud, bus.turnaround_ms):
        for _attempt in range(_TRIES):
            answer = asker.ask_block(meter, block, 2 * profile.timeout_ms)
            if answer.fault is None or answer.fault.kind == EXCEPTION:
                break
            asker.drain(_LATE_MS)
        answers.append(answer)
        time.sleep(profile.gap_ms / 1000)
    return answers


def _meant(meter: Meter, profile: DeviceProfile, answer: Answer) -> list[Meaning]:
    if answer.registers is None:
        return []
    if profile.protocol != MODBUS:
        return meanings_645(profile, asked_of(answer.request), answer.registers, (meter.ct_ratio, meter.vt_ratio))
    return meanings(profile, read_request(answer.request), answer.registers, (meter.ct_ratio, meter.vt_ratio))


def _read_value(meter: Meter, profile: DeviceProfile, meant: list[tuple[Answer, list[Meaning]]]) -> dict[str, Any]:
    return {
        "meter": meter.name,
        "unit": meter.unit,
        "profile": profile.id,
        "exchanges": [
            {
                "request_hex": answer.request.hex(" "),
                "response_hex": answer.response.hex(" "),
                "fault": None if answer.fault is None else {"kind": answer.fault.kind, "detail": answer.fault.detail},
            }
            for answer, _found in meant
        ],
        "readings": [
            {"quantity": one.name, "words": ["%04x" % word for word in one.words], "value": one.value, "unit": one.unit}
            for _answer, found in meant
            for one in found
        ],
    }


def _read_text(meant: list[tuple[Answer, list[Meaning]]]) -> str:
    width = max((len(one.name) for _answer, found in meant for one in found), default=0)
    rows = []
    for answer, found in meant:
        if answer.request[0] == WAKE:
            di = asked_of(answer.request)
            rows.append("DI " + di_text(di.di, di.control))
            in_words = fault645_text
        else:
            asked, in_words = read_request(answer.request), fault_text
            head = _("function {function:02d}  start 0x{start:04X}  {count:3d} registers")
            rows.append(head.format(function=asked.function, start=asked.start, count=asked.count))
        if answer.fault is not None:
            rows.append("  " + in_words(answer.fault.kind, answer.fault.detail))
        for one in found:
            words = " ".join("%04x" % word for word in one.words)
            rows.append("  %s  %s  %s %s" % (one.name.ljust(width), words, one.value or _("not available"), one.unit))
    return "\n".join(rows)


def _append(path: Path, meter: Meter, profile: DeviceProfile, meant: list[tuple[Answer, list[Meaning]]]) -> None:
    """Append the believed exchanges in the form of device_profiles/captures."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    texts = {point.name for point in profile.points if point.type == "ascii"}
    good = [(answer, found) for answer, found in meant if answer.fault is None]
    rows = [
        {
            "id": "%s-%s-%d" % (meter.name, stamp, number),
            "profile": profile.id,
            "request_hex": answer.request.hex(" "),
            "response_hex": answer.response.hex(" "),
            "expected": [
                {"quantity": one.name, "value": _plain(one.value, one.name in texts), "unit": one.unit} for one in found
            ],
            "context": {"ct_ratio": _quotient(*meter.ct_ratio), "pt_ratio": _quotient(*meter.vt_ratio)},
            "provenance": "captured",
        }
        for number, (answer, found) in enumerate(good, 1)
    ]
    try:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    except OSError as error:
        raise ProblemError(
            problem(
                "WP-BUS-013",
                str(path),
                "The capture cannot be written: {reason}.",
                "Choose another file.",
                reason=error.strerror,
            )
        ) from error


def _plain(value: str | None, is_text: bool) -> int | float | str | None:
    """Return a decimal text as the JSON number that people write, a text as it is."""
    if value is None or is_text:
        return value
    return float(value) if "." in value else int(value)


def _quotient(primary: int, secondary: int) -> int | float:
    return primary / secondary if primary % secondary else primary // secondary
