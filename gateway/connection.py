"""Connections to meters on a network: made, watched for an end that is gone, and lost with a word of why."""

import socket

from gateway.core.problem import ProblemError, problem
from gateway.core.site import Bus
from gateway.core.tcp_address import tcp_address
from gateway.line import LineLostError

DEFAULT_PORT = 502
_CONNECT_S = 3.0
# An end that lost its power says nothing: after so many seconds without a word it is asked, and so often, so far apart.
_KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
_UNHEARD_MS = 30_000  # what was sent and never acknowledged by then will not be


def address_of(bus: Bus) -> tuple[str, int]:
    """Return host and port of *bus*; raises ProblemError where they are none."""
    address = tcp_address(bus.port, DEFAULT_PORT)
    if address is None:
        raise ProblemError(
            problem(
                "WP-BUS-014",
                bus.name,
                "This is no address of a device on a network.",
                "Write host and port, as in tcp://192.168.1.20:502, or rtu+tcp://192.168.1.20:4001 for a serial "
                "server.",
            )
        )
    return address


def connected(bus: Bus) -> socket.socket:
    """Return a new connection to *bus*; raises ProblemError where there is none to be had."""
    try:
        found = socket.create_connection(address_of(bus), _CONNECT_S)
    except (OSError, UnicodeError) as error:
        raise ProblemError(
            problem(
                "WP-BUS-008",
                bus.name,
                "No connection to {port}: {why}.",
                "Check address, port and cable; many meters serve only one connection at a time.",
                port=bus.port,
                why=getattr(error, "strerror", None) or str(error),
            )
        ) from error
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (*_KEEP_ALIVE, (socket.TCP_USER_TIMEOUT, _UNHEARD_MS)):
        found.setsockopt(socket.IPPROTO_TCP, option, value)
    return found


def connection_lost(bus: Bus, why: str) -> LineLostError:
    """Return the error that the connection to *bus* is lost."""
    return LineLostError(
        problem(
            "WP-BUS-009",
            bus.name,
            "The connection to {port} is lost: {why}.",
            "Check the network; the gateway connects again by itself.",
            port=bus.port,
            why=why,
        )
    )
