"""The platform's receiver: payloads that came by MQTT, from the signature to the tables behind the page."""

import logging
from collections.abc import Iterator
from functools import cache

from cloud_sync.core.batch import EDDSA, batch_of, envelope, protected_header, signing_bytes
from cloud_sync.core.entry import GENESIS
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import KeyRing
from cloud_sync.platform import showing
from cloud_sync.platform.enrolment import Enrolment
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.receiver import Receiver
from cloud_sync.seal import open_answer
from cloud_sync.tests.gateways import BUCKET, Gateway
from tools.fuzz.identities import identity
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.targets import record

TOPIC = up_topic(BUCKET, "gw-1")
NOW_MS = 1_700_000_000_000
TOKENS = record.TOKENS
_INCARNATIONS = (b"i" * 16, b"j" * 16)
AS_IT_IS, SIGNED, BODY, LETTERS = range(4)


@cache
def _platform() -> tuple[Ledger, Receiver, tuple[str, ...]]:
    """Return a platform at which one gateway is enrolled, and the tables that messages write to."""
    logging.getLogger("cloud_sync").setLevel(logging.CRITICAL)
    home = room_of("receiver")
    (home / "keys" / "gw-1").mkdir(parents=True)
    (home / "keys" / "gw-1.pub").write_text(identity(1)[1].pem())
    ledger = Ledger(home / "ledger.sqlite")
    ledger.connection.execute("PRAGMA synchronous = OFF")
    receiver = Receiver(ledger, Enrolment(home / "keys", ledger), identity(3)[0], BUCKET)
    names = ledger.read("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('gateway')")
    return ledger, receiver, tuple(row[0] for row in names if not row[0].startswith("sqlite_stat"))


def seeds() -> Iterator[bytes]:
    """Yield each kind of record as the body of an entry, a whole message, and letters out of order."""
    for body in record.bodies():
        yield bytes((BODY,)) + body
    yield bytes((AS_IT_IS,)) + Gateway("gw-1", identity(1)[0]).send(b"\xa0")
    yield bytes((LETTERS, 0, 1, 2, 0, 0, 3, 1, 0, 1, 2, 0, 1, 6, 1, 0))
    yield bytes((LETTERS, 0, 1, 2, 0, 0, 1, 2, 3))


def _messages(source: Source) -> Iterator[bytes]:
    """Yield the messages of one input; letters are batches of a few entries in any order and with any parent."""
    signer = identity(1)[0]
    kind = source.octet() % 4
    if kind == AS_IT_IS:
        yield source.rest()
    elif kind == SIGNED:
        header = protected_header(EDDSA, signer.kid)
        payload = source.rest()
        yield envelope(header, payload, signer.sign(signing_bytes(header, TOPIC, payload)))
    elif kind == BODY:
        gateway = Gateway("gw-1", signer)
        yield gateway.send(*list(record.bodies())[:2])
        yield gateway.send(source.rest())
    else:
        links = [GENESIS]
        for _ in range(12):
            if not source:
                break
            incarnation, first, count = _INCARNATIONS[source.octet() & 1], 1 + source.octet() % 12, source.octet()
            previous = links[source.octet() % len(links)]
            bodies = tuple(b"%d" % (count // 4 + number) for number in range(1 + count % 4))
            batch = batch_of("gw-1", incarnation, first, previous, bodies)
            links.append(batch.link)
            yield Gateway("gw-1", signer).sealed(batch)


def target(data: bytes) -> None:
    """Every message is answered by a signed answer or held; the tables can be shown whatever it said."""
    ledger, receiver, tables = _platform()
    ring = KeyRing([identity(3)[1]])
    try:
        for raw in _messages(Source(data)):
            for answer in receiver.received(TOPIC, raw, NOW_MS):
                assert open_answer(answer.raw, answer.topic, ring).gateway == "gw-1"
        assert showing.text(showing.overview(ledger))
    finally:
        with ledger.writing() as connection:
            for name in tables:
                connection.execute("DELETE FROM %s" % name)
