"""Who reaches what on the broker: mosquitto with the configuration of the stand, real certificates and connections."""

import queue
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloud_sync.mqtt import Closed, Connection, Event, Message, Opened, broker_settings
from hil_tests.brokers import Mosquitto, make_certificates
from hil_tests.stand import listens

OURS, OTHER = "gw-a", "gw-b"
WAIT_S = 15.0


class Access:
    """The broker, and how to connect to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto()
        self.broker.prepare(folder, OURS)
        make_certificates(folder / "pki", ("broker", OURS, OTHER, "platform"))
        make_certificates(folder / "forged", (OURS,))

    @contextmanager
    def connection(
        self, name: str, *topics: str, pki: str = "pki", host: str = "127.0.0.1"
    ) -> Iterator[tuple[Connection, Callable[[], Event]]]:
        """Connect with the certificate *name*, or with none where it is empty; gives what happens, one at a time."""
        happened: queue.Queue[Event] = queue.Queue()
        own = self.folder / pki
        pair = (own / (name + ".crt"), own / (name + ".key")) if name else (None, None)
        url = "mqtts://%s:%d" % (host, self.broker.port)
        settings = broker_settings(url, "test-" + name, self.folder / "pki" / "ca.crt", *pair)
        connection = Connection(settings, topics, happened.put)
        connection.start()
        try:
            yield connection, lambda: happened.get(timeout=WAIT_S)
        finally:
            connection.stop()

    def refused(self, name: str, pki: str = "pki", host: str = "127.0.0.1") -> str:
        """Connect, which must fail; return the code and the values of the problem as a text."""
        with self.connection(name, pki=pki, host=host) as (connection, next_event):
            event = next_event()
            assert isinstance(event, Closed) and event.why is not None and not connection.connected
            return event.why.code + " " + str(event.why.values)


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """The stand's broker, running."""
    access = Access(tmp_path_factory.mktemp("broker"))
    process = subprocess.Popen(access.broker.command(access.folder), stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + WAIT_S
        while not listens(access.broker.port):
            assert process.poll() is None and time.monotonic() < until, "the broker does not start"
            time.sleep(0.05)
        yield access
    finally:
        process.terminate()
        process.wait(WAIT_S)


def test_a_gateway_publishes_on_its_own_topic_only(access: Access) -> None:
    """Of five messages of one gateway the platform gets the one on its own up topic; the others reach nobody."""
    foreign = ["v1/b0/gw-b/up", "v1/b0/gw-b/down", "v1/b0/gw-a/down", "v1/b0/gw-a/up/more"]
    with (
        access.connection("platform", "v1/b0/+/up") as (_platform, heard),
        access.connection(OTHER, "v1/b0/gw-b/down") as (_other, heard_by_other),
        access.connection(OURS, "v1/b0/gw-a/down") as (ours, heard_by_us),
    ):
        assert [isinstance(one(), Opened) for one in (heard, heard_by_other, heard_by_us)] == [True] * 3
        for topic in [*foreign, "v1/b0/gw-a/up"]:
            assert ours.publish(topic, b"batch")
        message = heard()
        assert isinstance(message, Message) and message.topic == "v1/b0/gw-a/up"
        assert _platform.publish("v1/b0/gw-b/down", b"for b") and _platform.publish("v1/b0/gw-a/down", b"for a")
        answers = [heard_by_other(), heard_by_us()]
    assert [one.payload for one in answers if isinstance(one, Message)] == [b"for b", b"for a"]


def test_a_gateway_reads_its_own_answers_only(access: Access) -> None:
    """Whatever a gateway subscribes to, it gets neither another's answers nor another's batches."""
    greedy = ("#", "v1/#", "v1/b0/gw-b/down", "v1/+/+/down", "v1/b0/+/up", "v1/b0/gw-a/down")
    with (
        access.connection("platform", "v1/b0/+/up") as (platform, heard),
        access.connection(OTHER) as (other, other_heard),
        access.connection(OURS, *greedy) as (_ours, heard_by_us),
    ):
        assert [isinstance(one(), Opened) for one in (heard, other_heard, heard_by_us)] == [True] * 3
        assert other.publish("v1/b0/gw-b/up", b"batch of b")
        message = heard()
        assert isinstance(message, Message) and message.payload == b"batch of b"
        assert platform.publish("v1/b0/gw-b/down", b"receipt of b") and platform.publish("v1/b0/gw-a/down", b"receipt")
        first = heard_by_us()
    assert isinstance(first, Message) and (first.topic, first.payload) == ("v1/b0/gw-a/down", b"receipt")


def test_who_has_no_certificate_of_the_park_is_refused(access: Access) -> None:
    """No certificate, and one with a gateway's name that another authority signed, get no connection."""
    assert access.refused("").split()[0] in ("WP-NET-006", "WP-NET-012")
    assert access.refused(OURS, pki="forged").split()[0] in ("WP-NET-006", "WP-NET-012")


def test_fault_i11_a_broker_with_the_certificate_of_another_host_is_refused(access: Access) -> None:
    """127.1 reaches the same broker, but is not among the names its certificate is for."""
    said = access.refused(OURS, host="127.1")
    assert said.startswith("WP-NET-006") and "mismatch" in said.lower()
