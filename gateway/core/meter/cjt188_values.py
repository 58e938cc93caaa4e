"""Takes the readout of a CJ/T 188 meter apart: figures, each with the unit that the meter names, and all else in it.

Some makers put the units before the figures. A figure is believed only in a unit that measures what it is.
"""

from collections import namedtuple

from gateway.core.meter.bcd import digits_of
from gateway.core.meter.cjt188 import ANSWERED_BYTES, GAS, HEAT, WATER, Frame, text_of
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.profile import Point
from gateway.core.reading import DIGITS, FRAMING, LONG, SHORT, WRONG_FUNCTION, WRONG_UNIT

ENERGY, POWER, VOLUME, FLOW = "energy", "power", "volume", "flow"
# Unit codes of CJ/T 188-2004, as (dimension, unit, power of ten towards it).
UNITS = {
    0x01: (ENERGY, "J", 0), 0x02: (ENERGY, "Wh", 0), 0x05: (ENERGY, "kWh", 0), 0x08: (ENERGY, "MWh", 0),
    0x0A: (ENERGY, "MWh", 2), 0x0B: (ENERGY, "kJ", 0), 0x0E: (ENERGY, "MJ", 0), 0x11: (ENERGY, "GJ", 0),
    0x13: (ENERGY, "GJ", 2), 0x14: (POWER, "W", 0), 0x17: (POWER, "kW", 0), 0x1A: (POWER, "MW", 0),
    0x29: (VOLUME, "l", 0), 0x2C: (VOLUME, "m3", 0), 0x32: (FLOW, "l/h", 0), 0x35: (FLOW, "m3/h", 0),
}  # fmt: skip
# What a meter puts that the profile states nothing of; any unit of the dimension would do.
_USUAL = {ENERGY: 0x05, POWER: 0x17, VOLUME: 0x2C, FLOW: 0x35}
_BYTE = 256


class Item(namedtuple("Item", ("name", "octets", "decimals", "measures"))):
    """One value of a readout.

    measures: the dimension of which a byte beside it names the unit, else the unit itself. decimals: None for what has
    none, and for the flow, whose decimals every maker chooses.
    """

    __slots__ = ()
    name: str
    octets: int
    decimals: "int | None"
    measures: str

    @property
    def united(self) -> bool:
        """Whether the readout names its unit."""
        return self.measures in _USUAL

    @property
    def registers(self) -> int:
        """How many registers of 16 bits hold it."""
        return (self.octets + 1) // 2


class Figure(namedtuple("Figure", ("name", "mantissa", "exponent", "unit", "text"))):
    """One value of a readout: mantissa * 10**exponent in unit; or text, where it is no amount (mantissa is None)."""

    __slots__ = ()
    name: str
    mantissa: "int | None"
    exponent: int
    unit: str
    text: "str | None"


STATUS = "status_word"
_END = (Item("time_yyyymmddhhmmss", 7, None, ""), Item(STATUS, 2, None, ""))
_VOLUMES = (Item("volume", 4, 2, VOLUME), Item("volume_settled", 4, 2, VOLUME), _END[0], _END[1])
_HEATS = (
    Item("energy_settled", 4, 2, ENERGY), Item("energy", 4, 2, ENERGY), Item("power", 4, 2, POWER),
    Item("flow", 4, None, FLOW), Item("volume", 4, 2, VOLUME), Item("temperature_supply", 3, 2, "degC"),
    Item("temperature_return", 3, 2, "degC"), Item("operating_hours", 3, 0, "h"), _END[0], _END[1],
)  # fmt: skip
_ITEMS = {WATER: _VOLUMES, HEAT: _HEATS, GAS: _VOLUMES}
_MEDIA = {WATER: "water", HEAT: "heat", GAS: "gas"}


def items_of(kind: int) -> "tuple[Item, ...]":
    """Return what the readout of a meter of the type *kind* holds, in order; () where it has none."""
    return _ITEMS.get(kind & 0xF0, ())


def unit_code(unit: str, dimension: str) -> "int | None":
    """Return the code of *unit*, None where it is no unit of *dimension*."""
    found = [code for code in UNITS if UNITS[code] == (dimension, unit, 0)]
    return found[0] if found else None


def readout_bytes(kind: int) -> int:
    """Return the length of the readout itself."""
    return sum([item.octets + item.united for item in items_of(kind)])


def answer_bytes(kind: int) -> int:
    """Return the length of the answer of a meter of the type *kind*, without wake bytes."""
    return ANSWERED_BYTES + readout_bytes(kind)


def register_count(kind: int) -> int:
    """Return how many registers a whole readout fills, each value in whole ones."""
    return sum([item.registers for item in items_of(kind)])


def parts(readout: Frame) -> "list[tuple[Item, bytes, int | None]]":
    """Return every value of *readout* with its bytes and unit code; raises FrameFault where it is no such readout."""
    items, octets = items_of(readout.kind), readout.octets
    if not items:
        raise FrameFault(WRONG_UNIT, "type %02x is no meter of water, heat or gas" % readout.kind)
    wanted = readout_bytes(readout.kind)
    if len(octets) != wanted:
        raise FrameFault(SHORT if len(octets) < wanted else LONG, "%d bytes of a readout of %d" % (len(octets), wanted))
    unit_first = _unit_first(items, octets)
    found: "list[tuple[Item, bytes, int | None]]" = []
    at = 0
    for item in items:
        begin, end = at + (item.united and unit_first), at + item.octets + (item.united and unit_first)
        code = octets[at if unit_first else end] if item.united else None
        found.append((item, octets[begin:end], code))
        at += item.octets + item.united
    return found


def _unit_first(items: "tuple[Item, ...]", octets: bytes) -> bool:
    """Tell whether each unit stands before its figure; raises FrameFault where it stands on neither side."""
    united = [item for item in items if item.united]  # they stand before all others, and are equally long
    width = united[0].octets + 1
    for first in (False, True):
        codes = [octets[width * place + (0 if first else width - 1)] for place in range(len(united))]
        if [UNITS.get(code, ("",))[0] for code in codes] == [item.measures for item in united]:
            return first
    codes = [octets[width * place + width - 1] for place in range(len(united))]
    raise FrameFault(FRAMING, "unit codes %s" % " ".join(["%02x" % code for code in codes]))


def _digits(name: str, octets: bytes) -> "tuple[str, int]":
    text = text_of(octets)
    number = digits_of(int(text, 16), len(octets))
    if number is None:
        raise FrameFault(DIGITS, "%s %s" % (name, text))
    return (text, number)


def figures_of(readout: Frame) -> "tuple[Figure, ...]":
    """Return every figure of an answered readout; raises FrameFault where a length, unit or digit is wrong."""
    found, medium = [], readout.kind & 0xF0
    for item, octets, code in parts(readout):
        unit = item.measures if code is None else UNITS[code][1]
        name = item.name
        if item.united and item.measures != FLOW and (medium != HEAT or item.measures != VOLUME):
            name = "%s_%s" % (item.name, _MEDIA[medium])
        if item.name == STATUS:
            found.append(Figure(name, None, 0, unit, text_of(octets)))
        elif item.decimals is None:
            shown = name + "_digits" if item.united else name
            found.append(Figure(shown, None, 0, unit, _digits(shown, octets)[0]))
        elif octets == b"\xff" * len(octets):
            found.append(Figure(name, None, 0, unit, None))
        else:
            exponent = (0 if code is None else UNITS[code][2]) - item.decimals
            found.append(Figure(name, _digits(name, octets)[1], exponent, unit, None))
    return tuple(found)


def stated_units(points: "tuple[Point, ...]") -> "tuple[tuple[int, str], ...]":
    """Return the place in registers and the unit of what a profile wants of a readout."""
    return tuple([(point.address % _BYTE, point.unit) for point in points])


def registers(readout: Frame, count: int, stated: "tuple[tuple[int, str], ...]") -> "tuple[int, ...]":
    """Return a readout as *count* registers, each value in whole ones, highest digits first.

    Raises FrameFault where one that is *stated* has another unit, or a digit that is none.
    """
    words: "list[int]" = []
    units = dict(stated)
    for item, octets, code in parts(readout):
        if len(words) in units:
            wanted = unit_code(units[len(words)], item.measures) if code is not None else None
            if code != wanted:
                assert code is not None
                detail = "%s in unit %02x (%s), stated is %s" % (item.name, code, _shown(code), units[len(words)])
                raise FrameFault(WRONG_FUNCTION, detail)
            if item.name != STATUS and octets != b"\xff" * len(octets):
                _digits(item.name, octets)
        whole = bytes(reversed(octets + b"\0" * (len(octets) % 2)))
        words += [whole[at] << 8 | whole[at + 1] for at in range(0, len(whole), 2)]
    return tuple(words[:count])


def _shown(code: int) -> str:
    _, unit, ten = UNITS[code]
    return "%d %s" % (10**ten, unit) if ten else unit


def readout_of(kind: int, words: "tuple[int, ...]", stated: "tuple[tuple[int, str], ...]") -> bytes:
    """Return the readout that holds *words*, its figures in the units that are *stated*; as a meter would send it."""
    found, place, units = b"", 0, dict(stated)
    for item in items_of(kind):
        own = words[place : place + item.registers]
        whole = b"".join([bytes((word >> 8, word & 0xFF)) for word in own])
        found += bytes(reversed(whole))[: item.octets]
        if item.united:
            code = unit_code(units[place], item.measures) if place in units else None
            found += bytes((_USUAL[item.measures] if code is None else code,))
        place += item.registers
    return found
