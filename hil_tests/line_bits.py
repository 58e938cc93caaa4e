"""The line in bits: how long they take, when a sender pulls the line low, and what a receiver makes of it.

An RS-485 pair rests high. A character is a low start bit, eight bits with the lowest first, a parity bit where there
is one, and high stop bits. A receiver starts at a falling edge and looks at the middle of every bit at its own speed;
what was sent at another speed, with another parity, or by two at once, it takes for whatever those moments show.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

FAST_SILENCE_S = 0.00175  # the silence that ends a frame, above 19200 Bd
Low = tuple[float, float]  # from when to when the line is low


class Setting(NamedTuple):
    """How one end is set. clock_permille: by how much its clock is fast; idle_bits: rest after each stop bit."""

    baud: int
    parity: str = "N"
    stop_bits: int = 1
    idle_bits: int = 0
    clock_permille: int = 0

    @property
    def bit_s(self) -> float:
        """How long one bit takes."""
        return 1000 / (self.baud * (1000 + self.clock_permille))

    @property
    def character_bits(self) -> int:
        """The bits of one character, with the rest after it."""
        return 9 + (self.parity != "N") + self.stop_bits + self.idle_bits

    @property
    def character_s(self) -> float:
        """How long one character takes."""
        return self.character_bits * self.bit_s

    @property
    def silence_s(self) -> float:
        """How long the silence is that ends a frame: 3.5 characters."""
        return 3.5 * self.character_s if self.baud <= 19200 else FAST_SILENCE_S

    def understands(self, other: "Setting") -> bool:
        """Tell whether every character of *other* is heard as it was sent, with no need to look at its bits."""
        return (self.baud, self.parity, self.clock_permille) == (other.baud, other.parity, other.clock_permille)


class Sound(NamedTuple):
    """One character as a receiver took it; sound: parity and stop bit were right."""

    end: float
    octet: int
    sound: bool


def lows_of(octets: bytes, setting: Setting, start: float) -> list[Low]:
    """Return when a sender that begins at *start* pulls the line low."""
    found: list[Low] = []
    bit_s = setting.bit_s
    for octet in octets:
        bits = octet << 1
        count = 9
        if setting.parity != "N":
            bits |= (octet.bit_count() + (setting.parity == "O") & 1) << 9
            count = 10
        place = 0
        while place < count:
            if bits >> place & 1:
                place += 1
                continue
            first = place
            while place < count and not bits >> place & 1:
                place += 1
            found.append((start + first * bit_s, start + place * bit_s))
        start += setting.character_s
    return found


def merged(lows: Iterable[Low]) -> list[Low]:
    """Return the lows of several senders as the line shows them: low where any of them is."""
    found: list[Low] = []
    for low in sorted(lows):
        if found and low[0] <= found[-1][1] + 1e-9:
            found[-1] = (found[-1][0], max(found[-1][1], low[1]))
        else:
            found.append(low)
    return found


def listen(lows: Sequence[Low], setting: Setting, since: float, until: float) -> tuple[list[Sound], float]:
    """Return the characters that a receiver, idle at *since*, has whole at *until*, and from when to listen on.

    A character is whole in the middle of its stop bit. *lows* are merged and in order.
    """
    starts = [low[0] for low in lows]
    bit_s, data_bits = setting.bit_s, 8 + (setting.parity != "N")
    found: list[Sound] = []

    def high(moment: float) -> bool:
        place = bisect_right(starts, moment) - 1
        return place < 0 or lows[place][1] <= moment

    moment = since
    while True:
        if high(moment):  # the next falling edge begins a character
            place = bisect_right(starts, moment)
            if place == len(starts) or starts[place] >= until:
                return found, until
            begin = starts[place]
        else:
            begin = moment
        end = begin + (data_bits + 1.5) * bit_s
        if end > until:
            return found, begin
        if high(begin + 0.5 * bit_s):  # too short for a start bit
            moment = begin + 0.5 * bit_s
            continue
        bits = sum(high(begin + (1.5 + place) * bit_s) << place for place in range(data_bits))
        octet, stop = bits & 0xFF, high(end)
        odd = setting.parity == "O"
        even = setting.parity == "N" or bits.bit_count() & 1 == odd
        found.append(Sound(end, octet, stop and even))
        moment = end
        if not stop:  # a broken character ends when the line is high again
            place = bisect_right(starts, end) - 1
            moment = lows[place][1]
            if moment > until:
                return found, moment
