"""Reads the points, constants and identities of a device profile out of the plain maps of its file."""

from collections import namedtuple

from gateway.core.fields import Fields, shown
from gateway.core.meter.profile import (
    FAST,
    FREEZE,
    HIGH_FIRST,
    LOW_FIRST,
    NEVER,
    ONCE,
    RATIOS,
    REGISTERS,
    SENTINELS,
    SIDES,
    SIGNS,
    SLOW,
    TYPES,
    UNITS,
    Identity,
    Point,
    unit_exponent,
)
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
        fields.problems.append(
            problem(
                "WP-PRF-016",
                fields.place("count"),
                "The type {type} says how many registers there are.",
                "Remove count; it belongs to the type ascii.",
                type=kind,
            )
        )
    return (kind, REGISTERS[kind])


def _registers(fields: Fields, defaults: Defaults) -> "tuple[int, int, int, str, str]":
    """Return function, address, count, type and order of words of the registers that a table names."""
    kind, count = _type_and_count(fields)
    words = fields.choice("words", (HIGH_FIRST, LOW_FIRST), defaults.words)
    return (fields.number("function", 3, 4, defaults.function), _register(fields, "at", defaults), count, kind, words)


def read_point(fields: Fields, defaults: Defaults) -> Point:
    """Return the point of a table; what is wrong is noted in the problems of *fields*."""
    fields.only(_POINT_KEYS)
    quantity = fields.text("quantity", empty=True) if "quantity" in fields.plain else None
    name = quantity if quantity is not None else fields.text("name", "", empty=True)
    if ("quantity" in fields.plain) == ("name" in fields.plain):
        fields.problems.append(
            problem(
                "WP-PRF-017",
                fields.place("name"),
                "A point has either a quantity or a name.",
                "Write a quantity, or a name for what is kept out of accounts.",
            )
        )
    fields = Fields(fields.plain, "%s (%s)" % (fields.where, name), fields.problems)
    _check_quantity(fields, quantity, name)
    function, address, count, kind, words = _registers(fields, defaults)
    unit = fields.text("unit", "" if quantity is None else None, empty=True)
    _check_unit(fields, quantity, kind, unit)
    sentinels = _sentinels(fields, kind, count)
    exponent_at = _register(fields, "exponent_at", defaults) if "exponent_at" in fields.plain else None
    counter = fields.flag("counter")
    return Point(
        name,
        quantity,
        function,
        address,
        count,
        kind,
        words,
        fields.decimal("factor", "1"),
        unit,
        fields.choice("side", SIDES, "direct"),
        fields.choices("times", RATIOS),
        counter,
        _wrap(fields, kind, count, counter),
        sentinels,
        exponent_at,
        fields.choice("sign", SIGNS) if "sign" in fields.plain else "",
        read_poll(fields, quantity is not None),
    )


def read_poll(fields: Fields, gives_reading: bool, may_freeze: bool = False) -> str:
    """Return how often the point of a table is read; by default in every sweep, what gives no reading never."""
    plain = fields.plain.get("poll", gives_reading)
    if isinstance(plain, bool):
        return FAST if plain and gives_reading else NEVER
    found = fields.choice("poll", (FAST, SLOW, ONCE, FREEZE) if may_freeze else (FAST, SLOW, ONCE))
    if not gives_reading and found != ONCE and not fields.noted("poll"):
        fields.problems.append(
            problem(
                "WP-PRF-070",
                fields.place("poll"),
                "Only a quantity is read again and again.",
                'Write poll = "once" or poll = false for what has a name.',
            )
        )
    return found


def _check_quantity(fields: Fields, quantity: "str | None", name: str) -> None:
    """Note a quantity that is none, and a name that is one."""
    if quantity is not None and quantity not in QUANTITIES:
        fields.problems.append(
            problem(
                "WP-PRF-006",
                fields.place("quantity"),
                "{quantity} is not a known quantity.",
                "Choose one of the list in docs/writing-a-profile.md, or use name for a status.",
                quantity=shown(quantity),
            )
        )
    elif quantity is None and name in QUANTITIES:
        fields.problems.append(
            problem(
                "WP-PRF-018",
                fields.place("name"),
                "{name} is a quantity.",
                "Choose another name, or write quantity instead of name.",
                name=name,
            )
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
        fields.problems.append(
            problem(
                "WP-PRF-019",
                fields.place("type"),
                "The type {type} gives no number, which {quantity} needs.",
                "Choose a type that is a number.",
                type=kind,
                quantity=quantity,
            )
        )


def _wrap(fields: Fields, kind: str, count: int, counter: bool) -> "int | None":
    """Return at how many counts a counter starts over: as stated, else by its type; None where it is not known."""
    if "wrap" in fields.plain:
        if not counter:
            fields.problems.append(
                problem(
                    "WP-PRF-020",
                    fields.place("wrap"),
                    "Only a counter starts over.",
                    "Add counter = true, or remove wrap.",
                )
            )
        return fields.number("wrap", 2, 1 << 64)
    return 1 << 16 * count if counter and kind[0] in "ui" else None


def _sentinels(fields: Fields, kind: str, count: int) -> "tuple[int, ...]":
    if "sentinel" not in fields.plain:
        return SENTINELS[kind]
    found = []
    for item in fields.items("sentinel"):
        if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < 1 << 16 * count:
            fields.problems.append(
                problem(
                    "WP-PRF-021",
                    fields.place("sentinel"),
                    "{value} is no register value that fits the type {type}.",
                    "Write whole numbers within it, as [0x7FFF].",
                    value=shown(item),
                    type=kind,
                )
            )
        else:
            found.append(item)
    return tuple(found)


def read_constant(name: str, fields: Fields, defaults: Defaults) -> Point:
    """Return the point of the meter's own ratio *name*, "ct" or "vt"."""
    fields.only(("at", "type", "factor", "function", "words"))
    function, address, count, kind, words = _registers(fields, defaults)
    factor = fields.decimal("factor", "1")
    # It has no unit, is read as it is, and does not count.
    return Point(
        name, None, function, address, count, kind, words, factor, "", "direct", (), False, None, SENTINELS[kind], None,
        "", NEVER,
    )  # fmt: skip


def read_identity(fields: Fields, defaults: Defaults) -> Identity:
    """Return the identifying read of a table."""
    fields.only(("at", "type", "count", "function", "words", "expect"))
    function, address, count, kind, words = _registers(fields, defaults)
    wanted = str if kind == "ascii" else int
    expect = []
    for item in fields.items("expect", some=True):
        if isinstance(item, wanted) and not isinstance(item, bool):
            expect.append(item)
        else:
            fields.problems.append(
                problem(
                    "WP-PRF-022",
                    fields.place("expect"),
                    "{value} does not fit the type {type}.",
                    "Write texts for the type ascii, else whole numbers.",
                    value=shown(item),
                    type=kind,
                )
            )
    return Identity(function, address, count, kind, words, tuple(expect))
