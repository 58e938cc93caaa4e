"""What an interval says of each meter point: its energy, and the registers at both ends from the point's own view."""

from collections.abc import Iterator
from typing import NamedTuple

from gateway.core.account.interval import Energy, Span
from gateway.core.account.point_energy import registers_of
from gateway.core.meter.decoding import energy_wh
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
    """Return what the register of *span* showed at both ends of the interval; inside a longer gap it has none."""
    channel = terms.channels.get((span.meter, span.quantity))
    if channel is None:
        return NO_REGISTER
    start = energy_wh(channel.point, span.start_words, channel.ratios) if span.start_words and not span.part else None
    ends = span.end_words and span.part == span.parts - 1
    return Register(start, energy_wh(channel.point, span.end_words, channel.ratios) if ends else None)


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
