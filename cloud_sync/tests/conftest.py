"""What the tests of the platform's end stand on: a home folder, a ledger, a receiver, an enrolled gateway."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloud_sync.core.receipt import Cosignature, Receipt, Refusal
from cloud_sync.core.topic import down_topic, up_topic
from cloud_sync.keys import KeyRing, Signer, load_public, load_signer, new_key
from cloud_sync.platform.enrolment import Enrolment, enrol
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.receiver import Receiver
from cloud_sync.seal import open_answer
from cloud_sync.tests.gateways import BUCKET, Gateway


@dataclass
class Platform:
    """A platform without its broker: messages in, answers out."""

    home: Path
    ledger: Ledger
    receiver: Receiver
    ring: KeyRing
    now_ms: int = 1_700_000_000_000
    notes: list[bytes] = field(default_factory=list)  # the cosignatures that were sent

    def say(self, gateway: str, raw: bytes) -> list[Receipt | Refusal]:
        """Let *raw* come on the topic of *gateway*; return the answers, verified."""
        answers = self.receiver.received(up_topic(BUCKET, gateway), raw, self.now_ms)
        assert {one.topic for one in answers} <= {down_topic(BUCKET, gateway)}
        opened = [open_answer(one.raw, one.topic, self.ring) for one in answers]
        self.notes += [one.note for one in opened if isinstance(one, Cosignature)]
        return [one for one in opened if not isinstance(one, Cosignature)]

    def receipted(self, gateway: str, raw: bytes) -> list[int]:
        """Let *raw* come; every answer must be a receipt; return through which sequences."""
        answers = self.say(gateway, raw)
        assert all(isinstance(one, Receipt) for one in answers), answers
        return [one.through_sequence for one in answers if isinstance(one, Receipt)]

    def refused(self, gateway: str, raw: bytes) -> list[str]:
        """Let *raw* come; every answer must be a refusal; return the reasons."""
        answers = self.say(gateway, raw)
        assert all(isinstance(one, Refusal) for one in answers), answers
        return [one.reason for one in answers if isinstance(one, Refusal)]

    def count(self, table: str) -> int:
        """Return how many rows *table* has."""
        count: int = self.ledger.read(f"SELECT count(*) FROM {table}")[0][0]
        return count


def signer_of(home: Path, gateway: str) -> Signer:
    """Return the signer of an enrolled gateway; its key is made the first time."""
    path = home / "edge" / f"{gateway}.key"
    if not path.exists():
        new_key(path)
        enrol(home / "keys" / "gateways", gateway, path.with_suffix(".pub"))
    return load_signer(path)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform with an empty ledger at which gw-1 and gw-2 are enrolled."""
    new_key(tmp_path / "keys" / "platform.key")
    signer_of(tmp_path, "gw-1")
    signer_of(tmp_path, "gw-2")
    ledger = Ledger(tmp_path / "ledger.sqlite")
    enrolment = Enrolment(tmp_path / "keys" / "gateways", ledger)
    receiver = Receiver(ledger, enrolment, load_signer(tmp_path / "keys" / "platform.key"), BUCKET)
    yield Platform(tmp_path, ledger, receiver, KeyRing([load_public(tmp_path / "keys" / "platform.pub")]))
    ledger.close()


@pytest.fixture
def gateway(platform: Platform) -> Gateway:
    """The enrolled gateway gw-1, at its first start."""
    return Gateway("gw-1", signer_of(platform.home, "gw-1"))
