"""Freezes of emulated DL/T 645 meters: what each keeps when its own clock shows a full hour or midnight."""

from collections.abc import Iterable

from gateway.core.meter.freeze import PERIODS_S, di2_of, frozen_points
from gateway.core.park_day import PARK_OFFSET_S
from hil_tests.emulated_meter import EmulatedMeter
from hil_tests.emulated_park import Park


class Freezing:
    """Moves the park in time, and lets every meter freeze at its moments on the way, exactly."""

    def __init__(self, park: Park, meters: Iterable[EmulatedMeter], newborn: bool) -> None:
        self._park = park
        self._next: dict[tuple[str, int], int] = {}  # UTC ms of each meter's next freeze of each kind
        self._meters: dict[str, EmulatedMeter] = {}
        for meter in meters:
            for point in frozen_points(meter.profile):
                self._meters[meter.name] = meter
                di2, period_s = di2_of(point), PERIODS_S[di2_of(point)]
                self._next[meter.name, di2] = next_ms = _after(park.now_ms, meter, period_s)
                if not newborn:  # the park goes on from before: what was frozen then is gone
                    continue
                # Before its birth a meter counted nothing, so the last freeze holds what it began with.
                meter.frozen[di2] = park.sample(meter.name)._replace(utc_ms=next_ms - period_s * 1000)

    def advance(self, utc_ms: int) -> None:
        """Let the park run until *utc_ms*."""
        while self._next and min(self._next.values()) <= utc_ms:
            moment_ms, (name, di2) = min((moment_ms, key) for key, moment_ms in self._next.items())
            meter = self._meters[name]
            self._park.advance(moment_ms)
            meter.frozen[di2] = self._park.sample(name)
            self._next[name, di2] = _after(moment_ms, meter, PERIODS_S[di2])
        self._park.advance(utc_ms)


def _after(utc_ms: int, meter: EmulatedMeter, period_s: int) -> int:
    """Return when, after *utc_ms*, the clock of *meter* shows a multiple of *period_s* next, in the time of China."""
    ahead_ms = meter.clock_ahead_ms + PARK_OFFSET_S * 1000
    period_ms = period_s * 1000
    return ((utc_ms + ahead_ms) // period_ms + 1) * period_ms - ahead_ms
