"""Reads a device profile out of the plain maps of its file, and says everything that is wrong at once."""

from gateway.core.fields import Fields, shown
from gateway.core.meter.cjt188 import GAS, WATER
from gateway.core.meter.di_point import read_di_point
from gateway.core.meter.plan import readable
from gateway.core.meter.point_reading import Defaults, read_constant, read_identity, read_point
from gateway.core.meter.profile import (
    CJT188,
    DLT645_1997,
    DLT645_2007,
    HIGH_FIRST,
    LOW_FIRST,
    MODBUS,
    PROTOCOLS,
    PROVENANCES,
    STATUSES,
    SUNSPEC,
    DeviceProfile,
    Example,
    Point,
)
from gateway.core.meter.readout_point import read_readout_point
from gateway.core.meter.sunspec import identities, marks, windows
from gateway.core.meter.sunspec_point import SUNSPEC_KEYS, read_layout, read_sunspec_point
from gateway.core.notation import line_setting
from gateway.core.problem import Problem, problem

BAUDS = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200)
DEFAULT_TIMEOUT_MS = 500  # enough for nearly every meter; a profile says less where the maker does
DI_TIMEOUT_MS = 1000  # a DL/T 645 or CJ/T 188 meter begins within 500 ms, and may pause as long between bytes
MOST_TYPE = GAS | 0x0F  # of a CJ/T 188 meter that has a readout
_KEYS = ("id", "maker", "model", "kind", "status", "protocol", "evidence", "serial", "points", "test")
_TIMING_KEYS = ("timeout_ms", "gap_ms")
_LINE_KEYS = ("transport", "function", "max_registers") + _TIMING_KEYS  # noqa: RUF005 - MicroPython has no (*a,)
_MODBUS_KEYS = ("address", "words", "align", "windows")
# The table of each protocol, what may stand in it, and what else belongs to the protocol.
_OF_PROTOCOL = {
    MODBUS: ("modbus", _LINE_KEYS + _MODBUS_KEYS, ("modbus", "constants", "identify")),
    SUNSPEC: ("sunspec", _LINE_KEYS + SUNSPEC_KEYS, ("sunspec",)),
    DLT645_2007: ("dlt645", _TIMING_KEYS, ("dlt645",)),
    DLT645_1997: ("dlt645", _TIMING_KEYS, ("dlt645",)),
    CJT188: ("cjt188", _TIMING_KEYS + ("type",), ("cjt188",)),  # noqa: RUF005 - as above
}


def is_line(text: object) -> bool:
    """Tell whether *text* is a line setting such as "9600 8N1"."""
    return line_setting(text, BAUDS) is not None


def read_profile(plain: "dict[str, object]", where: str = "") -> "tuple[DeviceProfile | None, list[Problem]]":
    """Return the profile of a plain map, or None, and all problems; *where* goes before their places."""
    problems: "list[Problem]" = []
    top = Fields(plain, "", problems)
    protocol = top.choice("protocol", PROTOCOLS, MODBUS)
    table, table_keys, tables = _OF_PROTOCOL[protocol]
    top.only(_KEYS + tables)
    identity = top.text("id")
    if not all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in identity):
        problems.append(
            problem(
                "WP-PRF-012",
                "id",
                "The id {id} has other signs than small letters, digits and -.",
                "Name it as maker-model in these signs.",
                id=shown(identity),
            )
        )
    evidence = []
    for item in top.tables("evidence"):
        item.only(("source", "page"))
        evidence.append((item.text("source", empty=True), item.text("page", "", empty=True)))
    default_line, lines, units = _serial(top)
    own = top.table(table)
    own.only(table_keys)
    by_register = protocol in (MODBUS, SUNSPEC)
    transport = (own.choices("transport", ("rtu", "tcp")) or ("rtu",)) if by_register else (protocol,)
    defaults = Defaults(
        own.number("function", 3, 4, None if protocol == MODBUS else 3),
        1 if own.choice("address", ("zero-based", "one-based"), "zero-based") == "one-based" else 0,
        own.choice("words", (HIGH_FIRST, LOW_FIRST), HIGH_FIRST),
    )
    layout = read_layout(own) if protocol == SUNSPEC else None
    kind = own.number("type", WATER, MOST_TYPE) if protocol == CJT188 else 0
    points = []
    for fields in top.tables("points", some=True):
        if protocol == MODBUS:
            points.append(read_point(fields, defaults))
        elif protocol == SUNSPEC:
            points.append(read_sunspec_point(fields, layout, defaults))
        elif protocol == CJT188:
            points.append(read_readout_point(fields, kind))
        else:
            points.append(read_di_point(fields, protocol))
    profile = DeviceProfile(
        identity,
        top.text("maker", empty=True),
        top.text("model", empty=True),
        top.text("kind", empty=True),
        top.choice("status", STATUSES),
        tuple(evidence),
        transport,
        default_line,
        lines,
        units,
        defaults.function,
        own.number("max_registers", 1, 125, 125),
        own.number("align", 1, 4, 1),
        _windows(own, defaults) if layout is None else windows(defaults.function, layout),
        own.number("timeout_ms", 10, 60000, DEFAULT_TIMEOUT_MS if by_register else DI_TIMEOUT_MS),
        own.number("gap_ms", 0, 10000, 0),
        tuple(points) + (() if layout is None else marks(layout, (3, 4))),
        _constants(top, defaults),
        tuple([read_identity(fields, defaults) for fields in top.tables("identify")])
        if layout is None
        else identities(defaults.function, layout),
        tuple([_example(fields) for fields in top.tables("test")]),
        layout,
    )
    if "tcp" not in transport or len(transport) > 1:
        top.needs("serial")
    if not problems:
        _check_readable(profile, problems)
    if where:
        problems = [one.moved(where) for one in problems]
    return (None if problems else profile, problems)


def _serial(top: Fields) -> "tuple[str, tuple[str, ...], tuple[int, int]]":
    """Return default line setting, allowed ones and the range of unit ids."""
    if "serial" not in top.plain:
        return ("", (), (0, 255))
    fields = top.table("serial")
    fields.only(("default", "allowed", "units"))
    default = fields.text("default", empty=True)
    if fields.is_table:
        _check_line(fields, "default", default)
    lines = fields.texts("allowed")
    for line in lines:
        if line:
            _check_line(fields, "allowed", line)
    if default not in lines:
        lines = (default,) + lines  # noqa: RUF005 - MicroPython has no (*a,)
    units = _range(fields.plain.get("units", [1, 247]), 1, 247)
    if units is None:
        fields.problems.append(
            problem(
                "WP-PRF-013",
                fields.place("units"),
                "{units} is no range of unit ids.",
                "Write the first and the last one, from 1 to 247: units = [1, 247]",
                units=shown(fields.plain["units"]),
            )
        )
    return (default, lines, units or (1, 247))


def _check_line(fields: Fields, key: str, text: str) -> None:
    if not is_line(text):
        fields.problems.append(
            problem(
                "WP-CFG-009",
                fields.place(key),
                "{text} is no line setting",
                'write baud rate, then data bits, parity and stop bits, as in "9600 8N1"',
                text=shown(text),
            )
        )


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
            modbus.problems.append(
                problem(
                    "WP-PRF-014",
                    modbus.place("windows"),
                    "{window} is no window of registers.",
                    "Write [first, last], or {{ first = ..., last = ..., function = 3 or 4 }}.",
                    window=shown(item),
                )
            )
            continue
        windows.append((function, found[0] - defaults.base, found[1] - defaults.base))
    return tuple(sorted(windows))


def _constants(top: Fields, defaults: Defaults) -> "tuple[Point, ...]":
    constants = top.table("constants")
    constants.only(("ct", "vt"))
    return tuple(
        [read_constant(name, constants.table(name), defaults) for name in ("ct", "vt") if name in constants.plain]
    )


def _octets(fields: Fields, key: str) -> bytes:
    text = fields.text(key, empty=True)
    try:
        return bytes.fromhex(text)
    except ValueError:
        fields.problems.append(
            problem(
                "WP-PRF-015",
                fields.place(key),
                "{text} are no bytes in hexadecimal.",
                "Write two digits for each byte, as in 01 04 00 48.",
                text=shown(text),
            )
        )
        return b""


def _example(fields: Fields) -> Example:
    fields.only(("request", "response", "with", "expect", "provenance", "note"))
    given = fields.table("with")
    given.only(("ct", "vt"))
    expected = fields.table("expect")
    return Example(
        _octets(fields, "request"),
        _octets(fields, "response"),
        (given.ratio("ct"), given.ratio("vt")),
        tuple([(name, expected.text(name, empty=True)) for name in sorted(expected.plain)]),
        fields.choice("provenance", PROVENANCES, "reconstructed"),
    )


def _check_readable(profile: DeviceProfile, problems: "list[Problem]") -> None:
    """Note every point to be read that no legal read holds."""
    for point in profile.asked():
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
