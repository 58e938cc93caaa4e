"""BCD: numbers whose every half byte is one decimal digit, as DL/T 645 meters count."""


def digits_of(bits: int, octets: int, signed: bool = False) -> "int | None":
    """Return the number that the digits in *bits* show, None where a half byte is no digit.

    signed: the highest bit of the *octets* bytes is the sign, so the first digit is 0 to 7.
    """
    sign = 1
    if signed and bits >> (8 * octets - 1):
        sign, bits = -1, bits ^ 1 << (8 * octets - 1)
    text = "%X" % bits
    return sign * int(text) if all(digit in "0123456789" for digit in text) else None


def bits_of(number: int, octets: int, signed: bool = False) -> int:
    """Return the digits of *number* in *octets* bytes; the highest bit says minus where *signed*."""
    digits = "%d" % abs(number)
    bits = int(digits, 16)
    assert (number >= 0 or signed) and bits >> (8 * octets - signed) == 0
    return bits | 1 << (8 * octets - 1) if number < 0 else bits


def all_ones(bits: int, octets: int) -> bool:
    """Tell whether every byte is FF, by which a meter says "not available"."""
    return bits == (1 << 8 * octets) - 1
