"""The connection: bad settings are all said before connecting, limits are kept, losses are told and mended."""

import ssl
import subprocess
import time
from pathlib import Path
from queue import Queue

import pytest
from paho.mqtt.client import MQTTMessage

from cloud_sync.mqtt import Closed, Connection, Event, Message, Opened, Settings, broker_settings, message_of
from cloud_sync.tests.brokers import real_broker, scripted_broker
from gateway.core.problem import ProblemError
from gateway.words import say
from hil_tests.brokers import free_port

_WAIT_S = 20


def _settings(port: int, client_id: str = "gw-1") -> Settings:
    quick = broker_settings("mqtt://127.0.0.1:%d" % port, client_id)
    return quick._replace(pause_min_s=0.05, pause_max_s=0.2, unreachable_max_s=0.2)


def _codes(url: str, *files: Path | None) -> list[str]:
    with pytest.raises(ProblemError) as caught:
        broker_settings(url, "gw-1", *files)
    assert all(say(one) for one in caught.value.problems)
    return [one.code for one in caught.value.problems]


def _next(events: "Queue[Event]", kind: type) -> Event:
    while True:
        event = events.get(timeout=_WAIT_S)
        if isinstance(event, kind):
            return event


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("one", "other"):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        names = ["-keyout", name + ".key", "-out", name + ".crt", "-subj", "/CN=localhost", "-days", "2"]
        subprocess.run([*command, *names], cwd=folder, check=True, capture_output=True)
    return folder


def test_addresses_are_judged() -> None:
    """Only mqtt:// and mqtts:// with a host are addresses; the ports default to 1883 and 8883."""
    for url in ("", "host", "http://host", "mqtt://", "mqtt://h:99999", "mqtt://h/path", "mqtt://u@h", "mqtt://[::"):
        assert _codes(url) == ["WP-NET-001"], url
    plain = broker_settings("mqtt://host", "gw-1")
    assert (plain.host, plain.port, plain.tls) == ("host", 1883, None)
    tls = broker_settings("mqtts://[::1]", "gw-1")
    assert (tls.host, tls.port) == ("::1", 8883)
    assert tls.tls is not None and tls.tls.verify_mode == ssl.CERT_REQUIRED and tls.tls.check_hostname


def test_certificates_are_judged_before_connecting(certificates: Path) -> None:
    """A missing or broken CA, half a pair, a pair that does not match, and TLS files without TLS are all said."""
    one, key, other = certificates / "one.crt", certificates / "one.key", certificates / "other.key"
    none, broken = certificates / "none", certificates / "broken"
    broken.write_text("rubbish")
    url = "mqtts://localhost"
    assert broker_settings(url, "gw-1", one, one, key).tls is not None
    assert _codes(url, none) == _codes(url, broken) == ["WP-NET-003"]
    assert _codes(url, None, one) == _codes(url, None, None, key) == ["WP-NET-004"]
    assert (
        _codes(url, one, one, other) == _codes(url, one, none, key) == _codes(url, one, one, broken) == ["WP-NET-005"]
    )
    assert _codes("mqtt://localhost", one) == ["WP-NET-002"]
    assert _codes("nowhere", none, one) == ["WP-NET-001", "WP-NET-003", "WP-NET-004"]


def test_messages_cross_a_real_broker_and_survive_its_restart(tmp_path: Path) -> None:
    """What is published arrives on the other end; after the broker died and came back both ends are open again."""
    port = free_port()
    broker = real_broker(tmp_path, port)
    events: Queue[Event] = Queue()
    told: Queue[Event] = Queue()
    receiver = Connection(_settings(port, "platform"), ("v1/+/+/up",), events.put, manual_ack=True)
    sender = Connection(_settings(port), (), told.put)
    receiver.start()
    closed = _next(events, Closed)
    assert isinstance(closed, Closed) and closed.why is not None and closed.why.code == "WP-NET-007"
    broker.start()
    try:
        sender.start()
        for payload in (b"first", b"second" * 20000):
            _next(events, Opened)
            _next(told, Opened)
            assert receiver.connected and sender.connected
            assert sender.publish("v1/b0/gw-1/up", payload)
            message = _next(events, Message)
            assert isinstance(message, Message)
            assert (message.topic, message.payload) == ("v1/b0/gw-1/up", payload)
            receiver.ack(message)
            if payload == b"first":
                broker.stop()
                _next(told, Closed)
                assert not sender.publish("v1/b0/gw-1/up", b"lost")
                broker.start()
    finally:
        sender.stop()
        receiver.stop()
        broker.stop()
    last = _next(told, Closed)
    assert last == Closed(None) and not sender.connected


def test_the_packet_limit_of_the_broker_is_told() -> None:
    """CONNACK with Maximum Packet Size 1000 opens with that limit."""
    with scripted_broker(bytes.fromhex("20 08 00 00 05 27 000003e8")) as (port, _):
        events: Queue[Event] = Queue()
        connection = Connection(_settings(port), (), events.put)
        connection.start()
        assert _next(events, Opened) == Opened(1000)
        connection.stop()


def test_the_receive_maximum_of_the_broker_is_kept() -> None:
    """CONNACK with Receive Maximum 2: of five messages only two are sent while none is acknowledged."""
    with scripted_broker(bytes.fromhex("20 06 00 00 03 21 0002")) as (port, came):
        events: Queue[Event] = Queue()
        connection = Connection(_settings(port), (), events.put)
        connection.start()
        _next(events, Opened)
        for number in range(5):
            connection.publish("t", b"payload%d" % number)
        connection.stop()
        sent = b"".join(came)
        assert sent.count(b"payload") == 2 and b"payload0" in sent and b"payload1" in sent


def test_a_refusal_of_the_broker_is_told() -> None:
    """CONNACK 0x87 and SUBACK 0x87 (not authorised) are problems with their own codes, and are tried again."""
    for connack, suback, code in (("20 03 00 87 00", b"", "WP-NET-008"), ("20 03 00 00 00", b"\x00\x87", "WP-NET-009")):
        with scripted_broker(bytes.fromhex(connack), suback) as (port, _):
            events: Queue[Event] = Queue()
            connection = Connection(_settings(port), ("v1/b0/gw-1/down",), events.put)
            connection.start()
            for _ in range(2):
                event = _next(events, Closed)
                assert isinstance(event, Closed) and event.why is not None and event.why.code == code
                assert "Not authorized" in say(event.why)
            assert not connection.connected
            connection.stop()


def test_fault_f11_a_broker_that_acknowledges_nothing_is_left() -> None:
    """A broker that opens connections and answers no message gets each again on the next connection, and is told of."""
    with scripted_broker(bytes.fromhex("20 03 00 00 00")) as (port, came):
        events: Queue[Event] = Queue()
        connection = Connection(_settings(port)._replace(mute_max_s=0.1), (), events.put)
        connection.start()
        for _ in range(2):
            _next(events, Opened)
            assert connection.publish("t", b"payload")
            event = _next(events, Closed)
            assert isinstance(event, Closed) and event.why is not None and event.why.code == "WP-NET-031"
            assert say(event.why)
        connection.stop()
        assert b"".join(came).count(b"payload") == 2


def test_fault_f13_a_packet_of_256_mb_is_not_waited_for() -> None:
    """Who announces more than the limit we gave is left after the first bytes of it, and told of."""
    with scripted_broker(bytes.fromhex("20 03 00 00 00 30 ff ff ff 7f") + bytes(1000)) as (port, _):
        events: Queue[Event] = Queue()
        connection = Connection(_settings(port), (), events.put)
        connection.start()
        for _ in range(2):
            event = _next(events, Closed)
            assert isinstance(event, Closed) and event.why is not None and event.why.code == "WP-NET-032"
            assert say(event.why)
        connection.stop()


def test_whoever_is_no_broker_is_told_apart() -> None:
    """A server that closes on CONNECT, as one does that misses a client certificate, has a code of its own."""
    with scripted_broker(b"") as (port, _):
        events: Queue[Event] = Queue()
        connection = Connection(_settings(port), (), events.put)
        connection.start()
        event = _next(events, Closed)
        assert isinstance(event, Closed) and event.why is not None and event.why.code == "WP-NET-012"
        assert say(event.why)
        connection.stop()


@pytest.mark.timeout(60)
def test_publishing_wakes_the_connection(tmp_path: Path) -> None:
    """Two hundred messages, each published when the one before has arrived: none waits for a second."""
    port = free_port()
    with real_broker(tmp_path, port):
        events: Queue[Event] = Queue()
        connection = Connection(_settings(port), ("t",), events.put)
        connection.start()
        _next(events, Opened)
        for number in range(200):
            assert connection.publish("t", b"%d" % number)
            message = _next(events, Message)
            assert isinstance(message, Message) and message.payload == b"%d" % number
        connection.stop()


def test_fault_f16_i11_a_broker_that_cannot_prove_itself_is_not_spoken_to(certificates: Path) -> None:
    """A server whose certificate another CA signed gets a TLS alert and not one byte of MQTT."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "other.crt", certificates / "other.key")
    with scripted_broker(b"", context=context) as (port, came):
        settings = broker_settings("mqtts://localhost:%d" % port, "gw-1", certificates / "one.crt")
        events: Queue[Event] = Queue()
        connection = Connection(settings, (), events.put)
        connection.start()
        event = _next(events, Closed)
        connection.stop()
        assert isinstance(event, Closed) and event.why is not None and event.why.code == "WP-NET-006"
        assert came == []


def test_stopping_does_not_wait_for_a_dead_link() -> None:
    """A connection whose broker sent nothing but the start of an answer is stopped all the same."""
    with scripted_broker(b"\x20") as (port, came):
        events: Queue[Event] = Queue()
        connection = Connection(_settings(port), (), events.put)
        connection.start()
        while not came:
            time.sleep(0.01)
        connection.stop()
        assert _next(events, Closed) == Closed(None)
    Connection(_settings(1), (), events.put).stop()


def test_a_topic_that_is_no_text_is_that_of_nobody() -> None:
    """MQTT forbids it; where a broker lets it through, the connection lives on and the message is no gateway's."""
    packet = MQTTMessage(7, b"v1/b0/\xff/up")
    packet.payload = b"x"
    assert message_of(packet, 3) == Message("", b"x", 7, 3)
    assert message_of(MQTTMessage(8, "v1/b0/网关/up".encode()), 3).topic == "v1/b0/网关/up"
