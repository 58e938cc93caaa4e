"""Cadence: which reads of a meter a sweep makes: the fast always, slow ones in turns, the rest once.

The slow reads of a bus are spread over its sweeps, so that no sweep is much longer than another.
"""

from gateway.core.meter.plan import Block, class_of
from gateway.core.meter.profile import FAST, SLOW

_DONE = -1


class Cadence:
    """The reads of one meter: slow ones come every *slow_sweeps*; *phase* is how many go before it on the bus."""

    def __init__(self, slow_sweeps: int, phase: int) -> None:
        self._slow_sweeps = slow_sweeps
        self._phase = phase
        self._waits: "dict[tuple[int, int, int], int]" = {}  # sweeps until a read is due again; _DONE: never

    def due(self, block: Block) -> bool:
        """Tell whether *block* is to be read in the sweep that begins."""
        return class_of(block) == FAST or not self._waits.get(block[:3], 0)

    def read(self, block: Block) -> None:
        """Take it that *block* was read."""
        kind = class_of(block)
        if kind == SLOW:
            first = block[:3] not in self._waits
            self._phase += first
            self._waits[block[:3]] = self._slow_sweeps - (self._phase % self._slow_sweeps if first else 0)
        elif kind != FAST:
            self._waits[block[:3]] = _DONE

    def sweep_ended(self) -> None:
        """Count down to the next turn of slow reads."""
        for place in self._waits:
            if self._waits[place] > 0:
                self._waits[place] -= 1

    def anew(self) -> None:
        """Have everything read again: it may be another meter."""
        self._waits = {}
