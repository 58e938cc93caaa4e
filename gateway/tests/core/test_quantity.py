"""The closed table of what a meter can measure."""

from gateway.core.meter.quantity import QUANTITIES


def test_recorded_steps():
    """A reading is recorded as coarsely as a park is judged by: 100 mV, 10 mA, 1 W, 0.001, 10 mHz, 1 Wh."""
    steps = {
        "voltage_l1_n": 100,
        "voltage_l1_l2": 100,
        "current_l1": 10,
        "active_power_total": 1,
        "reactive_power_total": 1,
        "apparent_power_total": 1,
        "power_factor_total": 1,
        "frequency": 10,
        "energy_active_import": 1,
        "energy_reactive_export": 1,
    }
    for name in sorted(steps):
        assert QUANTITIES[name].recorded_step == steps[name]


def test_every_step_is_a_whole_number_of_account_units():
    """No quantity is without a step, so none is recorded to a false precision."""
    for name in sorted(QUANTITIES):
        assert isinstance(QUANTITIES[name].recorded_step, int)
        assert QUANTITIES[name].recorded_step >= 1


def test_energy_is_recorded_to_the_watt_hour():
    """What accumulates is never recorded more coarsely than it is accounted."""
    for name in sorted(QUANTITIES):
        if QUANTITIES[name].cumulative:
            assert QUANTITIES[name].recorded_step == 1


ACCOUNTS = {
    "V": ("mV", 3, 100), "A": ("mA", 3, 10), "W": ("W", 0, 1), "var": ("var", 0, 1), "VA": ("VA", 0, 1),
    "1": ("0.001", 3, 1), "deg": ("0.01 deg", 2, 10), "Hz": ("mHz", 3, 10), "kWh": ("Wh", 3, 1),
    "kvarh": ("varh", 3, 1), "kVAh": ("VAh", 3, 1), "%": ("0.1 %", 1, 1), "degC": ("0.1 degC", 1, 1),
    "m3": ("l", 3, 1), "m3/h": ("l/h", 3, 1),
}  # fmt: skip


def test_a_unit_is_accounted_in_one_way():
    """The SI prefix between the unit of people and that of the account, and the step at which it is recorded."""
    assert len(QUANTITIES) == 100
    for name in sorted(QUANTITIES):
        one = QUANTITIES[name]
        assert one.name == name
        assert (one.account_unit, one.account_exponent, one.recorded_step) == ACCOUNTS[one.unit], name


def test_what_only_grows():
    """Energies of one direction, of tariffs and phases, and volumes grow; net, daily and resettable ones do not."""
    both = ["energy_active_%s%s" % (way, end) for way in ("import", "export")
            for end in ("", "_t1", "_t2", "_t3", "_t4", "_l1", "_l2", "_l3")]  # fmt: skip
    others = [
        "energy_reactive_import", "energy_reactive_export", "energy_apparent", "energy_active_total", "energy_pv",
        "energy_battery_charge", "energy_battery_discharge", "energy_heat", "energy_cold", "volume", "volume_reverse",
    ]  # fmt: skip
    assert sorted(both + others) == sorted([name for name in QUANTITIES if QUANTITIES[name].cumulative])
    assert [QUANTITIES[name].cumulative for name in ("energy_pv_today", "energy_active_net")] == [False, False]


def test_codes_are_those_of_iec_62056_61():
    """Group C: 1 to 16 for all phases, 21 on for L1, 41 on for L2, 61 on for L3; D: 7 now, 8 the register."""
    expected = {
        "active_power_total": "16.7.0", "reactive_power_total": "131.7.0", "apparent_power_total": "9.7.0",
        "power_factor_total": "13.7.0", "frequency": "14.7.0", "phase_angle_total": "81.7.0",
        "energy_active_import": "1.8.0", "energy_active_export": "2.8.0", "energy_reactive_import": "3.8.0",
        "energy_reactive_export": "4.8.0", "energy_apparent": "9.8.0", "energy_active_total": "15.8.0",
        "energy_active_net": "16.8.0", "energy_pv": "2.8.0", "energy_battery_charge": "1.8.0",
        "energy_battery_discharge": "2.8.0", "battery_power": "16.7.0", "active_power_demand": "1.4.0",
        "active_power_demand_max": "1.6.0",
        "energy_active_import_t1": "1.8.1", "energy_active_import_t2": "1.8.2", "energy_active_import_t3": "1.8.3",
        "energy_active_import_t4": "1.8.4", "energy_active_export_t1": "2.8.1", "energy_active_export_t2": "2.8.2",
        "energy_active_export_t3": "2.8.3", "energy_active_export_t4": "2.8.4",
        "active_power_l1": "21.7.0", "reactive_power_l1": "23.7.0", "apparent_power_l1": "29.7.0",
        "current_l1": "31.7.0", "voltage_l1_n": "32.7.0", "power_factor_l1": "33.7.0",
        "energy_active_import_l1": "21.8.0", "energy_active_export_l1": "22.8.0",
        "active_power_l2": "41.7.0", "reactive_power_l2": "43.7.0", "apparent_power_l2": "49.7.0",
        "current_l2": "51.7.0", "voltage_l2_n": "52.7.0", "power_factor_l2": "53.7.0",
        "energy_active_import_l2": "41.8.0", "energy_active_export_l2": "42.8.0",
        "active_power_l3": "61.7.0", "reactive_power_l3": "63.7.0", "apparent_power_l3": "69.7.0",
        "current_l3": "71.7.0", "voltage_l3_n": "72.7.0", "power_factor_l3": "73.7.0",
        "energy_active_import_l3": "61.8.0", "energy_active_export_l3": "62.8.0",
    }  # fmt: skip
    assert {name: QUANTITIES[name].obis for name in QUANTITIES if QUANTITIES[name].obis} == expected
    for number in (1, 2, 3, 4):
        units = [QUANTITIES["pv%d_%s" % (number, what)].unit for what in ("voltage", "current", "power")]
        assert units == ["V", "A", "W"]
