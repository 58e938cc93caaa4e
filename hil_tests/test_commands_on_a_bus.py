"""wattproof scan, read, check --live and the interruption of a scan, as processes, on a bus of emulated meters."""

import json
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from hil_tests.test_emulator import ROOT, emulator

SITE = """
[gateway]
id = "gw-1"
interval = "15 min"
province = "Jiangsu"

[[bus]]
name = "line"
port = "%s"
line = "115200 8N1"

[[meter]]
name = "m-sdm"
bus = "line"
unit = 7
profile = "eastron-sdm630"
max_power = "100 kW"

[[meter]]
name = "m-gone"
bus = "line"
unit = 9
profile = "eastron-sdm630"
max_power = "100 kW"

[[busbar]]
name = "LV1"

[[meter_point]]
name = "Intake"
role = "intake"
meter = "m-sdm"
busbar = "LV1"
"""


def wattproof(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Call the command as a process of its own."""
    command = [sys.executable, "-m", "gateway", "--home", str(home), "--lang", "en", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)


def answer(home: Path, *arguments: str) -> Any:
    """Call the command with --json and return what it says."""
    done = wattproof(home, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def test_scan_finds_the_meters_and_read_reads_them(tmp_path: Path) -> None:
    """Two meters are found with unit and model, one is read whole, and its capture decodes to the same values."""
    with emulator(tmp_path) as link:
        found = answer(tmp_path, "scan", link, "--line", "115200 8N1", "--units", "6-9")
        (line,) = found["lines"]
        assert (found["port"], line["line"], line["garbled_units"]) == (link, "115200 8N1", [])
        models = {one["unit"]: set(one["models"]) | set(one["likely"]) for one in line["found"]}
        assert set(models) == {7, 8}
        assert "eastron-sdm630" in models[7] and "chint-dtsu666" in models[8]

        (tmp_path / "gateway.toml").write_text(SITE % link, encoding="utf-8")
        checked = wattproof(tmp_path, "check", "--live")
        assert checked.returncode == 1 and checked.stderr.startswith("WP-BUS-056 m-gone"), checked.stderr
        assert checked.stderr.count("WP-") == 1
        capture = tmp_path / "capture.jsonl"
        read = answer(tmp_path, "read", "m-sdm", "--capture", str(capture))
        values = {one["quantity"]: one["value"] for one in read["readings"]}
        assert Decimal("1234.56") <= Decimal(values["energy_active_import"]) < 1240
        assert 30_000 < Decimal(values["active_power_total"]) < 40_000
        row = json.loads(capture.read_text(encoding="utf-8").splitlines()[0])
        decoded = answer(
            tmp_path, "decode", "--profile", "eastron-sdm630",
            "--request", row["request_hex"], "--response", row["response_hex"],
        )  # fmt: skip
        assert {one["quantity"]: one["value"] for one in decoded["readings"]}.items() <= values.items()

        text = wattproof(tmp_path, "read", "m-sdm").stdout
        assert "energy_active_import" in text and max(len(one) for one in text.splitlines()) <= 80


def test_silence_is_told_and_no_reason_for_a_traceback(tmp_path: Path) -> None:
    """A bus where nobody answers and a meter that is gone end with 1, saying where and what to look at."""
    with emulator(tmp_path) as link:
        silent = wattproof(tmp_path, "scan", link, "--line", "115200 8N1", "--units", "20-22")
        assert silent.returncode == 1 and silent.stderr.startswith("WP-BUS-011 " + link)
        (tmp_path / "gateway.toml").write_text(SITE % link, encoding="utf-8")
        gone = wattproof(tmp_path, "read", "m-gone", "--json")
        assert gone.returncode == 1 and "Traceback" not in gone.stderr
        assert {one["fault"]["kind"] for one in json.loads(gone.stdout)["exchanges"]} == {"silent"}


def holds_a_lock(pid: int) -> bool:
    """Tell whether the system counts a lock on a device as this process's."""
    return any(
        line.split()[1:5] == ["FLOCK", "ADVISORY", "WRITE", str(pid)]
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()
    )


def test_ctrl_c_ends_a_scan_and_gives_the_port_back(tmp_path: Path) -> None:
    """In the middle of a long scan: exit 1, no traceback, and the next program may open the port."""
    with emulator(tmp_path) as link:
        command = [sys.executable, "-m", "gateway", "--home", str(tmp_path), "--lang", "en"]
        scan = subprocess.Popen(
            [*command, "scan", link, "--units", "20-247"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
        )
        while not holds_a_lock(scan.pid):
            assert scan.poll() is None, scan.communicate()
            time.sleep(0.05)
        second = wattproof(tmp_path, "scan", link, "--line", "115200 8N1", "--units", "7")
        assert second.returncode == 1 and second.stderr.startswith("WP-BUS-006 " + link)
        scan.send_signal(signal.SIGINT)
        out, err = scan.communicate(timeout=30)
        assert (scan.returncode, out, err.splitlines()[-1]) == (1, b"", b"stopped")
        assert answer(tmp_path, "scan", link, "--line", "115200 8N1", "--units", "7")["lines"][0]["found"]
