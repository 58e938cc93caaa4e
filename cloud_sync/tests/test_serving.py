"""The platform's process from end to end: a real broker, the gateway's real sender, kills in between."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cloud_sync.keys import KeyRing, load_public
from cloud_sync.mqtt import broker_settings
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.ledger import Ledger, energy_totals
from cloud_sync.sender import Sender
from cloud_sync.tests.conftest import signer_of
from cloud_sync.tests.gateways import BUCKET, Gateway, account, config, interval

PATIENCE_S = 60  # Only a failing test waits this long.
BROKER = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 262144
max_inflight_count = 100
dynamic_filters = false
"""


class Sealed(NamedTuple):
    """A batch as a journal keeps it."""

    first: int
    last: int
    incarnation: bytes
    signed: bytes


class Journal:
    """An outbox in memory."""

    def __init__(self) -> None:
        self.sealed: list[Sealed] = []
        self.links: dict[int, bytes] = {}
        self.through = 0

    def add(self, gateway: Gateway, *written: tuple[object, ...]) -> None:
        """Write and seal a batch of *gateway*."""
        batch = gateway.batch(*written)
        self.links[batch.last_sequence] = batch.link
        raw = gateway.sealed(batch)
        self.sealed.append(Sealed(batch.first_sequence, batch.last_sequence, batch.incarnation, raw))

    def receipted_through(self) -> int:
        """Return what is freed."""
        return self.through

    def next_sealed(self, after: int) -> Sealed | None:
        """Return the next batch to offer."""
        return next((one for one in self.sealed if one.first > after), None)

    def link_at(self, sequence: int) -> bytes | None:
        """Return the link at the end of a batch."""
        return self.links.get(sequence)

    def receipted(self, through: int, signed: bytes) -> None:
        """Free what is receipted."""
        self.through = through

    def set_aside(self, first: int, refusal: str, hole: bytes) -> None:
        """No batch of these tests is poison."""
        raise AssertionError(refusal)


class Stand:
    """A home folder, and the processes that run on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.running: list[subprocess.Popen[str]] = []
        with socket.socket() as line:
            line.bind(("127.0.0.1", 0))
            self.port = int(line.getsockname()[1])
        (home / "broker.toml").write_text(BROKER.format(port=self.port))
        (home / "platform.toml").write_text(
            f'[platform]\nbroker = "mqtt://127.0.0.1:{self.port}"\nbucket = "{BUCKET}"\nlisten = "127.0.0.1:0"\n'
        )
        assert self.platform("keys", "new").wait() == 0

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a process that the stand will end."""
        process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=os.environ)
        self.running.append(process)
        return process

    def broker(self) -> subprocess.Popen[str]:
        """Start the broker."""
        return self.start("-m", "iotcore", "--config", str(self.home / "broker.toml"), "--log-level", "ERROR")

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

    def sender(self, journal: Journal, gateway: Gateway) -> Callable[[Callable[[], bool]], None]:
        """Return a function that runs the gateway's sender until what it is given holds."""
        woken = threading.Event()
        ring = KeyRing([load_public(self.home / "keys" / "platform.pub")])
        settings = broker_settings(f"mqtt://127.0.0.1:{self.port}", gateway.name)
        sender = Sender(journal, settings, gateway.name, BUCKET, gateway.incarnation, gateway.signer, ring, woken.set)

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
    journal = Journal()
    journal.add(gateway, config())
    for number in range(60):
        journal.add(gateway, interval(number * 60, number * 60 + 60), account(number * 60, number * 60 + 60, number))
    broker = stand.broker()
    platform, _page = stand.served()
    stand.sender(journal, gateway)(lambda: journal.through >= 20)
    platform.send_signal(signal.SIGKILL)
    platform.wait()
    platform, _page = stand.served()
    stand.sender(journal, gateway)(lambda: journal.through >= 60)
    broker.kill()
    platform.send_signal(signal.SIGKILL)
    platform.wait()
    broker.wait()
    stand.broker()
    platform, page = stand.served()
    stand.sender(journal, gateway)(lambda: journal.through == 121)
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
    assert json.loads(shown.stdout.read()) == {"gateways": []}
    assert shown.wait() == 0
