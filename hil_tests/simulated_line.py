"""Simulated time: the gateway's own serial line, and pymodbus, on a wire that needs no waiting.

Inside `simulated`, `gateway.line` and pymodbus' serial client see a clock that only their own waiting moves, and a
port on which the octets of a HostileWire arrive in their own time. Nothing of either reader is replaced.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import ceil
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from pymodbus import ModbusException
from pymodbus.client import ModbusSerialClient

from gateway import line as line_module
from gateway.core.meter.poll import Poll
from gateway.core.site import Bus
from gateway.line import open_line
from hil_tests.hostile_meters import Tally, jobs, step
from hil_tests.hostile_wire import HostileWire

BUS = Bus("simulated", "/dev/ttySIMULATED", 9600, 8, "N", 1, 10)
CYCLE_MS = 1000
RESTART_US = (20_000, 400_000)  # how long a killed process takes to ask again
# What a dead process is still owed comes within this time; what is later yet nobody can tell from an answer.
OWED_US = 2_000_000
_EPOCH_MS = 1_790_000_000_000


class KilledError(Exception):
    """The process ends here, as if killed."""


class SimulatedTime:
    """A clock in microseconds, and the wire that moves with it."""

    def __init__(self, wire: HostileWire) -> None:
        self.now_us = 1_000_000
        self.wire = wire
        self._buffer = b""

    def utc_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return _EPOCH_MS + self.now_us // 1000

    def monotonic_ms(self) -> int:
        """Return milliseconds that never go back."""
        return self.now_us // 1000

    def monotonic(self) -> float:
        """Return seconds."""
        return self.now_us / 1_000_000

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._go_to(self.now_us + max(0, ceil(seconds * 1_000_000)))

    def _go_to(self, moment_us: int) -> None:
        kill_us = self.wire.kill_at_us
        if kill_us is not None and moment_us >= kill_us:
            self.now_us = max(self.now_us, kill_us)
            self.wire.kill_at_us = None
            raise KilledError
        self.now_us = moment_us

    def waiting(self) -> int:
        """Return how many octets have arrived and were not read yet."""
        self._buffer += self.wire.take(self.now_us)
        return len(self._buffer)

    def select(self, heard: list[Any], writes: list[Any], _: list[Any], timeout: float) -> tuple[Any, Any, Any]:
        """Wait for an octet as select.select does."""
        if not heard or self.waiting():
            return heard, writes, []
        until_us = self.now_us + max(0, ceil(timeout * 1_000_000))
        arrives_us = self.wire.next_us()
        if arrives_us is not None and arrives_us <= until_us:
            self._go_to(arrives_us)
            return heard, [], []
        self._go_to(until_us)
        return [], [], []

    def read(self, _: int, most: int) -> bytes:
        """Read from the port as os.read does."""
        self.waiting()
        octets, self._buffer = self._buffer[:most], self._buffer[most:]
        return octets

    def write(self, _: int, frame: bytes) -> int:
        """Send a question as os.write does: it is over on the wire later."""
        self.wire.ask(bytes(frame), self.now_us)
        return len(frame)

    def flush(self) -> None:
        """Forget what has arrived, as the system does where a port is closed."""
        self.waiting()
        self._buffer = b""


class SimulatedPort:
    """What pyserial would give: the port of the simulated wire."""

    def __init__(self, time: SimulatedTime) -> None:
        self._time = time
        self.inter_byte_timeout = 0.0
        self.is_open = True

    def fileno(self) -> int:
        """Return a number that nobody uses but the patched system calls."""
        return -1

    def set_low_latency_mode(self, _: bool) -> None:
        """Take it."""

    def close(self) -> None:
        """Close it."""
        self.is_open = False

    @property
    def in_waiting(self) -> int:
        """How many octets have arrived."""
        return self._time.waiting()

    def read(self, size: int) -> bytes:
        """Return up to *size* octets; pymodbus asks for no more than have arrived."""
        return self._time.read(-1, size)

    def write(self, frame: bytes) -> int:
        """Send."""
        return self._time.write(-1, frame)


@contextmanager
def simulated(wire: HostileWire) -> Iterator[SimulatedTime]:
    """Let the gateway's line and pymodbus live in simulated time on *wire*."""
    time = SimulatedTime(wire)
    port = lambda *_, **__: SimulatedPort(time)  # noqa: E731
    system = SimpleNamespace(
        serial=SimpleNamespace(Serial=port, SerialException=OSError),
        fcntl=SimpleNamespace(ioctl=lambda *_: 0),
        look_at=lambda *_: None,
        time=SimpleNamespace(monotonic=time.monotonic, sleep=time.sleep),
        select=SimpleNamespace(select=time.select),
        os=SimpleNamespace(read=time.read, write=time.write),
    )
    with ExitStack() as stack:
        for name, stand_in in vars(system).items():
            stack.enter_context(patch.object(line_module, name, stand_in))
        foreign = SimpleNamespace(serial_for_url=port, SerialTimeoutException=TimeoutError)
        stack.enter_context(patch("pymodbus.client.serial.serial", foreign))
        clock = SimpleNamespace(time=time.monotonic, sleep=time.sleep)
        stack.enter_context(patch("pymodbus.client.serial.time", clock))
        stack.enter_context(patch("pymodbus.transaction.transaction.monotonic", time.monotonic))
        yield time


def poll_simulated(wire: HostileWire, polls: int) -> Tally:
    """Ask *polls* questions with the gateway's Poll and Line in simulated time; a killed one is begun anew."""
    tally = Tally()
    with simulated(wire) as time:
        poll, line = Poll(BUS, jobs(BUS), CYCLE_MS), open_line(BUS)
        while wire.questions < polls:
            try:
                step(poll, line, time, tally)
            except KilledError:
                line.close()
                _die(wire, time)
                tally.polls = wire.questions
                poll, line = Poll(BUS, jobs(BUS), CYCLE_MS), open_line(BUS)
        tally.line_s = time.monotonic()
    tally.injected = dict(wire.faults)
    return tally


def _die(wire: HostileWire, time: SimulatedTime) -> None:
    """Let the process be gone for a while; what was under way goes on."""
    wire.forget_after(time.now_us + OWED_US)
    if wire.dice.randrange(2):
        time.flush()
    time.now_us += wire.dice.randrange(*RESTART_US)


def pymodbus_simulated(wire: HostileWire, polls: int) -> Tally:
    """Ask as many questions with pymodbus' serial client and its defaults, the same reads in turn."""
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL + 1)
    tally = Tally()
    reads = [(job.meter.unit, block) for job in jobs(BUS) for block in job.blocks]
    with simulated(wire) as time:
        client = ModbusSerialClient(BUS.port, baudrate=BUS.baud)
        client.connect()
        while wire.questions < polls:
            unit, block = reads[tally.calls % len(reads)]
            tally.calls += 1
            asked = wire.questions
            try:
                answer = client.read_holding_registers(block.start, count=block.count, device_id=unit)
                if not answer.isError():
                    tally.take_registers(unit, block, answer.registers, range(asked + 1, wire.questions + 1))
            except KilledError:
                client.close()  # type: ignore[no-untyped-call]
                _die(wire, time)
                client = ModbusSerialClient(BUS.port, baudrate=BUS.baud)
                client.connect()
            except ModbusException:
                continue  # it gave up, and says so
        tally.line_s = time.monotonic()
    tally.polls = wire.questions
    tally.injected = dict(wire.faults)
    return tally
