"""The journal in the hands of power cuts, second openers and its own readers."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloud_sync.core.batch import BATCH_BYTES_MAX, BODY_BYTES_MAX, Hole
from cloud_sync.core.entry import GENESIS, chain
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import KeyRing, load_public, load_signer, new_key
from cloud_sync.seal import open_sealed, seal
from gateway.core.problem import ProblemError
from gateway.journal import Journal

WRITER = """
import sys
from pathlib import Path
from gateway.journal import Journal
journal = Journal(Path(sys.argv[1]))
while True:
    first = journal.head_sequence + 1
    journal.commit(b"i" * 16, [b"%d" % (first + n) for n in range(3)], seal=lambda b: b"%d-%d" % (b.first_sequence,
                   b.last_sequence), gateway="gw-1")
    print(journal.head_sequence, flush=True)
"""
KILLS = 8


def test_what_was_committed_survives_every_kill(tmp_path: Path) -> None:
    """kill -9 in a loop of commits, again and again: no entry that was told as kept is lost, and the chain holds."""
    path = tmp_path / "journal.sqlite"
    chance = random.Random(7)
    told = 0
    for _ in range(KILLS):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        told = int(writer.stdout.readline())
        time.sleep(chance.random() * 0.2)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split(b"\n")[:-1]
        writer.stdout.close()
        writer.wait()
        told = int(rest[-1]) if rest else told
        journal = Journal(path)
        entries = journal.entries(1, journal.head_sequence)
        assert journal.head_sequence >= told
        assert [entry.body for entry in entries] == [b"%d" % n for n in range(1, len(entries) + 1)]
        assert entries == list(chain(GENESIS, 1, tuple(entry.body for entry in entries)))
        sealed = journal.sealed_between(1, journal.head_sequence)
        assert [(one.first, one.last) for one in sealed] == [(n, n + 2) for n in range(1, len(entries), 3)]
        journal.close()
    assert told >= 3 * KILLS


def test_fault_c16_a_second_opener_is_told_who_is_in_the_way(tmp_path: Path) -> None:
    """A journal belongs to one process; the second one gets the code for it, and may open it afterwards."""
    first = Journal(tmp_path / "journal.sqlite")
    with pytest.raises(ProblemError) as raised:
        Journal(tmp_path / "journal.sqlite")
    assert raised.value.problems[0].code == "WP-JRN-001"
    first.close()
    Journal(tmp_path / "journal.sqlite").close()


def test_receipts_come_in_any_order_and_never_go_back(tmp_path: Path) -> None:
    """The mark is the highest receipt; an entry is proven by the first receipt that covers it."""
    journal = Journal(tmp_path / "journal.sqlite")
    journal.commit(b"i" * 16, [b"a"] * 9)
    for through in (3, 7, 5):
        journal.receipted(through, b"receipt %d" % through)
    journal.receipted(7, b"another")
    assert journal.receipted_through() == 7 and journal.last_receipt() == (7, b"receipt 7")
    covering = [journal.receipt_for(sequence) for sequence in (1, 3, 4, 6, 8)]
    assert covering == [b"receipt 3", b"receipt 3", b"receipt 5", b"receipt 7", None]
    journal.close()


def test_a_failed_commit_leaves_nothing_behind(tmp_path: Path) -> None:
    """Where the seal fails, neither entries nor head move, and the next commit goes on from there."""
    journal = Journal(tmp_path / "journal.sqlite")
    journal.commit(b"i" * 16, [b"a"])

    def fails(_batch: object) -> bytes:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        journal.commit(b"i" * 16, [b"b", b"c"], seal=fails, gateway="gw-1")
    assert journal.head_sequence == 1 and journal.entries(2, 9) == []
    journal.commit(b"i" * 16, [b"d"])
    assert [entry.body for entry in journal.entries(1, 9)] == [b"a", b"d"]
    journal.close()


def test_a_record_too_large_for_a_batch_stops_nothing(tmp_path: Path) -> None:
    """What zlib cannot press into a batch is told of as a hole; all before and after it goes its way, linked."""
    new_key(tmp_path / "gateway.key")
    signer = load_signer(tmp_path / "gateway.key")
    ring = KeyRing([load_public(tmp_path / "gateway.pub")])
    chance = random.Random(7)
    journal = Journal(tmp_path / "journal.sqlite")
    large = [chance.randbytes(BATCH_BYTES_MAX + 1), bytes(BODY_BYTES_MAX + 1)]
    half = [chance.randbytes(BATCH_BYTES_MAX // 2) for _ in range(2)]  # together just over what a batch holds
    bodies = [b"a", large[0], b"b", large[1], *half, b"c"]
    topic = up_topic("b0", "gw-1")
    journal.commit(b"i" * 16, bodies, seal=lambda batch: seal(batch, signer, topic), gateway="gw-1")
    previous = GENESIS
    seen: list[bytes | None] = []
    for sealed in journal.sealed_between(1, len(bodies)):
        batch = open_sealed(sealed.signed, topic, ring)
        assert batch.first_sequence == len(seen) + 1 and batch.previous_link == previous
        seen += [None] if isinstance(batch, Hole) else batch.bodies
        previous = batch.link
    assert seen == [b"a", None, b"b", None, *half, b"c"]
    assert [one[:2] for one in journal.set_aside_batches()] == [(2, 2), (4, 4)]
    assert previous == journal.head_link
    journal.close()
