"""wattproof scan over several line settings, on an emulated wire whose meters are not all set alike."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from hil_tests.test_emulator import ROOT

CONFIG = """
[[bus]]
name = "line"
line = "2400 8E1"
turnaround = "20 ms"
client_parity = "N"

[[meter]]
name = "m645"
bus = "line"
address = "002241020208"
profile = "dlt645-2007-three-phase"
load = "12 kW"

[[meter]]
name = "sdm"
bus = "line"
unit = 2
profile = "eastron-sdm630"
line = "19200 8N1"
load = "36 kW"
"""


def test_every_meter_is_found_at_its_own_setting(tmp_path: Path) -> None:
    """A DL/T 645 meter at 2400 8E1 by its number, a Modbus meter at 19200 8N1 by its unit id."""
    config = tmp_path / "emulator.toml"
    config.write_text(CONFIG, encoding="utf-8")
    serve = [sys.executable, "-m", "hil_tests.emulator", str(config), "--home", str(tmp_path)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            while not json.loads(process.stdout.readline()).get("ready"):
                pass
            scan = [sys.executable, "-m", "gateway", "--home", str(tmp_path), "--lang", "en", "scan", "--json"]
            settings = [word for line in ("2400 8E1", "19200 8N1") for word in ("--line", line)]
            command = [*scan, str(tmp_path / "line.tty"), "--units", "2", *settings]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
        finally:
            process.send_signal(signal.SIGTERM)
    assert done.returncode == 0, done.stderr
    lines = {one["line"]: one for one in json.loads(done.stdout)["lines"]}
    (by_number,) = lines["2400 8E1"]["found"]
    assert (by_number["address"], by_number["models"]) == ("002241020208", ["dlt645-2007-three-phase"])
    (by_unit,) = lines["19200 8N1"]["found"]
    assert (by_unit["unit"], "eastron-sdm630" in by_unit["likely"]) == (2, True)
