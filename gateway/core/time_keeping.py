"""Time keeping: what time it is, how far that can be trusted, and what the system's clock did.

The gateway's UTC runs on the time since boot (suspended time included) and follows what it is told: a small difference
is slewed away, so that UTC never goes back; a larger one is a step, which is told. Two sources know the time: the
kernel, while it says that it is synchronised, and the platform's signed receipts. The last time that was believed is
the mark; from it time goes on by the oscillator alone, with a bound that grows. A source that contradicts the mark is
believed only where another source says the same, or, signed and twice in agreement with itself, where the mark was the
kernel's alone.
"""

from collections import namedtuple

UNKNOWN = "U"  # booted without a clock that ran meanwhile, and told nothing since
INFORMATIVE = "I"  # by a clock that ran meanwhile or was saved; or what was known is too old
SYNCHRONISED = "S"  # a source says so now, within KNOWN_BOUND_MS
RELATIVE = "R"  # by the time since boot from what a source said in this boot, within USABLE_BOUND_MS

# The codes of what is told.
CLOCK_STEP = "clock-step"
CLOCK_LOST = "clock-lost"
CLOCK_STATUS = "clock-status"
CLOCK_DISAGREES = "clock-disagrees"

KERNEL = "kernel"
RECEIPT = "receipt"
_OTHER = {KERNEL: RECEIPT, RECEIPT: KERNEL}

KNOWN_BOUND_MS = 1000
USABLE_BOUND_MS = 9000  # 1 % of a quarter of an hour: more misplaces energy beyond the class of its meter
UNKNOWN_BOUND_MS = 86400000  # said where nothing is known; no claim rests on it
FRESH_MS = 3600000  # a source that was silent for longer no longer says so now
STALE_MS = 86400000
DAY_MS = 86400000
STEP_MS = 1000
DRIFT_PPM = 100  # the worst of a cheap crystal; a drift that was measured to be worse counts twice
MILLION = 1000000
SLEW = 16  # of the time that passes, at most one part in so many is added or left out
MOVED_MS = 500  # an anchor is recorded again where time has moved by this against the last one
DRIFT_LEAST_MS = 3600000  # over less, no drift is measured
EARLIEST_MS = 1735689600000  # 2025-01-01: a clock that says less was never set
LATEST_MS = 253370764800000  # 9999-01-01: neither was one that says more


class ClockFacts(namedtuple("ClockFacts", ("boot_ms", "system_ms", "bound_ms", "rtc"))):
    """What the system says now.

    boot_ms: time since boot; system_ms: UTC; bound_ms: how far that may be off, None where it is not synchronised;
    rtc: there is a clock that runs while the power is off.
    """

    __slots__ = ()
    boot_ms: int
    system_ms: int
    bound_ms: "int | None"
    rtc: bool


class Mark(namedtuple("Mark", ("boot_ms", "utc_ms", "bound_ms", "source"))):
    """At boot_ms since boot it was utc_ms, by at most bound_ms more or less, as *source* said."""

    __slots__ = ()
    boot_ms: int
    utc_ms: int
    bound_ms: int
    source: str


class Kept(namedtuple("Kept", ("boot", "boot_ms", "utc_ms", "mark", "anchor", "confirmed_ms"))):
    """What must survive a restart: the time as it was last known, and in the same boot what it rests on.

    anchor: the last mark that was recorded; confirmed_ms: when a source agreed last.
    """

    __slots__ = ()
    boot: bytes
    boot_ms: int
    utc_ms: int
    mark: "Mark | None"
    anchor: "Mark | None"
    confirmed_ms: int

    def plain(self) -> "list[object]":
        """Return it as plain values."""
        return [None if one is None else list(one) if isinstance(one, tuple) else one for one in self]


def kept_of(plain: "list[object]") -> Kept:
    """Return what `Kept.plain` gave."""
    mark, anchor = [None if one is None else Mark(*one) for one in plain[3:5]]  # type: ignore[misc]
    return Kept(plain[0], plain[1], plain[2], mark, anchor, plain[5])


class ClockNews(namedtuple("ClockNews", ("code", "values", "moved"))):
    """Something to record of the clock: an event's code and values; moved: time before and after do not join."""

    __slots__ = ()
    code: str
    values: "tuple[tuple[str, str], ...]"
    moved: bool


def drifted_ms(elapsed_ms: int, ppm: int) -> int:
    """Return by how much an oscillator that is wrong by *ppm* is off after a time, rounded up."""
    return (abs(elapsed_ms) * ppm + MILLION - 1) // MILLION


def _offset(mark: Mark) -> int:
    return mark.utc_ms - mark.boot_ms


class TimeKeeping:
    """Keeps the time of one boot."""

    def __init__(self, boot: bytes, facts: ClockFacts, kept: "Kept | None" = None) -> None:
        """*kept* is what `kept` returned last, in this boot or an earlier one; None for the first start ever."""
        self.boot = boot
        self.mark: "Mark | None" = None
        self.drift_ppm: "int | None" = None  # as measured between anchors of this boot
        self._anchor: "Mark | None" = None  # the last one that was recorded in this boot
        self._heard: "dict[str, Mark]" = {}  # what each source said last, believed or not
        self._refused: "dict[str, int]" = {}  # by source, the difference that was told
        self._confirmed_ms = 0
        self._saved_ms = 0
        self._least_offset_ms = 0  # what is kept sets it: UTC never begins before that
        self._news: "list[ClockNews]" = []
        self._looked_ms = facts.boot_ms
        self._stepped_ms = 0
        same_boot = False
        if kept is not None:
            self._saved_ms = kept.utc_ms
            same_boot = kept.boot == boot and kept.boot_ms <= facts.boot_ms
            self._least_offset_ms = kept.utc_ms - (kept.boot_ms if same_boot else 0)
            if same_boot:
                self.mark, self._anchor, self._confirmed_ms = kept.mark, kept.anchor, kept.confirmed_ms
                self._offset = kept.utc_ms - kept.boot_ms
        plausible = EARLIEST_MS <= facts.system_ms < LATEST_MS
        self._informed = plausible and facts.system_ms >= self._saved_ms and (facts.rtc or self._saved_ms > 0)
        if not same_boot:
            self._offset = self._unsynchronised(facts)
        self._wanted = self._offset
        self._sure = self.is_sure(facts.boot_ms)
        if not same_boot:
            self._begin(facts, kept is not None)

    def _begin(self, facts: ClockFacts, was_kept: bool) -> None:
        """Take the time as it is at the first look of a boot."""
        self._hear_kernel(facts)
        self._offset = self._wanted
        self._sure = self.is_sure(facts.boot_ms)
        back_ms = self._saved_ms - self.utc_ms(facts.boot_ms)
        if back_ms > STEP_MS:
            self._tell_step(-back_ms)
        elif was_kept and not self._sure:
            self._tell(CLOCK_LOST, (("saved_ms", "%d" % self._saved_ms),), True)

    def _unsynchronised(self, facts: ClockFacts) -> int:
        """Return the offset by a system clock that nobody vouches for: never before the time that was saved."""
        if EARLIEST_MS <= facts.system_ms < LATEST_MS or not self._saved_ms:
            return max(facts.system_ms - facts.boot_ms, self._least_offset_ms)
        return self._least_offset_ms  # the time since boot comes on top of it

    def utc_ms(self, boot_ms: int) -> int:
        """Return UTC at a time since boot."""
        return boot_ms + self._offset

    def status(self, boot_ms: int) -> "tuple[str, int]":
        """Return the time status at a time since boot, and the bound of the error of `utc_ms`."""
        if self.mark is None:
            return (INFORMATIVE if self._informed else UNKNOWN), UNKNOWN_BOUND_MS
        bound_ms = self._bound_ms(self.mark, boot_ms) + abs(self._offset - _offset(self.mark))
        silent_ms = boot_ms - self._confirmed_ms
        if bound_ms > USABLE_BOUND_MS or silent_ms > STALE_MS or self._is_disputed():
            return INFORMATIVE, bound_ms
        return (SYNCHRONISED if bound_ms <= KNOWN_BOUND_MS and silent_ms <= FRESH_MS else RELATIVE), bound_ms

    def is_sure(self, boot_ms: int) -> bool:
        """Tell whether energy can be placed in time now."""
        return self.status(boot_ms)[0] in (SYNCHRONISED, RELATIVE)

    def source(self) -> str:
        """Return whose word the time rests on: "kernel", "receipt", or "" where it rests on nobody's."""
        return self.mark.source if self.mark is not None else ""

    def _ppm(self) -> int:
        return max(DRIFT_PPM, 2 * abs(self.drift_ppm or 0))

    def _bound_ms(self, mark: Mark, boot_ms: int) -> int:
        return mark.bound_ms + drifted_ms(boot_ms - mark.boot_ms, self._ppm())

    def _agree(self, one: Mark, other: Mark) -> bool:
        """Tell whether both can be true, a leap second between them included."""
        between_ms = drifted_ms(one.boot_ms - other.boot_ms, self._ppm()) + STEP_MS
        return abs(_offset(one) - _offset(other)) <= one.bound_ms + other.bound_ms + between_ms

    def _is_disputed(self) -> bool:
        """Tell whether the source of the mark contradicts what it said, and the other one does not stand by it."""
        assert self.mark is not None
        if self.mark.source not in self._refused:
            return False
        other = self._heard.get(_OTHER[self.mark.source])
        return other is None or not self._agree(other, self.mark)

    def look(self, facts: ClockFacts) -> "tuple[ClockNews, ...]":
        """Follow the time by what the system says now; return what there is to tell."""
        elapsed_ms = max(0, facts.boot_ms - self._looked_ms)
        self._looked_ms = max(self._looked_ms, facts.boot_ms)
        self._hear_kernel(facts)
        self._follow(elapsed_ms)
        sure = self.is_sure(facts.boot_ms)
        if sure != self._sure:
            self._sure = sure
            status, bound_ms = self.status(facts.boot_ms)
            self._tell(CLOCK_STATUS, (("bound_ms", "%d" % bound_ms), ("status", status)), False)
        told, self._news = tuple(self._news), []
        return told

    def anchored(self, at_ms: int, bound_ms: int, sent_ms: int, received_ms: int) -> None:
        """Take the time that a fresh receipt gave: at_ms, within bound_ms, at some moment from sending to receiving.

        A platform that does not know the time itself is not believed; that it says otherwise is told.
        """
        half_ms = (received_ms - sent_ms + 1) // 2 + 1
        mark = Mark(sent_ms + (received_ms - sent_ms) // 2, at_ms, half_ms + bound_ms, RECEIPT)
        if mark.bound_ms <= USABLE_BOUND_MS:
            self._hear(mark)
        elif self.mark is not None and abs(_offset(mark) - _offset(self.mark)) > half_ms + USABLE_BOUND_MS:
            self._differs(mark, self.mark)

    def _hear_kernel(self, facts: ClockFacts) -> None:
        if facts.bound_ms is not None and EARLIEST_MS <= facts.system_ms < LATEST_MS:
            self._hear(Mark(facts.boot_ms, facts.system_ms, facts.bound_ms, KERNEL))
        else:
            self._heard.pop(KERNEL, None)
            self._refused.pop(KERNEL, None)
            if self.mark is None:
                self._wanted = self._unsynchronised(facts)

    def _hear(self, mark: Mark) -> None:
        """Believe what a source says, or refuse it and tell so once."""
        before = self._heard.get(mark.source)
        self._heard[mark.source] = mark
        held = self.mark
        if held is None or self._bound_ms(held, mark.boot_ms) > USABLE_BOUND_MS:
            self._believe(mark)
        elif self._agree(mark, held):
            self._believe(mark if mark.bound_ms <= self._bound_ms(held, mark.boot_ms) else held, mark)
        elif self._outvotes(mark, held, before):
            self._believe(mark)
        else:
            self._differs(mark, held)

    def _differs(self, mark: Mark, held: Mark) -> None:
        """Tell once that a source says something else."""
        apart_ms = _offset(mark) - _offset(held)
        told_ms = self._refused.get(mark.source)
        if told_ms is None or abs(apart_ms - told_ms) > STEP_MS:
            self._refused[mark.source] = apart_ms
            values = (("difference_ms", "%d" % apart_ms), ("source", mark.source))
            self._tell(CLOCK_DISAGREES, values, False)

    def _outvotes(self, mark: Mark, held: Mark, before: "Mark | None") -> bool:
        """Tell whether a source that contradicts the mark is to be believed."""
        other = self._heard.get(_OTHER[mark.source])
        if other is not None and self._agree(mark, other) and not self._agree(other, held):
            return True
        signed = mark.source == RECEIPT and held.source == KERNEL and mark.bound_ms <= KNOWN_BOUND_MS
        return signed and before is not None and self._agree(mark, before)

    def _believe(self, mark: Mark, said: "Mark | None" = None) -> None:
        said = said or mark
        self.mark = mark
        self._confirmed_ms = said.boot_ms
        self._refused.pop(said.source, None)
        self._wanted = _offset(mark)

    def _follow(self, elapsed_ms: int) -> None:
        apart_ms = self._wanted - self._offset
        if abs(apart_ms) > STEP_MS:
            self._offset = self._wanted
            self._tell_step(apart_ms)
            return
        most_ms = elapsed_ms // SLEW
        self._offset += max(-most_ms, min(most_ms, apart_ms))

    def _tell_step(self, size_ms: int) -> None:
        """Tell a step; time has moved once steps come to more than USABLE_BOUND_MS together."""
        self._stepped_ms += abs(size_ms)
        moved = self._stepped_ms > USABLE_BOUND_MS
        self._stepped_ms = 0 if moved else self._stepped_ms
        self._tell(CLOCK_STEP, (("moved", "yes" if moved else "no"), ("size_ms", "%d" % size_ms)), moved)

    def _tell(self, code: str, values: "tuple[tuple[str, str], ...]", moved: bool) -> None:
        self._news.append(ClockNews(code, values, moved))

    def anchor_due(self, boot_ms: int) -> "Mark | None":
        """Return the mark where it is to be recorded now: the first of a boot, one a day, and where time has moved."""
        mark, last = self.mark, self._anchor
        if mark is None or self.status(boot_ms)[0] != SYNCHRONISED:
            return None
        if last is not None:
            moved_ms = abs(_offset(mark) - _offset(last))
            if mark.boot_ms - last.boot_ms < DAY_MS and moved_ms <= MOVED_MS:
                return None
            self._measure(last, mark)
        self._anchor = mark
        return mark

    def _measure(self, last: Mark, mark: Mark) -> None:
        """Measure the drift from one anchor to the next, unless a step lies between or the bounds hide it."""
        elapsed_ms = mark.boot_ms - last.boot_ms
        if elapsed_ms < DRIFT_LEAST_MS or abs(_offset(mark) - _offset(last)) > drifted_ms(elapsed_ms, 10 * DRIFT_PPM):
            return
        if (last.bound_ms + mark.bound_ms) * MILLION <= elapsed_ms * DRIFT_PPM:
            self.drift_ppm = (_offset(mark) - _offset(last)) * MILLION // elapsed_ms

    def kept(self, boot_ms: int) -> Kept:
        """Return what must survive a restart."""
        return Kept(self.boot, boot_ms, self.utc_ms(boot_ms), self.mark, self._anchor, self._confirmed_ms)
