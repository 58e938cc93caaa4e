"""Reads figures as people write them: decimals, values with a unit, transformer ratios, line settings."""

SECONDS = {"s": 1, "min": 60, "h": 3600}
MILLISECONDS = {"ms": 1, "s": 1000, "min": 60000, "h": 3600000}
WATTS = {"W": 1, "kW": 1000, "MW": 1000000}
WATT_HOURS = {"Wh": 1, "kWh": 1000, "MWh": 1000000}
DIGITS_MAX = 40  # no measured number is longer


def is_digits(text: str) -> bool:
    """Tell whether *text* is a whole number in plain figures, of a length that somebody means."""
    return 0 < len(text) <= DIGITS_MAX and all(character in "0123456789" for character in text)


def decimal_ratio(text: str) -> "tuple[int, int] | None":
    """Return the decimal *text*, such as "0.1" or "-25", as (numerator, power of ten); None where it is none."""
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text)
    whole, _, fraction = digits.partition(".")
    if not whole or not is_digits(whole + fraction) or (not fraction and "." in digits):
        return None
    return (sign * int(whole + fraction), 10 ** len(fraction))


def decimal_scaled(text: str, scale: int) -> "int | None":
    """Return the decimal *text* times *scale* where that is a whole number, else None."""
    found = decimal_ratio(text)
    if found is None or found[0] * scale % found[1]:
        return None
    return found[0] * scale // found[1]


def ratio(text: str) -> "tuple[int, int] | None":
    """Return a transformer ratio such as "400/5" or "80" as (primary, secondary); None where it is none."""
    primary, bar, secondary = text.strip().partition("/")
    primary, secondary = primary.strip(), secondary.strip() if bar else "1"
    if not is_digits(primary) or not is_digits(secondary) or not int(primary) or not int(secondary):
        return None
    return (int(primary), int(secondary))


def measure(text: str, units: "dict[str, int]") -> "int | None":
    """Return a value with its unit, such as "15 min", in the unit that counts 1 in *units*; None where it is none."""
    number, _, unit = text.partition(" ")
    return decimal_scaled(number, units[unit.strip()]) if unit.strip() in units else None


def line_setting(text: object, bauds: "tuple[int, ...]") -> "tuple[int, int, str, int] | None":
    """Return a line setting such as "9600 8N1" as (baud, data bits, parity, stop bits); None where it is none."""
    if not isinstance(text, str):
        return None
    baud, _, form = text.partition(" ")
    if not is_digits(baud) or int(baud) not in bauds or len(form) != 3:
        return None
    known = form[0] in "78" and form[1] in "NEO" and form[2] in "12"
    return (int(baud), int(form[0]), form[1], int(form[2])) if known else None
