"""Ratios of direct green supply, hourly matching, and green certificates."""

from gateway.core.account.certificate import Claim, Issue, Used, issue, month_after, use
from gateway.core.account.ratio import SINGLE, YEAR_2030_S, Hour, direct_supply_ratios, match_hours

MWH = 1000000


def test_the_worked_project_meets_its_ratios() -> None:
    """Self-use 15.657143 of 18 MWh is 86.98 % (60 asked), of 24 MWh 65.24 % (30 asked), export 1.5 of 18 is 8.33 %."""
    ratios = direct_supply_ratios(15657143, 18 * MWH, 24 * MWH, 1500000, YEAR_2030_S - 1)
    assert [ratio.part_wh * 1000000 // ratio.whole_wh for ratio in ratios] == [869841, 652380, 83333]
    assert [ratio.meets() for ratio in ratios] == [True, True, True]
    assert [ratio.bound_permille for ratio in ratios] == [600, 300, 200]


def test_bounds_are_kept_exactly_and_change_in_2030() -> None:
    """Exactly at its bound a ratio is kept, one watt-hour beyond it is not; from 2030 on 35 % of use are asked."""
    at = direct_supply_ratios(600, 1000, 2000, 200, 0, SINGLE)
    assert [ratio.meets() for ratio in at] == [True, True, True] and at[0].rule == SINGLE
    beyond = direct_supply_ratios(599, 1000, 1997, 201, YEAR_2030_S)
    assert [ratio.meets() for ratio in beyond] == [False, False, False]
    assert beyond[1].bound_permille == 350
    assert [ratio.meets() for ratio in direct_supply_ratios(0, 0, 0, 0, 0)] == [None, None, None]


def test_hourly_matching_of_four_hours() -> None:
    """Load 100 an hour, green 120, 60, 0, 30, grid 50, 40, 30, 20 %: score 62.5 %, own 47.5 %, by volume 52.5 %."""
    hours = [Hour(100, green, grid) for green, grid in ((120, 500), (60, 400), (0, 300), (30, 200))]
    matching = match_hours(hours)
    assert (matching.hourly_ppm(), matching.own_ppm(), matching.volume_ppm()) == (625000, 475000, 525000)
    assert match_hours([]).hourly_ppm() == 0


def test_a_published_score_is_plausible() -> None:
    """7 % contracted all year and a grid of 18 %: the grid adds 0.18 of 93 %, so 23.74 % in all (23 published)."""
    assert match_hours([Hour(1000, 70, 180)]).hourly_ppm() == 237400


def test_certificates_carry_their_remainder() -> None:
    """1,234,567 kWh in January give 1,234 and carry 567 kWh; 800,433 kWh in February give 801 and carry nothing."""
    january = issue((2026, 1), 1234567000, 0)
    assert january == Issue((2026, 1), 1234, 567000, (2027, 12))
    assert issue((2026, 2), 800433000, january.carried_wh) == Issue((2026, 2), 801, 0, (2028, 1))


def test_months_are_counted_over_the_year() -> None:
    """December and a month is January; two years from any month end the month before it."""
    assert month_after((2026, 12), 1) == (2027, 1) and month_after((2026, 6), 23) == (2028, 5)


def test_a_certificate_is_used_once_and_while_it_is_valid() -> None:
    """The oldest valid ones go first; none is used before it was issued, after it lapsed, or twice."""
    issues = [Issue((2026, 1), 10, 0, (2027, 12)), Issue((2026, 3), 5, 0, (2028, 2))]
    claims = [Claim((2026, 2), 4), Claim((2026, 3), 8), Claim((2028, 1), 9), Claim((2025, 12), 1)]
    assert use(issues, claims) == [
        Used(Claim((2025, 12), 1), (), 1),
        Used(Claim((2026, 2), 4), (((2026, 1), 4),), 0),
        Used(Claim((2026, 3), 8), (((2026, 1), 6), ((2026, 3), 2)), 0),
        Used(Claim((2028, 1), 9), (((2026, 3), 3),), 6),
    ]
