"""TcpLine: carries questions and answers of one bus over Modbus TCP.

Every question has a number, and an answer with another number is an old one: it is thrown away, and the connection
stays in step. Where the bytes are no Modbus TCP, the connection is closed and opened anew. A gateway that puts numbers
of its own into answers is asked like a serial line: what came before the question is forgotten.
"""

import socket
import time

from gateway.connection import address_of, connected, connection_lost
from gateway.core.meter.modbus import tcp_length
from gateway.core.site import Bus
from gateway.core.tcp_address import UNNUMBERED_FRAMES, transport_of
from gateway.line import LineLostError

_MOST_PIECES = 64  # far more than a late answer comes in


class TcpLine:
    """A connection to a Modbus TCP server or gateway."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.device = bus.port
        self.echoes = False  # a network gives back no questions
        address_of(bus)
        self._unnumbered = transport_of(bus.port) == UNNUMBERED_FRAMES
        self._socket: socket.socket | None = None
        self._heard = b""

    def open(self) -> None:
        """Connect."""
        self.close()
        self._socket = connected(self._bus)

    def close(self) -> None:
        """Hang up."""
        self._heard = b""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def drain(self, quiet_ms: int) -> None:
        """Read and forget until nothing came for *quiet_ms*, or the other end does not stop talking."""
        for _piece in range(_MOST_PIECES):
            if not self._receive(quiet_ms / 1000):
                break
        self._heard = b""

    def exchange(self, frame: bytes, answer_bytes: int, earliest_ms: int, timeout_ms: int) -> tuple[bytes, int]:
        """Send *frame*; return the answer with its number and the ms it took, or b"" where none came."""
        del answer_bytes, earliest_ms  # the header says how long an answer is, and its number whose it is
        connection = self._connected()
        if self._unnumbered:
            self.drain(0)
        try:
            connection.settimeout(timeout_ms / 1000)
            connection.sendall(frame)
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        sent = time.monotonic()
        deadline = sent + timeout_ms / 1000
        while True:
            while (answer := self._take_frame()) is not None:
                if self._unnumbered or answer[:2] == frame[:2] or tcp_length(answer) is None:
                    return answer, int((time.monotonic() - sent) * 1000)
            left = deadline - time.monotonic()
            if left <= 0 or not self._receive(left):
                return b"", timeout_ms

    def _take_frame(self) -> bytes | None:
        """Return the next whole frame, None where it is not here yet; what is no frame comes as it is."""
        if len(self._heard) < 6:
            return None
        length = tcp_length(self._heard)
        if length is None:
            strange = self._heard
            self.close()  # out of step for good: nothing tells where the next frame begins
            return strange
        if len(self._heard) < length:
            return None
        answer, self._heard = self._heard[:length], self._heard[length:]
        return answer

    def _receive(self, wait_s: float) -> bool:
        """Take in what comes within *wait_s*; False where nothing did."""
        connection = self._connected()
        try:
            connection.settimeout(max(wait_s, 0.001))
            more = connection.recv(4096)
        except TimeoutError:
            return False
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        if not more:
            raise self._lost("closed by the other end")
        self._heard += more
        return True

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise self._lost("not connected")
        return self._socket

    def _lost(self, why: str) -> LineLostError:
        self.close()
        return connection_lost(self._bus, why)
