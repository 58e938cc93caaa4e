"""Runs the sweeps of one bus in a thread of its own: does what Poll says, and hands on what came of it."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.clock import wake_on_time
from gateway.core.meter.poll import Poll, Wait
from gateway.core.problem import ProblemError
from gateway.core.reading import Fault, Notice, Reading
from gateway.line import Line, LineLostError

_FIRST_BACK_OFF_MS = 500
_LONGEST_BACK_OFF_MS = 10_000  # an adapter that is plugged in again is in use within this time

Deliver = Callable[[Sequence[Reading | Fault]], None]
Tell = Callable[[Notice], None]


def _to_nobody(notice: Notice) -> None:
    """Whoever only wants readings is told nothing."""
    del notice


class SweepClock(Protocol):
    """The time, as sweeps need it."""

    def monotonic_ms(self) -> int:
        """Return milliseconds that never go back."""

    def utc_ms(self) -> int:
        """Return UTC milliseconds since 1970."""


class BusRunner:
    """One bus: its Poll, its line, and who gets the readings."""

    def __init__(
        self, poll: Poll, line: Line, clock: SweepClock, deliver: Deliver, name: str, tell: Tell = _to_nobody
    ) -> None:
        self.poll = poll
        self.name = name
        self._line = line
        self._clock = clock
        self._deliver = deliver
        self._tell = tell
        self._echo_told = False
        self._awake = threading.Event()

    def wake(self) -> None:
        """Have the thread look again now: an interval ends, or it shall stop."""
        self._awake.set()

    def run(self, stopped: threading.Event) -> None:
        """Read the meters until *stopped* and woken, then close the line.

        *deliver* gets what each exchange gave, *tell* what a person should hear of.
        """
        wake_on_time()
        while not stopped.is_set():
            try:
                outcomes = self._step()
            except LineLostError as lost:
                self._deliver(self.poll.line_lost(self._clock.utc_ms()))
                self._open_again(stopped, lost.problems[0].code)
                continue
            if outcomes:
                self._deliver(outcomes)
            for notice in self.poll.take_notices():
                self._tell(notice)
        self._line.close()

    def _step(self) -> Sequence[Reading | Fault]:
        now_ms = self._clock.monotonic_ms()
        step = self.poll.next(now_ms)
        if isinstance(step, Wait):
            self._sleep(step.until_ms - now_ms)
            return []
        frame, elapsed_ms = self._line.exchange(step.frame, step.answer_bytes, step.earliest_ms, step.timeout_ms)
        if self._line.echoes and not self._echo_told:
            self._echo_told = True
            self._tell(Notice("bus-echo", {"bus": self.name}))
        now_ms, utc_ms = self._clock.monotonic_ms(), self._clock.utc_ms()
        return self.poll.answered(frame, elapsed_ms, now_ms, utc_ms) if frame else self.poll.unanswered(now_ms, utc_ms)

    def _sleep(self, wait_ms: int) -> None:
        if self._awake.wait(wait_ms / 1000):
            self._awake.clear()

    def _open_again(self, stopped: threading.Event, code: str) -> None:
        """Open the line as soon as it is there again; of a connection that comes back at once nobody is told."""
        back_off_ms = 0
        device = self._line.device
        while not stopped.is_set():
            try:
                self._line.open()
                if back_off_ms or self._line.device != device:
                    self._tell(Notice("bus-back", {"bus": self.name, "port": self._line.device}))
                return
            except ProblemError:
                if not back_off_ms:
                    self._tell(Notice("bus-lost", {"bus": self.name, "problem": code}))
                    back_off_ms = _FIRST_BACK_OFF_MS
                self._sleep(back_off_ms)
                back_off_ms = min(2 * back_off_ms, _LONGEST_BACK_OFF_MS)
