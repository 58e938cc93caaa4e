"""Registers become values, whole watt-hours, and energy between two readings."""

from gateway.core.meter.decoding import (
    account_value,
    decode,
    energy_wh,
    reading_value,
    register_advance,
    scale_of,
    text_of,
    value_of,
)
from gateway.core.meter.profile import SENTINELS, Point

NONE = ((1, 1), (1, 1))


def point(kind="u32", count=2, quantity="energy_active_import", unit="kWh", **changes):
    fields = {
        "words": "high-first",
        "factor": (1, 1),
        "side": "direct",
        "times": (),
        "wrap": None,
        "exponent_at": None,
        "address": 10,
        "sign": "",
        "sentinels": SENTINELS[kind],
    }
    fields.update(changes)
    return Point(
        quantity,
        quantity,
        4,
        fields["address"],
        count,
        kind,
        fields["words"],
        fields["factor"],
        unit,
        fields["side"],
        fields["times"],
        True,
        fields["wrap"],
        fields["sentinels"],
        fields["exponent_at"],
        fields["sign"],
        True,
    )


def test_integers_of_every_width():
    """Signed and unsigned registers of 16, 32 and 64 bits, high word first."""
    for kind, words, number in (
        ("u16", (0xFF9C,), 65436),
        ("i16", (0xFF9C,), -100),
        ("u32", (0x0001, 0x0002), 65538),
        ("i32", (0xFFFF, 0xFFFE), -2),
        ("u64", (0, 1, 0, 0), 1 << 32),
        ("i64", (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF), -1),
    ):
        found = decode(point(kind, len(words), "active_power_total", "W"), (7,) + words, 9)
        assert found == (words, (number, 0))


def test_low_word_first():
    """A meter that sends the low word first (Carlo Gavazzi, Sungrow) gives the same number."""
    swapped = point("i32", 2, "active_power_total", "W", words="low-first")
    assert value_of(swapped, (0xFFFE, 0xFFFF)) == (-2, 0)


def test_factor_and_unit_are_exact():
    """A factor of 0.1 and a unit of kW shift the point; nothing is rounded."""
    assert value_of(point("u16", 1, "voltage_l1_n", "V", factor=(1, 10)), (2392,)) == (2392, -1)
    assert value_of(point("f32", 2, "active_power_total", "kW"), (0xC041, 0x47AE)) == (-302, 1)
    assert value_of(point("u32", 2, unit="Wh"), (0, 1270)) == (1270, -3)


def test_secondary_value_is_brought_to_the_primary_side():
    """A DTSU666 behind 200/1 current transformers: 6.4 var on its side are 1280 var (captured registers)."""
    reactive = point("f32", 2, "reactive_power_total", "var", factor=(1, 10), times=("ct", "vt"))
    mantissa, exponent = value_of(reactive, (0x4280, 0), ((200, 1), (1, 1)))
    assert mantissa * 10 ** (exponent + 3) == 1280000
    mantissa, exponent = value_of(reactive, (0x4280, 0))
    assert mantissa * 10 ** (exponent + 3) == 6400


def test_ratio_without_end_in_decimals_is_cut_off():
    """With 110/3 the value is cut at nine digits, and the watt-hours are still those of the exact fraction."""
    meter = point("u32", 2, times=("ct",))
    assert value_of(meter, (0, 1), ((110, 3), (1, 1))) == (36666666666, -9)
    assert energy_wh(meter, (0, 1), ((110, 3), (1, 1))) == 36666


def test_power_of_ten_in_another_register():
    """A scale factor in the same block (SunSpec) moves the point; 8000 hex there means not available."""
    scaled = point("u16", 1, "active_power_total", "W", exponent_at=12)
    assert decode(scaled, (0, 1234, 0, 0xFFFF), 9) == ((1234, 0xFFFF), (1234, -1))
    assert decode(scaled, (0, 1234, 0, 2), 9) == ((1234, 2), (1234, 2))
    assert decode(scaled, (0, 1234, 0, 0x8000), 9)[1] is None


def test_power_of_ten_that_no_meter_means():
    """SunSpec has scale factors from -10 to 10: what is filled with anything else gives no value."""
    scaled = point("u16", 1, "active_power_total", "W", exponent_at=12)
    assert decode(scaled, (0, 1234, 0, 10), 9)[1] == (1234, 10)
    assert decode(scaled, (0, 1234, 0, 11), 9)[1] is None
    assert decode(scaled, (0, 1234, 0, 0x7FFF), 9)[1] is None
    assert decode(scaled, (0, 1234, 0, 0x8001), 9)[1] is None


def test_number_that_no_record_can_hold():
    """A float filled with all bits but one is 3.4e38 W, which gives no value; the most that is held fits 64 bits."""
    power = point("f32", 2, "active_power_total", "W")
    mantissa, exponent = value_of(power, (0x7F7F, 0xFFFF))
    assert (mantissa, exponent) == (34028235, 31)
    assert reading_value(power, mantissa, exponent) is None
    assert reading_value(power, -mantissa, exponent) is None
    assert reading_value(power, 1 << 62, 0) == 1 << 62
    assert reading_value(power, (1 << 62) + 1, 0) is None


def test_not_available():
    """The ends of a type's range mean "not available", and so does not-a-number."""
    assert value_of(point("i16", 1, "power_factor_l2", "1"), (0x7FFF,)) is None
    assert value_of(point("i16", 1, "active_power_total", "W"), (0xFFFF,)) == (-1, 0)
    assert value_of(point("u32", 2), (0xFFFF, 0xFFFF)) is None
    assert value_of(point("f32", 2), (0x7FC0, 0)) is None
    assert value_of(point("u16", 1, sentinels=()), (0xFFFF,)) == (65535, 0)


def test_text():
    """A text drops its padding, of zeros or spaces."""
    assert text_of((0x5355, 0x4E53, 0x2000)) == "SUNS"
    assert value_of(point("ascii", 2), (0x5355, 0x4E53)) is None


def test_rounding_into_units_of_account():
    """What accumulates is rounded down; all else to the nearest, half to even."""
    assert account_value("energy_active_import", 109092829, -4) == 10909282
    assert account_value("energy_active_net", -15, -4) == -2
    assert account_value("active_power_total", 25, -1) == 2
    assert account_value("active_power_total", 35, -1) == 4
    assert account_value("active_power_total", -25, -1) == -2
    assert account_value("active_power_total", 2501, -3) == 3
    assert account_value("voltage_l1_n", 2392, -1) == 239200
    assert account_value("energy_active_import", 4, 3) == 4000000


def test_advance_of_a_float_register():
    """The energy between two float registers is the difference of what the meter showed."""
    meter = point("f32", 2)
    assert energy_wh(meter, (0x462A, 0x7521)) == 10909282
    assert register_advance(meter, (0x462A, 0x7521), (0x462A, 0x7522)) == (1, "")


def test_roll_over():
    """A counter that passes its width has advanced by what is left above and what is there below."""
    meter = point("u32", 2, factor=(1, 100), wrap=100000000)
    start, end = 99999990, 15
    words = [(number >> 16, number & 0xFFFF) for number in (start, end)]
    assert register_advance(meter, words[0], words[1]) == (250, "R")
    assert register_advance(meter, words[0], words[1], ((80, 1), (1, 1))) == (250, "R")
    by_ratio = point("u32", 2, factor=(1, 100), wrap=100000000, times=("ct",))
    assert register_advance(by_ratio, words[0], words[1], ((80, 1), (1, 1))) == (20000, "R")


def test_decrease_is_flagged_and_never_guessed():
    """A register that falls without having reached its width gives no energy."""
    assert register_advance(point(wrap=1 << 32), (1, 0), (0, 5)) == (0, "D")
    assert register_advance(point(wrap=1 << 32), (0xB2D0, 0x5E00), (0, 0)) == (0, "D")  # a reset, not a roll-over
    assert register_advance(point("f32", 2), (0x462A, 0x7521), (0x462A, 0x7520)) == (0, "D")


def test_missing_end_is_flagged():
    """Where one of the readings is not available there is no energy, and it says so."""
    assert register_advance(point(), (0xFFFF, 0xFFFF), (0, 1)) == (0, "M")
    assert energy_wh(point(), (0xFFFF, 0xFFFF)) is None


def test_advances_add_up_over_a_roll_over():
    """The advances of consecutive intervals add up to the whole, with fractions and a roll-over between them."""
    meter = point("u16", 1, unit="Wh", factor=(7, 10), wrap=9999, times=("ct",))
    ratios = ((110, 3), (1, 1))
    counts = (9103, 9500, 9998, 3, 17, 800)
    parts = [
        register_advance(meter, (counts[index],), (counts[index + 1],), ratios) for index in range(len(counts) - 1)
    ]
    assert [flag for _, flag in parts] == ["", "", "R", "", ""]
    assert sum([wh for wh, _ in parts[:3]]) == register_advance(meter, (9103,), (3,), ratios)[0]
    exact_start, exact_end = 9103 * 7 * 110, (9999 + 800) * 7 * 110
    whole = sum([wh for wh, _ in parts])
    assert abs(whole * 30 - (exact_end - exact_start)) < 3 * 30


def test_powers_count_positive_for_import():
    """An inverter that shows what it gives as positive and a meter that shows what it takes agree on the sign."""
    for sign, expected in (("+import", 4552), ("+export", -4552), ("+discharge", -4552)):
        power = point(quantity="active_power_total", unit="W", sign=sign)
        assert reading_value(power, 4551526, -3) == expected


def test_parts_of_a_watt_hour_do_not_count():
    """A float of 12.7 Wh has counted 12 whole ones; 1.5 Wh, as 0.0015 kWh, one."""
    assert energy_wh(point("f32", unit="Wh"), (0x414B, 0x3333), NONE) == 12
    assert energy_wh(point("f32"), (0x3AC4, 0x9BA6), NONE) == 1


def test_what_is_no_quantity_is_scaled_as_the_profile_says():
    """A status or a plain number has no unit: its factor and nothing else leads to it."""
    assert scale_of(point(quantity=None, unit="", factor=(1, 10)), NONE) == (1, 10, 0)
