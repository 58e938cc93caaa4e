"""EmulatedBus: an RS-485 line at its true speed, with emulated meters on it and pseudo-terminals as its other ends.

What a client writes takes as long on the wire as its characters need at the speed of its port. Everybody else hears
it: the emulated meters, and the programs behind the other ports. A meter answers after the silence that ends a frame
and its turnaround; its answer comes in pieces, each when its last character would have come. Two who talk at once
spoil each other's characters, and who is set otherwise hears something else (`wire`, `line_bits`).
"""

import ctypes
import os
import select
import threading
import time
from pathlib import Path
from typing import NamedTuple

from hil_tests.bus_log import BusLog
from hil_tests.bus_port import BusPort, PortPlan
from hil_tests.line_bits import Setting
from hil_tests.line_faults import BABBLE, COLLIDE, PULL, SPLIT, FaultDice, LineFault
from hil_tests.stations import Answer, Counts, Stations
from hil_tests.wire import NOBODY, Burst, Ear, Heard, Wire

_SET_TIMER_SLACK = 29  # prctl: let this thread wake within a microsecond of the time it asked for
_WAITING_MOST = 2  # requests that a meter keeps: the one it answers, and one more
METER = "meter "


class Line(NamedTuple):
    """A bus as configured. strict: its meters drop requests that begin before 3.5 characters of silence are over.

    device: a real serial port that stands in place of the wire, "" for none; states_parity: whether the setting says
    more than the speed; settings and turnarounds_ms: of meters that differ from the line.
    """

    name: str
    setting: Setting
    turnaround_ms: int
    ports: tuple[PortPlan, ...]
    strict: bool = False
    device: str = ""
    states_parity: bool = False
    settings: dict[str, Setting] = {}  # noqa: RUF012  (never changed)
    turnarounds_ms: dict[str, int] = {}  # noqa: RUF012

    @property
    def baud(self) -> int:
        """The speed of the line."""
        return self.setting.baud

    @property
    def link(self) -> Path:
        """The link to the first end of the line."""
        return self.ports[0].link


class _Frame:
    """What the meters took for one frame."""

    def __init__(self, heard: Heard, early: bool) -> None:
        self.octets = heard.octets
        self.sender = heard.sender
        self.sound = heard.sound
        self.ended = heard.end
        self.early = early

    def add(self, heard: Heard) -> None:
        """Let *heard* belong to it."""
        self.octets += heard.octets
        self.sender = self.sender if self.sender == heard.sender else NOBODY
        self.sound = self.sound and heard.sound
        self.ended = heard.end


class _Listener:
    """All meters of one setting, listening."""

    def __init__(self, setting: Setting, strict: bool) -> None:
        self.setting = setting
        self._strict = strict
        self._ear = Ear()
        self._framed_to = 0.0

    def due(self, wire: Wire, now: float) -> float | None:
        """Return when the silence after what is on the wire will be over."""
        ahead = [burst for burst in wire.bursts if burst.end > self._framed_to]
        begun = [burst for burst in ahead if burst.start <= now] or ahead
        if all(burst.sender.startswith(METER) and not burst.met for burst in begun):
            return None  # no meter has to listen to the others' answers
        return max(burst.end for burst in begun) + self.setting.silence_s

    def frames(self, wire: Wire, now: float) -> list[_Frame]:
        """Return what the silence has ended."""
        self._framed_to = max(burst.end for burst in wire.bursts if burst.start <= now)
        found: list[_Frame] = []
        for heard in self._ear.hear(wire, self.setting, now):
            early = bool(found) and heard.start - found[-1].ended < self.setting.silence_s
            if early and (self._strict or heard.sender == found[-1].sender):
                found[-1].early |= heard.sender != found[-1].sender
                found[-1].add(heard)
            else:
                found.append(_Frame(heard, early))
        return found


class EmulatedBus:
    """One line: opens its pseudo-terminals, serves them in a thread of its own until `stop`."""

    def __init__(self, line: Line, stations: Stations, dice: FaultDice, log: BusLog | None = None) -> None:
        self.line = line
        self._stations = stations
        self._dice = dice
        self._log = log
        self._wire = Wire()
        self.ports = tuple(BusPort(line.name, plan, line.setting) for plan in line.ports)
        settings = {line.setting, *line.settings.values()}  # the counts are of those set as the line is
        self._listeners = tuple(_Listener(setting, line.strict) for setting in sorted(settings))
        self._waiting: dict[str, list[float]] = {}
        self._events: list[tuple[float, LineFault | None]] = []
        self._started = 0.0
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name=line.name, daemon=True)

    @property
    def counts(self) -> Counts:
        """What happened so far."""
        return self._stations.counts

    @property
    def path(self) -> str:
        """The pseudo-terminal that is the first end of the line."""
        return self.ports[0].path

    @property
    def serves(self) -> bool:
        """Whether the thread of the bus is at work."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Put the links in place and serve."""
        for port in self.ports:
            port.place_link()
        self._started = time.monotonic()
        self._events = [(self._started + (one.at_ms or 0) / 1000, one) for one in self._dice.by_clock]
        self._thread.start()

    def assert_serves(self) -> None:
        """Fail where the thread has ended by itself."""
        assert self.serves, "a bus has ended by itself"

    def stop(self) -> None:
        """End the thread, close the line, and take the links away that are still ours."""
        if self.serves:
            os.write(self._wake_write, b"x")
            self._thread.join()
        self._note(self._wire.forget(float("inf")))
        for port in self.ports:
            port.pull()
        for end in (self._wake_read, self._wake_write):
            os.close(end)

    def _serve(self) -> None:
        ctypes.CDLL(None).prctl(_SET_TIMER_SLACK, 1, 0, 0, 0)
        while True:
            ends = {port.end: port for port in self.ports if port.end is not None}
            due = self._due(time.monotonic())
            left = None if due is None else max(0.0, due - time.monotonic())
            ready, _, _ = select.select([self._wake_read, *ends], [], [], left)
            if self._wake_read in ready:
                return
            now = time.monotonic()
            for end in ready:
                ends[end].take(self._wire, now)
            self._work(now)

    def _due(self, now: float) -> float | None:
        """Return when something is to be done even if nobody writes."""
        moments = [port.due(self._wire) for port in self.ports]
        moments += [listener.due(self._wire, now) for listener in self._listeners]
        moments += [moment for moment, _ in self._events]
        return min((moment for moment in moments if moment is not None), default=None)

    def _work(self, now: float) -> None:
        for listener in self._listeners:
            due = listener.due(self._wire, now)
            if due is not None and due <= now:
                for frame in listener.frames(self._wire, now):
                    self._heard(listener.setting, frame)
        speaking = [one for one in self._wire.bursts if one.start <= now]
        for port in self.ports:
            late_us = port.give(self._wire, now)
            if late_us:
                self.counts.latest_us = max(self.counts.latest_us, late_us)
                for burst in speaking[-1:]:
                    burst.late_us = max(burst.late_us, late_us)
        for event in [one for one in self._events if one[0] <= now]:
            self._events.remove(event)
            self._befall(event[1], now)
        self.counts.collisions = self._wire.collisions
        self._note(self._wire.forget(now))

    def _heard(self, setting: Setting, frame: _Frame) -> None:
        """Let the meter that *frame* asks answer, if there is one that hears it."""
        if frame.sender.startswith(METER):
            return
        meter = self._stations.meant(frame.octets) if frame.sound else None
        if meter is not None and self.line.settings.get(meter.name, self.line.setting) != setting:
            meter = None
        if setting == self.line.setting:
            self.counts.early += frame.early
            self.counts.garbled += not frame.sound
            self.counts.ignored += meter is None
        if meter is None:
            return
        waiting = [end for end in self._waiting.get(meter.name, []) if end > frame.ended]
        if len(waiting) >= _WAITING_MOST:
            self.counts.missed += 1
            return
        since_start_ms = int((time.monotonic() - self._started) * 1000)
        answer = self._stations.answer(meter, frame.octets, since_start_ms)
        begin: float = max([frame.ended, *waiting]) + setting.silence_s + answer.delay_s
        begin += self.line.turnarounds_ms.get(meter.name, self.line.turnaround_ms) / 1000
        self._waiting[meter.name] = [*waiting, self._say(answer, setting, begin)]

    def _say(self, answer: Answer, setting: Setting, begin: float) -> float:
        """Put *answer* on the wire at *begin*, and return when it is over."""
        fault, octets, sender = answer.fault, answer.octets, METER + answer.meter.name
        kind = fault.kind if fault else ""
        if fault is not None and kind in (BABBLE, PULL):
            self._befall(fault, begin)
        if not octets:
            return begin
        if fault is not None and kind == SPLIT:
            half = len(octets) // 2
            first = self._wire.begin(Burst(sender, setting, begin, octets[:half], kind))
            octets, begin = octets[half:], first.end + fault.delay_ms / 1000
        burst = self._wire.begin(Burst(sender, setting, begin, octets, kind))
        if kind == COLLIDE:
            middle = begin + (len(octets) // 2 + 0.3) * setting.character_s
            self._wire.begin(Burst("another", setting, middle, self._dice.babble(len(octets)), kind))
        return burst.end

    def _befall(self, fault: LineFault | None, now: float) -> None:
        """Let *fault* come over the line at *now*; without a fault, the pulled adapter comes back."""
        first = self.ports[0]
        if fault is None:
            first.plug_in(now)
        elif fault.kind == PULL:
            first.pull(fault.link)
            if fault.lasts_ms:
                self._events.append((now + fault.lasts_ms / 1000, None))
        else:
            count = max(1, round(fault.lasts_ms / 1000 / self.line.setting.character_s))
            sender = METER + fault.meter if fault.meter else "another"
            self._wire.begin(Burst(sender, self.line.setting, now, self._dice.babble(count), fault.kind))

    def _note(self, bursts: list[Burst]) -> None:
        if self._log is not None:
            for burst in bursts:
                self._log.write(self.line.name, burst)
