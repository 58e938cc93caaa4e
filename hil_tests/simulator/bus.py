"""Bus: meters that count what truly flows, and a line on which questions and answers go wrong.

Power is constant between its changes, so that the energy at any moment is known in whole milliwatt-milliseconds.
"""

from random import Random
from typing import NamedTuple

from gateway.core.meter.modbus import crc16
from gateway.core.meter.poll import Ask
from hil_tests.simulator.world import World

WRAP = 100_000_000  # the registers count watt-hours up to here
MOST_W = 15_000
PLACES = {"energy_active_import": 0x00, "energy_active_export": 0x40}
_CHANGE_MS = 8 * 3_600_000
_MW_MS_OF_WH = 3_600_000_000
_EXCHANGE_MS = 30
LATE_MS = 4000  # answers that are this late come yet


class Shown(NamedTuple):
    """What a register held when it was read: its words, and the energy it stands for without roll-over."""

    words: tuple[int, int]
    wh: int


class Register:
    """One cumulative register of a meter."""

    def __init__(self, dice: Random, now_ms: int) -> None:
        self._dice = dice
        self._first_wh = dice.choice((0, dice.randrange(WRAP), WRAP - dice.randrange(300_000)))
        self._counted = 0
        self._at_ms = now_ms
        self._changes_ms = now_ms
        self._power_mw = 0

    def wh(self, now_ms: int) -> int:
        """Return the energy of the register's whole life."""
        while self._at_ms < now_ms:
            if self._at_ms >= self._changes_ms:
                self._power_mw = self._dice.randrange(MOST_W * 1000) if self._dice.randrange(4) else 0
                self._changes_ms += _CHANGE_MS
            until_ms = min(now_ms, self._changes_ms)
            self._counted += self._power_mw * (until_ms - self._at_ms)
            self._at_ms = until_ms
        return self._first_wh + self._counted // _MW_MS_OF_WH

    def shown(self, now_ms: int) -> Shown:
        """Return what the register shows."""
        wh = self.wh(now_ms)
        return Shown((wh % WRAP >> 16, wh % WRAP & 0xFFFF), wh)


class SimulatedMeter:
    """A meter with one or two cumulative registers, far apart, and whether it answers."""

    def __init__(self, name: str, unit: int, quantities: tuple[str, ...], world: World) -> None:
        self.name, self.unit = name, unit
        dice = Random(f"{world.swarm.seed}/meter {unit}")
        self.registers = {quantity: Register(dice, world.now_ms) for quantity in quantities}
        self.silent_until_ms = 0

    def words(self, first: int, count: int, now_ms: int) -> list[int]:
        """Return the registers first..first + count - 1; those between the energies are zero."""
        found = [0] * count
        for quantity, register in self.registers.items():
            at = PLACES[quantity]
            for offset, word in enumerate(register.shown(now_ms).words):
                if 0 <= at + offset - first < count:
                    found[at + offset - first] = word
        return found


class SimulatedBus:
    """The line of one gateway, or of two that share it."""

    def __init__(self, world: World, meters: tuple[SimulatedMeter, ...]) -> None:
        self.meters = meters
        self.silent_until_ms = 0
        self._world = world
        self._units = {meter.unit: meter for meter in meters}
        self._late: list[tuple[int, bytes]] = []

    def exchange(self, ask: Ask) -> tuple[bytes, int]:
        """Return the answer to a question and how long it took; b"" for none. Time goes on."""
        world = self._world
        sampled_ms = world.now_ms
        meter = self._units[ask.frame[0]]
        first, count = ask.frame[2] << 8 | ask.frame[3], ask.frame[4] << 8 | ask.frame[5]
        words = meter.words(first, count, sampled_ms)
        body = bytes((meter.unit, ask.frame[1], 2 * count)) + b"".join(word.to_bytes(2, "big") for word in words)
        frame = body + crc16(body).to_bytes(2, "little")
        elapsed_ms = max(ask.earliest_ms, _EXCHANGE_MS)
        came_late = [one for one in self._late if one[0] > sampled_ms]
        self._late = []
        silent = meter.silent_until_ms > sampled_ms or self.silent_until_ms > sampled_ms
        if came_late and came_late[0][0] <= sampled_ms + ask.timeout_ms:
            # An answer to a question that was given up comes instead, and ours is garbled by it.
            elapsed_ms, frame = came_late[0][0] - sampled_ms, came_late[0][1]
        elif silent or world.happens("bus-noise"):
            frame, elapsed_ms = (b"", ask.timeout_ms) if silent else self._spoilt(frame, ask, elapsed_ms)
        world.now_ms += max(1, elapsed_ms)
        return frame, elapsed_ms

    def _spoilt(self, frame: bytes, ask: Ask, elapsed_ms: int) -> tuple[bytes, int]:
        """Return what a bad line makes of an answer."""
        dice = self._world.dice
        kind = dice.randrange(6)
        if kind == 0:
            return b"", ask.timeout_ms
        if kind == 1:
            at = dice.randrange(len(frame))
            return frame[:at] + bytes((frame[at] ^ 1 << dice.randrange(8),)) + frame[at + 1 :], elapsed_ms
        if kind == 2:
            return frame[: dice.randrange(1, len(frame))], ask.timeout_ms
        if kind == 3:
            return frame + dice.randbytes(dice.randrange(1, 4)), elapsed_ms
        if kind == 4:
            refusal = bytes((frame[0], frame[1] | 0x80, 6))
            return refusal + crc16(refusal).to_bytes(2, "little"), elapsed_ms
        late_ms = ask.timeout_ms + dice.randrange(1, LATE_MS)
        self._late.append((self._world.now_ms + late_ms, frame))
        return b"", ask.timeout_ms
