"""wattproof decode: what one exchange with a meter means."""

import sys
from typing import Any

import click

from gateway.cli.cjt188_decoding import decoded188, fault188_text
from gateway.cli.dlt645_decoding import YEARS, decoded645, decoded645_by, fault645_text
from gateway.cli.exchange_options import Octets, ratio_options
from gateway.core.meter.exchange import meanings, registers_of
from gateway.core.meter.modbus import EXCEPTION_NAMES, FrameFault, Request, read_request, refusal
from gateway.core.meter.profile import CJT188, MODBUS, DeviceProfile
from gateway.core.problem import ProblemError, problem
from gateway.core.reading import (
    CRC,
    EXCEPTION,
    FRAMING,
    LATE,
    LONG,
    SHORT,
    SILENT,
    WRONG_FUNCTION,
    WRONG_UNIT,
)
from gateway.frame import PROBLEM, emit, fails_clearly, json_option
from gateway.profiles import load_profile
from gateway.words import translate as _

Ratios = tuple[tuple[int, int], tuple[int, int]]


def decoded(profile: DeviceProfile, request: bytes, response: bytes, ratios: Ratios) -> dict[str, Any]:
    """Return what one exchange means, as the JSON of `wattproof decode`."""
    if profile.protocol == CJT188:
        return decoded188(request, response, profile)
    if profile.protocol != MODBUS:
        return decoded645_by(profile, request, response, ratios)
    code = refusal(request, response)
    if code is not None:
        return {"readings": [], "fault": {"kind": EXCEPTION, "detail": "%d" % code}}
    asked = asked_by(request)
    try:
        registers = registers_of(asked, response)
    except FrameFault as fault:
        return {"readings": [], "fault": {"kind": fault.kind, "detail": fault.detail}}
    found = meanings(profile, asked, registers, ratios)
    return {
        "readings": [{"quantity": one.name, "value": one.value, "unit": one.unit} for one in found],
        "fault": None,
    }


def asked_by(request: bytes) -> Request:
    """Return what the frame *request* asks; raises ProblemError where it is no read request."""
    try:
        return read_request(request)
    except FrameFault as fault:
        raise ProblemError(
            problem(
                "WP-BUS-040",
                "--request",
                "This is no read request: {kind}, {detail}.",
                "Give the whole frame: RTU with its check sum, or TCP with its header; functions 03 and 04.",
                kind=fault.kind,
                detail=fault.detail,
            )
        ) from fault


def fault_text(kind: str, detail: str) -> str:
    """Return a refused answer in words."""
    names = {
        SILENT: _("no answer"),
        SHORT: _("the answer is too short"),
        LONG: _("the answer is too long"),
        CRC: _("the check sum is wrong"),
        FRAMING: _("no Modbus TCP frame"),
        LATE: _("the answer belongs to another request"),
        WRONG_UNIT: _("another unit answers"),
        WRONG_FUNCTION: _("another function answers"),
        EXCEPTION: _("the meter refuses"),
    }
    if kind == EXCEPTION and int(detail) in EXCEPTION_NAMES:
        detail = "%s (%s)" % (detail, EXCEPTION_NAMES[int(detail)])
    return "%s: %s" % (names.get(kind, kind), detail)


@click.command("decode")
@click.option("--profile", "profile_id", help="Id of the device profile.")
@click.option(
    "--protocol",
    type=click.Choice(sorted([*YEARS, CJT188])),
    help="Instead of a profile: decode by the tables of the standard.",
)
@click.option("--request", type=Octets(), help="The question, as sent; with --protocol it may be left out.")
@click.option("--response", type=Octets(), required=True, help="The answer, as received.")
@ratio_options
@json_option
@click.pass_obj
@fails_clearly
def decode_command(
    home: str,
    profile_id: str | None,
    protocol: str | None,
    request: bytes | None,
    response: bytes,
    ct: tuple[int, int],
    vt: tuple[int, int],
    as_json: bool,
) -> None:
    """Tell what one exchange with a meter means, from a trace or a manual."""
    if protocol == CJT188 and profile_id is None:
        result, in_words = decoded188(request or b"", response), fault188_text
    elif protocol is not None and profile_id is None:
        result, in_words = decoded645(protocol, request or b"", response), fault645_text
    elif profile_id is not None and request is not None and protocol is None:
        profile = load_profile(profile_id, home)
        result = decoded(profile, request, response, (ct, vt))
        in_words = {MODBUS: fault_text, CJT188: fault188_text}.get(profile.protocol, fault645_text)
    else:
        raise click.UsageError(_("Give --profile and --request, or --protocol."))
    fault = result["fault"]
    if fault:
        text = in_words(fault["kind"], fault["detail"])
    else:
        width = max([len(one["quantity"]) for one in result["readings"]], default=0)
        text = "\n".join(
            "%s  %s %s" % (one["quantity"].ljust(width), one["value"] or _("not available"), one["unit"])
            for one in result["readings"]
        )
    emit(result, text or _("The answer is good, but the profile knows nothing in it."), as_json)
    if fault:
        sys.exit(PROBLEM)
