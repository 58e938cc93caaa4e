"""A small park and its platform in one process, without a broker: what tests of tampering tamper with."""

import shutil
from pathlib import Path

from cloud_sync.core.receipt import Cosignature, Receipt, Refusal
from cloud_sync.core.topic import down_topic, up_topic
from cloud_sync.keys import KeyRing, load_public, load_signer
from cloud_sync.note import read_note
from cloud_sync.platform.enrolment import Enrolment, enrol
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.receiver import Receiver
from cloud_sync.seal import open_answer
from gateway.journal import Journal
from gateway.tests.small_park import DAY_START_S, SITE, SmallPark

GATEWAY, BUCKET = "gw-test", "b0"
UP, DOWN = up_topic(BUCKET, GATEWAY), down_topic(BUCKET, GATEWAY)
STEP_S = 900
DAY_S = 86400
COUNTED = (
    ("m-intake", "energy_active_import", 12_000),
    ("m-roof", "energy_active_export", 1_100),
    ("m-mill", "energy_active_import", 500),
    ("m-battery", "energy_active_import", 200),
)


class Pair:
    """A gateway with a platform that answers at once."""

    def __init__(self, folder: Path, site: str = SITE) -> None:
        self.folder = folder
        home, platform = folder / "home", folder / "platform"
        home.mkdir()
        self.park = SmallPark(home, site)
        self.ring = KeyRing([load_public(home / "keys" / "platform.pub")])
        enrol(platform / "keys" / "gateways", GATEWAY, home / "keys" / "gateway.pub")
        self.ledger = Ledger(platform / "ledger.sqlite")
        enrolment = Enrolment(platform / "keys" / "gateways", self.ledger)
        signer = load_signer(home / "keys" / "platform.key")
        self.receiver = Receiver(self.ledger, enrolment, signer, BUCKET)
        self.refusals: list[str] = []
        self.notes: list[bytes] = []
        self.auditor = folder / "auditor"
        self.auditor.mkdir()
        for name in ("gateway", "platform"):
            shutil.copy(home / "keys" / (name + ".pub"), self.auditor)

    def run(self, first: int, last: int) -> None:
        """Read all meters at the quarter hours *first* to *last* of the day, with some energy between."""
        for number in range(first, last + 1):
            self.park.read_at(DAY_START_S + number * STEP_S)
            for meter, quantity, counts in COUNTED:
                if (meter, quantity) in self.park.counts:
                    self.park.count(meter, quantity, counts + number % 7)

    def carry(self, journal: Journal | None = None, after: int | None = None) -> None:
        """Send every sealed batch that has no receipt, and take the answers home."""
        journal = journal or self.park.journal
        after = journal.receipted_through() if after is None else after
        while (sealed := journal.next_sealed(after)) is not None:
            after = sealed.last
            for answer in self.say(sealed.signed):
                if isinstance(answer[0], Receipt):
                    journal.receipted(answer[0].through_sequence, answer[1])
                elif isinstance(answer[0], Cosignature):
                    journal.cosigned(read_note(answer[0].note, self.ring).size, answer[0].note)
                    self.notes.append(answer[0].note)
                else:
                    self.refusals.append(answer[0].reason)

    def say(self, raw: bytes) -> list[tuple[Receipt | Refusal | Cosignature, bytes]]:
        """Let the platform hear one message; return its answers, opened and as they were sent."""
        answers = self.receiver.received(UP, raw, self.park.clock.now_ms)
        return [(open_answer(one.raw, DOWN, self.ring), one.raw) for one in answers]

    def close(self) -> None:
        """Close both ends."""
        self.park.journal.close()
        self.ledger.close()
