"""Identification: which model answers at a unit id, by its signs, or by values that only fit one register list."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.asker import Asker
from gateway.core.meter.decoding import account_value, decode, text_of
from gateway.core.meter.plan import Block, shortest_blocks
from gateway.core.meter.profile import HIGH_FIRST, MODBUS, DeviceProfile, Identity, Layout, Point
from gateway.core.meter.sunspec import Walk, found_at
from gateway.core.meter.sunspec_models import HEAD
from gateway.core.reading import EXCEPTION, SILENT
from gateway.core.site import Meter

_ANY_BAUD = 9600  # one value is one read at any speed
_LEAST_TIMEOUT_MS = 200
_LATENCIES = 4  # a unit that answered in some time is given so many times as much
_PROOF_BITS = 32  # a sign of fewer may stand in another model by chance, so its values must fit, too
_MOST_SILENT = 3  # reads by one function that a unit leaves unanswered, before it is not asked by it any more
_ILLEGAL_FUNCTION = "1"

# What a meter in use shows: of these, in the units of account, every one must lie within its bounds.
_PLAUSIBLE = {"frequency": (45_000, 65_000)} | dict.fromkeys(
    ("voltage_l1_n", "voltage_l2_n", "voltage_l3_n"), (80_000, 40_000_000)
)

Place = tuple[int, int, int]  # function, start and count of a read


@dataclass(frozen=True)
class Candidate:
    """A profile, the reads of its signs, and the values that must be plausible."""

    profile: DeviceProfile
    signs: tuple[tuple[Identity, Place], ...]
    values: tuple[tuple[Point, Block], ...]

    @property
    def proves(self) -> bool:
        """Whether its signs are so long that they stand nowhere by chance."""
        return sum(16 * sign.count for sign, _ in self.signs) >= _PROOF_BITS


def candidate(profile: DeviceProfile) -> Candidate:
    """Return how *profile* is recognised."""
    points = [point for point in profile.points if point.quantity in _PLAUSIBLE]
    return Candidate(
        profile,
        tuple((sign, (sign.function, sign.address, sign.count)) for sign in profile.identify),
        tuple((point, shortest_blocks(profile, (point,), _ANY_BAUD)[0]) for point in points),
    )


class Identification:
    """Recognises the models of one bus; what was found there before is tried first."""

    def __init__(self, asker: Asker, profiles: Iterable[DeviceProfile]) -> None:
        self._asker = asker
        known = list(profiles)
        self._walked = [profile for profile in known if profile.sunspec is not None]
        found = [candidate(profile) for profile in known if profile.sunspec is None]
        self._signed = [one for one in found if one.signs and one.profile.protocol == MODBUS]
        self._unsigned = [one for one in found if one.values and not one.signs and one.profile.protocol == MODBUS]
        self._by_number = [one for one in found if one.values and one.profile.protocol != MODBUS]
        self._guessed: list[frozenset[str]] = []

    def of_unit(self, unit: int, latency_ms: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the models of which every sign is found in *unit*; where there is none, the likely ones."""
        reads = UnitReads(self._asker, unit, max(_LEAST_TIMEOUT_MS, _LATENCIES * latency_ms))
        models = self._of_walk(reads)
        hinted: list[str] = []
        for one in self._signed:
            if models and not all(reads.knows(place) for _, place in one.signs):
                continue  # recognised already; another profile of the same signs costs nothing to try
            if all(_shows(reads, sign, place) for sign, place in one.signs):
                fits = one.proves or all(_plausible(reads, *value) for value in one.values)
                (models if fits else hinted).append(one.profile.id)
        if models:
            self._signed.sort(key=lambda one: one.profile.id not in models)
            return tuple(sorted(models)), ()
        return (), tuple(sorted(hinted)) or self._guess(reads)

    def _of_walk(self, reads: "UnitReads") -> list[str]:
        """Return the SunSpec profiles whose model a walk along the models of the unit finds."""
        if not self._walked:
            return []
        first = self._walked[0]
        assert first.sunspec is not None
        walk = Walk(first.sunspec)
        while walk.at is not None:
            words = reads.words((first.function, walk.at, HEAD))
            if words is None:
                walk.refused()
            else:
                walk.take(words)
        if walk.layout is None:
            return []
        return [one.id for one in self._walked if _on_walk(one, walk.layout)]

    def _guess(self, reads: "UnitReads") -> tuple[str, ...]:
        """Return the models without signs of which a unit shows the most plausible values, and no other ones."""
        scores: dict[str, int] = {}
        for group in self._guessed:
            fitting = [one for one in self._unsigned if one.profile.id in group and _fits(reads, one)]
            if {one.profile.id for one in fitting} == group:
                return tuple(sorted(group))
        for one in self._unsigned:
            if _fits(reads, one):
                scores[one.profile.id] = len(one.values)
        best = frozenset(name for name, score in scores.items() if score == max(scores.values()))
        if best:
            self._guessed.append(best)
        return tuple(sorted(best))

    def of_number(self, address: str, timeout_ms: int) -> tuple[str, ...]:
        """Return the models of which the DL/T 645 meter with this number shows the most values."""
        scores: dict[str, int] = {}
        for one in self._by_number:
            meter = Meter("", "", 0, one.profile.id, address, (1, 1), (1, 1), 0)
            scores[one.profile.id] = len(
                [point for point, block in one.values if _number_shows(self._asker, meter, point, block, timeout_ms)]
            )
        most = max(scores.values(), default=0)
        return tuple(sorted(name for name, score in scores.items() if most and score == most))


class UnitReads:
    """The reads of one unit, each asked for once."""

    def __init__(self, asker: Asker, unit: int, timeout_ms: int) -> None:
        self._asker = asker
        self._unit = unit
        self._timeout_ms = timeout_ms
        self._seen: dict[Place, tuple[int, ...] | None] = {}
        self._illegal: set[int] = set()
        self._silent: Counter[int] = Counter()
        self._answered: set[int] = set()
        self._doubtful = False  # a question is unanswered: its answer may still come, and pass for the next one

    def knows(self, place: Place) -> bool:
        """Tell whether *place* costs no time any more."""
        return place in self._seen or place[0] in self._illegal

    def words(self, place: Place) -> tuple[int, ...] | None:
        """Return the registers of *place*; None where the unit does not give them."""
        if not self.knows(place):
            self._seen[place] = self._ask(place)
        return self._seen.get(place)

    def _ask(self, place: Place) -> tuple[int, ...] | None:
        doubtful, self._doubtful = self._doubtful, False
        answer = self._asker.ask(self._unit, *place, self._timeout_ms)
        if answer.fault is None:
            self._answered.add(place[0])
            if doubtful and self._asker.ask(self._unit, *place, self._timeout_ms).registers != answer.registers:
                self._asker.drain(self._timeout_ms)
                return self._asker.ask(self._unit, *place, self._timeout_ms).registers
            return answer.registers
        if answer.fault.kind == EXCEPTION:
            if answer.fault.detail == _ILLEGAL_FUNCTION:
                self._illegal.add(place[0])
            return None
        self._doubtful = True
        self._asker.drain(self._timeout_ms)
        if answer.fault.kind == SILENT:
            self._silent[place[0]] += 1
            if self._silent[place[0]] >= _MOST_SILENT and place[0] not in self._answered:
                self._illegal.add(place[0])
        return None


def _on_walk(profile: DeviceProfile, found: Layout) -> bool:
    assert profile.sunspec is not None
    return found_at(profile, Layout(found.bases, profile.sunspec.main, found.chain)) is not None


def _shows(reads: UnitReads, sign: Identity, place: Place) -> bool:
    words = reads.words(place)
    return words is not None and meaning_of(sign, words) in sign.expect


def _fits(reads: UnitReads, one: Candidate) -> bool:
    return all(_plausible(reads, *value) for value in one.values)


def _plausible(reads: UnitReads, point: Point, block: Block) -> bool:
    words = reads.words((block.function, block.start, block.count))
    return words is not None and _in_bounds(point, words, block.start)


def _in_bounds(point: Point, words: tuple[int, ...], start: int) -> bool:
    assert point.quantity is not None
    value = decode(point, words, start)[1]
    least, most = _PLAUSIBLE[point.quantity]
    return value is not None and least <= account_value(point.quantity, *value) <= most


def _number_shows(asker: Asker, meter: Meter, point: Point, block: Block, timeout_ms: int) -> bool:
    words = asker.ask_block(meter, block, timeout_ms).registers
    return words is not None and _in_bounds(point, words, block.start)


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
