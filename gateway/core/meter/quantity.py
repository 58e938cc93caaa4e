"""Quantity: the closed table of what a meter can measure.

A profile that names anything else is refused, so two meters can always be compared.
OBIS codes are those of IEC 62056-61 / DL/T 698 usage for electricity (medium 1).
"""

from collections import namedtuple

# The step at which a reading is recorded, in units of account: as fine as a park is judged by, no finer.
_RECORDED_STEPS = {
    "mV": 100,
    "mA": 10,
    "W": 1,
    "var": 1,
    "VA": 1,
    "0.001": 1,
    "0.01 deg": 10,
    "mHz": 10,
    "Wh": 1,
    "varh": 1,
    "VAh": 1,
    "0.1 %": 1,
    "0.1 degC": 1,
    "l": 1,
    "l/h": 1,
}


class Quantity(
    namedtuple("Quantity", ("name", "obis", "unit", "account_unit", "account_exponent", "cumulative", "recorded_step"))
):
    """One measurable thing.

    unit: the unit in which people and profiles state it ("kWh").
    account_unit: the unit of the whole numbers we account in ("Wh").
    account_exponent: how many powers of ten from unit to account_unit (kWh to Wh: 3).
    cumulative: a register that only grows.
    recorded_step: the step, in account units, at which a reading is recorded for the journal (voltage: 100 mV).
    """

    __slots__ = ()
    name: str
    obis: str
    unit: str
    account_unit: str
    account_exponent: int
    cumulative: bool
    recorded_step: int


def _table() -> "dict[str, Quantity]":
    table: "dict[str, Quantity]" = {}

    def add(name: str, obis: str, unit: str, account_unit: str, exponent: int, cumulative: bool = False) -> None:
        step = _RECORDED_STEPS[account_unit]
        table[name] = Quantity(name, obis, unit, account_unit, exponent, cumulative, step)

    for phase, group in (("l1", 20), ("l2", 40), ("l3", 60)):
        add("voltage_%s_n" % phase, "%d.7.0" % (group + 12), "V", "mV", 3)
        add("current_%s" % phase, "%d.7.0" % (group + 11), "A", "mA", 3)
        add("active_power_%s" % phase, "%d.7.0" % (group + 1), "W", "W", 0)
        add("reactive_power_%s" % phase, "%d.7.0" % (group + 3), "var", "var", 0)
        add("apparent_power_%s" % phase, "%d.7.0" % (group + 9), "VA", "VA", 0)
        add("power_factor_%s" % phase, "%d.7.0" % (group + 13), "1", "0.001", 3)
        add("energy_active_import_%s" % phase, "%d.8.0" % (group + 1), "kWh", "Wh", 3, True)
        add("energy_active_export_%s" % phase, "%d.8.0" % (group + 2), "kWh", "Wh", 3, True)
    for name in ("voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1", "voltage_ll_average", "voltage_ln_average"):
        add(name, "", "V", "mV", 3)
    for name in ("current_n", "current_average", "current_total"):
        add(name, "", "A", "mA", 3)
    add("active_power_total", "16.7.0", "W", "W", 0)
    add("reactive_power_total", "131.7.0", "var", "var", 0)
    add("apparent_power_total", "9.7.0", "VA", "VA", 0)
    add("power_factor_total", "13.7.0", "1", "0.001", 3)
    add("phase_angle_total", "81.7.0", "deg", "0.01 deg", 2)
    add("frequency", "14.7.0", "Hz", "mHz", 3)
    add("energy_active_import", "1.8.0", "kWh", "Wh", 3, True)
    add("energy_active_export", "2.8.0", "kWh", "Wh", 3, True)
    for tariff in (1, 2, 3, 4):
        add("energy_active_import_t%d" % tariff, "1.8.%d" % tariff, "kWh", "Wh", 3, True)
        add("energy_active_export_t%d" % tariff, "2.8.%d" % tariff, "kWh", "Wh", 3, True)
    add("energy_reactive_import", "3.8.0", "kvarh", "varh", 3, True)
    add("energy_reactive_export", "4.8.0", "kvarh", "varh", 3, True)
    add("energy_apparent", "9.8.0", "kVAh", "VAh", 3, True)
    # Total of both directions and net of both: not usable for accounts, kept because meters offer them.
    add("energy_active_total", "15.8.0", "kWh", "Wh", 3, True)
    add("energy_active_net", "16.8.0", "kWh", "Wh", 3)
    add("energy_active_resettable", "", "kWh", "Wh", 3)
    add("energy_pv", "2.8.0", "kWh", "Wh", 3, True)
    add("energy_pv_today", "", "kWh", "Wh", 3)
    add("energy_battery_charge", "1.8.0", "kWh", "Wh", 3, True)
    add("energy_battery_discharge", "2.8.0", "kWh", "Wh", 3, True)
    add("battery_power", "16.7.0", "W", "W", 0)
    add("battery_power_magnitude", "", "W", "W", 0)
    add("battery_voltage", "", "V", "mV", 3)
    add("battery_current", "", "A", "mA", 3)
    for name in ("battery_soc", "battery_soh", "voltage_thd_l1", "voltage_thd_l2", "voltage_thd_l3"):
        add(name, "", "%", "0.1 %", 1)
    for name in ("temperature", "temperature_cabinet", "temperature_heatsink", "battery_temperature"):
        add(name, "", "degC", "0.1 degC", 1)
    for name in ("grid_power", "grid_export_power", "dc_power_total"):
        add(name, "", "W", "W", 0)
    for number in (1, 2, 3, 4):
        add("pv%d_voltage" % number, "", "V", "mV", 3)
        add("pv%d_current" % number, "", "A", "mA", 3)
        add("pv%d_power" % number, "", "W", "W", 0)
    add("dc_voltage", "", "V", "mV", 3)
    add("dc_current", "", "A", "mA", 3)
    # Demands, as the meter's own sliding average.
    add("active_power_demand", "1.4.0", "W", "W", 0)
    add("active_power_demand_max", "1.6.0", "W", "W", 0)
    for name in ("current_demand", "current_demand_max"):
        add(name, "", "A", "mA", 3)
    # Of gas, water and heat meters: what flowed through, how fast, how warm it came and went, and the heat it carried.
    for name in ("volume", "volume_reverse"):
        add(name, "", "m3", "l", 3, True)
    add("flow_rate", "", "m3/h", "l/h", 3)
    for name in ("temperature_supply", "temperature_return"):
        add(name, "", "degC", "0.1 degC", 1)
    for name in ("energy_heat", "energy_cold"):
        add(name, "", "kWh", "Wh", 3, True)
    add("thermal_power", "", "W", "W", 0)
    return table


QUANTITIES = _table()
