"""Boundary: which register stands for the boundary of an interval, and the energy from one boundary to the next.

A boundary is stood for by the register that the meter itself kept at it, by the first reading after it, or by the
straight line between the readings around it. All arithmetic is on whole watt-hours and milliseconds.
"""

from collections import namedtuple

from gateway.core.account.interval import Before, Span, part_of_span
from gateway.core.account.share import share
from gateway.core.channel import Channel
from gateway.core.flag import (
    DECREASED,
    ESTIMATED_SHAPE,
    FROZEN,
    INTERPOLATED,
    LATE_BOUNDARY,
    LIKE_DAY_SHAPE,
    MOVED,
    QUARANTINED,
    ROLLED_OVER,
    join_flags,
)
from gateway.core.meter.decoding import register_advance
from gateway.core.meter.plausibility import MOST_WH, rose_too_far

# A boundary reading later than this after the boundary is flagged: one cycle of a full bus at 9600 baud.
TOLERANCE_MS = 5000
MINUTE_MS = 60000  # boundaries are full minutes; a reading of that very millisecond is one that the meter itself kept
# A reading at most this late stands for its boundary itself: nearer no poll can be brought to it on a shared line.
NEAR_MS = 1000


class Boundary(namedtuple("Boundary", ("at_s", "words", "read_ms", "before"))):
    """The register words that stand for the boundary at_s, and when they were read.

    read_ms is the boundary itself only where the meter kept them at that moment; what is read comes later.
    before: the reading before the boundary, where the register at it is interpolated between the two; else ().
    """

    __slots__ = ()
    at_s: int
    words: "tuple[int, ...]"
    read_ms: int
    before: "tuple[Before, ...]"


def _rose_too_far(channel: Channel, start_ms: int, end: Boundary, wh: int) -> bool:
    return rose_too_far(channel.point, channel.ratios, channel.max_power_w, end.read_ms - start_ms, end.words, wh)


def rest_wh(channel: Channel, boundary: Boundary) -> int:
    """Return what the register that stands for *boundary* counted after it: 0 unless it is interpolated.

    The register at the boundary is the whole part of the straight line between the two readings. What is taken off
    the interval before is given to the one after, so that intervals add up to the difference of registers as read.
    """
    for before in boundary.before:
        whole, _ = register_advance(channel.point, before.words, boundary.words, channel.ratios)
        return whole - whole * (before.at_s * 1000 - before.read_ms) // (boundary.read_ms - before.read_ms)
    return 0


def is_between(channel: Channel, boundary: Boundary) -> bool:
    """Tell whether the boundary lies between its two readings, and the register went on from one to the other."""
    before = boundary.before[0]
    wh, flag = register_advance(channel.point, before.words, boundary.words, channel.ratios)
    around = before.read_ms < before.at_s * 1000 < boundary.read_ms
    return around and flag in ("", ROLLED_OVER) and not _rose_too_far(channel, before.read_ms, boundary, wh)


def energy_between(channel: Channel, start: Boundary, end: Boundary, moved: bool = False) -> "tuple[int, str]":
    """Return the energy of a register from one boundary to another, and its flag.

    moved: the clock moved between them, so that how long it took is not known: the energy stands, and says so.
    """
    total_wh, flag = register_advance(channel.point, start.words, end.words, channel.ratios)
    if moved and total_wh <= MOST_WH:
        flag = join_flags(flag, MOVED)
    elif moved or _rose_too_far(channel, start.read_ms, end, total_wh):
        return 0, join_flags(flag, QUARANTINED)
    if DECREASED not in flag:
        total_wh += rest_wh(channel, start) - rest_wh(channel, end)
    return total_wh, flag


def span_energy(
    channel: Channel,
    start: Boundary,
    end: Boundary,
    part: int,
    parts: int,
    weights: "tuple[int, ...]" = (),
    moved: bool = False,
) -> Span:
    """Return the span of *channel* between two boundaries, as number *part* of *parts* intervals.

    weights: those of like days, one a part; () splits the energy equally. moved: the clock moved in between.
    """
    total_wh, flag = energy_between(channel, start, end, moved)
    energy_wh = share(total_wh, weights)[part] if weights and total_wh > 0 else part_of_span(total_wh, part, parts)
    if start.read_ms % MINUTE_MS == 0 and end.read_ms % MINUTE_MS == 0:
        flag = join_flags(flag, FROZEN)
    late = [one for one in (start, end) if not one.before and one.read_ms - one.at_s * 1000 > TOLERANCE_MS]
    if parts > 1:
        flag = join_flags(flag, LIKE_DAY_SHAPE if weights else ESTIMATED_SHAPE)
    elif late:
        flag = join_flags(flag, LATE_BOUNDARY)
    if start.before or end.before:
        flag = join_flags(flag, INTERPOLATED)
    return Span(
        channel.meter,
        channel.quantity,
        start.words,
        start.read_ms,
        end.words,
        end.read_ms,
        part,
        parts,
        energy_wh,
        flag,
        start.before,
        end.before,
        weights[part] if weights else 0,
        sum(weights),
    )
