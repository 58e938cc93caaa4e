"""What an interval says of each meter point: its energy, and the registers at both ends from the point's own view."""

from collections.abc import Iterator
from typing import NamedTuple

from gateway.core.account.interval import Before, Energy, Span
from gateway.core.account.point_energy import registers_of
from gateway.core.boundary import Boundary, rest_wh
from gateway.core.channel import Channel
from gateway.core.meter.decoding import energy_wh, width_wh
from gateway.core.record import Account
from gateway.core.site import MeterPoint
from gateway.exports.stretch import Terms


class Register(NamedTuple):
    """What a register showed at the start and at the end of an interval, in Wh; None where no reading stands there."""

    start_wh: int | None
    end_wh: int | None


NO_REGISTER = Register(None, None)


class PointInterval(NamedTuple):
    """One meter point in one interval."""

    point: MeterPoint
    energy: Energy
    imported: Register
    exported: Register


def register_of(terms: Terms, span: Span) -> Register:
    """Return what the register of *span* showed at both ends of the interval; inside a longer gap it has none.

    Where a boundary lies between two readings, it is the register on the straight line between them.
    """
    channel = terms.channels.get((span.meter, span.quantity))
    if channel is None:
        return NO_REGISTER
    start = _shown(channel, span.start_words, span.start_ms, span.start_before) if not span.part else None
    ends = span.part == span.parts - 1
    return Register(start, _shown(channel, span.end_words, span.end_ms, span.end_before) if ends else None)


def _shown(channel: Channel, words: tuple[int, ...], read_ms: int, before: tuple[Before, ...]) -> int | None:
    wh = energy_wh(channel.point, words, channel.ratios) if words else None
    if wh is None:
        return None
    wh -= sum(rest_wh(channel, Boundary(one.at_s, words, read_ms, (one,))) for one in before)
    # The register may have passed its width between the two readings.
    return wh if wh >= 0 else wh + (width_wh(channel.point, channel.ratios) or 0)


def readings_of(terms: Terms, span: Span) -> list[tuple[int, int]]:
    """Return (UTC ms, Wh) of every reading of a register that *span* rests on, as it was read."""
    channel = terms.channels.get((span.meter, span.quantity))
    if channel is None:
        return []
    read = [(one.read_ms, one.words) for one in (*span.start_before, *span.end_before)]
    read += [(span.start_ms, span.start_words), (span.end_ms, span.end_words)]
    shown = [(at_ms, energy_wh(channel.point, words, channel.ratios)) for at_ms, words in read if words]
    return [(at_ms, wh) for at_ms, wh in shown if wh is not None]


def point_intervals(terms: Terms, account: Account) -> Iterator[PointInterval]:
    """Yield every meter point of an interval, in the order of the configuration."""
    energies = {energy.meter_point: energy for energy in account.energies}
    spans = {(span.meter, span.quantity): span for span in account.spans}
    for point in terms.site.meter_points:
        if point.name not in energies:
            continue
        offered = [quantity for meter, quantity in spans if meter == point.meter]
        registers = [
            register_of(terms, spans[point.meter, name]) if name else NO_REGISTER
            for name in registers_of(point.role, offered)
        ]
        if point.reversed:
            registers.reverse()
        yield PointInterval(point, energies[point.name], registers[0], registers[1])
