"""MeterState: how one meter on a bus behaves, and when it may be asked again.

A meter that gave nothing believable is left alone until its late answer must have passed; one that is silent for
long is asked by single probes, further and further apart, so that it never slows the others.
"""

from collections import namedtuple

from gateway.core.reading import SILENT

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
    (DUE, LINE): DUE,
    (ASKED, LINE): DUE,
    (QUIET, LINE): DUE,
    (SUSPENDED, LINE): DUE,
}

DEAD_AFTER_SILENCES = 3  # a present meter that misses one question in a hundred is wrongly taken for dead once in 10^6
DEAD_AFTER_FAULTS = 8  # answers that cannot be believed: noise passes, a wrong speed does not
FIRST_PROBE_MS = 2000
LONGEST_PROBE_MS = 60000  # an exchanged meter is back within a minute
LEAST_QUIET_MS = 2000  # behind radios and converters, answers that are late by a second and more are common
QUIET_TIMEOUTS = 4  # or this many time-outs of the meter, whichever is longer
EXCEPTION_QUIET_MS = 100  # the meter did answer: nothing of it can still be under way for long
LEAST_TIMEOUT_MS = 100  # bytes of USB adapters come in bundles of 16 ms, and schedulers stall
TIMEOUT_LATENCIES = 4  # time-out over slowest answer; Victron's rule
TRUST_AFTER_ANSWERS = 8  # answers before the time-out may fall below that of the profile


class MeterState(namedtuple("MeterState", ("meter", "state", "faults", "last_good_ms", "timeout_ms", "failures"))):
    """How one meter does, for people: faults by kind, UTC of the last good answer (None: never), faults in a row."""

    __slots__ = ()
    meter: str
    state: str
    faults: "dict[str, int]"
    last_good_ms: "int | None"
    timeout_ms: int
    failures: int


class MeterWatch:
    """Follows one meter through its states and adapts the time that it is given to answer."""

    def __init__(self, meter: str, timeout_ms: int, gap_ms: int, numbered: bool) -> None:
        self.meter = meter
        self.state = DUE
        self.until_ms = 0  # not asked before
        self.timeout_ms = timeout_ms
        self.failures = 0
        self._silences = 0
        self._profile_timeout_ms = timeout_ms
        self._gap_ms = gap_ms
        self._numbered = numbered  # answers carry the number of their question: none can be taken for another
        self._probe_ms = FIRST_PROBE_MS
        self._slowest_ms = 0
        self._answers = 0
        self._faults: "dict[str, int]" = {}
        self._last_good_ms: "int | None" = None

    def _move(self, event: str) -> None:
        self.state = TRANSITIONS[(self.state, event)]

    def rested(self, now_ms: int) -> None:
        """Let the meter be asked again where its quiet time is over."""
        if self.state == QUIET and now_ms >= self.until_ms:
            self._move(REST)

    def asked(self) -> None:
        """A question to it goes out."""
        self._move(ASK)

    def answered(self, latency_ms: int, now_ms: int, utc_ms: int) -> None:
        """A believable answer came, its first byte *latency_ms* after the question."""
        self._move(ANSWER)
        self.until_ms = now_ms + self._gap_ms
        self.failures = self._silences = 0
        self._probe_ms = FIRST_PROBE_MS
        self._answers += 1
        self._last_good_ms = utc_ms
        # The slowest of late: one slow answer is forgotten over some dozens of quick ones.
        self._slowest_ms = max(latency_ms, self._slowest_ms - self._slowest_ms // 32)
        if self._answers >= TRUST_AFTER_ANSWERS:
            least = max(LEAST_TIMEOUT_MS, self._profile_timeout_ms // 3)
            wanted = TIMEOUT_LATENCIES * self._slowest_ms
            self.timeout_ms = max(least, min(wanted, 2 * self._profile_timeout_ms))

    def faulted(self, kind: str, brief: bool, now_ms: int) -> None:
        """Nothing believable came; *brief*: because the meter refused, so no late answer is to be feared."""
        self.count(kind)
        self.failures = 0 if brief else self.failures + 1
        self._silences = self._silences + 1 if kind == SILENT else 0
        if kind == SILENT:
            self.timeout_ms = min(2 * self.timeout_ms, 2 * self._profile_timeout_ms)
        if self._silences >= DEAD_AFTER_SILENCES or self.failures >= DEAD_AFTER_FAULTS:
            self._move(DEATH)
            self.until_ms = now_ms + self._probe_ms
            self._probe_ms = min(2 * self._probe_ms, LONGEST_PROBE_MS)
            self.timeout_ms = self._profile_timeout_ms
            self._answers = 0
            return
        self._move(FAULT)
        if brief or self._numbered:
            self.until_ms = now_ms + EXCEPTION_QUIET_MS
        else:
            self.until_ms = now_ms + max(LEAST_QUIET_MS, QUIET_TIMEOUTS * self.timeout_ms)

    def line_lost(self) -> None:
        """The line itself is gone: what is known of the meter's silence means nothing."""
        self._move(LINE)
        self.until_ms = 0
        self.failures = self._silences = 0
        self._probe_ms = FIRST_PROBE_MS

    def count(self, kind: str) -> None:
        """Count a fault."""
        self._faults[kind] = self._faults.get(kind, 0) + 1

    def report(self) -> MeterState:
        """Return how the meter does."""
        return MeterState(
            self.meter, self.state, dict(self._faults), self._last_good_ms, self.timeout_ms, self.failures
        )
