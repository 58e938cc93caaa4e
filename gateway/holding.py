"""Holding: what the gateway reads while its journal cannot be written, kept in memory until it can.

Of every register that accounts are made from, the first reading after each boundary is kept, and the one before it
where boundaries are interpolated; so intervals are closed afterwards as they would have been. What is oldest goes
first, and its intervals become a gap.
"""

from collections.abc import Sequence

from gateway.core.problem import ProblemError
from gateway.core.reading import Fault, Frozen, Reading
from gateway.core.settlement import Settlement
from gateway.core.site import INTERPOLATED

# Two registers of 200 meters at 15-minute boundaries for 62 hours; where they are interpolated, for 31 hours.
READINGS_HELD = 100_000
EVENTS_HELD = 1_000

Details = dict[str, str]


class Holding:
    """The readings and events since the journal refused a commit."""

    def __init__(self, error: ProblemError, since_ms: int, settlement: Settlement) -> None:
        self.problem = error.problems[0]
        self.since_ms = since_ms
        self.events: list[tuple[str, Details]] = []
        self.events_lost = 0
        self.boundaries_lost = 0
        self._interval_s = settlement.site.interval_s
        self._interpolated = settlement.site.boundary == INTERPOLATED
        self._hold_ms = 1000 * settlement.site.hold_s
        self._registers = {(channel.meter, channel.quantity) for channel in settlement.channels}
        self._before: dict[tuple[str, str], Reading] = {}
        self._held: dict[int, list[Reading]] = {}  # by boundary
        self._seen: set[tuple[str, str]] = set()  # registers that the last boundary has
        self._count = 0

    def take(self, outcomes: Sequence[Reading | Fault]) -> None:
        """Keep of the readings of one exchange what closes intervals."""
        for one in outcomes:
            if isinstance(one, Reading) and (one.meter, one.quantity) in self._registers:
                self._take(one)

    def _take(self, reading: Reading) -> None:
        key = (reading.meter, reading.quantity)
        boundary_s = reading.at_ms // 1000 // self._interval_s * self._interval_s
        if boundary_s not in self._held:
            self._held[boundary_s], self._seen = [], set()
        if isinstance(reading, Frozen):
            self._keep(boundary_s, reading)
            return
        if key not in self._seen and reading.at_ms - 1000 * boundary_s <= self._hold_ms:
            self._seen.add(key)
            if self._interpolated and key in self._before:
                self._keep(boundary_s, self._before[key])
            self._keep(boundary_s, reading)
        self._before[key] = reading

    def _keep(self, boundary_s: int, reading: Reading) -> None:
        self._held[boundary_s].append(reading)
        self._count += 1
        while self._count > READINGS_HELD and len(self._held) > 1:
            self._count -= len(self._held.pop(min(self._held)))
            self.boundaries_lost += 1

    def event(self, code: str, details: Details) -> None:
        """Keep what happened."""
        if len(self.events) < EVENTS_HELD:
            self.events.append((code, details))
        else:
            self.events_lost += 1

    def give_to(self, settlement: Settlement) -> int | None:
        """Give *settlement* the readings of the oldest boundary held; return until when it was waited for, in ms."""
        if not self._held:
            return None
        boundary_s = min(self._held)
        readings = self._held.pop(boundary_s)
        self._count -= len(readings)
        for reading in readings:
            settlement.take(reading)
        return 1000 * boundary_s + self._hold_ms + 1

    def news(self) -> list[tuple[str, Details]]:
        """Return the events that were held, and at last that it is over."""
        over = {
            "problem": self.problem.code,
            "since": str(self.since_ms),
            "boundaries_lost": str(self.boundaries_lost),
            "events_lost": str(self.events_lost),
        }
        return [*self.events, ("journal-back", over)]

    def still(self, again: "Holding") -> "Holding":
        """Go on after another try failed, as *again* tells."""
        self.problem = again.problem
        return self

    def boundaries(self) -> int:
        """Return of how many boundaries there are readings."""
        return len(self._held)
