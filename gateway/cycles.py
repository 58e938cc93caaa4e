"""Cycles: what was read in each poll cycle, kept until it is time to record it, one column a channel."""

from collections.abc import Sequence

from cloud_sync.core.batch import BATCH_BYTES_MAX
from cloud_sync.core.canonical import decode, encode
from gateway.config import Configuration
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.reading import Reading
from gateway.core.record import Readings, Stamp
from gateway.journal import Journal

# A value takes up to nine bytes, and a record must fit a batch; longer rows of readings go into several records.
READINGS_MAX = BATCH_BYTES_MAX // 10


def channels_of(configuration: Configuration) -> tuple[tuple[str, str], ...]:
    """Return (meter, quantity) of everything that is read in a sweep, in the order readings are recorded."""
    return tuple(
        (meter.name, point.quantity)
        for meter in configuration.site.meters
        for point in configuration.profiles[meter.profile].polled()
        if point.quantity is not None
    )


def recorded(quantity: str, value: int) -> int:
    """Return *value* in recording steps of its quantity, rounded half up."""
    step = QUANTITIES[quantity].recorded_step
    return (value + step // 2) // step


def column_differences(values: Sequence[int | None]) -> tuple[int | None, ...]:
    """Return the first value as it is and the others as differences to the last one that was there."""
    column: list[int | None] = []
    last = 0
    for value in values:
        if value is None:
            column.append(None)
        else:
            column.append(value - last)
            last = value
    return tuple(column)


class Cycles:
    """The readings of the cycles that are in no record yet."""

    def __init__(self, channels: tuple[tuple[str, str], ...], record_ms: int) -> None:
        """channels: the order of the columns; record_ms: after how long the cycles become a record."""
        self.channels = channels
        self.unsaved: tuple[int, bytes] | None = None  # the last cycle, as the journal shall keep it
        self.recorded = False  # the journal can forget all but the last cycle
        self._record_ms = record_ms
        self._fresh: dict[tuple[str, str], int] = {}
        self._cycles: list[tuple[int, list[int | None]]] = []

    def restore(self, journal: Journal) -> None:
        """Go on with the cycles that *journal* kept."""
        for at_ms, raw in journal.snapshots():
            values = decode(raw)
            assert isinstance(values, list)
            self._cycles.append((at_ms, values))

    def take(self, reading: Reading) -> None:
        """Take one reading of the cycle under way."""
        if reading.value is not None:
            self._fresh[(reading.meter, reading.quantity)] = recorded(reading.quantity, reading.value)

    def end(self, now_ms: int) -> bool:
        """End the cycle under way; tell whether it is time to record."""
        if self._fresh:
            values = [self._fresh.get(channel) for channel in self.channels]
            self._cycles.append((now_ms, values))
            self.unsaved = (now_ms, encode(values))
            self._fresh = {}
        due = self._cycles and now_ms - self._cycles[0][0] >= self._record_ms
        return bool(due) or (len(self._cycles) + 1) * len(self.channels) > READINGS_MAX

    def record(self, stamp: Stamp, config: int) -> Readings | None:
        """Return all cycles as a record under the configuration entry *config*; None where there are none."""
        if not self._cycles:
            return None
        times = [at_ms for at_ms, _ in self._cycles]
        columns = tuple(
            column_differences([values[index] for _, values in self._cycles])
            for index in range(len(self._cycles[0][1]))
        )
        steps = tuple(later - earlier for earlier, later in zip(times, times[1:], strict=False))
        self._cycles, self.unsaved, self.recorded = [], None, True
        return Readings(stamp, config, times[0], steps, columns)

    def forget(self) -> None:
        """Let go what was read since the last cycle: there is no room for it."""
        self._fresh = {}

    def committed(self) -> None:
        """Note that the journal has taken what there was."""
        self.unsaved, self.recorded = None, False
