"""Records: the bodies of entries, and what the platform's bounds say of them."""

from collections.abc import Iterator

from cloud_sync.core.canonical import CanonicalError, decode, encode
from cloud_sync.platform.bounds import BoundsError, check
from cloud_sync.tests.gateways import BASIS, account, config, interval, stamp
from gateway.core import record as records

TOKENS = (b"\x8a", b"\xa6\x00\x02", b"\x85\x48bootboot", b"\xf6", b"\x3b", b"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff")


def bodies() -> Iterator[bytes]:
    """Yield one record of each kind."""
    of_an_hour = account(0, 3600, 7)
    for record in (
        config(),
        interval(0, 60),
        of_an_hour,
        records.Event(stamp(), "start", (("version", "1"),)),
        records.Readings(stamp(), 1, 1000, (1000,), ((5, 1), (None, None), (None, 3))),
        records.SelfUse(stamp(), 1, 0, 3600, of_an_hour.allocations, of_an_hour.tallies, 0, BASIS),
        records.Amendment(stamp(), 1, 0, 60, 3, of_an_hour.spans, *of_an_hour[6:]),
        records.ReceiptSeen(stamp(), b"signed"),
        records.Declaration(stamp(), 1, "accept", "m-hall", 5000, "A. Person", "checked", (("end_words", "7"),)),
        records.KeyChange(stamp(), b"oldoldol", b"newnewne", -8, b"p" * 32, b"s" * 64),
        records.TimeAnchor(stamp(), b"bootboot", 1_000_000, 1_700_000_000_000, 50, "receipt"),
        records.Checkpoint(stamp(), "gw-1", 3, b"r" * 32, (b"a" * 32, b"b" * 32), 0),
        records.ParameterChange(stamp(), 1, 9, "A. Person", "exchanged", (("interval", "60 s", "900 s"),)),
    ):
        yield encode(records.to_map(record))


def seeds() -> Iterator[bytes]:
    """Yield one record of each kind."""
    yield from bodies()


def target(data: bytes) -> None:
    """What is a record is written as the same bytes, and is within the platform's bounds or refused by them."""
    try:
        plain = decode(data)
        record = records.from_map(plain)  # type: ignore[arg-type]
    except (CanonicalError, records.RecordError):
        return
    assert encode(records.to_map(record)) == data
    assert records.from_map(records.to_map(record)) == record
    try:
        check(record)
    except BoundsError as error:
        assert str(error)
