"""What DL/T 645 meters answer to which data identifier (DI): quantity, bytes, digits behind the point, unit, sign.

The tables are those of DL/T 645-2007, annex A, and of DL/T 645-1997; both stand here by rule rather than by line,
because phases, tariffs, past days and freezes repeat one scheme. A name that is no quantity of the closed table is a
status that no account uses. Which direction "combined" energies count is a setting of the meter, so they are none.
"""

from collections import namedtuple

NUMBER = "number"  # BCD digits
DIGITS = "digits"  # BCD digits that are no amount: dates, numbers of meters
HEX = "hex"  # bits
TEXT = "text"

MOST_TARIFFS = 63
SETTLEMENTS = 12  # last settlement days that a meter remembers
_TOTAL_AND_PHASES = ("total", "l1", "l2", "l3")
_ENERGIES = {
    0x00: ("energy_active_combined", "kWh", True),
    0x01: ("energy_active_import", "kWh", False),
    0x02: ("energy_active_export", "kWh", False),
    0x03: ("energy_reactive_combined_1", "kvarh", True),
    0x04: ("energy_reactive_combined_2", "kvarh", True),
    0x05: ("energy_reactive_q1", "kvarh", False),
    0x06: ("energy_reactive_q2", "kvarh", False),
    0x07: ("energy_reactive_q3", "kvarh", False),
    0x08: ("energy_reactive_q4", "kvarh", False),
    0x09: ("energy_apparent", "kVAh", False),
    0x0A: ("energy_apparent_export", "kVAh", False),
    0x15: ("energy_active_import_l1", "kWh", False),
    0x16: ("energy_active_export_l1", "kWh", False),
    0x29: ("energy_active_import_l2", "kWh", False),
    0x2A: ("energy_active_export_l2", "kWh", False),
    0x3D: ("energy_active_import_l3", "kWh", False),
    0x3E: ("energy_active_export_l3", "kWh", False),
}
# What is measured now, by DI2 of 02 DI2 DI1 00: (name, bytes, decimals, unit, signed), and whether a total exists.
_PRESENT = {
    0x01: ("voltage_%s_n", 2, 1, "V", False, False),
    0x02: ("current_%s", 3, 3, "A", True, False),
    0x03: ("active_power_%s", 3, 4, "kW", True, True),
    0x04: ("reactive_power_%s", 3, 4, "kvar", True, True),
    0x05: ("apparent_power_%s", 3, 4, "kVA", False, True),
    0x06: ("power_factor_%s", 2, 3, "1", True, True),
    0x07: ("phase_angle_%s", 2, 1, "deg", False, False),
    0x08: ("voltage_thd_%s", 2, 2, "%", False, False),
    0x09: ("current_thd_%s", 2, 2, "%", False, False),
}
_PRESENT_1997 = {
    0x1: ("voltage_%s_n", 2, 0, "V", False, False),
    0x2: ("current_%s", 2, 2, "A", False, False),
    0x3: ("active_power_%s", 3, 4, "kW", False, True),
    0x4: ("reactive_power_%s", 2, 2, "kvar", False, True),
    0x5: ("power_factor_%s", 2, 3, "1", False, True),
}
_ENERGIES_1997 = {
    (0x0, 0x1): ("energy_active_import", "kWh"),
    (0x0, 0x2): ("energy_active_export", "kWh"),
    (0x1, 0x1): ("energy_reactive_import", "kvarh"),
    (0x1, 0x2): ("energy_reactive_export", "kvarh"),
}


class Item(namedtuple("Item", ("name", "octets", "decimals", "unit", "form", "signed"))):
    """One value in an answer. signed: the highest bit of its highest byte says minus, by the direction of energy."""

    __slots__ = ()
    name: str
    octets: int
    decimals: int
    unit: str
    form: str
    signed: bool


def _digits(name: str, octets: int) -> Item:
    return Item(name, octets, 0, "", DIGITS, False)


_SINGLE = {
    0x00900200: Item("energy_remaining", 4, 2, "kWh", NUMBER, False),
    0x02800001: Item("current_n", 3, 3, "A", NUMBER, True),
    0x02800002: Item("frequency", 2, 2, "Hz", NUMBER, False),
    0x02800003: Item("active_power_average", 3, 4, "kW", NUMBER, True),
    0x02800004: Item("active_power_demand", 3, 4, "kW", NUMBER, True),
    0x02800005: Item("reactive_power_demand", 3, 4, "kvar", NUMBER, True),
    0x02800006: Item("apparent_power_demand", 3, 4, "kVA", NUMBER, False),
    0x02800007: Item("temperature", 2, 1, "degC", NUMBER, True),
    0x02800008: Item("clock_battery_voltage", 2, 2, "V", NUMBER, False),
    0x02800009: Item("reading_battery_voltage", 2, 2, "V", NUMBER, False),
    0x0280000A: Item("clock_battery_minutes", 4, 0, "min", NUMBER, False),
    0x04000101: _digits("date_yymmddww", 4),
    0x04000102: _digits("time_hhmmss", 3),
    0x04000103: Item("demand_period", 1, 0, "min", NUMBER, False),
    0x04000401: _digits("meter_address", 6),
    0x04000402: _digits("meter_number", 6),
    0x04000409: Item("active_constant", 3, 0, "imp/kWh", NUMBER, False),
    0x0400040A: Item("reactive_constant", 3, 0, "imp/kvarh", NUMBER, False),
    0x0400040B: Item("meter_model", 10, 0, "", TEXT, False),
    0x0400040C: Item("factory_date", 10, 0, "", TEXT, False),
    0x0400040D: Item("protocol_version", 16, 0, "", TEXT, False),
    0x04000601: Item("active_combination_word", 1, 0, "", HEX, False),
    0x04000602: Item("reactive_combination_word_1", 1, 0, "", HEX, False),
    0x04000603: Item("reactive_combination_word_2", 1, 0, "", HEX, False),
    0x04000703: Item("baud_word", 1, 0, "", HEX, False),
    0x04000901: Item("load_record_mode", 1, 0, "", HEX, False),
    0x04000902: Item("freeze_mode", 1, 0, "", HEX, False),
    0x04001201: _digits("hourly_freeze_start_yymmddhhmm", 5),
    0x04001202: Item("hourly_freeze_interval", 1, 0, "min", NUMBER, False),
    0x04001203: _digits("daily_freeze_time_hhmm", 2),
}
_SINGLE_1997 = {
    0xC010: _digits("date_yymmddww", 4),
    0xC011: _digits("time_hhmmss", 3),
    0xC032: _digits("meter_number", 6),
    0xC033: _digits("user_number", 6),
    0xC034: _digits("device_code", 6),
}
# Freezes by DI2 of 05 DI2 DI1 DI0: timed, at once, scheduled, hourly, daily.
_FREEZES = (0x00, 0x01, 0x02, 0x03, 0x04, 0x06)


def items_of(di: int, year: int = 2007) -> "tuple[Item, ...]":
    """Return what an answer to *di* may hold, in order; () for what is not in the tables.

    A block may end early: a meter leaves out tariffs and past days that it does not have.
    """
    if year == 1997:
        return _items_1997(di)
    if di in _SINGLE:
        return (_SINGLE[di],)
    group, di2, di1, di0 = di >> 24, di >> 16 & 0xFF, di >> 8 & 0xFF, di & 0xFF
    if group == 0x00 and di2 in _ENERGIES:
        return _settled(_energy(di2, di1), di0)
    if group == 0x01 and di2 in (0x01, 0x02) and di1 == 0 and di0 <= SETTLEMENTS:
        return _demand("" if di2 == 0x01 else "_export")
    if group == 0x02 and di2 in _PRESENT and di0 == 0:
        return _present(_PRESENT[di2], di1, 0xFF)
    if group == 0x05 and di2 in _FREEZES and 0 < di0 < 0xFF:
        return _frozen(di2, di1)
    if di >> 8 == 0x040005 and 1 <= di0 <= 7:
        return (Item("status_word_%d" % di0, 2, 0, "", HEX, False),)
    if (group == 0x03 and di2 == 0x30 and di0 == 0) or (group == 0x1D and di1 == 0 and di0 == 1):
        return (Item("event_count", 3, 0, "", NUMBER, False),)
    return ()


def _tariffs(name: str, unit: str, signed: bool, first: int, count: int) -> "tuple[Item, ...]":
    """Return energies from tariff *first* on; tariff 0 is the total."""
    found = []
    for tariff in range(first, first + count):
        found.append(Item(name + ("_t%d" % tariff if tariff else ""), 4, 2, unit, NUMBER, signed))
    return tuple(found)


def _energy(di2: int, di1: int) -> "tuple[Item, ...]":
    name, unit, signed = _ENERGIES[di2]
    if di1 == 0xFF:
        return _tariffs(name, unit, signed, 0, 1 + MOST_TARIFFS)
    return _tariffs(name, unit, signed, di1, 1) if di1 <= MOST_TARIFFS else ()


def _settled(items: "tuple[Item, ...]", di0: int) -> "tuple[Item, ...]":
    """Return *items* as of now (DI0 00) or of one settlement day, or a single one as of now and all days (DI0 FF)."""
    if di0 == 0xFF and len(items) == 1:
        one = items[0]
        past = [(one.name + "_settled_%d" % number,) + one[1:] for number in range(1, 1 + SETTLEMENTS)]  # noqa: RUF005
        return items + tuple([Item(*fields) for fields in past])
    return items if di0 <= SETTLEMENTS else ()


def _demand(suffix: str) -> "tuple[Item, ...]":
    return (
        Item("active_power_demand_max" + suffix, 3, 4, "kW", NUMBER, False),
        _digits("active_power_demand_max%s_yymmddhhmm" % suffix, 5),
    )


def _present(rule: "tuple[str, int, int, str, bool, bool]", place: int, block: int) -> "tuple[Item, ...]":
    """Return what is measured now at *place*: 0 the total, 1 to 3 the phases, *block* all of them."""
    name, octets, decimals, unit, signed, totalled = rule
    least = 0 if totalled else 1
    if place != block and not least <= place <= 3:
        return ()
    found = []
    for number in range(least, 4) if place == block else (place,):
        found.append(Item(name % _TOTAL_AND_PHASES[number], octets, decimals, unit, NUMBER, signed))
    return tuple(found)


def _frozen(di2: int, di1: int) -> "tuple[Item, ...]":
    """Return what was frozen: its time, an energy (with tariffs unless hourly), demands, or what was measured."""
    if di1 == 0x00:
        return (_digits("freeze_time_yymmddhhmm", 5),)
    if 0x01 <= di1 <= 0x08:
        name, unit, signed = _ENERGIES[di1]
        return _tariffs(name, unit, signed, 0, 1 if di2 == 0x04 else 1 + MOST_TARIFFS)
    if di1 in (0x09, 0x0A) and di2 != 0x04:
        return _demand("" if di1 == 0x09 else "_export")
    if di1 == 0x10 and di2 != 0x04:
        return _present(_PRESENT[0x03], 0xFF, 0xFF) + _present(_PRESENT[0x04], 0xFF, 0xFF)
    return ()


def _items_1997(di: int) -> "tuple[Item, ...]":
    if di in _SINGLE_1997:
        return (_SINGLE_1997[di],)
    di1, rest = di >> 8, (di >> 4 & 0xF, di & 0xF)
    if di1 >> 4 == 0x9 and di1 & 0xF in (0x0, 0x1) and (di1 & 0xF, rest[0]) in _ENERGIES_1997:
        name, unit = _ENERGIES_1997[(di1 & 0xF, rest[0])]
        return _tariffs(name, unit, False, 0, 15) if rest[1] == 0xF else _tariffs(name, unit, False, rest[1], 1)
    if di1 == 0xB6 and rest[0] in _PRESENT_1997:
        return _present(_PRESENT_1997[rest[0]], rest[1], 0xF)
    return ()
