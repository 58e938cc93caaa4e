"""What a sweep of a meter model costs at its factory line setting."""

from typing import NamedTuple

from gateway.core.meter.plan import DEFAULT_SLOW_SWEEPS, Block, bus_us, class_of, plan_blocks
from gateway.core.meter.profile import FAST, SLOW, DeviceProfile
from gateway.words import translate as _

_TCP_BAUD = 9600  # what is only reached over TCP often stands behind a converter; a sweep is compared with itself


class PlanFigures(NamedTuple):
    """The reads of a meter. wasted: registers read for no value; bus_us: of a sweep, with its share of slow."""

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
    return PlanFigures(baud, len(blocks), registers, sum(map(wasted, blocks)), _sweep_us(blocks, baud))


def _sweep_us(blocks: tuple[Block, ...], baud: int) -> int:
    slow = tuple(block for block in blocks if class_of(block) == SLOW)
    fast = tuple(block for block in blocks if class_of(block) == FAST)
    return bus_us(fast, baud) + bus_us(slow, baud) // DEFAULT_SLOW_SWEEPS


def wasted(block: Block) -> int:
    """Return how many registers of *block* are read for no value."""
    needed: set[int] = set()
    for point in block.points:
        needed.update(range(point.address, point.address + point.count))
        if point.exponent_at is not None:
            needed.add(point.exponent_at)
    return block.count - len(needed)


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
