"""HostilePort: a hostile wire at true line time on a pseudo-terminal, for one reader in this process or in another.

`python -m hil_tests.hostile_port PORT BAUD` is that other process: it polls PORT, prints a JSON line for each question,
and when it is killed a new one polls on at once.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable
from types import TracebackType

from gateway.core.meter.poll import Poll
from gateway.core.problem import ProblemError
from gateway.core.reading import Fault, Reading
from gateway.core.site import Bus
from gateway.line import Line, open_line
from hil_tests.hostile_meters import StepClock, Tally, jobs, step
from hil_tests.hostile_wire import HostileWire
from hil_tests.simulated_line import CYCLE_MS

BAUD = 115200
_QUESTION_BYTES = 8
_PARENT_DEATH_SIGNAL = 1  # prctl(2)
_LONGEST_S = 0.05
# What a dead process is still owed comes well within the two seconds for which a new one waits, also where we stall.
OWED_US = 1_500_000
# Where this machine stalls for longer, what should have been said meanwhile is not said: on a wire it would have been
# there in its own time, and not behind questions that were asked long after it.
STALL_US = 50_000


def _now_us() -> int:
    return time.monotonic_ns() // 1000


class TrueClock:
    """The time of this machine."""

    def monotonic_ms(self) -> int:
        """Return milliseconds that never go back."""
        return _now_us() // 1000

    def utc_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


def bus_of(port: str, baud: int) -> Bus:
    """Return the bus behind *port*."""
    return Bus("hostile", port, baud, 8, "N", 1, 10)


class HostilePort:
    """Use as a context: `path` is to be opened. *kill* is called when the process that asks shall be gone."""

    def __init__(self, wire: HostileWire, kill: Callable[[], None] | None = None) -> None:
        self.wire = wire
        self._kill = kill
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="hostile-port", daemon=True)

    def __enter__(self) -> "HostilePort":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()
        os.close(self._ours)
        os.close(self._theirs)

    def _serve(self) -> None:
        heard = b""
        while not self._stopped.is_set():
            due_us = [at for at in (self.wire.next_us(), self.wire.kill_at_us) if at is not None]
            wait_s = min([(at - _now_us()) / 1_000_000 for at in due_us] + [_LONGEST_S])
            if select.select([self._ours], [], [], max(0.0, wait_s))[0]:
                heard += os.read(self._ours, 256)
            while len(heard) >= _QUESTION_BYTES:
                question, heard = heard[:_QUESTION_BYTES], heard[_QUESTION_BYTES:]
                self.wire.ask(question, _now_us())
            self.wire.forget_before(_now_us() - STALL_US)
            octets = self.wire.take(_now_us())
            if octets:
                self._say(octets)
            if self.wire.kill_at_us is not None and _now_us() >= self.wire.kill_at_us:
                self.wire.kill_at_us = None
                self._end_process()

    def _say(self, octets: bytes) -> None:
        try:
            os.write(self._ours, octets)
        except BlockingIOError:
            return  # nobody reads: on a wire, it would be gone as well

    def _end_process(self) -> None:
        if self._kill is not None:
            self._kill()
            self.wire.forget_after(_now_us() + OWED_US)
            # The last process to hold a port gives back its exclusive use; here this one holds it as well.
            fcntl.ioctl(self._theirs, termios.TIOCNXCL)


def poll_at_line_time(wire: HostileWire, polls: int, baud: int = BAUD) -> Tally:
    """Ask *polls* questions with the gateway's Poll and Line on a pseudo-terminal, as fast as the line allows."""
    tally, clock = Tally(), TrueClock()
    with HostilePort(wire) as port:
        bus = bus_of(port.path, baud)
        poll, line = Poll(bus, jobs(bus), CYCLE_MS), open_line(bus)
        began_us = _now_us()
        while tally.polls < polls:
            step(poll, line, clock, tally)
        tally.line_s = (_now_us() - began_us) / 1_000_000
        line.close()
    tally.injected = dict(wire.faults)
    return tally


def _tell(line: object) -> None:
    os.write(sys.stdout.fileno(), (json.dumps(line) + "\n").encode())


def _live(port: str, baud: int) -> None:
    """Poll until killed, and print the number of each question with what was believed."""
    _tell({"pid": os.getpid()})
    bus, tally = bus_of(port, baud), Tally()
    poll, clock = Poll(bus, jobs(bus), CYCLE_MS), TrueClock()
    line = _opened(bus, clock)
    while True:
        outcomes = step(poll, line, clock, tally)
        if outcomes:
            _tell({"asked": tally.polls, "outcomes": [_plain(outcome) for outcome in outcomes]})


def _opened(bus: Bus, clock: StepClock) -> Line:
    while True:
        try:
            return open_line(bus)
        except ProblemError:  # the killed one's lock is still being taken away
            clock.sleep(0.002)


def _plain(outcome: Reading | Fault) -> list[object]:
    if isinstance(outcome, Fault):
        return [outcome.meter, outcome.kind]
    return [outcome.meter, outcome.quantity, list(outcome.words)]


def _end_with_parent() -> None:
    """Have the kernel end this process with the one that started it: the port's number is soon another's."""
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    """Poll; where the poll is killed, begin a new one at once; where it ends by itself, end as well."""
    port, baud = sys.argv[1], int(sys.argv[2])
    _end_with_parent()
    while True:
        child = os.fork()
        if not child:
            _end_with_parent()
            _live(port, baud)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):  # nobody killed it: the port is gone, and whoever wanted the polls
            sys.exit(1)


if __name__ == "__main__":
    main()
