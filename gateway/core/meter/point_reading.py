"""Reads the points, constants and identities of a device profile out of the plain maps of its file."""

from collections import namedtuple

from gateway.core.meter.profile import (
    HIGH_FIRST,
    LOW_FIRST,
    RATIOS,
    REGISTERS,
    SENTINELS,
    SIDES,
    SIGNS,
    TYPES,
    UNITS,
    Identity,
    Point,
    unit_exponent,
)
from gateway.core.meter.profile_fields import Fields, decimal_ratio
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.problem import problem

MAX_TEXT_REGISTERS = 64
_POINT_KEYS = (
    "quantity", "name", "at", "type", "count", "factor", "unit", "side", "times", "function", "words", "counter",
    "wrap", "sentinel", "exponent_at", "sign", "poll",
)  # fmt: skip


class Defaults(namedtuple("Defaults", ("function", "base", "words"))):
    """What holds for all points of a profile: function, number of the first register (0 or 1), order of words."""

    __slots__ = ()
    function: int
    base: int
    words: str


def _register(fields: Fields, key: str, defaults: Defaults) -> int:
    return fields.number(key, defaults.base, 0xFFFF + defaults.base) - defaults.base


def _type_and_count(fields: Fields) -> "tuple[str, int]":
    kind = fields.choice("type", TYPES)
    if kind == "ascii":
        return (kind, fields.number("count", 1, MAX_TEXT_REGISTERS))
    if "count" in fields.plain:
        fields.wrong("count", fields.plain["count"], "no count, except with type ascii")
    return (kind, REGISTERS[kind])


def _factor(fields: Fields) -> "tuple[int, int]":
    before = len(fields.problems)
    text = fields.text("factor", "1")
    factor = decimal_ratio(text)
    if factor is None or not factor[0]:
        if len(fields.problems) == before:
            fields.wrong("factor", text, 'a decimal in quotes, such as "0.1"')
        return (1, 1)
    return factor


def read_point(fields: Fields, defaults: Defaults) -> Point:
    """Return the point of a table; what is wrong is noted in the problems of *fields*."""
    fields.only(_POINT_KEYS)
    quantity = None
    name = ""
    if "quantity" in fields.plain:
        quantity = name = fields.text("quantity")
        if "name" in fields.plain:
            fields.wrong("name", fields.plain["name"], "either quantity or name")
    elif "name" in fields.plain:
        name = fields.text("name")
    else:
        fields.wrong("quantity", None, "a quantity, or a name for what is kept out of accounts")
    fields = Fields(fields.plain, "%s (%s)" % (fields.where, name), fields.problems)
    if quantity is not None and quantity not in QUANTITIES:
        fields.problems.append(
            problem(
                "WP-PRF-006",
                fields.place("quantity"),
                "{quantity} is not a known quantity.",
                "Choose one of the list in docs/writing-a-profile.md, or use name for a status.",
                quantity=quantity,
            )
        )
    elif quantity is None and name in QUANTITIES:
        fields.wrong("name", name, "another name; this one is a quantity")
    kind, count = _type_and_count(fields)
    unit = fields.text("unit", "" if quantity is None else None)
    _check_unit(fields, quantity, kind, unit)
    sentinels = _sentinels(fields, kind, count)
    exponent_at = _register(fields, "exponent_at", defaults) if "exponent_at" in fields.plain else None
    counter = fields.flag("counter")
    return Point(
        name,
        quantity,
        fields.number("function", 3, 4, defaults.function),
        _register(fields, "at", defaults),
        count,
        kind,
        fields.choice("words", (HIGH_FIRST, LOW_FIRST), defaults.words),
        _factor(fields),
        unit,
        fields.choice("side", SIDES, "direct"),
        fields.choices("times", RATIOS),
        counter,
        _wrap(fields, kind, count, counter),
        sentinels,
        exponent_at,
        fields.choice("sign", SIGNS) if "sign" in fields.plain else "",
        fields.flag("poll", True),
    )


def _check_unit(fields: Fields, quantity: "str | None", kind: str, unit: str) -> None:
    """Note a unit that is none of the quantity's, and a number that a text cannot give."""
    if quantity is None or quantity not in QUANTITIES:
        return
    wanted = QUANTITIES[quantity].unit
    if "unit" in fields.plain and unit_exponent(unit, wanted) is None:
        known = sorted([name for name in UNITS if unit_exponent(name, wanted) is not None])
        fields.problems.append(
            problem(
                "WP-PRF-007",
                fields.place("unit"),
                "{unit} is no unit of {quantity}.",
                "Units of it: {known}.",
                unit=unit,
                quantity=quantity,
                known=", ".join(known),
            )
        )
    if kind in ("ascii", "bits16"):
        fields.wrong("type", kind, "a type that is a number")


def _wrap(fields: Fields, kind: str, count: int, counter: bool) -> "int | None":
    """Return at how many counts a counter starts over: as stated, else by its type; None where it is not known."""
    if "wrap" in fields.plain:
        if not counter:
            fields.wrong("wrap", fields.plain["wrap"], "a wrap only together with counter = true")
        return fields.number("wrap", 2, 1 << 64)
    return 1 << 16 * count if counter and kind[0] in "ui" else None


def _sentinels(fields: Fields, kind: str, count: int) -> "tuple[int, ...]":
    if "sentinel" not in fields.plain:
        return SENTINELS[kind]
    found = []
    for item in fields.items("sentinel"):
        if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < 1 << 16 * count:
            fields.wrong("sentinel", item, "register values that fit the type, as [0x7FFF]")
        else:
            found.append(item)
    return tuple(found)


def read_constant(name: str, fields: Fields, defaults: Defaults) -> Point:
    """Return the point of the meter's own ratio *name*, "ct" or "vt"."""
    fields.only(("at", "type", "factor", "function", "words"))
    kind, count = _type_and_count(fields)
    return Point(
        name,
        None,
        fields.number("function", 3, 4, defaults.function),
        _register(fields, "at", defaults),
        count,
        kind,
        fields.choice("words", (HIGH_FIRST, LOW_FIRST), defaults.words),
        _factor(fields),
        "",
        "direct",
        (),
        False,
        None,
        SENTINELS[kind],
        None,
        "",
        False,
    )


def read_identity(fields: Fields, defaults: Defaults) -> Identity:
    """Return the identifying read of a table."""
    fields.only(("at", "type", "count", "function", "words", "expect"))
    kind, count = _type_and_count(fields)
    wanted = str if kind == "ascii" else int
    expect = []
    for item in fields.items("expect"):
        if isinstance(item, wanted) and not isinstance(item, bool):
            expect.append(item)
        else:
            fields.wrong("expect", item, "texts for type ascii, else whole numbers")
    if not expect:
        fields.wrong("expect", [], "at least one value")
    return Identity(
        fields.number("function", 3, 4, defaults.function),
        _register(fields, "at", defaults),
        count,
        kind,
        fields.choice("words", (HIGH_FIRST, LOW_FIRST), defaults.words),
        tuple(expect),
    )
