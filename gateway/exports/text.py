"""Texts that exports share: UTC times and kilowatt-hours."""

from datetime import UTC, datetime


def utc(at_s: int) -> str:
    """Return UTC seconds as ISO 8601 text, "2026-11-21T00:15:00Z"."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def kwh(wh: int) -> str:
    """Return watt-hours as kilowatt-hours with three decimals."""
    return "%s%d.%03d" % ("-" if wh < 0 else "", abs(wh) // 1000, abs(wh) % 1000)


def one_line(text: str) -> str:
    """Return *text* without line breaks and other runs of white space."""
    return " ".join(text.split())
