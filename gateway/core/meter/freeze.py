"""Freeze: the registers that a DL/T 645 meter itself keeps at every full hour or at midnight, asked for after that.

On a slow line a meter's turn comes seconds after the boundary of an interval; what the meter kept is of the boundary
itself. It is believed only where the meter's clock agrees with ours, the moment it states is the boundary, and the
register has gone on from there as it may.
"""

from collections import namedtuple

from gateway.core.meter.bcd import digits_of
from gateway.core.meter.decoding import decode, reading_value
from gateway.core.meter.plan import Block
from gateway.core.meter.plausibility import RegisterWatch
from gateway.core.meter.profile import FREEZE, DeviceProfile, Point
from gateway.core.park_day import DAY_S, HOUR_S, PARK_OFFSET_S, park_day_start_s
from gateway.core.reading import FREEZE as UNUSED
from gateway.core.reading import Fault, Frozen

# DI2 of a freeze, and how often it is made: timed (once a day, as it is usually set), hourly, daily.
PERIODS_S = {0x00: DAY_S, 0x04: HOUR_S, 0x06: DAY_S}
# A meter whose clock is further from ours froze at another moment than the boundary.
MOST_CLOCK_ERROR_MS = 5000
# Later than this after the boundary a sound meter has made its freeze.
_MADE_BY_MS = 2 * MOST_CLOCK_ERROR_MS
MOST_FAILURES = 2  # of reads for one freeze
# A meter without freezes may refuse, or be silent, each time: then it is asked again after so many of them.
_REST = 24
_CLOCK_DI = 0x04000102  # hhmmss
_MS = 1000


def di2_of(point: Point) -> int:
    """Return which freeze *point* is of: DI2 of its data identifier."""
    return point.address >> 24 & 0xFF


def is_frozen(point: Point) -> bool:
    """Tell whether the data identifier of *point* is that of the last freeze of a register."""
    di = point.address >> 8
    return di >> 24 == 0x05 and di2_of(point) in PERIODS_S and di & 0xFF == 1 and 0x01 <= di >> 8 & 0xFF <= 0x08


def frozen_points(profile: DeviceProfile) -> "tuple[Point, ...]":
    """Return the registers of *profile* that are asked for after a freeze."""
    return tuple([point for point in profile.points if point.poll == FREEZE])


def freeze_period_s(profile: DeviceProfile, quantity: str) -> int:
    """Return how often the meter freezes the register of *quantity*; 0 where it does not, or is not asked."""
    periods = [PERIODS_S[di2_of(point)] for point in frozen_points(profile) if point.quantity == quantity]
    return min(periods) if periods else 0


def is_frozen_at(at_s: int, period_s: int) -> bool:
    """Tell whether a freeze that is made every *period_s* is made at *at_s*, UTC."""
    return period_s > 0 and (at_s + PARK_OFFSET_S) % period_s == 0


def stated_s(digits: int) -> "int | None":
    """Return the moment, UTC, of the digits YYMMDDhhmm that a meter states in the time of China; None for none."""
    minute, hour, day = digits % 100, digits // 100 % 100, digits // 10000 % 100
    day_s = park_day_start_s(2000 + digits // 10**8, digits // 10**6 % 100, day)
    return None if day_s is None or hour >= 24 or minute >= 60 else day_s + hour * HOUR_S + minute * 60


def clock_error_ms(digits: int, utc_ms: int) -> "int | None":
    """Return by how much the clock that shows the digits hhmmss is ahead; None where they are no time of day."""
    hour, minute, second = digits // 10000, digits // 100 % 100, digits % 100
    if hour > 23 or minute > 59 or second > 59:
        return None
    shown_ms = (hour * 3600 + minute * 60 + second) * _MS + 500  # the second is cut off
    day_ms = DAY_S * _MS
    ahead = (shown_ms - utc_ms - PARK_OFFSET_S * _MS) % day_ms
    return ahead if ahead < day_ms // 2 else ahead - day_ms


def _number(registers: "tuple[int, ...]") -> int:
    bits = 0
    for word in registers:
        bits = bits << 16 | word
    found = digits_of(bits, 2 * len(registers))
    return -1 if found is None else found


class _Case(namedtuple("_Case", ("at_s", "blocks", "clock", "moment"))):
    """One freeze that is asked for: its moment, the registers, and the reads that say when it was."""

    __slots__ = ()
    at_s: int
    blocks: "tuple[Block, ...]"
    clock: Block
    moment: Block


class FreezeReads:
    """What is asked of one meter after a boundary at which it freezes its registers, and what becomes of it."""

    def __init__(self, meter: str, profile: DeviceProfile, ratios: "tuple[tuple[int, int], tuple[int, int]]") -> None:
        self._meter = meter
        self._ratios = ratios
        self._points = frozen_points(profile)
        self._case: "_Case | None" = None
        self._left: "list[Block]" = []  # still to be read
        self._failures = 0
        self._misses = self._rest = 0  # freezes in a row of which nothing was had, and how many are left out now

    def begin(self, at_s: int) -> None:
        """An interval ends at *at_s*: ask for the freeze where one is made then."""
        due = [point for point in self._points if is_frozen_at(at_s, PERIODS_S[di2_of(point)])]
        self._case, self._left, self._failures = None, [], 0
        if not due:
            return
        if self._rest:
            self._rest -= 1
            return
        hourly = [point for point in due if PERIODS_S[di2_of(point)] < DAY_S]
        due = hourly or due
        function, di2 = due[0].function, di2_of(due[0])
        blocks = tuple([Block(function, p.address & ~0xFF, (p.last & 0xFF) + 1, (p,)) for p in due if di2_of(p) == di2])
        moment = (0x05000001 | di2 << 16) << 8
        self._case = _Case(at_s, blocks, Block(function, _CLOCK_DI << 8, 2, ()), Block(function, moment, 3, ()))
        self._left = [self._case.clock]

    def wanted(self) -> "list[Block]":
        """Return what is to be read now: the clock, then the moment of the freeze, then the registers."""
        return list(self._left)

    def holds(self, block: Block) -> bool:
        """Tell whether *block* is read for a freeze."""
        return self._case is not None and block in (self._case.clock, self._case.moment) + self._case.blocks

    def failed(self, lasting: bool, utc_ms: int) -> "list[Fault]":
        """A read for the freeze gave nothing; *lasting*: because the meter has no such thing."""
        self._failures += 1
        if self._case is None or not (lasting or self._failures >= MOST_FAILURES):
            return []
        self._misses += 1
        if self._misses > 1:
            self._rest = _REST
        return [self._give_up("the meter does not give it", utc_ms)]

    def _give_up(self, detail: str, utc_ms: int) -> Fault:
        self._case, self._left = None, []
        return Fault(self._meter, utc_ms, UNUSED, detail)

    def take(
        self,
        block: Block,
        registers: "tuple[int, ...]",
        watches: "dict[str, RegisterWatch]",
        now_ms: int,
        utc_ms: int,
    ) -> "list[Frozen | Fault]":
        """Return what the registers of *block* give: a frozen register, or why the freeze is not used."""
        case = self._case
        assert case is not None
        if block == case.clock:
            return self._judge_clock(_number(registers), utc_ms)
        if block == case.moment:
            return self._judge_moment(_number(registers), utc_ms)
        return self._judge_register(block.points[0], registers, block.start, watches, now_ms, utc_ms)

    def _judge_clock(self, digits: int, utc_ms: int) -> "list[Frozen | Fault]":
        assert self._case is not None
        error_ms = clock_error_ms(digits, utc_ms)
        if error_ms is None:
            return [self._give_up("the meter's clock shows no time", utc_ms)]
        if abs(error_ms) > MOST_CLOCK_ERROR_MS:
            word = "ahead" if error_ms > 0 else "behind"
            return [self._give_up("the meter's clock is %d s %s" % ((abs(error_ms) + 500) // _MS, word), utc_ms)]
        self._left = [self._case.moment]
        return []

    def _judge_moment(self, digits: int, utc_ms: int) -> "list[Frozen | Fault]":
        case = self._case
        assert case is not None
        if stated_s(digits) != case.at_s:
            if utc_ms - case.at_s * _MS <= _MADE_BY_MS:
                return []  # a clock a little behind has still to come to it: asked again in the next sweep
            return [self._give_up("the last freeze is of %010d" % digits, utc_ms)]
        self._left = list(case.blocks)
        return []

    def _judge_register(
        self,
        point: Point,
        registers: "tuple[int, ...]",
        start: int,
        watches: "dict[str, RegisterWatch]",
        now_ms: int,
        utc_ms: int,
    ) -> "list[Frozen | Fault]":
        case = self._case
        assert case is not None and point.quantity is not None
        words, value = decode(point, registers, start, self._ratios)
        if value is None:
            return [self._give_up("%s was not frozen" % point.quantity, utc_ms)]
        watch = watches.get(point.quantity)
        age_ms = max(0, utc_ms - case.at_s * _MS)
        fault = watch.judged_at(words, now_ms - age_ms) if watch is not None else None
        if fault is not None:
            return [self._give_up("%s: %s" % fault, utc_ms)]
        self._misses = 0
        self._left = [block for block in self._left if block.points != (point,)]
        whole = reading_value(point, value[0], value[1])
        return [Frozen(self._meter, point.quantity, case.at_s * _MS, words, whole)]
