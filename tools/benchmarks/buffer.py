"""Buffer: how much months of a park take on the disk, and how soon a gateway that has them all unsent polls again."""

import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cloud_sync.core.batch import Batch, Hole
from cloud_sync.core.canonical import encode
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import load_signer
from cloud_sync.seal import seal
from gateway.checkpoints import Checkpoints
from gateway.config import Configuration
from gateway.core.record import KIND_CHECKPOINT, Stamp, to_map
from gateway.journal import Journal
from gateway.recorder import Recorder, journal_path, key_path
from tools.benchmarks.account_park import START_S, AccountPark
from tools.benchmarks.figure import AT_MOST, Figure, Gate, Section
from tools.benchmarks.park_site import METERS_A_BUS, BenchClock, site_home
from tools.benchmarks.process import usage

POINTS = 200
DAY_S = 86400
QUARTERS, MINUTES = (900, DAY_S, 180), (60, 3600, 72)  # seconds of an interval, of what is repeated, and how often
MINUTES_PART = 10  # of 30 days a tenth is filled: three days
GIGABYTE = 1e9
BOOT_GATE_S = 60.0
_AFTER_S = 2  # the registers are read so long after the boundary
_TIMES = re.compile(rb"\x1a(....)|\x1b(........)", re.DOTALL)
_TIMES_OF_THE_DAY = (START_S - DAY_S, START_S + 2 * DAY_S)
_DISK = Path("/var/tmp")  # a disk where /tmp may be memory


class Commit(NamedTuple):
    """One commit of the recorder."""

    bodies: "list[Movable]"
    figures: list[tuple[int, int, int]]
    configuration: int | None
    state: "Movable | None"


class _Watched(Journal):
    """A journal that remembers what was committed."""

    seen: list[Commit]

    def commit(  # type: ignore[override]
        self, incarnation: bytes, bodies: Sequence[bytes], state: bytes | None, figures: Sequence[tuple[int, int, int]],
        configuration: int | None, *more: object,
    ) -> None:  # fmt: skip
        moved = [Movable(body, *_TIMES_OF_THE_DAY) for body in bodies]
        moved_state = None if state is None else Movable(state, *_TIMES_OF_THE_DAY)
        self.seen.append(Commit(moved, list(figures), configuration, moved_state))
        super().commit(incarnation, bodies, state, figures, configuration, *more)  # type: ignore[arg-type]


def recorded(configuration: Configuration, interval_s: int, seconds: int) -> list[Commit]:
    """Return the commits of a recorder that lives through *seconds* of the park, with a sweep in every interval."""
    park = AccountPark(POINTS)
    with tempfile.TemporaryDirectory() as folder:
        journal = _Watched(Path(folder) / "journal.sqlite", configuration.platforms)
        journal.seen = []
        clock = BenchClock()
        recorder = Recorder(configuration, journal, clock, None)
        recorder.start()
        for number in range(seconds // interval_s + 1):
            at_ms = 1000 * (START_S + number * interval_s)
            readings = [one._replace(at_ms=at_ms + 1000) for one in park.readings()]
            clock.at_ms = at_ms + 1000 * _AFTER_S
            recorder.take(readings)
            closed = recorder.close_due()
            assert closed == (number > 0)
            recorder.cycle()
            park.advance()
        journal.close()
    return journal.seen


class Movable:
    """An encoded record or state, and where in it there are times between two others, found once."""

    def __init__(self, content: bytes, from_s: int, to_s: int) -> None:
        self._content = content
        self._seconds: list[tuple[int, int]] = []  # where, and what
        self._milliseconds: list[tuple[int, int]] = []
        for found in _TIMES.finditer(content):
            at = found.start() + 1
            if found.group(1) is not None:
                (value,) = struct.unpack_from(">I", content, at)
                if from_s <= value <= to_s:
                    self._seconds.append((at, value))
            else:
                (value,) = struct.unpack_from(">Q", content, at)
                if from_s <= value // 1000 <= to_s:
                    self._milliseconds.append((at, value))

    def later(self, by_s: int) -> bytes:
        """Return it with every time in it put off by *by_s*."""
        content = bytearray(self._content)
        for at, value in self._seconds:
            struct.pack_into(">I", content, at, value + by_s)
        for at, value in self._milliseconds:
            struct.pack_into(">Q", content, at, value + 1000 * by_s)
        return bytes(content)


def fill(home: Path, configuration: Configuration, plan: tuple[int, int, int]) -> float:
    """Fill the journal of *home* with what was recorded once, over and over; return seconds of CPU a late commit.

    Each time with other times, another place in the chain and other signatures, and checkpoints of their own.
    """
    interval_s, span_s, times = plan
    commits = recorded(configuration, interval_s, span_s)
    signer = load_signer(key_path(home))
    journal = Journal(journal_path(home), configuration.platforms)
    journal._db.execute("PRAGMA synchronous=OFF")  # what is filled here needs no safety, only to be there

    def sealed(batch: Batch | Hole) -> bytes:
        return seal(batch, signer, up_topic(configuration.bucket, batch.gateway))

    incarnation = bytes(16)
    checkpoints = Checkpoints(journal)
    took_s = 0.0
    before_s = (int(time.time()) - START_S) // 3600 * 3600 - times * span_s  # it ends in this hour
    for number in range(times):
        by_s = before_s + number * span_s
        began_s = time.process_time()
        for index, one in enumerate(commits):
            if not one.bodies or (number and index < 2):
                continue
            bodies = [body.later(by_s) for body in one.bodies]
            figures = [(place, kind, at_s + by_s) for place, kind, at_s in one.figures if kind != KIND_CHECKPOINT]
            state = None if one.state is None else one.state.later(by_s)
            journal.commit(incarnation, bodies, state, figures, one.configuration, None, False, sealed, "g")
        took_s = (time.process_time() - began_s) / len(commits)
        at_s = START_S + by_s + span_s
        if checkpoints.due(at_s):
            record = checkpoints.record(Stamp(bytes(8), 0, 1000 * at_s, "S", 5), "g", at_s)
            assert record is not None
            body, figure = encode(to_map(record)), (0, KIND_CHECKPOINT, at_s)
            journal.commit(incarnation, [body], None, [figure], None, None, False, sealed, "g")
    journal.close()
    return took_s


def boot(home: Path, listening: list[socket.socket]) -> tuple[float, float]:
    """Start the daemon of *home*; return seconds until it asks the first meter, and its resident memory in MB."""
    began_s = time.monotonic()
    command = [sys.executable, "-m", "gateway", "--home", str(home), "run"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        asked = listening[0].accept()[0]
        asked.settimeout(10 * BOOT_GATE_S)
        assert asked.recv(1)
        took_s = time.monotonic() - began_s
        resident_mb = usage(process.pid).resident_kb / 1024
        asked.close()
    finally:
        process.terminate()
        process.wait(timeout=60)
    return took_s, resident_mb


def _listening() -> list[socket.socket]:
    found = [socket.create_server(("127.0.0.1", 0)) for _ in range(POINTS // METERS_A_BUS)]
    for one in found:
        one.settimeout(10 * BOOT_GATE_S)
    return found


def _filled(home: Path, plan: tuple[int, int, int], listening: list[socket.socket]) -> tuple[float, float]:
    """Fill a gateway in *home*; return the gigabytes of its journal, and milliseconds of CPU of its last commits."""
    ports = ["rtu+tcp://127.0.0.1:%d" % one.getsockname()[1] for one in listening]
    commit_s = fill(home, site_home(home, AccountPark(POINTS), ports, plan[0]), plan)
    return sum(one.stat().st_size for one in home.glob("journal.sqlite*")) / GIGABYTE, 1000 * commit_s


def measure() -> tuple[Section, ...]:
    """Fill journals of a park of 200 meter points, and start the gateway on the larger one."""
    listening = _listening()
    with tempfile.TemporaryDirectory(dir=_DISK if _DISK.is_dir() else None) as folder:
        minutes_gb, _ = _filled(Path(folder) / "minutes", MINUTES, listening)
        quarters_gb, commit_ms = _filled(Path(folder) / "quarters", QUARTERS, listening)
        boot_s, resident_mb = boot(Path(folder) / "quarters", listening)
    for one in listening:
        one.close()
    figures = (
        Figure("buffer_quarters_gb", "180 days of 15-minute intervals", quarters_gb, "GB", 2, Gate(AT_MOST, 4.0)),
        Figure(
            "buffer_minutes_gb", "30 days of 1-minute intervals", MINUTES_PART * minutes_gb, "GB", 2, Gate(AT_MOST, 4.0)
        ),
        Figure(
            "buffer_boot_s", "from the start of the program to the first question on a bus", boot_s, "s", 1,
            Gate(AT_MOST, BOOT_GATE_S),
        ),
        Figure("buffer_boot_mb", "resident memory then", resident_mb, "MB", 1),
        Figure("buffer_commit_ms", "CPU of a commit on the 180th day", commit_ms, "ms", 1),
    )  # fmt: skip
    measured_on = (
        "%d meter points, each interval with one sweep of its energy registers, its account and its trace, all of it "
        "sealed and none of it receipted; one day recorded, then repeated under other times; of the 1-minute intervals "
        "three days, times ten"
    ) % POINTS
    return (Section("Buffer", measured_on, figures),)
