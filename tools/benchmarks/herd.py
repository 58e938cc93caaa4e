"""Herd: five hundred gateways come back after an hour without their broker, each with what it kept; simulated.

Their pauses and uplinks are those that run on a gateway; broker, road and platform are a queue with a limit, a delay
and a number of batches a second.
"""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from cloud_sync.core.receipt import UNBOUND_MS, Receipt
from cloud_sync.core.uplink import CHANCE_SPAN, Fetch, FetchNewest, Send, Uplink
from cloud_sync.mqtt import Settings
from cloud_sync.pauses import Pauses
from gateway.roads import SPREAD_S
from tools.benchmarks.figure import AT_MOST, Figure, Gate, Section

GATEWAYS = 500
BACKLOG = 120  # batches: an hour of a park with intervals of a minute
CAPACITY = 100  # batches a second that the platform takes; the drain measures more
QUEUED_MAX = 20_000  # what the shipped configuration lets the broker hold for the platform
GROUP_MAX = 20  # batches that the platform has in hand at a time, and commits together
WAY_MS = 30
OUTAGE_S = 3600.0
CONNECTIONS_MAX = 200  # a second: handshakes of TLS take a core of a small server 2 to 5 ms each
SEED = 20261121
_INCARNATION = bytes(16)


class Returned(NamedTuple):
    """What the return was like."""

    connections: int  # in the busiest second
    batches: int  # that came to the broker in the busiest second
    queued: int  # at most in the broker
    dropped: int
    again: int  # batches sent more than once
    first_s: float  # until every gateway had its first receipt
    seconds: float  # until all was receipted


class _Gateway:
    """One gateway: its uplink, and a backlog of batches of one entry."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.uplink = Uplink(0)
        self.kept = 0  # by the platform


class Herd:
    """The world of all of them, in milliseconds since the broker is back."""

    def __init__(self) -> None:
        self._dice = random.Random(SEED)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._now_ms = 0.0
        self._queue: deque[tuple[_Gateway, Send]] = deque()
        self._busy = False
        self._gateways = [_Gateway(number) for number in range(GATEWAYS)]
        self._arrivals: Counter[int] = Counter()
        self._connections: Counter[int] = Counter()
        self._queued = self._dropped = 0
        self._first_ms: dict[int, float] = {}

    def run(self) -> Returned:
        """Let them all come, until everything is receipted."""
        for gateway in self._gateways:
            self._at(self._back_ms(), partial(self._connected, gateway))
        while self._due:
            self._now_ms, _, what = heapq.heappop(self._due)
            what()
            if all(one.kept == BACKLOG for one in self._gateways) and not self._queue and not self._busy:
                break
        return Returned(
            max(self._connections.values()),
            max(self._arrivals.values()),
            self._queued,
            self._dropped,
            sum(one.uplink.again_count for one in self._gateways),
            max(self._first_ms.values()) / 1000,
            self._now_ms / 1000,
        )

    def _back_ms(self) -> float:
        """Return when a gateway, which lost the broker an hour ago and tried ever since, is connected again."""
        settings = Settings("broker", 8883, "gw", None, spread_s=SPREAD_S)
        pauses = Pauses(settings.pause_min_s, settings.spread_s, self._dice)
        at_s = pauses.after(OUTAGE_S, True, settings.unreachable_max_s)
        while at_s < OUTAGE_S:
            at_s += pauses.after(0.0, False, settings.unreachable_max_s)
        return 1000 * (at_s - OUTAGE_S)

    def _at(self, at_ms: float, what: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._due, (at_ms, self._number, what))

    def _connected(self, gateway: _Gateway) -> None:
        self._connections[int(self._now_ms // 1000)] += 1
        gateway.uplink.connected()
        self._step(gateway)

    def _step(self, gateway: _Gateway) -> None:
        now_ms = int(self._now_ms)
        while True:
            action = gateway.uplink.next(now_ms, self._dice.randrange(CHANCE_SPAN))
            if isinstance(action, Send):
                self._at(self._now_ms + WAY_MS, partial(self._arrived, gateway, action))
            elif isinstance(action, Fetch):
                if action.after < BACKLOG:
                    gateway.uplink.offer(action.after + 1, action.after + 1, _INCARNATION, b"%d" % action.after)
                else:
                    gateway.uplink.nothing()
            elif not isinstance(action, FetchNewest):
                if action.until_ms is not None:
                    self._at(max(action.until_ms, now_ms + 1), partial(self._step, gateway))
                return

    def _arrived(self, gateway: _Gateway, sent: Send) -> None:
        self._arrivals[int(self._now_ms // 1000)] += 1
        if len(self._queue) >= QUEUED_MAX:
            self._dropped += 1
            return
        self._queue.append((gateway, sent))
        self._queued = max(self._queued, len(self._queue))
        if not self._busy:
            self._serve()

    def _serve(self) -> None:
        """Let the platform take what waits, as many as it may have in hand."""
        group = [self._queue.popleft() for _ in range(min(GROUP_MAX, len(self._queue)))]
        self._busy = bool(group)
        if group:
            self._at(self._now_ms + 1000 * len(group) / CAPACITY, partial(self._served, group))

    def _served(self, group: list[tuple[_Gateway, Send]]) -> None:
        for gateway, sent in group:
            if sent.first <= gateway.kept + 1:  # beyond a gap it is held, and comes again
                gateway.kept = max(gateway.kept, sent.last)
        for gateway in {one.number: one for one, _ in group}.values():
            self._at(self._now_ms + WAY_MS, partial(self._receipted, gateway, gateway.kept))
        self._serve()

    def _receipted(self, gateway: _Gateway, through: int) -> None:
        self._first_ms.setdefault(gateway.number, self._now_ms)
        receipt = Receipt("gw", _INCARNATION, through, bytes(32), 0, b"", UNBOUND_MS)
        gateway.uplink.receipted(receipt, b"%d" % through, int(self._now_ms))
        self._step(gateway)


def measure() -> Section:
    """Let the herd come back once."""
    found = Herd().run()
    figures = (
        Figure(
            "herd_connections", "connections in the busiest second", found.connections, "", 0,
            Gate(AT_MOST, CONNECTIONS_MAX),
        ),
        Figure("herd_batches", "batches to the broker in the busiest second", found.batches, "", 0),
        Figure("herd_queued", "waiting in the broker, at most", found.queued, "", 0, Gate(AT_MOST, QUEUED_MAX)),
        Figure("herd_dropped", "dropped by the broker", found.dropped, "", 0, Gate(AT_MOST, 0)),
        Figure("herd_again", "batches sent again", found.again, "", 0),
        Figure("herd_first_s", "every gateway has its first receipt", found.first_s, "s", 0),
        Figure("herd_s", "all receipted", found.seconds, "s", 0),
        Figure("herd_ideal_s", "the platform alone needs", GATEWAYS * BACKLOG / CAPACITY, "s", 0),
    )  # fmt: skip
    measured_on = (
        "%d simulated gateways with their own pauses and uplinks, an hour without a broker, %d batches each; a "
        "platform that takes %d a second, a broker that holds %d for it; seed %d"
    ) % (GATEWAYS, BACKLOG, CAPACITY, QUEUED_MAX, SEED)
    return Section("Five hundred gateways return", measured_on, figures)
