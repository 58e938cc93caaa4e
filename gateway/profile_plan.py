"""What a sweep of a meter model costs at its factory line setting."""

from typing import NamedTuple

from gateway.core.meter.plan import bus_us, plan_blocks
from gateway.core.meter.profile import DeviceProfile
from gateway.words import translate as _

_TCP_BAUD = 9600  # what is only reached over TCP often stands behind a converter; a sweep is compared with itself


class PlanFigures(NamedTuple):
    """The reads of one sweep. wasted: registers that are read for no value; bus_us: how long the line is taken."""

    baud: int
    reads: int
    registers: int
    wasted: int
    bus_us: int


def plan_figures(profile: DeviceProfile) -> PlanFigures:
    """Return what one sweep of *profile* costs at its factory line setting."""
    baud = int(profile.serial_default.split()[0]) if profile.serial_default else _TCP_BAUD
    points = profile.polled()
    blocks = plan_blocks(profile, points, baud)
    registers = sum(block.count for block in blocks)
    needed: set[tuple[int, int]] = set()
    for point in points:
        needed |= {(point.function, at) for at in range(point.address, point.address + point.count)}
        if point.exponent_at is not None:
            needed.add((point.function, point.exponent_at))
    return PlanFigures(baud, len(blocks), registers, registers - len(needed), bus_us(blocks, baud))


def plan_text(profile_id: str, plan: PlanFigures) -> str:
    """Return in words what a sweep costs."""
    return _(
        "{id}: {reads} reads of {registers} registers, {wasted} of them for nothing; {ms:.1f} ms a sweep at {baud} baud"
    ).format(
        id=profile_id,
        reads=plan.reads,
        registers=plan.registers,
        wasted=plan.wasted,
        ms=plan.bus_us / 1000,
        baud=plan.baud,
    )
