"""Planted bugs: what somebody might get wrong in the product, each with the invariants that must catch it.

`planted(name)` has the bug in the product as long as it lasts; a simulator that lives on as if nothing were wrong is
worth nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from cloud_sync import sender
from cloud_sync.core.batch import read_envelope
from cloud_sync.core.canonical import decode
from cloud_sync.core.receipt import read_answer
from cloud_sync.sender import Sender
from gateway import closed_records
from gateway.core import boundary, settlement
from gateway.core.account.interval import Span
from gateway.core.meter import poll
from gateway.core.record import Account
from gateway.journal import Journal
from gateway.recorder import Recorder
from hil_tests.simulator.card import Connection
from hil_tests.simulator.invariants import BELIEVED, COMMITTED, ENERGY, EQUIVOCATION, GAPS, ORDER, RECEIPTS, TWICE

_STAMPS = 60  # entries that are looked through for the latest time


class _AnyLink(bytes):
    def __ne__(self, other: object) -> bool:
        return False

    __eq__ = object.__eq__
    __hash__ = bytes.__hash__


def _freed_by_broker() -> AbstractContextManager[object]:
    """What the broker has acknowledged is freed."""
    publish = Sender._publish

    def freed(self: Sender, action: Any, now_ms: int) -> None:
        publish(self, action, now_ms)
        self._outbox.receipted(action.last, b"acknowledged")

    return patch.object(Sender, "_publish", freed)


def _same_incarnation() -> AbstractContextManager[object]:
    """The incarnation is not drawn anew at every start."""
    begin = Recorder.__init__

    def begun(self: Recorder, *arguments: Any) -> None:
        begin(self, *arguments)
        self.incarnation = b"\1" * len(self.incarnation)

    return patch.object(Recorder, "__init__", begun)


def _sequence_from_outbox() -> AbstractContextManager[object]:
    """Numbers go on from what waits to be sent, so that they begin anew when nothing waits."""
    begin = Journal.__init__

    def begun(self: Journal, *arguments: Any) -> None:
        begin(self, *arguments)
        waiting = self.next_sealed(self.receipted_through())
        if waiting is None:
            self.head_sequence, self.head_link = 0, b"\0" * 32

    return patch.object(Journal, "__init__", begun)


def _latest_by_time() -> AbstractContextManager[object]:
    """The last entry is the one with the latest wall time; of several of one moment, the first that is found."""
    begin = Journal.__init__

    def begun(self: Journal, *arguments: Any) -> None:
        begin(self, *arguments)
        times: list[tuple[int, int, bytes]] = []
        for entry in self.entries(max(1, self.head_sequence - _STAMPS), self.head_sequence):
            plain: Any = decode(entry.body)
            times.append((plain[1][2], entry.sequence, entry.link))
        if times:
            _, self.head_sequence, self.head_link = max(times, key=lambda row: row[0])

    return patch.object(Journal, "__init__", begun)


def _early_word() -> AbstractContextManager[object]:
    """A commit is said to be done, and done when the next one begins."""
    execute = Connection.execute

    def later(self: Connection, statement: str, values: Sequence[object] = ()) -> Any:
        if statement == "COMMIT" and vars(self).get("put off"):
            return None
        if statement == "BEGIN IMMEDIATE":
            if self._real.in_transaction:
                execute(self, "COMMIT")
            vars(self)["put off"] = True
        return execute(self, statement, values)

    return patch.object(Connection, "execute", later)


def _flushed_seldom() -> AbstractContextManager[object]:
    """The journal is content with synchronous=NORMAL."""
    execute = Connection.execute

    def lax(self: Connection, statement: str, values: Sequence[object] = ()) -> Any:
        return execute(self, statement.replace("synchronous=FULL", "synchronous=NORMAL"), values)

    return patch.object(Connection, "execute", lax)


def _any_link() -> AbstractContextManager[object]:
    """A receipt over a link that is not the journal's counts."""
    take = Sender._take_answer

    class Credulous:
        def __init__(self, outbox: Any) -> None:
            self._outbox = outbox

        def __getattr__(self, name: str) -> Any:
            return getattr(self._outbox, name)

        def link_at(self, sequence: int) -> bytes:
            return _AnyLink(self._outbox.link_at(sequence) or b"")

    def taken(self: Sender, raw: bytes, now_ms: int) -> Any:
        outbox = self._outbox
        self._outbox = Credulous(outbox)
        try:
            return take(self, raw, now_ms)
        finally:
            self._outbox = outbox

    return patch.object(Sender, "_take_answer", taken)


def _any_signature() -> AbstractContextManager[object]:
    """The signature of a receipt is not looked at."""

    def opened(raw: bytes, _topic: str, _keys: object) -> Any:
        return read_answer(read_envelope(raw).payload)

    return patch.object(sender, "open_answer", opened)


def _naive_master() -> AbstractContextManager[object]:
    """Whatever comes on the line is the answer."""

    def heard(frame: bytes, _elapsed_ms: int, question: Any, _bus: object) -> tuple[int, ...]:
        octets = frame[3:].ljust(2 * question.count, b"\0")
        return tuple(octets[2 * at] << 8 | octets[2 * at + 1] for at in range(question.count))

    return patch.object(poll, "believed", heard)


def _silent_shape() -> AbstractContextManager[object]:
    """The energy of a gap is spread evenly, and nothing says so."""
    real = settlement.span_energy

    def spread(*arguments: Any) -> Span:
        span = real(*arguments)
        return span._replace(flag="") if span.parts > 1 else span

    return patch.object(settlement, "span_energy", spread)


def _lost_rest() -> AbstractContextManager[object]:
    """What is left over when the energy of a gap is split is nobody's."""
    return patch.object(boundary, "part_of_span", lambda total_wh, part, parts: total_wh // parts)


def _overwritten() -> AbstractContextManager[object]:
    """Late truth comes as a second account of its interval, not as an amendment."""

    class Overwriting(Account):
        def __new__(cls, *fields: Any) -> Any:
            stamp, config, start_s, end_s, _, *figures = fields
            return Account(stamp, config, start_s, end_s, b"\0" * 32, *figures)

    return patch.object(closed_records, "Amendment", Overwriting)


PLANTED: dict[str, tuple[Callable[[], AbstractContextManager[object]], tuple[str, ...]]] = {
    "a broker's acknowledgement frees entries": (_freed_by_broker, (RECEIPTS,)),
    "the incarnation is not drawn anew": (_same_incarnation, (EQUIVOCATION,)),
    "sequences go on from the outbox": (_sequence_from_outbox, (ORDER,)),
    "order is taken from wall time": (_latest_by_time, (ORDER,)),
    "a commit is said before it is done": (_early_word, (COMMITTED,)),
    "synchronous=NORMAL": (_flushed_seldom, (COMMITTED,)),
    "a receipt of another link is accepted": (_any_link, (RECEIPTS,)),
    "a receipt's signature is not checked": (_any_signature, (RECEIPTS,)),
    "every answer on the line is believed": (_naive_master, (BELIEVED,)),
    "a gap is spread evenly without a word": (_silent_shape, (GAPS,)),
    "the rest of a split is lost": (_lost_rest, (ENERGY,)),
    "late truth overwrites": (_overwritten, (TWICE,)),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Have the bug of this name in the product."""
    with PLANTED[name][0]():
        yield
