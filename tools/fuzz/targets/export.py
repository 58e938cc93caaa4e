"""Export files: frames as an auditor gets them, and what verification says of them."""

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from cloud_sync.core.canonical import encode
from cloud_sync.core.entry import chain
from cloud_sync.core.merkle import inclusion_path, root
from cloud_sync.core.receipt import Receipt
from cloud_sync.core.topic import down_topic
from cloud_sync.core.tree import EMPTY, Growth, grown
from cloud_sync.note import cosign
from cloud_sync.seal import seal_answer
from cloud_sync.tests.gateways import BUCKET, Gateway, account, config, interval
from gateway.core.problem import ProblemError
from gateway.export import BATCH, CONSISTENCY, END, ENTRY, HEADER, INCLUSION, MAGIC, NOTE, RECEIPT, read_frames
from gateway.verification import verify_export
from tools.fuzz.identities import identity
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said
from tools.fuzz.targets import record

AS_IT_IS, FRAMED, EDITED, SIGNED = range(4)
_LENGTH_BYTES = 4
TOKENS = (
    b"\x00\x00\x00\x03",
    b"\x83\x04\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x00\xff\xff\xff",
    b"\x82\x02",
    b"\x82\x05\x58",
    b"\x84\x06\x02\x02\x81\x58\x20",
)


def _framed(item: bytes) -> bytes:
    return len(item).to_bytes(_LENGTH_BYTES, "big") + item


@cache
def _items() -> tuple[bytes, ...]:
    """Return the frames of a signed export of one interval."""
    return _signed(config(), interval(0, 60), account(0, 60, 7))


def _signed(*written: tuple[object, ...] | bytes) -> tuple[bytes, ...]:
    """Return the frames of an export: entries signed by the gateway, a receipt and a cosigned checkpoint over them."""
    gateway = Gateway("gw-1", identity(1)[0])
    batch = gateway.batch(*written)
    found = [encode([HEADER, MAGIC, "gw-1", BUCKET, "2026-11-21"])]
    links = []
    for entry in chain(batch.previous_link, 1, batch.bodies):
        links.append(entry.link)
        found.append(encode([ENTRY, entry.sequence, batch.incarnation, entry.link, entry.body]))
    found.append(encode([BATCH, gateway.sealed(batch)]))
    receipt = Receipt("gw-1", batch.incarnation, batch.last_sequence, batch.link, 1000, b"", 0)
    found.append(encode([RECEIPT, seal_answer(receipt, identity(3)[0], down_topic(BUCKET, "gw-1"))]))
    sizes = (len(links) - 1, len(links))
    found += [encode([NOTE, cosign("gw-1", size, root(links[:size]), 1000, identity(3)[0])]) for size in sizes]
    found += [encode([INCLUSION, size, size, list(inclusion_path(links[:size], size - 1))]) for size in sizes]
    found.append(encode([CONSISTENCY, *sizes, list(Growth(grown(EMPTY, links[:-1]), links[-1:]).consistency())]))
    digest = sha256(b"".join(_framed(item) for item in found)).digest()
    found.append(encode([END, len(batch.bodies), 1, 7, digest]))
    return tuple(found)


@cache
def _keys() -> Path:
    folder = room_of("export") / "keys"
    folder.mkdir()
    for number in (1, 3):
        (folder / ("%d.pub" % number)).write_text(identity(number)[1].pem())
    return folder


def seeds() -> Iterator[bytes]:
    """Yield an export whole, one to be framed here, and edits of one."""
    yield bytes((AS_IT_IS,)) + b"".join(_framed(item) for item in _items())
    yield bytes((FRAMED,)) + b"".join(bytes((len(item),)) + item for item in _items() if len(item) < 256)
    yield bytes((EDITED, 0, 200, 1))
    for body in record.bodies():
        yield bytes((SIGNED,)) + body
    yield bytes((AS_IT_IS,)) + b"\x7f\xff\xff\xff\x80"


def target(data: bytes) -> None:
    """Frames are read and believed, or refused with the place; what a gateway signed is recomputed."""
    source = Source(data)
    kind = source.octet() % 4
    if kind == FRAMED:
        raw = b""
        while source:
            raw += _framed(source.chunk())
    elif kind == EDITED:
        whole = bytearray(b"".join(_framed(item) for item in _items()))
        while source:
            whole[source.number(2) % len(whole)] ^= source.octet() or 1
        raw = bytes(whole)
    elif kind == SIGNED:
        written = (config(), interval(0, 60), source.rest())
        raw = b"".join(_framed(item) for item in _signed(*written))
    else:
        raw = source.rest()
    path = room_of("export") / "day.export"
    path.write_bytes(raw)
    try:
        size = sum(_LENGTH_BYTES + len(encode([frame.kind, *frame.fields])) for frame in read_frames(path))
        assert size == len(raw)
    except ProblemError as error:
        check_said(error.problems)
    try:
        found = verify_export(path, _keys())
    except ProblemError as error:
        check_said(error.problems)
        return
    assert found["entries"] == found["last"] - found["first"] + 1
