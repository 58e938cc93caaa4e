"""Registers of emulated meters: they show the truth cut off at their last digit, for every shipped profile."""

import struct
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import device_profiles
from gateway.core.meter.decoding import decode
from gateway.core.meter.profile import HIGH_FIRST, LOW_FIRST, DeviceProfile, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.profiles import load_profile
from hil_tests.electrical import figure, nature
from hil_tests.emulated_meter import EmulatedMeter
from hil_tests.emulated_park import Sample
from hil_tests.register_words import show

ONE = ((1, 1), (1, 1))
KWH_STEP = Fraction(1, 100)
SAMPLE = Sample(1_800_000_000_000, 7, 23_456, 987_654_321_012, 12_345_678_901, 400)


def point(kind: str, **changes: object) -> Point:
    """Return an energy register of the type *kind* in kWh."""
    count = {"u16": 1, "u32": 2, "i32": 2, "u64": 4, "f32": 2, "f64": 4}[kind]
    whole: dict[str, object] = {
        "name": "energy_active_import", "quantity": "energy_active_import", "function": 3, "address": 10,
        "count": count, "type": kind, "words": HIGH_FIRST, "factor": (1, 100), "unit": "kWh", "side": "direct",
        "times": (), "counter": True, "wrap": None, "sentinels": (), "exponent_at": None, "sign": "none", "poll": True,
    }  # fmt: skip
    return Point(**{**whole, **changes})


def shortest_float32(words: tuple[int, ...]) -> Decimal:
    """Return the shortest decimal that reads back to the float32 in *words*, found by trying."""
    octets = struct.pack(">HH", *words)
    value = struct.unpack(">f", octets)[0]
    tries = (format(value, f".{digits}g") for digits in range(1, 10))
    return Decimal(next(text for text in tries if struct.pack(">f", float(text)) == octets))


@given(st.integers(0, 13_107_199), st.integers(0, 9_999_999))
def test_a_float_shows_the_decimal_of_the_display(hundredths: int, rest: int) -> None:
    """Below 131072 kWh a float32 register reads back as the energy cut off at 0.01 kWh, and never as more."""
    true_kwh = Fraction(hundredths, 100) + Fraction(rest, 10**9)
    shown = show(point("f32", factor=(1, 1)), true_kwh, ONE, KWH_STEP)
    assert shortest_float32(shown.words) == Decimal(hundredths) / 100
    assert shown.step == KWH_STEP


@given(st.fractions(min_value=131_072, max_value=8_000_000))
def test_a_full_float_shows_fewer_digits(true_kwh: Fraction) -> None:
    """Where a float32 cannot tell 0.01 kWh apart, its step grows by tens and the register still is not ahead."""
    shown = show(point("f32", factor=(1, 1)), true_kwh, ONE, KWH_STEP)
    assert shown.step in (Fraction(1, 10), 1)
    assert 0 <= true_kwh - Fraction(shortest_float32(shown.words)) < shown.step


def test_whole_numbers_in_both_word_orders_and_with_ratios() -> None:
    """1234567.89 kWh through 200/5 is 30864.19 kWh in the meter: 3086419 counts, 0x002F1853."""
    through = {"side": "secondary", "times": ("ct",)}
    ratios = ((200, 5), (1, 1))
    high = show(point("u32", **through), Fraction(123456789, 100), ratios, KWH_STEP)
    low = show(point("u32", words=LOW_FIRST, **through), Fraction(123456789, 100), ratios, KWH_STEP)
    assert high.words == (0x002F, 0x1853)
    assert low.words == (0x1853, 0x002F)
    assert high.step == Fraction(40, 100)


def test_a_counter_starts_over_at_its_width() -> None:
    """A counter of 1000000 counts that has counted 1000001 shows 1; one without declared width wraps at its bits."""
    assert show(point("u32", wrap=1_000_000), Fraction(1_000_001, 100), ONE, KWH_STEP).words == (0, 1)
    assert show(point("u16"), Fraction(0x10002, 100), ONE, KWH_STEP).words == (2,)


def test_a_scale_register_comes_with_the_value() -> None:
    """SunSpec: 23456 W are 2346 tens of watts, with the power of ten 1 in the scale register."""
    power = point("u16", quantity="active_power_total", unit="W", factor=(1, 1), exponent_at=14)
    assert show(power, Fraction(23456), ONE, KWH_STEP).words == (2346, 1)


@pytest.mark.parametrize("name", device_profiles.names())
def test_every_profile_can_be_emulated(name: str) -> None:
    """Each point of each shipped profile decodes to the true value: counters never ahead, the rest nearest."""
    profile = load_profile(name, Path("/nowhere"))
    for ratios in (ONE, ((200, 5), (10, 1))):
        check_profile(profile, ratios)


def check_profile(profile: DeviceProfile, ratios: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """Decode what a meter of *profile* shows, and compare with the truth."""
    kind = nature("x", 3, source=False, start_import_wh=4_000_000, start_export_wh=90_000)
    meter = EmulatedMeter("m", 1, profile, kind, ratios=ratios)
    for one in profile.points:
        if one.quantity is None:
            continue
        block = meter.registers(one.function, one.first, one.last - one.first + 1, SAMPLE)
        _, value = decode(one, block, one.first, ratios)
        assert value is not None, one
        shown = Fraction(value[0]) * Fraction(10) ** value[1]
        true = figure(one.quantity, kind, SAMPLE)
        if one.sign in ("+export", "+discharge") and "power" in one.quantity:
            true = -true
        step = show(one, true, ratios, KWH_STEP).step
        if QUANTITIES[one.quantity].cumulative:
            assert 0 <= true - shown < step, one
        elif abs(true) < step * 30_000 and (true >= 0 or one.type[0] != "u"):
            assert abs(true - shown) <= step, one
