"""Sender: the edge end of the road, which runs an Uplink over MQTT on the daemon's own loop.

The daemon calls `step` and sleeps as long as it says, or until `wake` is called; what the connection's
thread has to tell waits in a queue meanwhile. Only a receipt that the platform signed, over a link that
the journal itself holds, frees anything.
"""

import os
import random
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from cloud_sync.core.batch import Sealed, hole_over
from cloud_sync.core.entry import FIRST_SEQUENCE, GENESIS
from cloud_sync.core.freshness import Anchor, Freshness
from cloud_sync.core.receipt import NONCE_BYTES, Cosignature, Receipt, Refusal
from cloud_sync.core.topic import down_topic, up_topic
from cloud_sync.core.uplink import CHANCE_SPAN, Fetch, FetchNewest, Freed, Send, SetAside, Uplink
from cloud_sync.keys import KeyRing, Signer
from cloud_sync.mqtt import Closed, Connection, Event, Opened
from cloud_sync.mqtt import Settings as Settings
from cloud_sync.mqtt import broker_settings as broker_settings
from cloud_sync.note import NoteError, read_note
from cloud_sync.seal import SealError, open_answer, seal
from gateway.core.problem import Problem, problem

REST_MS = 60_000  # The longest the daemon sleeps when nothing is due.
_PACKET_MARGIN = 256  # An MQTT header, topic and properties around a batch.


class Outbox(Protocol):
    """What the journal offers the sender; everything it does is on disk when it returns."""

    def receipted_through(self) -> int:
        """Return the highest sequence that a receipt has freed, or 0."""

    def next_sealed(self, after: int) -> Sealed | None:
        """Return the first sealed batch that ends after *after*, receipted or not; of one set aside, its hole."""

    def newest_sealed(self) -> Sealed | None:
        """Return the sealed batch with the last entries; of one set aside, its hole."""

    def link_at(self, sequence: int) -> bytes | None:
        """Return the link of entry *sequence*, or None where it is not kept (any more)."""

    def digests(self, first: int, last: int) -> tuple[bytes, ...]:
        """Return the SHA-256 of the bodies of the entries from *first* to *last*, both included."""

    def receipted(self, through: int, signed: bytes) -> None:
        """Keep the receipt *signed*, which frees every entry up to *through*."""

    def cosigned(self, size: int, note: bytes) -> None:
        """Keep the *note* by which the platform cosigned the checkpoint over the first *size* entries."""

    def set_aside(self, first: int, refusal: str, hole: bytes) -> None:
        """Keep the batch that starts at *first* out of the way, and offer *hole* in its place from now on."""


class Status(NamedTuple):
    """What the command line shows of the road."""

    connected: bool
    state: str
    in_flight: tuple[tuple[int, int], ...]
    sent: int
    sent_again: int
    last_receipt: Receipt | None
    last_refusal: Refusal | None
    foreign: int  # Answers that were not believed.
    trouble: Problem | None


class Sender:
    """Offers the sealed batches of one gateway and keeps the receipts."""

    def __init__(
        self,
        outbox: Outbox,
        settings: Settings,
        gateway: str,
        bucket: str,
        signer: Signer,
        platform: KeyRing,
        wake: Callable[[], None],
        on_anchor: Callable[[Anchor], None] | None = None,
        uplink: Uplink | None = None,
        on_unjudged: Callable[[], None] | None = None,
        former: tuple[tuple[int, Signer], ...] = (),
    ) -> None:
        """Prepare; *wake* is called from another thread whenever `step` should be called at once.

        on_anchor is told, on the loop, the platform's signed time whenever a receipt answers what was just sent;
        on_unjudged, once, that the dates of the broker's certificate were left out, since the time is not known.
        former: the entries by which one key handed over to the next, up to *signer*, each with the key before it.
        """
        self._outbox = outbox
        self._up = up_topic(bucket, gateway)
        self._down = down_topic(bucket, gateway)
        self._gateway = gateway
        self._signer = signer
        self._former = former
        self._platform = platform
        self._wake = wake
        self._on_anchor = on_anchor
        self._on_unjudged = on_unjudged
        self._unjudged = False
        self._uplink = uplink or Uplink(outbox.receipted_through())
        self._freshness = Freshness()
        self._events: deque[Event] = deque()
        self._connection = Connection(settings, (self._down,), self._note)
        self._packet_bytes_max: int | None = None
        self._last_receipt: Receipt | None = None
        self._foreign = 0
        self._trouble: Problem | None = None

    def start(self) -> None:
        """Open the connection."""
        self._connection.start()

    def stop(self) -> None:
        """Close the connection."""
        self._connection.stop()

    def change_key(self, sequence: int, new: Signer) -> None:
        """Sign with *new* what comes after entry *sequence*; holes before it are signed by the key so far."""
        self._former, self._signer = (*self._former, (sequence, self._signer)), new

    def sealed(self) -> None:
        """Note that the outbox has another sealed batch; `step` will fetch it."""
        self._uplink.sealed()

    def status(self) -> Status:
        """Return what the command line shows of the road."""
        uplink = self._uplink
        return Status(
            self._connection.connected,
            uplink.state,
            uplink.in_flight(),
            uplink.sent_count,
            uplink.again_count,
            self._last_receipt,
            uplink.last_refusal,
            self._foreign,
            self._trouble,
        )

    def step(self, now_ms: int) -> int:
        """Do what is due at *now_ms* of the monotonic clock; return after how many ms to call again at the latest."""
        self._take_events(now_ms)
        while True:
            action = self._uplink.next(now_ms, random.randrange(CHANCE_SPAN))
            if isinstance(action, Send):
                self._publish(action, now_ms)
            elif isinstance(action, Fetch):
                sealed = self._outbox.next_sealed(action.after)
                if sealed is None:
                    self._uplink.nothing()
                else:
                    self._uplink.offer(sealed.first, sealed.last, sealed.incarnation, sealed.signed)
            elif isinstance(action, FetchNewest):
                newest = self._outbox.newest_sealed()
                if newest is not None and newest.first > action.after + 1:
                    self._publish(Send(newest.signed, newest.first, newest.last), now_ms)
            else:
                return REST_MS if action.until_ms is None else max(0, min(REST_MS, action.until_ms - now_ms))

    def _note(self, event: Event) -> None:
        self._events.append(event)
        self._wake()

    def _take_events(self, now_ms: int) -> None:
        freed: tuple[Freed, ...] = ()
        while self._events:
            event = self._events.popleft()
            if isinstance(event, Opened):
                self._packet_bytes_max = event.packet_bytes_max
                self._trouble = None
                self._uplink.connected()
                if self._on_unjudged is not None and not event.time_judged and not self._unjudged:
                    self._on_unjudged()
                self._unjudged = not event.time_judged
            elif isinstance(event, Closed):
                self._trouble = event.why
                self._uplink.lost()
            else:
                freed = self._take_answer(event.payload, now_ms) or freed
        if freed:  # One commit for all that came together; the last covers the others.
            self._outbox.receipted(freed[-1].through, freed[-1].signed)

    def _take_answer(self, raw: bytes, now_ms: int) -> tuple[Freed, ...]:
        try:
            answer = open_answer(raw, self._down, self._platform)
        except SealError:
            self._foreign += 1
            return ()
        if isinstance(answer, Refusal):
            aside = self._uplink.refused(answer, now_ms, random.randrange(CHANCE_SPAN))
            if aside is not None:
                self._set_aside(aside)
            return ()
        if isinstance(answer, Cosignature):
            self._take_cosignature(answer)
            return ()
        if self._outbox.link_at(answer.through_sequence) != answer.link:
            self._foreign += 1
            return ()
        self._last_receipt = answer
        anchor = self._freshness.answered(answer)
        if self._on_anchor is not None and anchor is not None:
            self._on_anchor(anchor)
        return self._uplink.receipted(answer, raw, now_ms)

    def _take_cosignature(self, answer: Cosignature) -> None:
        try:
            found = read_note(answer.note, self._platform)
        except NoteError:
            self._foreign += 1
            return
        if found.origin != self._gateway or self._outbox.link_at(found.size) is None:
            self._foreign += 1
        else:
            self._outbox.cosigned(found.size, answer.note)

    def _set_aside(self, aside: SetAside) -> None:
        before = GENESIS if aside.first == FIRST_SEQUENCE else self._outbox.link_at(aside.first - 1)
        digests = self._outbox.digests(aside.first, aside.last)
        whole = before is not None and len(digests) == aside.last - aside.first + 1
        assert before is not None and whole, "an entry in flight is gone from the journal"
        signer = next((former for sequence, former in self._former if aside.last <= sequence), self._signer)
        hole = hole_over(self._gateway, aside.incarnation, aside.first, before, digests)
        self._outbox.set_aside(aside.first, aside.reason, seal(hole, signer, self._up))

    def _publish(self, action: Send, now_ms: int) -> None:
        nonce = os.urandom(NONCE_BYTES)
        limit = self._packet_bytes_max
        if limit is not None and len(action.raw) + _PACKET_MARGIN > limit:
            self._trouble = problem(
                "WP-NET-011", self._up, "The broker takes packets of at most {limit} bytes; a batch has {size}.",
                "Raise the broker's packet limit to 256 KiB; the batch waits until then.",
                limit=limit, size=len(action.raw),
            )  # fmt: skip
        elif self._connection.publish(self._up, action.raw, nonce):
            self._freshness.sent(nonce, now_ms)
            return
        self._uplink.unsent(action.first, now_ms, random.randrange(CHANCE_SPAN))
