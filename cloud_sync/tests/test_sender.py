"""The sender against a real broker and a platform in memory: everything arrives once, and only true receipts count."""

import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from cloud_sync.core.batch import Sealed, batch_of
from cloud_sync.core.entry import GENESIS, chain
from cloud_sync.core.freshness import Anchor
from cloud_sync.core.receipt import GAP, Receipt, Refusal, digest_of
from cloud_sync.core.topic import down_topic, up_topic
from cloud_sync.core.uplink import Uplink
from cloud_sync.keys import KeyRing, Signer, load_public, load_signer, new_key
from cloud_sync.mqtt import Connection, Event, Message, Opened, Settings
from cloud_sync.seal import open_sealed, seal, seal_answer
from cloud_sync.sender import Sender, broker_settings
from cloud_sync.tests.brokers import real_broker, scripted_broker
from cloud_sync.tests.core.road_model import POISON, Shelf
from hil_tests.brokers import free_port

GATEWAY, BUCKET = "gw-1", "b0"
UP, DOWN = up_topic(BUCKET, GATEWAY), down_topic(BUCKET, GATEWAY)
INCARNATION = b"i" * 16
_WAIT_S = 60


class Keys(NamedTuple):
    gateway: Signer
    platform: Signer
    stranger: Signer
    gateway_ring: KeyRing
    platform_ring: KeyRing


class MemoryOutbox:
    """What a journal offers the sender, in memory."""

    def __init__(self, signer: Signer, topic: str = UP) -> None:
        self._signer = signer
        self._topic = topic
        self.links = [GENESIS]
        self.bodies: list[bytes] = []
        self.notes: list[tuple[int, bytes]] = []
        self.batches: list[Sealed] = []
        self.receipts: list[tuple[int, bytes]] = []
        self.aside: list[tuple[int, str]] = []

    def write(self, *bodies: bytes) -> None:
        first = len(self.links)
        batch = batch_of(GATEWAY, INCARNATION, first, self.links[-1], bodies)
        self.bodies += bodies
        self.links += [entry.link for entry in chain(batch.previous_link, first, bodies)]
        self.batches.append(Sealed(first, batch.last_sequence, INCARNATION, seal(batch, self._signer, self._topic)))

    def receipted_through(self) -> int:
        return self.receipts[-1][0] if self.receipts else 0

    def next_sealed(self, after: int) -> Sealed | None:
        return next((one for one in self.batches if one.last > after), None)

    def newest_sealed(self) -> Sealed | None:
        return self.batches[-1] if self.batches else None

    def link_at(self, sequence: int) -> bytes | None:
        return self.links[sequence] if 0 < sequence < len(self.links) else None

    def digests(self, first: int, last: int) -> tuple[bytes, ...]:
        return tuple(sha256(body).digest() for body in self.bodies[first - 1 : last])

    def receipted(self, through: int, signed: bytes) -> None:
        if through > self.receipted_through():
            self.receipts.append((through, signed))

    def cosigned(self, size: int, note: bytes) -> None:
        self.notes.append((size, note))

    def set_aside(self, first: int, refusal: str, hole: bytes) -> None:
        self.aside.append((first, refusal))
        self.batches = [one._replace(signed=hole) if one.first == first else one for one in self.batches]


class MemoryPlatform:
    """The other end of the road: opens, judges, keeps, answers, acknowledges."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self.shelf = Shelf()
        self.opened = threading.Event()
        self.came = 0
        self.deaf = False
        self.nonce = b""  # put into receipts in the place of that which came
        self._keys = keys
        self.connection = Connection(settings, ("v1/+/+/up",), self._on_event, manual_ack=True)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Opened):
            self.opened.set()
        if not isinstance(event, Message):
            return
        self.came += 1
        if not self.deaf:
            batch = open_sealed(event.payload, event.topic, self._keys.gateway_ring)
            for answer in self.shelf.judge(batch, digest_of(event.payload), 1234):
                if isinstance(answer, Receipt):
                    answer = answer._replace(nonce=self.nonce or event.nonce, bound_ms=7)
                self.say(answer, self._keys.platform)
        self.connection.ack(event)

    def say(self, answer: Receipt | Refusal, signer: Signer, topic: str = DOWN) -> None:
        self.connection.publish(DOWN, seal_answer(answer, signer, topic))

    def bodies(self) -> list[bytes | None]:
        return [self.shelf.entries[key][1] for key in sorted(self.shelf.entries)]


class Bench:
    """A broker, a platform and a sender that is stepped as the daemon does."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.port = free_port()
        self.broker = real_broker(folder, self.port)
        self.broker.start()
        self.keys = keys
        self.outbox = MemoryOutbox(keys.gateway)
        self.platform = MemoryPlatform(self.settings("platform"), keys)
        self.platform.connection.start()
        assert self.platform.opened.wait(_WAIT_S)
        self.anchors: list[Anchor] = []
        self._awake = threading.Event()
        self.sender = self.new_sender()

    def settings(self, client_id: str) -> Settings:
        quick = broker_settings("mqtt://127.0.0.1:%d" % self.port, client_id)
        return quick._replace(pause_min_s=0.05, pause_max_s=0.2, unreachable_max_s=0.2)

    def new_sender(self) -> Sender:
        uplink = Uplink(self.outbox.receipted_through(), 4, 1000, 50, 200)
        sender = Sender(
            self.outbox, self.settings(GATEWAY), GATEWAY, BUCKET, self.keys.gateway,
            self.keys.platform_ring, self._awake.set, self.anchors.append, uplink,
        )  # fmt: skip
        sender.start()
        return sender

    def write(self, *bodies: bytes) -> None:
        self.outbox.write(*bodies)
        self.sender.sealed()

    def step(self) -> None:
        wait_ms = self.sender.step(time.monotonic_ns() // 1_000_000)
        self._awake.wait(min(wait_ms, 200) / 1000)
        self._awake.clear()

    def step_until(self, done: Callable[[], bool]) -> None:
        end_s = time.monotonic() + _WAIT_S
        while not done():
            assert time.monotonic() < end_s, self.sender.status()
            self.step()

    def all_receipted(self) -> bool:
        return self.outbox.receipted_through() == len(self.outbox.links) - 1

    def stop(self) -> None:
        self.sender.stop()
        self.platform.connection.stop()
        self.broker.stop()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("gateway", "platform", "stranger"):
        new_key(folder / (name + ".key"))
    gateway, platform, stranger = (
        load_signer(folder / (name + ".key")) for name in ("gateway", "platform", "stranger")
    )
    known, believed = (KeyRing([load_public(folder / (name + ".pub"))]) for name in ("gateway", "platform"))
    return Keys(gateway, platform, stranger, known, believed)


@pytest.fixture
def bench(tmp_path: Path, keys: Keys) -> Iterator[Bench]:
    bench = Bench(tmp_path, keys)
    try:
        yield bench
    finally:
        bench.stop()


def test_batches_arrive_and_are_receipted(bench: Bench) -> None:
    """What is in the outbox reaches the platform once and in order; the receipts and the platform's time come back."""
    for number in range(30):
        bench.write(b"%d" % number)
    bench.step_until(bench.all_receipted)
    assert bench.platform.bodies() == [b"%d" % number for number in range(30)]
    status = bench.sender.status()
    assert status.connected and status.in_flight == () and status.trouble is None and status.foreign == 0
    assert status.last_receipt is not None and status.last_receipt.through_sequence == 30
    assert status.sent >= 30
    began_ms = time.monotonic_ns() // 1_000_000
    assert bench.anchors and all(one[:2] == (1234, 7) and one.sent_ms <= began_ms for one in bench.anchors)


def test_fault_e09_a_receipt_played_again_gives_no_time(bench: Bench) -> None:
    """A true receipt with the nonce of an earlier sending frees what it says and sets no clock."""
    bench.write(b"one")
    bench.step_until(bench.all_receipted)
    assert len(bench.anchors) == 1
    bench.platform.nonce = b"n" * 16
    bench.write(b"two")
    bench.step_until(bench.all_receipted)
    assert len(bench.anchors) == 1 and bench.sender.status().foreign == 0


def test_fault_f08_nothing_is_lost_when_the_broker_dies_and_the_gateway_restarts(bench: Bench) -> None:
    """Through a killed broker, and then through a new sender after a crash, every entry arrives and none twice."""
    for number in range(10):
        bench.write(b"%d" % number)
    bench.step_until(lambda: bench.platform.came >= 3)
    bench.broker.stop()
    for number in range(10, 20):
        bench.write(b"%d" % number)
    bench.step_until(lambda: bench.sender.status().trouble is not None)
    bench.broker.start()
    bench.step_until(lambda: bench.outbox.receipted_through() >= 12)
    bench.sender.stop()
    bench.sender = bench.new_sender()
    bench.step_until(bench.all_receipted)
    assert bench.platform.bodies() == [b"%d" % number for number in range(20)]


def test_fault_g04_g05_only_the_platform_is_believed(bench: Bench) -> None:
    """Receipts of a stranger, for another topic, over a foreign link, or of rubbish free nothing and are counted."""
    bench.step_until(lambda: bench.sender.status().connected)
    bench.platform.deaf = True  # The batch may be sent at any moment; a true receipt for it must not come yet.
    true = Receipt(GATEWAY, INCARNATION, 1, bench.outbox.links[0], 5, b"", 0)
    bench.outbox.write(b"one")
    true = true._replace(link=bench.outbox.links[1])
    bench.platform.say(true, bench.keys.stranger)
    bench.platform.say(true, bench.keys.platform, "v1/b0/gw-2/down")
    bench.platform.say(true._replace(link=b"x" * 32), bench.keys.platform)
    bench.platform.say(true._replace(through_sequence=99), bench.keys.platform)
    bench.platform.connection.publish(DOWN, b"rubbish")
    bench.step_until(lambda: bench.sender.status().foreign == 5)
    assert bench.outbox.receipts == []
    bench.platform.deaf = False
    bench.platform.say(Refusal(GATEWAY, bytes(16), GAP, 1, 5), bench.keys.platform)
    bench.sender.sealed()
    bench.step_until(bench.all_receipted)
    assert bench.sender.status().foreign == 5 and bench.sender.status().last_refusal is None


def test_fault_g07_poison_is_set_aside_and_the_rest_flows(bench: Bench) -> None:
    """A batch the platform will not take becomes a signed hole in the outbox, and the entries after it arrive."""
    for body in (b"before", POISON, b"after"):
        bench.write(body)
    bench.step_until(bench.all_receipted)
    assert bench.outbox.aside == [(2, "malformed")]
    assert bench.platform.bodies() == [b"before", None, b"after"]


def test_fault_g02_a_platform_that_lost_its_last_hour_gets_it_again(bench: Bench) -> None:
    """Entries that were receipted are offered again when the platform, restored from a backup, misses them."""
    bench.write(b"old")
    bench.step_until(bench.all_receipted)
    backup = bench.platform.shelf.copy()
    for number in range(5):
        bench.write(b"%d" % number)
    bench.step_until(bench.all_receipted)
    bench.platform.shelf = backup
    bench.write(b"new")
    bench.step_until(bench.all_receipted)
    assert bench.platform.bodies() == [b"old", b"0", b"1", b"2", b"3", b"4", b"new"]


def test_fault_f13_retained_rubbish_is_counted_and_holds_up_nothing(bench: Bench) -> None:
    """Rubbish that the broker kept for whoever subscribes is not believed, and what is sent is receipted as ever."""
    bench.sender.stop()
    assert bench.platform.connection._client is not None
    bench.platform.connection._client.publish(DOWN, b"rubbish", 1, retain=True).wait_for_publish(_WAIT_S)
    bench.sender = bench.new_sender()
    bench.step_until(lambda: bench.sender.status().foreign == 1)
    bench.write(b"one")
    bench.step_until(bench.all_receipted)
    assert bench.platform.bodies() == [b"one"] and bench.sender.status().foreign == 1


def test_a_batch_above_the_brokers_limit_waits_and_is_shown(keys: Keys) -> None:
    """When the broker announces a smaller packet limit, the batch is not sent and the trouble names the limit."""
    with scripted_broker(bytes.fromhex("20 08 00 00 05 27 00000190"), b"\x00") as (port, came):
        outbox = MemoryOutbox(keys.gateway)
        outbox.write(bytes(range(256)))
        settings = broker_settings("mqtt://127.0.0.1:%d" % port, GATEWAY)
        awake = threading.Event()
        sender = Sender(outbox, settings, GATEWAY, BUCKET, keys.gateway, keys.platform_ring, awake.set)
        sender.start()
        end_s = time.monotonic() + _WAIT_S
        while sender.status().trouble is None and time.monotonic() < end_s:
            sender.step(time.monotonic_ns() // 1_000_000)
            awake.wait(0.2)
            awake.clear()
        trouble = sender.status().trouble
        sender.stop()
        assert trouble is not None and trouble.code == "WP-NET-011" and trouble.values["limit"] == 400
        assert outbox.batches[0].signed not in b"".join(came)
