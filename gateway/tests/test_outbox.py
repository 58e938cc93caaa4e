"""The journal as the outbox of the sender: what it offers, from where, and in place of what was set aside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sync import sender
from cloud_sync.core.batch import BATCH_ENTRIES_MAX, Batch, Hole
from cloud_sync.core.entry import GENESIS, chain
from gateway.journal import Journal
from gateway.roads import Outbox

FIRST, SECOND = b"1" * 16, b"2" * 16


def _seal(batch: Batch | Hole) -> bytes:
    return b"%d-%d" % (batch.first_sequence, batch.last_sequence)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    journal.commit(FIRST, [b"a", b"b", b"c"], seal=_seal, gateway="gw-1")
    journal.commit(FIRST, [b"d"], seal=_seal, gateway="gw-1")
    journal.commit(SECOND, [b"e", b"f"], seal=_seal, gateway="gw-1")
    yield journal
    journal.close()


def test_the_batch_that_holds_the_next_entry_is_offered(journal: Journal) -> None:
    """After any sequence the outbox gives the batch that holds the following one, even from its middle."""
    outbox: sender.Outbox = Outbox(journal, "platform")
    expected = {0: b"1-3", 1: b"1-3", 2: b"1-3", 3: b"4-4", 4: b"5-6", 5: b"5-6"}
    for after, signed in expected.items():
        sealed = outbox.next_sealed(after)
        assert sealed is not None and sealed.signed == signed, after
    assert outbox.next_sealed(6) is None and outbox.next_sealed(99) is None


def test_batches_keep_to_their_incarnation(journal: Journal) -> None:
    """A batch holds entries of one incarnation and never more than the limit."""
    journal.commit(FIRST, [b""] * 3)
    journal.commit(SECOND, [b""] * (BATCH_ENTRIES_MAX + 2), seal=_seal, gateway="gw-1")
    found = []
    after = 6
    while (sealed := journal.next_sealed(after)) is not None:
        found.append((sealed.first, sealed.last, sealed.incarnation))
        after = sealed.last
    assert found == [(7, 9, FIRST), (10, 9 + BATCH_ENTRIES_MAX, SECOND), (510, 511, SECOND)]


def test_receipted_batches_are_offered_again(journal: Journal) -> None:
    """A receipt moves the mark, and yet what it covers is found when the platform asks for it again."""
    journal.receipted(4, b"receipt")
    assert journal.receipted_through() == 4
    sealed = journal.next_sealed(0)
    assert sealed is not None and sealed.signed == b"1-3"


def test_a_hole_takes_the_place_of_what_was_set_aside(journal: Journal) -> None:
    """Once set aside a batch is offered as its hole, and is listed with the reason."""
    journal.set_aside(4, "malformed", b"hole")
    sealed = journal.next_sealed(3)
    assert sealed is not None and (sealed.first, sealed.last, sealed.signed) == (4, 4, b"hole")
    assert journal.set_aside_batches() == [(4, 4, "malformed", "platform")]


def test_each_platform_has_its_own_receipts_and_holes(tmp_path: Path) -> None:
    """What one platform receipted or refused says nothing about the other; freed is what both have receipted."""
    journal = Journal(tmp_path / "two.sqlite", ("park", "province"))
    for number in range(3):
        figures = [(0, 4, 900 * number)]
        journal.commit(FIRST, [b"%d" % number], figures=figures, seal=_seal, gateway="gw-1")
    park, province = Outbox(journal, "park"), Outbox(journal, "province")
    park.receipted(3, b"receipt of the park")
    province.set_aside(2, "malformed", b"hole")
    assert (park.receipted_through(), province.receipted_through(), journal.receipted_through()) == (3, 0, 0)
    offered = [[box.next_sealed(after) for after in range(3)] for box in (park, province)]
    assert [[one.signed for one in road if one is not None] for road in offered] == [
        [b"1-1", b"2-2", b"3-3"],
        [b"1-1", b"hole", b"3-3"],
    ]
    assert journal.set_aside_batches() == [(2, 2, "malformed", "province")]
    assert journal.free(10**9) == 0
    province.receipted(3, b"receipt of the province")
    assert journal.receipted_through() == 3 and journal.free(10**9) == 2
    assert [journal.last_receipt(name) for name in journal.platforms] == [
        (3, b"receipt of the park"),
        (3, b"receipt of the province"),
    ]
    journal.close()


def test_links_are_those_of_the_chain(journal: Journal) -> None:
    """Each entry's link is that of the chain over all bodies; beyond the ends there is none."""
    for entry in chain(GENESIS, 1, (b"a", b"b", b"c", b"d", b"e", b"f")):
        assert journal.link_at(entry.sequence) == entry.link
    assert journal.link_at(0) is None and journal.link_at(7) is None
