"""The three suites of keys from the journal to the auditor: Ed25519 in a file, P-256 in a TPM, SM2 with SM3."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sync.core.batch import Batch, read_envelope
from cloud_sync.core.canonical import decode
from cloud_sync.core.receipt import Receipt
from cloud_sync.core.topic import down_topic, up_topic
from cloud_sync.keys import SUITES, KeyRing, Signer, load_public, load_signer, new_key
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.enrolment import Enrolment, enrol
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.receiver import Receiver
from cloud_sync.seal import SealError, open_answer, open_sealed, seal
from cloud_sync.tests.gateways import Gateway, config
from gateway.core.problem import ProblemError
from gateway.core.record import Event, KeyChange, from_map
from gateway.export import write_export
from gateway.recorder import key_path
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark
from gateway.verification import verify_export
from hil_tests.software_tpm import software_tpm

BUCKET = "b0"
UP, DOWN = up_topic(BUCKET, "gw-test"), down_topic(BUCKET, "gw-test")
ALGORITHM = {"eddsa": -8, "es256-tpm": -7, "sm2": -65793}


@pytest.fixture(params=list(SUITES))
def suite(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a suite, with a software TPM where it needs one."""
    with contextlib.ExitStack() as stack:
        if request.param == "es256-tpm":
            stack.enter_context(software_tpm(tmp_path / "tpm", monkeypatch))
        yield request.param


def test_a_suite_proves_a_day_end_to_end(suite: str, tmp_path: Path) -> None:
    """The journal seals, the platform verifies and receipts, the auditor verifies offline, the ledger audits clean."""
    home, platform = tmp_path / "home", tmp_path / "platform"
    home.mkdir()
    park = SmallPark(home, suite=suite)
    for number in range(3):
        park.read_at(DAY_START_S + number * 900)
        park.count("m-intake", "energy_active_import", 12_000)
    enrol(platform / "keys" / "gateways", "gw-test", key_path(home).with_suffix(".pub"))
    ledger = Ledger(platform / "ledger.sqlite")
    receiver = Receiver(ledger, Enrolment(platform / "keys" / "gateways", ledger), park.platform, BUCKET)
    ring = KeyRing([load_public(home / "keys" / "platform.pub")])
    after = 0
    while (sealed := park.journal.next_sealed(after)) is not None:
        signed = read_envelope(sealed.signed)
        assert (signed.algorithm, signed.kid) == (ALGORITHM[suite], load_signer(key_path(home)).kid)
        answer = receiver.received(UP, sealed.signed, 1_700_000_000_000)[0]  # a cosignature may follow it
        receipt = open_answer(answer.raw, DOWN, ring)
        assert isinstance(receipt, Receipt) and receipt.link == park.journal.link_at(receipt.through_sequence)
        park.journal.receipted(receipt.through_sequence, answer.raw)
        after = sealed.last
    assert park.journal.receipted_through() == park.journal.head_sequence
    write_export(park.configuration, park.journal, DAY, str(tmp_path / "day.wpx"))
    park.close()
    keys = tmp_path / "auditor"
    keys.mkdir()
    for name in ("gateway", "platform"):
        (keys / (name + ".pub")).write_text(load_public(home / "keys" / (name + ".pub")).pem())
    assert verify_export(tmp_path / "day.wpx", keys)["intervals"] == 2
    assert audit(ledger, ring).problems == ()
    ledger.close()


def test_fault_i20_the_algorithm_belongs_to_the_key(suite: str, tmp_path: Path) -> None:
    """A batch that states another algorithm than that of its key id is refused, whatever else in it is right."""
    public = new_key(tmp_path / "gw.key", *SUITES[suite])
    signer = load_signer(tmp_path / "gw.key")
    ring = KeyRing([public])
    gateway = Gateway("gw-test", signer)
    batch = gateway.batch(config())
    assert open_sealed(seal(batch, signer, UP), UP, ring) == batch
    for stated in (*sorted(set(ALGORITHM.values()) - {signer.algorithm}), 0, 5, -65535):
        forged = Signer(signer.kid, stated, signer.public_bytes, signer.sign)
        with pytest.raises(SealError, match="not that of the key"):
            open_sealed(seal(batch, forged, UP), UP, ring)
    for name, (algorithm, in_tpm) in SUITES.items():  # the key of another suite under this key id
        if name != suite and not in_tpm:
            new_key(tmp_path / (name + ".key"), algorithm)
            stranger = load_signer(tmp_path / (name + ".key"))
            forged = Signer(signer.kid, signer.algorithm, signer.public_bytes, stranger.sign)
            with pytest.raises(SealError, match="bad-signature"):
                open_sealed(seal(batch, forged, UP), UP, ring)


def test_the_key_in_a_tpm_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key file holds a handle and the public half alone; another TPM signs nothing under that key."""
    with software_tpm(tmp_path / "tpm", monkeypatch):
        public = new_key(tmp_path / "gw.key", *SUITES["es256-tpm"])
        text = (tmp_path / "gw.key").read_text()
        assert "PRIVATE" not in text and public.pem().split("\n")[1] in text
        signature = load_signer(tmp_path / "gw.key").sign(b"x" * 100_000)
        assert public.verify(signature, b"x" * 100_000) and not public.verify(signature, b"x" * 99_999)
        second = new_key(tmp_path / "gw-2.key", *SUITES["es256-tpm"])
        assert second.kid != public.kid
    with software_tpm(tmp_path / "other-tpm", monkeypatch), pytest.raises(ProblemError) as caught:
        load_signer(tmp_path / "gw.key").sign(b"message")
    assert caught.value.problems[0].code == "WP-KEY-013"


def test_fault_i18_no_key_is_made_of_weak_randomness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system whose random numbers repeat, or are all alike, gets no key of any suite; a sound one does."""
    drawn = iter(range(100))
    for broken in (lambda count: bytes(range(count)), lambda count: bytes([next(drawn)]) * count):
        monkeypatch.setattr("os.getrandom", broken)
        for algorithm, in_tpm in SUITES.values():
            with pytest.raises(ProblemError) as caught:
                new_key(tmp_path / "gw.key", algorithm, in_tpm)
            assert caught.value.problems[0].code == "WP-KEY-011" and not list(tmp_path.iterdir())
    monkeypatch.undo()
    assert new_key(tmp_path / "gw.key").kid


def test_a_tpm_that_is_gone_for_a_while_costs_no_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries are kept unsigned meanwhile, and signed in order when it is back; no change of key happens without it."""
    home = tmp_path / "home"
    home.mkdir()
    with software_tpm(tmp_path / "tpm", monkeypatch):
        park = SmallPark(home, suite="es256-tpm")
        park.read_at(DAY_START_S)
    sealed_before = park.journal.head_sequence
    park.read_at(DAY_START_S + 900)
    new_key(home / "next.key")
    with pytest.raises(ProblemError):
        park.recorder.change_key(load_signer(home / "next.key"), lambda _: None)
    park.read_at(DAY_START_S + 1800)
    kept = park.journal.head_sequence
    assert kept > sealed_before and not park.journal.sealed_between(kept, kept)
    with software_tpm(tmp_path / "tpm", monkeypatch):
        park.read_at(DAY_START_S + 2700)
        ring = KeyRing([load_public(key_path(home).with_suffix(".pub"))])
        after, codes = 0, []
        while (sealed := park.journal.next_sealed(after)) is not None:
            batch = open_sealed(sealed.signed, UP, ring)
            assert isinstance(batch, Batch) and batch.first_sequence == after + 1
            records = [from_map(decode(body)) for body in batch.bodies]  # type: ignore[arg-type]
            assert not [one for one in records if isinstance(one, KeyChange)]
            codes += [one.code for one in records if isinstance(one, Event) and "signing" in one.code]
            after = sealed.last
        assert after == park.journal.head_sequence > kept and codes == ["signing-failed", "signing-back"]
        park.close()


def test_a_refused_change_of_key_leaves_what_was_to_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key is found gone just as it is to hand over, the journal still hears that it could not sign."""
    home = tmp_path / "home"
    home.mkdir()
    with software_tpm(tmp_path / "tpm", monkeypatch):
        park = SmallPark(home, suite="es256-tpm")
        park.read_at(DAY_START_S)
    park.recorder.event("read")
    new_key(home / "next.key")
    with pytest.raises(ProblemError):
        park.recorder.change_key(load_signer(home / "next.key"), lambda _: None)
    with software_tpm(tmp_path / "tpm", monkeypatch):
        park.read_at(DAY_START_S + 900)
    park.recorder.written()
    records = [from_map(decode(one.body)) for one in park.journal.entries(1, park.journal.head_sequence)]  # type: ignore[arg-type]
    codes = [one.code for one in records if isinstance(one, Event)]
    assert [code for code in codes if code in ("read", "signing-failed", "signing-back")] == [
        "read", "signing-failed", "signing-back",
    ]  # fmt: skip
    assert not [one for one in records if isinstance(one, KeyChange)]
