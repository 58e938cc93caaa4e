"""Two platforms at once: real processes and brokers, one journal, a mark and a fate for each."""

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_sync.core.canonical import encode
from cloud_sync.core.entry import FIRST_SEQUENCE
from cloud_sync.keys import KeyRing, load_public
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.ledger import Ledger, energy_totals
from cloud_sync.sender import broker_settings
from cloud_sync.tests.conftest import signer_of
from cloud_sync.tests.gateways import BUCKET, Gateway, account, interval
from cloud_sync.tests.stands import PATIENCE_S, Stand
from gateway.config import UplinkSettings
from gateway.core.record import to_map
from gateway.journal import Journal
from gateway.key_files import Signing
from gateway.roads import RoadEnd, Roads

STEP_MS = 500


@pytest.fixture
def stands(tmp_path: Path) -> Iterator[tuple[Stand, Stand]]:
    """The platform of the park and that of the province, each with a broker of its own."""
    found = []
    for name in ("park", "province"):
        (tmp_path / name).mkdir()
        found.append(Stand(tmp_path / name))
    yield found[0], found[1]
    for stand in found:
        stand.end()


def _roads(stands: tuple[Stand, Stand], journal: Journal, gateway: Gateway) -> Callable[[Callable[[], bool]], Roads]:
    """Return a function that runs the roads to both platforms until what it is given holds."""
    woken = threading.Event()
    ends = []
    for stand in stands:
        name = stand.home.name
        uplink = UplinkSettings(name, stand.address, BUCKET, "platform.pub", "", "", "")
        ring = KeyRing([load_public(stand.home / "keys" / "platform.pub")])
        ends.append(RoadEnd(uplink, broker_settings(stand.address, gateway.name), ring))
    roads = Roads(ends, gateway.name, journal, Signing(gateway.signer, ()), woken.set)
    roads.start()

    def run(until: Callable[[], bool]) -> Roads:
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < deadline, roads.status()
            woken.clear()
            wait_ms = roads.step(time.monotonic_ns() // 1_000_000)
            assert wait_ms is not None
            woken.wait(min(STEP_MS, wait_ms) / 1000)
        return roads

    return run


def _ended(stand: Stand) -> None:
    for process in stand.running:
        process.send_signal(signal.SIGTERM)
    for process in stand.running:
        process.wait()


def test_fault_g10_two_platforms_have_cursors_of_their_own(stands: tuple[Stand, Stand]) -> None:
    """One platform is away for an hour of figures: the other gets all, nothing is freed, and then both have all."""
    park, province = stands
    gateway = Gateway("gw-1", signer_of(park.home, "gw-1"))
    shutil.copytree(park.home / "keys" / "gateways", province.home / "keys" / "gateways", dirs_exist_ok=True)
    journal = park.journal(gateway, "park", "province")
    park.broker()
    park.served()
    run = _roads(stands, journal, gateway)
    run(lambda: journal.receipted_through("park") == journal.head_sequence)
    assert journal.receipted_through("province") == 0 == journal.receipted_through()
    assert journal.free(10**9) == 0 and journal.entries(FIRST_SEQUENCE, FIRST_SEQUENCE)
    late = [encode(to_map(record)) for record in (interval(3600, 3660), account(3600, 3660, 60))]
    journal.commit(gateway.incarnation, late, seal=gateway.sealed, gateway=gateway.name)
    province.broker()
    province.served()
    roads = run(lambda: journal.receipted_through("province") >= 121)
    roads.sealed()
    run(lambda: journal.receipted_through() == journal.head_sequence)
    told = {road["platform"]: (road["receipted"], road["connected"]) for road in roads.status()}
    assert told == {"park": (journal.head_sequence, True), "province": (journal.head_sequence, True)}
    roads.stop()
    journal.close()
    for stand in stands:
        _ended(stand)
        ledger = Ledger(stand.home / "ledger.sqlite", read_only=True)
        found = audit(ledger, KeyRing([load_public(stand.home / "keys" / "platform.pub")]))
        ledger.close()
        assert found.problems == () and (found.entries, found.batches) == (123, 62)
        totals = {total.meter: total.energy_wh for total in energy_totals(stand.home / "ledger.sqlite")}
        assert totals == {"m-intake": sum(range(61)), "m-hall": sum(range(61))}
