"""Live values: the newest reading of every quantity of every meter."""

import json
from collections.abc import Iterator

from cloud_sync.platform.bounds import NUMBER_MAX
from cloud_sync.platform.place import Place
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.record import Readings

AHEAD_MS_MAX = 60 * 1000  # a reading later than its own arrival by more is of a wrong clock, and would hide all others


def project_readings(place: Place, readings: Readings) -> None:
    """Bring `live` up to *readings*."""
    writer = place.incarnation_of(readings.config)
    config = place.first(
        "SELECT channels FROM config WHERE gateway = ? AND incarnation = ? AND sequence = ?", writer, readings.config
    )
    if config is None:
        raise ValueError("the configuration of these readings, entry %r, is not there" % (readings.config,))
    channels = json.loads(config["channels"])
    if len(channels) != len(readings.columns):
        raise ValueError("%d columns for %d channels" % (len(readings.columns), len(channels)))
    newest: list[tuple[object, ...]] = []
    for (meter, name), column in zip(channels, readings.columns, strict=True):
        quantity = QUANTITIES.get(name)
        if quantity is None:
            continue
        points = [
            (at_ms, steps * quantity.recorded_step)
            for at_ms, steps in undone(readings.first_ms, readings.steps_ms, column)
            if at_ms <= place.received_ms + AHEAD_MS_MAX and abs(steps) <= NUMBER_MAX // quantity.recorded_step
        ]
        if points:
            newest.append((place.gateway, meter, name, *max(points, key=lambda point: point[0])))
    place.tables.executemany(
        "INSERT INTO live VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET at_ms = excluded.at_ms, value = excluded.value WHERE excluded.at_ms >= live.at_ms",
        newest,
    )


def undone(first_ms: int, steps_ms: tuple[int, ...], column: tuple[int | None, ...]) -> Iterator[tuple[int, int]]:
    """Yield (time, recorded steps) of what was there: undo the differences of one column."""
    if len(column) != len(steps_ms) + 1:
        raise ValueError("a column of %d values for %d cycles" % (len(column), len(steps_ms) + 1))
    at_ms, value = first_ms, 0
    for step_ms, difference in zip((0, *steps_ms), column, strict=True):
        at_ms += step_ms
        if difference is not None:
            value += difference
            yield at_ms, value
