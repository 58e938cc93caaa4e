"""Park time: the local time by which parks of this product count their days."""

from datetime import datetime, timedelta, timezone

# China Standard Time; no daylight saving since 1992.
PARK_TIME = timezone(timedelta(hours=8))


def minute_text(at_s: int) -> str:
    """Return the park's local time at *at_s* ("2026-11-21T10:15"), as it is typed to ask for it."""
    return datetime.fromtimestamp(at_s, PARK_TIME).strftime("%Y-%m-%dT%H:%M")


def day_bounds(day: str) -> tuple[int, int]:
    """Return the first and the last UTC second (exclusive) of the park's local *day* ("2026-11-21")."""
    start = datetime.fromisoformat(day).replace(tzinfo=PARK_TIME)
    return int(start.timestamp()), int((start + timedelta(days=1)).timestamp())
