"""Account: what settling and tracing cost, for parks of ten to a thousand meter points."""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from cloud_sync.keys import load_signer
from gateway import garbage
from gateway.core.settlement import ClosedInterval, Settlement
from gateway.factors import load_factors
from gateway.journal import Journal
from gateway.recorder import Recorder, journal_path, key_path
from tools.benchmarks.account_park import INTERVALS_A_DAY, AccountPark
from tools.benchmarks.figure import AT_MOST, Figure, Gate, Section
from tools.benchmarks.park_site import METERS_A_BUS, BenchClock, site_home

_INTERVALS_A_YEAR = 365 * INTERVALS_A_DAY
_RUNS = 2
_WHOLE = 1000
_GATEWAY_POINTS = 200


class Settled(NamedTuple):
    """Processor seconds of every interval of the days that were settled, and how many rows its trace has."""

    seconds: tuple[float, ...]
    rows: int

    @property
    def mean_s(self) -> float:
        """Processor seconds of an interval, over whole days."""
        return sum(self.seconds) / len(self.seconds)


def settle(park: AccountPark, intervals: int) -> Settled:
    """Take the registers of *intervals* intervals, one after the other, and close each."""
    settlement = Settlement(park.site, park.channels, load_factors())
    garbage.begun()  # as the gateway does
    seconds = []
    rows = 0
    for number in range(intervals + 1):
        readings = park.readings()
        began_s = time.process_time()
        for reading in readings:
            settlement.take(reading)
        closed = [one for one in settlement.close(park.at_s * 1000 + 2000) if isinstance(one, ClosedInterval)]
        if number:
            seconds.append(time.process_time() - began_s)
            rows += len(closed[0].allocations)
        park.advance()
    return Settled(tuple(seconds), rows // intervals)


def record(park: AccountPark, intervals: int) -> tuple[float, ...]:
    """Return processor seconds of every interval from its boundary readings to the signed entry on the disk."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ports = ["/dev/ttyUSB%d" % number for number in range(-(-len(park.site.meters) // METERS_A_BUS))]
        configuration = site_home(home, park, ports)
        clock = BenchClock()
        clock.at_ms = park.at_s * 1000
        journal = Journal(journal_path(home))
        recorder = Recorder(configuration, journal, clock, load_signer(key_path(home)))
        recorder.start()
        garbage.begun()
        for number in range(intervals + 1):
            readings = park.readings()
            clock.at_ms = park.at_s * 1000 + 2000
            began_s = time.process_time()
            recorder.take(readings)
            closed = recorder.close_due()
            if number:
                assert closed == 1
                seconds.append(time.process_time() - began_s)
            park.advance()
        journal.close()
    return tuple(seconds)


def _lesser(runs: list[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the least of every interval: the runs do the same work, and what they differ by is not theirs."""
    return tuple(min(same) for same in zip(*runs, strict=True))


def _settled(points: int, *, backfeed: bool = False) -> Settled:
    runs = [settle(AccountPark(points, backfeed=backfeed), INTERVALS_A_DAY) for _ in range(_RUNS)]
    return Settled(_lesser([run.seconds for run in runs]), runs[0].rows)


def measure() -> tuple[Section, ...]:
    """Settle parks of several sizes over a day, and let a gateway of 200 points close a day."""
    settled = {points: _settled(points) for points in (10, 100, _WHOLE)}
    ring = _settled(_WHOLE, backfeed=True)
    closing = _lesser([record(AccountPark(_GATEWAY_POINTS), INTERVALS_A_DAY) for _ in range(_RUNS)])
    figures = []
    for points, one in settled.items():
        name = f"{points} points: a year of 15-minute intervals"
        figures.append(Figure(f"account_{points}_s", name, one.mean_s * _INTERVALS_A_YEAR, "s", 0))
        if points == _WHOLE:
            figures.append(Figure("account_rows", "allocations of one interval", one.rows, "", 0))
            figures.append(Figure("account_ms", "one interval, mean", one.mean_s * 1e3, "ms", 1))
            figures.append(Figure("account_worst_ms", "the longest", max(one.seconds) * 1e3, "ms", 1))
    growth = settled[_WHOLE].mean_s / settled[100].mean_s
    figures.append(Figure("account_growth", "1000 points / 100 points", growth, "", 1, Gate(AT_MOST, 13.0)))
    figures.append(
        Figure("account_10_growth", "100 points / 10 points", settled[100].mean_s / settled[10].mean_s, "", 1)
    )
    year_s = ring.mean_s * _INTERVALS_A_YEAR
    figures.append(Figure("account_back_s", "1000 points, the sun of a third runs back: a year", year_s, "s", 0))
    figures.append(Figure("account_back_rows", "allocations of one interval", ring.rows, "", 0))
    measured_on = (
        "made-up radial parks with 60 busbars per 1000 points, a meter each, two registers; a day of 96 intervals from "
        "register words to spans, trace, storage, tallies by two sets and self-use periods, in processor seconds of "
        f"one core, of each interval the least of {_RUNS} runs, scaled to 35,040 intervals"
    )
    mean_s = sum(closing) / len(closing)
    gateway = (
        Figure("closing_ms", "closing one interval, mean", mean_s * 1e3, "ms", 1),
        Figure("closing_worst_ms", "the longest", max(closing) * 1e3, "ms", 1, Gate(AT_MOST, 100.0)),
    )
    closing_on = (
        f"{_GATEWAY_POINTS} points, 12 busbars, 96 intervals; from the boundary readings to the signed batch in the "
        f"journal, in processor milliseconds, of each interval the least of {_RUNS} runs"
    )
    return (
        Section("Account of a park", measured_on, tuple(figures)),
        Section("Closing on the gateway", closing_on, gateway),
    )
