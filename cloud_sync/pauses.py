"""Pauses: how long a connection waits before it is opened again, so that hundreds do not come at once."""

import random


class Pauses:
    """The pauses of one connection; each doubles while nothing comes of it."""

    def __init__(self, least_s: float, spread_s: float, dice: random.Random | None = None) -> None:
        """Begin with *least_s*; a connection that was open is opened again within *spread_s*, by chance."""
        self._least_s = least_s
        self._spread_s = spread_s
        self._dice = dice or random.Random()
        self._pause_s = least_s

    def after(self, lasted_s: float, was_open: bool, most_s: float) -> float:
        """Return how long to wait after an attempt that lasted *lasted_s*; it doubles up to *most_s*."""
        if lasted_s > most_s:
            self._pause_s = self._least_s
        pause_s = min(self._pause_s, most_s)
        self._pause_s = 2 * pause_s
        soonest_s = pause_s * self._dice.uniform(0.5, 1.0)
        return self._dice.uniform(soonest_s, max(soonest_s, self._spread_s)) if was_open else soonest_s
