"""Puts true values into the registers of a point, the way a meter does: counters cut off at their last digit."""

import math
import struct
from fractions import Fraction
from typing import NamedTuple

from gateway.core.meter.bcd import bits_of
from gateway.core.meter.profile import BCD_OCTETS, HIGH_FIRST, Point, unit_divisor, unit_exponent
from gateway.core.meter.quantity import QUANTITIES

# The power of ten that a meter with scale registers puts there, by unit.
_EXPONENTS = {"V": -1, "A": -2, "W": 1, "var": 1, "VA": 1, "Hz": -2, "1": -3, "%": -1}
_FLOATS = {"f32": (">f", 24), "f64": (">d", 53)}


class Shown(NamedTuple):
    """What the registers show: own words, then the one with the power of ten; and the step, in the quantity's unit."""

    words: tuple[int, ...]
    step: Fraction


def exponent_of(point: Point) -> int:
    """Return the power of ten in the scale register of *point*."""
    assert point.quantity is not None
    unit = QUANTITIES[point.quantity].unit
    return _EXPONENTS.get(unit, 0) - _unit_exponent(point)


def show(point: Point, value: Fraction, ratios: tuple[tuple[int, int], tuple[int, int]], float_step: Fraction) -> Shown:
    """Return how *point* shows *value* (unit of the quantity, primary side).

    float_step: the last digit of counters that are floats, in the quantity's unit on the meter's own side.
    """
    ratio = Fraction(1)
    for name in point.times:
        ratio *= Fraction(*ratios[0 if name == "ct" else 1])
    scale = Fraction(*point.factor) * Fraction(10) ** _unit_exponent(point) / unit_divisor(point.unit)
    if point.exponent_at is not None:
        scale *= Fraction(10) ** exponent_of(point)
    raw = value / ratio / scale
    cuts = point.quantity is not None and point.quantity.startswith(("energy_", "volume"))
    step = Fraction(1)
    if point.type in _FLOATS:
        step = _faithful_step(raw, abs(float_step / scale), _FLOATS[point.type][1])
        bits = _float_bits(math.floor(raw / step) * step if cuts else raw, point)
    else:
        bits = _whole_bits(math.floor(raw) if cuts else round(raw), point)
    words = tuple(bits >> 16 * place & 0xFFFF for place in reversed(range(point.count)))
    if point.words != HIGH_FIRST:
        words = words[::-1]
    if point.exponent_at is not None:
        words += (exponent_of(point) & 0xFFFF,)
    return Shown(words, abs(step * scale * ratio))


def _unit_exponent(point: Point) -> int:
    """Return the power of ten from the unit of *point* to the unit of its quantity."""
    assert point.quantity is not None
    return unit_exponent(point.unit, QUANTITIES[point.quantity].unit) or 0


def text_words(text: str, count: int) -> tuple[int, ...]:
    """Return *text* as *count* registers of two characters each, filled up with zeros."""
    octets = text.encode("ascii", "replace")[: 2 * count].ljust(2 * count, b"\0")
    return tuple(octets[place] << 8 | octets[place + 1] for place in range(0, 2 * count, 2))


def _faithful_step(raw: Fraction, step: Fraction, digits: int) -> Fraction:
    """Return *step*, made coarser by tens until a float of *digits* binary digits can tell its multiples apart."""
    _, exponent = math.frexp(abs(raw))
    while Fraction(2) ** (exponent - digits) >= step:
        step *= 10
    return step


def _float_bits(raw: Fraction, point: Point) -> int:
    return int.from_bytes(struct.pack(_FLOATS[point.type][0], float(raw)), "big")


def _whole_bits(raw: int, point: Point) -> int:
    """Return *raw* as the bits of a whole number; a counter starts over at its width, all else stops at the end."""
    if point.type in BCD_OCTETS:
        return _digit_bits(raw, point)
    width = 16 * point.count
    if point.quantity is not None and QUANTITIES[point.quantity].cumulative:
        return raw % (point.wrap or 1 << width)
    least, most = (-(1 << width - 1) + 1, (1 << width - 1) - 2) if point.type[0] == "i" else (0, (1 << width) - 2)
    return min(max(raw, least), most) & ((1 << width) - 1)


def _digit_bits(raw: int, point: Point) -> int:
    """Return *raw* as BCD digits; with a sign, the first digit ends at 7."""
    octets, signed = BCD_OCTETS[point.type], point.type.endswith("s")
    most = (8 if signed else 10) * 10 ** (2 * octets - 1) - 1
    if point.wrap is not None:
        raw %= point.wrap
    return bits_of(min(max(raw, -most if signed else 0), most), octets, signed)
