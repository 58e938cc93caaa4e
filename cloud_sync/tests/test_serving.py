"""The platform's process from end to end: a real broker, the gateway's real sender, kills in between."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_sync.core.canonical import encode
from cloud_sync.keys import KeyRing, load_public
from cloud_sync.mqtt import broker_settings
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.ledger import Ledger, energy_totals
from cloud_sync.sender import Sender
from cloud_sync.tests.conftest import signer_of
from cloud_sync.tests.gateways import BUCKET, Gateway, account, config, interval
from gateway.core.record import to_map
from gateway.journal import Journal
from hil_tests.brokers import PipBroker

PATIENCE_S = 60  # Only a failing test waits this long.


class Stand:
    """A home folder, and the processes that run on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.running: list[subprocess.Popen[str]] = []
        self._broker = PipBroker()
        self._broker.prepare(home, "gw-1")
        self.address = self._broker.platform(home)["broker"]
        (home / "platform.toml").write_text(
            f'[platform]\nbroker = "{self.address}"\nbucket = "{BUCKET}"\nlisten = "127.0.0.1:0"\n'
        )
        assert self.platform("keys", "new").wait() == 0

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a process that the stand will end."""
        process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=os.environ)
        self.running.append(process)
        return process

    def broker(self) -> subprocess.Popen[str]:
        """Start the broker."""
        return self.start(*self._broker.command(self.home)[1:])

    def platform(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a wattproof-platform command."""
        program = "from cloud_sync.platform.cli import main; main()"
        return self.start("-c", program, "--home", str(self.home), "--lang", "en", *arguments)

    def served(self) -> tuple[subprocess.Popen[str], str]:
        """Start the platform; return it and the address of its page once it is connected to the broker."""
        process = self.platform("serve")
        assert process.stdout is not None
        page = process.stdout.readline().split()[-1]
        assert "Connected" in process.stdout.readline()
        return process, page

    def journal(self, gateway: Gateway) -> Journal:
        """Return a journal that holds a configuration and 60 accounts, each commit sealed by itself."""
        journal = Journal(self.home / "journal.sqlite")
        commits = [(config(),)] + [
            (interval(start_s, start_s + 60), account(start_s, start_s + 60, start_s // 60))
            for start_s in range(0, 3600, 60)
        ]
        for written in commits:
            bodies = [encode(to_map(record)) for record in written]
            journal.commit(gateway.incarnation, bodies, seal=gateway.sealed, gateway=gateway.name)
        return journal

    def sender(self, journal: Journal, gateway: Gateway) -> Callable[[Callable[[], bool]], None]:
        """Return a function that runs the gateway's sender until what it is given holds."""
        woken = threading.Event()
        ring = KeyRing([load_public(self.home / "keys" / "platform.pub")])
        settings = broker_settings(self.address, gateway.name)
        sender = Sender(journal, settings, gateway.name, BUCKET, gateway.signer, ring, woken.set)

        def run(until: Callable[[], bool]) -> None:
            sender.start()
            deadline = time.monotonic() + PATIENCE_S
            while not until():
                assert time.monotonic() < deadline, sender.status()
                woken.clear()
                woken.wait(min(0.5, sender.step(time.monotonic_ns() // 1_000_000) / 1000))
            sender.stop()

        return run


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """A stand whose processes do not outlive the test."""
    stand = Stand(tmp_path)
    yield stand
    for process in stand.running:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


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
