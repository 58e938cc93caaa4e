"""World: the true time of one life, what is to happen in it, and everything in it that is drawn by chance."""

import heapq
from collections import Counter
from collections.abc import Callable
from random import Random

from gateway.clock import Clock
from gateway.core.time_keeping import ClockFacts, TimeKeeping
from hil_tests.simulator.seeds import Swarm

START_MS = 1_795_132_800_000  # 2026-11-20, a midnight UTC: boundaries of all interval lengths meet there
_BOUND_MS = 5


class BrokenError(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant, self.detail = invariant, detail


class World:
    """Time moves from one happening to the next; nothing happens between them."""

    def __init__(self, swarm: Swarm) -> None:
        self.swarm = swarm
        self.now_ms = START_MS
        self.dice = Random(f"{swarm.seed}/world")
        self.counts: Counter[str] = Counter()
        self.healing = False
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0

    def at(self, moment_ms: int, happening: Callable[[], None]) -> None:
        """Let *happening* come about at a moment, or at once where that is past."""
        self._number += 1
        heapq.heappush(self._due, (moment_ms, self._number, happening))

    def after(self, wait_ms: int, happening: Callable[[], None]) -> None:
        """Let *happening* come about in a while."""
        self.at(self.now_ms + wait_ms, happening)

    def run_until(self, end_ms: int) -> None:
        """Let everything come about that is due before *end_ms*."""
        while self._due and self._due[0][0] < end_ms:
            moment_ms, _, happening = heapq.heappop(self._due)
            self.now_ms = max(self.now_ms, moment_ms)
            happening()
        self.now_ms = max(self.now_ms, end_ms)

    def happens(self, kind: str) -> bool:
        """Tell whether a fault with a probability comes about on this occasion."""
        chance = 0.0 if self.healing else self.swarm.chance(kind)
        if chance and self.dice.random() < chance:
            self.counts[kind] += 1
            return True
        return False

    def octets(self, count: int) -> bytes:
        """Return random octets, in the place of those of the system."""
        return self.dice.randbytes(count)


class SimulatedClock(Clock):
    """The clock of one gateway: the system's UTC is right by an offset, or unknown; what it makes of it is its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.offset_ms = 0
        self.known = True  # the kernel says that it is synchronised, be that true or not
        self._rtc = world.dice.randrange(2) == 0
        self.boot()

    def boot(self) -> None:
        """Begin monotonic time anew, as after a power cut."""
        self._boot = self._world.octets(8)
        self._booted_ms = self._world.now_ms
        self.begin()

    def begin(self) -> None:
        """Know nothing yet, as a process that has just begun."""
        self.keeping = TimeKeeping(self._boot, self.facts())

    def facts(self) -> ClockFacts:
        """Return what the system says about time now."""
        system_ms = self._world.now_ms + self.offset_ms
        return ClockFacts(self.monotonic_ms(), system_ms, _BOUND_MS if self.known else None, self._rtc)

    def monotonic_ms(self) -> int:
        """Return milliseconds since the boot, and some."""
        return self._world.now_ms - self._booted_ms + 10_000
