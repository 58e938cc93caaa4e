"""wattproof scan and read against meters on pseudo-terminals."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.commissioning.scan import bus_of
from gateway.core.meter.modbus import read_request, with_crc
from gateway.line import open_line
from gateway.tests.pty_meter import PtyMeter, registers_answer

# A profile with a sign of its own: register 0x40 holds 4711, 0x00 the voltage in 0.1 V, 0x02 the energy in kWh.
PROFILE = """
id = "test-meter"
maker = "T"
model = "T1"
kind = "meter"
status = "draft"
points = [
  { quantity = "voltage_l1_n", at = 0x00, type = "u16", factor = "0.1", unit = "V" },
  { quantity = "energy_active_import", at = 0x02, type = "u32", unit = "kWh", counter = true },
]
[[evidence]]
source = "test"
page = "1"
[serial]
default = "9600 8N1"
allowed = ["9600 8N1"]
units = [1, 247]
[modbus]
transport = ["rtu"]
function = 3
address = "zero-based"
words = "high-first"
max_registers = 50
windows = [[0x00, 0x0F], [0x40, 0x4F]]
timeout_ms = 200
[[identify]]
at = 0x40
type = "u16"
expect = [4711]
"""

SITE = """
[gateway]
id = "g1"
park = "P"
interval = "1 min"
cycle = "5 s"
readings = "60 s"
province = "Jiangsu"
factor_sets = ["NDRC910-trial"]
[uplink]
broker = "mqtt://127.0.0.1:1883"
bucket = "b0"
platform_key = "keys/platform.pub"
[[bus]]
name = "a"
port = "{port}"
line = "9600 8N1"
[[meter]]
name = "m1"
bus = "a"
unit = 3
profile = "test-meter"
ct_ratio = "1/1"
vt_ratio = "1/1"
max_power = "100 kW"
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Intake"
role = "intake"
meter = "m1"
busbar = "LV1"
origin = "grid"
"""

REGISTERS = {0: 2305, 2: 1, 3: 2, 0x40: 4711}


def respond(question: bytes) -> list[tuple[float, bytes]]:
    """Unit 3 is the test meter, unit 5 a meter that refuses everything; nobody else answers."""
    asked = read_request(question)
    if asked.unit == 3:
        return [(0.005, registers_answer(question, lambda address: REGISTERS.get(address, 0)))]
    if asked.unit == 5:
        return [(0.005, with_crc(bytes((5, asked.function | 0x80, 2))))]
    return []


def call(*arguments: str, home: Path) -> Result:
    """Run the command line in English."""
    return CliRunner().invoke(main, ["--lang", "en", "--home", str(home), *arguments])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the profile of the test meter."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "test-meter.toml").write_text(PROFILE, encoding="utf-8")
    return tmp_path


def test_scan_finds_units_and_models(home: Path) -> None:
    """A meter is named by its sign; one that refuses is there all the same; the silent ones are not listed."""
    with PtyMeter(respond) as meter:
        result = call(
            "scan", meter.port, "--line", "9600 8N1", "--units", "2-6", "--timeout-ms", "60", "--json", home=home
        )
        assert {question[1] for question in meter.questions} <= {3, 4}, "a scan only reads"
        assert {question[0] for question in meter.questions} == {2, 3, 4, 5, 6}
        port = meter.port
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "port": port,
        "lines": [
            {
                "line": "9600 8N1",
                "problem": None,
                "found": [
                    {
                        "protocol": "modbus",
                        "unit": 3,
                        "address": None,
                        "exception": None,
                        "models": ["test-meter"],
                        "likely": [],
                    },
                    {"protocol": "modbus", "unit": 5, "address": None, "exception": 2, "models": [], "likely": []},
                ],
                "garbled_units": [],
                "damaged_units": [],
                "overheard": None,
                "several_dlt645": False,
                "looks_swapped": False,
                "any_unit": False,
            }
        ],
    }


def test_scan_of_a_silent_bus_is_a_problem(home: Path) -> None:
    """Nobody answers: exit 1, with what to look at."""
    with PtyMeter(lambda question: []) as meter:
        result = call("scan", meter.port, "--line", "9600 8N1", "--units", "1-2", "--timeout-ms", "20", home=home)
    assert result.exit_code == 1
    assert "WP-BUS-011" in result.stderr
    assert "9600 8N1  silence" in result.stdout


def test_scan_tells_garbage_from_silence(home: Path) -> None:
    """Bytes that nobody understands, as with A and B exchanged, are said to be there."""
    with PtyMeter(lambda question: [(0.005, b"\x00\x7f\xdf\xfe")] if question[0] == 2 else []) as meter:
        result = call("scan", meter.port, "--line", "9600 8N1", "--units", "1-2", "--timeout-ms", "20", home=home)
    assert result.exit_code == 1
    assert "WP-BUS-010" in result.stderr
    assert "unreadable bytes from units 2" in result.stdout


def test_scan_hears_a_meter_that_is_slow(home: Path) -> None:
    """A unit that answers after its time is over is asked once more, with more time, and is not taken for another."""

    def slow(question: bytes) -> list[tuple[float, bytes]]:
        if question[0] != 3:
            return []
        return [(0.15, registers_answer(question, lambda address: REGISTERS.get(address, 0)))]

    with PtyMeter(slow) as meter:
        result = call(
            "scan", meter.port, "--line", "9600 8N1", "--units", "3-8", "--timeout-ms", "40", "--json", home=home
        )
    found = json.loads(result.stdout)["lines"][0]["found"]
    assert [(one["unit"], one["models"]) for one in found] == [(3, ["test-meter"])]


@pytest.mark.parametrize("units", ["0-3", "1-300", "x", "3-", "", "5-2"])
def test_units_that_are_none(home: Path, units: str) -> None:
    """Unit ids outside 1 to 247 are wrong usage."""
    assert call("scan", "/dev/absent", "--units", units, home=home).exit_code == 2


@pytest.mark.parametrize("line", ["9600", "9600 8X1", "1234 8N1", "９６００ 8N1"])
def test_line_settings_that_are_none(home: Path, line: str) -> None:
    """Line settings have speed, bits, parity and stop bits."""
    assert call("scan", "/dev/absent", "--line", line, home=home).exit_code == 2


def test_scan_of_a_missing_port(home: Path) -> None:
    """A port that is not there is said so, once."""
    result = call("scan", "/dev/absent", home=home)
    assert result.exit_code == 1
    assert result.stderr.count("WP-BUS-00") == 1


def test_read_gives_registers_raw_and_meant(home: Path) -> None:
    """Every register of the profile: its words, its value as decimal text, and the frames."""
    with PtyMeter(respond) as meter:
        (home / "gateway.toml").write_text(SITE.format(port=meter.port), encoding="utf-8")
        capture = home / "capture.jsonl"
        result = call("read", "m1", "--json", "--capture", str(capture), home=home)
        text = call("read", "m1", home=home)
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert value["readings"] == [
        {"quantity": "voltage_l1_n", "words": ["0901"], "value": "230.5", "unit": "V"},
        {"quantity": "energy_active_import", "words": ["0001", "0002"], "value": "65538", "unit": "kWh"},
    ]
    assert [exchange["fault"] for exchange in value["exchanges"]] == [None]
    assert "energy_active_import  0001 0002  65538 kWh" in text.stdout


def test_capture_is_an_exchange_that_decodes_to_what_was_read(home: Path) -> None:
    """The captured frames, given to decode, mean what the capture says."""
    with PtyMeter(respond) as meter:
        (home / "gateway.toml").write_text(SITE.format(port=meter.port), encoding="utf-8")
        capture = home / "capture.jsonl"
        for _again in range(2):
            assert call("read", "m1", "--capture", str(capture), home=home).exit_code == 0
    rows = [json.loads(line) for line in capture.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 2, "a capture is appended to"
    row = rows[0]
    decoded = call(
        "decode", "--profile", row["profile"], "--request", row["request_hex"], "--response", row["response_hex"],
        "--json", home=home,
    )  # fmt: skip
    readings = json.loads(decoded.stdout)["readings"]
    assert [(one["quantity"], Decimal(one["value"]), one["unit"]) for one in readings] == [
        (one["quantity"], Decimal(str(one["value"])), one["unit"]) for one in row["expected"]
    ]


def test_read_of_a_silent_meter(home: Path) -> None:
    """A meter that does not answer is a fault and exit 1; the JSON is there all the same."""
    with PtyMeter(lambda question: []) as meter:
        (home / "gateway.toml").write_text(SITE.format(port=meter.port), encoding="utf-8")
        result = call("read", "m1", "--json", home=home)
        assert len(meter.questions) == 3, "it is asked three times"
    assert result.exit_code == 1
    assert json.loads(result.stdout)["exchanges"][0]["fault"]["kind"] == "silent"


def test_read_of_a_port_that_the_daemon_holds(home: Path) -> None:
    """A busy port says that the daemon may hold it and how to ask the daemon."""

    with PtyMeter(respond) as meter:
        (home / "gateway.toml").write_text(SITE.format(port=meter.port), encoding="utf-8")
        line = open_line(bus_of(meter.port, "9600 8N1"))
        result = call("read", "m1", home=home)
        line.close()
    assert result.exit_code == 1
    assert "WP-BUS-006" in result.stderr and "wattproof readings" in result.stderr


def test_read_of_an_unknown_meter(home: Path) -> None:
    """The meters that there are, are named."""
    (home / "gateway.toml").write_text(SITE.format(port="/dev/absent"), encoding="utf-8")
    result = call("read", "m7", home=home)
    assert result.exit_code == 1
    assert "WP-BUS-012" in result.stderr and "m1" in result.stderr


def test_scan_guesses_models_by_their_values(home: Path) -> None:
    """Without a sign of its own, a meter is likely a model whose voltages and frequency it shows, and is called so."""
    floats = {0: (0x4366, 0), 2: (0x4366, 0), 4: (0x4366, 0), 0x46: (0x4248, 0)}  # three times 230 V, and 50 Hz

    def three_phase(question: bytes) -> list[tuple[float, bytes]]:
        asked = read_request(question)
        if asked.unit != 1 or asked.function != 4:
            return [(0, with_crc(bytes((asked.unit, asked.function | 0x80, 1))))]
        return [(0, registers_answer(question, lambda at: floats.get(at & ~1, (0, 0))[at & 1]))]

    with PtyMeter(three_phase) as meter:
        result = call("scan", meter.port, "--line", "9600 8N1", "--units", "1", "--json", home=home)
    found = json.loads(result.stdout)["lines"][0]["found"][0]
    assert found["models"] == []
    assert "eastron-sdm630" in found["likely"] and "eastron-sdm120" not in found["likely"]
