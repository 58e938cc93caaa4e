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
