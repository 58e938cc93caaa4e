"""Factors: reading them, finding the one that holds, and everything that can be wrong."""

from gateway.core.account.factor import FactorTable, read_factors

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
