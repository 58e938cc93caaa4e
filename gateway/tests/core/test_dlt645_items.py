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
