"""Reads the address of a meter bus on a network, such as tcp://10.0.0.7:502."""

from gateway.core.notation import is_digits

TCP = "tcp://"


def tcp_address(text: str, port: int = 502) -> "tuple[str, int] | None":
    """Return host and port of an address such as tcp://10.0.0.7:502, or None where it is none."""
    place = text[len(TCP) :] if text.startswith(TCP) else ""
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
