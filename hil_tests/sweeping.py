"""Sweeps over a bus as the gateway does them, with everything that went over the line kept for a look."""

import threading
from pathlib import Path

from gateway.bus_plan import jobs_of
from gateway.clock import Clock
from gateway.config import load
from gateway.core.meter.poll import Poll
from gateway.core.reading import Fault, Reading
from gateway.line import open_line
from gateway.sweep import BusRunner
from hil_tests.hardware import Outcomes

_CYCLE_MS = 60_000  # within which a read may wait for its turn

SITE = """
[gateway]
id = "gw-1"
cycle = "5 s"
province = "Jiangsu"
[[bus]]
name = "line"
port = "{port}"
line = "{line}"
{meters}
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Intake"
role = "intake"
meter = "{first}"
busbar = "LV1"
{points}
"""
METER = '[[meter]]\nname = "{name}"\nbus = "line"\n{asked_as}\nprofile = "{profile}"\nmax_power = "10 MW"\n{more}\n'
POINT = '[[meter_point]]\nname = "{name}"\nrole = "load"\nmeter = "{name}"\nbusbar = "LV1"\n'


def write_site(home: Path, port: str, line: str, meters: dict[str, tuple[str, str, str]]) -> None:
    """Write the site of one bus; *meters*: by name how it is asked, its profile, and more keys."""
    tables = [
        METER.format(name=name, asked_as=asked_as, profile=profile, more=more)
        for name, (asked_as, profile, more) in meters.items()
    ]
    first, *others = meters
    points = [POINT.format(name=name) for name in others]
    text = SITE.format(port=port, line=line, meters="".join(tables), first=first, points="".join(points))
    (home / "gateway.toml").write_text(text, encoding="utf-8")


def swept(home: Path, cycles: int) -> tuple[Outcomes, list[bytes]]:
    """Sweep the bus of the site in *home*, and return what that gave, and every question that was sent."""
    configuration = load(home)
    bus = configuration.site.buses[0]
    poll = Poll(bus, jobs_of(configuration.site, configuration.profiles, bus), _CYCLE_MS)
    line = open_line(bus)
    asked: list[bytes] = []
    exchange = line.exchange

    def overheard(frame: bytes, answer_bytes: int, earliest_ms: int, timeout_ms: int) -> tuple[bytes, int]:
        asked.append(frame)
        return exchange(frame, answer_bytes, earliest_ms, timeout_ms)

    line.exchange = overheard  # type: ignore[method-assign]
    found: list[Reading | Fault] = []
    stopped = threading.Event()
    runner = BusRunner(poll, line, Clock(), found.extend, bus.name)
    thread = threading.Thread(target=runner.run, args=(stopped,))
    thread.start()
    done = 0
    while poll.cycle < cycles and thread.is_alive():
        if poll.cycle > done:
            done = poll.cycle
            poll.boundary()  # go on at once
            runner.wake()
        thread.join(0.02)
    stopped.set()
    runner.wake()
    thread.join()
    return Outcomes(found), asked
