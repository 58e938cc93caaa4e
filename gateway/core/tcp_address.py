"""Reads the address of a bus on a network, such as tcp://10.0.0.7:502, and what is spoken there."""

from gateway.core.notation import is_digits

TCP = "tcp://"  # Modbus TCP: every answer carries the number of its question
UNNUMBERED_TCP = "unnumbered+tcp://"  # Modbus TCP by a gateway that puts numbers of its own into answers
RTU_TCP = "rtu+tcp://"  # the frames of a serial line, carried as they are by a serial server
# What a Poll is told of its bus: the frames of a serial line, or Modbus TCP with and without numbers.
RTU_FRAMES, TCP_FRAMES, UNNUMBERED_FRAMES = "rtu", "tcp", "unnumbered"
_FRAMES = ((TCP, TCP_FRAMES), (UNNUMBERED_TCP, UNNUMBERED_FRAMES), (RTU_TCP, RTU_FRAMES))


def is_network(port: str) -> bool:
    """Tell whether *port* is an address on a network rather than the path of a device."""
    return "://" in port


def transport_of(port: str) -> str:
    """Return in which frames is spoken at *port*: RTU_FRAMES, TCP_FRAMES or UNNUMBERED_FRAMES."""
    for scheme, frames in _FRAMES:
        if port.startswith(scheme):
            return frames
    return RTU_FRAMES


def has_line(port: str) -> bool:
    """Tell whether meters at *port* hang on a line whose speed bounds every answer."""
    return not is_network(port) or transport_of(port) == RTU_FRAMES


def tcp_address(text: str, port: int = 502) -> "tuple[str, int] | None":
    """Return host and port of an address such as tcp://10.0.0.7:502, or None where it is none."""
    place = ""
    for scheme, _frames in _FRAMES:
        if text.startswith(scheme):
            place = text[len(scheme) :]
    if place.endswith("/"):
        place = place[:-1]
    host, colon, number = place.rpartition(":")
    if place.endswith("]") or not colon:
        host, number = place, "%d" % port
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None
    if not host or not is_digits(number) or not 0 < int(number) < 65536:
        return None
    for character in host:
        if character <= " " or character in "/@[]" or ord(character) > 126:
            return None
    return None if ".." in host or len(host) > 253 else (host, int(number))
