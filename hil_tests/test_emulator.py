"""The emulator as a process: read by pymodbus over the pseudo-terminal, stopped, killed, started again."""

import json
import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.framer.rtu import FramerRTU

from gateway.core.meter.decoding import energy_wh
from gateway.profiles import load_profile
from hil_tests.line_faults import FaultDice, standard_faults
from hil_tests.truth import Truth

ROOT = Path(__file__).parents[1]
CONFIG = """
value = "60 s"
step = "1 s"

[[bus]]
name = "line"
baud = 115200
turnaround = "1 ms"

[[meter]]
name = "sdm"
bus = "line"
unit = 7
profile = "eastron-sdm630"
load = "36 kW"
start_import = "1234.56 kWh"
{sdm}
[[meter]]
name = "chint"
bus = "line"
unit = 8
profile = "chint-dtsu666"
load = "-7200 W"
ct_ratio = "200/5"
start_export = "400 kWh"
{rest}
"""


@contextmanager
def emulator(folder: Path, *, sdm: str = "", rest: str = "", by: int = signal.SIGTERM) -> Iterator[str]:
    """Run the emulator until the end of the block, and give the link of its only bus."""
    config = folder / "emulator.toml"
    config.write_text(CONFIG.format(sdm=sdm, rest=rest))
    command = [sys.executable, "-m", "hil_tests.emulator", str(config)]
    command += ["--truth", str(folder / "truth.jsonl"), "--home", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        bus = json.loads(process.stdout.readline())
        assert str(Path(bus["link"]).readlink()) == bus["path"]
        assert json.loads(process.stdout.readline()) == {"ready": True}
        yield bus["link"]
    finally:
        process.send_signal(by)
        code = process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
    assert code == (0 if by != signal.SIGKILL else -signal.SIGKILL)


@contextmanager
def client(link: str) -> Iterator[ModbusSerialClient]:
    """Give a pymodbus client of the bus behind *link*."""
    one = ModbusSerialClient(link, baudrate=115200, timeout=2, retries=0)
    assert one.connect()
    try:
        yield one
    finally:
        one.close()  # type: ignore[no-untyped-call]


def float32(registers: Sequence[int]) -> float:
    """Return the float in the first two of *registers*."""
    value: float = struct.unpack(">f", struct.pack(">HH", *registers[:2]))[0]
    return value


def heard(port: int, frame: bytes) -> bytes:
    """Send *frame* as it is, and return all that the line gives back until it is quiet for a while."""
    os.write(port, frame)
    octets = b""
    while select.select([port], [], [], 0.3)[0]:
        octets += os.read(port, 512)
    return octets


def with_check_sum(octets: bytes) -> bytes:
    """Return *octets* with the check sum that pymodbus computes."""
    return octets + FramerRTU.compute_CRC(octets).to_bytes(2, "big")


def test_pymodbus_reads_the_true_values(tmp_path: Path) -> None:
    """An independent client finds power, voltage and energy where the profile's manual says, and as they truly are."""
    with emulator(tmp_path) as link, client(link) as sdm:
        power = sdm.read_input_registers(0x34, count=2, device_id=7)
        volts = sdm.read_input_registers(0x00, count=2, device_id=7)
        energy = sdm.read_input_registers(0x48, count=4, device_id=7)
        chint = sdm.read_holding_registers(0x2012, count=2, device_id=8)
        given = sdm.read_holding_registers(0x1028, count=2, device_id=8)
        code = sdm.read_holding_registers(0x0001, count=1, device_id=8)
        floats = [float32(one.registers) for one in (power, volts, energy, chint, given)]
    assert floats[0] == 36_000
    assert 228.5 <= floats[1] <= 231.5
    assert 1234.56 <= round(floats[2], 2) < 1235
    assert floats[3] == -7200 / 40 * 10  # tenths of a watt, on the secondary side of 200/5
    assert round(floats[4], 2) == 10
    assert code.registers == [701]
    truth = Truth.load(tmp_path / "truth.jsonl")
    (shown,) = truth.samples("sdm", "energy_active_import")
    assert list(shown.words) == energy.registers[:2]
    assert shown.resolution_uwh == 10_000_000
    (far,) = truth.samples("chint", "energy_active_export")
    assert far.resolution_uwh == 400_000_000


def test_what_a_meter_cannot_do_it_refuses_by_the_book(tmp_path: Path) -> None:
    """Other functions and every write give exception 01, registers outside the windows 02, illegal counts 03."""
    with emulator(tmp_path) as link, client(link) as one:
        assert one.read_holding_registers(0x48, count=2, device_id=7).exception_code == 1
        assert one.write_register(0x48, 0, device_id=7).exception_code == 1
        assert one.write_registers(0x48, [0, 0], device_id=7).exception_code == 1
        assert one.read_input_registers(0x6A, count=4, device_id=7).exception_code == 2
        assert one.read_input_registers(0x47, count=2, device_id=7).exception_code == 3
        assert one.read_input_registers(0x00, count=82, device_id=7).exception_code == 3
        assert one.read_input_registers(0x2A, count=2, device_id=7).isError() is False
        assert one.read_input_registers(0x50, count=2, device_id=7).registers == [0, 0]


def test_damaged_and_foreign_requests_are_met_with_silence(tmp_path: Path) -> None:
    """A wrong check sum, a unit that is not there, or a piece of a request gets no byte back; the next request does."""
    request = with_check_sum(bytes.fromhex("070400340002"))
    with emulator(tmp_path) as link:
        port = os.open(link, os.O_RDWR | os.O_NOCTTY)
        try:
            assert heard(port, request[:-1] + bytes((request[-1] ^ 1,))) == b""
            assert heard(port, with_check_sum(bytes.fromhex("090400340002"))) == b""
            assert heard(port, request[:5]) == b""
            answer = heard(port, request)
        finally:
            os.close(port)
    assert answer == with_check_sum(bytes.fromhex("070404470ca000"))  # 36000.0


def test_another_baud_rate_is_met_with_silence(tmp_path: Path) -> None:
    """A client at 9600 Bd on a line of 115200 Bd hears nothing; at the right rate it hears the meter."""
    with emulator(tmp_path) as link:
        wrong = ModbusSerialClient(link, baudrate=9600, timeout=0.3, retries=0)
        assert wrong.connect()
        with pytest.raises(ModbusIOException):
            wrong.read_input_registers(0x34, count=2, device_id=7)
        wrong.close()  # type: ignore[no-untyped-call]
        with client(link) as right:
            assert right.read_input_registers(0x34, count=2, device_id=7).registers == [0x470C, 0xA000]


def read_import(link: str) -> list[int]:
    """Return the import register of the meter "sdm"."""
    with client(link) as one:
        return list(one.read_input_registers(0x48, count=2, device_id=7).registers)


def test_registers_continue_over_a_stop_and_a_kill(tmp_path: Path) -> None:
    """After SIGTERM and after SIGKILL the next emulator takes the registers up, and none is ahead of the truth."""
    for by in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        with emulator(tmp_path, by=by) as link:
            for _ in range(3):
                read_import(link)
    samples = Truth.load(tmp_path / "truth.jsonl").samples("sdm", "energy_active_import")
    assert len(samples) == 9
    (point,) = [one for one in load_profile("eastron-sdm630", ROOT).points if one.quantity == "energy_active_import"]
    for earlier, later in zip(samples, samples[1:], strict=False):
        # 36 kW are 10 Wh a second: 10 uWh in every microsecond, whatever happened to the emulator in between.
        assert later.true_uwh - earlier.true_uwh == (later.utc_ms - earlier.utc_ms) * 10_000
    for sample in samples:
        shown_wh = energy_wh(point, sample.words)
        assert shown_wh is not None
        assert 0 <= sample.true_uwh - shown_wh * 1_000_000 < sample.resolution_uwh


def test_the_link_goes_with_the_emulator(tmp_path: Path) -> None:
    """After a clean end nothing is left that a client could open by mistake."""
    with emulator(tmp_path) as link:
        assert Path(link).is_symlink()
    assert not Path(link).is_symlink()


def test_every_fault_is_what_it_says(tmp_path: Path) -> None:
    """Faults on purpose: each damages one answer in its own way, and the answer after them all is whole again."""
    kinds = ("silent", "late", "crc", "wrong-unit", "wrong-function", "short", "long", "noise", "echo", "twice", "busy")
    faults = "".join(f'[[fault]]\nkind = "{kind}"\nmeter = "sdm"\ntimes = 1\ndelay = "100 ms"\n' for kind in kinds)
    request = with_check_sum(bytes.fromhex("070400340002"))
    right = with_check_sum(bytes.fromhex("070404470ca000"))
    with emulator(tmp_path, rest=faults) as link:
        port = os.open(link, os.O_RDWR | os.O_NOCTTY)
        try:
            got = {kind: heard(port, request) for kind in kinds}
            after = heard(port, request)
        finally:
            os.close(port)
    assert after == right
    assert sum((one ^ other).bit_count() for one, other in zip(got.pop("crc"), right, strict=True)) == 1
    short = got.pop("short")
    assert len(short) < len(right) and right.startswith(short)
    assert got == {
        "silent": b"",
        "late": right,
        "wrong-unit": with_check_sum(bytes.fromhex("080404470ca000")),
        "wrong-function": with_check_sum(bytes.fromhex("070304470ca000")),
        "long": with_check_sum(bytes.fromhex("070406470ca0000000")),
        "noise": b"\0" + right,
        "echo": request + right,
        "twice": right + right,
        "busy": with_check_sum(bytes.fromhex("078406")),
    }


def test_the_standard_faults_follow_their_seed() -> None:
    """The same seed makes the same answers go wrong; another seed makes others go wrong, and most go well."""

    def fates(seed: str) -> list[str]:
        dice = FaultDice(standard_faults(), seed)
        return [fault.kind if fault else "" for fault in (dice.next("m") for _ in range(2000))]

    assert fates("1") == fates("1") != fates("2")
    assert 100 < sum(map(bool, fates("1"))) < 250


MISTAKES = """
extra = 1
fault = [{ kind = "thunder" }]
unmetered = [{ busbar = "LV9", power = "3 apples" }]
curve = [{ name = "c", file = "nowhere.csv", column = "x", peak = "1 kW" }]
battery = [{ meter = "none", power = "1 kW", capacity = "1 kWh" }]
"""

WRONG_METER = """
[[meter]]
name = "sdm"
bus = "other"
unit = 300
profile = "no-such-meter"
role = "storage"
busbar = "LV1"
"""


def refused(config: Path) -> str:
    """Return what the emulator says of a configuration that it cannot use."""
    command = [sys.executable, "-m", "hil_tests.emulator", str(config)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False, env={**os.environ, "LANG": "C"}
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_broken_configuration_is_told_all_at_once(tmp_path: Path) -> None:
    """Every mistake is named with its place in one run, without a traceback, and nothing is served."""
    config = tmp_path / "bad.toml"
    assert "WP-CFG-031" in refused(tmp_path / "missing.toml")
    config.write_text("value = ")
    assert "WP-CFG-030 " in refused(config)
    config.write_text(MISTAKES + CONFIG.format(sdm="", rest=WRONG_METER).replace("step =", "begin ="))
    said = refused(config)
    for expected in (
        "WP-CFG-002 bad.toml.extra", "WP-EMU-009 bad.toml.begin", "WP-CFG-040 bad.toml.fault[0].kind",
        "WP-CFG-006 bad.toml.unmetered[0].power", "WP-CFG-016 bad.toml.meter[2].name",
        "WP-CFG-008 bad.toml.meter[2].bus", "WP-CFG-005 bad.toml.meter[2].unit", "WP-EMU-010 LV1", "WP-EMU-010 LV9",
        "WP-EMU-018 bad.toml.curve[0]", "WP-CFG-008 bad.toml.battery[0].meter", "WP-EMU-014 sdm",
        "WP-PRF-001 bad.toml.meter[2].profile.no-such-meter",
    ):  # fmt: skip
        assert expected in said
    config.write_text(CONFIG.format(sdm="", rest='[[bus]]\nname = "second"\nlink = "emulated/second"\n'))
    (tmp_path / "emulated").write_text("a file where the folder should be")
    command = [sys.executable, "-m", "hil_tests.emulator", str(config), "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 1 and "WP-EMU-011" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "line.tty").is_symlink()
