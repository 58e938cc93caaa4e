"""IEEE 754: the shortest decimal that reads back to the same float, by whole-number arithmetic.

A meter that shows 10909.282 kWh sends the nearest float32, 10909.2822265625. The shortest decimal gives back
what the meter meant, on every machine the same, without a float anywhere.
"""


def shortest(bits: int, exponent_bits: int, fraction_bits: int) -> "tuple[int, int] | None":
    """Return (mantissa, exponent of ten) of the float with the pattern *bits*; None for not-a-number and infinity."""
    fraction = bits & ((1 << fraction_bits) - 1)
    biased = bits >> fraction_bits & ((1 << exponent_bits) - 1)
    negative = bits >> (fraction_bits + exponent_bits) & 1
    if biased == (1 << exponent_bits) - 1:
        return None
    if not biased and not fraction:
        return (0, 0)
    exponent = (biased or 1) - ((1 << (exponent_bits - 1)) - 1) - fraction_bits
    significand = fraction | 1 << fraction_bits if biased else fraction
    # Everything is in quarters of the last place, so that half-way points to both neighbours are whole.
    value = 4 * significand
    low = value - (1 if not fraction and biased > 1 else 2)  # the neighbour below a power of two is nearer
    high = value + 2
    scale = 1
    if exponent > 2:
        value, low, high = value << (exponent - 2), low << (exponent - 2), high << (exponent - 2)
    else:
        scale = 1 << (2 - exponent)
    mantissa, ten = _shortest_between(low, value, high, scale, fraction & 1 == 0)
    return (-mantissa if negative else mantissa, ten)


def _shortest_between(low: int, value: int, high: int, scale: int, closed: bool) -> "tuple[int, int]":
    """Return the multiple of the highest power of ten between low/scale and high/scale that is nearest to value.

    closed: the ends belong to it, because readers round a tie to the even neighbour.
    """
    ten = len(str(high - low)) - len(str(scale)) - 1  # a power of ten below the width: some multiple is inside
    if ten < 0:
        grow = 10**-ten
        low, value, high = low * grow, value * grow, high * grow
    else:
        scale *= 10**ten
    # least and most: multiples of 10**ten inside. Those of ten times as much are among their tenths.
    least = -(-low // scale) if closed else low // scale + 1
    most = high // scale if closed else -(-high // scale) - 1
    step = 1
    while True:
        fewer_least, fewer_most = -(-least // 10), most // 10
        if fewer_least > fewer_most:
            return (_nearest(value, step * scale, least, most), ten)
        least, most, step = fewer_least, fewer_most, 10 * step
        ten += 1


def _nearest(value: int, step: int, least: int, most: int) -> int:
    """Return which multiple of *step*, from *least* to *most* times, is nearest to *value*; of two the even."""
    below, rest = value // step, value % step
    up = 2 * rest > step or (2 * rest == step and below & 1)
    return min(max(below + (1 if up else 0), least), most)


def float32(bits: int) -> "tuple[int, int] | None":
    """Return (mantissa, exponent of ten) of the single-precision float with the pattern *bits*."""
    return shortest(bits, 8, 23)


def float64(bits: int) -> "tuple[int, int] | None":
    """Return (mantissa, exponent of ten) of the double-precision float with the pattern *bits*."""
    return shortest(bits, 11, 52)
