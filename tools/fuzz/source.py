"""Source: takes the bytes of one input apart, so that a target can draw its choices from them."""


class Source:
    """The bytes of one input, taken from the front; where they end, zeros follow."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def octet(self) -> int:
        """Return the next byte."""
        return self.number(1)

    def number(self, size: int) -> int:
        """Return the whole number of the next *size* bytes."""
        return int.from_bytes(self.octets(size).ljust(size, b"\x00"), "big")

    def octets(self, size: int) -> bytes:
        """Return the next *size* bytes, fewer at the end."""
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def chunk(self) -> bytes:
        """Return as many bytes as the next byte says."""
        return self.octets(self.octet())

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.octets(len(self._left))

    def __bool__(self) -> bool:
        """Tell whether anything is left."""
        return bool(self._left)
