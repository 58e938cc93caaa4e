"""Damaged journals: what is rotten is located and never used, all else goes on, and what is lost is said."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloud_sync.core.canonical import decode
from cloud_sync.core.entry import GENESIS, link
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import KeyRing, load_public, load_signer, new_key
from cloud_sync.seal import open_sealed, seal
from gateway.core.problem import ProblemError
from gateway.core.record import (
    KIND_ACCOUNT,
    KIND_CHECKPOINT,
    KIND_KEY_CHANGE,
    KIND_TIME_ANCHOR,
    Event,
    from_map,
)
from gateway.core.site_reading import PLATFORM
from gateway.journal import Journal
from gateway.mending import DAMAGE, Mended, mend
from gateway.recorder import journal_path, key_path
from gateway.tests.small_park import DAY_START_S, SmallPark

PAGE = 4096
TOPIC = up_topic("b0", "gw-test")
FOUND_BY = ("figure", "configuration")  # the tables that say where records are


class Original:
    """A journal as it was, and what its pages may become."""

    def __init__(self, folder: Path) -> None:
        park = SmallPark(folder)
        for number in range(24):
            park.read_at(DAY_START_S + number * 300)
            park.recorder.event("read", number=str(number))
            if number == 9:
                park.receipt()
        park.close()
        journal = Journal(journal_path(folder))
        self.receipted = journal.receipted_through()
        self.bodies = [entry.body for entry in journal.entries(1, journal.head_sequence)]
        self.incarnations = set(journal.incarnations(1, journal.head_sequence))
        journal.close()
        self.home, self.stamp = folder, park.clock.stamp()
        self.content = journal_path(folder).read_bytes()
        self.pages = len(self.content) // PAGE
        self.signer = load_signer(key_path(folder))
        self.keys = KeyRing([load_public(key_path(folder).with_suffix(".pub"))])

    def mended(self, content: bytes, folder: Path) -> tuple[Mended | None, Journal]:
        """Return what became of a journal of *content*, and the journal as it goes on."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "journal.sqlite").write_bytes(content)
        found = mend(folder / "journal.sqlite", (PLATFORM,), self.stamp)
        return found, Journal(folder / "journal.sqlite")

    def check(self, journal: Journal, found: Mended | None) -> None:
        """Check that the chain holds, that bodies are as they were or said to be lost, and that all can be sent."""
        lost, mended = (found.lost if found else ()), found is not None
        journal.commit(b"i" * 16, [b"\xa0"], seal=lambda one: seal(one, self.signer, TOPIC), gateway="gw-test")
        through = journal.receipted_through()
        previous, before = GENESIS, 0
        for entry in journal.entries(1, journal.head_sequence):
            assert entry.sequence == before + 1 or entry.sequence <= through + 1, "only what the platform has may miss"
            if entry.sequence == before + 1:
                assert entry.link == link(previous, entry.sequence, entry.body)
            if entry.sequence in lost:
                record = from_map(decode(entry.body))  # type: ignore[arg-type]
                assert isinstance(record, Event) and record.code == "entry-lost"
            elif entry.sequence <= len(self.bodies):
                assert entry.body == self.bodies[entry.sequence - 1]
            previous, before = entry.link, entry.sequence
        assert journal.head_sequence == len(self.bodies) + 1 + mended
        if lost:
            assert not set(journal.incarnations(min(lost), len(self.bodies))) & self.incarnations
        after, previous = through, journal.link_at(through) or GENESIS
        while (sealed := journal.next_sealed(after)) is not None:
            batch = open_sealed(sealed.signed, TOPIC, self.keys)
            assert batch.previous_link == previous and batch.first_sequence == after + 1
            after, previous = batch.last_sequence, batch.link
        assert (after, previous) == (journal.head_sequence, journal.head_link)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Give a journal of two hours, half of it receipted."""
    return Original(tmp_path_factory.mktemp("original"))


def test_whole_journal_is_left_as_it_is(original: Original, tmp_path: Path) -> None:
    """Where nothing is damaged, nothing is mended and no copy is made."""
    found, journal = original.mended(original.content, tmp_path / "home")
    assert found is None
    assert [file.name for file in (tmp_path / "home").glob("*damaged*")] == []
    original.check(journal, found)
    journal.close()


@pytest.mark.parametrize("kind", ["zeroed", "random"])
def test_fault_d09_any_one_page_that_rots_loses_no_entry(original: Original, tmp_path: Path, kind: str) -> None:
    """Whichever page of the file is wiped out, the first one too, every entry is there again and all can be sent."""
    chance = random.Random(9)
    for page in range(original.pages):
        content = bytearray(original.content)
        content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE) if kind == "zeroed" else chance.randbytes(PAGE)
        found, journal = original.mended(bytes(content), tmp_path / "home")
        assert found is None or found.lost == (), page
        original.check(journal, found)
        journal.close()


def test_fault_d09_rotten_bits_are_located_or_harmless(original: Original, tmp_path: Path) -> None:
    """Of single flipped bits over the whole file none is believed: each is mended, or in space that nothing uses."""
    chance = random.Random(10)
    for _ in range(60):
        content = bytearray(original.content)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        found, journal = original.mended(bytes(content), tmp_path / "home")
        assert found is None or found.lost == ()
        original.check(journal, found)
        journal.close()


def test_fault_d09_entries_lost_with_their_batches_are_said_and_the_rest_goes_on(
    original: Original, tmp_path: Path
) -> None:
    """Where many pages rot, what is lost is named in its place, all else keeps number and content and is sent."""
    chance = random.Random(11)
    losses = refused = 0
    for _ in range(20):
        content = bytearray(original.content)
        for page in chance.sample(range(1, original.pages), original.pages // 4):
            content[page * PAGE : (page + 1) * PAGE] = chance.randbytes(PAGE)
        try:
            found, journal = original.mended(bytes(content), tmp_path / "home")
        except ProblemError as error:
            assert error.problems[0].code == "WP-JRN-003"
            refused += 1
            continue
        assert found is not None
        if journal.head_sequence == len(original.bodies) + 1:  # else the last are gone, which the head mark tells
            losses += len(found.lost)
            original.check(journal, found)
        journal.close()
    assert losses > 0
    assert refused < 15


@pytest.mark.parametrize("column", ["first", "last", "incarnation"])
def test_fault_d09_what_a_batch_says_of_itself_is_believed_not_its_row(
    original: Original, tmp_path: Path, column: str
) -> None:
    """A row that rotted into another range, up to 2^63 entries, is mended by its signed batch, in no more memory."""
    worn = tmp_path / "worn.sqlite"
    worn.write_bytes(original.content)
    with closing(sqlite3.connect(worn)) as journal, journal:
        number = journal.execute("SELECT max(first) FROM outbox").fetchone()[0]
        other = b"x" if column == "incarnation" else (1 << 63) - 1
        journal.execute("UPDATE outbox SET %s = ? WHERE first = ?" % column, (other, number))
    found, journal_again = original.mended(worn.read_bytes(), tmp_path / "home")
    assert found is not None and found.lost == ()
    assert found.damaged == ("batch %d" % (other if column == "first" else number),)  # type: ignore[str-format]
    original.check(journal_again, found)
    journal_again.close()


def test_fault_d09_an_entry_under_a_number_that_none_has_is_not_believed(original: Original, tmp_path: Path) -> None:
    """An entry whose number rotted to one below the first is restored from its batch under the right one."""
    worn = tmp_path / "worn.sqlite"
    worn.write_bytes(original.content)
    with closing(sqlite3.connect(worn)) as journal, journal:
        journal.execute("UPDATE entry SET sequence = -7 WHERE sequence = 3")
    found, mended = original.mended(worn.read_bytes(), tmp_path / "home")
    assert found is not None and found.lost == () and sorted(found.damaged) == ["entry -7", "entry 3"]
    original.check(mended, found)
    mended.close()


def test_fault_d09_a_table_whose_name_is_no_text_any_more_is_mended(original: Original, tmp_path: Path) -> None:
    """SQLite quotes the bytes of a schema that rotted; no text, they are told as damage, and nothing is lost."""
    content = bytearray(original.content)
    at = content.index(b"CREATE TABLE entry")
    content[at : at + 8] = b"\xce\xff" * 4
    path = tmp_path / "worn.sqlite"
    path.write_bytes(content)
    with pytest.raises(ProblemError) as caught:
        Journal(path)
    assert caught.value.problems[0].code in DAMAGE
    found, journal = original.mended(bytes(content), tmp_path / "home")
    assert found is not None and found.lost == ()
    original.check(journal, found)
    journal.close()


@pytest.mark.parametrize("change", [(b"INTEGER PRIMARY KEY,", b"INTEGER PRIMARY KEX,"), (b"link BLOB", b"lank BLOB")])
def test_fault_d09_a_table_that_reads_otherwise_is_mended(
    original: Original, tmp_path: Path, change: tuple[bytes, bytes]
) -> None:
    """One rotten letter makes another column of a table: the description of a new journal takes its place."""
    at = original.content.index(b"CREATE TABLE entry")
    content = original.content[:at] + original.content[at:].replace(*change, 1)
    assert content != original.content
    found, journal = original.mended(content, tmp_path / "home")
    assert found is not None and found.lost == ()
    original.check(journal, found)
    journal.close()


def test_gateway_goes_on_after_its_state_rotted(tmp_path: Path) -> None:
    """A rotten state stops the start; mended, the books open without it, and the journal says that it was mended."""
    park = SmallPark(tmp_path)
    park.read_at(DAY_START_S)
    park.close()
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal, journal:
        journal.execute("UPDATE state SET value = x'ff'")
    with pytest.raises(ProblemError) as caught:
        park.open()
    assert caught.value.problems[0].code in DAMAGE
    park.journal.close()
    found = mend(journal_path(tmp_path), (PLATFORM,), park.clock.stamp())
    assert found is not None and found.lost == () and found.damaged == ("the settlement's state",)
    assert (tmp_path / found.aside).exists()
    park.open()
    entries = park.journal.entries(1, park.journal.head_sequence)
    records = [from_map(decode(entry.body)) for entry in entries]  # type: ignore[arg-type]
    assert [one.code for one in records if isinstance(one, Event)][-2:] == ["journal-mended", "start"]
    park.close()


def test_records_are_found_again_where_what_finds_them_is_lost(tmp_path: Path) -> None:
    """Accounts, anchors of time, checkpoints and a change of key are found by the seconds they were found by before.

    What is never freed stays so.
    """
    park = SmallPark(tmp_path)
    for at_s in (DAY_START_S - 900, DAY_START_S, DAY_START_S + 900):
        park.read_at(at_s)
    new_key(tmp_path / "next.key")
    park.recorder.change_key(load_signer(tmp_path / "next.key"), lambda _: None)
    park.read_at(DAY_START_S + 1800)
    park.close()
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal, journal:
        tables = {table: journal.execute("SELECT * FROM %s ORDER BY 1" % table).fetchall() for table in FOUND_BY}
        for table in FOUND_BY:
            journal.execute("DELETE FROM " + table)
        journal.execute("UPDATE entry SET body = x'ff' WHERE sequence = 3")
    assert {kind for _, kind, _ in tables["figure"]} >= {
        KIND_ACCOUNT,
        KIND_TIME_ANCHOR,
        KIND_CHECKPOINT,
        KIND_KEY_CHANGE,
    }
    assert len(tables["configuration"]) == 2

    found = mend(journal_path(tmp_path), (PLATFORM,), park.clock.stamp())

    assert found is not None and found.lost == () and found.restored == 1
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal:
        for table, rows in tables.items():
            assert journal.execute("SELECT * FROM %s ORDER BY 1" % table).fetchall() == rows
