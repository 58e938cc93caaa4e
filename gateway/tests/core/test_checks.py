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


def test_at_both_ends_of_a_spike():
    """Of 12 intervals a day the highest may be 2.8 times the third; it must be a hundredth of what is connected."""

    def told(hours, highest, base=90000):
        return [row[1] for row in lived(checks(), hours, lambda hour: highest if hour == 14 else base)]

    day = list(range(12, 25))  # twelve hours, and the first of the next day
    assert told(day, 252001) == [SPIKE, SPIKE] and told(day, 252000) == []
    assert told(day[1:], 252001) == []
    assert told(day, 1000, 100) == [SPIKE, SPIKE] and told(day, 999, 100) == []
    assert told(day, 1000, 0) == []


def test_a_spike_says_where_and_how_high():
    """The start of the interval, its power and that of the third highest; short intervals count as power."""
    one = checks()
    for quarter in range(4 * 24 + 1):
        at_s = START_S + quarter * 900
        wh = {40: 30000, 41: 9000, 96: 1}.get(quarter, 8000)
        one.take(at_s, at_s + 900, (Energy("Intake", wh, 0, ""), Energy("Mill", wh - 1, 1, "")))
    details = {"at_s": "%d" % (START_S + 40 * 900), "highest_w": "120000", "third_w": "32000"}
    assert one.standing == {(SPIKE, "Intake"): details, (SPIKE, "Mill"): details}
    for hour in range(25, 49):
        at_s = START_S + hour * HOUR_S
        one.take(at_s, at_s + HOUR_S, (Energy("Intake", 1, 0, ""), Energy("Mill", 1, 0, "")))
    assert one.standing == {}


def test_which_hours_a_silent_one_is_held_against():
    """The same hour one, two, three and seven days before must all have had consumption; no other hour counts."""
    for days, told in (((1, 2, 3, 7), True), ((1, 2, 3), False), ((2, 3, 7), False), ((1, 3, 7), False),
                       ((1, 2, 7), False), ((1, 2, 3, 6), False)):  # fmt: skip
        one = checks()
        ran = [190 - 24 * day for day in days]
        found = lived(one, range(192), lambda hour, ran=ran: 5000 if hour in ran else 0, lambda hour: 5000)
        assert [row for row in found if row[1] == ZERO] == ([(191, ZERO, "Mill")] if told else [])
        if told:
            assert one.standing[(ZERO, "Mill")] == {
                "since_s": "%d" % (START_S + 190 * HOUR_S),
                "week_before_wh": "5000",
            }


def test_the_details_of_a_residual_are_of_two_days():
    """Residual and flow of at most 48 hours; what was before is forgotten."""
    one = checks()
    lived(one, range(24 * 4 + 1), works, lambda hour: works(hour) + (4000 if hour >= 24 else 9000))
    (key,) = [key for key in one.standing if key[0] == UNMETERED_LOAD]
    assert key[1] == "LV"
    one = checks()
    lived(one, range(24 * 4 + 1), works, works)
    assert one.standing == {}
    lived(one, range(97, 24 * 6 + 1), works, lambda hour: works(hour) + 4000)
    details = one.standing[(UNMETERED_LOAD, "LV")]
    assert details["hours"] == "48" and details["residual_wh"] == "%d" % (47 * 4000)
    flowed = [works(hour) + (4000 if hour >= 97 else 0) for hour in range(96, 144)]
    assert details["through_wh"] == "%d" % sum(flowed)
