"""EmulatedBus: an RS-485 line on a pseudo-terminal, at its true speed, with meters on it.

The client writes a request in one go; the bus takes it as on the wire for as long as its characters would need at
the baud rate, waits the silence that ends a frame and the meter's turnaround, and gives the answer in pieces, each
when its last character would have come. A character has 11 bits. Nothing but the answer of the asked meter is ever
heard: other units, damaged requests and clients with another baud rate get silence.
"""

import ctypes
import os
import select
import termios
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gateway.core.meter.modbus import crc_holds, with_crc
from gateway.core.problem import ProblemError, problem
from hil_tests.emulated_di import di_answer, is_meant, question_in
from hil_tests.emulated_meter import ILLEGAL_FUNCTION, EmulatedMeter, TrueRegister
from hil_tests.emulated_park import Sample
from hil_tests.line_faults import LATE, SILENT, TRUE_KINDS, FaultDice, LineFault

CHARACTER_BITS = 11
FAST_SILENCE_S = 0.00175  # the silence that ends a frame, above 19200 Bd
_READ_REQUESTS = (3, 4)
_REQUEST_BYTES = 8
_SET_TIMER_SLACK = 29  # prctl: let this thread wake within a microsecond of the time it asked for
_MOST_BYTES = 512


class Line(NamedTuple):
    """A bus as configured. chunk: how many characters the adapter of the client hands over at once."""

    name: str
    link: Path
    baud: int
    turnaround_ms: int
    chunk: int

    @property
    def character_s(self) -> float:
        """How long one character takes."""
        return CHARACTER_BITS / self.baud

    @property
    def silence_s(self) -> float:
        """How long the silence is that ends a frame: 3.5 characters."""
        return 3.5 * self.character_s if self.baud <= 19200 else FAST_SILENCE_S


class Counts:
    """What happened on a bus."""

    def __init__(self) -> None:
        self.asked = self.answered = self.refused = self.ignored = self.faults = 0
        self.latest_us = 0  # how late the latest piece of an answer was


class EmulatedBus:
    """One line: opens the pseudo-terminal, serves it in a thread of its own until `stop`.

    sample(meter) gives the truth of now; witness(meter, utc_ms, registers) is told what an answer showed.
    """

    def __init__(
        self,
        line: Line,
        meters: tuple[EmulatedMeter, ...],
        sample: Callable[[str], Sample],
        witness: Callable[[str, int, tuple[TrueRegister, ...]], None],
        dice: FaultDice,
    ) -> None:
        self.line = line
        self.counts = Counts()
        self._meters = {meter.unit: meter for meter in meters if meter.unit}
        self._by_number = tuple(meter for meter in meters if not meter.unit)
        self._sample = sample
        self._witness = witness
        self._dice = dice
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self._speed = getattr(termios, f"B{line.baud}", None)  # None: a rate that termios has no name for
        self._set_speed()
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name=line.name, daemon=True)

    @property
    def serves(self) -> bool:
        """Whether the thread of the bus is at work."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Put the link in place and serve."""
        link = self.line.link
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            fresh = link.with_name(link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self.path)
            if link.exists() and not link.is_symlink():
                raise FileExistsError(17, "the name is taken by something else")
            fresh.replace(link)
        except OSError as error:
            raise ProblemError(
                problem(
                    "WP-EMU-011",
                    str(link),
                    "The link to the emulated bus {bus} cannot be made: {reason}.",
                    "Choose another place with the key link, or with --home.",
                    bus=self.line.name,
                    reason=error.strerror,
                )
            ) from error
        self._thread.start()

    def stop(self) -> None:
        """End the thread, close the line, and take the link away if it is still ours."""
        if self.serves:
            os.write(self._wake_write, b"x")
            self._thread.join()
        link = self.line.link
        if link.is_symlink() and str(link.readlink()) == self.path:
            link.unlink()
        for end in (self._ours, self._theirs, self._wake_read, self._wake_write):
            os.close(end)

    def _serve(self) -> None:
        ctypes.CDLL(None).prctl(_SET_TIMER_SLACK, 1, 0, 0, 0)
        heard = select.poll()
        heard.register(self._ours, select.POLLIN)
        heard.register(self._wake_read, select.POLLIN)
        while True:
            if any(end == self._wake_read for end, _ in heard.poll()):
                return
            frame, ended = self._frame(heard)
            answer = self._answer(frame)
            if answer is not None:
                fault, octets, delay_s = answer
                begin = ended + self.line.silence_s + self.line.turnaround_ms / 1000 + delay_s
                self._send(octets, begin)
                self.counts.faults += fault is not None

    def _set_speed(self) -> None:
        """Let clients that set no baud rate have that of the line."""
        if self._speed is not None:
            settings = termios.tcgetattr(self._theirs)
            settings[4] = settings[5] = self._speed
            termios.tcsetattr(self._theirs, termios.TCSANOW, settings)

    def _same_speed(self) -> bool:
        """Tell whether the client has the baud rate of the line; with another, a meter hears no frame."""
        return self._speed is None or termios.tcgetattr(self._ours)[5] == self._speed

    def _frame(self, heard: select.poll) -> tuple[bytes, float]:
        """Return the bytes up to the next silence, and when the last of them was over on the wire."""
        octets, ended = b"", time.monotonic()
        while True:
            try:
                piece = os.read(self._ours, _MOST_BYTES)
            except BlockingIOError:
                piece = b""
            octets = (octets + piece)[-_MOST_BYTES:]
            ended = max(ended, time.monotonic()) + len(piece) * self.line.character_s
            _sleep_until(ended + self.line.silence_s)
            if not any(end == self._ours for end, _ in heard.poll(0)):
                return octets, ended

    def _answer(self, frame: bytes) -> tuple[LineFault | None, bytes, float] | None:
        """Return the answer to *frame* with its fault and extra delay, None where the line stays silent."""
        meter = self._meant(frame) if self._same_speed() else None
        if meter is None:
            self.counts.ignored += 1
            return None
        self.counts.asked += 1
        fault = self._dice.next(meter.name)
        answer = self._meter_answer if meter.unit else self._number_answer
        octets, shown, utc_ms = answer(meter, frame)
        if fault is None or fault.kind in TRUE_KINDS:
            self._witness(meter.name, utc_ms, shown)
        if fault is None:
            return None, octets, 0.0
        delay_s = fault.delay_ms / 1000 if fault.kind in (LATE, SILENT) else 0.0
        return fault, self._dice.damaged(fault.kind, frame, octets), delay_s

    def _meant(self, frame: bytes) -> EmulatedMeter | None:
        """Return the meter that *frame* asks, by unit id or by number."""
        if crc_holds(frame):
            return self._meters.get(frame[0])
        question = question_in(frame)
        meant = [meter for meter in self._by_number if question is not None and is_meant(question, meter)]
        return meant[0] if meant else None

    def _number_answer(self, meter: EmulatedMeter, frame: bytes) -> tuple[bytes, tuple[TrueRegister, ...], int]:
        """Return what a DL/T 645 meter answers, the truth behind it, and when it took its sample."""
        question = question_in(frame)
        assert question is not None
        sample = self._sample(meter.name)
        octets, shown = di_answer(meter, question, sample)
        self.counts.answered += 1
        return octets, shown, sample.utc_ms

    def _meter_answer(self, meter: EmulatedMeter, frame: bytes) -> tuple[bytes, tuple[TrueRegister, ...], int]:
        """Return what *meter* answers, the truth behind it, and when it took its sample."""
        unit, function = frame[0], frame[1]
        if function in _READ_REQUESTS and len(frame) == _REQUEST_BYTES:
            start, count = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
            refusal = meter.refusal(function, start, count)
        else:
            refusal = ILLEGAL_FUNCTION
        if refusal:
            self.counts.refused += 1
            return with_crc(bytes((unit, function | 0x80, refusal))), (), 0
        sample = self._sample(meter.name)
        words = meter.registers(function, start, count, sample)
        octets = b"".join(word.to_bytes(2, "big") for word in words)
        self.counts.answered += 1
        shown = meter.true_registers(function, start, count, sample)
        return with_crc(bytes((unit, function, len(octets))) + octets), shown, sample.utc_ms

    def _send(self, octets: bytes, begin: float) -> None:
        """Write *octets* in pieces, each when its last character would have come."""
        for place in range(0, len(octets), self.line.chunk):
            piece = octets[place : place + self.line.chunk]
            due = begin + (place + len(piece)) * self.line.character_s
            _sleep_until(due)
            try:
                os.write(self._ours, piece)
            except BlockingIOError:
                return  # nobody has read for a long time: on a wire, the answer would be gone too
            self.counts.latest_us = max(self.counts.latest_us, round((time.monotonic() - due) * 1e6))


def _sleep_until(due: float) -> None:
    while True:
        left = due - time.monotonic()
        if left <= 0:
            return
        time.sleep(left)
