"""Uplink: decides which sealed batch is offered next, and what a receipt or a refusal means for it.

A window of batches is in flight, in the order of their sequences. A receipt frees them; time alone never
does. When the oldest stays unanswered it is offered again, after a pause that doubles; the others follow
from the platform's own shelf, which holds what came before its turn. STEPS is the whole machine.
"""

from collections import namedtuple

from cloud_sync.core.receipt import CLONE, FORK, GAP, REVOKED_KEY, UNKNOWN_KEY, Receipt, Refusal, digest_of

WINDOW = 32  # Batches in flight: 300 a second over a road of 60 ms take 18, and the rest for the platform's commit.
TIMEOUT_MS = 30_000  # A full batch takes 16 s at 64 kbit/s.
PAUSE_MIN_MS = 1_000
PAUSE_MAX_MS = 300_000  # A gateway that nobody enrolled asks twelve times an hour.
POISON_REFUSALS = 3  # The same message refused this often for its content is set aside.
CHANCE_SPAN = 1_000_000  # Jitter comes as a whole number below this.

IDLE = "idle"  # Nothing in flight.
IN_FLIGHT = "in-flight"
BACKING_OFF = "backing-off"  # Pausing before the oldest is offered again.
REWINDING = "rewinding"  # Offering again from where the platform expects, one batch at a time.

OFFERED = "offered"
FREED = "freed"  # A receipt freed some, others are in flight.
CLEARED = "cleared"  # Nothing is in flight any more.
UNANSWERED = "unanswered"
REFUSED = "refused"  # To be offered again after a pause.
MISSED = "missed"  # Refused for a gap.
PAUSED = "paused"  # The pause is over.

STEPS = {
    (IDLE, OFFERED): IN_FLIGHT,
    (IN_FLIGHT, OFFERED): IN_FLIGHT,
    (IN_FLIGHT, FREED): IN_FLIGHT,
    (IN_FLIGHT, CLEARED): IDLE,
    (IN_FLIGHT, UNANSWERED): BACKING_OFF,
    (IN_FLIGHT, REFUSED): BACKING_OFF,
    (IN_FLIGHT, MISSED): REWINDING,
    (BACKING_OFF, FREED): IN_FLIGHT,
    (BACKING_OFF, CLEARED): IDLE,
    (BACKING_OFF, REFUSED): BACKING_OFF,
    (BACKING_OFF, MISSED): REWINDING,
    (BACKING_OFF, PAUSED): IN_FLIGHT,
    (REWINDING, OFFERED): REWINDING,
    (REWINDING, CLEARED): IDLE,
    (REWINDING, UNANSWERED): BACKING_OFF,
    (REWINDING, REFUSED): BACKING_OFF,
    (REWINDING, MISSED): REWINDING,
}


class Send(namedtuple("Send", ("raw", "first", "last"))):
    """Publish *raw*, the sealed batch of entries first..last."""

    __slots__ = ()
    raw: bytes
    first: int
    last: int


class Fetch(namedtuple("Fetch", ("after",))):
    """Look for the first sealed batch that ends after sequence *after*; then call offer or nothing."""

    __slots__ = ()
    after: int


class FetchNewest(namedtuple("FetchNewest", ("after",))):
    """Look for the newest sealed batch; where it lies beyond the one after *after*, publish it once, out of turn.

    So the platform sees the newest figures while it is still given the old ones. It is offered again in its turn.
    """

    __slots__ = ()
    after: int


class Wait(namedtuple("Wait", ("until_ms",))):
    """Nothing to do before until_ms, or, where that is None, before something happens."""

    __slots__ = ()
    until_ms: "int | None"


class Freed(namedtuple("Freed", ("through", "signed"))):
    """Every entry up to *through* is kept by the platform; *signed* is the receipt that says so of the last."""

    __slots__ = ()
    through: int
    signed: bytes


class SetAside(namedtuple("SetAside", ("first", "last", "incarnation", "reason"))):
    """The batch of entries first..last is poison to the platform: put a hole in its place."""

    __slots__ = ()
    first: int
    last: int
    incarnation: bytes
    reason: str


class _Flight:
    """One batch in flight."""

    def __init__(self, first: int, last: int, incarnation: bytes, raw: bytes) -> None:
        self.first = first
        self.last = last
        self.incarnation = incarnation
        self.raw = raw
        self.digest = digest_of(raw)
        self.ever_sent = False
        self.sent_ms: "int | None" = None
        self.refusals = 0
        self.refused = False  # The last word on it was no; it goes again when the road moves.
        self.receipt = b""


class Uplink:
    """The sending end of one gateway's road."""

    def __init__(
        self,
        receipted_through: int,
        window: int = WINDOW,
        timeout_ms: int = TIMEOUT_MS,
        pause_min_ms: int = PAUSE_MIN_MS,
        pause_max_ms: int = PAUSE_MAX_MS,
    ) -> None:
        """Start after what is receipted."""
        assert window > 0 and 0 < pause_min_ms <= pause_max_ms
        self.state = IDLE
        self.last_refusal: "Refusal | None" = None
        self.sent_count = 0
        self.again_count = 0
        self._window = window
        self._timeout_ms = timeout_ms
        self._pause_min_ms = pause_min_ms
        self._pause_max_ms = pause_max_ms
        self._flights: "list[_Flight]" = []
        self._after = receipted_through  # The last sequence that was fetched.
        self._more = True  # There may be another sealed batch to fetch.
        self._news = False  # A batch was sealed while others were waiting; it is the newest.
        self._connected = False
        self._misses = 0  # Pauses and rewinds since the last progress.
        self._quiet_since_ms = 0  # Last progress, or end of the last pause.
        self._resume_ms: "int | None" = None
        self._rewound_to = 0

    def in_flight(self) -> "tuple[tuple[int, int], ...]":
        """Return (first, last) of every batch in flight."""
        return tuple([(flight.first, flight.last) for flight in self._flights])

    def connected(self) -> None:
        """Note that the road is open; whatever was in flight is offered again at once."""
        self._connected = True
        for flight in self._flights:
            flight.sent_ms = None
        if self.state == BACKING_OFF:
            self._step(PAUSED)
        self._resume_ms = None

    def lost(self) -> None:
        """Note that the road is closed."""
        self._connected = False

    def sealed(self) -> None:
        """Note that there is another sealed batch to fetch."""
        self._news = self._more
        self._more = True

    def next(self, now_ms: int, chance: int = 0) -> "Send | Fetch | FetchNewest | Wait":
        """Return what to do now; *chance* is a random number below CHANCE_SPAN, for the length of a pause."""
        if not self._connected:
            return Wait(None)
        if self._resume_ms is not None:
            if now_ms < self._resume_ms:
                return Wait(self._resume_ms)
            self._resume_ms = None
            self._quiet_since_ms = now_ms
            if self.state == BACKING_OFF:
                self._step(PAUSED)
                self._flights[0].sent_ms = None
        for flight in self._flights:
            if flight.sent_ms is None and not flight.receipt:
                return self._send(flight, now_ms)
        if self._flights:
            due_ms = max(self._flights[0].sent_ms or 0, self._quiet_since_ms) + self._timeout_ms
            if now_ms >= due_ms:
                self._step(UNANSWERED)
                self._pause(now_ms, chance)
                return Wait(self._resume_ms)
        window = 1 if self.state == REWINDING else self._window
        if self._more and len(self._flights) < window:
            return Fetch(self._after)
        if self._more and self._news:
            self._news = False
            return FetchNewest(self._after)
        return Wait(due_ms if self._flights else None)

    def offer(self, first: int, last: int, incarnation: bytes, raw: bytes) -> None:
        """Take the sealed batch that a Fetch asked for."""
        assert last > self._after and last >= first
        self._flights.append(_Flight(first, last, incarnation, raw))
        self._after = last
        self._step(OFFERED)

    def nothing(self) -> None:
        """Note that a Fetch found nothing; sealed() says when that has changed."""
        self._more = self._news = False
        if self.state == REWINDING and not self._flights:
            self._step(CLEARED)

    def receipted(self, receipt: Receipt, signed: bytes, now_ms: int) -> "tuple[Freed, ...]":
        """Take a verified receipt whose link is our own; return what it frees, oldest first."""
        covered = False
        for flight in self._flights:
            if flight.incarnation == receipt.incarnation and flight.last <= receipt.through_sequence:
                covered = True
                flight.receipt = flight.receipt or signed
        if not covered:
            return ()
        freed: "list[Freed]" = []
        while self._flights and self._flights[0].receipt:
            flight = self._flights.pop(0)
            if freed and freed[-1].signed == flight.receipt:
                freed.pop()
            freed.append(Freed(flight.last, flight.receipt))
        if freed and not self._flights and freed[-1].signed == signed:
            # The platform may keep more of this chain than this process has offered.
            freed[-1] = Freed(receipt.through_sequence, signed)
            self._after = max(self._after, receipt.through_sequence)
        if freed:
            self._misses = 0
            self._rewound_to = 0
            self._resume_ms = None
            self._quiet_since_ms = now_ms
            self.last_refusal = None
            for flight in self._flights:
                if flight.refused:
                    flight.sent_ms = None
            self._step(FREED if self._flights else CLEARED)
        return tuple(freed)

    def refused(self, refusal: Refusal, now_ms: int, chance: int = 0) -> "SetAside | None":
        """Take a verified refusal; return what to set aside, if anything."""
        flight = None
        for one in self._flights:
            if one.digest == refusal.digest:
                flight = one
        if flight is None or flight.receipt:
            return None
        self.last_refusal = refusal
        if refusal.reason == GAP and 0 < refusal.expected_sequence < flight.first:
            self._rewind(refusal.expected_sequence, now_ms, chance)
            return None
        flight.refusals += 1
        waiting = (GAP, FORK, UNKNOWN_KEY, REVOKED_KEY, CLONE)  # The batch is good; what is wrong is elsewhere.
        if refusal.reason not in waiting and flight.refusals >= POISON_REFUSALS:
            self._drop_from(flight.first)
            return SetAside(flight.first, flight.last, flight.incarnation, refusal.reason)
        self._put_off(flight, now_ms, chance)
        return None

    def unsent(self, first: int, now_ms: int, chance: int = 0) -> None:
        """Note that the batch that starts at *first* could not be published just now."""
        for flight in self._flights:
            if flight.first == first:
                self._put_off(flight, now_ms, chance)

    def _put_off(self, flight: _Flight, now_ms: int, chance: int) -> None:
        flight.refused = True
        self._step(REFUSED)
        if self._resume_ms is None:
            self._pause(now_ms, chance)

    def _send(self, flight: _Flight, now_ms: int) -> Send:
        self.again_count += int(flight.ever_sent)
        flight.ever_sent = True
        flight.sent_ms = now_ms
        flight.refused = False
        self.sent_count += 1
        return Send(flight.raw, flight.first, flight.last)

    def _drop_from(self, first: int) -> None:
        """Take *first* and what follows out of the flight; they are fetched again."""
        self._flights = [flight for flight in self._flights if flight.first < first]
        self._after = min(self._after, first - 1)
        self._more = True
        self._misses = 0
        self._resume_ms = None
        self._step(FREED if self._flights else CLEARED)

    def _rewind(self, expected: int, now_ms: int, chance: int) -> None:
        """Offer again from *expected*; at once the first time, after a pause when that has not helped."""
        self._flights = []
        self._after = expected - 1
        self._more = True
        self._step(MISSED)
        if expected == self._rewound_to:
            self._pause(now_ms, chance)
        self._rewound_to = expected

    def _pause(self, now_ms: int, chance: int) -> None:
        assert 0 <= chance < CHANCE_SPAN
        pause_ms = self._pause_min_ms
        for _ in range(self._misses):
            pause_ms = min(pause_ms * 2, self._pause_max_ms)
        self._misses += 1
        self._resume_ms = now_ms + pause_ms + pause_ms * chance // (2 * CHANCE_SPAN)

    def _step(self, event: str) -> None:
        assert (self.state, event) in STEPS, "%s in %s" % (event, self.state)
        self.state = STEPS[(self.state, event)]
