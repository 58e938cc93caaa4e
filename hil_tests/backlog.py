"""Backlog: a journal full of intervals that nobody receipted, sealed as the gateway seals them, made in a hurry.

Two hours of a small park are really recorded. The entries of the second are then written again for every hour that
follows, with the times and the sequences of that hour in them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync.core.canonical import decode, encode
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import load_signer
from cloud_sync.seal import seal
from gateway.core.record import Account, from_map, to_map
from gateway.recorder import key_path
from gateway.tests.small_park import DAY_START_S, SITE, SmallPark

GATEWAY, BUCKET = "gw-test", "b0"
HOUR_S = 3600
CYCLE_S = 15
_HALF_DAY_S = 43_200
_BOOK = 1 << 62  # above it: tokens for the sequences that a record names, as distances from its own


class _Body(NamedTuple):
    """An entry's bytes as recorded, and every number in it that another hour changes."""

    octets: bytes
    times: dict[bytes, tuple[int, int]]  # encoded number: its value, and how much an hour is in its unit
    names: dict[bytes, int]  # encoded token: the distance of the entry it stands for
    pattern: re.Pattern[bytes] | None

    def in_hour(self, hours: int, sequence: int) -> bytes:
        """Return the body as of *hours* later, in the entry *sequence*."""
        if self.pattern is None:
            return self.octets

        def other(found: re.Match[bytes]) -> bytes:
            distance = self.names.get(found[0])
            if distance is not None:
                return encode(sequence + distance)
            value, hour = self.times[found[0]]
            return encode(value + hours * hour)

        return self.pattern.sub(other, self.octets)


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _numbers(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _numbers(one)


def _map(octets: bytes) -> dict[int, Any]:
    plain = decode(octets)
    assert isinstance(plain, dict)
    return plain


def _as_body(octets: bytes, sequence: int) -> _Body:
    plain = _map(octets)
    record: Any = from_map(plain)
    basis = getattr(record, "basis", None)
    if basis is not None:
        named = tuple(_BOOK + one - sequence + _HALF_DAY_S for one in basis.entries)
        plain = to_map(record._replace(basis=basis._replace(entries=named)))
    times: dict[bytes, tuple[int, int]] = {}
    names: dict[bytes, int] = {}
    for number in set(_numbers(plain)):
        if number >= _BOOK:
            names[encode(number)] = number - _BOOK - _HALF_DAY_S
        elif abs(number - DAY_START_S) < _HALF_DAY_S:
            times[encode(number)] = (number, HOUR_S)
        elif abs(number - DAY_START_S * 1000) < _HALF_DAY_S * 1000:
            times[encode(number)] = (number, HOUR_S * 1000)
    changing = sorted([*times, *names])
    pattern = re.compile(b"|".join(map(re.escape, changing)), re.DOTALL) if changing else None
    return _Body(encode(plain), times, names, pattern)


class Backlog:
    """A small park with a journal that grows by whole batches, as fast as they can be written."""

    def __init__(self, home: Path, minutes: int) -> None:
        """Record two hours of the park in *home* with intervals of *minutes*, and learn from the second."""
        home.mkdir(parents=True, exist_ok=True)
        self.interval_s = 60 * minutes
        self.park = SmallPark(home, SITE.replace('"15 min"', '"%d min"' % minutes))
        self.journal = self.park.journal
        self.signer = load_signer(key_path(home))
        self.incarnation = self.park.recorder.incarnation
        self._quickly(True)
        self._record(0, HOUR_S)
        first = self.journal.head_sequence + 1
        self._record(HOUR_S, 2 * HOUR_S)
        self._hour = [
            [_as_body(one.body, one.sequence) for one in self.journal.entries(batch.first, batch.last)]
            for batch in self.journal.sealed_between(first, self.journal.head_sequence)
        ]
        self._quickly(False)
        self._written = 0  # batches, after the recorded ones

    def _quickly(self, yes: bool) -> None:
        """Write without waiting for the disk, or with it again."""
        self.journal._file.db.execute("PRAGMA synchronous=%s" % ("OFF" if yes else "FULL"))

    def _record(self, start_s: int, end_s: int) -> None:
        for at_s in range(start_s, end_s, CYCLE_S):
            self.park.read_at(DAY_START_S + at_s)
            self.park.count("m-intake", "energy_active_import", 200)
            self.park.count("m-roof", "energy_active_export", 17 + at_s % 7)
            self.park.count("m-mill", "energy_active_import", 12)
            self.park.count("m-battery", "energy_active_import", 5)

    def _seal(self, batch: Any) -> bytes:
        return seal(batch, self.signer, up_topic(BUCKET, batch.gateway))

    def batch(self) -> object:
        """Commit the next batch; return its second record, if it has one."""
        hours, number = divmod(self._written, len(self._hour))
        start = self.journal.head_sequence + 1
        bodies = [one.in_hour(hours + 1, start + place) for place, one in enumerate(self._hour[number])]
        self.journal.commit(self.incarnation, bodies, seal=self._seal, gateway=GATEWAY)
        self._written += 1
        return from_map(_map(bodies[1])) if len(bodies) > 1 else None

    def close_interval(self) -> int:
        """Commit batches up to the next one with an account; return when its interval ends."""
        while True:
            record = self.batch()
            if isinstance(record, Account):
                return record.end_s

    def fill(self, hours: int) -> None:
        """Have the journal hold *hours* of the park."""
        self._quickly(True)
        while self._written < (hours - 2) * len(self._hour):
            self.batch()
        self._quickly(False)

    def batches(self) -> int:
        """Return how many batches the journal holds."""
        return len(self.journal.sealed_between(1, self.journal.head_sequence))
