"""Bus stand: emulated meters at true line time for a bench, and what a reader of them needed."""

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.clock import Clock
from gateway.core.meter.plan import bus_us, plan_blocks, shortest_blocks
from gateway.core.meter.poll import Job, Poll
from gateway.core.meter.profile import FAST, DeviceProfile, Point
from gateway.core.reading import Fault, Reading
from gateway.core.site import Bus, Meter
from gateway.line import open_line
from gateway.profiles import load_profile
from gateway.sweep import BusRunner

TURNAROUND_MS = 10
# The thirty floats that park software usually asks of an SDM630.
ADDRESSES = (
    0x00, 0x02, 0x04, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x1E, 0x20, 0x22, 0x34, 0x38, 0x3C, 0x3E, 0x46, 0x48, 0x4A,
    0xC8, 0xCA, 0xCC, 0xE0, 0xEA, 0xEC, 0xEE, 0x156, 0x158, 0x15A, 0x180,
)  # fmt: skip
SDM630 = "eastron-sdm630"
# Eight models, twenty meters, as a cabinet of several makers' meters has them.
MIXED = (
    [SDM630] * 4 + ["chint-dtsu666"] * 3 + ["schneider-iem3155"] * 3 + ["acrel-adl3000"] * 2 + ["abb-b23"] * 2
    + ["orno-we-516"] * 2 + ["inepro-pro380"] * 2 + ["eastron-sdm230"] * 2
)  # fmt: skip
_START_S = 20.0
_HOUR_MS = 3_600_000
_MOST_FAULTS = 20  # a busy machine may keep the emulator from answering in time now and then; the median bears it


class Cabinet(NamedTuple):
    """Meters of one bus, by unit id from 1 on: profiles, and what is read of each in every sweep."""

    name: str
    meters: tuple[tuple[DeviceProfile, tuple[Point, ...]], ...]

    def jobs(self, bus: Bus) -> tuple[Job, ...]:
        """Return what the gateway reads of them."""
        return tuple(
            Job(
                Meter(f"m{unit}", bus.name, unit, profile.id, "", (1, 1), (1, 1), 100_000),
                profile,
                plan_blocks(profile, points, bus.baud, bus.turnaround_ms),
            )
            for unit, (profile, points) in enumerate(self.meters, 1)
        )

    def optimum_s(self, baud: int) -> float:
        """Return the least time on the bus that one sweep of legal reads can take."""
        return sum(bus_us(shortest_blocks(*one, baud, TURNAROUND_MS), baud, TURNAROUND_MS) for one in self.meters) / 1e6

    def planned_s(self, baud: int) -> float:
        """Return what the gateway's own reads take on the bus."""
        return sum(bus_us(plan_blocks(*one, baud, TURNAROUND_MS), baud, TURNAROUND_MS) for one in self.meters) / 1e6

    def values(self) -> int:
        """Return how many values a sweep reads."""
        return sum(len(points) for _, points in self.meters)


class Timed(NamedTuple):
    """Several sweeps of one reader: median duration, and processor seconds for a thousand values."""

    sweep_s: float
    cpu_s: float


class Emulated(NamedTuple):
    """A running emulator: ports by bus, what was on the wires, and after its end what happened there."""

    folder: Path
    ports: tuple[Path, ...]
    counts: dict[str, int]

    def answers_s(self) -> list[float]:
        """Return when the answers so far began."""
        lines = (self.folder / "wire.jsonl").read_text(encoding="utf-8").splitlines()
        bursts = [json.loads(line) for line in lines if line.endswith("}")]
        return [burst["us"] / 1e6 for burst in bursts if burst["from"].startswith("meter ")]


def eight_sdm630() -> Cabinet:
    """Return eight meters of thirty values each."""
    profile = load_profile(SDM630, Path())
    points = tuple(point._replace(poll=FAST) for point in profile.points if point.address in ADDRESSES)
    assert len(points) == len(ADDRESSES)
    return Cabinet("8 SDM630", ((profile, points),) * 8)


def mixed_cabinet() -> Cabinet:
    """Return twenty meters of eight models, with all that their profiles read in every sweep."""
    profiles = {name: load_profile(name, Path()) for name in set(MIXED)}
    meters = tuple(
        (profiles[name], tuple(point for point in profiles[name].polled() if point.poll == FAST)) for name in MIXED
    )
    return Cabinet("20 meters of 8 models", meters)


@contextlib.contextmanager
def emulated(
    cabinet: Cabinet, baud: int, *, buses: int = 1, strict: bool = True, log: bool = False
) -> Iterator[Emulated]:
    """Serve *cabinet* on each of some buses in a process of its own; strict: its meters drop what begins too early."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "bus.toml"
        lines = []
        for number in range(buses):
            lines.append(
                f'[[bus]]\nname = "b{number}"\nbaud = {baud}\nturnaround = "{TURNAROUND_MS} ms"\n'
                f"strict = {str(strict).lower()}\n"
            )
            for unit, (profile, _) in enumerate(cabinet.meters, 1):
                lines.append(
                    f'[[meter]]\nname = "b{number}m{unit}"\nbus = "b{number}"\nunit = {unit}\n'
                    f'profile = "{profile.id}"\nload = "{unit} kW"'
                )
        config.write_text("\n".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "hil_tests.emulator", str(config), "--home", folder]
        command += ["--log", str(Path(folder) / "wire.jsonl")] if log else []
        counts: dict[str, int] = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            give_up = threading.Timer(_START_S, process.kill)
            give_up.start()
            try:
                for line in process.stdout:
                    if json.loads(line).get("ready"):
                        break
                give_up.cancel()
                yield Emulated(Path(folder), tuple(Path(folder) / f"b{number}.tty" for number in range(buses)), counts)
            finally:
                give_up.cancel()
                process.terminate()
                for line in process.stdout:
                    for name, count in json.loads(line).items():
                        if isinstance(count, int) and not isinstance(count, bool):
                            counts[name] = counts.get(name, 0) + count


class Sweeper:
    """The gateway's own Poll, line and thread on one bus, sweeping back to back."""

    def __init__(self, cabinet: Cabinet, port: Path, baud: int, sweeps: int) -> None:
        bus = Bus("bench", str(port), baud, 8, "N", 1, TURNAROUND_MS)
        self.ends: list[tuple[float, float]] = []  # when each sweep ended, and the processor time until then
        self.faults: list[Fault] = []
        self.stopped = threading.Event()
        self._values = cabinet.values()
        self._sweeps = sweeps
        self._poll = Poll(bus, cabinet.jobs(bus), _HOUR_MS)
        self._runner = BusRunner(self._poll, open_line(bus), Clock(), self._deliver, bus.name)

    def run(self) -> None:
        """Sweep as often as wanted, once more before: the start-up lies in the first."""
        self._runner.run(self.stopped)
        if len(self.faults) > _MOST_FAULTS:
            raise RuntimeError(f"a line without faults gave {self.faults[0]}")

    def timed(self) -> Timed:
        """Return what the sweeps took."""
        return timed(self.ends, self._values)

    def _deliver(self, outcomes: Sequence[Reading | Fault]) -> None:
        self.faults.extend(outcome for outcome in outcomes if isinstance(outcome, Fault))
        if self._poll.cycle > len(self.ends):
            self.ends.append((time.monotonic(), time.process_time()))
            self._poll.boundary()
            if len(self.ends) > self._sweeps or len(self.faults) > _MOST_FAULTS:
                self.stopped.set()


def timed(ends: list[tuple[float, float]], values: int) -> Timed:
    """Return median duration and processor time of the sweeps between *ends*."""
    durations = [later[0] - earlier[0] for earlier, later in zip(ends, ends[1:], strict=False)]
    return Timed(statistics.median(durations), 1000 * (ends[-1][1] - ends[0][1]) / (values * len(durations)))
