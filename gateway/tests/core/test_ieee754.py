"""Floats of meters become the shortest decimal that reads back to the same float."""

from gateway.core.meter.ieee754 import float32, float64


def test_captured_registers():
    """Registers of real meters give the figure on their display."""
    assert float32(0x462A7521) == (10909282, -3)  # SDM230, 10909.282 kWh
    assert float32(0x436025F4) == (22414825, -5)
    assert float32(0x42481EB8) == (5003, -2)  # 50.03 Hz
    assert float32(0x40B9999A) == (58, -1)


def test_whole_numbers_and_zero():
    """Whole numbers keep their zeros in the exponent; both zeros are zero."""
    assert float32(0x00000000) == (0, 0)
    assert float32(0x80000000) == (0, 0)
    assert float32(0x3F800000) == (1, 0)
    assert float32(0x447A0000) == (1, 3)
    assert float32(0xC40F8000) == (-574, 0)


def test_ends_of_the_range():
    """The smallest and the largest float of both widths (IEEE 754-2019, table 3.5) have their known decimals."""
    assert float32(0x00000001) == (1, -45)
    assert float32(0x00800000) == (11754944, -45)
    assert float32(0x7F7FFFFF) == (34028235, 31)
    assert float64(0x0000000000000001) == (5, -324)
    assert float64(0x7FEFFFFFFFFFFFFF) == (17976931348623157, 292)


def test_powers_of_two():
    """Below a power of two the neighbour is nearer, which the shortest decimal must respect."""
    assert float32(0x4B800000) == (16777216, 0)
    assert float64(0x4340000000000000) == (9007199254740992, 0)
    assert float64(0x3FB999999999999A) == (1, -1)


def test_no_number():
    """Infinity and not-a-number are no values."""
    for bits in (0x7F800000, 0xFF800000, 0x7FC00000, 0xFFFFFFFF):
        assert float32(bits) is None
    for bits in (0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000000):
        assert float64(bits) is None


def vectors():
    """Five hundred bit patterns of either width, as the decimals they become."""
    singles = [float32(n * 2654435761 & 0xFFFFFFFF) for n in range(500)]
    doubles = [float64(n * 11400714819323198485 & 0xFFFFFFFFFFFFFFFF) for n in range(500)]
    return [("none" if value is None else "%de%d" % value).encode() for value in singles + doubles]


def exact(bits, exponent_bits, fraction_bits):
    """Return the positive float of *bits* as numerator and power of two, by the definition of IEEE 754."""
    biased, fraction = bits >> fraction_bits, bits & ((1 << fraction_bits) - 1)
    bias = (1 << (exponent_bits - 1)) - 1
    if biased:
        return ((1 << fraction_bits) + fraction, biased - bias - fraction_bits)
    return (fraction, 1 - bias - fraction_bits)


def half_way(bits, exponent_bits, fraction_bits):
    """Return the points half-way to the neighbours below and above, as whole numbers over one power of two."""
    edges = [exact(bits + step, exponent_bits, fraction_bits) for step in (-1, 0, 1)]
    low = min([ten for _, ten in edges]) - 1
    return [(edges[n][0] << edges[n][1] - low) + (edges[n + 1][0] << edges[n + 1][1] - low) >> 1 for n in (0, 1)], low


def test_shortest_and_nearest_by_definition():
    """About 300 floats of either width: inside the half-way points, none shorter is, and none as short is nearer."""
    for convert, exponent_bits, fraction_bits in ((float32, 8, 23), (float64, 11, 52)):
        greatest = ((1 << exponent_bits) - 1 << fraction_bits) - 2
        patterns = [n * 11400714819323198485 % greatest + 1 for n in range(1, 200)]
        for exponent in range(1, (1 << exponent_bits) - 1, 1 << (exponent_bits - 5)):
            patterns += [(exponent << fraction_bits) + step for step in (-1, 0, 1)]
        for bits in patterns:
            mantissa, ten = convert(bits)
            assert isinstance(mantissa, int) and isinstance(ten, int)
            assert mantissa % 10 and convert(bits | 1 << (exponent_bits + fraction_bits)) == (-mantissa, ten)
            (low, high), two = half_way(bits, exponent_bits, fraction_bits)
            number, of_two = exact(bits, exponent_bits, fraction_bits)

            def scaled(mantissa, ten, whole, two):
                """Return a decimal and a binary fraction over one denominator."""
                left = mantissa * 10 ** max(ten, 0) * 2 ** max(-two, 0)
                return (left, whole * 2 ** max(two, 0) * 10 ** max(-ten, 0))

            even = not bits & 1
            for edge, side in ((low, 1), (high, -1)):
                here, there = scaled(mantissa, ten, edge, two)
                assert (here - there) * side > 0 or (even and here == there), hex(bits)
            for other in (mantissa // 10, mantissa // 10 + 1):  # one digit less: outside
                inside = []
                for edge, side in ((low, 1), (high, -1)):
                    here, there = scaled(other, ten + 1, edge, two)
                    inside.append((here - there) * side > 0)
                assert not all(inside), hex(bits)
            here, there = scaled(mantissa, ten, number, of_two)
            for other in (mantissa - 1, mantissa + 1):
                (down, least), (up, most) = scaled(other, ten, low, two), scaled(other, ten, high, two)
                further, _ = scaled(other, ten, number, of_two)
                outside = down < least or up > most  # as may be next to a power of two
                assert outside or abs(further - there) >= abs(here - there), hex(bits)
