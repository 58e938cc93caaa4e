"""Journals as a worn card gives them back: bytes and fields that changed, and the head mark beside the file."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

from cloud_sync.core.canonical import decode
from cloud_sync.core.entry import FIRST_SEQUENCE, GENESIS, link
from cloud_sync.core.topic import up_topic
from cloud_sync.seal import seal
from cloud_sync.tests.gateways import account, config, interval, stamp
from gateway.core.problem import ProblemError
from gateway.core.record import from_map
from gateway.core.site_reading import PLATFORM
from gateway.damaged_rows import TABLES
from gateway.head_mark import HeadMark
from gateway.journal import Journal
from gateway.mending import Mended, mend
from tools.fuzz.identities import identity
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said
from tools.fuzz.targets import record

BYTES, FIELDS, MARK = range(3)
TOKENS = (b"\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x80\x00", b"\x0d\x00", b"\x05\x00", b" ", b"0" * 20)
EXAMPLES = 40  # each is a file that is mended
_TOPIC = up_topic("b0", "gw-1")
_INCARNATION = b"i" * 16


@cache
def _original() -> bytes:
    """Return a journal of some batches, with something in each of its tables."""
    path = room_of("journal") / "original.sqlite"
    journal = Journal(path)
    signer = identity(1)[0]
    written = [b"\xa0", *record.bodies()]
    for number, body in enumerate(written):
        journal.commit(
            _INCARNATION, [body, b"\xa1\x00\x18\x63"], state=b"\xa0", figures=[(0, 2, 60 * number)],
            configuration=0 if number == 1 else None, snapshot=(number, b"\x80"),
            seal=lambda one: seal(one, signer, _TOPIC), gateway="gw-1",
        )  # fmt: skip
    journal.receipted(2, b"no receipt")
    journal.cosigned(3, b"note")
    assert len({interval(0, 60), account(0, 60, 1), config()}) == 3
    journal.close()
    return path.read_bytes()


def seeds() -> Iterator[bytes]:
    """Yield changes of bytes, of fields, and of the head mark."""
    yield bytes((BYTES, 0, 0, 0))
    yield bytes((BYTES, 0, 0, 100, 0x0D, 0, 40, 0, 0xFF))
    yield bytes((BYTES, 0, 10, 1, 7, 0, 40, 2, 7))
    for table in range(len(TABLES)):
        yield bytes((FIELDS, table, 1, 1, 0)) + b"\x00\x00\x00\x07"
    yield bytes((FIELDS, 1, 1, 1, 0)) + b"\x7f\xff\xff\xff\xff\xff\xff\xff"
    yield bytes((FIELDS, 1, 2, 3, 1)) + b"signed"
    yield bytes((MARK,)) + b"%020d %s 0000000000000000\n" % (7, b"00" * 32)


def _changed(kind: int, source: Source, path: Path) -> None:
    """Write a journal to *path* in which something is not as it was written."""
    content = bytearray(_original())
    if kind == BYTES:
        while source:
            at = source.number(3)
            content[at % len(content)] ^= source.octet()
    path.write_bytes(content)
    if kind != FIELDS:
        return
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        while source:
            table = TABLES[source.octet() % len(TABLES)]
            columns = [row[1] for row in db.execute("PRAGMA table_info(%s)" % table)]
            column, row, look, raw = columns[source.octet() % len(columns)], source.octet(), source.octet() % 4, b""
            raw = source.octets(8)
            value: object = (int.from_bytes(raw, "big", signed=True), raw, raw.decode("latin-1"), 0.5)[look]
            with suppress(sqlite3.IntegrityError):  # such a row cannot be, even on a worn card
                where = "rowid = (SELECT rowid FROM %s LIMIT 1 OFFSET %d)" % (table, row % 20)
                db.execute("UPDATE %s SET %s = ? WHERE %s" % (table, column, where), (value,))


def _check(journal: Journal, found: Mended | None) -> None:
    """Check that what is in the journal is chained, and that nothing else stands in the place of an entry."""
    entries = journal.entries(FIRST_SEQUENCE, journal.head_sequence)
    for before, after in zip(entries, entries[1:], strict=False):
        if after.sequence == before.sequence + 1:
            assert after.link == link(before.link, after.sequence, after.body)
    if found is not None:
        assert from_map(decode(entries[-1].body))[1] == "journal-mended"  # type: ignore[arg-type]


def target(data: bytes) -> None:
    """A journal that changed is mended into one whose chain holds, or refused with a problem that can be said."""
    source = Source(data)
    kind = source.octet() % 3
    folder = room_of("journal") / "worn"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / "journal.sqlite"
    if kind == MARK:
        mark = HeadMark(path)
        path.with_name(path.name + "-head").write_bytes(source.rest())
        said = mark.read()
        if said is not None and 0 <= said[0] < 10**20:
            mark.write(*said)
            assert mark.read() == said
        mark.write(FIRST_SEQUENCE, GENESIS)
        return
    _changed(kind, source, path)
    try:
        found = mend(path, (PLATFORM,), stamp())
        journal = Journal(path)
    except ProblemError as error:
        check_said(error.problems)
        return
    try:
        _check(journal, found)
    finally:
        journal.close()
