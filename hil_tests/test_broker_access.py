"""Who reaches what on the broker: mosquitto with the shipped configuration, real certificates and connections."""

import queue
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloud_sync.mqtt import Closed, Connection, Event, Message, Opened, broker_settings
from cloud_sync.platform.broker_config import revoke
from cloud_sync.tests.brokers import scripted_broker
from hil_tests.brokers import Mosquitto, issue, make_certificates
from hil_tests.stand import listens

OURS, OTHER = "gw-a", "gw-b"
WAIT_S = 15.0


class Access:
    """The broker, and how to connect to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto()
        self.broker.prepare(folder, OURS)
        issue(folder, OTHER)
        make_certificates(folder / "forged", (OURS,))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the broker and wait until it listens."""
        self.process = subprocess.Popen(self.broker.command(self.folder), stdin=subprocess.DEVNULL)
        until = time.monotonic() + WAIT_S
        while not listens(self.broker.port):
            assert self.process.poll() is None and time.monotonic() < until, "the broker does not start"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the broker."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(WAIT_S)

    @contextmanager
    def connection(
        self, name: str, *topics: str, pki: str = "pki", host: str = "127.0.0.1", client_id: str = ""
    ) -> Iterator[tuple[Connection, Callable[[], Event]]]:
        """Connect with the certificate *name*, or with none where it is empty; gives what happens, one at a time."""
        happened: queue.Queue[Event] = queue.Queue()
        own = self.folder / pki
        pair = (own / (name + ".crt"), own / (name + ".key")) if name else (None, None)
        url = "mqtts://%s:%d" % (host, self.broker.port)
        settings = broker_settings(url, client_id or "test-" + name, self.folder / "pki" / "ca.crt", *pair)
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
    try:
        access.start()
        yield access
    finally:
        access.stop()


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


def test_fault_f16_who_has_no_certificate_of_the_park_is_refused(access: Access) -> None:
    """No certificate, and one with a gateway's name that another authority signed, get no connection."""
    assert access.refused("").split()[0] in ("WP-NET-006", "WP-NET-012")
    assert access.refused(OURS, pki="forged").split()[0] in ("WP-NET-006", "WP-NET-012")


def test_fault_i11_a_broker_with_the_certificate_of_another_host_is_refused(access: Access) -> None:
    """127.1 reaches the same broker, but is not among the names its certificate is for."""
    said = access.refused(OURS, host="127.1")
    assert said.startswith("WP-NET-006") and "mismatch" in said.lower()


def test_fault_f12_no_gateway_pushes_another_off_the_broker(access: Access) -> None:
    """Under the client id of another gateway, or of the platform, nobody loses its connection: the name is another."""
    with (
        access.connection("platform", "v1/b0/+/up", client_id="platform") as (platform, heard),
        access.connection(OURS, "v1/b0/gw-a/down", client_id=OURS) as (ours, heard_by_us),
    ):
        assert isinstance(heard(), Opened) and isinstance(heard_by_us(), Opened)
        for taken in (OURS, "platform"):
            with access.connection(OTHER, "v1/b0/gw-b/down", client_id=taken) as (other, heard_by_other):
                assert isinstance(heard_by_other(), Opened)
                assert other.publish("v1/b0/gw-b/up", b"of b") and ours.publish("v1/b0/gw-a/up", b"of a")
                came = [heard(), heard()]
                assert {one.payload for one in came if isinstance(one, Message)} == {b"of a", b"of b"}
        assert platform.publish("v1/b0/gw-a/down", b"receipt")
        answer = heard_by_us()
        assert isinstance(answer, Message) and answer.payload == b"receipt"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_tls_than_1_2_is_refused_by_the_broker(access: Access) -> None:
    """A client with a good certificate that knows TLS 1.1 at most is told so by the broker itself; 1.2 is taken."""
    for most, taken in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(access.folder / "pki" / "ca.crt")
        context.load_cert_chain(access.folder / "pki" / (OURS + ".crt"), access.folder / "pki" / (OURS + ".key"))
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, most
        with socket.create_connection(("127.0.0.1", access.broker.port), WAIT_S) as line:
            if taken:
                with context.wrap_socket(line, server_hostname="127.0.0.1") as encrypted:
                    assert encrypted.version() == "TLSv1.2"
            else:
                with pytest.raises(ssl.SSLError) as caught:
                    context.wrap_socket(line, server_hostname="127.0.0.1")
                assert "ALERT_PROTOCOL_VERSION" in str(caught.value.reason)


def test_fault_i11_nothing_is_sent_to_a_false_broker(access: Access) -> None:
    """A broker whose certificate another authority signed gets not one byte of ours, a client certificate included."""
    false = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    make_certificates(access.folder / "false", ("broker",))
    false.load_cert_chain(access.folder / "false" / "broker.crt", access.folder / "false" / "broker.key")
    with scripted_broker(b"\x20\x03\x00\x00\x00", context=false) as (port, came):
        pki = access.folder / "pki"
        settings = broker_settings(
            "mqtts://127.0.0.1:%d" % port, OURS, pki / "ca.crt", pki / (OURS + ".crt"), pki / (OURS + ".key")
        )
        happened: queue.Queue[Event] = queue.Queue()
        connection = Connection(settings, (), happened.put)
        connection.start()
        try:
            event = happened.get(timeout=WAIT_S)
        finally:
            connection.stop()
    assert isinstance(event, Closed) and event.why is not None and event.why.code == "WP-NET-006" and came == []


def test_fault_i07_a_revoked_gateway_is_kept_out(tmp_path: Path) -> None:
    """Its certificates are on the list: it gets no connection any more, the others do, and it with a new one."""
    access = Access(tmp_path)
    try:
        revoke(tmp_path, b"k" * 8, OTHER, time.time_ns() // 1_000_000, "lost on the way")
        access.broker.configure(tmp_path)
        access.start()
        assert access.refused(OTHER).split()[0] in ("WP-NET-006", "WP-NET-010", "WP-NET-012")
        with access.connection(OURS) as (_ours, heard):
            assert isinstance(heard(), Opened)
        issue(tmp_path, OTHER)
        with access.connection(OTHER) as (_other, heard):
            assert isinstance(heard(), Opened)
    finally:
        access.stop()
