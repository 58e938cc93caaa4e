"""The receiver with real keys, sealed batches and a ledger on the disk."""

import sqlite3
from hashlib import sha256

import pytest

from cloud_sync.core.batch import hole_of
from cloud_sync.core.receipt import UNBOUND_MS, Receipt, Refusal, digest_of
from cloud_sync.core.topic import up_topic
from cloud_sync.platform import acceptance, receiver
from cloud_sync.platform.ledger import Ledger, energy_totals
from cloud_sync.platform.rebuilding import differences
from cloud_sync.platform.receiver import Came, Given
from cloud_sync.platform.standing import overview
from cloud_sync.seal import open_answer
from cloud_sync.tests.conftest import Platform, signer_of
from cloud_sync.tests.gateways import BUCKET, Gateway, account, config, interval
from gateway.core.account.interval import Energy


def test_a_batch_is_receipted_with_the_link_of_its_last_entry(platform: Platform, gateway: Gateway) -> None:
    """The receipt names the incarnation, the last sequence and the link, recomputed here by its published rule."""
    batch = gateway.batch(b"\x01", b"\x02")
    answers = platform.say("gw-1", gateway.sealed(batch))
    link = b"\x00" * 32
    for sequence, body in ((1, b"\x01"), (2, b"\x02")):
        link = sha256(link + sequence.to_bytes(8, "big") + sha256(body).digest()).digest()
    assert answers == [Receipt("gw-1", b"i" * 16, 2, link, platform.now_ms, b"", UNBOUND_MS)]
    assert [tuple(row) for row in platform.ledger.read("SELECT sequence, body FROM entry")] == [
        (1, b"\x01"),
        (2, b"\x02"),
    ]


def test_fault_i05_a_duplicate_is_receipted_again_and_kept_once(platform: Platform, gateway: Gateway) -> None:
    """The same bytes again give a receipt of the same entries, and not one row more."""
    raw = gateway.send(config(), interval(0, 60), account(0, 60, 7))
    first = platform.say("gw-1", raw)
    counts = {table: platform.count(table) for table in ("batch", "entry", "energy", "receipt", "conflict")}
    platform.now_ms += 5000
    again = platform.say("gw-1", raw)
    assert [one[:4] for one in again] == [one[:4] for one in first]
    assert again[0][4] == platform.now_ms
    assert {table: platform.count(table) for table in counts} == counts
    assert counts["energy"] == 2 and counts["conflict"] == 0


def test_batches_out_of_order_wait_and_are_projected_in_order(platform: Platform, gateway: Gateway) -> None:
    """The third and second batch wait without an answer; the first brings a receipt for all three."""
    one, two, three = (
        gateway.send(config()),
        gateway.send(interval(0, 60), account(0, 60, 7)),
        gateway.send(interval(60, 120), account(60, 120, 8)),
    )
    assert platform.say("gw-1", three) == []
    assert platform.say("gw-1", two) == []
    assert platform.count("entry") == 0 and platform.count("held") == 2
    assert platform.receipted("gw-1", one) == [5]
    assert platform.count("held") == 0
    assert platform.count("unread") == 0 and platform.count("interval") == 2


def test_fault_g08_newest_interval_is_shown_before_its_turn(platform: Platform, gateway: Gateway) -> None:
    """Of a batch sent before a backlog the interval is shown at once, counts nothing, and counts once in its turn."""
    platform.say("gw-1", gateway.send(config()))
    backlog = [gateway.send(interval(0, 60), account(0, 60, 7))]
    newest = gateway.send(interval(60, 120), account(60, 120, 9))
    assert platform.say("gw-1", newest) == []
    early = overview(platform.ledger, "gw-1")["early"]
    assert (early["start_s"], early["end_s"]) == (60, 120) and list(early["energies"].values()) == [
        [9, 0, ""],
        [9, 0, ""],
    ]
    assert platform.count("energy") == 0
    assert platform.receipted("gw-1", backlog[0]) == [5]
    assert overview(platform.ledger, "gw-1")["early"] is None
    assert platform.count("energy") == 4 and platform.count("early") == 0


def test_a_gap_is_refused_when_the_batch_comes_a_second_time(platform: Platform, gateway: Gateway) -> None:
    """Who repeats a batch beyond a gap is told from which entry to send."""
    platform.say("gw-1", gateway.send(b"\x01"))
    gateway.send(b"\x02")
    raw = gateway.send(b"\x03")
    assert platform.say("gw-1", raw) == []
    assert platform.say("gw-1", raw) == [Refusal("gw-1", digest_of(raw), "gap", 2, platform.now_ms)]
    assert platform.count("set_aside") == 0


def test_a_restart_goes_on_in_a_chain_of_its_own(platform: Platform, gateway: Gateway) -> None:
    """A new incarnation that links to the last entry is no branch, and may refer to a configuration before it."""
    platform.say("gw-1", gateway.send(config()))
    later = gateway.restarted(b"j" * 16)
    assert platform.receipted("gw-1", later.send(interval(0, 60), account(0, 60, 7))) == [3]
    assert [row["branch"] for row in platform.ledger.read("SELECT branch FROM chain ORDER BY opened")] == [0, 0]
    assert platform.count("energy") == 2


def test_a_restart_that_overtakes_its_past_waits_for_it(platform: Platform, gateway: Gateway) -> None:
    """A batch of the next incarnation is held until the entry it links to has come."""
    one, two = gateway.send(b"\x01"), gateway.send(b"\x02")
    later = gateway.restarted(b"j" * 16)
    three = later.send(b"\x03")
    platform.say("gw-1", one)
    assert platform.say("gw-1", three) == []
    answers = platform.say("gw-1", two)
    assert [(answer[1][:1], answer[2]) for answer in answers] == [(b"i", 2), (b"j", 3)]


def test_fault_d12_a_card_that_was_set_back_is_a_branch_and_counts_nothing_twice(
    platform: Platform, gateway: Gateway
) -> None:
    """Entries written again after a roll-back are kept and flagged; their interval, counted already, is a conflict."""
    platform.say("gw-1", gateway.send(config()))
    back = gateway.restarted(b"j" * 16)
    platform.say("gw-1", gateway.send(interval(0, 60), account(0, 60, 7)))
    answers = platform.say("gw-1", back.send(interval(0, 60), account(0, 60, 9), interval(60, 120)))
    assert isinstance(answers[0], Receipt) and answers[0].through_sequence == 4
    chains = platform.ledger.read("SELECT branch FROM chain ORDER BY opened")
    assert [row["branch"] for row in chains] == [0, 1]
    conflicts = platform.ledger.read("SELECT kind, sequence FROM conflict ORDER BY sequence")
    assert [tuple(row) for row in conflicts] == [("interval", 2), ("account", 3)]
    assert platform.ledger.read("SELECT sum(import_wh) FROM energy")[0][0] == 14
    assert platform.count("interval") == 2


def test_a_second_restart_from_the_same_entry_is_a_branch(platform: Platform, gateway: Gateway) -> None:
    """A card set back to the end of a chain that another has already followed is flagged too."""
    platform.say("gw-1", gateway.send(b"\x01"))
    one, two = gateway.restarted(b"j" * 16), gateway.restarted(b"k" * 16)
    platform.say("gw-1", one.send(b"\x02"))
    platform.say("gw-1", two.send(b"\x03"))
    chains = platform.ledger.read("SELECT branch FROM chain ORDER BY opened")
    assert [row["branch"] for row in chains] == [0, 0, 1]


def test_a_fork_is_refused_and_set_aside(platform: Platform, gateway: Gateway) -> None:
    """Two signed versions of one entry of one incarnation: the first stays, the second is evidence."""
    liar = Gateway("gw-1", gateway.signer)
    platform.say("gw-1", gateway.send(b"\x01"))
    raw = liar.send(b"\x02")
    assert platform.say("gw-1", raw) == [Refusal("gw-1", digest_of(raw), "fork", 0, platform.now_ms)]
    assert [tuple(row) for row in platform.ledger.read("SELECT reason, raw FROM set_aside")] == [("fork", raw)]
    assert platform.ledger.read("SELECT body FROM entry")[0]["body"] == b"\x01"


def test_a_hole_lets_the_entries_after_it_through(platform: Platform, gateway: Gateway) -> None:
    """Entries declared without bodies are a row of `hole`; the chain goes on after them."""
    platform.say("gw-1", gateway.send(b"\x01"))
    lost = gateway.batch(b"\x02", b"\x03")
    assert platform.receipted("gw-1", gateway.sealed(hole_of(lost))) == [3]
    later = gateway.restarted(b"j" * 16)
    assert platform.receipted("gw-1", later.send(b"\x04")) == [4]
    assert [row["sequence"] for row in platform.ledger.read("SELECT sequence FROM entry ORDER BY 1")] == [1, 4]
    assert [tuple(row) for row in platform.ledger.read("SELECT first_sequence, last_sequence FROM hole")] == [(2, 3)]


def test_fault_f06_every_flipped_byte_is_refused_and_leaves_no_entry(platform: Platform, gateway: Gateway) -> None:
    """Whatever byte of a sealed batch is changed, nothing of it is kept but the evidence."""
    raw = gateway.send(b"\x01")
    for at in range(len(raw)):
        changed = raw[:at] + bytes((raw[at] ^ 0x01,)) + raw[at + 1 :]
        answers = platform.say("gw-1", changed)
        assert len(answers) == 1 and isinstance(answers[0], Refusal), at
        assert answers[0].reason in ("bad-signature", "unknown-key", "malformed", "too-large")
    assert platform.count("entry") == 0 and platform.count("chain") == 0
    by_reason = platform.ledger.read("SELECT reason, count(*) FROM set_aside GROUP BY reason")
    assert all(row[1] <= acceptance.SET_ASIDE_MAX for row in by_reason)
    assert platform.receipted("gw-1", raw) == [1]


def test_fault_i06_a_key_speaks_for_its_own_gateway_only(platform: Platform, gateway: Gateway) -> None:
    """gw-2's good key under gw-1's name and topic is an unknown key there."""
    thief = Gateway("gw-1", signer_of(platform.home, "gw-2"))
    assert platform.refused("gw-1", thief.send(b"\x01")) == ["unknown-key"]
    assert platform.count("entry") == 0


def test_fault_i06_a_message_moved_to_another_topic_is_refused(platform: Platform, gateway: Gateway) -> None:
    """The topic is part of what is signed: gw-1's batch does not pass on gw-2's topic."""
    assert platform.refused("gw-2", gateway.send(b"\x01")) == ["unknown-key"]


def test_a_gateway_enrolled_while_the_platform_runs_is_believed_at_once(platform: Platform) -> None:
    """The folder of keys is looked at again when it has changed."""
    assert platform.refused("gw-3", b"nothing") == ["malformed"]
    late = Gateway("gw-3", signer_of(platform.home, "gw-3"))
    assert platform.receipted("gw-3", late.send(b"\x01")) == [1]


def test_an_enrolment_taken_back_ends_the_trust(platform: Platform, gateway: Gateway) -> None:
    """Without its key file a gateway is unknown, and what it sent before stays."""
    platform.say("gw-1", gateway.send(b"\x01"))
    (platform.home / "keys" / "gateways" / "gw-1.pub").unlink()
    assert platform.refused("gw-1", gateway.send(b"\x02")) == ["unknown-key"]
    assert platform.count("entry") == 1


def test_strangers_cannot_fill_the_ledger(platform: Platform) -> None:
    """Messages of keys that nobody enrolled are kept up to a limit, whatever names they take."""
    for number in range(acceptance.STRANGERS_MAX + 10):
        stranger = Gateway("stranger-%d" % number, signer_of(platform.home, "gw-1"))
        platform.say(stranger.name, stranger.send(b"\x01"))
    assert platform.count("set_aside") == acceptance.STRANGERS_MAX


def test_fault_g01_a_kill_between_commit_and_receipt_is_mended_by_the_repetition(
    platform: Platform, gateway: Gateway
) -> None:
    """What was committed before the receipt was lost is there after a restart, and receipted when it comes again."""
    raw = gateway.send(config(), interval(0, 60), account(0, 60, 7))
    platform.receiver.received("v1/b0/gw-1/up", raw, platform.now_ms)  # its answers are lost with the process
    platform.ledger.close()
    ledger = Ledger(platform.ledger.path)
    platform.ledger = platform.receiver.ledger = platform.receiver.enrolment.ledger = ledger
    assert platform.receipted("gw-1", raw) == [3]
    assert platform.count("entry") == 3 and platform.count("energy") == 2


def test_a_kill_before_the_commit_leaves_nothing(
    platform: Platform, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure at the last step before the commit leaves no row of the batch; the next attempt is whole."""

    class KilledError(Exception):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    raw = gateway.send(config(), interval(0, 60), account(0, 60, 7))
    with monkeypatch.context() as patch:
        patch.setattr(receiver, "keep_receipt", killed)
        with pytest.raises(KilledError):
            platform.say("gw-1", raw)
    assert {platform.count(table) for table in ("batch", "chain", "entry", "energy", "config", "receipt")} == {0}
    assert platform.receipted("gw-1", raw) == [3]


def test_bodies_that_cannot_be_read_are_accepted_and_named(platform: Platform, gateway: Gateway) -> None:
    """No body stops acceptance: garbage, an unknown kind, wrong types and numbers beyond 64 bits become `unread`."""
    strange = interval(0, 60)._replace(complete_ppm="many")
    large = account(60, 120, 7)._replace(energies=(Energy("Intake", 1 << 63, 0, ""),))
    deep = b"\x81" * 40 + b"\x00"
    bodies = (b"\xff", b"\xa1\x00\x18\x63", strange, interval(60, 120), large, deep, interval(180, 120))
    assert platform.receipted("gw-1", gateway.send(*bodies)) == [7]
    assert [row["sequence"] for row in platform.ledger.read("SELECT sequence FROM unread ORDER BY 1")] == [
        1, 2, 3, 5, 6, 7,
    ]  # fmt: skip
    assert platform.count("energy") == 0 and platform.count("span") == 0
    assert differences(platform.ledger) == []


def test_energy_totals_are_the_sums_between_first_and_last_words(platform: Platform, gateway: Gateway) -> None:
    """Two intervals of one register give its first and last words and the energy of both."""
    platform.say("gw-1", gateway.send(config(), interval(0, 60), account(0, 60, 7)))
    platform.say("gw-1", gateway.send(interval(60, 120), account(60, 120, 8)))
    totals = energy_totals(platform.ledger.path)
    assert totals == energy_totals(platform.ledger)
    intake = next(total for total in totals if total.meter == "m-intake")
    assert intake == ("gw-1", "m-intake", "energy_active_import", (0, 0), 0, (0, 120), 120_000, 15)


def test_messages_that_come_together_are_kept_together_or_not_at_all(
    platform: Platform, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one of three fails, none is kept and none answered; then each counts once, and one receipt is for all."""
    raws = [gateway.send(config())]
    raws += [gateway.send(interval(at_s, at_s + 60), account(at_s, at_s + 60, 7)) for at_s in (0, 60)]
    came = [Came(up_topic(BUCKET, "gw-1"), raw, platform.now_ms) for raw in raws]
    refused = raws[2]
    real = platform.receiver._judge

    def failing(gateway: str, message: Came) -> list[Given]:
        if message.raw == refused:
            raise sqlite3.OperationalError("disk I/O error")
        return real(gateway, message)

    with monkeypatch.context() as patched:
        patched.setattr(platform.receiver, "_judge", failing)
        with pytest.raises(sqlite3.OperationalError):
            platform.receiver.received_all(came)
    assert [platform.count(table) for table in ("batch", "entry", "receipt", "interval")] == [0, 0, 0, 0]
    answers = [open_answer(one.raw, one.topic, platform.ring) for one in platform.receiver.received_all(came)]
    assert [one.through_sequence for one in answers if isinstance(one, Receipt)] == [5]
    again = platform.receiver.received_all(came)
    assert len(again) == 1
    assert [platform.count(table) for table in ("batch", "entry", "interval", "conflict")] == [3, 5, 2, 0]


def test_one_receipt_for_many_leaves_no_fresh_time_unsaid(platform: Platform, gateway: Gateway) -> None:
    """Of three messages together the last is receipted; where that had no nonce, the last that had one too."""
    raws = [gateway.send(b"\x01"), gateway.send(b"\x02"), gateway.send(b"\x03")]
    topic = up_topic(BUCKET, "gw-1")

    def given(*nonces: bytes) -> list[tuple[int, bytes]]:
        came = [Came(topic, raw, platform.now_ms, nonce) for raw, nonce in zip(raws, nonces, strict=True)]
        answers = [open_answer(one.raw, one.topic, platform.ring) for one in platform.receiver.received_all(came)]
        return [(one.through_sequence, one.nonce) for one in answers if isinstance(one, Receipt)]

    one, two, three = b"1" * 16, b"2" * 16, b"3" * 16
    assert given(one, two, three) == [(3, three)]
    assert given(one, two, b"") == [(2, two), (3, b"")]
