"""Bad networks over real mosquitto with TLS: dead links are noticed, links that are back are used, nothing is lost."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_sync.platform.ledger import Ledger
from gateway.tests.small_park import DAY_START_S, SITE, SmallPark
from hil_tests.conftest import TOLD
from hil_tests.foreign import wanted
from hil_tests.network import Network, network
from hil_tests.road_stand import RoadEnd, RoadStand, wait_until

GATEWAY = "gw-test"
DELAY_S = 0.03  # each way
NOTICE_S = 10.0
BACK_S = 10.0  # from a link that is back to the first receipt
PATIENCE_S = 60.0


class Place:
    """A small park at one end of a network, and its platform at the other."""

    def __init__(self, folder: Path, net: Network) -> None:
        home = folder / "home"
        home.mkdir()
        (folder / "platform").mkdir()
        self.net = net
        self.park = SmallPark(home, SITE.replace('"15 min"', '"1 min"'))
        net.link(delay_s=DELAY_S)
        self.stand = RoadStand(folder / "platform", net, GATEWAY, home / "keys" / "gateway.pub")
        self.minutes = 0
        recorder = self.park.recorder
        assert recorder._signer is not None
        self.end = RoadEnd(self.stand, net, self.park.journal, GATEWAY, recorder._signer)
        self.close_minutes(2)
        self.end.start()
        self.all_receipted()

    def close_minutes(self, count: int) -> None:
        """Let *count* minutes pass at the park."""
        with self.end.lock:
            for _ in range(count):
                self.park.read_at(DAY_START_S + 60 * self.minutes)
                self.park.count("m-intake", "energy_active_import", 800)
                self.park.count("m-mill", "energy_active_import", 50)
                self.minutes += 1
        self.end.sender.sealed()
        self.end.wake()

    def all_receipted(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until the platform has a receipt for every entry."""

        def done() -> bool:
            with self.end.lock:
                return self.park.journal.receipted_through() == self.park.journal.head_sequence

        wait_until(done, patience_s, self.end.sender.status)

    def check(self) -> None:
        """Every entry is at the platform once, and every closed minute is counted once."""
        self.all_receipted()
        ledger = Ledger(self.stand.home / "ledger.sqlite", read_only=True)
        try:
            kept = [row[0] for row in ledger.read("SELECT sequence FROM entry ORDER BY sequence")]
            counted = ledger.read("SELECT count(*) FROM interval WHERE account IS NOT NULL")[0][0]
            conflicts = ledger.read("SELECT * FROM conflict")
        finally:
            ledger.close()
        assert kept == list(range(1, self.park.journal.head_sequence + 1))
        assert counted == self.minutes - 1
        assert conflicts == []

    def close(self) -> None:
        """End it all."""
        self.end.end()
        self.stand.end()
        self.park.journal.close()


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A gateway's side and a platform's side of a network."""
    wanted("mosquitto")
    with network(tmp_path_factory.mktemp("network")) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, net: Network) -> Iterator[Place]:
    """A park whose first minutes are receipted over a good link of 60 ms."""
    made = Place(tmp_path, net)
    try:
        yield made
    finally:
        made.close()


def _seconds_to(place: Place, what: str, after_s: float) -> float:
    wait_until(lambda: place.end.notice.first(what, after_s) is not None, PATIENCE_S, place.end.sender.status)
    found = place.end.notice.first(what, after_s)
    assert found is not None
    return found - after_s


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["both", "down"])
def test_fault_f01_f02_a_dead_link_is_noticed_and_used_again(
    place: Place, lost: str, record_property: Callable[[str, object], None]
) -> None:
    """The link loses all, or all that comes back: known within 10 s of sending, receipts 10 s after it is back."""
    place.net.link(delay_s=DELAY_S, lost=lost)
    place.close_minutes(1)
    dead_s = time.monotonic()
    noticed_s = _seconds_to(place, "closed", dead_s)
    place.close_minutes(2)
    time.sleep(5)  # The pauses between attempts have grown to their longest.
    place.net.link(delay_s=DELAY_S)
    receipt_s = _seconds_to(place, "receipt", time.monotonic())
    record_property(TOLD, "link loses %s: noticed after %.1f s, receipt %.1f s after" % (lost, noticed_s, receipt_s))
    assert noticed_s <= NOTICE_S
    assert receipt_s <= BACK_S
    place.check()
