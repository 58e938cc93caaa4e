"""Registers become values, whole watt-hours, and energy between two readings."""

from gateway.core.meter.decoding import (
    account_value,
    decode,
    energy_wh,
    reading_value,
    register_advance,
    scale_of,
    stated_value,
    text_of,
    value_of,
    width_wh,
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


def test_the_ends_of_every_width():
    """The greatest and the least number of each type, and the numbers beside nought."""
    for kind, bits, number in (
        ("i16", 0x8000, -32768), ("i16", 0x7FFE, 32766), ("i16", 0x4000, 16384), ("i16", 0xBFFF, -16385),
        ("i32", 0x80000000, -(1 << 31)), ("i32", 0x7FFFFFFE, (1 << 31) - 2), ("i32", 0x40000000, 1 << 30),
        ("u32", 0xFFFFFFFE, (1 << 32) - 2), ("u16", 0xFFFE, 65534), ("u16", 0, 0), ("i16", 0, 0),
        ("i64", 1 << 63, -(1 << 63)), ("i64", 1 << 62, 1 << 62), ("u64", (1 << 64) - 2, (1 << 64) - 2),
    ):  # fmt: skip
        count = int(kind[1:]) // 16
        words = tuple([bits >> 16 * (count - 1 - place) & 0xFFFF for place in range(count)])
        meter = point(kind, count, "active_power_total", "W", sentinels=())
        assert value_of(meter, words) == (number, 0), (kind, bits)
        assert energy_wh(point(kind, count, unit="Wh", sentinels=()), words) == number


def test_powers_of_ten_of_both_signs():
    """A power of ten counts as a signed number, from -10 to 10 as SunSpec has it; beyond there is no value."""
    scaled = point("u16", 1, unit="Wh", exponent_at=11, wrap=65536, sentinels=())
    for ten, wh in ((0, 1234), (1, 12340), (3, 1234000), (0xFFFF, 123), (0xFFFE, 12), (0xFFFC, 0)):
        assert energy_wh(scaled, (1234, ten)) == wh
    for ten, wh in ((10, 1234 * 10**10), (11, None), (0xFFF6, 0), (0xFFF5, None), (0x8000, None), (0x8001, None)):
        assert energy_wh(scaled, (1234, ten)) == wh
    assert register_advance(scaled, (1000, 1), (1234, 1)) == (2340, "")
    assert register_advance(scaled, (1000, 0xFFFF), (1234, 0xFFFF)) == (23, "")
    assert register_advance(scaled, (65535, 1), (1, 1)) == (20, "R")
    assert register_advance(scaled, (65530, 0xFFFF), (10, 0xFFFF)) == (1, "R")
    assert register_advance(scaled, (65535, 0), (1, 1)) == (0, "D")
    assert register_advance(scaled, (1000, 0), (100, 1)) == (0, "")
    assert register_advance(scaled, (1000, 0), (101, 1)) == (10, "")
    assert register_advance(scaled, (101, 1), (1000, 0)) == (0, "D")


def test_a_tenth_of_the_width_is_the_most_that_rolls_over():
    """A register that passes its width and moved by a tenth of it rolled over; by one count more it decreased."""
    meter = point("u16", 1, unit="Wh", wrap=10000)
    assert register_advance(meter, (9500,), (500,)) == (1000, "R")
    assert register_advance(meter, (9500,), (501,)) == (0, "D")
    assert register_advance(meter, (9999,), (0,)) == (1, "R")
    assert register_advance(meter, (9999,), (9998,)) == (0, "D")
    assert register_advance(meter, (5,), (5,)) == (0, "") and register_advance(meter, (5,), (6,)) == (1, "")


def test_the_width_in_energy():
    """100,000,000 counts of 0.01 kWh behind 200/5 and 10/1 are 400 GWh; without a width it never begins anew."""
    meter = point("u32", 2, factor=(1, 100), wrap=10**8, times=("ct", "vt"))
    assert width_wh(meter) == 10**9
    assert width_wh(meter, ((200, 5), (10, 1))) == 400 * 10**9
    assert width_wh(point("u32", 2)) is None


def test_characters_at_the_ends_of_what_is_printable():
    """A blank inside and a tilde are kept; the delete sign, control characters and high octets are dropped."""
    assert text_of((0x4120, 0x427E)) == "A B~"
    assert text_of((0x417F, 0x1F42, 0x80FF, 0x0000)) == "AB"
    assert text_of((0x2041, 0x2020)) == "A" and text_of(()) == ""


def test_values_as_stated_by_the_profile():
    """In the unit of the manual, with factor and ratios and without the unit's own power of ten."""
    meter = point("u32", 2, unit="Wh", factor=(1, 10), times=("ct",))
    assert stated_value(meter, (0, 55), ((200, 1), (1, 1))) == (1100, 0)
    assert stated_value(meter, (0, 55)) == (55, -1)
    assert stated_value(meter, (0xFFFF, 0xFFFF)) is None
    assert value_of(meter, (0, 55)) == (55, -4)


def test_divisors_with_and_without_an_end():
    """By 8 and by 125 exact, by 3 and 7 cut off downwards at nine digits, also below nought."""
    for divisor, number, found in (
        (8, 1, (125, -3)), (8, 16, (2, 0)), (125, 1, (8, -3)), (3, 6, (2, 0)), (3, 1, (333333333, -9)),
        (7, 22, (3142857142, -9)), (6, 3, (5, -1)), (6, 1, (166666666, -9)), (40, 30, (75, -2)),
    ):  # fmt: skip
        meter = point("i32", 2, "active_power_total", "W", factor=(1, divisor))
        assert value_of(meter, (number >> 16, number & 0xFFFF)) == found, (divisor, number)
    meter = point("i32", 2, "active_power_total", "W", factor=(1, 3))
    assert value_of(meter, (0xFFFF, 0xFFFF)) == (-333333334, -9)


def test_half_to_even_about_nought():
    """Tenths of a watt below and above each half, of both signs; what accumulates goes down instead."""
    for mantissa, watts in ((4, 0), (5, 0), (6, 1), (14, 1), (15, 2), (16, 2), (-4, 0), (-5, 0), (-6, -1), (-15, -2)):
        assert account_value("active_power_total", mantissa, -1) == watts, mantissa
    assert [account_value("energy_active_import", number, -4) for number in (9, 10, 19, 20)] == [0, 1, 1, 2]
    assert account_value("active_power_total", 7, 2) == 700 and account_value("frequency", 5, -3) == 5


def test_only_powers_are_turned():
    """The sign of a profile turns W and var, and no energy, voltage or apparent power."""
    for quantity, unit, value in (
        ("active_power_total", "W", -5), ("reactive_power_total", "var", -5), ("apparent_power_total", "VA", 5),
        ("energy_active_import", "kWh", 5000), ("voltage_l1_n", "V", 5000),
    ):  # fmt: skip
        assert reading_value(point(quantity=quantity, unit=unit, sign="+export"), 5, 0) == value
