"""Plans the reads of a meter: the fewest microseconds on the bus, inside what the meter allows.

One read costs far more than a few unneeded registers, so neighbours are read together wherever the profile's
windows let a read span what lies between; `grouping` finds which. What is needed seldom is read along with what is
needed in every sweep where that is free or cheaper, and has reads of its own elsewhere.
"""

from collections import namedtuple

from gateway.core.meter import cjt188
from gateway.core.meter.cjt188 import ANSWERED_BYTES, READOUT_DI
from gateway.core.meter.cjt188_values import readout_bytes
from gateway.core.meter.dlt645 import READ, READ_1997, di_text
from gateway.core.meter.grouping import best_groups
from gateway.core.meter.legal_reads import LegalReads, Span
from gateway.core.meter.profile import FAST, MODBUS, ONCE, SLOW, DeviceProfile, Point

BITS_OF_CHARACTER = 11  # start, 8 data, parity or second stop, stop; 8N1 sends 10, but meters time by 11
FRAME_CHARACTERS = 8 + 5  # a request, and an answer without its registers
FAST_BAUD = 19200  # above it the silence between frames is fixed
FAST_SILENCE_US = 1750
DEFAULT_TURNAROUND_MS = 10
DEFAULT_SLOW_SWEEPS = 12  # a slow read every minute, where a sweep takes 5 s
DI_FRAME_CHARACTERS = 4 + 16 + 4 + 16  # DL/T 645: a question and an answer without values, each with four wake bytes
READOUT_CHARACTERS = 2 * 4 + 2 * ANSWERED_BYTES  # CJ/T 188: a question and an answer without readout
DI_LEAST_TURNAROUND_US = 20000  # no DL/T 645 meter answers sooner, and no CJ/T 188 meter
# The functions of what is asked of meters by their number: control codes of DL/T 645, the readout of CJ/T 188.
DI_FUNCTIONS = (READ, READ_1997, READOUT_DI)


class Block(namedtuple("Block", ("function", "start", "count", "points"))):
    """One read: *count* registers from *start* by *function*, for the sake of *points*."""

    __slots__ = ()
    function: int
    start: int
    count: int
    points: "tuple[Point, ...]"


class _Group(namedtuple("_Group", ("points", "span"))):
    """Points that are read together, and how."""

    __slots__ = ()
    points: "tuple[Point, ...]"
    span: Span

    def holds(self, point: Point) -> bool:
        """Tell whether the read holds *point* whole."""
        return self.span.start <= point.first and point.last < self.span.start + self.span.count

    def block(self, count: int) -> Block:
        """Return the read with *count* registers; it begins earlier where the window ends."""
        start = min(self.span.start, self.span.window[2] + 1 - count)
        return Block(self.span.window[0], start, count, self.points)


def silence_us(baud: int) -> int:
    """Return the silence that ends a frame: 3.5 characters, rounded up, or 1750 us above 19200 baud."""
    return FAST_SILENCE_US if baud > FAST_BAUD else -(-7 * BITS_OF_CHARACTER * 1000000 // (2 * baud))


def exchange_cost(baud: int, count: int, turnaround_us: int) -> int:
    """Return how long the bus is taken by one read of *count* registers, exactly, in us / (2 * baud)."""
    half_bits = 2 * BITS_OF_CHARACTER * (FRAME_CHARACTERS + 2 * count)
    fixed_us = turnaround_us
    if baud > FAST_BAUD:
        fixed_us += 2 * FAST_SILENCE_US
    else:
        half_bits += 2 * 7 * BITS_OF_CHARACTER
    return fixed_us * 2 * baud + half_bits * 1000000


def exchange_us(baud: int, count: int, turnaround_us: int) -> int:
    """Return how long the bus is taken by one read of *count* registers, rounded up."""
    return -(-exchange_cost(baud, count, turnaround_us) // (2 * baud))


def block_us(block: Block, baud: int, turnaround_us: int) -> int:
    """Return how long the bus is taken by one read of *block*, in either protocol, rounded up."""
    if block.function not in DI_FUNCTIONS:
        return exchange_us(baud, block.count, turnaround_us)
    characters = DI_FRAME_CHARACTERS + 2 * block.count
    if block.function == READOUT_DI:  # which is answered as a whole, whatever is wanted of it
        characters = READOUT_CHARACTERS + readout_bytes(di_of(block))
    return max(turnaround_us, DI_LEAST_TURNAROUND_US) - (-characters * BITS_OF_CHARACTER * 1000000 // baud)


def di_of(block: Block) -> int:
    """Return the data identifier that *block* reads from a DL/T 645 meter; of a CJ/T 188 meter, its type."""
    return block.start >> 8


def di_shown(function: int, address: int) -> "str | None":
    """Return the data identifier of a point or block as the standard prints it; None where there is none."""
    if function == READOUT_DI:
        return "%04X" % READOUT_DI
    return di_text(address >> 8, function) if function in DI_FUNCTIONS else None


def function_shown(function: int) -> int:
    """Return the function or control code by which a point or block is read."""
    return cjt188.READ if function == READOUT_DI else function


def _di_blocks(points: "tuple[Point, ...]") -> "tuple[Block, ...]":
    """Return one read for each data identifier; a DL/T 645 answer names what it answers, so lengths may be equal."""
    blocks = []
    for start in sorted({point.address & ~0xFF for point in points}):
        chosen = tuple(sorted([point for point in points if point.address & ~0xFF == start], key=_place))
        blocks.append(Block(chosen[0].function, start, chosen[-1].last + 1 - start, chosen))
    return tuple(blocks)


def windows_of(profile: DeviceProfile, function: int) -> "tuple[tuple[int, int, int], ...]":
    """Return the legal windows of *function*; where none is stated, only registers known to exist."""
    stated = tuple([window for window in profile.windows if window[0] == function])
    if stated:
        return stated
    found: "list[tuple[int, int, int]]" = []
    for point in sorted([p for p in profile.points if p.function == function], key=_place):
        if found and point.first <= found[-1][2] + 1:
            found[-1] = (function, found[-1][1], max(found[-1][2], point.last))
        else:
            found.append((function, point.first, point.last))
    return tuple(found)


def _place(point: Point) -> "tuple[int, int]":
    return (point.first, point.last)


def readable(profile: DeviceProfile, point: Point) -> bool:
    """Tell whether some legal read holds *point*."""
    if point.function in DI_FUNCTIONS:
        return True
    windows = windows_of(profile, point.function)
    return LegalReads(windows, profile.align, profile.max_registers).span(point.first, point.last) is not None


def class_of(block: Block) -> str:
    """Return how often *block* is read: as often as the point in it that is wanted most often."""
    found = ONCE
    for point in block.points:
        if point.poll != ONCE:
            if point.poll != SLOW:
                return FAST
            found = SLOW
    return found


def _legal_reads(profile: DeviceProfile, function: int, baud: int, turnaround_us: int) -> LegalReads:
    read_cost = exchange_cost(baud, 0, turnaround_us)
    register_cost = exchange_cost(baud, 1, turnaround_us) - read_cost
    return LegalReads(windows_of(profile, function), profile.align, profile.max_registers, read_cost, register_cost)


def _grouped(points: "list[Point]", reads: LegalReads, slow_sweeps: int) -> "list[_Group]":
    groups = []
    for together in best_groups(points, reads, slow_sweeps):
        span = reads.span(together[0].first, max([point.last for point in together]))
        assert span is not None, "a group is one legal read"
        groups.append(_Group(tuple(together), span))
    return groups


def _groups_of(points: "list[Point]", reads: LegalReads, slow_sweeps: int) -> "list[_Group]":
    """Return the cheapest groups of *points*, which are of one function and in order; those read once come last."""
    groups = _grouped([point for point in points if point.poll != ONCE], reads, slow_sweeps)
    alone = []
    for point in points:
        if point.poll == ONCE:
            holding = [index for index in range(len(groups)) if groups[index].holds(point)]
            if holding:
                group = groups[holding[0]]
                groups[holding[0]] = _Group(group.points + (point,), group.span)
            else:
                alone.append(point)
    return groups + _grouped(alone, reads, slow_sweeps)


def _all_groups(
    profile: DeviceProfile, points: "tuple[Point, ...]", baud: int, turnaround_ms: int, slow_sweeps: int
) -> "list[_Group]":
    groups: "list[_Group]" = []
    for function in sorted({point.function for point in points}):
        chosen = sorted([point for point in points if point.function == function], key=_place)
        groups += _groups_of(chosen, _legal_reads(profile, function, baud, 1000 * turnaround_ms), slow_sweeps)
    return groups


def shortest_blocks(
    profile: DeviceProfile,
    points: "tuple[Point, ...]",
    baud: int,
    turnaround_ms: int = DEFAULT_TURNAROUND_MS,
    slow_sweeps: int = DEFAULT_SLOW_SWEEPS,
) -> "tuple[Block, ...]":
    """Return the reads with the least bus time, whatever their lengths; slow ones are read every *slow_sweeps*."""
    if profile.protocol != MODBUS:
        return _di_blocks(points)
    groups = _all_groups(profile, points, baud, turnaround_ms, slow_sweeps)
    return tuple([group.block(group.span.count) for group in groups])


def plan_blocks(
    profile: DeviceProfile,
    points: "tuple[Point, ...]",
    baud: int,
    turnaround_ms: int = DEFAULT_TURNAROUND_MS,
    slow_sweeps: int = DEFAULT_SLOW_SWEEPS,
) -> "tuple[Block, ...]":
    """Return the reads with the least bus time, each of another length where the windows have room for it.

    Modbus RTU answers carry no number: an answer that comes too late can pass for that of the next question
    unless it is of another length. So equal lengths are told apart by a few more registers.
    """
    if profile.protocol != MODBUS:
        return _di_blocks(points)
    groups = _all_groups(profile, points, baud, turnaround_ms, slow_sweeps)
    counts = _distinct_counts(groups, profile.align)
    return tuple([group.block(count) for group, count in zip(groups, counts)])  # noqa: B905 - MicroPython's zip


def _distinct_counts(groups: "list[_Group]", align: int) -> "list[int]":
    """Return a count for each group, all different where that can be, and as small as that allows.

    Counts are given out from the smallest on, each to the group with the least room among those that fit.
    """
    counts = [group.span.count for group in groups]
    waiting = list(range(len(groups)))
    count = align
    while waiting:
        fitting = [index for index in waiting if groups[index].span.count <= count]
        for index in fitting:
            if groups[index].span.most < count:  # no length is left for it: it keeps the shortest
                waiting.remove(index)
        fitting = [index for index in fitting if index in waiting]
        if fitting:
            chosen = min(fitting, key=lambda index: (groups[index].span.most, index))
            counts[chosen] = count
            waiting.remove(chosen)
        count += align
    return counts


def lengthened(profile: DeviceProfile, block: Block, counts: "set[int]") -> "Block | None":
    """Return a read that holds all of *block*, is longer, and of none of these *counts*; None where none is legal."""
    align = profile.align
    for window in windows_of(profile, block.function):
        floor = window[1] + -window[1] % align
        if floor <= block.start and block.start + block.count - 1 <= window[2]:
            room = (window[2] + 1 - floor) // align * align
            for count in range(block.count + align, min(room, profile.max_registers) + 1, align):
                if count not in counts:
                    return Block(block.function, min(block.start, floor + room - count), count, block.points)
    return None


def bus_us(blocks: "tuple[Block, ...]", baud: int, turnaround_ms: int = DEFAULT_TURNAROUND_MS) -> int:
    """Return how long the bus is taken by one reading of *blocks*."""
    return sum([block_us(block, baud, 1000 * turnaround_ms) for block in blocks])
