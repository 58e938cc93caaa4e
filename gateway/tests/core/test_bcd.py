"""BCD numbers: digits, signs, and what is no digit."""

from gateway.core.meter.bcd import all_ones, bits_of, digits_of


def test_digits_are_read_as_they_stand():
    """The hexadecimal digits of the bytes are the decimal digits of the number."""
    assert digits_of(0x00750264, 4) == 750264
    assert digits_of(0, 2) == 0
    assert digits_of(0x99999999, 4) == 99999999


def test_a_half_byte_above_nine_is_no_digit():
    """Any A to F anywhere makes it no number."""
    for bits in (0x0A, 0xA0, 0x000E0000, 0xFFFE):
        assert digits_of(bits, 4) is None


def test_the_highest_bit_is_the_sign_where_there_is_one():
    """80 25 12 of a power is minus 2512; of an energy it is a digit 8."""
    assert digits_of(0x802512, 3, True) == -2512
    assert digits_of(0x802512, 3) == 802512
    assert digits_of(0xE00000, 3, True) == -600000
    assert bits_of(-2512, 3, True) == 0x802512
    assert bits_of(2512, 3) == 0x2512


def test_not_available_is_all_ones():
    """FFFF of two bytes, and nothing shorter."""
    assert all_ones(0xFFFF, 2)
    assert not all_ones(0xFFFF, 3)
