"""Stretch: a year, a month or a day as people write it ("2026", "2026-03", "2026-03-15"), by the park's local time."""

import re
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.core.problem import ProblemError, problem

YEAR, MONTH, DAY = "year", "month", "day"
_SHAPES = ((YEAR, r"(\d{4})"), (MONTH, r"(\d{4})-(\d{2})"), (DAY, r"(\d{4})-(\d{2})-(\d{2})"))
FIRST_YEAR, LAST_YEAR = 1970, 9998


class Stretch(NamedTuple):
    """A year, month or day: its text, which of them it is, and [start_s, end_s) in UTC."""

    text: str
    kind: str
    start_s: int
    end_s: int

    def holds(self, other: "Stretch") -> bool:
        """Tell whether *other* lies wholly inside."""
        return self.start_s <= other.start_s and other.end_s <= self.end_s

    @property
    def month(self) -> tuple[int, int]:
        """The year and month in which it begins, in the park's time."""
        return int(self.text[:4]), int(self.text[5:7] or 1)


def stretch(text: str, zone: ZoneInfo, where: str = "") -> Stretch:
    """Return the year, month or day that *text* names; raises ProblemError where it is none."""
    for kind, shape in _SHAPES:
        found = re.fullmatch(shape, text, re.ASCII)
        if found and FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
            year, month, day = ([int(part) for part in found.groups()] + [1, 1])[:3]
            try:
                begins = datetime(year, month, day, tzinfo=zone)
            except ValueError:
                break
            ends = {YEAR: _next_year, MONTH: _next_month, DAY: _next_day}[kind](begins)
            return Stretch(text, kind, int(begins.timestamp()), int(ends.timestamp()))
    raise ProblemError(
        problem(
            "WP-PLT-075", where, "{text} is no year, month or day",
            'write for example "2026", "2026-03" or "2026-03-15"', text=text or "-",
        )
    )  # fmt: skip


def months_of(whole: Stretch, zone: ZoneInfo) -> list[Stretch]:
    """Return the months of a year; a month or a day is one by itself."""
    if whole.kind != YEAR:
        return [whole]
    return [stretch("%s-%02d" % (whole.text, month), zone) for month in range(1, 13)]


def _next_year(begins: datetime) -> datetime:
    return begins.replace(year=begins.year + 1)


def _next_month(begins: datetime) -> datetime:
    return begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1)


def _next_day(begins: datetime) -> datetime:
    return datetime.fromordinal(begins.toordinal() + 1).replace(tzinfo=begins.tzinfo)
