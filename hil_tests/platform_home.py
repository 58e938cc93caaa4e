"""A platform's home folder with everything that a gateway's journal has."""

from pathlib import Path

from cloud_sync.core.topic import up_topic
from cloud_sync.keys import load_signer, new_key
from cloud_sync.platform.enrolment import Enrolment, enrol
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.receiver import Receiver
from gateway.tests.small_park import SmallPark

BUCKET = "b0"
SETTINGS = '[platform]\nbroker = "mqtt://127.0.0.1:1"\nlisten = "127.0.0.1:0"\n'


def platform_home(folder: Path, park: SmallPark) -> Path:
    """Lay out a platform in *folder* that took every batch of *park*."""
    (folder / "platform.toml").write_text(SETTINGS)
    new_key(folder / "keys" / "platform.key")
    enrol(folder / "keys" / "gateways", "gw-test", park.home / "keys" / "gateway.pub")
    ledger = Ledger(folder / "ledger.sqlite")
    enrolment = Enrolment(folder / "keys" / "gateways", ledger)
    receiver = Receiver(ledger, enrolment, load_signer(folder / "keys" / "platform.key"), BUCKET)
    after = 0
    while (sealed := park.journal.next_sealed(after)) is not None:
        receiver.received(up_topic(BUCKET, "gw-test"), sealed.signed, 1_700_000_000_000)
        after = sealed.last
    assert ledger.read("SELECT max(head_sequence) FROM chain")[0][0] == park.journal.head_sequence
    ledger.close()
    return folder
