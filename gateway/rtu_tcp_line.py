"""RtuTcpLine: carries the frames of a serial line, Modbus RTU or DL/T 645, over a connection to a serial server.

Nothing in these frames says whose answer it is, so they are judged as on the wires behind the server: not complete
before the characters could have passed there at the speed of the line, and forgotten before the next question.
"""

import socket

from gateway.connection import address_of, connected, connection_lost
from gateway.core.site import Bus
from gateway.line import LineLostError, WireLine

# A serial server hands on what it has when its own line falls silent; pieces of one answer come this close together.
_PIECES_S = 0.01


class RtuTcpLine(WireLine):
    """A connection to a serial server with a line of meters behind it."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        address_of(bus)
        self._socket: socket.socket | None = None
        self._silence_s = max(self._silence_s, _PIECES_S)

    def open(self) -> None:
        """Connect."""
        self.close()
        self._socket = connected(self._bus)
        self._socket.setblocking(False)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _fd(self) -> int:
        if self._socket is None:
            raise self._lost("not connected")
        return self._socket.fileno()

    def _lost(self, why: str) -> LineLostError:
        self.close()
        return connection_lost(self._bus, why)
