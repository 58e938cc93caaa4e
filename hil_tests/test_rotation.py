"""Rotation of the signing key: announced in the chain, followed by platform and auditor, and whole after any kill."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cloud_sync.core.batch import read_envelope
from cloud_sync.core.receipt import Receipt, Refusal
from cloud_sync.core.topic import down_topic, up_topic
from cloud_sync.keys import KeyRing, load_public, load_signer, new_key
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.enrolment import Enrolment, enrol
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.receiver import Receiver
from cloud_sync.seal import open_answer
from gateway import key_files
from gateway.cli import main
from gateway.core.problem import ProblemError
from gateway.export import write_export
from gateway.journal import Journal
from gateway.key_files import next_path, signing
from gateway.recorder import Recorder, key_path
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark
from gateway.verification import verify_export

BUCKET = "b0"
UP, DOWN = up_topic(BUCKET, "gw-test"), down_topic(BUCKET, "gw-test")
AT_MS = 1_700_000_000_000


class Both:
    """A small park, and a platform at which its first key is enrolled."""

    def __init__(self, folder: Path) -> None:
        self.home, self.platform_home = folder / "home", folder / "platform"
        self.home.mkdir()
        self.park = SmallPark(self.home)
        self.first_public = load_public(key_path(self.home).with_suffix(".pub"))
        gateways = self.platform_home / "keys" / "gateways"
        enrol(gateways, "gw-test", key_path(self.home).with_suffix(".pub"))
        self.ledger = Ledger(self.platform_home / "ledger.sqlite")
        self.receiver = Receiver(self.ledger, Enrolment(gateways, self.ledger), self.park.platform, BUCKET)
        self.ring = KeyRing([load_public(self.home / "keys" / "platform.pub")])

    def work(self, first: int, count: int) -> None:
        """Close some intervals."""
        for number in range(first, first + count):
            self.park.read_at(DAY_START_S + number * 900)
            self.park.count("m-intake", "energy_active_import", 12_000)

    def rotate(self, *options: str) -> dict[str, Any]:
        """Stop, rotate by the command, and start again."""
        self.park.close()
        result = CliRunner().invoke(main, ["--home", str(self.home), "keys", "rotate", "--json", *options])
        assert result.exit_code == 0, result.output
        self.restart()
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def restart(self) -> None:
        """Start the gateway's books with the key that signs now."""
        park = self.park
        park.journal = Journal(park.journal.path)
        signer = signing(self.home, park.journal).signer
        park.recorder = Recorder(park.configuration, park.journal, park.clock, signer)
        park.recorder.start()

    def send(self) -> list[Receipt | Refusal]:
        """Send all that has no receipt; keep the receipts."""
        answers: list[Receipt | Refusal] = []
        after = self.park.journal.receipted_through()
        while (sealed := self.park.journal.next_sealed(after)) is not None:
            for answer in self.receiver.received(UP, sealed.signed, AT_MS):
                said = open_answer(answer.raw, DOWN, self.ring)
                if isinstance(said, Receipt):
                    self.park.journal.receipted(said.through_sequence, answer.raw)
                if isinstance(said, Receipt | Refusal):
                    answers.append(said)
            after = sealed.last
        return answers

    def auditor(self, folder: Path) -> Path:
        """Return the folder of an auditor who knows the first key of the gateway, and the platform's."""
        folder.mkdir()
        (folder / "gateway.pub").write_text(self.first_public.pem())
        (folder / "platform.pub").write_bytes((self.home / "keys" / "platform.pub").read_bytes())
        return folder

    def kids(self) -> list[str]:
        """Return the key that signed each batch, in order, each once."""
        found: list[str] = []
        after = 0
        while (sealed := self.park.journal.next_sealed(after)) is not None:
            kid = read_envelope(sealed.signed).kid.hex()
            found += [kid] if found[-1:] != [kid] else []
            after = sealed.last
        return found


def test_platform_and_auditor_follow_two_changes_of_key(tmp_path: Path) -> None:
    """Ed25519 to SM2 to Ed25519: all is receipted, and verifies for who knows the first key alone."""
    both = Both(tmp_path)
    both.work(0, 2)
    first = both.rotate("--suite", "sm2")
    assert load_public(key_path(both.home).with_suffix(".pub")).kid.hex() == first["kid"]
    both.work(2, 1)
    second = both.rotate()
    both.work(3, 2)
    assert both.kids() == [first["old_kid"], first["kid"], second["kid"]] and second["old_kid"] == first["kid"]
    assert all(isinstance(one, Receipt) for one in both.send())
    assert both.park.journal.receipted_through() == both.park.journal.head_sequence
    write_export(both.park.configuration, both.park.journal, DAY, str(tmp_path / "day.wpx"))
    found = verify_export(tmp_path / "day.wpx", both.auditor(tmp_path / "auditor"))
    assert (found["key_changes"], found["intervals"]) == (2, 4)
    assert audit(both.ledger, both.ring).problems == ()
    details = both.ledger.read("SELECT details FROM event WHERE code = 'key-changed' ORDER BY sequence")
    assert [json.loads(row[0])["new"] for row in details] == [first["kid"], second["kid"]]
    both.park.close()


def test_a_later_day_is_verified_with_the_first_key(tmp_path: Path) -> None:
    """An export of a day after the change carries the change itself."""
    both = Both(tmp_path)
    both.rotate()
    both.work(0, 3)
    both.send()
    write_export(both.park.configuration, both.park.journal, DAY, str(tmp_path / "day.wpx"))
    found = verify_export(tmp_path / "day.wpx", both.auditor(tmp_path / "auditor"))
    assert (found["key_changes"], found["intervals"]) == (1, 2)
    both.park.close()


class KilledError(Exception):
    """The process ends here."""


STEPS = ("commit", "keep", "rename-old", "rename-new", "public")


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_between_any_two_steps_leaves_one_key(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the entry is committed the old key goes on, after it the new one; nothing is lost or refused."""
    both = Both(tmp_path)
    both.work(0, 1)
    old = load_signer(key_path(both.home)).kid
    new = new_key(next_path(both.home)).kid
    if step != "commit":
        both.park.recorder.change_key(load_signer(next_path(both.home)), lambda _: None)
    both.park.journal.close()
    if step != "commit":
        _killed(monkeypatch, step)
        with pytest.raises(KilledError):
            key_files.take_over(both.home, old)
        monkeypatch.undo()
    both.restart()
    both.work(1, 2)
    assert load_signer(key_path(both.home)).kid == (old if step == "commit" else new)
    assert load_public(key_path(both.home).with_suffix(".pub")).kid == load_signer(key_path(both.home)).kid
    answers = both.send()
    assert answers and all(isinstance(one, Receipt) for one in answers)
    if step == "commit":  # the unused key does not stand in the way of the next attempt
        assert both.rotate()["old_kid"] == old.hex()
    both.park.close()


def _killed(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Let the process end before *step*."""

    def end(*_: object) -> None:
        raise KilledError

    renames = iter((step == "rename-old", step == "rename-new"))
    true_rename: Callable[[Path, Path], Path] = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.name in ("gateway.key", "next.key") and next(renames):
            end()
        return true_rename(path, target)

    if step == "keep":
        monkeypatch.setattr(key_files, "_keep_public", end)
    elif step == "public":
        monkeypatch.setattr(key_files, "_write_public", end)
    else:
        monkeypatch.setattr(Path, "rename", rename)


def test_a_revoked_gateway_goes_on_with_another_key(tmp_path: Path) -> None:
    """What waits unreceipted is signed again by the key that took the revoked one's place."""
    both = Both(tmp_path)
    both.work(0, 2)
    both.send()
    both.work(2, 2)
    old = load_signer(key_path(both.home))
    both.park.close()
    result = CliRunner().invoke(main, ["--home", str(both.home), "keys", "new", "--replace", "--json"])
    assert result.exit_code == 0, result.output
    enrol(both.platform_home / "keys" / "gateways", "gw-test", key_path(both.home).with_suffix(".pub"))
    both.restart()
    waiting = both.park.journal.next_sealed(both.park.journal.receipted_through())
    assert waiting is not None and read_envelope(waiting.signed).kid.hex() == json.loads(result.stdout)["kid"]
    assert all(isinstance(one, Receipt) for one in both.send())
    assert both.park.journal.receipted_through() == both.park.journal.head_sequence
    kept = load_public(both.home / "keys" / "former" / (old.kid.hex() + ".pub"))
    assert kept.kid == old.kid and not list((both.home / "keys").rglob(old.kid.hex() + ".key"))
    assert audit(both.ledger, both.ring).problems == ()
    both.park.close()


def test_a_key_that_handed_over_is_not_taken_again(tmp_path: Path) -> None:
    """A folder of keys from a backup before the change is refused at the start, and said so."""
    both = Both(tmp_path)
    kept = key_path(both.home).read_bytes()
    both.rotate()
    both.park.close()
    key_path(both.home).write_bytes(kept)
    journal = Journal(both.park.journal.path)
    with pytest.raises(ProblemError) as caught:
        signing(both.home, journal)
    journal.close()
    assert caught.value.problems[0].code == "WP-KEY-022"


def test_a_hole_before_the_change_is_signed_by_the_key_before(tmp_path: Path) -> None:
    """Until the change is receipted the old key is kept for that; afterwards it is gone from the disk."""
    both = Both(tmp_path)
    both.work(0, 2)
    old = load_signer(key_path(both.home)).kid
    answer = both.rotate()
    (kept,) = signing(both.home, both.park.journal).handovers
    assert (kept.sequence, kept.former.kid) == (answer["entry"], old)
    assert both.first_public.verify(kept.former.sign(b"a hole"), b"a hole")
    both.send()
    assert signing(both.home, both.park.journal).handovers == ()
    assert not list((both.home / "keys").rglob(old.hex() + ".key"))
    both.park.close()
