"""Soak: a real gateway, broker and platform whose clocks run fast; memory, descriptors and log must stay flat."""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync.keys import load_public, new_key
from gateway.config import key_path
from gateway.control import ask, is_running
from gateway.recorder import journal_path
from hil_tests.brokers import PipBroker, free_port
from hil_tests.fast_park import GATEWAY, FastMeters, fast_site
from hil_tests.fast_time import FastTime, possible
from hil_tests.stand import listens
from tools.benchmarks.figure import AT_LEAST, AT_MOST, Figure, Gate, Section
from tools.benchmarks.process import usage

TIMES = 240
SECONDS = 480.0  # on the wall
CYCLE_S, INTERVAL_MIN, HOLD_S = 15, 15, 60  # as gateways run
UNITS = 4
_DAY_S, _HOUR_S = 86400, 3600
_SAMPLE_S = 2.0
_WARM_UP = 2  # of so many parts of the run the first is not counted: SQLite fills its cache of pages meanwhile
_START_S = 60.0
_DISK = Path("/var/tmp")


class Sample(NamedTuple):
    """The gateway's process at one moment, in seconds of its own clock."""

    at_s: float
    resident_mb: float
    descriptors: int
    threads: int
    log_mb: float


class Soaked(NamedTuple):
    """One soak."""

    samples: list[Sample]
    hours: float
    commits: int
    intervals: int
    entries: int
    unreceipted: int
    faults: int
    cpu: float  # of one core
    platform_mb: tuple[float, float]  # after the warm-up, and at the end


@contextmanager
def _running(commands: dict[str, list[str]], folder: Path, clock: FastTime) -> Iterator[dict[str, Any]]:
    """Run broker and platform; what is asked for later is started into the same mapping."""
    running: dict[str, Any] = {}

    def start(name: str) -> None:
        with (folder / (name + ".log")).open("ab") as log:
            environment = clock.environment() if name != "broker" else None  # it keeps no time
            running[name] = subprocess.Popen(commands[name], stdout=log, stderr=log, env=environment)

    running["start"] = start
    try:
        yield running
    finally:
        del running["start"]
        for process in reversed(list(running.values())):
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(ready: Any, what: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError("%s did not start: %s" % (what, log.read_text(errors="replace")[-2000:]))
        time.sleep(0.1)


def soak(folder: Path, times: int, seconds: float) -> Soaked:
    """Let a gateway live for *seconds* on the wall with clocks that run *times* as fast."""
    clock = FastTime(folder, times)
    meters = FastMeters(UNITS, clock.utc_ms)
    broker, home, platform = PipBroker(), folder / "gateway", folder / "platform"
    (platform / "keys" / "gateways").mkdir(parents=True)
    new_key(platform / "keys" / "platform.key")
    (home / "keys").mkdir(parents=True)
    (home / "keys" / "platform.pub").write_text(load_public(platform / "keys" / "platform.pub").pem())
    fast_site(home, meters, INTERVAL_MIN, CYCLE_S, HOLD_S, broker.port)
    public = load_public(key_path(home).with_suffix(".pub")).pem()
    (platform / "keys" / "gateways" / (GATEWAY + ".pub")).write_text(public)
    broker.prepare(folder, GATEWAY)
    page = free_port()
    settings = {"bucket": "b0", "listen": "127.0.0.1:%d" % page, "ledger": "ledger.sqlite", "clock_bound": "1 s"}
    rows = ['%s = "%s"' % item for item in (settings | broker.platform(folder)).items()]
    (platform / "platform.toml").write_text("\n".join(["[platform]", *rows, ""]), encoding="utf-8")
    commands = {
        "broker": broker.command(folder),
        "platform": [sys.executable, "-m", "cloud_sync.platform", "--home", str(platform), "serve"],
        "gateway": [sys.executable, "-m", "gateway", "--home", str(home), "run"],
    }
    with _running(commands, folder, clock) as running:
        running["start"]("broker")
        _await(lambda: listens(broker.port), "broker", folder / "broker.log")
        running["start"]("platform")
        _await(lambda: listens(page), "platform", folder / "platform.log")
        running["start"]("gateway")
        _await(lambda: is_running(home), "gateway", folder / "gateway.log")
        found = _watched(running, home, clock, seconds)
        running["gateway"].send_signal(signal.SIGTERM)
        assert running["gateway"].wait(timeout=60) == 0, (folder / "gateway.log").read_text()[-2000:]
    meters.close()
    return found


def _watched(running: dict[str, Any], home: Path, clock: FastTime, seconds: float) -> Soaked:
    gateway, platform = running["gateway"].pid, running["platform"].pid
    before = usage(gateway)
    began_ms, samples = clock.utc_ms(), list[Sample]()
    ends_s, platform_mb = time.monotonic() + seconds, list[float]()
    while time.monotonic() < ends_s:
        time.sleep(_SAMPLE_S)
        samples.append(_sample(gateway, home, (clock.utc_ms() - began_ms) / 1000))
        platform_mb.append(usage(platform).resident_kb / 1024)
    hours = (clock.utc_ms() - began_ms) / 1000 / _HOUR_S
    status = ask(home, {"ask": "status"})
    faults = sum(count for one in status["meters"] for count in one["faults"].values())
    behind = status["entries"] - (status["receipted"] or 0)
    warm_mb = platform_mb[len(platform_mb) // _WARM_UP]
    return Soaked(
        samples, hours, status["storage"]["commits"], status["intervals"], status["entries"], behind, faults,
        (usage(gateway).cpu_s - before.cpu_s) / seconds, (warm_mb, platform_mb[-1]),
    )  # fmt: skip


def _sample(pid: int, home: Path, at_s: float) -> Sample:
    place = Path("/proc/%d" % pid)
    log = journal_path(home).with_name("journal.sqlite-wal")
    return Sample(
        at_s,
        usage(pid).resident_kb / 1024,
        len(list((place / "fd").iterdir())),
        len(list((place / "task").iterdir())),
        log.stat().st_size / 1e6,
    )


def slope_a_day(samples: list[Sample]) -> float:
    """Return by how many MB the memory grew a day of the gateway's clock: least squares."""
    line = statistics.linear_regression([one.at_s / _DAY_S for one in samples], [one.resident_mb for one in samples])
    return line.slope


def _grown(values: list[int]) -> int:
    """Return how much more there was at least of something in the later half than in the earlier one."""
    half = len(values) // 2
    return min(values[half:]) - min(values[:half])


def measure() -> tuple[Section, ...]:
    """Soak, and say what stayed flat."""
    if not possible():
        nothing = Figure("soak_hours", "hours of the gateway's clock", float("nan"), "h", 1)
        return (Section("Soak", "nothing: fast clocks need Linux and a C compiler; NOT RUN", (nothing,)),)
    with tempfile.TemporaryDirectory(dir=_DISK if _DISK.is_dir() else None) as folder:
        found = soak(Path(folder), TIMES, SECONDS)
    return (_section(found),)


def _section(found: Soaked) -> Section:
    late = found.samples[len(found.samples) // _WARM_UP :]
    figures = (
        Figure("soak_hours", "hours of the gateway's clock", found.hours, "h", 1, Gate(AT_LEAST, 1.0)),
        Figure("soak_intervals", "intervals closed", found.intervals, "", 0, Gate(AT_LEAST, 60 // INTERVAL_MIN)),
        Figure("soak_commits", "commits", found.commits, "", 0),
        Figure("soak_unreceipted", "entries without a receipt at the end", found.unreceipted, "", 0, Gate(AT_MOST, 50)),
        Figure("soak_memory_day", "memory grows a day of it", slope_a_day(late), "MB", 2, Gate(AT_MOST, 1.0)),
        Figure("soak_memory", "memory at the end", found.samples[-1].resident_mb, "MB", 1, Gate(AT_MOST, 64)),
        Figure("soak_memory_half", "memory after half of the time", late[0].resident_mb, "MB", 1),
        Figure(
            "soak_descriptors", "more descriptors than before", _grown([one.descriptors for one in late]), "", 0,
            Gate(AT_MOST, 0),
        ),
        Figure(
            "soak_threads", "more threads than before", _grown([one.threads for one in late]), "", 0, Gate(AT_MOST, 0)
        ),
        Figure(
            "soak_log_mb", "write-ahead log at most", max(one.log_mb for one in late), "MB", 1, Gate(AT_MOST, 8.0)
        ),
        Figure("soak_cpu_percent", "CPU of one core on the wall", 100 * found.cpu, "%", 0),
        Figure("soak_faults", "reads that failed, as a busy machine has them", found.faults, "", 0),
        Figure(
            "soak_platform_mb", "the platform's memory grew by", found.platform_mb[1] - found.platform_mb[0], "MB", 1
        ),
    )  # fmt: skip
    measured_on = (
        "%.0f s on the wall of the gateway's, the broker's and the platform's own processes, the clocks of gateway and "
        "platform running %d times as fast: %d meters on Modbus TCP, a sweep every %d s, intervals of %d min, readings "
        "recorded every 60 s, a real journal, everything sent and receipted; after the first half"
    ) % (SECONDS, TIMES, UNITS, CYCLE_S, INTERVAL_MIN)
    return Section("Soak", measured_on, figures)
