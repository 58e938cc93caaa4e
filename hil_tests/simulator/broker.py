"""Broker: carries messages between gateways and platform, and loses, doubles, delays and forgets them.

It acknowledges what it took and keeps nothing of it when it crashes. A gateway that opens a connection under a name
that is in use takes it over, as MQTT wants it: two gateways of one name drive each other out.
"""

from collections.abc import Callable
from typing import NamedTuple

from cloud_sync.core.topic import UP, split_topic
from cloud_sync.mqtt import Closed, Event, Message, Opened, Settings
from hil_tests.simulator.world import World

QUEUE_MAX = 1000  # messages that wait for the platform; what comes beyond is dropped
TOGETHER_MAX = 64  # are taken by the platform at once
_LATENCY_MS = 40
_DELAY_MS = 600_000
_NOTICED_MS = 30_000  # a dead link is noticed so late; what is published until then is lost
_OPENS_MS = (500, 8_000)
_RETRY_MS = 300_000  # a platform that is not there is tried again so often
_TAKEN_OVER_MS = 3 * 3_600_000  # who was driven out comes back after so long at the most

Note = Callable[[Event], None]
Deliver = Callable[["list[Waiting]"], "list[tuple[str, bytes]] | None"]


class Waiting(NamedTuple):
    """A message on its way to the platform."""

    topic: str
    raw: bytes
    nonce: bytes


class SimulatedConnection:
    """The gateway's end of a connection; has the face of `cloud_sync.mqtt.Connection`."""

    def __init__(self, broker: "Broker", settings: Settings, topics: tuple[str, ...], note: Note) -> None:
        self.name = settings.client_id
        self.topics = topics
        self.connected = False
        self.running = False
        self._broker = broker
        self._note = note

    def start(self) -> None:
        """Open it, as soon as that is possible."""
        self.running = True
        self._broker.open_soon(self)

    def stop(self) -> None:
        """Close it."""
        self.running = self.connected = False
        self._broker.forget(self)

    def publish(self, topic: str, payload: bytes, nonce: bytes = b"") -> bool:
        """Hand a message over; it may be lost all the same."""
        if not self.connected:
            return False
        self._broker.take(self, Waiting(topic, payload, nonce))
        return True

    def opened(self) -> None:
        """It is open now."""
        self.connected = True
        self._note(Opened(None))

    def closed(self) -> None:
        """It is closed now."""
        if self.connected:
            self.connected = False
            self._note(Closed(None))

    def arrived(self, topic: str, raw: bytes) -> None:
        """A message came in."""
        if self.connected:
            self._note(Message(topic, raw, 0, 0))


class Broker:
    """The broker and both links to it."""

    def __init__(self, world: World) -> None:
        self.deliver: Deliver = lambda messages: None
        self.forge: Callable[[], tuple[str, bytes] | None] = lambda: None
        self._world = world
        self._connections: list[SimulatedConnection] = []
        self._opening: list[SimulatedConnection] = []
        self._waiting: list[Waiting] = []
        self.cut_until_ms = 0  # gateways and broker
        self.platform_cut_until_ms = 0
        self._retries = self._passes_on = False

    def connection(self, settings: Settings, topics: tuple[str, ...], note: Note) -> SimulatedConnection:
        """Return a connection that is not open yet."""
        return SimulatedConnection(self, settings, topics, note)

    def open_soon(self, one: SimulatedConnection, wait_ms: int = 0) -> None:
        """Let *one* open when the link allows it."""
        world = self._world
        if one not in self._opening:
            self._opening.append(one)
        moment_ms = max(world.now_ms + wait_ms, self.cut_until_ms) + world.dice.randrange(*_OPENS_MS)
        world.at(moment_ms, lambda: self._open(one))

    def _open(self, one: SimulatedConnection) -> None:
        if not one.running or one.connected:
            return
        if self._world.now_ms < self.cut_until_ms:
            self.open_soon(one)
            return
        for other in list(self._connections):
            if other.topics == one.topics and other is not one:
                self._world.counts["taken over"] += 1
                self._close(other, self._world.dice.randrange(60_000, _TAKEN_OVER_MS))
        self._connections.append(one)
        self._opening.remove(one)
        one.opened()

    def _close(self, one: SimulatedConnection, wait_ms: int = 0) -> None:
        self.forget(one)
        one.closed()
        if one.running:
            self.open_soon(one, wait_ms)

    def forget(self, one: SimulatedConnection) -> None:
        """Let *one* be gone."""
        if one in self._opening:
            self._opening.remove(one)
        if one in self._connections:
            self._connections.remove(one)

    def cut(self, for_ms: int) -> None:
        """Cut the link between gateways and broker for a while."""
        self.cut_until_ms = max(self.cut_until_ms, self._world.now_ms + for_ms)
        self._world.after(min(for_ms, _NOTICED_MS), self._notice)

    def _notice(self) -> None:
        for one in list(self._connections):
            self._close(one)

    def crash(self) -> None:
        """Forget every message, and close every connection."""
        self._waiting = []
        self._notice()

    def heal(self) -> None:
        """Let all links be whole from now on."""
        self.cut_until_ms = self.platform_cut_until_ms = 0
        for one in list(self._opening):  # it waits for the end of a cut that ends now
            self.open_soon(one)
        self.pass_on()

    def take(self, one: SimulatedConnection, message: Waiting) -> None:
        """Take a message of a gateway."""
        if self._world.now_ms < self.cut_until_ms or one not in self._connections:
            return
        if self._world.happens("forged-receipt"):  # and the message itself gets lost
            forged = self.forge()
            if forged is not None:
                self._send_down(*forged)
            return
        for _ in range(self._copies()):
            self._world.after(self._latency_ms(), lambda: self._queue(message))

    def _copies(self) -> int:
        if self._world.happens("lost"):
            return 0
        return 2 if self._world.happens("doubled") else 1

    def _latency_ms(self) -> int:
        world = self._world
        if world.happens("delayed"):
            return world.dice.randrange(_DELAY_MS)
        return _LATENCY_MS

    def _queue(self, message: Waiting) -> None:
        if len(self._waiting) < QUEUE_MAX:
            self._waiting.append(message)
        if not self._passes_on:  # together with what comes in the same moment
            self._passes_on = True
            self._world.after(0, self.pass_on)

    def pass_on(self) -> None:
        """Give the platform what waits for it; what it did not take stays."""
        self._passes_on = False
        while self._waiting and self._world.now_ms >= self.platform_cut_until_ms:
            together = self._waiting[:TOGETHER_MAX]
            assert all((split_topic(one.topic) or ("", "", ""))[2] == UP for one in together)
            answers = self.deliver(together)
            if answers is None:
                self._retry()
                return
            del self._waiting[: len(together)]
            for topic, raw in answers:
                for _ in range(self._copies()):
                    self._send_down(topic, raw)

    def _retry(self) -> None:
        def again() -> None:
            self._retries = False
            self.pass_on()

        if not self._retries:
            self._retries = True
            self._world.after(_RETRY_MS, again)

    def _send_down(self, topic: str, raw: bytes) -> None:
        def arrive() -> None:
            for one in list(self._connections):
                if topic in one.topics and self._world.now_ms >= self.cut_until_ms:
                    one.arrived(topic, raw)

        self._world.after(self._latency_ms(), arrive)
