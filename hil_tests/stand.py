"""Stand: the whole product on one machine, each part a process of its own: emulated park, broker, platform, gateway."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from cloud_sync.keys import load_public, new_key
from cloud_sync.platform.ledger import energy_totals
from gateway.config import load
from gateway.control import ask, is_running
from gateway.core.problem import ProblemError, problem
from gateway.core.site import Site
from gateway.recorder import key_path
from hil_tests.brokers import Broker
from hil_tests.truth import Comparison, Truth, compare

PARK = Path(__file__).parent / "park"
EMULATOR, BROKER, PLATFORM, GATEWAY = PARTS = ("emulator", "broker", "platform", "gateway")
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.1
_LIBC = ctypes.CDLL(None)
_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)


class Stand:
    """The four processes, their folder, and how to start, stop and kill each."""

    def __init__(self, folder: Path, broker: Broker, page_port: int) -> None:
        """Use or make the stand in *folder*; keys, journal and ledger that are there already are kept."""
        self.folder = folder.absolute()
        self.broker = broker
        self.page_port = page_port
        self.gateway_home = self.folder / "gateway"
        self.platform_home = self.folder / "platform"
        self.park_home = self.folder / "park"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def ledger_path(self) -> Path:
        """Where the platform keeps its ledger."""
        return self.platform_home / "ledger.sqlite"

    @property
    def truth_path(self) -> Path:
        """Where the emulated meters write what they truly counted."""
        return self.park_home / "truth.jsonl"

    def prepare(self) -> Site:
        """Write every file the parts need; return the site."""
        for folder in (self.gateway_home / "keys", self.platform_home / "keys", self.park_home, self.folder / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        platform_key = self.platform_home / "keys" / "platform.key"
        gateway_key = key_path(self.gateway_home)
        for path in (platform_key, gateway_key):
            if not path.exists():
                new_key(path)
        (self.gateway_home / "keys" / "platform.pub").write_text(load_public(platform_key.with_suffix(".pub")).pem())
        template = (PARK / "gateway.toml").read_text(encoding="utf-8")
        gateway_id = "park7-gw1"
        enrolled = self.platform_home / "keys" / "gateways"
        enrolled.mkdir(exist_ok=True)
        (enrolled / (gateway_id + ".pub")).write_text(load_public(gateway_key.with_suffix(".pub")).pem())
        self.broker.prepare(self.folder, gateway_id)
        uplink = "\n".join('%s = "%s"' % item for item in self.broker.uplink(self.folder).items())
        site_text = template.replace("{buses}", str(self.park_home))
        site_text = site_text.replace('broker = "mqtt://127.0.0.1:1883"', uplink)
        (self.gateway_home / "gateway.toml").write_text(site_text, encoding="utf-8")
        settings = {"bucket": "b0", "listen": "127.0.0.1:%d" % self.page_port, "ledger": "ledger.sqlite"}
        settings["clock_bound"] = "100 ms"  # one machine, one clock: here it is right by definition
        settings |= self.broker.platform(self.folder)
        lines = ["[platform]"] + ['%s = "%s"' % item for item in settings.items()]
        (self.platform_home / "platform.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return load(self.gateway_home).site

    def _command(self, part: str) -> list[str]:
        python = sys.executable
        if part == BROKER:
            return self.broker.command(self.folder)
        if part == PLATFORM:
            return [python, "-m", "cloud_sync.platform", "--home", str(self.platform_home), "serve"]
        if part == GATEWAY:
            return [python, "-m", "gateway", "--home", str(self.gateway_home), "run"]
        return [
            python, "-m", "hil_tests.emulator", str(PARK / "park.toml"),
            "--truth", str(self.truth_path), "--home", str(self.park_home),
        ]  # fmt: skip

    def launch(self, part: str) -> None:
        """Start one part without waiting for it."""
        assert part not in self._processes, part + " runs already"
        with (self.folder / "logs" / (part + ".log")).open("ab") as log:
            # A session of its own: Ctrl-C reaches the stand alone, which then stops the parts in order.
            self._processes[part] = subprocess.Popen(
                self._command(part),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def start(self, part: str) -> None:
        """Start one part and wait until it is ready."""
        self.launch(part)
        self.await_ready(part)

    def await_ready(self, part: str) -> None:
        """Wait until a part is ready; raises ProblemError with the end of its log where it does not become so."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._ready(part):
            if self._processes[part].poll() is not None or time.monotonic() > deadline:
                raise ProblemError(
                    problem(
                        "WP-EMU-061",
                        part,
                        "it did not start: {detail}",
                        "the whole log is {log}",
                        detail=self.log_end(part),
                        log=self.folder / "logs" / (part + ".log"),
                    )
                )
            time.sleep(_POLL_S)

    def log_end(self, part: str) -> str:
        """Return the last lines of a part's log."""
        path = self.folder / "logs" / (part + ".log")
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])

    def _ready(self, part: str) -> bool:
        if part == EMULATOR:
            return all(Path(bus.port).exists() for bus in load(self.gateway_home).site.buses)
        if part == GATEWAY:
            return is_running(self.gateway_home)
        if part == PLATFORM:
            try:
                self.page("/api/v1/gateways")
            except OSError:
                return False
            return True
        return listens(self.broker.port)

    def page(self, path: str) -> Any:
        """Return the JSON the platform serves at *path*."""
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.page_port, path), timeout=5) as answer:
            return json.load(answer)

    def running(self, part: str) -> bool:
        """Tell whether the process of *part* lives."""
        process = self._processes.get(part)
        return process is not None and process.poll() is None

    def pid(self, part: str) -> int:
        """Return the process id of a part that was started."""
        return self._processes[part].pid

    def kill(self, part: str) -> None:
        """Kill one part at once, as a power cut would, and reap it."""
        process = self._processes.pop(part)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, part: str) -> None:
        """Ask one part to end and wait for it."""
        process = self._processes.pop(part, None)
        if process is None:
            return
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def start_all(self) -> None:
        """Start every part, each when the one before is ready."""
        for part in PARTS:
            self.start(part)

    def stop_all(self) -> None:
        """Stop every part, the gateway first."""
        for part in reversed(PARTS):
            self.stop(part)

    def gateway_status(self) -> dict[str, Any]:
        """Return what the running gateway says of itself."""
        return ask(self.gateway_home, {"ask": "status"})

    def compared(self) -> list[Comparison]:
        """Return the platform's energy of every register beside the truth; nothing where no interval is closed."""
        names = {point.meter: point.name for point in load(self.gateway_home).site.meter_points}
        return compare(self.truth(), energy_totals(self.ledger_path), names)

    def truth(self) -> Truth:
        """Return what the emulated meters truly counted."""
        return Truth.load(self.truth_path)


def _die_with_parent() -> None:
    """Have this process told to end when the stand is killed, so that nothing is left behind."""
    _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)


def listens(port: int) -> bool:
    """Tell whether something takes connections on a loopback port."""
    with socket.socket() as line:
        line.settimeout(0.5)
        return line.connect_ex(("127.0.0.1", port)) == 0
