"""Two measured weeks of a steel works, of plants and offices, through emulated meters into a gateway's settlement.

Time is that of the wires: each boundary is one sweep of the gateway's own Poll over two buses of emulated meters, whose
registers are those of their device profiles. Nothing waits.
"""

import csv
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Job, Poll
from gateway.core.reading import Fault
from gateway.core.settlement import Channel, ClosedInterval, Settlement, account_channels
from gateway.core.site import Bus, Meter, MeterPoint, SelfUseRule, Site
from gateway.factors import load_factors
from gateway.profiles import load_profile
from hil_tests.accounted_line import AccountedLine
from hil_tests.electrical import nature
from hil_tests.emulated_meter import EmulatedMeter
from hil_tests.emulated_park import MJ_PER_WH, Sample
from hil_tests.hostile_meters import Tally, step

DATA = Path(__file__).parent / "data"
STEEL = ("uci_steel_2018-03-05_2018-03-18.csv",)
SIMBENCH = ("simbench_2016-01-11_2016-01-17.csv", "simbench_2016-07-04_2016-07-10.csv")
INTERVAL_S = 900
INTERVALS = 14 * 96
START_S = 1_790_006_400
BAUD, TURNAROUND_MS = 9600, 10
_FAR_ENDS = {"tie": "LV2"}
_ORIGINS = {"intake": "grid", "generation": "solar"}


class Place(NamedTuple):
    """A meter point with its meter; ct: ratio of its current transformers; shown_wh: what its registers began with."""

    name: str
    role: str
    busbar: str
    profile: str
    ct: int
    shown_wh: int


PLACES = (
    Place("Grid", "intake", "LV1", "acrel-adw300", 1, 7_654_320),
    Place("Tie", "tie", "LV1", "chint-dtsu666", 100, 12_345_000),
    Place("Steel works", "load", "LV1", "acrel-adl400", 200, 1_234_000),
    Place("Roof 3", "generation", "LV1", "huawei-sun2000", 1, 999_990),
    Place("Offices 1", "load", "LV1", "eastron-sdm630", 1, 5_550),
    Place("Offices 3", "load", "LV1", "schneider-iem3155", 1, 4_294_960_000),
    Place("Offices 4", "load", "LV2", "carlo-gavazzi-em340", 1, 123_400),
    Place("Offices 5", "load", "LV2", "siemens-pac3200", 1, 88_880),
    Place("Offices 6", "load", "LV2", "socomec-diris-a10", 1, 77_000),
    Place("Shops", "load", "LV2", "abb-b23", 1, 10),
    Place("Roof 5", "generation", "LV2", "sungrow-sg", 1, 31_000),
    Place("Roof 8", "generation", "LV2", "growatt-mid", 1, 500),
)
# What the curves of SimBench are multiplied with; multiples of 10 kW keep every energy a whole number of mJ.
_RATED_W = {
    "Roof 3": ("PV3", 1_500_000), "Roof 5": ("PV5", 400_000), "Roof 8": ("PV8", 500_000),
    "Offices 1": ("G1-A_pload", 80_000), "Offices 3": ("G3-A_pload", 120_000), "Offices 4": ("G4-A_pload", 60_000),
    "Offices 5": ("G5-A_pload", 90_000), "Offices 6": ("G6-A_pload", 150_000), "Shops": ("mv_comm_pload", 300_000),
}  # fmt: skip


def _column(files: Iterable[str], name: str) -> list[Fraction]:
    rows: list[Fraction] = []
    for file in files:
        with (DATA / file).open(encoding="utf-8", newline="") as lines:
            rows += [Fraction(row[name]) for row in csv.DictReader(lines)]
    assert len(rows) == INTERVALS
    return rows


def energies_mj() -> dict[str, list[int]]:
    """Return what every meter point counts in every interval by the data alone: import less export, in whole mJ.

    The steel works is what its file says in kWh; the others are per-unit means times a rating. The tie carries what
    LV2 takes, and the grid gives the rest, so the park balances exactly.
    """
    found = {"Steel works": [kwh * 1000 * MJ_PER_WH for kwh in _column(STEEL, "Usage_kWh")]}
    for name, (column, rated_w) in _RATED_W.items():
        sign = -1 if name.startswith("Roof") else 1
        found[name] = [sign * part * rated_w * INTERVAL_S * 1000 for part in _column(SIMBENCH, column)]
    for name, busbars in (("Tie", ("LV2",)), ("Grid", ("LV1", "LV2"))):
        below = [found[one.name] for one in PLACES if one.role in ("load", "generation") and one.busbar in busbars]
        found[name] = [sum(rows, Fraction(0)) for rows in zip(*below, strict=True)]
    assert all(one.denominator == 1 for rows in found.values() for one in rows)
    return {name: [int(one) for one in rows] for name, rows in found.items()}


class Truth:
    """What every meter has truly counted at any moment: in each interval the mean power of the data."""

    def __init__(self) -> None:
        self.of_interval = energies_mj()
        self._taken: dict[str, list[int]] = {}
        self._given: dict[str, list[int]] = {}
        for name, rows in self.of_interval.items():
            taken, given = [0], [0]
            for mj in rows:
                taken.append(taken[-1] + max(mj, 0))
                given.append(given[-1] + max(-mj, 0))
            self._taken[name], self._given[name] = taken, given

    def sample(self, name: str, utc_ms: int) -> Sample:
        """Return the counters of a meter point; before the data and after them nothing flows."""
        number, since_ms = divmod(utc_ms - START_S * 1000, INTERVAL_S * 1000)
        mj = self.of_interval[name][number] if 0 <= number < INTERVALS else 0
        number = min(max(number, 0), INTERVALS)
        moved = abs(mj) * since_ms // (INTERVAL_S * 1000)
        taken, given = self._taken[name][number], self._given[name][number]
        return Sample(utc_ms, 0, 0, taken + moved * (mj > 0), given + moved * (mj < 0), 0)

    def most_w(self, name: str) -> int:
        """Return the greatest mean power of a meter point, rounded up."""
        return -(-max(abs(mj) for mj in self.of_interval[name]) // (INTERVAL_S * 1000))


class _Cabinet:
    """One bus: a Poll, the line to its emulated meters, and the time on this line."""

    def __init__(self, bus: Bus, jobs: tuple[Job, ...], meters: list[EmulatedMeter], truth: Truth) -> None:
        self.asked: dict[str, Sample] = {}
        self._truth = truth
        self._line = AccountedLine(meters, BAUD, TURNAROUND_MS, self._ask)
        self._poll = Poll(bus, jobs, INTERVAL_S * 1000)
        self._rested_us = (START_S - INTERVAL_S - 60) * 1_000_000
        self._tally = Tally()

    def _ask(self, name: str) -> Sample:
        sample = self._truth.sample(name, self.utc_ms())
        self.asked.setdefault(name, sample)
        return sample

    def utc_ms(self) -> int:
        """Return the time on this line."""
        return (self._rested_us + int(self._line.line_us)) // 1000

    def monotonic_ms(self) -> int:
        """Return the same."""
        return self.utc_ms()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._rested_us += int(seconds * 1_000_000)

    def sweep(self, at_s: int, settlement: Settlement, registers: int) -> None:
        """Begin a sweep at the boundary and take readings until all energy registers have come."""
        self.sleep(max(0, at_s * 1000 - self.utc_ms()) / 1000)
        self.asked = {}
        self._poll.boundary(at_s)
        while registers:
            for outcome in step(self._poll, self._line, self, self._tally, judged=False):
                assert not isinstance(outcome, Fault), outcome
                settlement.take(outcome)
                registers -= 1


class Weeks(NamedTuple):
    """What the gateway closed, and the truth behind every boundary reading: by boundary and meter point."""

    channels: tuple[Channel, ...]
    closed: list[ClosedInterval]
    asked: list[dict[str, Sample]]


def run(truth: Truth) -> Weeks:
    """Read every meter at every boundary of the two weeks, and close the intervals."""
    profiles = {place.profile: load_profile(place.profile, ".") for place in PLACES}
    meters = tuple(
        Meter(p.name, p.busbar, n + 1, p.profile, "", (p.ct, 1), (1, 1), 2 * truth.most_w(p.name))
        for n, p in enumerate(PLACES)
    )
    points = tuple(
        MeterPoint(p.name, p.role, p.name, p.busbar, _FAR_ENDS.get(p.role, ""), _ORIGINS.get(p.role, ""), False)
        for p in PLACES
    )
    buses = tuple(Bus(name, "/dev/tty" + name, BAUD, 8, "N", 1, TURNAROUND_MS) for name in ("LV1", "LV2"))
    rule = SelfUseRule(3600, "proportional", "user", "renewable")
    sets = ("NDRC910-trial", "grid-2023")
    site = Site(
        "g", "p", INTERVAL_S, 15, 60, 60, rule, "Jiangsu", sets, buses, meters, points, (), 60, "first-after", "linear"
    )  # fmt: skip
    channels = account_channels(site, profiles)
    settlement = Settlement(site, channels, load_factors())
    cabinets = []
    for bus in buses:
        jobs = []
        emulated = []
        for meter, place in zip(meters, PLACES, strict=True):
            if meter.bus == bus.name:
                profile = profiles[meter.profile]
                wanted = tuple(channel.point for channel in channels if channel.meter == meter.name)
                jobs.append(Job(meter, profile, plan_blocks(profile, wanted, BAUD, TURNAROUND_MS)))
                source = place.role == "generation"
                kind = nature(
                    place.name, 3, source=source, start_import_wh=place.shown_wh, start_export_wh=place.shown_wh
                )
                ratios = (meter.ct_ratio, meter.vt_ratio)
                emulated.append(EmulatedMeter(meter.name, meter.unit, profile, kind, ratios=ratios))
        count = len([channel for channel in channels if channel.meter in [job.meter.name for job in jobs]])
        cabinets.append((_Cabinet(bus, tuple(jobs), emulated, truth), count))
    closed: list[ClosedInterval] = []
    asked = []
    for number in range(-1, INTERVALS + 1):  # one boundary before the data: there the Poll begins to believe its meters
        at_s = START_S + number * INTERVAL_S
        for cabinet, count in cabinets:
            cabinet.sweep(at_s, settlement, count)
        if number >= 0:
            asked.append({name: sample for cabinet, _ in cabinets for name, sample in cabinet.asked.items()})
        now_ms = max(cabinet.utc_ms() for cabinet, _ in cabinets)
        closed += [one for one in settlement.close(now_ms) if isinstance(one, ClosedInterval)]
    return Weeks(channels, [one for one in closed if one.start_s >= START_S], asked)
