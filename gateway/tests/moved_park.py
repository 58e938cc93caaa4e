"""A small park whose clock does what clocks do, with the truth beside it."""

import random
from pathlib import Path

from gateway.core.reading import Reading
from gateway.core.time_keeping import ClockFacts
from gateway.tests.small_park import DAY_START_S, SmallPark, TestClock

QUARTER_S = 900


class MovedClock(TestClock):
    """now_ms is the true time; what the system says of it is wrong_ms off, and synchronised only with a bound."""

    __test__ = False

    def __init__(self, now_s: int) -> None:
        self.booted_ms = (now_s - 100) * 1000
        self.wrong_ms = 0
        self.bound_ms: int | None = None
        self.rtc = False
        super().__init__(now_s)
        self.boots = {self._boot: self.booted_ms}  # when each boot was, in truth

    def facts(self) -> ClockFacts:
        """Return what the system says."""
        return ClockFacts(self.monotonic_ms(), self.now_ms + self.wrong_ms, self.bound_ms, self.rtc)

    def monotonic_ms(self) -> int:
        """Return the time since boot."""
        return self.now_ms - self.booted_ms

    def reboot(self) -> None:
        """Begin a new boot now."""
        self._boot = len(self.boots).to_bytes(8, "big")
        self.booted_ms = self.now_ms
        self.boots[self._boot] = self.now_ms


class MovedPark(SmallPark):
    """The park is read as the daemon does it: just after every boundary of the time that its clock keeps."""

    def __init__(self, home: Path, seed: int = 1) -> None:
        super().__init__(home)
        self.close()
        self.journal_file = self.journal.path
        self.journal_file.unlink()
        self.clock: MovedClock = MovedClock(DAY_START_S)
        self.chance = random.Random(seed)
        self.read: dict[tuple[str, str, tuple[int, ...]], int] = {}  # in truth, when each register showed its words
        self.open()
        self.first = dict(self.counts)

    def visit(self) -> None:
        """Let every register advance, read all of them now, and close what is complete."""
        for key in sorted(self.counts):
            self.counts[key] += self.chance.randrange(1, 40)
        self.clock.now_ms += 700
        outcomes = []
        for channel in self.channels:
            if channel.meter not in self.silent:
                words = self._words(channel.meter, channel.quantity, channel.point.type)
                outcomes.append(Reading(channel.meter, channel.quantity, self.clock.utc_ms(), words, 0))
                self.read[channel.meter, channel.quantity, words] = self.clock.now_ms
        self.recorder.take(outcomes)
        self.clock.now_ms += 100
        self.settle()

    def settle(self) -> None:
        """Close what is complete, and end the cycle."""
        self.recorder.close_due()
        while self.recorder.settlement.ending_s is not None:
            self.recorder.close_due()
        self.recorder.cycle()

    def pass_boundary(self) -> None:
        """Let time pass to just after the next boundary of the clock's own time, and read."""
        self.recorder.look_at_clock()
        now_ms = self.clock.utc_ms()
        self.clock.now_ms += (now_ms // 1000 // QUARTER_S + 1) * QUARTER_S * 1000 - now_ms + 50
        self.visit()

    def pass_hours(self, hours: int) -> None:
        """Pass the boundaries of *hours*."""
        for _ in range(4 * hours):
            self.pass_boundary()

    def cut_power(self, off_s: int) -> None:
        """Lose the power for *off_s*; another boot follows."""
        self.journal.close()
        self.clock.now_ms += off_s * 1000
        self.clock.reboot()
        self.open()

    def come_right(self) -> None:
        """Synchronise the clock, and let time pass until everything is closed."""
        self.clock.bound_ms, self.clock.wrong_ms, self.silent = 5, 0, set()
        for _ in range(3):
            self.pass_boundary()
        start_s = self.recorder.settlement.start_s or 0
        while self.clock.utc_ms() // 1000 < start_s + QUARTER_S:
            self.pass_boundary()
        self.pass_boundary()
