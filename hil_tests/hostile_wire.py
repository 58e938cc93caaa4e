"""HostileWire: a wire whose answers are late, short, foreign, doubled, garbled or drowned, all by one seed.

It knows no clock: `ask` is told when a question begins, `take` gives what has arrived until a moment, in microseconds.
Meters on it show another value at every question, so an answer to any other question is recognisably wrong.
"""

import random
from bisect import insort
from collections.abc import Callable

from gateway.core.meter.modbus import EXCEPTION_BYTES, with_crc

LATE, TOO_LATE, SHORT, LONG, UNIT, FUNCTION = "late", "later than any drain", "short", "long", "unit", "function"
ECHO, NOISE, INSIDE, CUT, COLLISION, FLIPS = "echo", "noise around", "noise inside", "cut", "collision", "bit flips"
TWICE, REFUSAL, SPLIT, BABBLE, SILENT, KILLED = "twice", "exception", "split by 60 ms", "babble", "silent", "killed"
# Not in the mix: they are what single tests are about.
FORGED, DRIBBLE, GARBAGE, BURST = "garbled with a good check sum", "a byte a second", "garbage", "burst in long frames"
# A thousandth part of the answers each; together about one answer in four goes wrong.
MIX = {
    LATE: 25,
    TOO_LATE: 15,
    SHORT: 15,
    LONG: 15,
    UNIT: 15,
    FUNCTION: 15,
    ECHO: 15,
    NOISE: 20,
    INSIDE: 10,
    CUT: 15,
    COLLISION: 15,
    FLIPS: 25,
    TWICE: 15,
    REFUSAL: 10,
    SPLIT: 10,
    BABBLE: 2,
    SILENT: 10,
    KILLED: 5,
}
# After these the whole answer is there, in its own time: a good reader loses nothing.
HARMLESS = (ECHO, NOISE, SPLIT)
CHARACTER_BITS = 10
TURNAROUND_US = (4_000, 40_000)
LATE_US = (150_000, 2_000_000)
TOO_LATE_US = (2_000_000, 9_500_000)
AGAIN_US = (0, 150_000)
SPLIT_US = 60_000
BABBLE_US = (100_000, 2_500_000)
DRIBBLE_US = 1_000_000
LONG_BYTES = 60  # a burst hits a frame of this length every second time
_MOMENTARY = (4, 5, 6, 10, 11)
_LASTING = (1, 2, 3)

Registers = Callable[[int, int, int, int], int]  # of a unit: function, address, number of the question


class HostileWire:
    """One pair of wires: what was asked is counted in `questions`, what went wrong in `faults`."""

    def __init__(self, baud: int, units: tuple[int, ...], word: Registers, seed: str, mix: dict[str, int]) -> None:
        self.questions = 0
        self.asked: list[bytes] = []
        self.faults: dict[str, int] = {}
        self.dice = random.Random(seed)
        self.kill_at_us: int | None = None
        self.sick = units  # the units that things go wrong with
        self.deaf = False  # no meter hears a question
        self._character_us = CHARACTER_BITS * 1_000_000 // baud
        self._units = units
        self._word = word
        self._kinds, self._weights = list(mix), list(mix.values())
        self._coming: list[tuple[int, int, int]] = []  # when it is over on the wire, order, octet
        self._order = 0

    def next_us(self) -> int | None:
        """Return when the next octet arrives, None where nothing is under way."""
        return self._coming[0][0] if self._coming else None

    def take(self, until_us: int) -> bytes:
        """Return what has arrived until then, once."""
        count = 0
        while count < len(self._coming) and self._coming[count][0] <= until_us:
            count += 1
        octets = bytes(one[2] for one in self._coming[:count])
        del self._coming[:count]
        return octets

    def forget_after(self, moment_us: int) -> None:
        """Let nothing come that would come later than this."""
        self._coming = [one for one in self._coming if one[0] <= moment_us]

    def forget_before(self, moment_us: int) -> None:
        """Let nothing come that should have come before this."""
        self._coming = [one for one in self._coming if one[0] >= moment_us]

    def drown(self, until_us: int) -> None:
        """Let a node talk without end from the first moment on."""
        count = until_us // self._character_us
        octets = self.dice.randbytes(count)
        self._coming += [((number + 1) * self._character_us, number, octets[number]) for number in range(count)]
        self._order += count

    def ask(self, frame: bytes, begin_us: int) -> None:
        """Take a question whose first bit is on the wire at *begin_us*; its fate follows from the seed."""
        self.questions += 1
        self.asked.append(frame)
        sent_us = begin_us + len(frame) * self._character_us
        if self._coming and self._coming[0][0] <= sent_us:
            return  # somebody was talking: the meter heard no question
        if self.deaf or frame[0] not in self._units:
            return
        self._fate(frame, sent_us, self.answer(frame, self.questions))

    def answer(self, frame: bytes, number: int) -> bytes:
        """Return the good answer to *frame* as question *number*."""
        unit, function = frame[0], frame[1]
        start, count = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
        octets = b"".join(self._word(unit, function, start + i, number).to_bytes(2, "big") for i in range(count))
        return with_crc(bytes((unit, function, 2 * count)) + octets)

    def _fate(self, frame: bytes, sent_us: int, good: bytes) -> None:
        dice = self.dice
        kind = None
        if frame[0] in self.sick and dice.randrange(1000) < sum(self._weights):
            kind = dice.choices(self._kinds, self._weights)[0]
        begin_us = sent_us + dice.randrange(*TURNAROUND_US)
        if kind is None:
            self._say(good, begin_us)
            return
        self.faults[kind] = self.faults.get(kind, 0) + 1
        if kind == LATE:
            self._say(good, sent_us + dice.randrange(*LATE_US))
        elif kind == TOO_LATE:
            self._say(good, sent_us + dice.randrange(*TOO_LATE_US))
        elif kind == SPLIT:
            at = dice.randrange(1, len(good))
            self._say(good[:at], begin_us)
            self._say(good[at:], begin_us + at * self._character_us + SPLIT_US)
        elif kind == TWICE:
            self._say(good, begin_us)
            again_us = begin_us + len(good) * self._character_us + dice.randrange(*AGAIN_US)
            self._say(good, again_us)
        elif kind == COLLISION:
            self._say(good, begin_us)
            other = bytes((dice.choice([unit for unit in (*self._units, 200) if unit != frame[0]]),)) + frame[1:6]
            # Two at once: it begins before the first has ended, at any speed of the line.
            self._say(self.answer(other, self.questions - 1), begin_us + dice.randrange(len(good) * self._character_us))
        elif kind == BABBLE:
            length = dice.randrange(*BABBLE_US) // self._character_us
            self._say(dice.randbytes(length), begin_us + dice.randrange(-20_000, 20_000))
        elif kind == KILLED:
            self.kill_at_us = sent_us + dice.randrange(0, 60_000)
            self._say(good, sent_us + dice.randrange(10_000, 1_500_000))
        elif kind == DRIBBLE:
            for number in range(len(good)):
                self._say(good[number : number + 1], begin_us + number * DRIBBLE_US)
        elif kind == ECHO:
            self._say(frame, sent_us)
            self._say(good, begin_us + len(frame) * self._character_us)
        elif kind != SILENT:
            self._say(self.damaged(kind, frame, good), begin_us)

    def damaged(self, kind: str, frame: bytes, good: bytes) -> bytes:
        """Return the octets of an answer that was spoilt at once."""
        dice = self.dice
        place = dice.randrange(len(good))
        if kind == SHORT:
            return with_crc(good[:2] + bytes((good[2] - 2,)) + good[3:-4])
        if kind == LONG:
            return with_crc(good[:2] + bytes((good[2] + 2,)) + good[3:-2] + dice.randbytes(2))
        if kind == UNIT:
            other = dice.choice([unit for unit in (*self._units, 200) if unit != good[0]])
            return self.answer(bytes((other,)) + frame[1:6], self.questions)
        if kind == FUNCTION:
            return with_crc(bytes((good[0], dice.choice([f for f in (1, 2, 3, 4, 6) if f != good[1]]))) + good[2:-2])
        if kind == NOISE:
            before = dice.randrange(0, 4)
            return dice.randbytes(before) + good + dice.randbytes(dice.randrange(before == 0, 4 - before + 1))
        if kind == INSIDE:
            return good[:place] + dice.randbytes(dice.randrange(1, 4)) + good[place:]
        if kind == CUT:
            return good[:place]
        if kind == FLIPS:
            bits = int.from_bytes(good, "big")
            for bit in dice.sample(range(8 * len(good)), dice.randrange(1, 9)):
                bits ^= 1 << bit
            return bits.to_bytes(len(good), "big")
        if kind == FORGED:
            place = dice.randrange(24, 8 * len(good) - 16)
            bits = int.from_bytes(good[:-2], "big") ^ 1 << place - 24 ^ 1 << dice.randrange(8 * (len(good) - 5))
            return with_crc(bits.to_bytes(len(good) - 2, "big"))
        if kind == GARBAGE:
            return dice.randbytes(dice.randrange(1, 40))
        if kind == BURST:
            hit = len(good) >= LONG_BYTES and dice.randrange(2)
            return good[:-9] + dice.randbytes(7) + good[-2:] if hit else good
        assert kind == REFUSAL, kind
        code = dice.choice(_MOMENTARY if dice.randrange(10) else _LASTING)
        refusal = with_crc(bytes((good[0], good[1] | 0x80, code)))
        assert len(refusal) == EXCEPTION_BYTES
        return refusal

    def _say(self, octets: bytes, begin_us: int) -> None:
        """Put octets on the wire; where somebody else talks at that moment, both are garbled into one."""
        end_us = begin_us + (len(octets) + 1) * self._character_us
        others = [one for one in self._coming if begin_us < one[0] < end_us]
        for number, octet in enumerate(octets):
            at_us = begin_us + (number + 1) * self._character_us
            clash = next((one for one in others if abs(one[0] - at_us) < self._character_us), None)
            if clash is None:
                self._order += 1
                insort(self._coming, (at_us, self._order, octet))
            elif clash in self._coming:
                self._coming[self._coming.index(clash)] = (clash[0], clash[1], clash[2] & octet)
