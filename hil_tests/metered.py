"""One meter whose registers a test moves by hand, read by the gateway's own Poll and Line, its accounts closed.

Time is simulated; the wire has no faults but those of the meter itself.
"""

from collections.abc import Callable
from typing import Any

from gateway.core.account.factor import FactorTable
from gateway.core.account.register_check import RegisterCheck
from gateway.core.late_truth import Late
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Job, Poll
from gateway.core.meter.profile_reading import read_profile
from gateway.core.reading import Fault, Reading
from gateway.core.settlement import Channel, ClosedInterval, ClosedPeriod, Settlement
from gateway.core.site import Meter, MeterPoint, SelfUseRule, Site
from gateway.line import open_line
from hil_tests.hostile_meters import Tally, step
from hil_tests.hostile_wire import HostileWire
from hil_tests.simulated_line import BUS, simulated

IMPORT, EXPORT, POWER = "energy_active_import", "energy_active_export", "active_power_total"
PLACES = {IMPORT: 0, EXPORT: 2, POWER: 10, "serial_number": 20}
INTERVAL_S = 60
CYCLE_S = 5
MAX_POWER_W = 400_000
STEP_WH = 10
ONE = ((1, 1), (1, 1))

# What the registers hold: quantity and milliseconds since the first question, to a whole number of counts.
Counts = Callable[[str, int], int]


class Metered:
    """A load with one meter, from the register to the account."""

    def __init__(self, counts: Counts, *, kind: str = "u32", wrap: int | None = None, serial: str = "") -> None:
        """*counts* gives every register; *kind* is that of the energy registers, one count is 10 Wh."""
        # What the import register shows while its first or second word is read, where it ticks in between.
        self.torn: Callable[[int, bool], int] | None = None
        self.readings: list[Reading] = []
        self.faults: list[Fault] = []
        self.closed: list[ClosedInterval] = []
        self.late: list[Late] = []
        self.told: list[tuple[str, dict[str, str]]] = []
        self._counts = counts
        self._began_ms = 0
        self._now_ms: Callable[[], int] = lambda: 0
        self.silent_ms: tuple[int, int] = (0, 0)
        profile = self._profile(kind, wrap)
        blocks = plan_blocks(profile, profile.polled(), BUS.baud, BUS.turnaround_ms)
        meter = Meter("m1", BUS.name, 1, profile.id, serial, (1, 1), (1, 1), MAX_POWER_W)
        self._job = Job(meter, profile, blocks)
        points = {point.quantity: point for point in profile.points}
        channels = tuple(Channel("m1", name, points[name], ONE, MAX_POWER_W) for name in (IMPORT, EXPORT))
        place = MeterPoint("Mill", "load", "m1", "LV", "", "", False)
        rule = SelfUseRule(3600, "proportional", "user", "renewable")
        site = Site(
            "g",
            "p",
            INTERVAL_S,
            CYCLE_S,
            60,
            15,
            rule,
            "Jiangsu",
            (),
            (BUS,),
            (meter,),
            (place,),
            (),
            INTERVAL_S,
            "first-after",
            "linear",
        )
        self._settlement = Settlement(site, channels, FactorTable(()))
        self._check = RegisterCheck("load", False, MAX_POWER_W, 3000 * CYCLE_S, (points[IMPORT], points[EXPORT]), ONE)

    @staticmethod
    def _profile(kind: str, wrap: int | None) -> Any:
        energy: dict[str, Any] = {"type": kind, "unit": "kWh", "counter": True, "side": "direct"}
        if kind != "f32":
            energy["factor"] = "0.01"
        if wrap is not None:
            energy["wrap"] = wrap
        plain: dict[str, object] = {
            "id": "metered",
            "maker": "Wattproof",
            "model": "metered",
            "kind": "three-phase meter",
            "status": "draft",
            "serial": {"default": "9600 8N1", "allowed": ["9600 8N1"], "units": [1, 247]},
            "modbus": {
                "transport": ["rtu"],
                "function": 3,
                "address": "zero-based",
                "words": "high-first",
                "max_registers": 60,
                "align": 1,
                "windows": [[0, 40]],
                "timeout_ms": 300,
                "gap_ms": 0,
            },
            "points": [
                {"quantity": IMPORT, "at": PLACES[IMPORT], **energy},
                {"quantity": EXPORT, "at": PLACES[EXPORT], **energy},
                {"quantity": POWER, "at": PLACES[POWER], "type": "i32", "unit": "W", "sign": "+import"},
                {"name": "serial_number", "at": PLACES["serial_number"], "type": "u32", "unit": ""},
            ],
        }
        found, problems = read_profile(plain)
        assert found is not None, problems
        return found

    def _word(self, unit: int, function: int, address: int, question: int) -> int:
        for quantity, place in PLACES.items():
            if place <= address < place + 2:
                counts = self._counts(quantity, self._now_ms() - self._began_ms)
                if self.torn is not None and quantity == IMPORT:
                    counts = self.torn(counts, address > place)
                counts &= 0xFFFFFFFF
                return counts >> 16 if address == place else counts & 0xFFFF
        return 0

    def run(self, seconds: int) -> None:
        """Read for so long, and close the intervals that are complete."""
        wire = HostileWire(BUS.baud, (1,), self._word, "metered", {})
        with simulated(wire) as time:
            time.now_us = 600 * 1_000_000
            self._now_ms = time.monotonic_ms
            self._began_ms = time.monotonic_ms()
            poll, line, tally = Poll(BUS, (self._job,), 1000 * CYCLE_S), open_line(BUS), Tally()
            boundary_s = 0
            while time.monotonic_ms() - self._began_ms < 1000 * seconds:
                due_s = time.utc_ms() // 1000 // INTERVAL_S
                if due_s != boundary_s:
                    boundary_s = due_s
                    poll.boundary()
                since_ms = time.monotonic_ms() - self._began_ms
                wire.deaf = self.silent_ms[0] <= since_ms < self.silent_ms[1]
                self._take(step(poll, line, time, tally, judged=False), time.utc_ms())

    def _take(self, outcomes: Any, utc_ms: int) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Fault):
                self.faults.append(outcome)
                continue
            self.readings.append(outcome)
            self._settlement.take(outcome)
            self.told += self._check.take(outcome)
        for one in self._settlement.close(utc_ms):
            if isinstance(one, ClosedInterval):
                self.closed.append(one)
            elif not isinstance(one, ClosedPeriod):
                self.late.append(one)

    def tallied(self, quantity: str = IMPORT) -> list[int]:
        """Return the energy of each closed interval in Wh."""
        return [span.energy_wh for one in self.closed for span in one.spans if span.quantity == quantity]

    def flags(self, quantity: str = IMPORT) -> list[str]:
        """Return the flags of each closed interval."""
        return [span.flag for one in self.closed for span in one.spans if span.quantity == quantity]

    def span_counts(self, quantity: str = IMPORT) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return the register words at both ends of each closed interval."""
        return [
            (span.start_words, span.end_words) for one in self.closed for span in one.spans if span.quantity == quantity
        ]

    def fault_kinds(self) -> set[str]:
        """Return the kinds of fault that were told."""
        return {fault.kind for fault in self.faults}
