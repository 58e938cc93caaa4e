"""Line: carries one question at a time to the meters of a bus, and the answer back.

The thread of a bus sleeps until the answer can be complete; no byte wakes it before. A port belongs to one process
alone, by whatever name it was opened.
"""

import fcntl
import os
import select
import termios
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

import serial

from gateway.core.meter import cjt188
from gateway.core.meter.dlt645 import WAKE, is_whole
from gateway.core.meter.judging import character_bits
from gateway.core.meter.modbus import EXCEPTION_BYTES, crc_holds
from gateway.core.meter.plan import silence_us
from gateway.core.problem import ProblemError, problem
from gateway.core.site import Bus
from gateway.core.tcp_address import has_line, is_network
from gateway.ports import look_at, why_not

# More than any answer: what comes beyond is a jammed line, not an answer.
_MOST_BYTES = 512
# Adapters and serial chips hand bytes over in bundles: so many may have passed over the wire and not be here yet.
_BUNDLE_BYTES = 16
_STICKY_PARITY = 0o10000000000  # CMSPAR, which Python's termios does not name
# How long a line may keep talking before a question is given up.
_JAM_S = 0.3
_JAMMED = -1  # ms: it was heard before the question


class LineLostError(ProblemError):
    """The port or the connection is gone; it must be opened again."""


class Line(Protocol):
    """What carries questions and answers of one bus.

    device: what the name of the port stood for when it was opened; echoes: questions come back as well.
    """

    device: str
    echoes: bool

    def open(self) -> None:
        """Open it, again where it was lost; raises ProblemError."""

    def close(self) -> None:
        """Give it back."""

    def drain(self, quiet_ms: int) -> None:
        """Read and forget until nothing came for *quiet_ms*."""

    def exchange(self, frame: bytes, answer_bytes: int, earliest_ms: int, timeout_ms: int) -> tuple[bytes, int]:
        """Send *frame*; return what came and the ms from the end of sending until it was complete.

        Where the line does not fall silent, nothing is sent: what was heard comes back with a time below zero.
        """


def open_line(bus: Bus) -> Line:
    """Return the line of *bus*, open; raises ProblemError where it cannot be opened."""
    line = line_of(bus)
    line.open()
    return line


def line_of(bus: Bus) -> Line:
    """Return the line of *bus*, still closed."""
    if not is_network(bus.port):
        return SerialLine(bus)
    if has_line(bus.port):
        from gateway.rtu_tcp_line import RtuTcpLine

        return RtuTcpLine(bus)
    from gateway.tcp_line import TcpLine

    return TcpLine(bus)


class WireLine(ABC):
    """What carries the frames of a serial line, whose answers have neither number nor header."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.device = bus.port
        self.echoes = False
        self._character_s = character_bits(bus) / bus.baud
        self._silence_s = silence_us(bus.baud) / 1_000_000
        self._paced = True
        self._silent_from = 0.0  # no question before: the silence that ends the last answer is over by then
        self._returned_at = 0.0  # when the last exchange was over
        self._judging_s = self._silence_s / 2  # what lies between two exchanges at least

    @abstractmethod
    def open(self) -> None:
        """Open it, again where it was lost; raises ProblemError."""

    @abstractmethod
    def close(self) -> None:
        """Give it back."""

    @abstractmethod
    def _fd(self) -> int:
        """Return what is read and written; raises LineLostError where it is closed."""

    @abstractmethod
    def _lost(self, why: str) -> LineLostError:
        """Return the error that the line is lost."""

    def drain(self, quiet_ms: int) -> None:
        """Read and forget until nothing came for *quiet_ms*, ten times as long at most."""
        until = time.monotonic() + quiet_ms / 100
        while select.select([self._fd()], [], [], quiet_ms / 1000)[0] and time.monotonic() < until:
            self._read()

    def listen(self, listen_ms: int) -> bytes:
        """Send nothing; return what is heard within *listen_ms*, up to a whole talk of another master."""
        until = time.monotonic() + listen_ms / 1000
        heard = b""
        while (left := until - time.monotonic()) > 0 and len(heard) < _MOST_BYTES:
            if select.select([self._fd()], [], [], left)[0]:
                heard += self._read()
        return heard

    def exchange(self, frame: bytes, answer_bytes: int, earliest_ms: int, timeout_ms: int) -> tuple[bytes, int]:
        """Send *frame*; return what came and the ms from the end of sending until it was complete."""
        self._note_judging()
        _sleep_until(self._silent_from)
        jam = self._settle()
        if jam:
            return jam, _JAMMED
        # From the start of sending, not from its end as the system sees it: then no stall of ours can make a good
        # answer look as if it came too early.
        sent = time.monotonic() + len(frame) * self._character_s
        self._write(frame)
        deadline = sent + timeout_ms / 1000
        heard, wait_s = self._first_look(frame, answer_bytes, sent, earliest_ms, deadline), 0.0
        while True:
            more = self._read(wait_s)
            heard += more
            answer = _without_echo(heard, frame)
            now = time.monotonic()
            left = deadline - now
            if _complete(answer, frame, answer_bytes) or left <= 0 or len(heard) >= _MOST_BYTES:
                break
            missing = answer_bytes - len(answer)
            if not wait_s:  # it may have been there for a while
                missing -= _BUNDLE_BYTES
            elif now - sent < earliest_ms / 1000:  # the moment at which it is whole tells whether it is an old answer
                missing = 0
            wait_s = left
            if more and missing > 0:  # the rest takes its time on the line, and nobody has to wake for each piece
                time.sleep(min(left, missing * self._character_s))
                wait_s = 0.0
        elapsed_ms = int((now - sent) * 1000)
        heard += self._surplus(len(heard))
        self.echoes = self.echoes or heard.startswith(frame)
        self._returned_at = time.monotonic()
        return _without_echo(heard, frame), elapsed_ms if self._paced else max(elapsed_ms, earliest_ms)

    def _first_look(self, frame: bytes, answer_bytes: int, sent: float, earliest_ms: int, deadline: float) -> bytes:
        """Sleep until the answer to *frame* may be whole; return what was heard of it before."""
        look_at = sent + max(0, earliest_ms - 1) / 1000
        if self._paced:
            _sleep_until(sent + earliest_ms / 2000)
            heard = self._read()
            if _complete(_without_echo(heard, frame), frame, answer_bytes):
                look_at = sent  # whole by half of the time: it is an old answer, however late the system wakes us
        else:
            heard = self._read(max(0.0, deadline - time.monotonic()))
            if not _complete(_without_echo(heard, frame), frame, answer_bytes):  # it begins just now
                look_at = max(look_at, time.monotonic() + (answer_bytes - len(heard)) * self._character_s)
        _sleep_until(min(look_at, deadline))
        return heard

    def _note_judging(self) -> None:
        """Note how long the last answer was judged: the least of late, half of the silence at most."""
        took_s = time.monotonic() - self._returned_at
        self._judging_s = min(took_s, self._judging_s + self._silence_s / 64, self._silence_s / 2)

    def _settle(self) -> bytes:
        """Forget what is still there from before; return what was heard where the line does not fall silent."""
        until = time.monotonic() + _JAM_S
        heard = b""
        while more := self._read():
            heard += more
            if time.monotonic() > until:
                return heard[-_MOST_BYTES:]
            time.sleep(self._silence_s)
        return b""

    def _surplus(self, already: int) -> bytes:
        """Return what comes before the line falls silent: more bytes than asked for are a sign of something wrong.

        A frame has no pause of 1.5 characters inside, so half of the silence between frames tells. So much of it is
        left as the judging of the answer takes, and the next question waits for its end.
        """
        heard = b""
        self._silent_from = time.monotonic() + self._silence_s
        if already:
            _sleep_until(self._silent_from - self._judging_s)
            while already + len(heard) < _MOST_BYTES and (more := self._read()):
                heard += more
                self._silent_from = time.monotonic() + self._silence_s
                _sleep_until(self._silent_from - self._judging_s)
        return heard

    def _read(self, wait_s: float = 0.0) -> bytes:
        """Return what has arrived, or arrives within *wait_s*; raises LineLostError where the port is gone."""
        fd = self._fd()
        try:
            if not select.select([fd], [], [], wait_s)[0]:
                return b""
            heard = os.read(fd, _MOST_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error.strerror or "input") from error
        if not heard:  # readable, and nothing to read: the adapter was pulled, or the other end hung up
            raise self._lost("hang-up")
        return heard

    def _write(self, frame: bytes) -> None:
        at = 0
        while at < len(frame):
            try:
                at += os.write(self._fd(), frame[at:])
            except BlockingIOError:
                select.select([], [self._fd()], [], _JAM_S)
            except OSError as error:
                raise self._lost(error.strerror or "output") from error


class SerialLine(WireLine):
    """A serial port, exclusively ours."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self._port: serial.Serial | None = None

    def open(self) -> None:
        """Open and lock the port."""
        self.close()
        where, path = self._bus.name, self._bus.port
        self.device = str(Path(path).resolve())
        # A pseudo-terminal has no line speed, so nothing can come too early on it.
        self._paced = not self.device.startswith("/dev/pts/")
        look_at(where, path)
        try:
            port = serial.Serial(
                path,
                self._bus.baud,
                bytesize=self._bus.data_bits,
                parity=self._bus.parity if self._paced else serial.PARITY_NONE,
                stopbits=self._bus.stop_bits,
                timeout=0,
                exclusive=True,  # flock on the device itself, so that every name of it meets the same lock
            )
        except (serial.SerialException, OSError, ValueError, termios.error) as error:
            raise ProblemError(why_not(where, path, error)) from error
        fcntl.ioctl(port.fileno(), termios.TIOCEXCL)  # also against programs that know no locks
        if not self._paced:
            _mark_parity(port.fileno(), self._bus.parity)
        self._port = port
        try:
            port.set_low_latency_mode(True)
        except (OSError, ValueError, NotImplementedError):
            if self._paced:  # an adapter that bundles bytes; the rest works without
                self._silence_s = max(self._silence_s, 0.002)

    def close(self) -> None:
        """Give the port back."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def _fd(self) -> int:
        if self._port is None:
            raise self._lost("closed")
        return int(self._port.fileno())

    def _lost(self, why: str) -> LineLostError:
        return LineLostError(
            problem(
                "WP-BUS-001",
                self._bus.name,
                "The line {port} is lost: {why}.",
                "Check the cable and the adapter; the gateway opens the line again by itself.",
                port=self._bus.port,
                why=why,
            )
        )


def _mark_parity(terminal: int, parity: str) -> None:
    """Leave on a pseudo-terminal, which drops parity bits and refuses their setting, what a line would have.

    The bit for sticky parity is kept, and means nothing there: with it, whoever holds the other end can tell.
    """
    settings = termios.tcgetattr(terminal)
    settings[2] &= ~(_STICKY_PARITY | termios.PARODD)
    if parity != serial.PARITY_NONE:
        settings[2] |= _STICKY_PARITY | (termios.PARODD if parity == serial.PARITY_ODD else 0)
    termios.tcsetattr(terminal, termios.TCSANOW, settings)


def _sleep_until(moment: float) -> None:
    left = moment - time.monotonic()
    if left > 0:
        time.sleep(left)


def _without_echo(heard: bytes, frame: bytes) -> bytes:
    """Return *heard* without the question itself, which adapters that listen while they send give back first."""
    return heard[len(frame) :] if heard.startswith(frame) else heard


def _complete(answer: bytes, frame: bytes, answer_bytes: int) -> bool:
    """Tell whether *answer* is as long as it gets: the whole answer, or a refusal."""
    if frame[0] == WAKE:  # DL/T 645 or CJ/T 188, for no unit id is as high: their answers say how long they are
        return cjt188.is_whole(answer) if cjt188.is_question(frame) else is_whole(answer)
    if len(answer) >= answer_bytes:
        return True
    refuses = len(answer) == EXCEPTION_BYTES and answer[1] == frame[1] | 0x80
    return refuses and crc_holds(answer)
