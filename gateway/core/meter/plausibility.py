"""Watches one cumulative register: it only grows, and no faster than its connection can carry.

A check sum of 16 bits lets one in 65,536 garbled answers through, and a person may exchange a meter without a word.
"""

from gateway.core.flag import DECREASED
from gateway.core.meter.bcd import bits_of, digits_of
from gateway.core.meter.decoding import energy_wh, pattern, raw_of, register_advance
from gateway.core.meter.profile import BCD_OCTETS, HIGH_FIRST, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.reading import BACKWARDS, TOO_FAST

# max_power_w over what was measured: apparent exceeds active power, and connections are overloaded for a while.
_MARGIN = (3, 2)
# max_power over what a register may rise by between two boundaries: the usual rule of meter checks, P x t x 1.25.
_BOUNDARY_MARGIN = (5, 4)
# Where max_power is not known: a thousand times what a gigawatt gives in an hour, and the most that a platform takes.
MOST_WH = 10**12
# Some meters renew their energy registers only now and then, so a rise may be of a longer time than between reads.
_RENEWAL_MS = 30000
_MS_OF_HOUR = 3600000
_OF_POWER = ("Wh", "varh", "VAh")  # what max_power bounds; it says nothing of litres
# A lower register is believed after so many readings in a row that agree with each other: the meter was reset.
CONFIRMATIONS = 3
# A register that jumped beyond its connection is believed, and the account puts the jump in quarantine, after it has
# gone on from there for so long: a garbled value passes, another meter or a correction in the meter stays.
_STANDS_MS = 600000


def _after(point: Point, words: "tuple[int, ...]") -> "tuple[int, ...]":
    """Return the words of the next higher register value."""
    bits = pattern(point, words) + 1
    if point.type in BCD_OCTETS:
        octets = BCD_OCTETS[point.type]
        shown = digits_of(bits - 1, octets)
        bits = bits_of((shown or 0) + 1, octets + 1)
    own = [bits >> 16 * place & 0xFFFF for place in range(point.count)]
    if point.words == HIGH_FIRST:
        own.reverse()
    return tuple(own) + words[point.count :]


def step_wh(point: Point, words: "tuple[int, ...]", ratios: "tuple[tuple[int, int], tuple[int, int]]") -> int:
    """Return the energy of the smallest rise that the register can show where it stands, rounded up."""
    here, there = energy_wh(point, words, ratios), energy_wh(point, _after(point, words), ratios)
    if here is None or there is None or there < here:
        return 1
    return there - here + 1


def _carried_wh(max_power_w: int, elapsed_ms: int, margin: "tuple[int, int]") -> int:
    """Return the most energy that a connection carries in so long, with a margin and the slowness of meters."""
    return max_power_w * margin[0] * (elapsed_ms + _RENEWAL_MS) // (margin[1] * _MS_OF_HOUR)


def most_rise_wh(
    point: Point,
    ratios: "tuple[tuple[int, int], tuple[int, int]]",
    max_power_w: int,
    elapsed_ms: int,
    words: "tuple[int, ...]",
) -> int:
    """Return the most that a register, now at *words*, may have risen by between two boundaries of accounts."""
    if not max_power_w:
        return MOST_WH
    return _carried_wh(max_power_w, elapsed_ms, _BOUNDARY_MARGIN) + 2 * step_wh(point, words, ratios)


def rose_too_far(
    point: Point,
    ratios: "tuple[tuple[int, int], tuple[int, int]]",
    max_power_w: int,
    elapsed_ms: int,
    words: "tuple[int, ...]",
    wh: int,
) -> bool:
    """Tell whether *wh* is above `most_rise_wh`; the step of the register is worked out only where it can matter."""
    if wh <= _carried_wh(max_power_w, elapsed_ms, _BOUNDARY_MARGIN):
        return False
    return wh > most_rise_wh(point, ratios, max_power_w, elapsed_ms, words)


class RegisterWatch:
    """Remembers the last believed words of one cumulative register of one meter."""

    def __init__(self, point: Point, ratios: "tuple[tuple[int, int], tuple[int, int]]", max_power_w: int) -> None:
        self._point = point
        self._ratios = ratios
        self._max_power_w = max_power_w
        self._believed: "tuple[tuple[int, ...], int] | None" = None  # words, monotonic ms
        self._lower: "tuple[tuple[int, ...], int] | None" = None  # the last of the readings below
        self._lower_times = 0
        self._higher: "tuple[tuple[int, ...], int] | None" = None  # the last of the readings too far above
        self._higher_since_ms = 0

    def judged(self, words: "tuple[int, ...]", now_ms: int) -> "tuple[str, str] | None":
        """Return None where *words* may be believed, else the kind of fault and its detail."""
        if self._believed is not None and words == self._believed[0]:
            self._believe(words, now_ms)
            return None
        if raw_of(self._point, words) is None:
            return None
        if self._believed is None:
            self._believe(words, now_ms)
            return None
        fault = self._against(self._believed, words, now_ms)
        believed = fault is None
        if fault is not None and fault[0] == BACKWARDS:
            self._higher = None
            believed = self._confirmed(words, now_ms)
        elif fault is not None:
            self._lower = None
            believed = self._stands(words, now_ms)
        if believed:
            self._believe(words, now_ms)
        return None if believed else fault

    def judged_at(self, words: "tuple[int, ...]", at_ms: int) -> "tuple[str, str] | None":
        """Return None where the register may have held *words* at *at_ms*, else the kind of fault and its detail."""
        if self._believed is None:
            return None
        if at_ms <= self._believed[1]:
            return self._against((words, at_ms), self._believed[0], self._believed[1])
        return self._against(self._believed, words, at_ms)

    def _believe(self, words: "tuple[int, ...]", now_ms: int) -> None:
        self._believed = (words, now_ms)
        self._lower = self._higher = None

    def _against(
        self, before: "tuple[tuple[int, ...], int]", words: "tuple[int, ...]", now_ms: int
    ) -> "tuple[str, str] | None":
        """Judge *words* as what follows *before*."""
        advance_wh, flag = register_advance(self._point, before[0], words, self._ratios)
        name = self._point.quantity
        unit = "" if name is None else QUANTITIES[name].account_unit
        if flag == DECREASED:
            here, there = energy_wh(self._point, before[0], self._ratios), energy_wh(self._point, words, self._ratios)
            return (BACKWARDS, "%s from %s to %s %s" % (name, here, there, unit))
        if not self._max_power_w or unit not in _OF_POWER:
            return None
        elapsed_ms = now_ms - before[1]
        most_wh = _carried_wh(self._max_power_w, elapsed_ms, _MARGIN)
        if advance_wh <= most_wh:  # the step of the register is worked out only where it can matter
            return None
        most_wh += 2 * step_wh(self._point, words, self._ratios)
        if advance_wh > most_wh:
            return (TOO_FAST, "%s by %d Wh in %d ms, at most %d Wh" % (name, advance_wh, elapsed_ms, most_wh))
        return None

    def _confirmed(self, words: "tuple[int, ...]", now_ms: int) -> bool:
        """Tell whether the register has stood lower for long enough to be believed."""
        agrees = self._lower is not None and self._against(self._lower, words, now_ms) is None
        self._lower_times = self._lower_times + 1 if agrees else 1
        self._lower = (words, now_ms)
        return self._lower_times >= CONFIRMATIONS

    def _stands(self, words: "tuple[int, ...]", now_ms: int) -> bool:
        """Tell whether the register has gone on from where it jumped to for long enough to be believed."""
        if self._higher is None or self._against(self._higher, words, now_ms) is not None:
            self._higher_since_ms = now_ms
        self._higher = (words, now_ms)
        return now_ms - self._higher_since_ms >= _STANDS_MS
