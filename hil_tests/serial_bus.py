"""SerialBus: emulated meters on a real serial port, so that a true wire lies between them and the client.

The wire gives the speed; the meters answer after their turnaround. What a port and its adapter do with time and bytes
is theirs: a question counts as whole when its check sum is right, or when nothing came for a while.
"""

import contextlib
import errno
import os
import select
import threading
import time
from pathlib import Path

import serial

from gateway.core.meter.cjt188 import is_question
from gateway.core.meter.dlt645 import is_whole
from gateway.core.meter.modbus import crc_holds
from gateway.core.problem import ProblemError, problem
from gateway.ports import why_not
from hil_tests.bus_log import BusLog
from hil_tests.bus_port import BusPort
from hil_tests.emulated_bus import METER, Line
from hil_tests.line_faults import BABBLE, SPLIT, FaultDice
from hil_tests.stations import Answer, Counts, Stations
from hil_tests.wire import Burst

_QUIET_S = 0.02  # longer than an adapter keeps what came
_MOST_BYTES = 512
_REQUEST_BYTES = 8


class SerialBus:
    """A serial port with emulated meters behind it, served in a thread of its own until `stop`."""

    ports: tuple[BusPort, ...] = ()

    def __init__(self, line: Line, stations: Stations, dice: FaultDice, log: BusLog | None = None) -> None:
        self.line = line
        self.path = line.device
        self._stations = stations
        self._dice = dice
        self._log = log
        self._sent = b""
        self._started = 0.0
        self._gone: OSError | None = None
        self._port = self._opened()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name=line.name, daemon=True)

    @property
    def counts(self) -> Counts:
        """What happened so far."""
        return self._stations.counts

    @property
    def serves(self) -> bool:
        """Whether the thread of the bus is at work."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Serve."""
        self._started = time.monotonic()
        self._thread.start()

    def assert_serves(self) -> None:
        """Raise ProblemError where the port went away."""
        if self._gone is not None:
            raise ProblemError(
                problem(
                    "WP-EMU-022",
                    self.line.name,
                    "The serial port {port} of the emulated meters is gone: {reason}.",
                    "Plug the adapter in again and start the emulator anew.",
                    port=self.path,
                    reason=self._gone.strerror or self._gone,
                )
            ) from self._gone
        assert self.serves, "a bus has ended by itself"

    def stop(self) -> None:
        """End the thread and give the port back."""
        if self.serves:
            os.write(self._wake_write, b"x")
            self._thread.join()
        self._port.close()
        for end in (self._wake_read, self._wake_write):
            os.close(end)

    def _opened(self) -> serial.Serial:
        setting, path = self.line.setting, self.path
        emulated = str(Path(path).resolve()).startswith("/dev/pts/")  # which knows no parity, and refuses to set any
        parity = serial.PARITY_NONE if emulated else setting.parity
        try:
            port = serial.Serial(
                path, setting.baud, parity=parity, stopbits=setting.stop_bits, timeout=0, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise ProblemError(why_not(self.line.name, path, error)) from error
        with contextlib.suppress(OSError, ValueError, NotImplementedError):  # an adapter that bundles bytes
            port.set_low_latency_mode(True)
        return port

    def _serve(self) -> None:
        try:
            self._answer_all()
        except OSError as error:  # serial.SerialException is one
            self._gone = error

    def _answer_all(self) -> None:
        heard = b""
        while True:
            ready, _, _ = select.select([self._wake_read, self._port.fileno()], [], [], _QUIET_S if heard else None)
            if self._wake_read in ready:
                return
            if ready:
                heard += self._read()
                if self._sent and heard.startswith(self._sent):  # an adapter that hears itself
                    heard, self._sent = heard[len(self._sent) :], b""
                if self._sent.startswith(heard) or not _whole(heard):
                    continue
            self._heard(heard, time.monotonic())
            heard = b""

    def _read(self) -> bytes:
        octets = os.read(self._port.fileno(), _MOST_BYTES)
        if not octets:
            raise OSError(errno.EIO, os.strerror(errno.EIO))  # so a port that is gone shows itself
        return octets

    def _heard(self, frame: bytes, ended: float) -> None:
        self._note("port " + self.line.name, frame, ended - len(frame) * self.line.setting.character_s)
        meter = self._stations.meant(frame)
        if meter is None:
            self.counts.ignored += 1
            return
        answer = self._stations.answer(meter, frame, int((ended - self._started) * 1000))
        wait_ms = self.line.turnarounds_ms.get(meter.name, self.line.turnaround_ms)
        self._say(answer, ended + self.line.setting.silence_s + wait_ms / 1000 + answer.delay_s)

    def _say(self, answer: Answer, begin: float) -> None:
        fault, octets = answer.fault, answer.octets
        kind = fault.kind if fault else ""
        if fault is not None and kind == BABBLE:
            octets = self._dice.babble(max(1, round(fault.lasts_ms / 1000 / self.line.setting.character_s)))
        if not octets:
            return
        half = len(octets) // 2 if kind == SPLIT else len(octets)
        pieces = [octets[:half], octets[half:]] if half < len(octets) else [octets]
        for piece in pieces:
            time.sleep(max(0.0, begin - time.monotonic()))
            late_us = round((time.monotonic() - begin) * 1e6)
            self.counts.latest_us = max(self.counts.latest_us, late_us)
            self._port.write(piece)
            self._port.flush()
            self._note(METER + answer.meter.name, piece, begin, kind, late_us)
            pause_ms = fault.delay_ms if fault is not None else 0
            begin += len(piece) * self.line.setting.character_s + pause_ms / 1000
        self._sent = octets

    def _note(self, sender: str, octets: bytes, start: float, note: str = "", late_us: int = 0) -> None:
        if self._log is not None:
            burst = Burst(sender, self.line.setting, start, octets, note)
            burst.late_us = late_us
            self._log.write(self.line.name, burst)


def _whole(heard: bytes) -> bool:
    return (len(heard) >= _REQUEST_BYTES and crc_holds(heard)) or is_whole(heard) or is_question(heard)
