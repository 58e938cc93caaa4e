"""wattproof plan: which reads a meter would be asked, how often, and what they cost."""

from typing import Any

import click

from gateway.core.meter.plan import (
    DEFAULT_SLOW_SWEEPS,
    DEFAULT_TURNAROUND_MS,
    DI_FUNCTIONS,
    Block,
    block_us,
    bus_us,
    class_of,
    di_of,
    di_shown,
    function_shown,
    plan_blocks,
    shortest_blocks,
)
from gateway.core.meter.profile import FAST, MODBUS, ONCE, SLOW, DeviceProfile
from gateway.frame import emit, fails_clearly, json_option
from gateway.profile_plan import wasted
from gateway.profiles import load_profile
from gateway.words import translate as _


def planned(profile: DeviceProfile, baud: int, turnaround_ms: int, slow_sweeps: int) -> dict[str, Any]:
    """Return the reads of a meter and their bus time, as the JSON of `wattproof plan`."""
    blocks = plan_blocks(profile, profile.asked(), baud, turnaround_ms, slow_sweeps)
    shortest = shortest_blocks(profile, profile.asked(), baud, turnaround_ms, slow_sweeps)
    of_class = {poll: tuple(block for block in blocks if class_of(block) == poll) for poll in (FAST, SLOW, ONCE)}
    total = bus_us(of_class[FAST], baud, turnaround_ms)
    return {
        "profile": profile.id,
        "baud": baud,
        "turnaround_ms": turnaround_ms,
        "slow_sweeps": slow_sweeps,
        "reads": [_read(block, baud, turnaround_ms) for poll in of_class for block in of_class[poll]],
        "classes": [
            {
                "poll": poll,
                "reads": len(some),
                "registers": sum(block.count for block in some),
                "wasted": sum(map(wasted, some)),
                "total_us": bus_us(some, baud, turnaround_ms),
            }
            for poll, some in of_class.items()
            if some
        ],
        "registers": sum(block.count for block in of_class[FAST]),
        # A DL/T 645 or CJ/T 188 answer says what it answers.
        "distinct": profile.protocol != MODBUS or len({block.count for block in blocks}) == len(blocks),
        "total_us": total,
        "total_ms": total / 1000,
        "shortest_us": bus_us(tuple(block for block in shortest if class_of(block) == FAST), baud, turnaround_ms),
    }


def _read(block: Block, baud: int, turnaround_ms: int) -> dict[str, Any]:
    took = block_us(block, baud, 1000 * turnaround_ms)
    return {
        "poll": class_of(block),
        "function": function_shown(block.function),
        "di": di_shown(block.function, block.start),
        "start": di_of(block) if block.function in DI_FUNCTIONS else block.start,
        "count": block.count,
        "wasted": wasted(block),
        "time_us": took,
        "time_ms": took / 1000,
        "quantities": [point.name for point in block.points],
    }


def _read_text(read: dict[str, Any]) -> str:
    times = {"poll": read["poll"], "time": read["time_ms"], "values": len(read["quantities"]), "count": read["count"]}
    if read["di"]:
        return _("{poll:4s}  DI {di}  {count:3d} registers  {time:7.1f} ms  {values} values").format(
            di=read["di"], **times
        )
    return _(
        "{poll:4s}  function {function:02d}  start 0x{start:04X}  {count:3d} registers  {time:7.1f} ms  {values} values"
    ).format(function=read["function"], start=read["start"], **times)


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
@click.option(
    "--slow-sweeps",
    type=click.IntRange(1, 100_000),
    default=DEFAULT_SLOW_SWEEPS,
    show_default=True,
    help="In every how many sweeps slow reads are made.",
)
@json_option
@click.pass_obj
@fails_clearly
def plan_command(home: str, profile_id: str, baud: int, turnaround_ms: int, slow_sweeps: int, as_json: bool) -> None:
    """Show the reads that would be made of a meter, the bus time of each, and the total of those made as often."""
    plan = planned(load_profile(profile_id, home), baud, turnaround_ms, slow_sweeps)
    lines = [_read_text(read) for read in plan["reads"]]
    every = {
        FAST: _("in every sweep"),
        SLOW: _("in every {sweeps}th sweep").format(sweeps=slow_sweeps),
        ONCE: _("at the start"),
    }
    for some in plan["classes"]:
        lines.append(
            _(
                "{when}: {reads} reads, {registers} registers ({wasted} for no value), {total:.1f} ms at {baud} Bd"
            ).format(when=every[some["poll"]], total=some["total_us"] / 1000, baud=baud, **some)
        )
    if not plan["distinct"]:
        lines.append(_("Some reads have the same length: the windows leave no room to tell late answers apart by it."))
    emit(plan, "\n".join(lines), as_json)
