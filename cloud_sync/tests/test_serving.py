"""The platform's process from end to end: a real broker, the gateway's real sender, kills in between."""

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sync.keys import KeyRing, load_public
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.ledger import Ledger, energy_totals
from cloud_sync.tests.conftest import signer_of
from cloud_sync.tests.gateways import Gateway
from cloud_sync.tests.stands import Stand


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """A stand whose processes do not outlive the test."""
    stand = Stand(tmp_path)
    yield stand
    stand.end()


def test_nothing_is_lost_and_nothing_counted_twice_when_the_platform_is_killed(stand: Stand) -> None:
    """Over a broker that forgets and a platform killed twice, every interval is in the ledger exactly once."""
    gateway = Gateway("gw-1", signer_of(stand.home, "gw-1"))
    journal = stand.journal(gateway)
    broker = stand.broker()
    platform, _page = stand.served()
    stand.sender(journal, gateway)(lambda: journal.receipted_through() >= 20)
    platform.send_signal(signal.SIGKILL)
    platform.wait()
    platform, _page = stand.served()
    stand.sender(journal, gateway)(lambda: journal.receipted_through() >= 60)
    broker.kill()
    platform.send_signal(signal.SIGKILL)
    platform.wait()
    broker.wait()
    stand.broker()
    platform, page = stand.served()
    stand.sender(journal, gateway)(lambda: journal.receipted_through() == 121)
    journal.close()
    with urllib.request.urlopen(page) as answer:
        assert answer.status == 200
    platform.send_signal(signal.SIGTERM)
    assert platform.wait() == 0
    ledger = Ledger(stand.home / "ledger.sqlite", read_only=True)
    found = audit(ledger, KeyRing([load_public(stand.home / "keys" / "platform.pub")]))
    ledger.close()
    assert found.problems == () and (found.entries, found.batches) == (121, 61)
    totals = {total.meter: total.energy_wh for total in energy_totals(stand.home / "ledger.sqlite")}
    assert totals == {"m-intake": sum(range(60)), "m-hall": sum(range(60))}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_platform_ends_cleanly_even_without_a_broker(stand: Stand, number: signal.Signals) -> None:
    """A signal ends the page, the connection and the ledger: exit 0, and the ledger can be opened at once."""
    process = stand.platform("serve")
    assert process.stdout is not None and process.stdout.readline().startswith("The page is at http://127.0.0.1:")
    process.send_signal(number)
    assert process.wait() == 0
    Ledger(stand.home / "ledger.sqlite").close()


def test_show_reads_while_the_platform_serves(stand: Stand) -> None:
    """The command line needs no pause of the platform."""
    stand.broker()
    stand.served()
    shown = stand.platform("show", "--json")
    assert shown.stdout is not None
    assert json.loads(shown.stdout.read()) == {"gateways": [], "parks": []}
    assert shown.wait() == 0
