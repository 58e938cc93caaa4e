"""Tests of gateway.core.boundary and like_day: registers between two polls, and gaps shaped by like days."""

from gateway.core.account.factor import FactorTable
from gateway.core.account.interval import Before, Energy, Span
from gateway.core.boundary import (
    MINUTE_MS,
    NEAR_MS,
    TOLERANCE_MS,
    Boundary,
    energy_between,
    is_between,
    rest_wh,
    span_energy,
)
from gateway.core.channel import Channel
from gateway.core.late_truth import Books, Past
from gateway.core.like_day import MOST_PARTS, WEEK_S, like_weights
from gateway.core.meter.profile import Point

# Worked example: six digits and two decimals of kWh at the secondary side of 200/1.
POINT = Point(
    "energy_active_import", "energy_active_import", 3, 0, 2, "u32", "high-first", (1, 100), "kWh", "secondary", ("ct",),
    True, 100000000, (), None, "", True,
)  # fmt: skip
CHANNEL = Channel("m", "energy_active_import", POINT, ((200, 1), (1, 1)), 0)
KEY = ("m", "energy_active_import")


def _words(counts):
    return (counts >> 16, counts & 0xFFFF)


def _at(at_s, counts, late_ms=200, before=()):
    return Boundary(at_s, _words(counts), at_s * 1000 + late_ms, before)


def _between(at_s, before_ms, before, after_ms, after):
    """Return the boundary at_s between two readings, so many milliseconds before and after it."""
    return _at(at_s, after, after_ms, (Before(_words(before), at_s * 1000 - before_ms, at_s),))


def test_plain_rollover_and_decrease_of_the_worked_register() -> None:
    """120.000 kWh; 110.000 kWh over the width of the register; and nothing where it decreased without reaching it."""
    assert energy_between(CHANNEL, _at(0, 99999920), _at(900, 99999980)) == (120000, "")
    assert energy_between(CHANNEL, _at(0, 99999980), _at(900, 35)) == (110000, "R")
    assert energy_between(CHANNEL, _at(0, 500000), _at(900, 499900)) == (0, "D")


def test_a_rise_that_no_connection_carries_is_put_in_quarantine_without_max_power_too() -> None:
    """A float that a meter filled with anything, 3.4e38 kWh, counts nothing: also where the clock moved meanwhile."""
    register = ("f32", "high-first", (1, 1), "kWh", "direct", (), True, None, (), None, "", True)
    point = Point("energy_active_import", "energy_active_import", 3, 0, 2, *register)
    channel = Channel("m", "energy_active_import", point, ((1, 1), (1, 1)), 0)
    start, end = Boundary(0, (0x4120, 0), 200, ()), Boundary(900, (0x7F7F, 0xFFFF), 900200, ())
    assert energy_between(channel, start, end) == (0, "Q")
    assert energy_between(channel, start, end, moved=True) == (0, "Q")
    assert energy_between(channel, start, Boundary(900, (0x4130, 0), 900200, ()), moved=True)[0] == 1000


def test_the_register_at_a_boundary_lies_on_the_straight_line() -> None:
    """1 s before it 10.00, 3 s after it 10.10: at the boundary a quarter of 20 kWh is counted, 15 kWh come after it."""
    boundary = _between(900, 1000, 1000, 3000, 1010)
    assert is_between(CHANNEL, boundary)
    assert rest_wh(CHANNEL, boundary) == 15000
    assert energy_between(CHANNEL, _at(0, 900), boundary) == ((1010 - 900) * 2000 - 15000, "")
    span = span_energy(CHANNEL, _at(0, 900), boundary, 0, 1)
    assert (span.energy_wh, span.flag, span.end_before) == (205000, "I", boundary.before)


def test_what_cannot_be_counted_whole_is_rounded_once_and_given_to_the_later_interval() -> None:
    """One count of 2 kWh in 7 s, 3 s of them before the boundary: 857 Wh before it, 1143 Wh after it."""
    boundary = _between(900, 3000, 1000, 4000, 1001)
    first = energy_between(CHANNEL, _at(0, 1000), boundary)
    second = energy_between(CHANNEL, boundary, _at(1800, 1001))
    assert (first[0], second[0]) == (857, 1143)


def test_intervals_between_interpolated_boundaries_add_up_to_the_registers() -> None:
    """Over a roll-over and odd milliseconds, the sum of the intervals is last minus first register exactly."""
    counts, boundaries = 99999000, [_at(0, 99999000)]
    for number in range(1, 40):
        step = number * 7919 % 101
        before, after = (counts + step) % 100000000, (counts + 3 * step) % 100000000
        boundaries.append(_between(number * 900, 1 + number * 37 % 4000, before, 1001 + number * 53 % 4000, after))
        counts = after
    last = boundaries[-1]
    boundaries[-1] = Boundary(last.at_s, last.words, last.read_ms, ())
    energies = [energy_between(CHANNEL, boundaries[n], boundaries[n + 1]) for n in range(39)]
    assert sum([wh for wh, _ in energies]) == (counts - 99999000) % 100000000 * 2000
    assert min([wh for wh, _ in energies]) >= 0
    assert "R" in "".join([flag for _, flag in energies])


def test_readings_that_are_not_around_the_boundary_are_told() -> None:
    """Both readings after the boundary, or a register that went backwards between them, are no interpolation."""
    assert not is_between(CHANNEL, _between(900, -1, 1000, 3000, 1010))
    assert not is_between(CHANNEL, _between(900, 1000, 1010, 3000, 1000))


def test_the_gap_of_the_worked_example_linear_and_like_a_day() -> None:
    """800 kWh over four intervals: 200 each, or 100, 200, 300, 200 by 1:2:3:2; what is left over is shared."""
    start, end = _at(0, 100000), _at(3600, 100400)
    linear = [span_energy(CHANNEL, start, end, part, 4) for part in range(4)]
    assert [(span.energy_wh, span.flag) for span in linear] == [(200000, "E")] * 4
    like = [span_energy(CHANNEL, start, end, part, 4, (1, 2, 3, 2)) for part in range(4)]
    assert [span.energy_wh for span in like] == [100000, 200000, 300000, 200000]
    assert [(span.weight, span.weights) for span in like] == [(1, 8), (2, 8), (3, 8), (2, 8)]
    assert {span.flag for span in like} == {"Y"}
    one = Channel("m", "energy_active_import", POINT, ((1, 1), (1, 1)), 0)
    wh = [span_energy(one, _at(0, 0), _at(3600, 80001), part, 4, (1, 2, 3, 2)).energy_wh for part in range(4)]
    assert wh == [100001, 200003, 300004, 200002]


class _Weeks(Books):
    """Books in which the hour of some weeks before was measured, by week and part."""

    def __init__(self, weeks):
        self._weeks = weeks

    def interval(self, at_s):
        week = -(at_s // WEEK_S)
        part = (at_s + week * WEEK_S) // 900
        if week not in self._weeks or part > 3:
            return None
        wh, flag = self._weeks[week][part]
        span = Span("m", "energy_active_import", (), 0, (), 0, 0, 1, wh, flag, (), (), 0, 0)
        return Past(None, FactorTable(()), at_s, at_s + 900, (span,), (Energy("Mill", wh, 0, flag),), (), ())


BOUNDARIES = [0, 900, 1800, 2700, 3600]


def test_like_days_are_the_measured_ones_of_three_weeks() -> None:
    """The energies of the same hours one, two and three weeks before add up; a week with an estimate does not count."""
    good = [(1, ""), (2, "I"), (3, "L"), (2, "R")]
    assert like_weights(_Weeks({1: good}), KEY, BOUNDARIES) == (1, 2, 3, 2)
    assert like_weights(_Weeks({1: good, 3: good}), KEY, BOUNDARIES) == (2, 4, 6, 4)
    for bad in ("E", "M", "Y", "D"):
        worse = good[:3] + [(9, bad)]
        assert like_weights(_Weeks({1: good, 2: worse}), KEY, BOUNDARIES) == (1, 2, 3, 2)


def test_without_a_like_day_there_are_no_weights() -> None:
    """Weeks older than three, other registers, days of nothing and longer gaps give no shape."""
    good = [(1, ""), (2, ""), (3, ""), (2, "")]
    assert like_weights(_Weeks({4: good}), KEY, BOUNDARIES) == ()
    assert like_weights(_Weeks({1: good}), ("n", KEY[1]), BOUNDARIES) == ()
    assert like_weights(_Weeks({1: [(0, "")] * 4}), KEY, BOUNDARIES) == ()
    assert like_weights(_Weeks({1: good}), KEY, list(range(0, 900 * (MOST_PARTS + 2), 900))) == ()


def test_a_boundary_that_was_read_late_is_told() -> None:
    """Six seconds after it, at either end, the energy stands and says so; five are within what a full bus takes."""
    for start_ms, end_ms, flag in ((200, 6000, "L"), (6000, 200, "L"), (5000, 5000, "")):
        span = span_energy(CHANNEL, _at(0, 900, start_ms), _at(900, 910, end_ms), 0, 1)
        assert (span.energy_wh, span.flag) == (20000, flag)


def test_the_flags_of_a_span_at_both_ends() -> None:
    """Late beyond five seconds; kept by the meter where both ends are full minutes; parts are estimates of shape."""
    for late_ms, flag in ((5000, ""), (5001, "L")):
        assert span_energy(CHANNEL, _at(0, 0), _at(900, 100, late_ms), 0, 1).flag == flag
        assert span_energy(CHANNEL, _at(0, 0, late_ms), _at(900, 100), 0, 1).flag == flag
    assert span_energy(CHANNEL, _at(0, 0, 9000), _at(900, 100), 0, 2).flag == "E"
    for first_ms, second_ms, kept in ((0, 0, True), (0, 200, False), (200, 0, False), (60000, 0, True)):
        flag = span_energy(CHANNEL, _at(0, 0, first_ms), _at(900, 100, second_ms), 0, 2).flag
        assert ("F" in flag) == kept
    between = _between(900, 1000, 90, 9000, 100)
    assert span_energy(CHANNEL, _at(0, 0), between, 0, 1).flag == "I"
    span = span_energy(CHANNEL, between, _at(1800, 200), 0, 1)
    assert (span.flag, span.start_before, span.end_before) == ("I", between.before, ())
    assert (span.weight, span.weights, span.part, span.parts) == (0, 0, 0, 1)
    assert span[:6] == ("m", "energy_active_import", _words(100), 909000, _words(200), 1800200)
    assert (NEAR_MS, TOLERANCE_MS, MINUTE_MS) == (1000, 5000, 60000)


def test_nothing_that_flowed_has_no_shape() -> None:
    """With or without like days, nothing is split into nothing; a decrease counts nothing in every part."""
    for weights in ((), (1, 2)):
        for part in (0, 1):
            assert span_energy(CHANNEL, _at(0, 100), _at(1800, 100), part, 2, weights).energy_wh == 0
            assert span_energy(CHANNEL, _at(0, 100), _at(1800, 99), part, 2, weights).energy_wh == 0
    assert [span_energy(CHANNEL, _at(0, 0), _at(1800, 1), part, 2, (1, 3)).energy_wh for part in (0, 1)] == [500, 1500]


def test_a_boundary_lies_strictly_between_its_readings() -> None:
    """At the very moment of either reading there is nothing to interpolate."""
    for before_ms, after_ms, between in ((1, 1, True), (0, 1, False), (1, 0, False), (-1, 5, False)):
        assert is_between(CHANNEL, _between(900, before_ms, 100, after_ms, 101)) == between
    assert not is_between(CHANNEL, _between(900, 1000, 101, 1000, 100))
    assert is_between(CHANNEL, _between(900, 1000, 99999999, 1000, 5))
    bounded = Channel("m", "energy_active_import", POINT, ((200, 1), (1, 1)), 1000)
    assert not is_between(bounded, _between(900, 1000, 0, 1000, 100000))
    assert is_between(bounded, _between(900, 1000, 0, 1000, 1))


def test_a_clock_that_moved_is_said_and_a_jump_is_not() -> None:
    """Where nobody knows how long it took, nothing is too fast; otherwise a jump counts nothing."""
    bounded = Channel("m", "energy_active_import", POINT, ((200, 1), (1, 1)), 1000)
    assert energy_between(bounded, _at(0, 0), _at(900, 100000)) == (0, "Q")
    assert energy_between(bounded, _at(0, 0), _at(900, 100000), True) == (200000000, "T")
    assert energy_between(CHANNEL, _at(0, 100), _at(900, 99), True) == (0, "DT")
