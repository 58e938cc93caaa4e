"""Combination: one way to understand a list of registers, tried on what a meter answered, and ranked among others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import NamedTuple

from gateway.core.meter.decoding import decode
from gateway.core.meter.profile import FAST, HIGH_FIRST, LOW_FIRST, REGISTERS, SENTINELS, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.notation import decimal_ratio
from gateway.new_profile.likeness import HERTZ, VOLTS, Check, checks_of, close, power_products, score, within
from gateway.new_profile.register_list import Listed, function_of, wire_address

FLOAT, WHOLE = "float", "whole"
_SIGNED_UNITS = ("A", "W", "var", "1")
# Powers of ten that are tried on a value whose factor the list does not say, or says so that nothing fits.
_DECADES = (0, -1, -2, -3, -4, 1, 2, 3)
_OVERRIDE = 5  # what it costs to doubt a factor that the list states
_LOW_VOLTS = (Fraction(90), Fraction(480))  # where nearly every meter is connected

Registers = Mapping[int, int]


class Way(NamedTuple):
    """How a list may be meant. swapped: the bytes of each register come in the other order.

    instant, energy: what values without a stated type are taken for, FLOAT or WHOLE.
    """

    function: int
    base: str
    words: str
    swapped: bool = False
    instant: str = FLOAT
    energy: str = FLOAT


class Meant(NamedTuple):
    """A line of the list with what a person takes it for. room: registers up to the next line.

    function: its own function code where the list has several and this is not the usual one.
    """

    listed: Listed
    quantity: str | None
    room: int | None
    function: int | None


class Outcome(NamedTuple):
    """What came of one way. decades: by unit, the power of ten by which stated factors were multiplied."""

    way: Way
    values: dict[str, Fraction]
    checks: list[Check]
    decades: dict[str, int]
    score: int
    missing: int


def meant_of(registers: Sequence[Listed], quantities: Mapping[int, str | None]) -> tuple[Meant, ...]:
    """Return the lines with their quantities (by number of the line) and the room of each."""
    numbers = sorted({one.number for one in registers})
    after = dict(zip(numbers, [*numbers[1:], None], strict=True))
    functions = [function_of(one) for one in registers]
    usual = max(functions, key=functions.count, default=None)
    found = []
    for one, function in zip(registers, functions, strict=True):
        next_number = after[one.number]
        room = None if next_number is None else next_number - one.number
        own = function if None not in functions and function != usual else None
        found.append(Meant(one, quantities.get(one.line), room, own))
    return tuple(found)


def type_of(one: Meant, way: Way) -> str:
    """Return the type of a line: as stated, else as *way* takes it; "" where nothing says how wide a text is."""
    if one.listed.type:
        return one.listed.type
    cumulative = one.quantity is not None and QUANTITIES[one.quantity].cumulative
    count = one.listed.count or _likely_width(one)
    if (way.energy if cumulative else way.instant) == FLOAT and count > 1:
        return "f64" if one.listed.count == 4 and one.room and one.room >= 4 and not cumulative else "f32"
    signed = one.quantity is not None and QUANTITIES[one.quantity].unit in _SIGNED_UNITS
    width = count if count in (1, 2, 4) else 2
    return "%s%d" % ("i" if signed else "u", 16 * width)


def _likely_width(one: Meant) -> int:
    if one.room == 1:
        return 1
    cumulative = one.quantity is not None and QUANTITIES[one.quantity].cumulative
    return 4 if cumulative and one.room == 4 else 2


def width_of(one: Meant) -> int:
    """Return the most registers that the value of a line may take."""
    if one.listed.type and one.listed.type != "ascii":
        return REGISTERS[one.listed.type]
    return one.listed.count or _likely_width(one)


def unit_of(one: Meant) -> str:
    """Return the unit of a line: as stated, else that of its quantity."""
    return one.listed.unit if one.listed.unit or one.quantity is None else QUANTITIES[one.quantity].unit


def factor_of(one: Meant, decades: Mapping[str, int]) -> Fraction:
    """Return the factor of a line, corrected by the decade found for its unit."""
    stated = decimal_ratio(one.listed.factor) if one.listed.factor else (1, 1)
    assert stated is not None
    ten = decades.get(QUANTITIES[one.quantity].unit, 0) if one.quantity else 0
    return Fraction(*stated) * Fraction(10) ** ten


def point_of(one: Meant, way: Way, decades: Mapping[str, int]) -> Point:
    """Return the point of a profile that a line stands for."""
    kind = type_of(one, way)
    factor = factor_of(one, decades)
    count = (one.listed.count or 1) if kind == "ascii" else REGISTERS[kind]
    counter = one.quantity is not None and QUANTITIES[one.quantity].cumulative
    return Point(
        name=one.quantity or one.listed.name,
        quantity=one.quantity,
        function=one.function or way.function,
        address=wire_address(one.listed, way.base),
        count=count,
        type=kind,
        words=way.words,
        factor=(factor.numerator, factor.denominator),
        unit=unit_of(one),
        side="direct",
        times=(),
        counter=counter,
        wrap=None,
        sentinels=SENTINELS[kind],
        exponent_at=None,
        sign="",
        poll=FAST,
    )


def ways_of(lines: Sequence[Meant], functions: Iterable[int], bases: Iterable[str]) -> list[Way]:
    """Return every way worth trying, the usual ones first."""
    open_instant = any(not one.listed.type and not _cumulative(one) for one in lines)
    open_energy = any(not one.listed.type and _cumulative(one) for one in lines)
    return [
        Way(function, base, words, swapped, instant, energy)
        for function, base, swapped, words, instant, energy in product(
            functions,
            bases,
            (False, True),
            (HIGH_FIRST, LOW_FIRST),
            (FLOAT, WHOLE) if open_instant else (FLOAT,),
            (FLOAT, WHOLE) if open_energy else (FLOAT,),
        )
    ]


def _cumulative(one: Meant) -> bool:
    return one.quantity is not None and QUANTITIES[one.quantity].cumulative


def value_at(one: Meant, way: Way, registers: Registers, decades: Mapping[str, int]) -> Fraction | None:
    """Return the value of a line in its quantity's unit, None where it was not answered or is "not available"."""
    point = point_of(one, way, decades)
    words = [registers.get(point.address + place) for place in range(point.count)]
    if None in words or point.type in ("ascii", "bits16"):
        return None
    own = tuple(_exchanged(word or 0) if way.swapped else word or 0 for word in words)
    value = decode(point, own, point.address)[1]
    return None if value is None else value[0] * Fraction(10) ** value[1]


def _exchanged(word: int) -> int:
    return word >> 8 | (word & 0xFF) << 8


def tried(
    way: Way, lines: Sequence[Meant], first: Registers, later: Registers | None = None, secondary: bool = False
) -> Outcome:
    """Return what the registers mean in one *way*; *later* are those of a second read."""
    known = [one for one in lines if one.quantity is not None and one.function is None]
    raw = _values(way, known, first, {})
    decades = _decades(known, raw, way, secondary)
    stated = {QUANTITIES[one.quantity].unit for one in known if one.quantity and one.listed.factor}
    believing = {unit: ten for unit, ten in decades.items() if unit not in stated}
    outcomes = []
    for chosen in [believing] if believing == decades else [believing, decades]:
        values = _values(way, known, first, chosen) if chosen else raw
        checks = checks_of(values, None if later is None else _values(way, known, later, chosen), secondary)
        missing = sum(1 for one in known if one.quantity not in values)
        total = score(checks) - _OVERRIDE * len(stated & chosen.keys()) - missing
        outcomes.append(Outcome(way, values, checks, chosen, total, missing))
    return max(outcomes, key=lambda outcome: outcome.score)


def _values(way: Way, lines: Sequence[Meant], registers: Registers, decades: Mapping[str, int]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for one in lines:
        value = value_at(one, way, registers, decades)
        if one.quantity is not None and value is not None:
            found.setdefault(one.quantity, value)
    return found


def _decades(lines: Sequence[Meant], raw: Mapping[str, Fraction], way: Way, secondary: bool) -> dict[str, int]:
    """Return by unit the power of ten that makes the values most like a meter's; 0 where the stated factor fits."""
    stated = {QUANTITIES[one.quantity].unit for one in lines if one.quantity and one.listed.factor}
    floats = any(type_of(one, way) == "f32" for one in lines if one.quantity and QUANTITIES[one.quantity].unit == "A")
    found: dict[str, int] = {}
    by_unit: dict[str, list[Fraction]] = {}
    for name, value in raw.items():
        if value:
            by_unit.setdefault(QUANTITIES[name].unit, []).append(abs(value))
    volts = [abs(value) for name, value in raw.items() if value and name.startswith("voltage")]
    hertz, factors = by_unit.get("Hz", []), by_unit.get("1", [])
    low = [] if "V" in stated else [lambda ten: all(within(one * ten, _LOW_VOLTS) for one in volts)]
    wide: Callable[[Fraction], bool] = lambda ten: all(within(one * ten, VOLTS) for one in volts)  # noqa: E731
    if volts and not secondary:
        found["V"] = _first(low + [wide])
    if hertz:
        found["Hz"] = _first([lambda ten: all(within(one * ten, HERTZ) for one in hertz)])
    if factors:
        found["1"] = _first([lambda ten: max(factors) * ten <= 1 and max(factors) * ten * 5 >= 1])
    found |= _decades_of_power(raw, found, floats)
    return {unit: ten for unit, ten in found.items() if ten}


def _first(tests: "list[Callable[[Fraction], bool]]") -> int:
    """Return the first power of ten with which a test holds, the first test first; 0 where none does."""
    for test in tests:
        for ten in _DECADES:
            if test(Fraction(10) ** ten):
                return ten
    return 0


def _decades_of_power(raw: Mapping[str, Fraction], found: Mapping[str, int], floats: bool) -> dict[str, int]:
    """Return the powers of ten of current and power that fit U x I x power factor best, the smallest change first."""
    scaled = {name: value * Fraction(10) ** found.get(QUANTITIES[name].unit, 0) for name, value in raw.items() if value}
    products = power_products(scaled)
    chosen: dict[str, int] = {}
    if products:
        # Floats are amperes as a rule and kilowatts now and then; whole numbers are parts of both.
        pairs = sorted(
            product(_DECADES, repeat=2), key=lambda one: (abs(one[0]) * (4 if floats else 1) + abs(one[1]), abs(one[1]))
        )
        for amps, watts in pairs:
            a, w = Fraction(10) ** amps, Fraction(10) ** watts
            if all(_fits(power * w, flow * a, names) for power, flow, names in products):
                chosen = {"A": amps, "W": watts}
                break
    active = scaled.get("active_power_total", Fraction(0)) * Fraction(10) ** chosen.get("W", 0)
    apparent, reactive = scaled.get("apparent_power_total"), scaled.get("reactive_power_total")
    if active and apparent:
        factor = abs(scaled.get("power_factor_total", Fraction(0)))
        chosen["VA"] = _first(
            [
                lambda ten: bool(factor) and close(abs(apparent) * ten * factor, abs(active)),
                lambda ten: abs(active) <= abs(apparent) * ten * Fraction(21, 20) <= 5 * abs(active),
            ]
        )
        apparent *= Fraction(10) ** chosen["VA"]
        if reactive:
            chosen["var"] = _first([lambda ten: close(active**2 + (reactive * ten) ** 2, apparent**2)])
    return chosen


def _fits(power: Fraction, flow: Fraction, names: Iterable[str]) -> bool:
    factored = any(name.startswith("power_factor") for name in names)
    return close(power, flow) if factored else flow / 5 <= power <= flow * Fraction(21, 20)


def ranked(outcomes: Iterable[Outcome], likely: Way) -> list[Outcome]:
    """Return the outcomes, the likeliest first; ways that give the same values count once, nearest to *likely*."""
    best: dict[tuple[tuple[str, Fraction], ...], Outcome] = {}
    for outcome in outcomes:
        if not outcome.values:
            continue
        key = tuple(sorted(outcome.values.items()))
        known = best.get(key)
        if known is None or _order(outcome, likely) < _order(known, likely):
            best[key] = outcome
    return sorted(best.values(), key=lambda one: _order(one, likely))


def _order(outcome: Outcome, likely: Way) -> tuple[int, int, tuple[bool, ...]]:
    changes = sum(1 for ten in outcome.decades.values() if ten)
    apart = tuple(one != other for one, other in zip(outcome.way, likely, strict=True))
    return (-outcome.score, changes, (outcome.way.swapped, outcome.way.words != HIGH_FIRST and apart[2], *apart))
