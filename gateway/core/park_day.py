"""Park day: the days by which parks of this product count, in China Standard Time, UTC+8 all year since 1992."""

HOUR_S = 3600
DAY_S = 86400
PARK_OFFSET_S = 8 * HOUR_S  # a day of the park begins so long before that of UTC


def park_day(at_s: int) -> int:
    """Return the number of the park's day that holds the UTC second *at_s*; 0 is 1970-01-01."""
    return (at_s + PARK_OFFSET_S) // DAY_S


def park_day_start_s(year: int, month: int, day: int) -> "int | None":
    """Return the UTC second at which a day of the Gregorian calendar begins in the park; None where there is none."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= lengths[month - 1]):
        return None
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719162 + sum(lengths[: month - 1]) + day - 1
    return days * DAY_S - PARK_OFFSET_S
