"""Finds out what answers on a bus: which unit ids, at which line settings, as which models. It only ever reads."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.asker import Asker
from gateway.core.meter.decoding import account_value, decode, text_of
from gateway.core.meter.modbus import crc_holds
from gateway.core.meter.plan import shortest_blocks
from gateway.core.meter.profile import HIGH_FIRST, MODBUS, DeviceProfile, Identity, Point
from gateway.core.reading import EXCEPTION, SILENT, WRONG_UNIT
from gateway.core.site import Bus

# What every unit is asked for a sign of life: a refusal is one, too. Two registers, as some meters only read pairs.
_SIGN_OF_LIFE = ((3, 0, 2), (4, 0, 2))
_SLOW_TIMEOUT_MS = 1000  # for units that were heard, but too late
_ANY_BAUD = 9600  # one value is one read at any speed
_QUIET_MS = 300  # after bytes that nobody understood
_LATE_MS = 1000  # after a silence of a unit that does answer otherwise: its late answer must not pass for another

# What a meter in use shows: of these, in the units of account, every one must lie within its bounds.
_PLAUSIBLE = {"frequency": (45_000, 65_000)} | dict.fromkeys(
    ("voltage_l1_n", "voltage_l2_n", "voltage_l3_n"), (80_000, 40_000_000)
)

Progress = Callable[[str], None]
Seen = dict[tuple[int, int, int], tuple[int, ...] | None]  # what one unit answered, by function, start and count


@dataclass(frozen=True)
class Found:
    """One unit id that answers.

    refusal: the exception code of its sign of life, None where it gave registers. models: those of which every sign
    was found. likely: where there is none, those whose registers hold what they should, by their values alone.
    """

    unit: int
    refusal: int | None
    models: tuple[str, ...]
    likely: tuple[str, ...]


@dataclass(frozen=True)
class LineReport:
    """What was heard at one line setting. garbled: unit ids after which bytes came that nobody understands."""

    line: str
    found: tuple[Found, ...]
    garbled: tuple[int, ...]


def bus_of(port: str, setting: str) -> Bus:
    """Return the bus at *port* with a line *setting* such as "9600 8N1"."""
    baud, _, shape = setting.partition(" ")
    return Bus(port, port, int(baud), int(shape[0]), shape[1], int(shape[2]), 0)


def usual_settings(profiles: Iterable[DeviceProfile]) -> list[str]:
    """Return the factory settings of known models, the most usual first."""
    counted = Counter(
        profile.serial_default for profile in profiles if profile.serial_default and profile.protocol == MODBUS
    )
    return [setting for setting, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))]


class Scan:
    """One line setting, all its units."""

    def __init__(self, asker: Asker, profiles: Iterable[DeviceProfile], timeout_ms: int, progress: Progress) -> None:
        self._asker = asker
        # Unit ids are asked; a DL/T 645 meter has none, and is known by the number on its plate.
        self._profiles = [profile for profile in profiles if profile.protocol == MODBUS]
        self._timeout_ms = timeout_ms
        self._progress = progress

    def run(self, line: str, units: Iterable[int]) -> LineReport:
        """Ask every unit, then find out what those are that answer."""
        present: dict[int, int | None] = {}
        garbled: set[int] = set()
        slow: set[int] = set()
        wanted = set(units)
        for unit in sorted(wanted):
            self._progress("%s  %d" % (line, unit))
            self._sign_of_life(unit, self._timeout_ms, present, garbled, slow)
        for unit in sorted((slow & wanted) - set(present)):
            self._sign_of_life(unit, _SLOW_TIMEOUT_MS, present, garbled, slow)
        found = []
        for unit in sorted(present):
            self._progress("%s  %d ?" % (line, unit))
            seen: Seen = {}
            models = self._models(unit, seen)
            found.append(Found(unit, present[unit], models, () if models else self._likely(unit, seen)))
        return LineReport(line, tuple(found), tuple(sorted(garbled - set(present) - slow)))

    def _sign_of_life(
        self, unit: int, timeout_ms: int, present: dict[int, int | None], garbled: set[int], slow: set[int]
    ) -> None:
        for function, start, count in _SIGN_OF_LIFE:
            answer = self._asker.ask(unit, function, start, count, timeout_ms)
            if answer.fault is None or answer.fault.kind == EXCEPTION:
                present[unit] = None if answer.fault is None else int(answer.fault.detail)
                return
            if answer.fault.kind == SILENT:
                continue
            if answer.fault.kind == WRONG_UNIT and crc_holds(answer.response):
                slow.add(answer.response[0])  # it answers a question of before
            else:
                garbled.add(unit)
            self._asker.drain(_QUIET_MS)

    def _models(self, unit: int, seen: Seen) -> tuple[str, ...]:
        """Return the models of which every sign is found in *unit*."""
        models = []
        for profile in self._profiles:
            if profile.identify and all(self._shows(unit, sign, seen, profile) for sign in profile.identify):
                models.append(profile.id)
        return tuple(models)

    def _shows(self, unit: int, sign: Identity, seen: Seen, profile: DeviceProfile) -> bool:
        words = self._words(unit, (sign.function, sign.address, sign.count), seen, profile.timeout_ms)
        return words is not None and meaning_of(sign, words) in sign.expect

    def _likely(self, unit: int, seen: Seen) -> tuple[str, ...]:
        """Return the models without signs of which *unit* shows the most plausible values, and no other ones."""
        scores: dict[str, int] = {}
        for profile in self._profiles:
            points = [point for point in profile.points if point.quantity in _PLAUSIBLE]
            if points and not profile.identify and all(self._plausible(unit, one, seen, profile) for one in points):
                scores[profile.id] = len(points)
        return tuple(sorted(name for name, score in scores.items() if score == max(scores.values())))

    def _plausible(self, unit: int, point: Point, seen: Seen, profile: DeviceProfile) -> bool:
        assert point.quantity is not None
        block = shortest_blocks(profile, (point,), _ANY_BAUD)[0]
        words = self._words(unit, (block.function, block.start, block.count), seen, profile.timeout_ms)
        value = None if words is None else decode(point, words, block.start)[1]
        least, most = _PLAUSIBLE[point.quantity]
        return value is not None and least <= account_value(point.quantity, *value) <= most

    def _words(self, unit: int, place: tuple[int, int, int], seen: Seen, timeout_ms: int) -> tuple[int, ...] | None:
        if place not in seen:
            answer = self._asker.ask(unit, *place, timeout_ms)
            seen[place] = answer.registers
            if answer.fault is not None and answer.fault.kind != EXCEPTION:
                self._asker.drain(_LATE_MS)
        return seen[place]


def meaning_of(sign: Identity, words: tuple[int, ...]) -> int | str:
    """Return the number or the text that the registers of a sign hold."""
    if sign.type == "ascii":
        return text_of(words)
    value = 0
    for word in words if sign.words == HIGH_FIRST else reversed(words):
        value = value << 16 | word
    if sign.type.startswith("i") and value >> (16 * len(words) - 1):
        value -= 1 << 16 * len(words)
    return value
