"""MeterState: how one meter on a bus behaves, and when it may be asked again.

A meter that gave nothing believable is left alone until its late answer must have passed; the others are asked
meanwhile. One that is silent for long is asked by single short probes, further and further apart.
"""

from collections import namedtuple

from gateway.core.reading import CRC, FRAMING, LONG, SILENT

DUE = "DUE"  # may be asked
ASKED = "ASKED"  # a question is on the line
QUIET = "QUIET"  # left alone after a fault, until a late answer must have passed
SUSPENDED = "SUSPENDED"  # dead; probed now and then

ASK = "ask"
ANSWER = "answer"
FAULT = "fault"
DEATH = "death"  # the last of too many faults in a row
REST = "rest over"
LINE = "line lost"  # no question reaches anybody: not the meter's fault

TRANSITIONS = {
    (DUE, ASK): ASKED,
    (SUSPENDED, ASK): ASKED,
    (ASKED, ANSWER): DUE,
    (ASKED, FAULT): QUIET,
    (ASKED, DEATH): SUSPENDED,
    (QUIET, REST): DUE,
    (DUE, DEATH): SUSPENDED,  # whenever it is asked the line goes
    (DUE, LINE): DUE,
    (ASKED, LINE): DUE,
    (QUIET, LINE): DUE,
    (SUSPENDED, LINE): DUE,
}

DEAD_AFTER_SILENCES = 3  # a present meter that misses one question in a hundred is wrongly taken for dead once in 10^6
DEAD_AFTER_FAULTS = 8  # answers that cannot be believed: noise passes, a wrong speed does not
FIRST_PROBE_MS = 2000
LONGEST_PROBE_MS = 60000  # an exchanged meter is back within a minute
SHORT_PROBE_MS = 300  # is given to a meter of which nothing is known; behind most profiles are meters that need 50
FULL_PROBE_EACH = 4  # one probe in so many gives a dead meter all the time that it may need
PROBE_SHARE = 100  # while others wait, a dead meter is given no more than this part of the line's time
STALE_MS = 86400000  # silent for a day: a person has to look
LEAST_QUIET_MS = 2000  # behind radios and converters, answers that are late by a second and more are common
QUIET_TIMEOUTS = 4  # or this many time-outs of the meter, whichever is longer
EXCEPTION_QUIET_MS = 100  # the meter did answer: nothing of it can still be under way for long
BUSY_QUIET_MS = 200  # a meter that cannot answer now; twice as long each time
FIRST_TIMEOUT_MS = 1000  # nothing is known of the meter yet: the others do not wait longer, whatever its profile says
LEAST_TIMEOUT_MS = 100  # bytes of USB adapters come in bundles of 16 ms, and schedulers stall
SURE_TIMEOUT_MS = 500  # patience beyond this comes only from what the meter shows
SLOW_TIMEOUT_MS = 2000  # a meter slower than its profile says is given twice its time, up to this
TIMEOUT_LATENCIES = 4  # time-out over slowest answer; Victron's rule
TRUST_AFTER_ANSWERS = 8  # answers before the time-out may fall below that of the profile
RECENT = 16  # exchanges that are remembered for what they have in common

# What a fault says of the meter's answer.
MAY_COME = "may come"  # nothing, or nothing believable: the answer may still be under way
REFUSED = "refused"  # a lasting refusal
BUSY = "busy"  # the meter cannot answer now, but it is there

GARBLED = (CRC, LONG, FRAMING)  # what two answers on top of each other look like


class MeterState(
    namedtuple(
        "MeterState",
        (
            "meter", "state", "faults", "last_good_ms", "timeout_ms", "failures", "last_fault", "stale", "foreign",
            "refused", "shortened",
        ),
    )
):  # fmt: skip
    """How one meter does, for people: faults by kind, UTC of the last good answer (None: never), faults in a row.

    last_fault: kind and detail of the last fault, ("", "") for none; stale: no good answer for a day.
    foreign: another meter answers than the one that the site names by its serial number.
    refused: (function, first register, registers) of what the meter refuses and is left out for a while.
    shortened: reads were split, because the meter refuses a part or long answers come damaged.
    """

    __slots__ = ()
    meter: str
    state: str
    faults: "dict[str, int]"
    last_good_ms: "int | None"
    timeout_ms: int
    failures: int
    last_fault: "tuple[str, str]"
    stale: bool
    foreign: bool
    refused: "tuple[tuple[int, int, int], ...]"
    shortened: bool


class MeterWatch:
    """Follows one meter through its states and adapts the time that it is given to answer."""

    def __init__(self, meter: str, timeout_ms: int, gap_ms: int, numbered: bool) -> None:
        self.meter = meter
        self.state = DUE
        self.until_ms = 0  # not asked before
        self.spare_ms = 0  # a dead meter is not asked before while others wait
        self.timeout_ms = min(timeout_ms, FIRST_TIMEOUT_MS)
        self.failures = 0
        self.stale = False
        self._silences = 0
        self._losses = 0  # times in a row that the line was lost when this meter was asked
        self._profile_timeout_ms = timeout_ms
        self._most_ms = max(timeout_ms, min(2 * timeout_ms, SLOW_TIMEOUT_MS))
        self._probe_timeout_ms = min(timeout_ms, SHORT_PROBE_MS)
        self._gap_ms = gap_ms
        self._numbered = numbered  # answers carry the number of their question: none can be taken for another
        self._probe_ms = FIRST_PROBE_MS
        self._probes = 0
        self._slowest_ms = 0
        self._answers = 0
        self._recent: "list[bool]" = []  # was the answer garbled, the newest last
        self._faults: "dict[str, int]" = {}
        self.last_fault = ("", "")
        self._last_good_ms: "int | None" = None
        self._heard_ms: "int | None" = None  # monotonic; of the last good answer, or the first question

    def _move(self, event: str) -> None:
        self.state = TRANSITIONS[(self.state, event)]

    def begin(self, now_ms: int) -> None:
        """A line is opened: an answer that this meter owes to an earlier process must pass."""
        if not self._numbered:
            self.until_ms = max(self.until_ms, now_ms + max(LEAST_QUIET_MS, self._profile_timeout_ms))
        if self._heard_ms is None:
            self._heard_ms = now_ms
        if self._losses >= DEAD_AFTER_SILENCES:
            self._die(now_ms)

    def rested(self, now_ms: int) -> None:
        """Let the meter be asked again where its quiet time is over."""
        if self.state == QUIET and now_ms >= self.until_ms:
            self._move(REST)

    def asked(self) -> None:
        """A question to it goes out."""
        self._move(ASK)

    def answered(self, latency_ms: int, now_ms: int, utc_ms: int) -> None:
        """A believable answer came, its first byte *latency_ms* after the question."""
        was_dead = self._probes > 0
        self._move(ANSWER)
        self.until_ms = now_ms + self._gap_ms
        self.failures = self._silences = self._losses = self._probes = 0
        self.stale = False
        self._probe_ms = FIRST_PROBE_MS
        self._answers += 1
        self._last_good_ms = utc_ms
        self._heard_ms = now_ms
        self._remember(False)
        # The slowest of late: one slow answer is forgotten over some dozens of quick ones.
        self._slowest_ms = max(latency_ms, self._slowest_ms - self._slowest_ms // 32)
        if was_dead:
            self.timeout_ms = max(min(self._profile_timeout_ms, FIRST_TIMEOUT_MS), self._needed_ms())
        elif self._answers >= TRUST_AFTER_ANSWERS:
            self.timeout_ms = self._needed_ms()

    def _needed_ms(self) -> int:
        """Return the time-out that its answers of late ask for."""
        least = max(LEAST_TIMEOUT_MS, min(self._profile_timeout_ms // 3, SURE_TIMEOUT_MS))
        return max(least, min(TIMEOUT_LATENCIES * self._slowest_ms, self._most_ms))

    def faulted(self, kind: str, detail: str, answer: str, now_ms: int) -> None:
        """Nothing believable came; *answer*: whether one may still come."""
        self.count(kind, detail)
        self.failures = 0 if answer == REFUSED else self.failures + 1
        self._silences = self._silences + 1 if kind == SILENT else 0
        if kind != SILENT:
            self._remember(kind in GARBLED)
        if answer == REFUSED:
            self._probes = 0  # it is there
        elif self._silences >= DEAD_AFTER_SILENCES or self.failures >= DEAD_AFTER_FAULTS or self._probes:
            self._die(now_ms)
            return
        self._move(FAULT)
        if kind == SILENT:
            self.timeout_ms = max(self.timeout_ms, min(2 * self.timeout_ms, self._most_ms))
        if answer == BUSY:
            self.until_ms = now_ms + (BUSY_QUIET_MS << self.failures - 1)
        elif answer == REFUSED or self._numbered:
            self.until_ms = now_ms + EXCEPTION_QUIET_MS
        else:
            quiet_ms = max(LEAST_QUIET_MS, QUIET_TIMEOUTS * self.timeout_ms, self._profile_timeout_ms)
            self.until_ms = now_ms + quiet_ms

    def _die(self, now_ms: int) -> None:
        """Leave the meter to probes: soon where the line has nothing else to do, seldom where others wait for it."""
        self._move(DEATH)
        if self._answers >= TRUST_AFTER_ANSWERS:
            self._probe_timeout_ms = self._needed_ms()
        self._answers = 0
        self.until_ms = now_ms + max(self._probe_ms, 0 if self._numbered else self._profile_timeout_ms)
        self._probes += 1
        full = self._probes % FULL_PROBE_EACH == 0
        self.timeout_ms = self._most_ms if full else self._probe_timeout_ms
        self.spare_ms = now_ms + max(self._probe_ms, PROBE_SHARE * self.timeout_ms)
        self._probe_ms = min(2 * self._probe_ms, LONGEST_PROBE_MS)
        assert self._heard_ms is not None, "a meter is asked on an open line"
        self.stale = now_ms - self._heard_ms >= STALE_MS

    def not_asked(self) -> None:
        """The question did not get through to it, nor to anybody: the line was taken."""
        self._move(DEATH if self._probes else LINE)

    def line_lost(self, was_asked: bool) -> None:
        """The line itself is gone: what is known of the meter's silence means nothing.

        Unless it goes whenever this meter is asked: some gateways hang up when a meter behind them is silent.
        """
        self._move(LINE)
        self.until_ms = self.spare_ms = 0
        self.failures = self._losses = self._losses + was_asked
        if self._losses >= DEAD_AFTER_SILENCES:
            return
        if self._probes:
            self.timeout_ms = min(self._profile_timeout_ms, FIRST_TIMEOUT_MS)
        self._silences = self._probes = 0
        self._probe_ms = FIRST_PROBE_MS

    def _remember(self, garbled: bool) -> None:
        self._recent = self._recent[1 - RECENT :] + [garbled]

    def recent(self) -> "tuple[int, int]":
        """Return how many of its last answers were garbled, and how many there were."""
        return len([garbled for garbled in self._recent if garbled]), len(self._recent)

    def count(self, kind: str, detail: str) -> None:
        """Count a fault."""
        self._faults[kind] = self._faults.get(kind, 0) + 1
        self.last_fault = (kind, detail)

    def report(self, foreign: bool, refused: "tuple[tuple[int, int, int], ...]", shortened: bool) -> MeterState:
        """Return how the meter does."""
        return MeterState(
            self.meter, self.state, dict(self._faults), self._last_good_ms, self.timeout_ms, self.failures,
            self.last_fault, self.stale, foreign, refused, shortened,
        )  # fmt: skip
