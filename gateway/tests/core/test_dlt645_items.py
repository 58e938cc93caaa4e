"""The table of data identifiers: what is asked by which number, in how many bytes."""

from gateway.core.meter.dlt645_items import _SINGLE, items_of
from gateway.core.meter.quantity import QUANTITIES


def names(di, year=2007):
    return [item.name for item in items_of(di, year)]


def shape(di, year=2007):
    return [(item.octets, item.decimals, item.unit, item.signed) for item in items_of(di, year)]


def test_energies():
    """Total, tariffs and phases of both directions have four bytes and two decimals."""
    assert names(0x00010000) == ["energy_active_import"] and shape(0x00010000) == [(4, 2, "kWh", False)]
    assert names(0x00020000) == ["energy_active_export"]
    assert names(0x00010300) == ["energy_active_import_t3"]
    assert names(0x003E0000) == ["energy_active_export_l3"]
    assert names(0x0001FF00)[:5] == ["energy_active_import"] + ["energy_active_import_t%d" % n for n in (1, 2, 3, 4)]
    assert len(names(0x0001FF00)) == 64
    assert shape(0x00000000) == [(4, 2, "kWh", True)]
    assert shape(0x00050000) == [(4, 2, "kvarh", False)]


def test_settlement_days():
    """The last byte counts settlement days back; FF is all of them."""
    assert names(0x00010001) == names(0x0001000C) == ["energy_active_import"]
    assert names(0x0001000D) == []
    assert len(names(0x000100FF)) == 13 and names(0x000100FF)[1] == "energy_active_import_settled_1"


def test_what_is_measured_now():
    """Digits and signs are those of the standard; a block holds the total first where there is one."""
    assert names(0x0201FF00) == ["voltage_l1_n", "voltage_l2_n", "voltage_l3_n"]
    assert shape(0x02010100) == [(2, 1, "V", False)]
    assert shape(0x02020300) == [(3, 3, "A", True)]
    assert names(0x0203FF00) == ["active_power_total", "active_power_l1", "active_power_l2", "active_power_l3"]
    assert shape(0x02030000) == [(3, 4, "kW", True)]
    assert names(0x02060200) == ["power_factor_l2"] and shape(0x02060200) == [(2, 3, "1", True)]
    assert shape(0x02800002) == [(2, 2, "Hz", False)]
    assert names(0x02010000) == names(0x02010400) == []


def test_freezes():
    """Timed, hourly and daily freezes have a time and energies; daily ones with tariffs."""
    assert names(0x05040001) == names(0x05060001) == names(0x05000001) == ["freeze_time_yymmddhhmm"]
    assert shape(0x05040001)[0][0] == 5
    assert names(0x05040101) == ["energy_active_import"]
    assert names(0x05040201) == ["energy_active_export"]
    assert names(0x05060101)[:2] == ["energy_active_import", "energy_active_import_t1"]
    assert names(0x05060901)[0] == "active_power_demand_max"
    assert names(0x05061001)[4] == "reactive_power_total"
    assert names(0x05040100) == names(0x050401FF) == names(0x05050101) == []


def test_demands():
    """A greatest demand comes with the time at which it was."""
    assert [item.octets for item in items_of(0x01010000)] == [3, 5]
    assert names(0x01020000)[0] == "active_power_demand_max_export"


def test_1997():
    """In 1997 voltages are whole volts, currents have two decimals, and identifiers two bytes."""
    assert names(0x9010, 1997) == ["energy_active_import"] and shape(0x9010, 1997) == [(4, 2, "kWh", False)]
    assert names(0x9012, 1997) == ["energy_active_import_t2"]
    assert names(0x9020, 1997) == ["energy_active_export"]
    assert names(0x901F, 1997)[:2] == ["energy_active_import", "energy_active_import_t1"]
    assert shape(0xB611, 1997) == [(2, 0, "V", False)]
    assert shape(0xB622, 1997) == [(2, 2, "A", False)]
    assert names(0xB630, 1997) == ["active_power_total"] and names(0xB633, 1997) == ["active_power_l3"]
    assert names(0xB640, 1997) == ["reactive_power_total"] and shape(0xB640, 1997) == [(2, 2, "kvar", False)]
    assert names(0xC032, 1997) == ["meter_number"]
    assert names(0x9A10, 1997) == names(0xB600, 1997) == names(0x1234, 1997) == []


def test_units_of_quantities():
    """Where a name is a quantity of the closed table, its unit is one of that quantity."""
    for di in sorted(_SINGLE) + [0x0001FF00, 0x0002FF00, 0x0203FF00, 0x0204FF00, 0x0205FF00, 0x0201FF00, 0x0202FF00]:
        for item in items_of(di):
            if item.name in QUANTITIES:
                assert QUANTITIES[item.name].unit in (item.unit, item.unit[1:]), item.name


def rows(di, year=2007):
    return [tuple(item) for item in items_of(di, year)]


def test_single_identifiers_are_those_of_the_annex():
    """Each single identifier of annex A.2 to A.5 has its bytes, decimals, unit and form."""
    for di, octets, decimals, unit, form, signed in (
        (0x00900200, 4, 2, "kWh", "number", False),
        (0x02800001, 3, 3, "A", "number", True),
        (0x02800002, 2, 2, "Hz", "number", False),
        (0x02800003, 3, 4, "kW", "number", True),
        (0x02800004, 3, 4, "kW", "number", True),
        (0x02800005, 3, 4, "kvar", "number", True),
        (0x02800006, 3, 4, "kVA", "number", False),
        (0x02800007, 2, 1, "degC", "number", True),
        (0x02800008, 2, 2, "V", "number", False),
        (0x02800009, 2, 2, "V", "number", False),
        (0x0280000A, 4, 0, "min", "number", False),
        (0x04000101, 4, 0, "", "digits", False),
        (0x04000102, 3, 0, "", "digits", False),
        (0x04000103, 1, 0, "min", "number", False),
        (0x04000401, 6, 0, "", "digits", False),
        (0x04000402, 6, 0, "", "digits", False),
        (0x04000409, 3, 0, "imp/kWh", "number", False),
        (0x0400040A, 3, 0, "imp/kvarh", "number", False),
        (0x0400040B, 10, 0, "", "text", False),
        (0x0400040C, 10, 0, "", "text", False),
        (0x0400040D, 16, 0, "", "text", False),
        (0x04000601, 1, 0, "", "hex", False),
        (0x04000602, 1, 0, "", "hex", False),
        (0x04000603, 1, 0, "", "hex", False),
        (0x04000703, 1, 0, "", "hex", False),
        (0x04000901, 1, 0, "", "hex", False),
        (0x04000902, 1, 0, "", "hex", False),
        (0x04001201, 5, 0, "", "digits", False),
        (0x04001202, 1, 0, "min", "number", False),
        (0x04001203, 2, 0, "", "digits", False),
    ):
        assert [row[1:] for row in rows(di)] == [(octets, decimals, unit, form, signed)], hex(di)
    assert names(0x00900200) == ["energy_remaining"] and names(0x04000401) == ["meter_address"]
    for word in range(1, 8):
        assert rows(0x04000500 + word) == [("status_word_%d" % word, 2, 0, "", "hex", False)]
    for di in (0x04000500, 0x04000508, 0x04000100, 0x0280000B, 0x04000604, 0x04001204, 0x00900100, 0x04010501):
        assert rows(di) == [], hex(di)


def test_energies_of_both_directions_quadrants_and_phases():
    """Only the combined energies carry a sign; every one has total, 63 tariffs and 12 settlement days."""
    for di2, name, unit, signed in (
        (0x00, "energy_active_combined", "kWh", True),
        (0x01, "energy_active_import", "kWh", False),
        (0x02, "energy_active_export", "kWh", False),
        (0x03, "energy_reactive_combined_1", "kvarh", True),
        (0x04, "energy_reactive_combined_2", "kvarh", True),
        (0x05, "energy_reactive_q1", "kvarh", False),
        (0x06, "energy_reactive_q2", "kvarh", False),
        (0x07, "energy_reactive_q3", "kvarh", False),
        (0x08, "energy_reactive_q4", "kvarh", False),
        (0x09, "energy_apparent", "kVAh", False),
        (0x0A, "energy_apparent_export", "kVAh", False),
        (0x15, "energy_active_import_l1", "kWh", False),
        (0x16, "energy_active_export_l1", "kWh", False),
        (0x29, "energy_active_import_l2", "kWh", False),
        (0x2A, "energy_active_export_l2", "kWh", False),
        (0x3D, "energy_active_import_l3", "kWh", False),
        (0x3E, "energy_active_export_l3", "kWh", False),
    ):
        total = (4, 2, unit, "number", signed)
        assert rows(di2 << 16) == rows(di2 << 16 | 0x0C) == [(name,) + total]
        assert rows(di2 << 16 | 0x3F00) == [(name + "_t63",) + total]
        assert rows(di2 << 16 | 0xFF00)[1:] == [(name + "_t%d" % number,) + total for number in range(1, 64)]
        assert rows(di2 << 16 | 0xFF) == [(name,) + total] + [
            (name + "_settled_%d" % day,) + total for day in range(1, 13)
        ]
        assert rows(di2 << 16 | 0x4000) == rows(di2 << 16 | 0x0D) == rows(di2 << 16 | 0xFFFF) == []
    for di2 in (0x0B, 0x14, 0x17, 0x28, 0x2B, 0x3C, 0x3F, 0xFF):
        assert rows(di2 << 16) == []


def test_what_is_measured_now_by_table():
    """Voltages, currents and the like have no total; powers and factors do; a block holds all of them in order."""
    phases = ("l1", "l2", "l3")
    for di2, name, octets, decimals, unit, signed, totalled in (
        (0x01, "voltage_%s_n", 2, 1, "V", False, False),
        (0x02, "current_%s", 3, 3, "A", True, False),
        (0x03, "active_power_%s", 3, 4, "kW", True, True),
        (0x04, "reactive_power_%s", 3, 4, "kvar", True, True),
        (0x05, "apparent_power_%s", 3, 4, "kVA", False, True),
        (0x06, "power_factor_%s", 2, 3, "1", True, True),
        (0x07, "phase_angle_%s", 2, 1, "deg", False, False),
        (0x08, "voltage_thd_%s", 2, 2, "%", False, False),
        (0x09, "current_thd_%s", 2, 2, "%", False, False),
    ):
        di = 0x02000000 | di2 << 16
        each = [(name % place, octets, decimals, unit, "number", signed) for place in ("total",) + phases]
        assert rows(di) == (each[:1] if totalled else [])
        for number in (1, 2, 3):
            assert rows(di | number << 8) == [each[number]]
        assert rows(di | 0xFF00) == (each if totalled else each[1:])
        assert rows(di | 0x0400) == rows(di | 0x0101) == []
    assert rows(0x02000100) == rows(0x020A0100) == []


def test_demands_and_counters():
    """A demand has XX.XXXX kW and YYMMDDhhmm for now and twelve settlement days; an event counter has three bytes."""
    for di2, suffix in ((0x01, ""), (0x02, "_export")):
        demand = [
            ("active_power_demand_max" + suffix, 3, 4, "kW", "number", False),
            ("active_power_demand_max%s_yymmddhhmm" % suffix, 5, 0, "", "digits", False),
        ]
        assert rows(0x01000000 | di2 << 16) == rows(0x0100000C | di2 << 16) == demand
        assert rows(0x0100000D | di2 << 16) == rows(0x01000100 | di2 << 16) == []
    assert rows(0x01000000) == rows(0x01030000) == []
    counter = [("event_count", 3, 0, "", "number", False)]
    assert rows(0x03300D00) == rows(0x03300000) == rows(0x1D000001) == rows(0x1D010001) == counter
    assert rows(0x03300D01) == rows(0x03310000) == rows(0x1D000002) == rows(0x1D000101) == rows(0x1E000001) == []
    assert rows(0x1D000000) == []


def test_freezes_by_item():
    """Each kind of freeze holds its time, the eight energies, demands and powers; an hourly one totals alone."""
    energies = [items_of(number << 16)[0] for number in range(1, 9)]
    for di2 in (0x00, 0x01, 0x02, 0x03, 0x04, 0x06):
        base = 0x05000000 | di2 << 16
        for di0 in (1, 2, 0xFE):
            assert rows(base | di0) == [("freeze_time_yymmddhhmm", 5, 0, "", "digits", False)]
        for number in range(1, 9):
            frozen = items_of(base | number << 8 | 1)
            assert frozen[0] == energies[number - 1] and len(frozen) == (1 if di2 == 0x04 else 64)
        hourly = di2 == 0x04
        assert rows(base | 0x0901) == ([] if hourly else rows(0x01010000))
        assert rows(base | 0x0A01) == ([] if hourly else rows(0x01020000))
        assert rows(base | 0x1001) == ([] if hourly else rows(0x0203FF00) + rows(0x0204FF00))
        for odd in (0x0B01, 0x0F01, 0x1101, 0x0100, 0x01FF, 0x0000):
            assert rows(base | odd) == [], hex(base | odd)
    assert rows(0x05050001) == rows(0x05070001) == []


def test_1997_by_table():
    """The identifiers of 1997, two bytes each: energies with 14 tariffs, whole volts, and no signs."""
    for di, name, unit in (
        (0x9010, "energy_active_import", "kWh"),
        (0x9020, "energy_active_export", "kWh"),
        (0x9110, "energy_reactive_import", "kvarh"),
        (0x9120, "energy_reactive_export", "kvarh"),
    ):
        value = (4, 2, unit, "number", False)
        assert rows(di, 1997) == [(name,) + value]
        assert rows(di | 0xE, 1997) == [(name + "_t14",) + value]
        assert rows(di | 0xF, 1997) == [(name,) + value] + [
            (name + "_t%d" % number,) + value for number in range(1, 15)
        ]
    for di, name, octets, decimals, unit, first in (
        (0xB610, "voltage_%s_n", 2, 0, "V", 1),
        (0xB620, "current_%s", 2, 2, "A", 1),
        (0xB630, "active_power_%s", 3, 4, "kW", 0),
        (0xB640, "reactive_power_%s", 2, 2, "kvar", 0),
        (0xB650, "power_factor_%s", 2, 3, "1", 0),
    ):
        places = ("total", "l1", "l2", "l3")
        each = [(name % place, octets, decimals, unit, "number", False) for place in places]
        for number in range(4):
            assert rows(di | number, 1997) == each[number : number + 1] * (number >= first)
        assert rows(di | 0xF, 1997) == each[first:] and rows(di | 4, 1997) == []
    for di, name, octets in (
        (0xC010, "date_yymmddww", 4), (0xC011, "time_hhmmss", 3), (0xC032, "meter_number", 6),
        (0xC033, "user_number", 6), (0xC034, "device_code", 6),
    ):  # fmt: skip
        assert rows(di, 1997) == [(name, octets, 0, "", "digits", False)]
    for di in (0x8010, 0x9000, 0x9030, 0x9210, 0xA010, 0xB600, 0xB660, 0xB710, 0xC012, 0xC031, 0xC035):
        assert rows(di, 1997) == [], hex(di)
    assert rows(0x9010) == rows(0xC010) == []


def test_counts_of_events():
    """Events of the meter are counted in three bytes; what belongs to them is not in the table."""
    assert names(0x03300000) == names(0x1D010001) == ["event_count"]
    assert shape(0x03300000) == [(3, 0, "", False)]
    assert names(0x03310000) == names(0x03300001) == names(0x1D010101) == names(0x1D010002) == []


def test_what_no_freeze_holds():
    """Hourly freezes have no demands and no measured values; other groups of a freeze are none."""
    assert names(0x05040901) == names(0x05041001) == names(0x05061101) == names(0x0506FF01) == []
