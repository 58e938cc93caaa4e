"""Declared spans: does an amended energy follow from what a person declared and from the readings around it?"""

from gateway.core.account import declared
from gateway.core.account.declared import accepted_energy, changed_energy, part_span
from gateway.core.account.interval import Span
from gateway.core.boundary import Boundary, is_between, rest_wh
from gateway.core.flag import DECLARED
from gateway.core.record import Account, Amendment, Declaration
from gateway.core.settlement import Channel
from gateway.declaring import changes_among

Key = tuple[str, str]  # meter, quantity


class DeclaredSpans:
    """Declarations and spans as they pass, in the order of their entries."""

    def __init__(self) -> None:
        self._declarations: list[Declaration] = []
        self._spans: dict[Key, dict[int, tuple[Span, Channel]]] = {}  # by start of the interval, as they stand now

    def take(self, record: Declaration) -> None:
        """Take one declaration."""
        self._declarations.append(record)

    def book(self, record: Account | Amendment, channels: tuple[Channel, ...]) -> None:
        """Remember the spans of an account or an amendment, and how their registers are read."""
        by_key = {(channel.meter, channel.quantity): channel for channel in channels}
        for span in record.spans:
            key = (span.meter, span.quantity)
            if key in by_key:
                self._spans.setdefault(key, {})[record.start_s] = (span, by_key[key])

    @staticmethod
    def rests_on_declaration(record: Amendment) -> bool:
        """Tell whether any span of *record* says that a person declared it."""
        return any(DECLARED in span.flag for span in record.spans)

    def wrong(self, record: Amendment, channels: tuple[Channel, ...]) -> list[Span]:
        """Return the spans of an amendment that do not follow."""
        by_key = {(channel.meter, channel.quantity): channel for channel in channels}
        return [span for span in record.spans if not self._follows(record.start_s, span, by_key)]

    def _follows(self, start_s: int, span: Span, channels: dict[Key, Channel]) -> bool:
        key = (span.meter, span.quantity)
        known = self._spans.get(key, {})
        if key not in channels or not 0 <= span.part < span.parts:
            return False
        if start_s in known and known[start_s][0] == span:
            return True  # the other registers of the meter are said again as they were
        if DECLARED not in span.flag or not span.start_words or not span.end_words:
            return False
        before = self._channel_at(key, span.start_words, span.start_ms, 0)
        after = self._channel_at(key, span.end_words, span.end_ms, 1)
        if before is None or after is None:
            return False
        said = [one for one in self._declarations if span.start_ms <= one.at_ms < span.end_ms]
        said = [one for one in said if one.subject == span.meter]
        changes = changes_among(said, key)
        if changes:
            if (changes[0].before, changes[-1].after) != (before.ratios, after.ratios):
                return False
            energy = changed_energy(before.point, span.start_words, changes, after.point, span.end_words)
        elif [one for one in said if one.what == declared.ACCEPT] and before[:4] == after[:4]:
            energy = accepted_energy(after.point, after.ratios, span.start_words, span.end_words)
        else:
            return False
        ends = (
            (Boundary(0, span.start_words, span.start_ms, span.start_before), before),
            (Boundary(0, span.end_words, span.end_ms, span.end_before), after),
        )
        if not all(is_between(channel, one) for one, channel in ends if one.before):
            return False
        total_wh = energy[0] + rest_wh(before, ends[0][0]) - rest_wh(after, ends[1][0])
        return span == part_span(span, total_wh, energy[1])

    def _channel_at(self, key: Key, words: tuple[int, ...], at_ms: int, side: int) -> Channel | None:
        """Return how the register was read that stands for one end of a span, None where no such reading is here.

        side: 0 for the start of the span, 1 for its end. A reading that may be in entries that are not here, before
        the first or after the last known one, is believed.
        """
        rows = list(self._spans.get(key, {}).values())
        ends = [channel for span, channel in rows if (span.end_words, span.end_ms) == (words, at_ms)]
        starts = [channel for span, channel in rows if (span.start_words, span.start_ms) == (words, at_ms)]
        found = [*ends, *starts] if side == 0 else [*starts, *ends]
        if found:
            return found[0]
        beyond = [span for span, _ in rows if (span.end_ms <= at_ms and span.end_words, span.start_ms >= at_ms)[side]]
        return None if beyond or not rows else rows[0 if side == 0 else -1][1]
