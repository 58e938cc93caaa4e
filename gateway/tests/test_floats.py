"""The shortest decimals of floats agree with the machine's own floats, for any pattern of bits."""

import struct
from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.meter.ieee754 import float32, float64


def text(found: tuple[int, int]) -> str:
    """Return (mantissa, exponent) as a literal."""
    return "%de%d" % found


@given(st.integers(0, (1 << 64) - 1))
@example(0x0010000000000000)
@example(0x4340000000000001)
@example(0x42D6D7C2F4D1B8E0)
def test_double_is_the_shortest_repr(bits: int) -> None:
    """A double gives the very digits of Python's repr, which is the shortest that reads back."""
    value = struct.unpack(">d", struct.pack(">Q", bits))[0]
    found = float64(bits)
    if value != value or abs(value) == float("inf"):
        assert found is None
    else:
        assert found is not None
        assert Decimal(text(found)) == Decimal(repr(value))


@given(st.integers(0, 0xFFFFFFFF))
@example(0x00000001)
@example(0x00800000)
@example(0x7F7FFFFF)
@example(0x0C000000)
def test_single_reads_back_and_is_shortest(bits: int) -> None:
    """A single's decimal lies nearer to it than half-way to its neighbours, and no shorter decimal does."""
    value = struct.unpack(">f", struct.pack(">I", bits))[0]
    found = float32(bits)
    if value != value or abs(value) == float("inf"):
        assert found is None
        return
    assert found is not None
    if value == 0:
        assert found == (0, 0)
        return
    mantissa, exponent = found
    exact = abs(Fraction(value))
    low, high = rounding_interval(bits & 0x7FFFFFFF)
    decimal = abs(mantissa) * Fraction(10) ** exponent
    assert (mantissa < 0) == (value < 0)
    assert low <= decimal <= high
    assert abs(decimal - exact) <= Fraction(10) ** exponent
    step = Fraction(10) ** (exponent + 1)
    shorter = exact // step
    closed = bits & 1 == 0
    for candidate in (shorter * step, (shorter + 1) * step):
        inside = low <= candidate <= high if closed else low < candidate < high
        assert candidate == 0 or not inside


def rounding_interval(bits: int) -> tuple[Fraction, Fraction]:
    """Return the half-way points to both neighbours of a positive single, by the machine's own floats."""

    def at(pattern: int) -> Fraction:
        if pattern == 0x7F800000:
            return Fraction(2) ** 128
        return Fraction(struct.unpack(">f", struct.pack(">I", pattern))[0])

    return (at(bits - 1) + at(bits)) / 2, (at(bits) + at(bits + 1)) / 2


@given(st.integers(-(10**6) + 1, 10**6 - 1), st.integers(0, 6))
def test_what_a_display_shows_comes_back(digits: int, places: int) -> None:
    """Any figure of up to six digits survives the way through a single."""
    shown = Decimal(digits).scaleb(-places)
    bits = struct.unpack(">I", struct.pack(">f", float(shown)))[0]
    found = float32(bits)
    assert found is not None
    assert Decimal(text(found)) == shown
