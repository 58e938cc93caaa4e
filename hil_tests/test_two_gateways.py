"""Two gateways on one park: a day of two cabinets with a loop of ties, over a broker, composed by a running platform.

The gateways are the daemon's own books, journal and sender, with a clock and registers of the test's making; broker and
platform are processes. One of the gateways is killed for some intervals of the day.
"""

import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sync.keys import KeyRing, load_public, load_signer
from cloud_sync.mqtt import broker_settings
from cloud_sync.platform.ledger import Ledger
from cloud_sync.sender import Sender
from cloud_sync.tests.two_cabinets import PARTS, site_text, whole_text
from gateway.core.account.closing import close_account
from gateway.core.account.interval import Energy
from gateway.core.account.storage import opening_pools
from gateway.core.site_reading import read_site
from gateway.factors import load_factors
from gateway.recorder import key_path
from gateway.tests.small_park import DAY_START_S, SmallPark
from gateway.text_file import parse_toml
from hil_tests.brokers import PipBroker

STEP_S = 1800
STEPS = 48
DEAD = range(20, 24)  # gw-2 is killed in the first of these intervals and back after the last
KEY = "park/demo"
PATIENCE_S = 120  # only a failing test waits this long
LOST_WH = 3  # on every busbar, in every interval
UPLINK = '\n[uplink]\nbroker = "mqtt://127.0.0.1:1"\nplatform_key = "keys/platform.pub"\n'

Gross = tuple[int, int]


def truth(step: int) -> dict[str, Gross]:
    """Return what every meter truly counted in a step, import and export: energy is kept at every busbar.

    While gw-2 is dead nothing changes from step to step, so that equal shares of the gap are the truth.
    """
    chance = random.Random(DEAD[0] if step in DEAD else step)
    sun = max(0, 9000 - (step - 24) ** 2 * 44) if step not in DEAD else 8300
    wind, mill, press = chance.randrange(4000), chance.randrange(2000, 7000), chance.randrange(500, 3000)
    charge, discharge = (chance.randrange(2500), 0) if sun > 3000 else (0, chance.randrange(900))
    swing = chance.randrange(300)  # energy that went over a tie and back within the interval
    back = chance.randrange(-400, 400)
    tie = press + charge - discharge - wind + back + LOST_WH
    inner = tie - sun + LOST_WH
    intake = mill + inner - back + LOST_WH

    def both_ways(net_wh: int, swung_wh: int) -> Gross:
        return max(0, net_wh) + swung_wh, max(0, -net_wh) + swung_wh

    return {
        "gw-1/Intake": both_ways(intake, 0),
        "gw-1/Roof": (0, sun),
        "gw-1/Mill": (mill, 0),
        "gw-1/Inner tie": both_ways(inner, swing),
        "gw-1/Tie": both_ways(tie, swing // 2),
        "gw-2/Mill": (press, 0),
        "gw-2/Battery": (charge, discharge),
        "gw-2/Mast": (0, wind),
        "gw-2/Back tie": both_ways(back, swing // 3),
    }


class Cabinet:
    """One gateway: its books and journal under a clock of the test's, and its sender on the real broker."""

    def __init__(self, stand: "Stand", name: str) -> None:
        self.name = name
        self.stand = stand
        self.home = stand.home / name
        self.home.mkdir()
        text = site_text(name).replace('"any"', '"eastron-sdm630"').replace('"15 min"', '"30 min"')
        self.books = SmallPark(self.home, text + UPLINK)
        public = load_public(key_path(self.home).with_suffix(".pub")).pem()
        (stand.home / "keys" / "gateways" / f"{name}.pub").write_text(public)
        self.books.read_at(DAY_START_S)

    def step(self, step: int, alive: bool = True) -> None:
        """Let the meters count for a step; read their registers at its end."""
        for number, row in enumerate(PARTS[self.name], 1):
            import_wh, export_wh = truth(step)[f"{self.name}/{row[0]}"]
            self.books.count(f"m-{number}", "energy_active_import", import_wh)
            self.books.count(f"m-{number}", "energy_active_export", export_wh)
        if alive:
            self.books.read_at(DAY_START_S + (step + 1) * STEP_S)

    def kill(self) -> None:
        """End the gateway without a word, as a power cut does."""
        self.books.journal.close()

    def send(self) -> None:
        """Send everything there is, until the platform has given its receipt for it."""
        ring = KeyRing([load_public(self.stand.home / "keys" / "platform.pub")])
        woken = threading.Event()
        journal, signer = self.books.journal, load_signer(key_path(self.home))
        settings = broker_settings(self.stand.address, self.name)
        sender = Sender(journal, settings, self.name, "b0", signer, ring, woken.set)
        sender.start()
        deadline = time.monotonic() + PATIENCE_S
        while journal.receipted_through() < journal.head_sequence:
            assert time.monotonic() < deadline, sender.status()
            woken.clear()
            woken.wait(min(0.5, sender.step(time.monotonic_ns() // 1_000_000) / 1000))
        sender.stop()


class Stand:
    """A broker and a platform as processes, and the park's file."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.running: list[subprocess.Popen[str]] = []
        broker = PipBroker()
        broker.prepare(home, "gw-1")
        self.address = broker.platform(home)["broker"]
        settings = f'[platform]\nbroker = "{self.address}"\nbucket = "b0"\nlisten = "127.0.0.1:0"\n'
        (home / "platform.toml").write_text(settings)
        (home / "park.toml").write_text('[[park]]\nname = "demo"\ngateways = ["gw-1", "gw-2"]\n')
        assert self.platform("keys", "new").wait() == 0
        (home / "keys" / "gateways").mkdir()
        self._start(*broker.command(home))
        serving = self.platform("serve")
        assert serving.stdout is not None
        self.page = serving.stdout.readline().split()[-1]
        assert "Connected" in serving.stdout.readline()

    def _start(self, *command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.running.append(process)
        return process

    def platform(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a wattproof-platform command."""
        return self._start(
            sys.executable, "-m", "cloud_sync.platform", "--home", str(self.home), "--lang", "en", *arguments
        )

    def ask(self, path: str) -> Any:
        """Return a figure of the park from the running platform."""
        query = urllib.parse.urlencode({"gateway": KEY, "day": "2026-11-21"})
        with urllib.request.urlopen(f"{self.page}api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)

    def until(self, holds: Callable[[Any], bool]) -> Any:
        """Wait until the day was composed so that *holds* is true of it."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds(day := self.ask("composed")):
            assert time.monotonic() < deadline, day
            time.sleep(0.2)
        return day

    def stop(self) -> None:
        """End every process."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """A stand whose processes do not outlive the test."""
    one = Stand(tmp_path)
    yield one
    one.stop()


def expected() -> tuple[dict[tuple[int, str, str], int], dict[tuple[int, str, str], tuple[int, int, int]]]:
    """Return the allocations and tallies of the day by the truth, the whole park computed in one."""
    site, problems = read_site(parse_toml(whole_text(), ""), ["any"], list(load_factors().sets()))
    assert site is not None, problems
    pools = opening_pools(site)
    fed: dict[tuple[int, str, str], int] = {}
    tallied: dict[tuple[int, str, str], tuple[int, int, int]] = {}
    for step in range(STEPS):
        start_s = DAY_START_S + step * STEP_S
        energies = tuple(Energy(name, *wh, "") for name, wh in truth(step).items())
        closed = close_account(site, energies, pools, load_factors(), start_s, start_s + STEP_S)
        pools = closed.pools_after
        assert "WP-ACC-021" not in [one.code for one in closed.warnings]
        assert sum(row.wh for row in closed.residuals) == 3 * LOST_WH
        fed |= {(start_s, row.source, row.sink): row.wh for row in closed.allocations}
        tallied |= {
            (start_s, row.factor_set, row.meter_point): (row.wh, row.green_wh, row.carbon_ug) for row in closed.tallies
        }
    return fed, tallied


def test_the_composed_day_is_the_truth_also_after_a_gateway_was_dead(stand: Stand) -> None:
    """While gw-2 is dead its intervals are missing and flagged; after it is back the day is the truth, bit for bit."""
    first, second = Cabinet(stand, "gw-1"), Cabinet(stand, "gw-2")
    for step in range(DEAD[0]):
        first.step(step)
        second.step(step)
    first.send()
    second.send()
    stand.until(lambda day: day["whole"] == DEAD[0] and not day["periods"])
    second.kill()
    for step in DEAD:
        first.step(step)
        second.step(step, alive=False)
    first.send()
    day = stand.until(lambda day: len(day["periods"]) == len(DEAD))
    assert all((one["state"], one["missing"]) == ("partial", ["gw-2"]) for one in day["periods"])
    loads = {load["meter_point"] for load in stand.ask("tallies")["loads"]}
    assert loads == {"gw-1/Mill"}  # of the last interval: nothing is made up for what nobody read
    second.books.open()
    second.books.read_at(DAY_START_S + (DEAD[-1] + 1) * STEP_S)
    for step in range(DEAD[-1] + 1, STEPS):
        first.step(step)
        second.step(step)
    second.send()
    first.send()
    stand.until(lambda day: day["whole"] == STEPS and not day["periods"])
    fed, tallied = expected()
    ledger = Ledger(stand.home / "ledger.sqlite", read_only=True)
    rows = ledger.read("SELECT start_s, source, sink, wh FROM allocation WHERE gateway = ? AND method = 'flow'", (KEY,))
    assert {tuple(row)[:3]: row["wh"] for row in rows} == fed
    question = "SELECT start_s, factor_set, meter_point, wh, green_wh, carbon_ug FROM tally WHERE gateway = ?"
    rows = ledger.read(question + " AND method = 'flow'", (KEY,))
    assert {tuple(row)[:3]: tuple(row)[3:] for row in rows} == tallied
    assert ledger.read("SELECT count(*) FROM conflict")[0][0] == 0
    ledger.close()
    first.books.close()
    second.books.close()
    verify = stand.platform("verify")
    assert verify.stdout is not None and "All of it holds." in verify.stdout.read()
