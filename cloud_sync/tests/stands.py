"""A platform's processes on a real broker, and a gateway's journal and sender to go with them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cloud_sync.core.canonical import encode
from cloud_sync.keys import KeyRing, load_public
from cloud_sync.mqtt import broker_settings
from cloud_sync.sender import Sender
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

    def end(self) -> None:
        """End every process that still runs."""
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

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

    def journal(self, gateway: Gateway, *platforms: str) -> Journal:
        """Return a journal that holds a configuration and 60 accounts, each commit sealed by itself."""
        journal = Journal(self.home / "journal.sqlite", platforms or ("platform",))
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
