"""Faults of a line, on purpose: answers that are late, damaged, foreign, doubled or missing, by a seed."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from gateway.core.meter.modbus import with_crc

SILENT, LATE, CRC, WRONG_UNIT, WRONG_FUNCTION = "silent", "late", "crc", "wrong-unit", "wrong-function"
SHORT, LONG, NOISE, ECHO, TWICE, BUSY = "short", "long", "noise", "echo", "twice", "busy"
KINDS = (SILENT, LATE, CRC, WRONG_UNIT, WRONG_FUNCTION, SHORT, LONG, NOISE, ECHO, TWICE, BUSY)
# Kinds after which the registers in the answer are still what the meter holds.
TRUE_KINDS = (LATE, NOISE, ECHO, TWICE)
_DEVICE_BUSY = 6


class LineFault(NamedTuple):
    """One kind of fault: how often (per thousand answers), of which meter ("" any), how late, how many times."""

    kind: str
    permille: int = 1000
    meter: str = ""
    delay_ms: int = 0
    times: int | None = None


class FaultDice:
    """Decides, by the seed alone, which answer of a bus goes wrong and how."""

    def __init__(self, faults: Sequence[LineFault], seed: str) -> None:
        self._faults = tuple(faults)
        self._left = [fault.times for fault in faults]
        self._random = random.Random(seed)

    def next(self, meter: str) -> LineFault | None:
        """Return the fault of the next answer of *meter*, None where it goes well."""
        for index, fault in enumerate(self._faults):
            hit = self._random.randrange(1000) < fault.permille
            if not hit or fault.meter not in ("", meter) or self._left[index] == 0:
                continue
            left = self._left[index]
            self._left[index] = None if left is None else left - 1
            return fault
        return None

    def damaged(self, kind: str, request: bytes, answer: bytes) -> bytes:
        """Return what the client hears instead of *answer*."""
        place = self._random.randrange(len(answer))
        if kind == CRC:
            return answer[:place] + bytes((answer[place] ^ 1 << self._random.randrange(8),)) + answer[place + 1 :]
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
        return {SILENT: b"", NOISE: b"\0" + answer, ECHO: request + answer, TWICE: answer + answer}.get(kind, answer)


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
