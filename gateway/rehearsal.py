"""Rehearsal: the Poll of a bus runs in simulated time, with some meters dead, to see what is left for the others.

So time-outs, waits after them and probes are those of the gateway that will run, not of a formula beside it.
"""

from typing import NamedTuple

from gateway.core.meter import cjt188, dlt645, modbus
from gateway.core.meter.cjt188_values import readout_of, register_count, stated_units
from gateway.core.meter.plan import BITS_OF_CHARACTER, DI_LEAST_TURNAROUND_US, silence_us
from gateway.core.meter.poll import Ask, Job, Poll, Wait
from gateway.core.meter.profile import Point
from gateway.core.site import Bus

MOST_DEAD = 3
_WARM_UP_MS = 60_000  # by then a dead meter is asked by single probes, far apart
_WATCHED_MS = 120_000
_ANSWERS = 0x80  # bit of the control code of DL/T 645
_LEAST_SWEEPS = 4  # that are watched, where the cycle is long


class Rehearsed(NamedTuple):
    """How a bus does with some meters dead: which, the share of time that the bus is taken, and of its sweeps made."""

    dead: tuple[str, ...]
    taken_percent: float
    sweeps_percent: float


def worst_dead(jobs: tuple[Job, ...]) -> tuple[str, ...]:
    """Return the meters whose silence costs most, those with the longest time-outs; at least one meter is left."""
    ordered = sorted(jobs, key=lambda job: -job.profile.timeout_ms)
    return tuple(job.meter.name for job in ordered[: min(MOST_DEAD, len(jobs) - 1)])


def rehearse(bus: Bus, jobs: tuple[Job, ...], cycle_ms: int, slow_sweeps: int, dead: tuple[str, ...]) -> Rehearsed:
    """Return how a serial *bus* does when the meters *dead* never answer and all others do as planned."""
    # Which serial number a Modbus meter shows is not known here; it is read all the same.
    nameless = tuple(
        Job(job.meter._replace(serial="") if job.meter.unit else job.meter, job.profile, job.blocks) for job in jobs
    )
    points = {job.meter.name: job.profile.points for job in jobs}
    poll = Poll(bus, nameless, cycle_ms, slow_sweeps=slow_sweeps)
    watched_ms = max(_WATCHED_MS, _LEAST_SWEEPS * cycle_ms)
    now_us = taken_us = before = 0
    answers: dict[bytes, bytes] = {}
    while now_us < (_WARM_UP_MS + watched_ms) * 1000:
        if now_us < _WARM_UP_MS * 1000:
            taken_us, before = 0, poll.cycle
        now_ms = now_us // 1000
        step = poll.next(now_ms)
        if isinstance(step, Wait):
            now_us = step.until_ms * 1000
            continue
        silent = step.meter in dead
        heard_us = 1000 * step.timeout_ms if silent else _answer_us(bus, step)
        whole_us = _characters_us(bus, len(step.frame)) + heard_us + (0 if silent else silence_us(bus.baud))
        now_us += whole_us
        taken_us += whole_us
        now_ms = now_us // 1000
        if silent:
            poll.unanswered(now_ms, now_ms)
        else:
            if step.frame not in answers:
                answers[step.frame] = _answer(step, points[step.meter])
            poll.answered(answers[step.frame], heard_us // 1000, now_ms, now_ms)
    made_ms = (poll.cycle - before) * cycle_ms
    return Rehearsed(dead, taken_us / watched_ms / 10, min(100.0, 100 * made_ms / watched_ms))


def _characters_us(bus: Bus, count: int) -> int:
    return -(-count * BITS_OF_CHARACTER * 1_000_000 // bus.baud)


def _answer_us(bus: Bus, ask: Ask) -> int:
    """Return the time from the end of the question to the end of its answer."""
    turnaround_us = 1000 * bus.turnaround_ms
    if ask.frame[0] == dlt645.WAKE:
        turnaround_us = max(turnaround_us, DI_LEAST_TURNAROUND_US)
    return silence_us(bus.baud) + turnaround_us + _characters_us(bus, ask.answer_bytes)


def _answer(ask: Ask, points: tuple[Point, ...]) -> bytes:
    """Return a believable answer of a meter with these *points*, of zeros."""
    if cjt188.is_question(ask.frame):
        kind, number, sequence = cjt188.read_request(ask.frame)
        readout = readout_of(kind, (0,) * register_count(kind), stated_units(points))
        return cjt188.framed(cjt188.answered(cjt188.Question(kind, number, sequence), readout))
    if ask.frame[0] == dlt645.WAKE:
        asked = dlt645.opened(ask.frame)
        rest = ask.answer_bytes - dlt645.LEAST_BYTES - len(asked.octets)
        return dlt645.framed(asked.address, asked.control | _ANSWERS, asked.octets + bytes(rest))
    count = modbus.read_request(ask.frame).count
    return modbus.with_crc(bytes((ask.frame[0], ask.frame[1], 2 * count)) + bytes(2 * count))
