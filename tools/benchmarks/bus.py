"""Bus: how close a sweep of eight meters comes to the shortest time that physics allows, and what pymodbus needs."""

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pymodbus.client import ModbusSerialClient

from gateway.clock import Clock
from gateway.core.meter.plan import Block, bus_us, plan_blocks, shortest_blocks
from gateway.core.meter.poll import Job, Poll
from gateway.core.meter.profile import DeviceProfile, Point
from gateway.core.reading import Fault, Reading
from gateway.core.site import Bus, Meter
from gateway.line import open_line
from gateway.profiles import load_profile
from gateway.sweep import BusRunner
from tools.benchmarks.figure import AT_LEAST, AT_MOST, Figure, Gate, Section

METERS = 8
BAUD = 9600
TURNAROUND_MS = 10
PROFILE = "eastron-sdm630"
# The thirty floats that park software usually asks of this meter.
ADDRESSES = (
    0x00, 0x02, 0x04, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x1E, 0x20, 0x22, 0x34, 0x38, 0x3C, 0x3E, 0x46, 0x48, 0x4A,
    0xC8, 0xCA, 0xCC, 0xE0, 0xEA, 0xEC, 0xEE, 0x156, 0x158, 0x15A, 0x180,
)  # fmt: skip
SWEEPS = 6
BLOCK_SWEEPS = 4
VALUE_SWEEPS = 2
_START_S = 20.0
# What is lost to the processor's scheduling and to the emulated line's own lateness, some ms an exchange.
_UTILISATION_GATE = 0.95


class Timed(NamedTuple):
    """Several sweeps of one reader: median duration, and processor seconds for a thousand values."""

    sweep_s: float
    cpu_s: float


def measure() -> Section:
    """Run all three readers one after another on one emulated bus."""
    profile = load_profile(PROFILE, Path())
    points = tuple(point for point in profile.points if point.address in ADDRESSES and point.poll)
    assert len(points) == len(ADDRESSES)
    shortest = METERS * bus_us(shortest_blocks(profile, points, BAUD, TURNAROUND_MS), BAUD, TURNAROUND_MS) / 1e6
    blocks = plan_blocks(profile, points, BAUD, TURNAROUND_MS)
    planned = METERS * bus_us(blocks, BAUD, TURNAROUND_MS) / 1e6
    with _emulator() as port:
        own = _own_sweeps(port, profile, blocks)
        whole = _pymodbus_sweeps(port, [(block.start, block.count, block.points) for block in blocks], BLOCK_SWEEPS)
        single = _pymodbus_sweeps(port, [(point.first, point.count, (point,)) for point in points], VALUE_SWEEPS)
    figures = (
        Figure("bus_optimum_s", "physical optimum of a sweep", shortest, "s", 3),
        Figure("bus_planned_s", "planned, every answer of another length", planned, "s", 3),
        Figure("bus_sweep_s", f"measured, median of {SWEEPS} sweeps", own.sweep_s, "s", 3),
        Figure(
            "bus_utilisation", "utilisation: optimum / measured", shortest / own.sweep_s, "", 3,
            Gate(AT_LEAST, _UTILISATION_GATE),
        ),
        Figure(
            "bus_pymodbus_blocks_s", "pymodbus, the same blocks; it leaves out the silence of 3.5 characters between",
            whole.sweep_s, "s", 3,
        ),
        Figure(
            "bus_against_blocks", "ours / pymodbus with our blocks", own.sweep_s / whole.sweep_s, "", 3,
            Gate(AT_MOST, 1.02),
        ),
        Figure("bus_pymodbus_values_s", "pymodbus, value by value", single.sweep_s, "s", 3),
        Figure(
            "bus_against_values", "ours / pymodbus value by value", own.sweep_s / single.sweep_s, "", 3,
            Gate(AT_MOST, 0.4),
        ),
        Figure("bus_cpu_s", "CPU for 1000 values, Poll and line alone", own.cpu_s, "s", 3),
        Figure("bus_pymodbus_cpu_s", "CPU for 1000 values, pymodbus, same blocks", whole.cpu_s, "s", 3),
        Figure("bus_cpu_ratio", "CPU, ours / pymodbus", own.cpu_s / whole.cpu_s, "", 2, Gate(AT_MOST, 1.0)),
    )  # fmt: skip
    measured_on = (
        f"{METERS} emulated {profile.model}, {len(points)} values each, {BAUD} Bd, {TURNAROUND_MS} ms turnaround, "
        "11-bit characters at true line time on a pseudo-terminal; the three readers one after another"
    )
    return Section("Bus", measured_on, figures)


@contextlib.contextmanager
def _emulator() -> Iterator[Path]:
    """Serve the eight meters in a process of its own; give the port."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "bus.toml"
        lines = ['[[bus]]\nname = "bench"\nbaud = %d\nturnaround = "%d ms"\n' % (BAUD, TURNAROUND_MS)]
        for unit in range(1, METERS + 1):
            lines.append(
                f'[[meter]]\nname = "m{unit}"\nbus = "bench"\nunit = {unit}\nprofile = "{PROFILE}"\nload = "{unit} kW"'
            )
        config.write_text("\n".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "hil_tests.emulator", str(config), "--home", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            give_up = threading.Timer(_START_S, process.kill)
            give_up.start()
            try:
                for line in process.stdout:
                    if json.loads(line).get("ready"):
                        break
                give_up.cancel()
                yield Path(folder) / "bench.tty"
            finally:
                give_up.cancel()
                process.terminate()


def _own_sweeps(port: Path, profile: DeviceProfile, blocks: tuple[Block, ...]) -> Timed:
    """Sweep back to back with the gateway's own Poll, line and runner."""
    bus = Bus("bench", str(port), BAUD, 8, "N", 1, TURNAROUND_MS)
    ratio = (1, 1)
    jobs = tuple(
        Job(Meter(f"m{unit}", bus.name, unit, PROFILE, "", ratio, ratio, 100_000), profile, blocks)
        for unit in range(1, METERS + 1)
    )
    poll = Poll(bus, jobs, 0)
    stopped = threading.Event()
    # When each sweep ended, and the processor time until then; the first has the start-up before it.
    ends: list[tuple[float, float]] = []
    faults: list[Fault] = []

    def deliver(outcomes: Sequence[Reading | Fault]) -> None:
        faults.extend(outcome for outcome in outcomes if isinstance(outcome, Fault))
        if poll.cycle > len(ends):
            ends.append((time.monotonic(), time.process_time()))
            if len(ends) > SWEEPS:
                stopped.set()

    BusRunner(poll, open_line(bus), Clock(), deliver, bus.name).run(stopped)
    if faults:
        raise RuntimeError(f"a line without faults gave {faults[0]}")
    return _timed(ends)


def _pymodbus_sweeps(port: Path, reads: list[tuple[int, int, tuple[Point, ...]]], sweeps: int) -> Timed:
    """Sweep back to back with pymodbus, and make floats of what comes."""
    client = ModbusSerialClient(str(port), baudrate=BAUD, timeout=1, retries=0)
    if not client.connect():
        raise RuntimeError("pymodbus cannot open %s" % port)
    try:
        ends = [(time.monotonic(), time.process_time())]
        for _ in range(sweeps):
            for unit in range(1, METERS + 1):
                for start, count, points in reads:
                    _floats(client, unit, start, count, points)
            ends.append((time.monotonic(), time.process_time()))
    finally:
        client.close()  # type: ignore[no-untyped-call]
    return _timed(ends)


def _floats(client: ModbusSerialClient, unit: int, start: int, count: int, points: tuple[Point, ...]) -> list[object]:
    answer = client.read_input_registers(start, count=count, device_id=unit)
    if answer.isError():
        raise RuntimeError("pymodbus: unit %d, %d registers from %d: %s" % (unit, count, start, answer))
    convert: Callable[..., object] = client.convert_from_registers
    return [
        convert(answer.registers[point.first - start : point.last + 1 - start], client.DATATYPE.FLOAT32)
        for point in points
    ]


def _timed(ends: list[tuple[float, float]]) -> Timed:
    """Return median duration and processor time of the sweeps between *ends*."""
    durations = [later[0] - earlier[0] for earlier, later in zip(ends, ends[1:], strict=False)]
    values = METERS * len(ADDRESSES) * len(durations)
    return Timed(statistics.median(durations), 1000 * (ends[-1][1] - ends[0][1]) / values)
