"""Register run: the closed intervals between the two readings of one register that lie around a moment."""

from typing import NamedTuple

from gateway.core.account.interval import Before, Span
from gateway.core.boundary import Boundary, rest_wh
from gateway.core.channel import Channel
from gateway.core.record import Account, Amendment
from gateway.figures import newest_account, records_of
from gateway.journal import Journal

# How far around the moment is looked, in seconds: nearly always the next boundaries have readings.
_WINDOWS_S = (3 * 3600, 2 * 86400, 45 * 86400)

Key = tuple[str, str]  # meter, quantity


class Knot(NamedTuple):
    """A reading that stands for a boundary, and the configuration by which its register is read."""

    words: tuple[int, ...]
    at_ms: int
    config: int
    before: tuple[Before, ...]

    def rest_wh(self, channel: Channel) -> int:
        """Return what the register counted between the boundary and this reading, where that is interpolated."""
        return rest_wh(channel, Boundary(0, self.words, self.at_ms, self.before))


class Booked(NamedTuple):
    """One closed interval as it stands now: its account, and its spans after all amendments, each with its
    configuration."""

    sequence: int
    account: Account
    spans: dict[Key, tuple[Span, int]]

    def of_meter(self, meter: str) -> list[Span]:
        """Return the spans of *meter*, in the order of the account."""
        return [span for (name, _), (span, _) in self.spans.items() if name == meter]


class Run(NamedTuple):
    """Closed intervals from one reading of a register to the next; end is None while that is still to come."""

    intervals: tuple[Booked, ...]
    start: Knot
    end: Knot | None


def booked(journal: Journal, start_s: int, end_s: int) -> list[Booked]:
    """Return the closed intervals that start in [start_s, end_s), in the order of time, as they stand now."""
    found: dict[int, Booked] = {}
    for sequence, record in records_of(journal, start_s, end_s):
        if isinstance(record, Account):
            spans = {(one.meter, one.quantity): (one, record.config) for one in record.spans}
            found[record.start_s] = Booked(sequence, record, spans)
        elif isinstance(record, Amendment) and record.start_s in found:
            for one in record.spans:
                found[record.start_s].spans[one.meter, one.quantity] = (one, record.config)
    return [found[at_s] for at_s in sorted(found)]


def _knots(intervals: list[Booked], key: Key) -> dict[int, Knot]:
    """Return the readings of a register at the boundaries of *intervals*, by number of the interval they begin."""
    found: dict[int, Knot] = {}
    for number, one in enumerate(intervals):
        if key not in one.spans:
            continue
        span, config = one.spans[key]
        begins = span.start_words and span.part == 0 and span.start_ms >= one.account.start_s * 1000
        if begins and number not in found:
            found[number] = Knot(span.start_words, span.start_ms, config, span.start_before)
        if span.end_words and span.part + 1 == span.parts:
            found[number + 1] = Knot(span.end_words, span.end_ms, config, span.end_before)
    return found


def run_around(journal: Journal, key: Key, at_ms: int) -> Run | None:
    """Return the run of the register *key* that holds *at_ms*; None where no reading before it is in the journal."""
    found, newest = None, newest_account(journal)
    for window_s in _WINDOWS_S:
        intervals = booked(journal, at_ms // 1000 - window_s, at_ms // 1000 + window_s)
        knots = _knots(intervals, key)
        before = [number for number, knot in knots.items() if knot.at_ms <= at_ms]
        after = [number for number, knot in knots.items() if knot.at_ms > at_ms]
        if before:
            first, last = max(before), min(after, default=len(intervals))
            end = knots[last] if after else None
            found = Run(tuple(intervals[first:last]), knots[first], end)
            if end is not None or (intervals and intervals[-1].account == newest):
                break
    return found
