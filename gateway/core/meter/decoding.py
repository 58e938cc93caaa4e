"""Turns the registers of a point into its value, exactly: whole numbers and powers of ten, never a float.

Values are (mantissa, exponent of ten) in the unit of the quantity, at the primary side.
"""

from gateway.core.flag import DECREASED, MISSING, ROLLED_OVER
from gateway.core.meter.bcd import digits_of
from gateway.core.meter.ieee754 import float32, float64
from gateway.core.meter.profile import BCD_OCTETS, HIGH_FIRST, NO_RATIOS, Point, unit_divisor, unit_exponent
from gateway.core.meter.quantity import QUANTITIES

# Digits kept behind the point where a ratio such as 110/3 has no end in decimals.
_ENDLESS_DIGITS = 9
# A register that falls is taken to have passed its width only where it moved by less than this part of it;
# a meter that was reset or exchanged falls further.
ROLL_OVER_PART = 10
# Scale factors of SunSpec are from -10 to 10; 0x8000 says that there is none.
EXPONENT_MAX = 10
# A float that a meter fills with anything reaches 10**308, a number in a record 64 bits, also as a difference.
READING_MAX = 1 << 62

# Signs of a profile's point whose positive values flow out of the meter.
AGAINST_IMPORT = ("+export", "+discharge")


def words_of(point: Point, registers: "tuple[int, ...]", block_start: int) -> "tuple[int, ...]":
    """Return the registers of *point* out of a block: its own, then the one with the power of ten if it has one."""
    at = point.address - block_start
    words = registers[at : at + point.count]
    if point.exponent_at is not None:
        words += (registers[point.exponent_at - block_start],)
    return words


def pattern(point: Point, words: "tuple[int, ...]") -> int:
    """Return the registers of *point* as one number, highest word first."""
    own = words[: point.count]
    bits = 0
    for word in own if point.words == HIGH_FIRST else reversed(own):
        bits = bits << 16 | word
    return bits


def text_of(words: "tuple[int, ...]") -> str:
    """Return the printable characters that the registers of a text hold, without its padding."""
    octets = [octet for word in words for octet in (word >> 8, word & 0xFF)]
    return "".join([chr(octet) for octet in octets if 32 <= octet < 127]).strip()


def _signed(bits: int, width: int) -> int:
    return bits - (1 << width) if bits >> (width - 1) else bits


def raw_of(point: Point, words: "tuple[int, ...]") -> "tuple[int, int] | None":
    """Return the number in the registers, before factor and unit; None where it means "not available"."""
    assert len(words) == point.count + (point.exponent_at is not None)
    if point.type == "ascii":
        return None
    bits = pattern(point, words)
    if bits in point.sentinels:
        return None
    ten = 0
    if point.exponent_at is not None:
        ten = _signed(words[-1], 16)
        if abs(ten) > EXPONENT_MAX:
            return None
    if point.type == "f32" or point.type == "f64":
        number = float32(bits) if point.type == "f32" else float64(bits)
        return None if number is None else (number[0], number[1] + ten)
    if point.type in BCD_OCTETS:
        digits = digits_of(bits, BCD_OCTETS[point.type], point.type[-1] == "s")
        return None if digits is None else (digits, ten)
    return (_signed(bits, 16 * point.count) if point.type[0] == "i" else bits, ten)


def _stated_scale(point: Point, ratios: "tuple[tuple[int, int], tuple[int, int]]") -> "tuple[int, int]":
    """Return numerator and denominator that lead from the raw number to the unit that the profile states."""
    numerator, denominator = point.factor
    for name in point.times:
        ratio = ratios[0] if name == "ct" else ratios[1]
        numerator *= ratio[0]
        denominator *= ratio[1]
    return (numerator, denominator)


def scale_of(point: Point, ratios: "tuple[tuple[int, int], tuple[int, int]]") -> "tuple[int, int, int]":
    """Return numerator, denominator and power of ten that lead from the raw number to the quantity's unit."""
    numerator, denominator = _stated_scale(point, ratios)
    if point.quantity is not None:
        denominator *= unit_divisor(point.unit)
    ten = 0 if point.quantity is None else unit_exponent(point.unit, QUANTITIES[point.quantity].unit)
    assert ten is not None, "a profile that was read states no other unit"
    return (numerator, denominator, ten)


def _divided(mantissa: int, exponent: int, divisor: int) -> "tuple[int, int]":
    """Return mantissa * 10**exponent / divisor, exact where decimals can say it, else cut off downwards."""
    for prime, partner in ((2, 5), (5, 2)):
        while divisor % prime == 0:
            if mantissa % prime == 0:
                mantissa //= prime
            else:
                mantissa *= partner
                exponent -= 1
            divisor //= prime
    if mantissa % divisor:
        grow = max(0, _ENDLESS_DIGITS + exponent)
        return (mantissa * _ten(grow) // divisor, exponent - grow)
    return (mantissa // divisor, exponent)


def value_of(
    point: Point, words: "tuple[int, ...]", ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS
) -> "tuple[int, int] | None":
    """Return the value of *words* (see words_of) at the primary side as (mantissa, exponent of ten), or None."""
    return scaled(raw_of(point, words), scale_of(point, ratios))


def scaled(raw: "tuple[int, int] | None", scale: "tuple[int, int, int]") -> "tuple[int, int] | None":
    """Return the value of the number in the registers (see raw_of) by the scale of its point, or None."""
    if raw is None:
        return None
    return _divided(raw[0] * scale[0], raw[1] + scale[2], scale[1])


def stated_value(
    point: Point, words: "tuple[int, ...]", ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS
) -> "tuple[int, int] | None":
    """Return the value of *words* as `value_of` does, but in the unit that the profile states, as the manual does."""
    raw = raw_of(point, words)
    if raw is None:
        return None
    numerator, denominator = _stated_scale(point, ratios)
    return _divided(raw[0] * numerator, raw[1], denominator)


def decode(
    point: Point,
    registers: "tuple[int, ...]",
    block_start: int,
    ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS,
) -> "tuple[tuple[int, ...], tuple[int, int] | None]":
    """Return the registers of *point* out of a block as they came, and its value or None."""
    words = words_of(point, registers, block_start)
    return (words, value_of(point, words, ratios))


def _ten(power: int) -> int:
    return int(10**power)


def _floor(mantissa: int, exponent: int) -> int:
    return mantissa * _ten(exponent) if exponent >= 0 else mantissa // _ten(-exponent)


def account_value(quantity: str, mantissa: int, exponent: int) -> int:
    """Return a value in the unit of account: rounded down for what accumulates, else half to even."""
    kind = QUANTITIES[quantity]
    exponent += kind.account_exponent
    whole = _floor(mantissa, exponent)
    if exponent >= 0 or kind.cumulative:
        return whole
    divisor = _ten(-exponent)
    twice = 2 * (mantissa - whole * divisor)
    return whole + 1 if twice > divisor or (twice == divisor and whole & 1) else whole


def reading_value(point: Point, mantissa: int, exponent: int) -> "int | None":
    """Return the value of a reading in the unit of account; powers count positive for import.

    None where it is beyond what any meter means: no record could hold it.

    Inverters show what they give as positive, meters what they take: the profile says which, and from here on
    there is one convention.
    """
    assert point.quantity is not None
    whole = account_value(point.quantity, mantissa, exponent)
    if abs(whole) > READING_MAX:
        return None
    power = QUANTITIES[point.quantity].account_unit in ("W", "var")
    return -whole if power and point.sign in AGAINST_IMPORT else whole


def _account_scale(point: Point, ratios: "tuple[tuple[int, int], tuple[int, int]]") -> "tuple[int, int, int]":
    """Return the scale from the raw number to the unit of account."""
    assert point.quantity is not None
    numerator, denominator, ten = scale_of(point, ratios)
    return (numerator, denominator, ten + QUANTITIES[point.quantity].account_exponent)


def _floored(raw: "tuple[int, int]", scale: "tuple[int, int, int]") -> int:
    numerator, denominator, ten = scale
    exponent = raw[1] + ten
    if exponent >= 0:
        return raw[0] * numerator * _ten(exponent) // denominator
    return raw[0] * numerator // (denominator * _ten(-exponent))


def _account_floor(point: Point, raw: "tuple[int, int]", ratios: "tuple[tuple[int, int], tuple[int, int]]") -> int:
    return _floored(raw, _account_scale(point, ratios))


def energy_wh(
    point: Point, words: "tuple[int, ...]", ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS
) -> "int | None":
    """Return what a cumulative register shows, in whole Wh rounded down; None where it is not available."""
    raw = raw_of(point, words)
    return None if raw is None else _account_floor(point, raw, ratios)


def width_wh(point: Point, ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS) -> "int | None":
    """Return the energy after which a cumulative register begins again from nought, None where it never does."""
    return None if point.wrap is None else _account_floor(point, (point.wrap, 0), ratios)


def register_advance(
    point: Point,
    start_words: "tuple[int, ...]",
    end_words: "tuple[int, ...]",
    ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS,
) -> "tuple[int, str]":
    """Return the energy between two readings of a cumulative register in Wh, and its flag.

    The advances of consecutive intervals add up to the advance over all of them, because each is a difference of
    rounded-down registers. Flag "R": the register passed its width; "D": it decreased otherwise, 0 Wh; "M": one of
    the readings is not available, 0 Wh.
    """
    start, end = raw_of(point, start_words), raw_of(point, end_words)
    if start is None or end is None:
        return (0, MISSING)
    if start_words == end_words:
        return (0, "")
    ten = _signed(end_words[-1], 16) if point.exponent_at is not None else 0
    low = min(start[1], end[1], ten)
    start_count, end_count = start[0] * _ten(start[1] - low), end[0] * _ten(end[1] - low)
    scale = _account_scale(point, ratios)
    advance = _floored(end, scale) - _floored(start, scale)
    if end_count >= start_count:
        return (advance, "")
    if point.wrap is not None and start_words[point.count :] == end_words[point.count :]:
        width = point.wrap * _ten(ten - low)
        if (end_count + width - start_count) * ROLL_OVER_PART <= width:
            return (advance + _account_floor(point, (point.wrap, ten), ratios), ROLLED_OVER)
    return (0, DECREASED)
