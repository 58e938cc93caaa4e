"""wattproof decode and plan: what one exchange means, and which reads a meter would be asked."""

import sys
from typing import Any

import click

from gateway.cli.dlt645_decoding import YEARS, decoded645, decoded645_by, fault645_text
from gateway.cli.exchange_options import Octets, ratio_options
from gateway.core.meter.dlt645 import di_text
from gateway.core.meter.exchange import meanings, registers_of
from gateway.core.meter.modbus import EXCEPTION_NAMES, FrameFault, Request, read_request, refusal
from gateway.core.meter.plan import (
    DEFAULT_TURNAROUND_MS,
    DI_FUNCTIONS,
    Block,
    block_us,
    bus_us,
    di_of,
    plan_blocks,
    shortest_blocks,
)
from gateway.core.meter.profile import MODBUS, DeviceProfile
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
    "--protocol", type=click.Choice(sorted(YEARS)), help="Instead of a profile: decode by the tables of the standard."
)
@click.option("--request", type=Octets(), help="The question, as sent; a trace of DL/T 645 may lack it.")
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
    if protocol is not None and profile_id is None:
        result, in_words = decoded645(protocol, request or b"", response), fault645_text
    elif profile_id is not None and request is not None and protocol is None:
        profile = load_profile(profile_id, home)
        result = decoded(profile, request, response, (ct, vt))
        in_words = fault_text if profile.protocol == MODBUS else fault645_text
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


def planned(profile: DeviceProfile, baud: int, turnaround_ms: int) -> dict[str, Any]:
    """Return the reads of one sweep and their bus time, as the JSON of `wattproof plan`."""
    blocks = plan_blocks(profile, profile.polled(), baud, turnaround_ms)
    shortest = shortest_blocks(profile, profile.polled(), baud, turnaround_ms)
    total = bus_us(blocks, baud, turnaround_ms)
    return {
        "profile": profile.id,
        "baud": baud,
        "turnaround_ms": turnaround_ms,
        "reads": [_read(block, baud, turnaround_ms) for block in blocks],
        "registers": sum(block.count for block in blocks),
        # A DL/T 645 answer says what it answers.
        "distinct": profile.protocol != MODBUS or len({block.count for block in blocks}) == len(blocks),
        "total_us": total,
        "total_ms": total / 1000,
        "shortest_us": bus_us(shortest, baud, turnaround_ms),
    }


def _read(block: Block, baud: int, turnaround_ms: int) -> dict[str, Any]:
    took = block_us(block, baud, 1000 * turnaround_ms)
    return {
        "function": block.function,
        "di": di_text(di_of(block), block.function) if block.function in DI_FUNCTIONS else None,
        "start": di_of(block) if block.function in DI_FUNCTIONS else block.start,
        "count": block.count,
        "time_us": took,
        "time_ms": took / 1000,
        "quantities": [point.name for point in block.points],
    }


@click.command("plan")
@click.option("--profile", "profile_id", required=True, help="Id of the device profile.")
@click.option("--baud", type=click.IntRange(300, 1_000_000), required=True, help="Speed of the line.")
@click.option(
    "--turnaround-ms",
    type=click.IntRange(0, 10_000),
    default=DEFAULT_TURNAROUND_MS,
    show_default=True,
    help="How long the meter takes to begin its answer.",
)
@json_option
@click.pass_obj
@fails_clearly
def plan_command(home: str, profile_id: str, baud: int, turnaround_ms: int, as_json: bool) -> None:
    """Show the reads that would be made of a meter, the bus time of each, and the total."""
    plan = planned(load_profile(profile_id, home), baud, turnaround_ms)
    lines = [
        _("DI {di}  {count:3d} registers  {time:8.1f} ms  {values} values").format(
            di=read["di"], count=read["count"], time=read["time_ms"], values=len(read["quantities"])
        )
        if read["di"]
        else _(
            "function {function:02d}  start 0x{start:04X}  {count:3d} registers  {time:8.1f} ms  {values} values"
        ).format(
            function=read["function"],
            start=read["start"],
            count=read["count"],
            time=read["time_ms"],
            values=len(read["quantities"]),
        )
        for read in plan["reads"]
    ]
    lines.append(
        _("{reads} reads, {registers} registers, {total:.1f} ms a sweep at {baud} Bd").format(
            reads=len(lines), registers=plan["registers"], total=plan["total_ms"], baud=baud
        )
    )
    if not plan["distinct"]:
        lines.append(_("Some reads have the same length: the windows leave no room to tell late answers apart by it."))
    emit(plan, "\n".join(lines), as_json)
