"""Bad networks over real mosquitto with TLS: dead links are noticed, links that are back are used, nothing is lost."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_sync.core.uplink import TIMEOUT_MS, Uplink
from cloud_sync.platform.ledger import Ledger
from gateway.tests.small_park import DAY_START_S, SITE, SmallPark
from hil_tests.conftest import TOLD
from hil_tests.foreign import wanted
from hil_tests.network import GATEWAY_ADDRESS, GATEWAY_SIDE, Network, network
from hil_tests.road_stand import PORT, RoadEnd, RoadStand, wait_until

GATEWAY = "gw-test"
DELAY_S = 0.03  # each way
NOTICE_S = 10.0
BACK_S = 10.0  # from a link that is back to the first receipt
PATIENCE_S = 60.0
COUNTED_S = 1.2  # until the link has told what it did so far
OTHER_ADDRESS = "10.99.0.9"
NARROW = "max_inflight_messages 1\nmax_queued_messages 2\n"


class Place:
    """A small park at one end of a network, and its platform at the other."""

    def __init__(
        self, folder: Path, net: Network, port: int = PORT, narrow: str = "", timeout_ms: int = TIMEOUT_MS
    ) -> None:
        home = folder / "home"
        home.mkdir()
        (folder / "platform").mkdir()
        self.net = net
        self.park = SmallPark(home, SITE.replace('"15 min"', '"1 min"'))
        net.link(delay_s=DELAY_S)
        self.stand = RoadStand(folder / "platform", net, GATEWAY, home / "keys" / "gateway.pub", port, narrow)
        self.minutes = 0
        recorder = self.park.recorder
        assert recorder._signer is not None
        self.end = RoadEnd(
            self.stand, net, self.park.journal, GATEWAY, recorder._signer, Uplink(0, timeout_ms=timeout_ms)
        )
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


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory, net: Network) -> Iterator[Place]:
    """A park and a platform that go through one bad link after another."""
    made = Place(tmp_path_factory.mktemp("worn"), net)
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


def _landed(place: Place, tell: Callable[[str, object], None], what: str, *wanted: str, minutes: int = 5) -> None:
    """Close minutes and check that they arrive, until the link has done each of *wanted* to some frame."""
    time.sleep(COUNTED_S)
    before, began_s, closed = place.net.counts(), time.monotonic(), place.minutes
    while True:
        place.close_minutes(minutes)
        place.check()
        took_s = time.monotonic() - began_s
        time.sleep(COUNTED_S)
        did = {name: count - before[name] for name, count in place.net.counts().items()}
        if all(did[name] > 0 for name in wanted):
            break
    closed, kilobytes = place.minutes - closed, did["bytes"] // 1000
    tell(TOLD, "%s: %d minutes landed after %.1f s, %d kB on the link" % (what, closed, took_s, kilobytes))


@pytest.mark.slow
def test_fault_f03_nothing_is_lost_over_a_link_that_loses_delays_and_repeats(
    worn: Place, record_property: Callable[[str, object], None]
) -> None:
    """Of ten frames one is lost, one comes twice, and they overtake each other: each entry is kept once."""
    worn.net.link(delay_s=0.06, jitter_s=0.03, loss=0.1, twice=0.1)
    _landed(worn, record_property, "10 % lost, 10 % twice, 60 +- 30 ms each way", "lost", "doubled")


@pytest.mark.slow
def test_fault_f04_a_link_of_64_kbit_carries_the_backlog(
    worn: Place, record_property: Callable[[str, object], None]
) -> None:
    """At 8 kB a second the minutes arrive, once each, and no batch is sent a second time for want of patience."""
    worn.net.link(delay_s=DELAY_S, bytes_s=8000)
    again = worn.end.sender.status().sent_again
    _landed(worn, record_property, "64 kbit/s", minutes=30)
    assert worn.end.sender.status().sent_again == again


@pytest.mark.slow
def test_fault_f05_a_link_that_flaps_is_used_whenever_it_is_there(
    worn: Place, record_property: Callable[[str, object], None]
) -> None:
    """The link is gone for 3.5 s of each 7: every entry arrives, and is kept once."""
    worn.net.link(delay_s=DELAY_S, flap_s=3.5)
    try:
        _landed(worn, record_property, "flapping every 3.5 s", "lost")
    finally:
        worn.net.link(delay_s=DELAY_S)


@pytest.mark.slow
def test_fault_f06_bytes_changed_past_the_check_sum_of_tcp_are_never_kept(
    worn: Place, record_property: Callable[[str, object], None]
) -> None:
    """One frame in thirty has words in each other's place, which TCP takes: nothing wrong is kept, nothing is lost."""
    worn.net.link(delay_s=DELAY_S, corrupt=0.03)
    _landed(worn, record_property, "one frame in thirty damaged", "corrupted")
    worn.net.link(delay_s=DELAY_S)


@pytest.mark.slow
def test_fault_f07_another_address_costs_a_connection_and_nothing_else(worn: Place) -> None:
    """The carrier gives the gateway another address in the middle of it: all arrives over a new connection."""
    worn.net.link(delay_s=DELAY_S)
    worn.net.move(GATEWAY_SIDE, GATEWAY_ADDRESS, OTHER_ADDRESS)
    try:
        worn.close_minutes(2)
        worn.check()
    finally:
        worn.net.move(GATEWAY_SIDE, OTHER_ADDRESS, GATEWAY_ADDRESS)


@pytest.mark.slow
def test_fault_f09_what_the_broker_drops_without_a_word_is_sent_again(tmp_path: Path, net: Network) -> None:
    """A broker that acknowledges all and keeps two for a platform that stands still loses the rest; nothing is lost."""
    place = Place(tmp_path, net, PORT + 1, NARROW, 2000)
    try:
        place.stand.platform.send_signal(signal.SIGSTOP)
        place.close_minutes(10)
        wait_until(lambda: place.end.sender.status().sent_again > 0, PATIENCE_S, place.end.sender.status)
        place.stand.platform.send_signal(signal.SIGCONT)
        place.check()
    finally:
        place.close()
