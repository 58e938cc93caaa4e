"""Tests of the checks over closed intervals: what is told, when, and what is not."""

from gateway.core.account.balance import METER_ERROR, UNMETERED_LOAD, UNMETERED_SOURCE
from gateway.core.account.checks import SPIKE, ZERO, IntervalChecks
from gateway.core.account.interval import Energy
from gateway.core.flag import MISSING
from gateway.core.park_day import HOUR_S
from gateway.core.site import Meter, MeterPoint, SelfUseRule, Site

START_S = 1795190400  # midnight in the park
POINTS = (
    MeterPoint("Intake", "intake", "m1", "LV", "", "grid", False),
    MeterPoint("Mill", "load", "m2", "LV", "", "", False),
)


def checks(shared=(), points=POINTS):
    """Return the checks of an intake and a mill of at most 100 kW on one busbar."""
    meters = tuple([Meter(name, "b", 1, "p", "", (1, 1), (1, 1), 100000) for name in ("m1", "m2")])
    rule = SelfUseRule(HOUR_S, "proportional", "user", "renewable")
    fields = {
        "gateway": "g", "park": "p", "interval_s": HOUR_S, "self_use": rule, "province": "Jiangsu", "factor_sets": (),
        "meters": meters, "meter_points": points, "storages": (),
    }  # fmt: skip
    return IntervalChecks(Site(*[fields.get(name, 60) for name in SITE_FIELDS]), shared)


SITE_FIELDS = (
    "gateway", "park", "interval_s", "cycle_s", "readings_s", "hold_s", "self_use", "province", "factor_sets", "buses",
    "meters", "meter_points", "storages", "slow_s", "boundary", "gap_shape",
)  # fmt: skip


def lived(one, hours, mill, intake=None, flag=lambda hour: ""):
    """Let hours pass; return (hour, code, place) of what was found."""
    found = []
    for hour in hours:
        energies = (
            Energy("Intake", (intake or mill)(hour), 0, ""),
            Energy("Mill", mill(hour), 0, flag(hour)),
        )
        at_s = START_S + hour * HOUR_S
        found += [(hour, code, place) for code, place in one.take(at_s, at_s + HOUR_S, energies)]
    return found


def works(hour):
    """Return what a works takes in an hour of any day."""
    return 20000 + 3000 * (hour % 24) + 100 * (hour % 7)


def test_a_quiet_week_says_nothing():
    """Eight days alike, and a mill that never ran: there is nothing to tell."""
    assert lived(checks(), range(8 * 24), works) == []
    assert lived(checks(), range(8 * 24), lambda hour: 0) == []


def test_an_hour_without_consumption_is_told_where_there_always_was_some():
    """After a week, hour 180 takes nothing: told when the hour is over, and no more once the mill runs again."""
    one = checks()
    found = lived(one, range(183), lambda hour: 0 if hour in (180, 181) else works(hour), works)
    assert [row for row in found if row[1] == ZERO] == [(181, ZERO, "Mill")]
    assert (ZERO, "Mill") in one.standing
    lived(one, (183, 184), works)
    assert (ZERO, "Mill") not in one.standing


def test_a_missing_register_is_no_hour_without_consumption():
    """A meter that was not read counts 0 and says nothing of its load."""
    missing = lived(
        checks(), range(183), lambda hour: 0 if hour == 180 else works(hour), works,
        lambda hour: MISSING if hour == 180 else "",
    )  # fmt: skip
    assert missing == []


def test_a_spike_is_told_at_the_end_of_its_day():
    """One hour of 270 kWh where the third highest of the day has 90: (270 - 90) / 90 is above 1.8."""

    def mill(peak):
        return lambda hour: peak if hour == 10 else 90000 + hour % 2

    assert (24, SPIKE, "Mill") in lived(checks(), range(25), mill(252010))
    assert lived(checks(), range(25), mill(252000)) == []


def test_a_busbar_that_others_measure_too_is_not_balanced():
    """What leaves it may be measured by another gateway: the same residual says nothing there."""
    assert lived(checks(("LV",)), range(25), works, lambda hour: works(hour) + 4000) == []


def test_the_residual_of_a_busbar_is_told_by_its_cause():
    """From the second day on: 4 kWh an hour without a meter, or an intake that counts a twentieth too much."""
    assert lived(checks(), range(25), works, lambda hour: works(hour) + 4000) == [(24, UNMETERED_LOAD, "LV")]
    assert lived(checks(), range(25), works, lambda hour: works(hour) * 21 // 20) == [(24, METER_ERROR, "LV")]


def test_what_a_tie_carries_is_given_at_one_busbar_and_taken_at_the_other():
    """The mill hangs behind a tie: what is wrong stands at the busbar it is wrong of, and in the whole park if there.

    A tie that counts too much leaves a source without a meter at its own end, and a load at the other.
    """
    points = (
        POINTS[0],
        MeterPoint("Mill", "load", "m2", "HV", "", "", False),
        MeterPoint("Tie", "tie", "m3", "LV", "HV", "", False),
    )
    for intake, tie, expected in (
        (0, 0, []),
        (0, 4000, [(UNMETERED_LOAD, "HV"), (UNMETERED_SOURCE, "LV")]),
        (4000, 4000, [(UNMETERED_LOAD, ""), (UNMETERED_LOAD, "HV")]),
        (4000, 0, [(UNMETERED_LOAD, ""), (UNMETERED_LOAD, "LV")]),
    ):
        one = checks((), points)
        for hour in range(25):
            wh = works(hour)
            rows = (("Intake", wh + intake), ("Mill", wh), ("Tie", wh + tie))
            at_s = START_S + hour * HOUR_S
            one.take(at_s, at_s + HOUR_S, tuple([Energy(name, taken, 0, "") for name, taken in rows]))
        assert sorted(one.standing) == expected
