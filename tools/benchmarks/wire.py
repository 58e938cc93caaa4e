"""Wire: how many bytes one value costs on the way to the platform, and what the same values cost as JSON."""

import json
import random
import sqlite3
import statistics
import zlib
from pathlib import Path
from typing import NamedTuple

from cloud_sync.core.batch import Batch, read_batch, read_envelope
from cloud_sync.core.canonical import decode, encode
from cloud_sync.core.topic import up_topic
from cloud_sync.platform.live import undone
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.record import Account, Config, Event, Readings, from_map, to_map
from gateway.cycles import column_differences

BILLED_INTERVAL_S = 900  # what parks are billed by
NOISE_PART = 200  # one part in so many: the accuracy class 0.5 of most meters


class Sent(NamedTuple):
    """One batch as it went out: bytes with the MQTT packet around them, and what it carried."""

    octets: int
    records: tuple[tuple[object, ...], ...]

    def of(self, kind: type) -> bool:
        """Tell whether a record of *kind* is in it."""
        return any(isinstance(record, kind) for record in self.records)

    def values(self) -> int:
        """Return how many values it carries: readings, and registers at the end of an interval."""
        count = 0
        for record in self.records:
            if isinstance(record, Readings):
                count += sum(value is not None for column in record.columns for value in column)
            elif isinstance(record, Account):
                count += sum(bool(span.end_words) for span in record.spans)
        return count


class Wire(NamedTuple):
    """Bytes a value, as a whole and as JSON; readings_alone: without the accounts; noisy: see `with_noise`."""

    per_value: float
    readings_alone: float
    noisy: float
    account_bytes: float
    json_raw: float
    json_compressed: float


def publish_bytes(topic: str, payload: int) -> int:
    """Return the length of the MQTT 5 PUBLISH packet with quality of service 1 that carries *payload* bytes."""
    rest = 2 + len(topic.encode()) + 2 + 1 + payload  # topic with its length, packet id, no properties
    length_of_rest = 1 + sum(rest >= 1 << 7 * place for place in (1, 2, 3))
    return 1 + length_of_rest + rest


def sent_batches(journal: Path, bucket: str) -> list[Sent]:
    """Return every sealed batch in the journal of a gateway that has stopped."""
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT signed FROM outbox ORDER BY first").fetchall()
    found = []
    for (signed,) in rows:
        batch = read_batch(zlib.decompress(read_envelope(signed).payload))
        assert isinstance(batch, Batch)
        octets = publish_bytes(up_topic(bucket, batch.gateway), len(signed))
        found.append(Sent(octets, tuple(from_map(_map(body)) for body in batch.bodies)))
    return found


def _map(body: bytes) -> dict[int, object]:
    plain = decode(body)
    assert isinstance(plain, dict)
    return plain


def steady(batches: list[Sent]) -> list[Sent]:
    """Return the batches without those of the start and the end, which carry configuration and events."""
    return [batch for batch in batches if not batch.of(Config) and not batch.of(Event)]


def channels_of(batches: list[Sent]) -> tuple[tuple[str, str], ...]:
    """Return (meter, quantity) of every column, as the configuration in the batches has them."""
    (config,) = [record for batch in batches for record in batch.records if isinstance(record, Config)]
    return config.channels


def wire(batches: list[Sent], with_accounts: list[Sent], interval_s: int, readings_s: int) -> Wire:
    """Return what a value costs where an account is closed every *interval_s* and readings go every *readings_s*.

    The readings are those in *batches*, the accounts those in *with_accounts*.
    """
    readings = [batch for batch in steady(batches) if batch.of(Readings) and not batch.of(Account)]
    accounts = [batch for batch in steady(with_accounts) if batch.of(Account)]
    if not readings or not accounts:
        raise RuntimeError("the run was too short: no batch of readings, or none with an account")
    times = interval_s / readings_s
    readings_bytes = statistics.mean(batch.octets for batch in readings)
    readings_values = statistics.mean(batch.values() for batch in readings)
    account_bytes = statistics.mean(batch.octets for batch in accounts)
    account_values = statistics.mean(batch.values() for batch in accounts)
    channels = channels_of(batches)
    raw, compressed = _as_json(readings, channels)
    return Wire(
        (times * readings_bytes + account_bytes) / (times * readings_values + account_values),
        readings_bytes / readings_values,
        (times * (readings_bytes + _noise_bytes(readings, channels)) + account_bytes)
        / (times * readings_values + account_values),
        account_bytes,
        raw / readings_values,
        compressed / readings_values,
    )


def with_noise(readings: Readings, channels: tuple[tuple[str, str], ...], chance: random.Random) -> Readings:
    """Return *readings* with every value but the energies moved by up to half a percent, each time anew."""
    columns = []
    for (_, name), column in zip(channels, readings.columns, strict=True):
        values: list[int | None] = []
        value = 0
        for difference in column:
            if difference is None:
                values.append(None)
                continue
            value += difference
            most = 0 if QUANTITIES[name].cumulative else abs(value) // NOISE_PART
            values.append(value + chance.randint(-most, most))
        columns.append(column_differences(values))
    return readings._replace(columns=tuple(columns))


def _noise_bytes(batches: list[Sent], channels: tuple[tuple[str, str], ...]) -> float:
    """Return how many bytes more a batch of readings would have with noise on its values."""
    chance = random.Random("noise")
    return statistics.mean(
        _compressed(with_noise(record, channels, chance)) - _compressed(record)
        for batch in batches
        for record in batch.records
        if isinstance(record, Readings)
    )


def _compressed(record: Readings) -> int:
    return len(zlib.compress(encode(to_map(record)), 6))


def _as_json(batches: list[Sent], channels: tuple[tuple[str, str], ...]) -> tuple[float, float]:
    """Return the mean bytes of the readings in each batch as ThingsBoard Gateway's telemetry: plain, and with zlib."""
    plain = [
        telemetry(record, channels) for batch in batches for record in batch.records if isinstance(record, Readings)
    ]
    return statistics.mean(map(len, plain)), statistics.mean(len(zlib.compress(text, 6)) for text in plain)


def telemetry(readings: Readings, channels: tuple[tuple[str, str], ...]) -> bytes:
    """Return *readings* as {"device": [{"ts": ms, "values": {...}}, ...], ...}, in the units of people."""
    devices: dict[str, dict[int, dict[str, float]]] = {}
    for (meter, name), column in zip(channels, readings.columns, strict=True):
        quantity = QUANTITIES[name]
        for at_ms, steps in undone(readings.first_ms, readings.steps_ms, column):
            value = steps * quantity.recorded_step / 10**quantity.account_exponent
            devices.setdefault(meter, {}).setdefault(at_ms, {})[name] = value
    telemetry = {
        meter: [{"ts": at_ms, "values": values} for at_ms, values in sorted(cycles.items())]
        for meter, cycles in devices.items()
    }
    return json.dumps(telemetry, separators=(",", ":")).encode()
