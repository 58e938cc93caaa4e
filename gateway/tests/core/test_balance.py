"""Tests of the balance of a busbar: each cause is told by its law, and nothing is said of what is not clear."""

from gateway.core.account.balance import (
    LOSSES,
    METER_ERROR,
    UNCLEAR,
    UNMETERED_LOAD,
    UNMETERED_SOURCE,
    cause_of,
)

# A day of a works: 20 kWh an hour at night, up to 200 by day.
THROUGH = [20000] * 7 + [80000, 150000, 190000, 200000, 170000, 90000, 160000, 195000, 180000, 120000] + [40000] * 7


def hours(residual):
    """Return the day with the residual that *residual* makes of what flows."""
    return [(wh, residual(wh)) for wh in THROUGH]


def test_a_meter_that_is_wrong_is_told_by_proportion():
    """Three percent too little or too much of everything that flows, with a few Wh of noise."""
    noisy = [(wh, wh * 3 // 100 + (n % 5 - 2) * 20) for n, wh in enumerate(THROUGH)]
    assert cause_of(noisy) == METER_ERROR
    assert cause_of([(wh, -residual) for wh, residual in noisy]) == METER_ERROR


def test_a_load_without_a_meter_is_told_by_steadiness():
    """5 kWh more go in than come out in every hour, whatever flows; less means a source without a meter."""
    noisy = [(wh, 5000 + (n % 7 - 3) * 30) for n, wh in enumerate(THROUGH)]
    assert cause_of(noisy) == UNMETERED_LOAD
    assert cause_of([(wh, -residual) for wh, residual in noisy]) == UNMETERED_SOURCE


def test_losses_are_told_by_the_square():
    """Six percent of full load are lost there, and a quarter of that share at a quarter of the load."""
    assert cause_of(hours(lambda wh: wh * wh * 6 // (200000 * 100))) == LOSSES
    assert cause_of(hours(lambda wh: -wh * wh * 6 // (200000 * 100))) == UNCLEAR


def test_small_residuals_and_short_histories_say_nothing():
    """One percent is within the class of two meters; twenty-three hours are too few."""
    assert cause_of(hours(lambda wh: wh // 100)) is None
    assert cause_of(hours(lambda wh: 5000)[:23]) is None
    assert cause_of([(0, 0)] * 24) is None


def test_where_nothing_changes_the_cause_is_unclear():
    """A busbar that carries the same in every hour shows a residual, and not why."""
    assert cause_of([(50000, 2000)] * 24) == UNCLEAR


def test_the_least_that_is_spoken_of():
    """Two percent of what flows over 24 hours is, a Wh less is not; hours without flow count among the 24."""
    day = [(100000, 2000)] * 12 + [(50000, 1000)] * 12
    assert cause_of(day) == METER_ERROR
    assert cause_of(day[:-1] + [(50000, 999)]) is None
    assert cause_of([(wh, -residual) for wh, residual in day]) == METER_ERROR
    assert cause_of([(0, 5000)] * 23 + [(100000, 5000)]) == UNMETERED_LOAD
    assert cause_of(day[:-1]) is None


def test_twice_as_well_is_clearly():
    """The best law must leave less than half of what the second leaves; at the half nothing is clear."""
    steady = [(10000 + 100 * n, 5000) for n in range(24)]
    assert cause_of(steady) == UNMETERED_LOAD
    flat = [(10000, 1000 + 50 * (n % 2)) for n in range(24)]
    assert cause_of(flat) == UNCLEAR
    assert cause_of([(10000 + n % 2, 5000 if n < 12 else -4000) for n in range(24)]) == UNCLEAR
