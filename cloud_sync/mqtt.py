"""One MQTT 5 connection to a broker: kept open by a thread of its own, its limits applied, its losses told.

The broker is taken for an unreliable pipe: every connection is a clean session with nothing left over
from the one before, so that a message the broker cannot bear is never sent again behind our back.
"""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from cloud_sync.certificate_time import judge_time, judged_by_system
from cloud_sync.core.batch import BATCH_BYTES_MAX
from cloud_sync.pauses import Pauses
from gateway.core.problem import Problem, ProblemError, problem

_USER = re.compile(r"//[^/@]*@")  # A name and a password in an address are not repeated.
PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEPALIVE_S = 20  # A dead link that nothing is sent on is noticed in half a minute.
UNACKNOWLEDGED_S = 8.0  # One that something is sent on, after this; then the kernel gives it up.
CONNECT_TIMEOUT_S = 4.0  # The kernel asks after 0, 1 and 3 s: a link that is back is found a second later at most.
ANSWER_TIMEOUT_S = 10.0  # What a broker that took the connection gets to say that it is open.
MUTE_S = 60.0  # What a broker gets to acknowledge something of what is sent; a full batch takes 16 s at 64 kbit/s.
IN_FLIGHT_MAX = 20  # Messages the broker has not acknowledged; it may ask for fewer.
QUEUED_MAX = 64  # Messages handed over and not yet sent; more is a programming error.
PACKET_BYTES_MAX = BATCH_BYTES_MAX + 4096  # What we let the broker send: a batch, its topic and properties.
_QOS = 1
_SHUTTING_DOWN = 0x8B  # The broker's reason for a disconnection that will pass.
_FAREWELL_S = 2.0
_LOOK_S = 1.0  # How often paho looks at its keepalive.


class Settings(NamedTuple):
    """Where the broker is and who we are; made by `broker_settings`."""

    host: str
    port: int
    client_id: str
    tls: ssl.SSLContext | None
    pause_min_s: float = 1.0
    pause_max_s: float = 60.0  # After the broker said no: someone must change something first.
    unreachable_max_s: float = 6.0  # After the network said no: it may be back any moment.
    spread_s: float = 0.0  # A connection that was lost is opened again within this, by chance: not all at once.
    mute_max_s: float = MUTE_S
    known_ms: Callable[[], int | None] | None = None  # UTC to judge certificates by, None inside: not known; no
    # callable at all: the system's clock is believed.


class Opened(NamedTuple):
    """The connection is open and subscribed; the broker takes packets of at most packet_bytes_max (None: any)."""

    packet_bytes_max: int | None
    time_judged: bool = True  # False: whether the broker's certificate is valid now, nobody could say.


class Closed(NamedTuple):
    """The connection is closed, or could not be opened; why is None where we closed it."""

    why: Problem | None


class Message(NamedTuple):
    """A message that came in; give it to `Connection.ack` when it is kept."""

    topic: str
    payload: bytes
    mid: int
    round: int
    nonce: bytes = b""  # What the sender put beside the payload, for the answer to repeat.


Event = Opened | Closed | Message


def broker_settings(
    url: str, client_id: str, ca: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> Settings:
    """Return the settings for the broker at *url*, or raise everything that is wrong with them."""
    problems: list[Problem] = []
    host, port, tls = "", 0, False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
        tls = parts.scheme == "mqtts"
        good = parts.scheme in PORTS and host and not parts.path.strip("/") and not parts.username
    except ValueError:
        good = False
    if not good:
        problems.append(
            problem(
                "WP-NET-001", "broker", "{url} is no address of a broker.",
                "Write mqtt://host:1883, or mqtts://host:8883 for an encrypted connection.",
                url=_USER.sub("//***@", url),
            )
        )  # fmt: skip
    context = _tls_context(ca, certificate, key, problems) if tls or ca or certificate or key else None
    if good and not tls and context is not None:
        problems.append(
            problem(
                "WP-NET-002", "broker", "Certificates are given, but the address {url} is not encrypted.",
                "Write mqtts:// instead of mqtt://, or take ca, certificate and key away.", url=url,
            )
        )  # fmt: skip
    if problems:
        raise ProblemError(*problems)
    return Settings(host, port, client_id, context)


def _tls_context(
    ca: Path | None, certificate: Path | None, key: Path | None, problems: list[Problem]
) -> ssl.SSLContext | None:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(ca)
        except OSError as error:
            problems.append(
                problem(
                    "WP-NET-003", str(ca), "The broker's CA certificate cannot be used: {reason}.",
                    "Copy the CA certificate here in PEM form.", reason=error.strerror or error,
                )
            )  # fmt: skip
    if (certificate is None) != (key is None):
        problems.append(
            problem(
                "WP-NET-004", "broker", "A client certificate needs its key, and a key its certificate.",
                "Give both certificate and key, or neither.",
            )
        )  # fmt: skip
    elif certificate is not None and key is not None:
        try:
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            problems.append(
                problem(
                    "WP-NET-005", str(certificate), "The client certificate and its key cannot be used: {reason}.",
                    "Both must be PEM files, the key without a password, and belong together.",
                    reason=getattr(error, "strerror", None) or error,
                )
            )  # fmt: skip
    return None if problems else context


class Connection:
    """Keeps one connection open until it is stopped, and tells what happens on it, from its own thread."""

    def __init__(
        self,
        settings: Settings,
        topics: tuple[str, ...],
        on_event: Callable[[Event], None],
        manual_ack: bool = False,
    ) -> None:
        """Prepare; *on_event* is called from another thread; with *manual_ack* each Message waits for `ack`."""
        self._settings = settings
        self._topics = topics
        self._on_event = on_event
        self._manual_ack = manual_ack
        self._client: paho.Client | None = None
        self._round = 0
        self._open = False
        self._limit: int | None = None
        self._in_flight_max = IN_FLIGHT_MAX
        self._why: Problem | None = None
        self._answered = False
        self._was_open = False  # In this round.
        self._said_no = False
        self._time_judged = True
        self._handed = self._acknowledged = 0  # Messages given to the broker in this round, and how many it took.
        self._moved_s = 0.0  # When it took the last one, or was given the first that it has not taken.
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_open, name="mqtt %s" % settings.client_id, daemon=True)

    @property
    def connected(self) -> bool:
        """Tell whether the connection is open and subscribed."""
        return self._open

    def start(self) -> None:
        """Open the connection and keep it open."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection for good."""
        self._stopping.set()
        if self._thread.ident is None:
            return
        client = self._client
        if client is not None:
            client.disconnect()
            self._thread.join(_FAREWELL_S)
            stuck = client.socket()
            if self._thread.is_alive() and isinstance(
                stuck, socket.socket
            ):  # The link is dead: nobody takes our farewell.
                stuck.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def publish(self, topic: str, payload: bytes, nonce: bytes = b"") -> bool:
        """Hand a message over to be sent, *nonce* beside it; return False where the connection is closed or full."""
        client = self._client
        if not self._open or client is None:
            return False
        properties = None
        if nonce:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = nonce
        if self._handed == self._acknowledged:
            self._moved_s = time.monotonic()
        self._handed += 1
        try:
            result = client.publish(topic, payload, _QOS, properties=properties).rc
        except ValueError:  # The payload is longer than MQTT allows at all.
            result = MQTTErrorCode.MQTT_ERR_PAYLOAD_SIZE
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._handed -= 1
        return result == MQTTErrorCode.MQTT_ERR_SUCCESS

    def ack(self, message: Message) -> None:
        """Tell the broker that *message* is kept; of no effect when it came on an earlier connection."""
        client = self._client
        if client is not None and message.round == self._round:
            client.ack(message.mid, _QOS)

    def _keep_open(self) -> None:
        pauses = Pauses(self._settings.pause_min_s, self._settings.spread_s)
        while not self._stopping.is_set():
            started_s = time.monotonic()
            self._why = None
            self._answered = self._was_open = self._said_no = False
            try:
                self._run()
            finally:
                self._open = False
                self._client = None
                self._on_event(Closed(None if self._stopping.is_set() else self._why))
            most_s = self._settings.pause_max_s if self._said_no else self._settings.unreachable_max_s
            self._stopping.wait(pauses.after(time.monotonic() - started_s, self._was_open, most_s))

    def _run(self) -> None:
        """Live through one connection."""
        client = self._new_client()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = IN_FLIGHT_MAX
        properties.MaximumPacketSize = PACKET_BYTES_MAX
        address = "%s:%d" % (self._settings.host, self._settings.port)
        tls, known_ms = self._settings.tls, None
        by_system = tls is None or self._settings.known_ms is None
        if tls is not None and self._settings.known_ms is not None:
            known_ms = self._settings.known_ms()
            by_system = judged_by_system(tls, known_ms)
        self._time_judged = by_system or known_ms is not None
        try:
            client.connect(
                self._settings.host, self._settings.port, KEEPALIVE_S, clean_start=True, properties=properties
            )
            if not by_system and known_ms is not None:
                judge_time(client.socket(), known_ms)
        except ssl.SSLError as error:
            self._why = problem(
                "WP-NET-006", address, "The encrypted connection to the broker failed: {reason}.",
                "Check the CA certificate, the host name in the broker's certificate, and the clock.",
                reason=getattr(error, "verify_message", "") or error.reason or error,
            )  # fmt: skip
            self._said_no = True
            return
        except OSError as error:
            self._why = problem(
                "WP-NET-007", address, "The broker cannot be reached: {reason}.",
                "Check the network and the address; nothing is lost meanwhile.", reason=error.strerror or error,
            )  # fmt: skip
            return
        opened = client.socket()
        if isinstance(opened, socket.socket):  # Else an acknowledgement waits 40 ms for company.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNACKNOWLEDGED_S * 1000))
        self._round += 1
        self._client = client
        if self._stopping.is_set():
            client.disconnect()
        until_s = time.monotonic() + ANSWER_TIMEOUT_S
        while client.loop(_LOOK_S) == MQTTErrorCode.MQTT_ERR_SUCCESS:  # Unlike loop_forever it can be woken to send.
            wrong = self._wrong_with(client, address, until_s)
            if wrong is not None:
                self._why = wrong
                if isinstance(opened, socket.socket):
                    opened.close()
                return

    def _wrong_with(self, client: paho.Client, address: str, until_s: float) -> Problem | None:
        """Return why an open connection is of no use, if it is not."""
        now_s = time.monotonic()
        if not self._was_open and now_s > until_s:
            return problem(
                "WP-NET-030", address, "Something took the connection and says nothing.",
                "The broker hangs, or the port is of another program; it is tried again by itself.",
            )  # fmt: skip
        if self._handed > self._acknowledged and now_s > self._moved_s + self._settings.mute_max_s:
            return problem(
                "WP-NET-031", address, "The broker keeps the connection and acknowledges nothing that is sent.",
                "It hangs, or its disk is full; the connection is opened again by itself, nothing is lost meanwhile.",
            )  # fmt: skip
        if client._in_packet["to_process"] > PACKET_BYTES_MAX:
            return problem(
                "WP-NET-032", address, "The broker sends a packet of more than {limit} bytes, though told not to.",
                "It is no broker that this platform runs; see who answers at this address.", limit=PACKET_BYTES_MAX,
            )  # fmt: skip
        return None

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=self._manual_ack,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_queued_messages_set(QUEUED_MAX)
        client.max_inflight_messages_set(self._in_flight_max)
        client.on_socket_register_write = _wake_up  # Else paho would write in the thread that publishes.
        if self._settings.tls is not None:
            client.tls_set_context(self._settings.tls)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        self._handed = self._acknowledged = 0
        client.on_disconnect = self._on_disconnect
        return client

    def _on_connect(
        self, client: paho.Client, _user: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._answered = True
        if reason.is_failure:
            self._why = problem(
                "WP-NET-008", "%s:%d" % (self._settings.host, self._settings.port),
                "The broker refuses the connection: {reason}.",
                "Ask the broker's operator whether client {client} may connect.",
                reason=str(reason), client=self._settings.client_id,
            )  # fmt: skip
            self._said_no = True
            client.disconnect()
            return
        receive_max = getattr(properties, "ReceiveMaximum", IN_FLIGHT_MAX)
        if receive_max < self._in_flight_max:  # Known only now, and paho takes it only before it connects.
            self._in_flight_max = receive_max
            client.disconnect()
            return
        self._limit = getattr(properties, "MaximumPacketSize", None)
        if self._topics:
            client.subscribe([(topic, SubscribeOptions(qos=_QOS)) for topic in self._topics])
        else:
            self._opened()

    def _on_subscribe(
        self, client: paho.Client, _user: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for topic, reason in zip(self._topics, reasons, strict=False):
            if reason.is_failure:
                self._why = problem(
                    "WP-NET-009", topic, "The broker does not let us read this topic: {reason}.",
                    "Ask the broker's operator for the right to read it.", reason=str(reason),
                )  # fmt: skip
                self._said_no = True
                client.disconnect()
                return
        self._opened()

    def _opened(self) -> None:
        self._open = self._was_open = True
        self._on_event(Opened(self._limit, self._time_judged))

    def _on_message(self, _client: paho.Client, _user: Any, message: paho.MQTTMessage) -> None:
        self._on_event(message_of(message, self._round))

    def _on_publish(
        self, _client: paho.Client, _user: Any, _mid: int, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._acknowledged += 1
        self._moved_s = time.monotonic()

    def _on_disconnect(
        self, _client: paho.Client, _user: Any, flags: Any, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._open = False
        if flags.is_disconnect_packet_from_server and reason.value != _SHUTTING_DOWN:
            self._said_no = True  # As where another client took our name.
        if self._why is None and not self._answered:
            self._why = problem(
                "WP-NET-012", "%s:%d" % (self._settings.host, self._settings.port),
                "Something took the connection and closed it without an answer of a broker.",
                "Check the port. If the broker asks for client certificates, give certificate and key.",
            )  # fmt: skip
            self._said_no = True
        elif self._why is None:
            self._why = problem(
                "WP-NET-010", "%s:%d" % (self._settings.host, self._settings.port),
                "The connection to the broker was lost: {reason}.",
                "It is opened again by itself; nothing is lost meanwhile.", reason=str(reason),
            )  # fmt: skip


def message_of(packet: paho.MQTTMessage, connection: int) -> Message:
    """Return what came in the packet; a topic that is no UTF-8, which MQTT forbids, is that of nobody: ""."""
    try:
        topic = packet.topic
    except UnicodeDecodeError:
        topic = ""
    nonce = getattr(packet.properties, "CorrelationData", b"")
    return Message(topic, bytes(packet.payload), packet.mid, connection, nonce)


def _wake_up(_client: paho.Client, _user: Any, _socket: Any) -> None:
    """Do nothing: paho's own loop is woken by its pair of sockets."""
