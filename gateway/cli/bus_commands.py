"""wattproof read: what the registers of one meter hold, without the daemon."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from gateway.asker import Answer, Asker
from gateway.cli.cjt188_decoding import fault188_text
from gateway.cli.dlt645_decoding import fault645_text
from gateway.cli.meter_commands import fault_text
from gateway.commissioning.meter_reading import meter_named, read_points
from gateway.config import load_site
from gateway.core.meter.cjt188 import READOUT_DI, is_question
from gateway.core.meter.cjt188_exchange import meanings_of_readout
from gateway.core.meter.dlt645 import WAKE, di_text
from gateway.core.meter.dlt645 import read_request as asked_of
from gateway.core.meter.dlt645_exchange import meanings_645
from gateway.core.meter.exchange import Meaning, meanings
from gateway.core.meter.modbus import read_request
from gateway.core.meter.profile import CJT188, MODBUS, DeviceProfile
from gateway.core.problem import ProblemError, problem
from gateway.core.site import Meter
from gateway.frame import PROBLEM, emit, fails_clearly, json_option
from gateway.line import LineLostError, open_line
from gateway.sunspec_walk import walked
from gateway.words import translate as _


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
    bus, asked = meter_named(site, meter)
    profile = profiles[asked.profile]
    line = open_line(bus)
    try:
        asker = Asker(line, bus)
        profile = walked(asker, asked, profile)
        reads = read_points(asker, bus, asked, profile, profile.points)
    except LineLostError as error:
        raise ProblemError(*error.problems) from error
    finally:
        line.close()
    meant = [(answer, _meant(asked, profile, answer)) for _block, answer in reads]
    if capture is not None:
        _append(capture, asked, profile, meant)
    emit(_read_value(asked, profile, meant), _read_text(meant), as_json)
    if any(answer.fault for answer, _found in meant):
        sys.exit(PROBLEM)


def _meant(meter: Meter, profile: DeviceProfile, answer: Answer) -> list[Meaning]:
    if answer.registers is None:
        return []
    if profile.protocol == CJT188:
        return meanings_of_readout(profile, answer.registers)
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
        if is_question(answer.request):
            rows.append("DI %04X" % READOUT_DI)
            in_words = fault188_text
        elif answer.request[0] == WAKE:
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
