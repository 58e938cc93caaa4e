"""Arrivals: what the buses read, in the order in which it came, until the loop takes it, however slow the disk is.

Each carries when it came. Who takes it later than that closes intervals as of then: none ends before what was read in
time is counted, though its reading waited.
"""

import threading
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from gateway.core.reading import Fault, Reading

# A park of 200 meters with 30 values each, every 15 s, for four minutes of a disk that does nothing; 25 MB.
OUTCOMES_WAITING = 100_000


class Arrival(NamedTuple):
    """The outcomes of one exchange, and the UTC at which they came."""

    outcomes: Sequence[Reading | Fault]
    at_ms: int


class Arrivals:
    """Put by the threads of the buses, taken by the loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Arrival] = deque()
        self._count = 0
        self._dropped = 0

    def put(self, outcomes: Sequence[Reading | Fault], at_ms: int) -> bool:
        """Keep what one exchange gave, if need be in place of the oldest; tell whether nothing else waited."""
        with self._lock:
            first = not self._waiting
            self._waiting.append(Arrival(outcomes, at_ms))
            self._count += len(outcomes)
            while self._count > OUTCOMES_WAITING and len(self._waiting) > 1:
                oldest = self._waiting.popleft()
                self._count -= len(oldest.outcomes)
                self._dropped += len(oldest.outcomes)
            return first

    def take(self) -> Arrival | None:
        """Return what has waited longest, None where nothing waits."""
        with self._lock:
            if not self._waiting:
                return None
            oldest = self._waiting.popleft()
            self._count -= len(oldest.outcomes)
            return oldest

    def dropped(self) -> int:
        """Return how many outcomes were given up since this was asked last, because too many waited."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            return dropped
