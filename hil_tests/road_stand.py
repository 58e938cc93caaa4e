"""Road stand: mosquitto with TLS, a platform's process and a gateway's sender, each on its side of a network."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloud_sync.core.uplink import Uplink
from cloud_sync.keys import KeyRing, Signer, load_public
from cloud_sync.mqtt import broker_settings
from cloud_sync.platform.enrolment import enrol
from cloud_sync.sender import Outbox, Sender
from gateway.roads import SPREAD_S
from hil_tests.brokers import Mosquitto
from hil_tests.network import GATEWAY_SIDE, PLATFORM_ADDRESS, PLATFORM_SIDE, Network

BUCKET = "b0"
PORT = 8883
STEP_MS = 500


def platform_program(home: Path, *arguments: str) -> list[str]:
    """Return a command of the platform."""
    return [sys.executable, "-m", "cloud_sync.platform", "--home", str(home), "--lang", "en", *arguments]


class Notice:
    """What the sender told, and when by the clock of this process."""

    def __init__(self) -> None:
        self.all: list[tuple[float, str]] = []

    def note(self, what: str) -> None:
        """Note that *what* happened now."""
        self.all.append((time.monotonic(), what))

    def first(self, what: str, after_s: float) -> float | None:
        """Return when *what* happened first after *after_s*."""
        return next((at_s for at_s, told in self.all if told == what and at_s >= after_s), None)


class RoadStand:
    """A broker and a platform on one side of a network, and a sender on the other."""

    def __init__(
        self, home: Path, net: Network, gateway: str, public_key: Path, port: int = PORT, narrow: str = ""
    ) -> None:
        """Lay out the platform at which *gateway* is enrolled with *public_key*, and start broker and platform.

        narrow: lines for the broker's configuration, for one that can hold less than ours.
        """
        self.home = home
        self._net = net
        self._gateway = gateway
        self._running: list[subprocess.Popen[str]] = []
        self.broker = Mosquitto(port, PLATFORM_ADDRESS)
        self.broker.prepare(home, gateway)
        with (home / "broker" / "mosquitto.conf").open("a") as file:
            file.write(narrow)
        settings = {"bucket": BUCKET, "listen": "127.0.0.1:0", **self.broker.platform(home)}
        lines = ["[platform]"] + ['%s = "%s"' % item for item in settings.items()]
        (home / "platform.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        subprocess.run(platform_program(home, "keys", "new"), check=True, capture_output=True)
        enrol(home / "keys" / "gateways", gateway, public_key)
        try:
            self.start_broker()
            self.platform = self._start(platform_program(home, "serve"))
            assert self.platform.stdout is not None
            self.address = self.platform.stdout.readline().split()[-1].rstrip("/")
            assert "Connected" in self.platform.stdout.readline()
        except BaseException:
            self.end()
            raise

    def _start(self, command: list[str]) -> subprocess.Popen[str]:
        with self._net.inside(PLATFORM_SIDE):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._running.append(process)
        return process

    def start_broker(self) -> subprocess.Popen[str]:
        """Start the broker."""
        return self._start(self.broker.command(self.home))

    def page(self, path: str) -> Any:
        """Return the JSON the platform serves at *path*, asked on its own side."""
        with self._net.inside(PLATFORM_SIDE), urllib.request.urlopen(self.address + path, timeout=30) as answer:
            return json.load(answer)

    def end(self) -> None:
        """End every process."""
        for process in reversed(self._running):
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


class RoadEnd(threading.Thread):
    """The gateway's sender on its side of the network, stepped by a thread of its own until `end`."""

    def __init__(
        self,
        stand: RoadStand,
        net: Network,
        outbox: Outbox,
        gateway: str,
        signer: Signer,
        uplink: Uplink | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self.notice = Notice()
        self._net = net
        self._woken = threading.Event()
        self._ended = False
        self.lock = threading.Lock()  # around whatever touches the outbox
        told = {key: Path(value) for key, value in stand.broker.uplink(stand.home).items() if key != "broker"}
        settings = broker_settings(stand.broker.uplink(stand.home)["broker"], gateway, **told)
        ring = KeyRing([load_public(stand.home / "keys" / "platform.pub")])
        self.sender = Sender(
            outbox, settings._replace(spread_s=SPREAD_S), gateway, BUCKET, signer, ring, self._woken.set,
            uplink=uplink,
        )  # fmt: skip

    def run(self) -> None:
        """Step until the end, and note what changes."""
        with self._net.inside(GATEWAY_SIDE):
            self.sender.start()
            self.sender.sealed()
            before = self.sender.status()
            while not self._ended:
                self._woken.clear()
                with self.lock:
                    wait_ms = self.sender.step(time.monotonic_ns() // 1_000_000)
                    status = self.sender.status()
                if status.connected != before.connected:
                    self.notice.note("opened" if status.connected else "closed")
                if status.last_receipt != before.last_receipt:
                    self.notice.note("receipt")
                before = status
                self._woken.wait(min(STEP_MS, wait_ms) / 1000)
            self.sender.stop()

    def wake(self) -> None:
        """Have it look at once what there is to send."""
        self._woken.set()

    def end(self) -> None:
        """Stop the sender."""
        self._ended = True
        self.wake()
        if self.ident is not None:
            self.join()


def wait_until(what: Callable[[], bool], patience_s: float, say: Callable[[], object]) -> None:
    """Wait until *what* holds; fail with what *say* returns after *patience_s*."""
    deadline_s = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < deadline_s, say()
        time.sleep(0.02)
