"""Faults of a line, on purpose: answers that are late, damaged, foreign, doubled or missing, by a seed or a script."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gateway.core.meter.modbus import with_crc

SILENT, LATE, CRC, WRONG_UNIT, WRONG_FUNCTION = "silent", "late", "crc", "wrong-unit", "wrong-function"
SHORT, LONG, NOISE, ECHO, TWICE, BUSY = "short", "long", "noise", "echo", "twice", "busy"
FLIP, SPLIT, COLLIDE, BABBLE, PULL = "flip", "split", "collide", "babble", "pull"
KINDS = (
    SILENT, LATE, CRC, WRONG_UNIT, WRONG_FUNCTION, SHORT, LONG, NOISE, ECHO, TWICE, BUSY,
    FLIP, SPLIT, COLLIDE, BABBLE, PULL,
)  # fmt: skip
# Kinds after which the registers in the answer are still what the meter holds.
TRUE_KINDS = (LATE, NOISE, ECHO, TWICE, SPLIT)
DELAYED = (LATE, SILENT)
# Kinds that befall the line itself, not an answer: they can begin by the clock alone.
OF_THE_LINE = (BABBLE, PULL)
NEEDS_EMULATED_WIRE = (COLLIDE, PULL)
_DEVICE_BUSY = 6


class LineFault(NamedTuple):
    """One kind of fault: how often (per thousand answers), of which meter ("" any), how late, how many times.

    question: from which question to that meter on, the first being 1. at_ms: from when on, and lasts_ms for how long,
    0 for ever. bits: how many a flip turns over. link: where an adapter comes back, "" where it was.
    """

    kind: str
    permille: int = 1000
    meter: str = ""
    delay_ms: int = 0
    times: int | None = None
    question: int | None = None
    at_ms: int | None = None
    lasts_ms: int = 0
    bits: int = 1
    link: str = ""

    @property
    def by_clock(self) -> bool:
        """Whether the time alone sets it off, with no question."""
        return self.kind in OF_THE_LINE and self.at_ms is not None

    def is_on(self, question: int, since_start_ms: int) -> bool:
        """Tell whether it can befall the answer to the meter's *question* at that time."""
        if self.by_clock or (self.question is not None and question < self.question):
            return False
        if self.at_ms is None:
            return True
        return self.at_ms <= since_start_ms and not 0 < self.lasts_ms <= since_start_ms - self.at_ms


class FaultDice:
    """Decides, by the seed alone, which answer of a bus goes wrong and how."""

    def __init__(self, faults: Sequence[LineFault], seed: str) -> None:
        self._faults = tuple(faults)
        self._left = [fault.times for fault in faults]
        self._asked: Counter[str] = Counter()
        self._random = random.Random(seed)

    @property
    def by_clock(self) -> list[LineFault]:
        """The faults that the time alone sets off, the first one first."""
        return sorted((one for one in self._faults if one.by_clock), key=lambda one: one.at_ms or 0)

    def next(self, meter: str, since_start_ms: int = 0) -> LineFault | None:
        """Return the fault of the next answer of *meter*, None where it goes well."""
        self._asked[meter] += 1
        self._asked[""] += 1
        for index, fault in enumerate(self._faults):
            hit = self._random.randrange(1000) < fault.permille
            if not hit or fault.meter not in ("", meter) or self._left[index] == 0:
                continue
            if not fault.is_on(self._asked[fault.meter], since_start_ms):
                continue
            left = self._left[index]
            self._left[index] = None if left is None else left - 1
            return fault
        return None

    def damaged(self, kind: str, request: bytes, answer: bytes, bits: int = 1) -> bytes:
        """Return what the client hears instead of *answer*."""
        place = self._random.randrange(len(answer))
        if kind == CRC:
            return answer[:place] + bytes((answer[place] ^ 1 << self._random.randrange(8),)) + answer[place + 1 :]
        if kind == FLIP:
            turned = sum(1 << bit for bit in self._random.sample(range(8 * len(answer)), min(bits, 8 * len(answer))))
            return (int.from_bytes(answer, "big") ^ turned).to_bytes(len(answer), "big")
        if kind == WRONG_UNIT:
            return with_crc(bytes((answer[0] % 247 + 1,)) + answer[1:-2])
        if kind == WRONG_FUNCTION:
            return with_crc(answer[:1] + bytes((7 - (answer[1] & 7),)) + answer[2:-2])
        if kind == SHORT:
            return answer[:place]
        if kind == LONG:
            return with_crc(answer[:2] + bytes((answer[2] + 2 & 0xFF,)) + answer[3:-2] + b"\0\0")
        if kind == BUSY:
            return with_crc(bytes((answer[0], answer[1] | 0x80, _DEVICE_BUSY)))
        if kind in (SILENT, BABBLE, PULL):
            return b""
        return {NOISE: b"\0" + answer, ECHO: request + answer, TWICE: answer + answer}.get(kind, answer)

    def babble(self, count: int) -> bytes:
        """Return *count* octets that mean nothing."""
        return self._random.randbytes(count)


def standard_faults() -> tuple[LineFault, ...]:
    """Return the mix that `--faults` adds: about one answer in twelve goes wrong."""
    return (
        LineFault(SILENT, 20),
        LineFault(LATE, 15, delay_ms=700),
        LineFault(CRC, 15),
        LineFault(WRONG_UNIT, 5),
        LineFault(WRONG_FUNCTION, 5),
        LineFault(SHORT, 10),
        LineFault(LONG, 5),
        LineFault(TWICE, 5),
        LineFault(BUSY, 5),
    )
