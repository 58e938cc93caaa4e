"""Factors: reading them, finding the one that holds, and everything that can be wrong."""

from gateway.core.account.factor import EmissionFactor, FactorTable, day_text, read_factors, validity
from gateway.core.park_day import park_day, park_day_start_s

TABLE = {
    "region": [
        {"id": "Jiangsu", "zh": "江苏", "grid": "East"},
        {"id": "Tibet", "zh": "西藏", "grid": ""},
    ],
    "set": [
        {
            "id": "n", "basis": "average", "source": "s", "valid_from": "1970-01-01", "grid": {"*": "0.5306"},
            "zero": ["solar"],
        },
        {"id": "g", "basis": "average", "source": "s", "valid_from": "1970-01-01", "grid": {"East": "0.5500"}},
        {
            "id": "p", "basis": "average", "source": "s", "valid_from": "1970-01-01",
            "grid": {"Jiangsu": "0.5827", "East": "1", "*": "2.5"},
        },
        {
            "id": "d", "basis": "b", "source": "s", "grid": {"*": "0"},
            "valid_from": "2023-01-01", "valid_to": "2024-02-29",
        },
    ],
}  # fmt: skip


def _table() -> FactorTable:
    table, problems = read_factors(TABLE)
    assert problems == [] and table is not None
    return table


def test_kilograms_become_whole_milligrams() -> None:
    """0.5306 kg/kWh is 530600 mg/kWh; a listed origin emits nothing; the id says set, region and origin."""
    table = _table()
    row = table.lookup("n", "grid", "Jiangsu", 0)
    assert row is not None and row.mg_per_kwh == 530600 and row.id == "n:grid" and row.region == ""
    solar = table.lookup("n", "solar", "", 0)
    assert solar is not None and solar.mg_per_kwh == 0
    grid = table.lookup("p", "grid", "Jiangsu", 0)
    assert grid is not None and grid.id == "p:Jiangsu:grid" and grid.mg_per_kwh == 582700


def test_the_nearest_region_wins() -> None:
    """Province before its grid before everywhere; a Chinese name finds the same row."""
    table = _table()
    assert table.lookup("g", "grid", "Jiangsu", 0) == table.lookup("g", "grid", "江苏", 0)
    assert [row.mg_per_kwh for row in (table.lookup("p", "grid", "Tibet", 0),) if row is not None] == [2500000]


def test_what_is_not_there_is_none() -> None:
    """No factor is invented for another set, origin, region or time."""
    table = _table()
    assert table.lookup("x", "grid", "Jiangsu", 0) is None
    assert table.lookup("n", "gas", "Jiangsu", 0) is None
    assert table.lookup("g", "grid", "Tibet", 0) is None


def test_validity_is_half_open_and_counts_days_in_china() -> None:
    """2023-01-01 in China begins at 1672502400 UTC and 2024-02-29 at 1709136000; the end is not included."""
    table = _table()
    found = [table.lookup("d", "grid", "", at) is not None for at in (1672502399, 1672502400, 1709135999, 1709136000)]
    assert found == [False, True, True, False]


def test_everything_wrong_is_told_at_once() -> None:
    """One reading names every wrong key, number, region, date and double row."""
    table, problems = read_factors(
        {
            "sets": [],
            "region": [{"id": "A", "zh": "", "grid": "", "size": 1}],
            "set": [
                {"id": "a", "basis": "b", "source": "s", "valid_from": "2023-02-29", "grid": {"B": "1.0"}},
                {
                    "id": "c",
                    "basis": 7,
                    "source": "s",
                    "valid_from": "1970-01-01",
                    "grid": {"*": 0.5, "A": "1.2345678"},
                    "zero": "solar",
                },
                {
                    "id": "c",
                    "basis": "b",
                    "source": "s",
                    "valid_from": "1970-01-01",
                    "grid": {"*": "1"},
                    "colour": "green",
                },
            ],
        }
    )
    assert table is None
    found = sorted([one.code for one in problems])
    assert found == [
        "WP-ACC-041",
        "WP-ACC-044",
        "WP-ACC-045",
        "WP-ACC-045",
        "WP-ACC-046",
        "WP-CFG-002",
        "WP-CFG-002",
        "WP-CFG-002",
        "WP-CFG-004",
        "WP-CFG-017",
    ]


def test_a_list_is_no_table() -> None:
    """Something else than a table is a problem, not a crash."""
    assert read_factors([])[0] is None
    assert read_factors({"set": {}})[0] is None
    assert read_factors({"set": [1]})[0] is None


def test_bad_decimals_are_refused() -> None:
    """A factor is written with digits and at most one point; signs, exponents and empty texts are no factors."""
    for text in ("", ".5", "-1", "1e3", "1.0000001", "100", "0,5", " 1", "1.2.3", None, 1):
        table, problems = read_factors(
            {"set": [{"id": "a", "basis": "b", "source": "s", "valid_from": "1970-01-01", "grid": {"*": text}}]}
        )
        assert table is None and [one.code for one in problems] == ["WP-ACC-045"], text


def test_sets_and_regions_are_known_by_name() -> None:
    """All sets in order; a region in English or Chinese, and None for what is none."""
    table = _table()
    assert table.sets() == ("d", "g", "n", "p")
    assert [one and one.name for one in (table.region("西藏"), table.region("Jiangsu"), table.region("Mars"))] == [
        "Tibet", "Jiangsu", None,
    ]  # fmt: skip


def test_of_factors_that_hold_the_one_that_began_last_is_found() -> None:
    """In whatever order they stand in the table; one without a begin holds longest."""
    rows = [
        EmissionFactor("a%s" % begin, "a", "grid", "", mg, "b", begin, None, "s")
        for begin, mg in ((None, 1), (100, 2), (200, 3))
    ]
    for order in (rows, rows[1:] + rows[:1], [rows[2], rows[1], rows[0]]):
        table = FactorTable(tuple(order))
        found = [table.lookup("a", "grid", "", at_s) for at_s in (99, 100, 199, 200)]
        assert [one and one.mg_per_kwh for one in found] == [1, 2, 2, 3]


def test_a_set_without_a_factor_for_the_grid_of_a_province_is_told() -> None:
    """A province known or not, of a grid with a factor or without; a national set lacks nothing."""
    table = _table()
    assert [one.code for one in table.lacking(("n", "g", "p"), "Jiangsu")] == []
    assert [one.values["set"] for one in table.lacking(("n", "g", "x"), "Tibet")] == ["g", "x"]
    (unknown,) = table.lacking(("g",), "Mars")
    assert (unknown.code, unknown.values["known"]) == ("WP-ACC-049", "Jiangsu, Tibet")
    (empty,) = FactorTable(()).lacking(("g",), "")
    assert (empty.values["region"], empty.values["known"]) == ("-", "-")


def test_days_are_written_as_they_are_read() -> None:
    """The begin of a day in China is that day; the second before it still belongs to the day before."""
    for at_s, day in (
        (1672502400, "2023-01-01"), (1672502399, "2022-12-31"), (1709136000, "2024-02-29"), (1709222400, "2024-03-01"),
        (951753600, "2000-02-29"),
    ):  # fmt: skip
        assert day_text(at_s) == day
    table = _table()
    rows = [row for row in table.rows if row.id in ("d:grid", "n:grid")]
    assert sorted([validity(row) for row in rows]) == ["1970-01-01/..", "2023-01-01/2024-02-29"]
    assert validity(EmissionFactor("a", "a", "grid", "", 1, "b", None, None, "s")) == "../.."


def test_what_is_no_day_is_told() -> None:
    """Years of two digits, months that are none and words: each is no date."""
    for day in ("23-01-01", "2023-1-1", "2023-13-01", "2023-00-01", "2023-04-31", "1969-12-31", "a023-01-01", 2023):
        table, problems = read_factors(
            {"set": [{"id": "a", "basis": "b", "source": "s", "valid_from": day, "grid": {"*": "1"}}]}
        )
        assert table is None and [one.code for one in problems] == ["WP-ACC-046"], day


def test_every_day_of_the_calendar_is_written_and_read() -> None:
    """A calendar counted on day by day, by the lengths of the months, from 1970 past 2100, which has no leap day."""
    year, month, day, begins = 1970, 1, 1, -8 * 3600
    while year < 2102:
        text = "%04d-%02d-%02d" % (year, month, day)
        assert day_text(begins) == text and day_text(begins + 86399) == text
        if day in (1, 28, 29, 30, 31):
            assert park_day_start_s(year, month, day) == begins, text
        begins += 86400
        day += 1
        leap = year % 400 == 0 or (year % 4 == 0 and year % 100 != 0)
        if day > (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]:
            assert park_day_start_s(year, month, day) is None
            month, day = month + 1, 1
        if month > 12:
            year, month = year + 1, 1


def test_what_is_no_day_of_the_calendar() -> None:
    """Days before 1970, month 0 and 13, day 0, and the leap day of a year that has none."""
    for year, month, day in ((1969, 12, 31), (2023, 0, 1), (2023, 13, 1), (2023, 1, 0), (2023, 2, 29), (2100, 2, 29)):
        assert park_day_start_s(year, month, day) is None
    assert park_day_start_s(1970, 1, 1) == -28800
    leap_day = park_day_start_s(2400, 2, 29)
    assert leap_day == 13574563200 - 28800
    assert [day_text(leap_day + number * 86400) for number in (-1, 0, 1)] == ["2400-02-28", "2400-02-29", "2400-03-01"]
    assert park_day(-28801) == -1 and park_day(-28800) == 0 and park_day(57599) == 0 and park_day(57600) == 1
