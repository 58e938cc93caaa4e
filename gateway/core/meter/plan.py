"""Plans the reads of a meter: the fewest microseconds on the bus, inside what the meter allows.

One read costs far more than a few unneeded registers, so neighbours are read together wherever the profile's
windows let a read span what lies between. Which ones is found by dynamic programming over the points in order.
"""

from collections import namedtuple

from gateway.core.meter.dlt645 import READ, READ_1997
from gateway.core.meter.profile import MODBUS, DeviceProfile, Point

BITS_OF_CHARACTER = 11  # start, 8 data, parity or second stop, stop; 8N1 sends 10, but meters time by 11
FRAME_CHARACTERS = 8 + 5  # a request, and an answer without its registers
FAST_BAUD = 19200  # above it the silence between frames is fixed
FAST_SILENCE_US = 1750
DEFAULT_TURNAROUND_MS = 10
DI_FRAME_CHARACTERS = 4 + 16 + 4 + 16  # DL/T 645: a question and an answer without values, each with four wake bytes
DI_LEAST_TURNAROUND_US = 20000  # no DL/T 645 meter answers sooner
DI_FUNCTIONS = (READ, READ_1997)  # control codes of DL/T 645, by which its reads are told from those of Modbus


class Block(namedtuple("Block", ("function", "start", "count", "points"))):
    """One read: *count* registers from *start* by *function*, for the sake of *points*."""

    __slots__ = ()
    function: int
    start: int
    count: int
    points: "tuple[Point, ...]"


class _Group(namedtuple("_Group", ("window", "points", "start", "count", "most"))):
    """Points that may be read together: within window, from start, at least count and at most most registers."""

    __slots__ = ()
    window: "tuple[int, int, int]"
    points: "tuple[Point, ...]"
    start: int
    count: int
    most: int


def silence_us(baud: int) -> int:
    """Return the silence that ends a frame: 3.5 characters, rounded up, or 1750 us above 19200 baud."""
    return FAST_SILENCE_US if baud > FAST_BAUD else -(-7 * BITS_OF_CHARACTER * 1000000 // (2 * baud))


def exchange_us(baud: int, count: int, turnaround_us: int) -> int:
    """Return how long the bus is taken by one read of *count* registers, rounded up."""
    half_bits = 2 * BITS_OF_CHARACTER * (FRAME_CHARACTERS + 2 * count)
    fixed = turnaround_us
    if baud > FAST_BAUD:
        fixed += 2 * FAST_SILENCE_US
    else:
        half_bits += 2 * 7 * BITS_OF_CHARACTER
    return fixed - (-half_bits * 1000000 // (2 * baud))


def block_us(block: Block, baud: int, turnaround_us: int) -> int:
    """Return how long the bus is taken by one read of *block*, in either protocol, rounded up."""
    if block.function not in DI_FUNCTIONS:
        return exchange_us(baud, block.count, turnaround_us)
    characters = DI_FRAME_CHARACTERS + 2 * block.count
    return max(turnaround_us, DI_LEAST_TURNAROUND_US) - (-characters * BITS_OF_CHARACTER * 1000000 // baud)


def di_of(block: Block) -> int:
    """Return the data identifier that *block* reads from a DL/T 645 meter."""
    return block.start >> 8


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
    return point.function in DI_FUNCTIONS or _group(profile, windows_of(profile, point.function), (point,)) is not None


def _group(
    profile: DeviceProfile, windows: "tuple[tuple[int, int, int], ...]", points: "tuple[Point, ...]"
) -> "_Group | None":
    """Return how *points* can be read at once, None where the profile does not allow it."""
    first, last = points[0].first, max([point.last for point in points])
    align = profile.align
    for window in windows:
        floor = window[1] + -window[1] % align
        start = first - first % align
        count = last + 1 - start
        count += -count % align
        room = (window[2] + 1 - floor) // align * align
        if floor <= start and start + count <= floor + room and count <= profile.max_registers:
            most = min(room, profile.max_registers // align * align)
            return _Group((window[0], floor, floor + room - 1), points, start, count, most)
    return None


def _best_groups(profile: DeviceProfile, points: "list[Point]", baud: int, turnaround_us: int) -> "list[_Group]":
    """Return the cheapest groups of *points*, which are of one function and in order."""
    windows = windows_of(profile, points[0].function)
    # cost[i] is (us, registers) of the best reading of the first i points, came[i] its last group.
    cost: "list[tuple[int, int]]" = [(0, 0)]
    came: "list[_Group | None]" = [None]
    for end in range(1, len(points) + 1):
        best: "tuple[int, int] | None" = None
        best_group = None
        for begin in range(end - 1, -1, -1):
            if points[end - 1].first - points[begin].first >= profile.max_registers:
                break
            group = _group(profile, windows, tuple(points[begin:end]))
            if group is None:
                continue
            total = (cost[begin][0] + exchange_us(baud, group.count, turnaround_us), cost[begin][1] + group.count)
            if best is None or total < best:
                best, best_group = total, group
        assert best is not None, "a profile that was read has no point that cannot be read"
        cost.append(best)
        came.append(best_group)
    groups: "list[_Group]" = []
    at = len(points)
    while at:
        group = came[at]
        assert group is not None
        groups.append(group)
        at -= len(group.points)
    groups.reverse()
    return groups


def _all_groups(profile: DeviceProfile, points: "tuple[Point, ...]", baud: int, turnaround_ms: int) -> "list[_Group]":
    groups: "list[_Group]" = []
    for function in sorted({point.function for point in points}):
        chosen = sorted([point for point in points if point.function == function], key=_place)
        groups += _best_groups(profile, chosen, baud, 1000 * turnaround_ms)
    return groups


def shortest_blocks(
    profile: DeviceProfile, points: "tuple[Point, ...]", baud: int, turnaround_ms: int = DEFAULT_TURNAROUND_MS
) -> "tuple[Block, ...]":
    """Return the reads with the least bus time, whatever their lengths."""
    if profile.protocol != MODBUS:
        return _di_blocks(points)
    groups = _all_groups(profile, points, baud, turnaround_ms)
    return tuple([Block(group.window[0], group.start, group.count, group.points) for group in groups])


def plan_blocks(
    profile: DeviceProfile, points: "tuple[Point, ...]", baud: int, turnaround_ms: int = DEFAULT_TURNAROUND_MS
) -> "tuple[Block, ...]":
    """Return the reads with the least bus time, each of another length where the windows have room for it.

    Modbus RTU answers carry no number: an answer that comes too late can pass for that of the next question
    unless it is of another length. So equal lengths are told apart by a few more registers.
    """
    if profile.protocol != MODBUS:
        return _di_blocks(points)
    groups = _all_groups(profile, points, baud, turnaround_ms)
    counts = _distinct_counts(groups, profile.align)
    blocks = []
    for group, count in zip(groups, counts):  # noqa: B905 - MicroPython's zip knows no strict
        start = min(group.start, group.window[2] + 1 - count)
        blocks.append(Block(group.window[0], start, count, group.points))
    return tuple(blocks)


def _distinct_counts(groups: "list[_Group]", align: int) -> "list[int]":
    """Return a count for each group, all different where that can be, and as small as that allows.

    Counts are given out from the smallest on, each to the group with the least room among those that fit.
    """
    counts = [group.count for group in groups]
    waiting = list(range(len(groups)))
    count = align
    while waiting:
        fitting = [index for index in waiting if groups[index].count <= count]
        for index in fitting:
            if groups[index].most < count:  # no length is left for it: it keeps the shortest
                waiting.remove(index)
        fitting = [index for index in fitting if index in waiting]
        if fitting:
            chosen = min(fitting, key=lambda index: (groups[index].most, index))
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
