"""Reads a device profile out of the plain maps of its file, and says everything that is wrong at once."""

from gateway.core.meter.plan import readable
from gateway.core.meter.point_reading import Defaults, read_constant, read_identity, read_point
from gateway.core.meter.profile import (
    HIGH_FIRST,
    LOW_FIRST,
    NO_RATIOS,
    PROVENANCES,
    STATUSES,
    DeviceProfile,
    Example,
    Point,
)
from gateway.core.meter.profile_fields import Fields, ratio, whole_number
from gateway.core.problem import Problem, problem

BAUDS = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200)
DEFAULT_TIMEOUT_MS = 500  # enough for nearly every meter; a profile says less where the maker does
_KEYS = (
    "id", "maker", "model", "kind", "status", "evidence", "serial", "modbus", "constants", "identify", "points", "test",
)  # fmt: skip
_MODBUS_KEYS = (
    "transport", "function", "address", "words", "max_registers", "align", "windows", "timeout_ms", "gap_ms",
)  # fmt: skip


def is_line(text: object) -> bool:
    """Tell whether *text* is a line setting such as "9600 8N1"."""
    if not isinstance(text, str):
        return False
    baud, _, shape = text.partition(" ")
    known = whole_number(baud) and int(baud) in BAUDS
    return known and len(shape) == 3 and shape[0] in "78" and shape[1] in "NEO" and shape[2] in "12"


def read_profile(plain: "dict[str, object]", where: str = "") -> "tuple[DeviceProfile | None, list[Problem]]":
    """Return the profile of a plain map, or None, and all problems; *where* goes before their places."""
    problems: "list[Problem]" = []
    top = Fields(plain, "", problems)
    top.only(_KEYS)
    identity = top.text("id")
    if not identity or not all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in identity):
        top.wrong("id", identity, "small letters, digits and -")
    evidence = []
    for item in top.tables("evidence"):
        item.only(("source", "page"))
        evidence.append((item.text("source"), item.text("page", "")))
    default_line, lines, units = _serial(top)
    modbus = Fields(top.table("modbus") or {}, "modbus", problems)
    modbus.only(_MODBUS_KEYS)
    transport = modbus.choices("transport", ("rtu", "tcp")) or ("rtu",)
    defaults = Defaults(
        modbus.number("function", 3, 4),
        1 if modbus.choice("address", ("zero-based", "one-based"), "zero-based") == "one-based" else 0,
        modbus.choice("words", (HIGH_FIRST, LOW_FIRST), HIGH_FIRST),
    )
    profile = DeviceProfile(
        identity,
        top.text("maker"),
        top.text("model"),
        top.text("kind"),
        top.choice("status", STATUSES),
        tuple(evidence),
        transport,
        default_line,
        lines,
        units,
        defaults.function,
        modbus.number("max_registers", 1, 125, 125),
        modbus.number("align", 1, 4, 1),
        _windows(modbus, defaults),
        modbus.number("timeout_ms", 10, 60000, DEFAULT_TIMEOUT_MS),
        modbus.number("gap_ms", 0, 10000, 0),
        tuple([read_point(fields, defaults) for fields in top.tables("points")]),
        _constants(top, defaults),
        tuple([read_identity(fields, defaults) for fields in top.tables("identify")]),
        tuple([_example(fields) for fields in top.tables("test")]),
    )
    if not profile.points:
        top.wrong("points", [], "at least one point")
    if "rtu" in transport and "serial" not in plain:
        top.wrong("serial", None, "a table with the line settings of the meter")
    if not problems:
        _check_readable(profile, problems)
    if where:
        problems = [one.moved(where) for one in problems]
    return (None if problems else profile, problems)


def _serial(top: Fields) -> "tuple[str, tuple[str, ...], tuple[int, int]]":
    """Return default line setting, allowed ones and the range of unit ids."""
    plain = top.table("serial")
    if plain is None:
        return ("", (), (0, 255))
    fields = Fields(plain, "serial", top.problems)
    fields.only(("default", "allowed", "units"))
    default = fields.text("default")
    allowed = fields.items("allowed")
    for line in [default] + allowed:  # noqa: RUF005 - MicroPython has no [*a]
        if not is_line(line):
            fields.wrong("allowed" if line in allowed else "default", line, 'a line setting such as "9600 8N1"')
    lines = tuple([line for line in allowed if isinstance(line, str)])
    if default not in lines:
        lines = (default,) + lines  # noqa: RUF005
    units = _range(plain.get("units", [1, 247]), 1, 247)
    if units is None:
        fields.wrong("units", plain["units"], "first and last unit id, from 1 to 247")
    return (default, lines, units or (1, 247))


def _range(value: object, least: int, most: int) -> "tuple[int, int] | None":
    """Return the list [first, last] as a tuple, None where it is none or leaves *least* to *most*."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    first, last = value
    whole = isinstance(first, int) and isinstance(last, int) and not isinstance(first, bool)
    return (first, last) if whole and least <= first <= last <= most else None


def _windows(modbus: Fields, defaults: Defaults) -> "tuple[tuple[int, int, int], ...]":
    """Return the windows as (function, first, last), of [first, last] or { first, last, function }."""
    windows = []
    for item in modbus.items("windows"):
        function, ends = defaults.function, item
        if isinstance(item, dict) and sorted(item) in (["first", "last"], ["first", "function", "last"]):
            function, ends = item.get("function", function), [item["first"], item["last"]]
        found = _range(ends, defaults.base, 0xFFFF + defaults.base)
        if found is None or function not in (3, 4):
            modbus.wrong("windows", item, "[first, last] or { first, last, function }")
            continue
        windows.append((function, found[0] - defaults.base, found[1] - defaults.base))
    return tuple(sorted(windows))


def _constants(top: Fields, defaults: Defaults) -> "tuple[Point, ...]":
    constants = Fields(top.table("constants") or {}, "constants", top.problems)
    constants.only(("ct", "vt"))
    return tuple(
        [
            read_constant(name, Fields(constants.table(name) or {}, "constants." + name, top.problems), defaults)
            for name in ("ct", "vt")
            if name in constants.plain
        ]
    )


def _octets(fields: Fields, key: str) -> bytes:
    text = fields.text(key)
    try:
        return bytes.fromhex(text)
    except ValueError:
        fields.wrong(key, text, "bytes in hexadecimal")
        return b""


def _example(fields: Fields) -> Example:
    fields.only(("request", "response", "with", "expect", "provenance", "note"))
    given = Fields(fields.table("with") or {}, fields.place("with"), fields.problems)
    given.only(("ct", "vt"))
    ratios = []
    for index in range(2):
        name = ("ct", "vt")[index]
        found = ratio(given.text(name, "1/1"))
        if found is None:
            given.wrong(name, given.plain[name], 'a ratio such as "400/5"')
        ratios.append(found or NO_RATIOS[index])
    expected = Fields(fields.table("expect") or {}, fields.place("expect"), fields.problems)
    return Example(
        _octets(fields, "request"),
        _octets(fields, "response"),
        (ratios[0], ratios[1]),
        tuple([(name, expected.text(name)) for name in sorted(expected.plain)]),
        fields.choice("provenance", PROVENANCES, "reconstructed"),
    )


def _check_readable(profile: DeviceProfile, problems: "list[Problem]") -> None:
    """Note every point of the sweep that no legal read holds."""
    for point in profile.polled():
        if not readable(profile, point):
            problems.append(
                problem(
                    "WP-PRF-010",
                    point.name,
                    "No legal read holds the registers {first} to {last}.",
                    "Let a window hold them all, within max_registers and align.",
                    first="0x%04X" % point.first,
                    last="0x%04X" % point.last,
                )
            )
