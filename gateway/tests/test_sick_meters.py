"""An hour of simulated time on a bus of twenty meters, some of them dead, slow or sick: what the others lose."""

from collections.abc import Callable

import pytest

from gateway.core.meter.meter_state import SUSPENDED
from gateway.core.meter.modbus import read_request, with_crc
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Ask, Job, Poll
from gateway.core.meter.profile_reading import read_profile
from gateway.core.reading import Reading
from gateway.core.site import Bus, Meter

HOUR_MS = 3_600_000
BUS = Bus("a", "/dev/ttyUSB0", 2400, 8, "N", 1, 10)
CHARACTER_US = 10 * 1_000_000 // 2400
SILENCE_US = 35 * 11 * 100_000 // 2400
POINTS = [
    {"quantity": "energy_active_import", "at": 100, "type": "u32", "unit": "kWh", "counter": True},
    {"quantity": "voltage_l1_n", "at": 0, "type": "u32", "unit": "V"},
    {"quantity": "active_power_l1", "at": 56, "type": "u32", "unit": "W"},
]
SICK = (3, 9, 14)
LIVING = [unit for unit in range(1, 21) if unit not in SICK]

# What a meter does with a question, as (ms until the first byte, bytes, ms between bytes), or None for silence.
Behaviour = Callable[[bytes], tuple[int, bytes, int] | None]


def zeros(question: bytes) -> bytes:
    """Return the answer to *question* of a meter whose registers are all 0."""
    count = read_request(question).count
    return with_crc(bytes((question[0], question[1], 2 * count)) + bytes(2 * count))


def refusal(question: bytes, code: int) -> bytes:
    """Return the exception *code*."""
    return with_crc(bytes((question[0], question[1] | 0x80, code)))


def well(question: bytes) -> tuple[int, bytes, int] | None:
    """Answer after 20 ms, registers that never change."""
    return 20, zeros(question), 0


class Line:
    """The wire and the time it takes: characters, silence between frames, waiting for what does not come."""

    def __init__(self, poll: Poll, behaviours: dict[int, Behaviour]) -> None:
        self.poll = poll
        self.now_us = 0
        self.good: dict[int, int] = dict.fromkeys(behaviours, 0)
        self.asked: list[tuple[int, int]] = []
        self._behaviours = behaviours
        self._known: dict[tuple[Behaviour, bytes], tuple[int, bytes, int] | None] = {}

    def run(self, until_ms: int) -> None:
        """Do what Poll says until a time has come."""
        while self.now_us < 1000 * until_ms:
            step = self.poll.next(self.now_us // 1000)
            if isinstance(step, Ask):
                self._exchange(step)
            else:
                assert step.until_ms * 1000 > self.now_us
                self.now_us = min(step.until_ms, until_ms) * 1000

    def _exchange(self, ask: Ask) -> None:
        unit = ask.frame[0]
        self.asked.append((self.now_us // 1000, unit))
        sent = self.now_us + len(ask.frame) * CHARACTER_US
        key = (self._behaviours[unit], ask.frame)
        if key not in self._known:
            self._known[key] = key[0](ask.frame)
        given = self._known[key]
        deadline = sent + 1000 * ask.timeout_ms
        heard, at = b"", sent
        if given is not None:
            at = sent + 1000 * given[0]
            for octet in given[1]:
                at += CHARACTER_US + 1000 * given[2]
                if at > deadline:
                    break
                heard += bytes((octet,))
        complete = given is not None and heard == given[1]
        at = at if complete else deadline
        self.now_us = at + SILENCE_US
        now_ms, elapsed_ms = -(-self.now_us // 1000), (at - sent) // 1000
        if heard:
            outcomes = self.poll.answered(heard, elapsed_ms, now_ms, now_ms)
            self.good[unit] += sum(isinstance(one, Reading) for one in outcomes)
        else:
            self.poll.unanswered(now_ms, now_ms)


def hour(behaviours: dict[int, Behaviour], timeout_ms: int = 300, cycle_ms: int = 1) -> Line:
    """Read these units for an hour; by default each sweep follows the last at once."""
    model, _ = read_profile(
        {
            "id": "m", "maker": "M", "model": "M", "kind": "meter", "status": "draft",
            "serial": {"default": "2400 8N1"},
            "modbus": {"function": 3, "windows": [[0, 79], [100, 119]], "timeout_ms": timeout_ms}, "points": POINTS,
        }
    )  # fmt: skip
    assert model is not None
    blocks = plan_blocks(model, model.polled(), BUS.baud, BUS.turnaround_ms)
    jobs = tuple(Job(Meter("m%d" % unit, "a", unit, "m", "", (1, 1), (1, 1), 0), model, blocks) for unit in behaviours)
    line = Line(Poll(BUS, jobs, cycle_ms), behaviours)
    line.run(HOUR_MS)
    return line


def rate(line: Line) -> int:
    """Return how many values of the living meters were read; each of them as often as any other, but for one sweep."""
    counts = [line.good[unit] for unit in LIVING]
    assert max(counts) - min(counts) <= len(POINTS)
    return sum(counts)


@pytest.fixture(scope="module")
def healthy() -> int:
    """Return how many values seventeen meters give in an hour that have the bus to themselves."""
    return rate(hour(dict.fromkeys(LIVING, well)))


def silent(question: bytes) -> None:
    """Give nothing."""
    del question


def busy(question: bytes) -> tuple[int, bytes, int]:
    """Refuse for now."""
    return 20, refusal(question, 6), 0


def failed(question: bytes) -> tuple[int, bytes, int]:
    """Refuse because of a failure inside."""
    return 20, refusal(question, 4), 0


def absent(question: bytes) -> tuple[int, bytes, int]:
    """Say, as a converter in between, that the meter does not answer."""
    return 20, refusal(question, 11), 0


def dribbles(question: bytes) -> tuple[int, bytes, int]:
    """Give one byte a second."""
    return 20, zeros(question), 1000


def garbled(question: bytes) -> tuple[int, bytes, int]:
    """Give an answer with a wrong check sum."""
    return 20, zeros(question)[:-1] + b"\0", 0


@pytest.mark.parametrize("timeout_ms", [300, 5000])
def test_three_dead_of_twenty(healthy: int, timeout_ms: int) -> None:
    """Beside three dead meters, whatever their profile's time-out, seventeen keep 95 % of their rate without them.

    Between two questions to dead meters a living one is asked, once the dead are known.
    """
    line = hour({unit: silent if unit in SICK else well for unit in range(1, 21)}, timeout_ms)
    assert rate(line) * 100 >= healthy * 95
    assert [one.meter for one in line.poll.meters() if one.state == SUSPENDED] == ["m3", "m9", "m14"]
    later = [unit for at, unit in line.asked if at > 120_000]
    pairs = [(one, other) for one, other in zip(later, later[1:], strict=False) if one in SICK and other in SICK]
    assert pairs == [] and set(later) == set(range(1, 21))


@pytest.mark.parametrize("three", [(busy, absent, dribbles), (failed, garbled, silent)])
def test_three_sick_of_twenty(healthy: int, three: tuple[Behaviour, ...]) -> None:
    """Meters that are busy, broken, absent behind a converter, drip bytes or garble take no more than dead ones."""
    line = hour(dict.fromkeys(range(1, 21), well) | dict(zip(SICK, three, strict=True)))
    assert rate(line) * 100 >= healthy * 95
