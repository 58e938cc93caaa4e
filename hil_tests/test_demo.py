"""The demo as a person runs it: first interval, page, Ctrl-C, comparison with the truth, and going on."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from cloud_sync.platform.ledger import Ledger
from cloud_sync.tests.served import opened
from hil_tests.brokers import free_port
from tools.screenshot import CHROMIUM_FLAGS, chromium

FIRST_INTERVAL_S = 180.0  # what the README promises for a first start
REGISTERS = 23


class Demo:
    """One run of the demo in a process of its own."""

    def __init__(self, folder: Path) -> None:
        """Start it; its output goes to a file beside *folder*."""
        self.folder = folder
        self.port = free_port()
        self.output = folder.with_suffix(".txt")
        command = [sys.executable, "-m", "hil_tests.demo", "--lang", "en"]
        command += ["--folder", str(folder), "--page-port", str(self.port)]
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)

    def said(self) -> str:
        """Return what it has said so far."""
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, text: str, timeout_s: float) -> None:
        """Wait until it says *text*."""
        deadline = time.monotonic() + timeout_s
        while text not in self.said():
            assert self._process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    def page_figures(self) -> dict[str, int]:
        """Return the figures of the last interval as the page shows them in a real browser."""
        program = chromium()
        assert program, "there is no chromium; install the system's package"
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=program, args=list(CHROMIUM_FLAGS))
            with opened(browser, "http://127.0.0.1:%d/?lang=en&period=day" % self.port) as one:
                shown = {name: value for name, (value, _) in one.all_figures().items()}
                assert (one.errors, one.strangers) == ([], [])
            browser.close()
        return shown


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the demo keeps everything; no process of it may outlive the test."""
    folder = tmp_path / "demo"
    yield folder
    left = [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(folder).encode() in _command_line(path) and int(path.parent.name) != os.getpid()
    ]
    assert left == []


def _command_line(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.slow
def test_the_demo_shows_exact_figures_and_goes_on_after_a_stop(folder: Path) -> None:
    """The page shows what the ledger holds; at Ctrl-C every register is exact; a second run continues the chain."""
    first = Demo(folder)
    try:
        first.wait_for("the first interval is on the page now", FIRST_INTERVAL_S)
        shown = first.page_figures()
    finally:
        code = first.interrupt()
    said = first.said()
    assert code == 0, said
    assert f"{REGISTERS} of {REGISTERS} registers are exact" in said
    ledger = Ledger(folder / "platform" / "ledger.sqlite", read_only=True)
    try:
        tallies = ledger.read(
            "SELECT meter_point, sum(wh) AS wh, sum(carbon_ug) AS ug FROM tally"
            " WHERE method = 'flow' AND factor_set = 'NDRC910-trial' GROUP BY meter_point"
        )
        flows = ledger.read("SELECT source, sink, sum(wh) AS wh FROM allocation WHERE method = 'flow' GROUP BY 1, 2")
        entries = ledger.read("SELECT count(*), max(sequence) FROM entry")[0]
    finally:
        ledger.close()
    assert entries[0] == entries[1]
    loads = [row for row in tallies if "tally.wh:" + row["meter_point"] in shown]
    assert len(loads) >= 6
    for row in loads:
        assert shown["tally.wh:" + row["meter_point"]] == row["wh"]
        assert shown["tally.carbon_ug:" + row["meter_point"]] == row["ug"]
    linked = [(row, f"flow.wh:{row['source']}→sink:{row['sink']}") for row in flows]
    compared = [(shown[name], row["wh"]) for row, name in linked if name in shown]
    assert len(compared) >= 6
    assert [pair for pair in compared if pair[0] != pair[1]] == []

    second = Demo(folder)
    try:
        second.wait_for("interval 1 closed and signed", FIRST_INTERVAL_S)
        second.wait_for("signed receipt for all entries", 30.0)
    finally:
        code = second.interrupt()
    said = second.said()
    assert code == 0, said
    assert "going on with the journal and the ledger that are there" in said
    assert re.search(rf"{REGISTERS} of {REGISTERS} registers are exact", said)
    ledger = Ledger(folder / "platform" / "ledger.sqlite", read_only=True)
    try:
        again = ledger.read("SELECT count(*), max(sequence) FROM entry")[0]
        chains = ledger.read("SELECT * FROM chain")
    finally:
        ledger.close()
    assert again[0] == again[1] > entries[1]
    assert len(chains) == 2
