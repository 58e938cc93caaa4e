"""The meters of the hostile lines: what they hold at every question, what a poll of them must give, and the tally."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from gateway.core.meter.plan import Block, plan_blocks
from gateway.core.meter.poll import Job, Poll, Wait
from gateway.core.meter.profile import DeviceProfile
from gateway.core.meter.profile_reading import read_profile
from gateway.core.reading import Fault, Reading
from gateway.core.site import Bus, Meter
from gateway.line import Line

ENERGY = "energy_active_import"
QUANTITIES = (
    ENERGY, "voltage_l1_n", "voltage_l2_n", "voltage_l3_n", "current_l1", "current_l2", "current_l3",
    "active_power_l1", "active_power_l2", "active_power_l3", "active_power_total", "frequency",
)  # fmt: skip
WINDOWS = 4
_OF_WINDOW = len(QUANTITIES) // WINDOWS
_REGISTERS = 2 * _OF_WINDOW
# A connection that may carry more than the meters ever show: one step of 10 Wh at each question of the line.
MAX_POWER_W = 4_000_000
ROOMY_UNITS, TIGHT_UNITS = (1, 2, 3, 4, 5, 6), (7, 8)
UNITS = ROOMY_UNITS + TIGHT_UNITS


def profile(name: str, room: int) -> DeviceProfile:
    """Return a model with twelve values in four windows; *room*: registers a window has beyond its values."""
    points: list[dict[str, Any]] = []
    for index, quantity in enumerate(QUANTITIES):
        unit = {"e": "kWh", "v": "V", "c": "A", "a": "W", "f": "Hz"}[quantity[0]]
        at = 100 * (index // _OF_WINDOW) + 2 * (index % _OF_WINDOW)
        point: dict[str, Any] = {"quantity": quantity, "at": at, "type": "u32", "unit": unit}
        if quantity == ENERGY:
            point.update(counter=True, factor="0.01", side="direct")
        if unit == "W":
            point["sign"] = "+import"
        points.append(point)
    plain: dict[str, object] = {
        "id": name,
        "maker": "Wattproof",
        "model": name,
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
            "windows": [[100 * n, 100 * n + _REGISTERS - 1 + room] for n in range(WINDOWS)],
            "timeout_ms": 300,
            "gap_ms": 0,
        },
        "points": points,
    }
    found, problems = read_profile(plain)
    assert found is not None, problems
    return found


ROOMY, TIGHT = profile("roomy", 24), profile("tight", 0)
PLACE_OF = {point.quantity: point.address for point in ROOMY.points}


def word(unit: int, function: int, address: int, question: int) -> int:
    """Return what register *address* of *unit* holds at the question of this number: never the same twice.

    The energy register grows by 10 Wh a question; other values carry unit, place, function and question.
    """
    window, place = divmod(address, 100)
    if place >= _REGISTERS:
        return (address * 257 + question) & 0xFFFF
    if window == 0 and place < 2:
        value = unit * 10_000_000 + question
    else:
        value = unit % 32 << 27 | (function & 1) << 26 | (window * _OF_WINDOW + place // 2) << 22 | question & 0x3FFFFF
    return value >> 16 if address % 2 == 0 else value & 0xFFFF


def expected(unit: int, address: int, question: int) -> tuple[int, int]:
    """Return the two words of a value in the answer to the question of this number."""
    return word(unit, 3, address, question), word(unit, 3, address + 1, question)


def jobs(bus: Bus) -> tuple[Job, ...]:
    """Return what is read: six meters whose answers can differ in length, and two whose answers cannot."""
    found = []
    for unit in UNITS:
        model = ROOMY if unit in ROOMY_UNITS else TIGHT
        meter = Meter(f"m{unit}", bus.name, unit, model.id, "", (1, 1), (1, 1), MAX_POWER_W)
        blocks = plan_blocks(model, model.polled(), bus.baud, bus.turnaround_ms)
        found.append(Job(meter, model, blocks))
    return tuple(found)


class Wrong(NamedTuple):
    """A value that was believed and is not what the meter held at this question."""

    meter: str
    quantity: str
    words: tuple[int, ...]
    expected: tuple[int, ...]
    question: int


class Tally:
    """What a run gave: questions on the wire, how many gave all their values, and what was believed wrongly."""

    def __init__(self) -> None:
        self.polls = self.calls = self.good = self.values = 0
        self.line_s = 0.0
        self.wrong: list[Wrong] = []
        self.kinds: dict[str, int] = {}
        self.injected: dict[str, int] = {}

    def take(self, outcomes: Sequence[Reading | Fault], question: int) -> None:
        """Take what came of the question of this number."""
        readings = [outcome for outcome in outcomes if isinstance(outcome, Reading)]
        for outcome in outcomes:
            if isinstance(outcome, Fault):
                self.kinds[outcome.kind] = self.kinds.get(outcome.kind, 0) + 1
        for reading in readings:
            wanted = expected(int(reading.meter[1:]), PLACE_OF[reading.quantity], question)
            if reading.words != wanted:
                self.wrong.append(Wrong(reading.meter, reading.quantity, reading.words, wanted, question))
        self.values += len(readings)
        self.good += bool(readings) and len(readings) == len(outcomes)

    def take_registers(self, unit: int, block: Block, registers: Sequence[int], questions: range) -> None:
        """Take what another reader believed to be *block*: right where it answers any of its questions for it."""
        own = tuple(registers)
        offered = [tuple(word(unit, 3, block.start + i, number) for i in range(block.count)) for number in questions]
        if own in offered:
            self.good += 1
            self.values += len(block.points)
            return
        for point in block.points:
            at = point.address - block.start
            words, wanted = own[at : at + 2], tuple(offered[-1][at : at + 2])
            if words != wanted:
                self.wrong.append(Wrong(f"m{unit}", point.quantity or "", words, wanted, questions[-1]))

    def add(self, other: "Tally") -> None:
        """Count what another run gave as well."""
        self.polls += other.polls
        self.calls += other.calls
        self.good += other.good
        self.values += other.values
        self.line_s += other.line_s
        self.wrong += other.wrong
        for own, more in ((self.kinds, other.kinds), (self.injected, other.injected)):
            for kind, count in more.items():
                own[kind] = own.get(kind, 0) + count


class StepClock(Protocol):
    """The time, as one step of a poll needs it."""

    def monotonic_ms(self) -> int:
        """Return milliseconds that never go back."""

    def utc_ms(self) -> int:
        """Return UTC milliseconds since 1970."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


def step(poll: Poll, line: Line, clock: StepClock, tally: Tally, *, judged: bool = True) -> Sequence[Reading | Fault]:
    """Do what *poll* says, once, as the gateway does; count and judge what came of it."""
    now_ms = clock.monotonic_ms()
    due = poll.next(now_ms)
    if isinstance(due, Wait):
        clock.sleep((due.until_ms - now_ms) / 1000)
        return ()
    frame, elapsed_ms = line.exchange(due.frame, due.answer_bytes, due.earliest_ms, due.timeout_ms)
    now_ms, utc_ms = clock.monotonic_ms(), clock.utc_ms()
    outcomes = poll.answered(frame, elapsed_ms, now_ms, utc_ms) if frame else poll.unanswered(now_ms, utc_ms)
    # On a line that does not fall silent nothing is asked: then nothing may be believed either.
    asked = elapsed_ms >= 0
    tally.polls += asked
    if judged:
        tally.take(outcomes, tally.polls if asked else 0)
    return outcomes
