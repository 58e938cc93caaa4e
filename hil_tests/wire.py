"""Wire: what is on a two-wire line at any moment, who put it there, and what each end hears of it.

Where one sender is alone and the hearer is set as it is, octets are passed on as they are; only what overlaps or
comes at another setting is looked at bit by bit, for that is dear.
"""

from typing import NamedTuple

from hil_tests.line_bits import Low, Setting, listen, lows_of, merged

_KEPT_S = 0.25  # how long the wire remembers what is over; more than two characters at the lowest baud rate
_NO_TIME = 1e-7
NOBODY = ""


class Burst:
    """What one sender puts on the wire without a pause. late_us: how late the emulator itself was with it.

    end: when its last character is over.
    """

    def __init__(self, sender: str, setting: Setting, start: float, octets: bytes, note: str = "") -> None:
        self.sender = sender
        self.setting = setting
        self.start = start
        self.octets = bytearray(octets)
        self.note = note
        self.late_us = 0
        self.met: list[Burst] = []
        self._lows: list[Low] = []
        self._shown = 0
        self.character_s = setting.character_s
        self.end = start + len(octets) * self.character_s

    def add(self, octets: bytes) -> None:
        """Let it go on with *octets*."""
        self.octets += octets
        self.end = self.start + len(self.octets) * self.character_s

    def lows(self) -> list[Low]:
        """Return when it pulls the line low."""
        if self._shown < len(self.octets):
            at = self.start + self._shown * self.character_s
            self._lows += lows_of(bytes(self.octets[self._shown :]), self.setting, at)
            self._shown = len(self.octets)
        return self._lows


class Heard(NamedTuple):
    """Octets one after the other as an end of the line took them; sender: NOBODY where they mix."""

    octets: bytes
    start: float
    end: float
    sound: bool
    sender: str


class Wire:
    """All bursts of the last moments and of the near future."""

    def __init__(self) -> None:
        self.bursts: list[Burst] = []
        self.collisions = 0

    def begin(self, burst: Burst) -> Burst:
        """Put *burst* on the wire."""
        self.bursts.append(burst)
        self.bursts.sort(key=lambda one: one.start)
        self._meet(burst)
        return burst

    def extend(self, burst: Burst, octets: bytes) -> None:
        """Let the sender of *burst* go on with *octets*."""
        burst.add(octets)
        self._meet(burst)

    def forget(self, now: float) -> list[Burst]:
        """Return, and forget, what has been over for long."""
        over = [burst for burst in self.bursts if burst.end < now - _KEPT_S]
        if over:
            self.bursts = [burst for burst in self.bursts if burst not in over]
        return over

    def _meet(self, burst: Burst) -> None:
        for other in self.bursts:
            overlaps = other.start < burst.end - _NO_TIME and burst.start < other.end - _NO_TIME
            if overlaps and other.sender != burst.sender and other not in burst.met:
                self.collisions += 1
                burst.met.append(other)
                other.met.append(burst)


class Ear:
    """One end of the wire that listens; deaf_to: the sender it does not hear, and during whose bursts it is deaf."""

    def __init__(self, deaf_to: str = NOBODY) -> None:
        self._deaf_to = deaf_to
        self.heard_to = 0.0  # all before has been heard
        self.asked_at = 0.0

    def ahead(self, wire: Wire) -> list[Burst]:
        """Return the bursts that are not heard to their end, the first to begin first."""
        return [one for one in wire.bursts if one.sender != self._deaf_to and one.end > self.heard_to + _NO_TIME]

    @staticmethod
    def plain(burst: Burst, setting: Setting) -> bool:
        """Tell whether *burst* reaches an ear of *setting* as it was sent."""
        return not burst.met and setting.understands(burst.setting)

    def hear(self, wire: Wire, setting: Setting, now: float) -> list[Heard]:
        """Return what came since the last time."""
        self.asked_at = now
        mine = [one for one in self.ahead(wire) if one.start < now]
        if not mine:
            return []
        if all(self.plain(one, setting) for one in mine):
            return [heard for heard in (self._octets(one, now) for one in mine) if heard.octets]
        others = [one for one in wire.bursts if one.sender != self._deaf_to and one.start < now]
        lows = merged(low for one in others for low in one.lows() if low[1] > self.heard_to)
        sounds, self.heard_to = listen(lows, setting, self.heard_to, now)
        length = setting.character_s
        found = []
        for one in sounds:
            begin = one.end - length
            senders = {it.sender for it in mine if it.start < one.end and begin < it.end}
            sender = senders.pop() if len(senders) == 1 else NOBODY
            found.append(Heard(bytes((one.octet,)), begin, one.end, one.sound, sender))
        own = [one for one in wire.bursts if one.sender == self._deaf_to]
        return [one for one in found if not any(it.start < one.end and one.start < it.end for it in own)]

    def _octets(self, burst: Burst, now: float) -> Heard:
        length = burst.character_s
        first = max(0, round((self.heard_to - burst.start) / length))
        last = min(len(burst.octets), int((now - burst.start) / length + 1e-6))
        if last > first:
            self.heard_to = max(self.heard_to, burst.start + last * length)
        octets = bytes(burst.octets[first:last])
        return Heard(octets, burst.start + first * length, burst.start + last * length, True, burst.sender)
