"""Tests of register arithmetic: roll-over, exchange, decrease, gap, for a meter of eight digits behind transformers.

The figures are those of a worked example: six digits and two decimals of kWh, begun anew at 1,000,000, ratio 200.
"""

from gateway.core.account.declared import (
    BOOKED,
    DIFFERENCE,
    Change,
    accepted_energy,
    booked_in,
    change_of,
    changed_energy,
    difference_of,
    part_span,
    shown_wh,
)
from gateway.core.account.interval import Before, Span, part_of_span
from gateway.core.account.share import share
from gateway.core.flag import DECLARED, DECREASED, ESTIMATED_SHAPE, INTERPOLATED, MISSING, MOVED, ROLLED_OVER
from gateway.core.meter.decoding import register_advance
from gateway.core.meter.profile import Point

POINT = Point(
    "energy_active_import", "energy_active_import", 3, 0, 2, "u32", "high-first", (1, 100), "kWh", "secondary", ("ct",),
    True, 100000000, (), None, "", True,
)  # fmt: skip
RATIOS = ((200, 1), (1, 1))


def _words(hundredths):
    return (hundredths >> 16, hundredths & 0xFFFF)


def _advance(start, end):
    return register_advance(POINT, _words(start), _words(end), RATIOS)


def _change(final_wh, initial_wh, before=RATIOS, after=RATIOS):
    return Change(0, final_wh, initial_wh, before, after)


def test_plain_difference():
    """999999.20 to 999999.80 is 0.60 times 200: 120.000 kWh."""
    assert _advance(99999920, 99999980) == (120000, "")


def test_roll_over():
    """999999.80 to 0.35 is 0.55 times 200: 110.000 kWh, not 109.99999998603."""
    assert _advance(99999980, 35) == (110000, ROLLED_OVER)


def test_exchange():
    """12345.20, old final 12345.60, new initial 0.10, then 0.45: (0.40 + 0.35) times 200 is 150.000 kWh."""
    changes = [_change(12345600, 100)]
    assert changed_energy(POINT, _words(1234520), changes, POINT, _words(45)) == (150000, DECLARED)


def test_decrease_without_a_declaration():
    """5000.00 to 4999.00 counts nothing, and is no roll-over."""
    assert _advance(500000, 499900) == (0, DECREASED)


def test_gap_of_an_hour():
    """1000.00 to 1004.00 over four intervals is 800.000 kWh: 200 each, or by the weights 1:2:3:2 of like days."""
    total, flag = _advance(100000, 100400)
    assert (total, flag) == (800000, "")
    assert [part_of_span(total, part, 4) for part in range(4)] == [200000] * 4
    assert list(share(total, [1, 2, 3, 2])) == [100000, 200000, 300000, 200000]


def test_largest_remainder():
    """800,001 Wh by 1:2:3:2 are 100000, 200000, 300001 and 200000: the sum is exact."""
    assert list(share(800001, [1, 2, 3, 2])) == [100000, 200000, 300001, 200000]


def test_exchange_of_transformers():
    """10.00 to 12.50 times 200, then to 14.00 times 400: 500 and 600 kWh."""
    changes = [_change(12500, 12500, RATIOS, ((400, 1), (1, 1)))]
    assert changed_energy(POINT, _words(1000), changes, POINT, _words(1400)) == (1100000, DECLARED)


def test_old_meter_that_passed_its_width_before_the_exchange():
    """999999.80, then 0.20 shown last: 0.40; and 5.00 to 5.10 of the new meter: together 100 kWh."""
    energy = changed_energy(POINT, _words(99999980), [_change(200, 5000)], POINT, _words(510))
    assert energy == (100000, DECLARED[:0] + ROLLED_OVER + DECLARED)


def test_readings_that_do_not_fit_count_nothing():
    """An old final below the last reading, or a new initial above the next one, is a decrease."""
    for change in (_change(12345100, 100), _change(12345600, 460)):
        assert changed_energy(POINT, _words(1234520), [change], POINT, _words(45)) == (0, DECREASED + DECLARED)


def test_what_a_meter_shows_is_multiplied_only_where_its_registers_are():
    """A meter that counts primary energy shows it; one behind transformers shows a 200th."""
    direct = Point(*POINT[:9], "direct", (), *POINT[11:])
    assert (shown_wh(POINT, 1500, RATIOS), shown_wh(direct, 1500, RATIOS)) == (300000, 1500)


def test_declared_values_are_read_exactly():
    """Readings are whole watt-hours in any of their units; a ratio that is not stated is one."""
    values = (("ct after", "400/5"), ("final q", "1.5 MWh"), ("initial q", "0.001 kWh"))
    assert change_of(values, "q", 7) == Change(7, 1500000, 1, ((1, 1), (1, 1)), ((400, 5), (1, 1)))
    for text in ("1.5", "-1 kWh", "0.0001 kWh", "1,5 kWh", "kWh", ""):
        assert change_of((("final q", text), ("initial q", "0 kWh")), "q", 7) is None
    assert change_of(values, "other", 7) is None


def test_a_declared_content_is_booked_from_a_second():
    """The start of its interval in whole seconds; other declarations, and what is no number, are booked nowhere."""
    assert booked_in(((BOOKED, "1800000000"),)) == 1800000000
    assert booked_in(((BOOKED, "soon"),)) is None
    assert booked_in(((DIFFERENCE, "5"),)) is None


def test_the_difference_of_a_content_is_in_whole_watt_hours():
    """More or less than the account; nothing where it is not said, or is no whole number."""
    assert [difference_of(((DIFFERENCE, text),)) for text in ("5", "-1200", "0", "1.5", "much")] == [5, -1200, 0, 0, 0]
    assert difference_of(()) == 0


def test_a_register_that_was_not_read_is_missing_on_both_sides():
    """Without a believable reading before or after the change there is no energy."""
    nan = Point(*POINT[:5], "f32", *POINT[6:12], 0, *POINT[13:])
    for before, after in ((nan, POINT), (POINT, nan)):
        words = {True: (0x7FC0, 0), False: _words(45)}
        energy = changed_energy(before, words[before is nan], [_change(100, 100)], after, words[after is nan])
        assert energy == (0, MISSING + DECLARED)


def test_a_rise_that_was_declared_right_counts():
    """9,000 kWh in one step count as they are, and say that a person vouches for them."""
    assert accepted_energy(POINT, RATIOS, _words(100), _words(4600)) == (9000000, DECLARED)


def test_a_part_of_a_declared_span_says_what_it_is():
    """One of several parts is an estimate of shape; ends between readings and a moved clock are said, too."""
    before = Before((0, 0), 1, 2)
    for parts, start, end, flag, said in (
        (1, (), (), "", DECLARED),
        (4, (), (), "", ESTIMATED_SHAPE + DECLARED),
        (1, (before,), (), "", INTERPOLATED + DECLARED),
        (1, (), (before,), "", INTERPOLATED + DECLARED),
        (1, (), (), MOVED, MOVED + DECLARED),
    ):
        span = Span("m", "q", (0, 0), 0, (0, 1), 1, 0, parts, 7, flag, start, end, 3, 9)
        found = part_span(span, 1002, DECLARED)
        assert found[:8] == span[:8] and found.start_before == start and found.end_before == end
        assert found.energy_wh == (1002 if parts == 1 else 251)
        assert sorted(found.flag) == sorted(said)
        assert (found.weight, found.weights) == (0, 0)


def test_a_watt_hour_less_is_a_decrease():
    """A register that shows one Wh less than before the change decreased; one Wh more is counted; none is none."""
    meter = Point(*POINT[:7], (1, 1), "Wh", "direct", (), True, 10000, *POINT[13:])
    for final_wh, energy in ((500, (0, DECLARED)), (501, (1, DECLARED)), (499, (0, DECREASED + DECLARED))):
        assert changed_energy(meter, _words(500), [_change(final_wh, 0)], meter, _words(0)) == energy
    for final_wh, energy in ((499, (999, ROLLED_OVER + DECLARED)), (500, (1000, ROLLED_OVER + DECLARED))):
        assert changed_energy(meter, _words(9500), [_change(final_wh, 0)], meter, _words(0)) == energy
    assert changed_energy(meter, _words(9500), [_change(501, 0)], meter, _words(0)) == (0, DECREASED + DECLARED)
