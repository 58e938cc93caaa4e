"""What a meter would show for a true power and energy: voltages, currents, powers, energies, exact fractions.

The power factor of a meter point is a Pythagorean triple, so that reactive and apparent figures stay rational
and their registers follow the active energy exactly. Voltage and frequency wander a little, by the seed.
"""

import zlib
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from hil_tests.emulated_park import MJ_PER_WH, Sample

# Active, reactive and apparent power stand to each other as these: power factors 0.96, 0.92, 0.98, 0.88.
_TRIPLES = ((24, 7, 25), (12, 5, 13), (40, 9, 41), (15, 8, 17))
_PURE = (1, 0, 1)
_NOMINAL_MV = 230_000
_WANDER_MV = 1_500
_LINE_PER_PHASE = Fraction(1732, 1000)  # the root of three
PHASES = ("l1", "l2", "l3")


class Nature(NamedTuple):
    """What a meter point is like: how many phases, which power factor, and what its registers showed at birth."""

    seed: str
    phases: int
    triple: tuple[int, int, int]
    start_import_wh: int
    start_export_wh: int

    def shares(self) -> tuple[Fraction, Fraction, Fraction]:
        """Return the part of the power on each phase; they add up to one."""
        if self.phases == 1:
            return (Fraction(1), Fraction(0), Fraction(0))
        first = Fraction(330 + _wander(self.seed, 0, 15), 1000)
        second = Fraction(333 + _wander(self.seed, 1, 15), 1000)
        return (first, second, 1 - first - second)


def nature(seed: str, phases: int, *, source: bool, start_import_wh: int, start_export_wh: int) -> Nature:
    """Return the nature of a meter point; a source runs at power factor one."""
    triple = _PURE if source else _TRIPLES[zlib.crc32(seed.encode()) % len(_TRIPLES)]
    return Nature(seed, phases, triple, start_import_wh, start_export_wh)


def true_import_wh(kind: Nature, sample: Sample) -> Fraction:
    """Return what the import counter has truly counted."""
    return kind.start_import_wh + Fraction(sample.import_mj, MJ_PER_WH)


def true_export_wh(kind: Nature, sample: Sample) -> Fraction:
    """Return what the export counter has truly counted."""
    return kind.start_export_wh + Fraction(sample.export_mj, MJ_PER_WH)


def figure(quantity: str, kind: Nature, sample: Sample) -> Fraction:
    """Return the true value of *quantity* in its own unit at the primary side; 0 for what this park does not know."""
    if quantity.startswith("energy_"):
        return _energy_kwh(quantity.removeprefix("energy_"), kind, sample)
    for number, phase in enumerate(PHASES):
        for name, compute in _OF_PHASE.items():
            if quantity == name.format(phase):
                return compute(kind, sample, number)
    known = _OF_ALL.get(quantity)
    return known(kind, sample) if known else Fraction(0)


def _wander(seed: str, what: int, most: int) -> int:
    """Return a whole number from -most to most that looks random and is always the same."""
    return zlib.crc32(f"{seed}/{what}".encode()) % (2 * most + 1) - most


def _energy_kwh(name: str, kind: Nature, sample: Sample) -> Fraction:
    taken, given = true_import_wh(kind, sample) / 1000, true_export_wh(kind, sample) / 1000
    active, reactive, apparent = kind.triple
    shares = kind.shares()
    for number, phase in enumerate(PHASES):
        if name == f"active_import_{phase}":
            return taken * shares[number]
        if name == f"active_export_{phase}":
            return given * shares[number]
    return {
        "active_import": taken,
        "active_export": given,
        "active_import_t1": taken,
        "active_export_t1": given,
        "active_total": taken + given,
        "active_net": taken - given,
        "pv": given,
        "heat": taken,
        "battery_charge": taken,
        "battery_discharge": given,
        "reactive_import": (taken + given) * reactive / active,
        "apparent": (taken + given) * apparent / active,
    }.get(name, Fraction(0))


def _volts(kind: Nature, sample: Sample, phase: int) -> Fraction:
    if phase >= kind.phases:
        return Fraction(0)
    return Fraction(_NOMINAL_MV + _wander(f"{kind.seed}/{sample.step}", phase, _WANDER_MV), 1000)


def _watts(kind: Nature, sample: Sample, phase: int) -> Fraction:
    return sample.power_w * kind.shares()[phase]


def _vars(kind: Nature, sample: Sample, phase: int) -> Fraction:
    return abs(_watts(kind, sample, phase)) * kind.triple[1] / kind.triple[0]


def _volt_amperes(kind: Nature, sample: Sample, phase: int) -> Fraction:
    return abs(_watts(kind, sample, phase)) * kind.triple[2] / kind.triple[0]


def _amperes(kind: Nature, sample: Sample, phase: int) -> Fraction:
    volts = _volts(kind, sample, phase)
    return _volt_amperes(kind, sample, phase) / volts if volts else Fraction(0)


def _power_factor(kind: Nature, sample: Sample, phase: int = 0) -> Fraction:
    if phase >= kind.phases:
        return Fraction(0)
    return Fraction(kind.triple[0] if sample.power_w >= 0 else -kind.triple[0], kind.triple[2])


def _all(compute: Callable[[Nature, Sample, int], Fraction]) -> Callable[[Nature, Sample], Fraction]:
    return lambda kind, sample: sum((compute(kind, sample, phase) for phase in range(3)), Fraction(0))


def _mean(compute: Callable[[Nature, Sample, int], Fraction]) -> Callable[[Nature, Sample], Fraction]:
    return lambda kind, sample: _all(compute)(kind, sample) / kind.phases


def _line_volts(kind: Nature, sample: Sample, phase: int) -> Fraction:
    if kind.phases == 1:
        return Fraction(0)
    pair = _volts(kind, sample, phase) + _volts(kind, sample, (phase + 1) % 3)
    return pair / 2 * _LINE_PER_PHASE


def _hertz(kind: Nature, sample: Sample) -> Fraction:
    return Fraction(50_000 + _wander(f"grid/{sample.step}", 0, 20), 1000)


def _given(kind: Nature, sample: Sample) -> Fraction:
    return Fraction(max(0, -sample.power_w))


_OF_PHASE = {
    "voltage_{}_n": _volts,
    "current_{}": _amperes,
    "active_power_{}": _watts,
    "reactive_power_{}": _vars,
    "apparent_power_{}": _volt_amperes,
    "power_factor_{}": _power_factor,
}
_OF_ALL: dict[str, Callable[[Nature, Sample], Fraction]] = {
    "voltage_l1_l2": lambda kind, sample: _line_volts(kind, sample, 0),
    "voltage_l2_l3": lambda kind, sample: _line_volts(kind, sample, 1),
    "voltage_l3_l1": lambda kind, sample: _line_volts(kind, sample, 2),
    "voltage_ll_average": _mean(_line_volts),
    "voltage_ln_average": _mean(_volts),
    "current_average": _mean(_amperes),
    "current_total": _all(_amperes),
    "active_power_total": lambda kind, sample: Fraction(sample.power_w),
    "reactive_power_total": _all(_vars),
    "apparent_power_total": _all(_volt_amperes),
    "power_factor_total": _power_factor,
    "frequency": _hertz,
    "grid_power": lambda kind, sample: Fraction(sample.power_w),
    "grid_export_power": lambda kind, sample: Fraction(-sample.power_w),
    "battery_power": lambda kind, sample: Fraction(sample.power_w),
    "battery_power_magnitude": lambda kind, sample: Fraction(abs(sample.power_w)),
    "battery_soc": lambda kind, sample: Fraction(sample.content_permille, 10),
    "battery_soh": lambda kind, sample: Fraction(99),
    "dc_power_total": lambda kind, sample: _given(kind, sample) * 102 / 100,
    "pv1_power": lambda kind, sample: _given(kind, sample) * 102 / 100,
    "pv1_voltage": lambda kind, sample: Fraction(620),
    "pv1_current": lambda kind, sample: _given(kind, sample) * 102 / 62000,
    "dc_voltage": lambda kind, sample: Fraction(620),
    "dc_current": lambda kind, sample: Fraction(sample.power_w, 620),
    "temperature": lambda kind, sample: Fraction(31),
    "temperature_cabinet": lambda kind, sample: Fraction(28),
    # A meter of water, heat or gas lets one cubic metre through for every kWh of its load.
    "volume": lambda kind, sample: true_import_wh(kind, sample) / 1000,
    "flow_rate": lambda kind, sample: Fraction(sample.power_w, 1000),
    "thermal_power": lambda kind, sample: Fraction(sample.power_w),
    "temperature_supply": lambda kind, sample: Fraction(6512, 100),
    "temperature_return": lambda kind, sample: Fraction(4108, 100),
}
