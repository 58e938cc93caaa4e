"""docs/batch-format.md against itself: its hex is computed again, first without and then with our own code."""

import re
import zlib
from hashlib import sha256
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cloud_sync.core.batch import Batch, batch_payload, hole_of, read_batch
from cloud_sync.core.canonical import encode
from cloud_sync.core.entry import GENESIS, link
from cloud_sync.core.intake import VERDICTS
from cloud_sync.core.merkle import inclusion_path, root, salted_row
from cloud_sync.core.receipt import GAP, REASONS, Receipt, Refusal, answer_payload, digest_of
from cloud_sync.core.uplink import STEPS
from cloud_sync.keys import KeyRing, parse_public
from cloud_sync.seal import open_answer, open_sealed
from gateway.core.account.trace import FLOW, Allocation
from gateway.core.record import KINDS, Event, Readings, from_map, to_map
from gateway.rows import interval_rows

TEXT = (Path(__file__).parents[2] / "docs" / "batch-format.md").read_text(encoding="utf-8")
HEX = {name: bytes.fromhex(digits) for name, digits in re.findall(r"```hex (\S+)\n(.*?)```", TEXT, re.DOTALL)}
UP, DOWN = "v1/b0/park7-gw1/up", "v1/b0/park7-gw1/down"


def _rows(*cells: object) -> str:
    return "| %s |" % " | ".join(str(cell) for cell in cells)


def _ring(name: str) -> KeyRing:
    key = Ed25519PrivateKey.from_private_bytes(HEX[name + "-secret"]).public_key()

    return KeyRing([parse_public(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), name)])


def test_the_links_follow_from_the_formula() -> None:
    """SHA-256 over previous link, sequence and hash of the body, by hashlib alone and by our code."""
    previous = bytes(32)
    assert previous == GENESIS
    for sequence in (1, 2):
        body, expected = HEX["body-%d" % sequence], HEX["link-%d" % sequence]
        by_hand = sha256(previous + sequence.to_bytes(8, "big") + sha256(body).digest()).digest()
        assert by_hand == expected == link(previous, sequence, body)
        previous = expected


def test_the_payload_is_the_map_of_the_page() -> None:
    """Read by cbor2, the payload has the fields of the table; our encoder and cbor2's write the same bytes."""
    payload = {0: 1, 1: "park7-gw1", 2: bytes(range(16)), 3: 1, 4: bytes(32), 5: [HEX["body-1"], HEX["body-2"]]}
    assert cbor2.loads(HEX["payload"]) == payload
    assert cbor2.dumps(payload, canonical=True) == HEX["payload"] == encode(payload)
    batch = read_batch(HEX["payload"])
    assert isinstance(batch, Batch) and batch.link == HEX["link-2"] and batch_payload(batch) == HEX["payload"]
    hole = {
        0: 2,
        1: "park7-gw1",
        2: bytes(range(16)),
        3: 1,
        4: bytes(32),
        5: [sha256(body).digest() for body in batch.bodies],
    }
    assert cbor2.dumps(hole, canonical=True) == HEX["hole-payload"] == batch_payload(hole_of(batch))


def test_the_message_is_signed_as_the_page_says() -> None:
    """With the published secret the signature comes out again; inflating the signed bytes gives the payload."""
    secret = Ed25519PrivateKey.from_private_bytes(HEX["gateway-secret"])
    assert secret.public_key().public_bytes_raw() == HEX["gateway-public"]
    assert sha256(HEX["gateway-public"]).digest()[:8] == HEX["gateway-kid"]
    assert cbor2.dumps({1: -8, 4: HEX["gateway-kid"]}, canonical=True) == HEX["protected"]
    assert zlib.decompress(HEX["compressed"]) == HEX["payload"]
    signed = cbor2.dumps(["Signature1", HEX["protected"], UP.encode(), HEX["compressed"]])
    assert signed == HEX["to-be-signed"]
    parts = [HEX["protected"], {}, HEX["compressed"], secret.sign(signed)]
    assert cbor2.dumps(cbor2.CBORTag(18, parts)) == HEX["message"]
    assert open_sealed(HEX["message"], UP, _ring("gateway")) == read_batch(HEX["payload"])


def test_the_answers_are_as_the_page_says() -> None:
    """The receipt and the refusal have the fields of the table, and the receipt's signature comes out again."""
    secret = Ed25519PrivateKey.from_private_bytes(HEX["platform-secret"])
    assert secret.public_key().public_bytes_raw() == HEX["platform-public"]
    assert sha256(HEX["platform-public"]).digest()[:8] == HEX["platform-kid"]
    receipt = Receipt("park7-gw1", bytes(range(16)), 2, HEX["link-2"], 1763676061234, bytes(range(16, 32)), 20)
    members = {0: 3, 1: "park7-gw1", 2: bytes(range(16)), 3: 2, 4: HEX["link-2"], 5: 1763676061234}
    members |= {6: bytes(range(16, 32)), 7: 20}
    assert cbor2.dumps(members, canonical=True) == HEX["receipt-payload"] == answer_payload(receipt)
    protected = cbor2.dumps({1: -8, 4: HEX["platform-kid"]}, canonical=True)
    signature = secret.sign(cbor2.dumps(["Signature1", protected, DOWN.encode(), HEX["receipt-payload"]]))
    message = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, HEX["receipt-payload"], signature]))
    assert message == HEX["receipt-message"]
    assert open_answer(message, DOWN, _ring("platform")) == receipt
    assert sha256(HEX["message"]).digest()[:16] == HEX["digest"] == digest_of(HEX["message"])
    members = {0: 4, 1: "park7-gw1", 2: HEX["digest"], 3: "gap", 4: 1, 5: 1763676061234}
    refusal = Refusal("park7-gw1", HEX["digest"], GAP, 1, 1763676061234)
    assert cbor2.dumps(members, canonical=True) == HEX["refusal-payload"] == answer_payload(refusal)


def test_the_bodies_are_the_records_the_page_names() -> None:
    """The first body is the event start, the second readings of three cycles of two channels."""
    event = from_map(cbor2.loads(HEX["body-1"]))
    assert isinstance(event, Event) and event.code == "start"
    readings = from_map(cbor2.loads(HEX["body-2"]))
    assert isinstance(readings, Readings)
    assert readings.columns == ((2301, -1, None), (0, 0, 4)) and readings.steps_ms == (5000, 5000)
    for record, name in ((event, "body-1"), (readings, "body-2")):
        assert encode(to_map(record)) == HEX[name]


def test_the_root_and_path_come_out_again() -> None:
    """Leaves, root and path, hashed by hand, and by our code from the allocations the rows stand for."""
    leaves = []
    for index in range(3):
        salt = sha256(HEX["seed"] + index.to_bytes(4, "big")).digest()[:16]
        leaves.append(salt + HEX["row-%d" % index])
        assert leaves[index] == HEX["leaf-%d" % index] == salted_row(HEX["seed"], index, HEX["row-%d" % index])
    hashes = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    left = sha256(b"\x01" + hashes[0] + hashes[1]).digest()
    assert sha256(b"\x01" + left + hashes[2]).digest() == HEX["root"] == root(leaves)
    assert hashes[0] + hashes[2] == HEX["path-1"] == b"".join(inclusion_path(leaves, 1))
    allocations = (
        Allocation(FLOW, "PV roof", "Hall 1", 120),
        Allocation(FLOW, "Intake", "Hall 2", 77),
        Allocation(FLOW, "Intake", "Hall 1", 30),
    )
    rows = interval_rows(1763676000, 1763676060, allocations)
    assert rows == [HEX["row-%d" % index] for index in range(3)]


def test_the_tables_are_those_of_the_code() -> None:
    """Every row of both machines' tables, every reason, and every field of every record is on the page."""
    for situation, verdict in VERDICTS.items():
        assert _rows(situation, verdict) in TEXT
    for (state, event), following in STEPS.items():
        assert _rows(state, event, following) in TEXT
    assert TEXT.count("| in-flight |\n") == sum(following == "in-flight" for following in STEPS.values())
    for reason in REASONS:
        assert "`%s`" % reason in TEXT
    for number, kind in KINDS.items():
        fields = kind._fields  # type: ignore[attr-defined]
        named = ", ".join("%d %s" % (place + 1, field) for place, field in enumerate(fields))
        assert _rows(number, kind.__name__, named) in TEXT
