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
