"""A libmodbus meter and emulated meters on one wire, read by programs that are not ours, and by the gateway."""

import json
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pymodbus.client import ModbusSerialClient
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.tests.test_tcp_line import pymodbus_server
from hil_tests.emulated import ROOT, Emulated, emulated
from hil_tests.foreign import foreign_meter, made_meter, wanted

BAUD = 19200
UNIT = 5  # of the libmodbus meter
BUS = f"""
[[bus]]
name = "line"
line = "{BAUD} 8N1"
[[port]]
name = "foreign"
bus = "line"
[[meter]]
name = "sdm"
bus = "line"
unit = 7
profile = "eastron-sdm630"
load = "36 kW"
[[meter]]
name = "other"
bus = "line"
unit = 8
profile = "eastron-sdm630"
load = "-12500 W"
"""
POWER, FREQUENCY, IMPORTED = 0x34, 0x46, 0x48
FIGURES = {POWER: 7125.5, FREQUENCY: 50.0, IMPORTED: 987.25}  # each of them exact in a float32


def words(figures: dict[int, float]) -> dict[int, int]:
    """Return the registers that hold *figures* as the SDM630 shows them."""
    found = {}
    for at, figure in figures.items():
        found[at], found[at + 1] = struct.unpack(">HH", struct.pack(">f", figure))
    return found


def power(registers: Sequence[int]) -> float:
    """Return the float in two registers."""
    value: float = struct.unpack(">f", struct.pack(">HH", *registers))[0]
    return value


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Emulated]:
    """Give a bus of two emulated meters and one of libmodbus."""
    program = made_meter(tmp_path)
    with (
        emulated(tmp_path, BUS) as bus,
        foreign_meter(program, bus.link("foreign"), BAUD, UNIT, words(FIGURES)),
    ):
        yield bus


def test_pymodbus_reads_three_meters_of_two_makers(shared: Emulated) -> None:
    """Forty reads in turn, each answered by the meter that was asked and by no other, with its own value."""
    client = ModbusSerialClient(shared.link(), baudrate=BAUD, timeout=2, retries=0)
    assert client.connect()
    try:
        units = [UNIT, 7, UNIT, 8] * 10
        found = [client.read_input_registers(POWER, count=2, device_id=unit).registers for unit in units]
    finally:
        client.close()  # type: ignore[no-untyped-call]
    assert [power(registers) for registers in found] == [7125.5, 36000.0, 7125.5, -12500.0] * 10


def test_mbpoll_reads_three_meters_of_two_makers(shared: Emulated) -> None:
    """The tool that technicians use reads libmodbus and emulated meters alike."""
    wanted("mbpoll")
    found = []
    for unit in (UNIT, 7, 8):
        command = ["mbpoll", "-m", "rtu", "-a", str(unit), "-b", str(BAUD), "-P", "none", "-t", "3:float", "-B", "-0"]
        command += ["-r", str(POWER), "-c", "1", "-1", "-q", "-o", "3", shared.link()]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        found += [line.partition("\t")[2].strip() for line in said.splitlines() if line.startswith(f"[{POWER}]")]
    assert [float(one) for one in found] == [7125.5, 36000.0, -12500.0]


SITE = """
[gateway]
id = "gw-1"
province = "Jiangsu"
[[bus]]
name = "line"
port = "{port}"
line = "{baud} 8N1"
[[meter]]
name = "foreign"
bus = "line"
unit = {unit}
profile = "{profile}"
max_power = "100 kW"
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Intake"
role = "intake"
meter = "foreign"
busbar = "LV1"
"""


def gateway_reads(home: Path, port: str, profile: str = "eastron-sdm630") -> dict[str, str]:
    """Return what `wattproof read` makes of the foreign meter."""
    site = SITE.format(port=port, baud=BAUD, unit=UNIT, profile=profile)
    (home / "gateway.toml").write_text(site, encoding="utf-8")
    command = [sys.executable, "-m", "gateway", "--home", str(home), "--lang", "en", "read", "foreign", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    return {one["quantity"]: one["value"] for one in json.loads(done.stdout)["readings"]}


def test_the_gateway_reads_the_libmodbus_meter_among_emulated_ones(shared: Emulated, tmp_path: Path) -> None:
    """Whole blocks of the shipped profile, from a server that is not ours, with the values it was given."""
    found = gateway_reads(tmp_path, shared.link())
    assert float(found["active_power_total"]) == 7125.5
    assert float(found["frequency"]) == 50 and float(found["energy_active_import"]) == 987.25


def test_the_gateway_reads_a_pymodbus_server_over_tcp(tmp_path: Path) -> None:
    """The same meter behind Modbus TCP, served by pymodbus: the same values."""
    own = (ROOT / "device_profiles" / "eastron-sdm630.toml").read_text(encoding="utf-8")
    (tmp_path / "profiles").mkdir()
    own = own.replace('id = "eastron-sdm630"', 'id = "sdm630-tcp"').replace('["rtu"]', '["rtu", "tcp"]')
    (tmp_path / "profiles" / "sdm630-tcp.toml").write_text(own, encoding="utf-8")
    registers = [0] * 0x400
    for at, word in words(FIGURES).items():
        registers[at] = word
    image = SimData(0, values=registers, datatype=DataType.REGISTERS)
    with pymodbus_server([SimDevice(UNIT, simdata=image)]) as port:
        found = gateway_reads(tmp_path, f"tcp://127.0.0.1:{port}", "sdm630-tcp")
    assert float(found["active_power_total"]) == 7125.5
    assert float(found["frequency"]) == 50 and float(found["energy_active_import"]) == 987.25
