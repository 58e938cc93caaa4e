"""The two machines of the road: an uplink that is told anything in any order, and an intake that judges any batch."""

from collections.abc import Iterator

from cloud_sync.core.batch import Batch, Hole, batch_of, hole_of
from cloud_sync.core.entry import GENESIS
from cloud_sync.core.intake import ACCEPT, HELD_MAX, HOLD, Facts, Intake
from cloud_sync.core.receipt import GAP, REASONS, Receipt, Refusal, digest_of
from cloud_sync.core.uplink import CHANCE_SPAN, WINDOW, Fetch, FetchNewest, Send, Uplink, Wait
from tools.fuzz.source import Source

_OWN, _OTHER = b"o" * 16, b"p" * 16


def seeds() -> Iterator[bytes]:
    """Yield a smooth run, a run with refusals, and batches for the intake."""
    yield bytes((0, 1, 0, 0, 0, 0, 5, 0, 0, 9, 0))
    yield bytes((0, 1, 0, 0, 6, 0, 3, 6, 0, 3, 4, 7, 0, 2, 8, 255, 0, 0))
    yield bytes((0, 1, 0, 0, 0, 1, 0, 5, 1, 0, 0, 2, 0, 5, 1, 1))
    yield bytes((1, 0, 1, 2, 0, 0, 0, 0))
    yield bytes((1, 5, 3, 2, 5, 5, 1, 1))


def target(data: bytes) -> None:
    """Drive the machine that the first byte names."""
    source = Source(data)
    if source.octet() & 1:
        _intake(source)
    else:
        _uplink(source)


def _uplink(source: Source) -> None:
    """Nothing is freed twice or backwards, what is in flight is in order, and a wait is for something to come."""
    uplink = Uplink(0)
    journal, freed, now_ms = 0, 0, 0
    sent: dict[int, bytes] = {}
    while source:
        kind, size, chance = source.octet() % 9, source.octet(), source.octet() * CHANCE_SPAN // 256
        if kind == 0:
            for _ in range(WINDOW + 3):
                todo = uplink.next(now_ms, chance)
                if isinstance(todo, Fetch):
                    assert todo.after >= freed
                    if todo.after >= 2000 or size % 5 == 0:
                        uplink.nothing()
                    else:
                        last = todo.after + 1 + size % 3
                        journal = max(journal, last)
                        uplink.offer(todo.after + 1, last, _OWN if size & 1 else _OTHER, b"%d" % todo.after)
                elif isinstance(todo, Send):
                    sent[todo.first] = todo.raw
                elif isinstance(todo, FetchNewest):
                    assert todo.after >= freed
                else:
                    assert isinstance(todo, Wait)
                    assert todo.until_ms is None or todo.until_ms > now_ms
                    break
        elif kind == 1:
            uplink.connected()
        elif kind == 2:
            uplink.lost()
        elif kind == 3:
            uplink.sealed()
        elif kind == 4:
            now_ms += size * 1000
        elif kind == 5 and journal:
            through = freed + size % (journal - freed + 1)
            receipt = Receipt("gw-1", _OWN if chance & 1 else _OTHER, through, b"l" * 32, now_ms, b"", 0)
            for one in uplink.receipted(receipt, b"%d" % through, now_ms):
                assert freed < one.through <= journal
                freed = one.through
        elif kind == 6 and sent:
            first = sorted(sent)[size % len(sent)]
            reason = REASONS[chance % len(REASONS)]
            before = uplink.in_flight()
            aside = uplink.refused(Refusal("gw-1", digest_of(sent[first]), reason, size, now_ms), now_ms, chance)
            assert aside is None or (aside.first, aside.last) in before
            if reason == GAP and size:  # a platform that was set back asks again for what it had
                freed = min(freed, size - 1)
        elif kind == 7 and sent:
            uplink.unsent(sorted(sent)[size % len(sent)], now_ms, chance)
        elif kind == 8:
            uplink.connected()
            now_ms += size
        flying = uplink.in_flight()
        assert len(flying) <= WINDOW
        assert all(one[1] < other[0] for one, other in zip(flying, flying[1:], strict=False))


def _intake(source: Source) -> None:
    """A batch is answered once, held, or both refused and not kept; what is kept lies inside it."""
    first, count = 1 + source.octet() % 20, 1 + source.octet() % 9
    batch: Batch | Hole = batch_of("gw-1", _OWN, first, _link(source), tuple(b"%d" % n for n in range(count)))
    if source.octet() & 1:
        assert isinstance(batch, Batch)
        batch = hole_of(batch)
    head = source.octet() % 30
    facts = Facts(
        head_sequence=head,
        head_link=(batch.link if source.octet() & 1 else _link(source)) if head else b"",
        start_sequence=1 + source.octet() % head if head else 0,
        stored_link=(None, batch.link, b"x" * 32)[source.octet() % 3],
        parent_known=bool(source.octet() & 1),
        parent_is_head=bool(source.octet() & 1),
        held=bool(source.octet() & 1),
        held_count=source.octet() % (HELD_MAX + 1),
        held_newest=source.octet(),
        top_sequence=source.octet() % first,
    )
    decision = Intake().accept(batch, b"d" * 16, facts, 5)
    assert (decision.verdict == HOLD) == (decision.receipt is None and decision.refusal is None)
    assert decision.receipt is None or decision.refusal is None
    if decision.verdict == ACCEPT:
        assert batch.first_sequence <= decision.keep_from <= batch.last_sequence
        assert decision.keep_from > facts.head_sequence


def _link(source: Source) -> bytes:
    return (GENESIS, b"a" * 32, b"b" * 32)[source.octet() % 3]
