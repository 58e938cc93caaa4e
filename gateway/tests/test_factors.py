"""The factor table that comes with the product, and one's own."""

from pathlib import Path

import pytest

from gateway.core.account.factor import FactorTable
from gateway.core.problem import ProblemError
from gateway.factors import factors_of_text, factors_text, load_factors

AT_S = 1790000000  # a day in 2026
RISING = {"Fujian", "Jiangxi", "Hunan", "Guangdong", "Guangxi", "Chongqing", "Sichuan", "Guizhou", "Yunnan", "Qinghai"}


def grid_mg(table: FactorTable, factor_set: str, region: str) -> int:
    """Return the factor of grid electricity, which must be there."""
    row = table.lookup(factor_set, "grid", region, AT_S)
    assert row is not None, (factor_set, region)
    return row.mg_per_kwh


def test_twenty_provinces_fell_and_ten_rose_in_2023() -> None:
    """The ministry names the ten provinces whose 2023 factor is above that of 2022; the other twenty fell."""
    table = load_factors()
    names = [region.name for region in table.regions if region.name != "East Inner Mongolia"]
    assert len(names) == 30
    risen = {name for name in names if grid_mg(table, "province-2023", name) > grid_mg(table, "province-2022", name)}
    fallen = {name for name in names if grid_mg(table, "province-2023", name) < grid_mg(table, "province-2022", name)}
    assert risen == RISING and len(fallen) == 20


@pytest.mark.parametrize(
    ("kind", "region", "permille"),
    [
        ("national", "", -11),
        ("grid", "Beijing", -61),
        ("grid", "Shanghai", -21),
        ("grid", "Hubei", -23),
        ("grid", "Gansu", -54),
        ("grid", "Guangdong", 45),
        ("grid", "Sichuan", 90),
        ("residual", "", 41),
    ],
)
def test_changes_to_2023_are_those_announced(kind: str, region: str, permille: int) -> None:
    """Change of the national, regional and residual factors from 2022 to 2023, in the announced tenths of a percent."""
    table = load_factors()
    before, after = grid_mg(table, f"{kind}-2022", region), grid_mg(table, f"{kind}-2023", region)
    assert round((after - before) * 1000 / before) == permille


@pytest.mark.parametrize(
    ("factor_set", "region", "mg"),
    [
        ("NDRC910-trial", "Jiangsu", 832500),
        ("fossil-2022", "", 832500),
        ("fossil-2023", "", 827300),
        ("national-2021", "", 556800),
        ("province-2023", "江苏", 582700),
        ("province-2021", "云南", 123500),
        ("grid-2023", "Jiangsu", 550000),
        ("grid-2023", "East Inner Mongolia", 512200),
        ("grid-2023", "Inner Mongolia", 636100),
    ],
)
def test_single_factors_are_as_announced(factor_set: str, region: str, mg: int) -> None:
    """Spot values of the announcements and of the parks' method, found by English and Chinese names."""
    assert grid_mg(load_factors(), factor_set, region) == mg


def test_the_parks_method_counts_direct_and_certified_power_as_nil() -> None:
    """NDRC910-trial: nil for directly supplied non-fossil power and for renewables with certificates, from 2025 on."""
    table = load_factors()
    first_s = 1735660800  # 2025-01-01 in China
    assert table.lookup("NDRC910-trial", "grid", "Jiangsu", first_s - 1) is None
    for origin in ("solar", "wind", "hydro", "nuclear", "biomass", "certificate"):
        row = table.lookup("NDRC910-trial", origin, "Jiangsu", first_s)
        assert row is not None and row.mg_per_kwh == 0
    assert table.lookup("NDRC910-trial", "gas", "Jiangsu", AT_S) is None


def test_every_factor_says_where_it_comes_from() -> None:
    """No row of the shipped table is without source, basis and validity; every grid set has every province's grid."""
    table = load_factors()
    assert all(row.source and row.basis and row.valid_from_s is not None for row in table.rows)
    for row in table.rows:
        assert row.valid_from_s is not None
        assert table.lookup(row.set, row.origin, row.region, row.valid_from_s - 1) is None
    for region in table.regions:
        for year in (2021, 2022, 2023):
            assert grid_mg(table, f"grid-{year}", region.name) > 100000
            assert grid_mg(table, f"province-{year}", region.name) > 100000


def test_a_table_of_ones_own_is_used_instead(tmp_path: Path) -> None:
    """A factors.toml in the home folder replaces the shipped one, as a whole."""
    assert load_factors(tmp_path).sets() == load_factors().sets()
    text = '[[set]]\nid = "mine"\nbasis = "b"\nsource = "s"\nvalid_from = "2025-01-01"\n[set.grid]\n"*" = "0.5"\n'
    (tmp_path / "factors.toml").write_text(text, encoding="utf-8")
    assert load_factors(tmp_path).sets() == ("mine",)
    assert factors_text(tmp_path) == text


@pytest.mark.parametrize(
    ("text", "code"), [("[[set", "WP-CFG-030"), ("[[set]]\nid = 1\n", "WP-CFG-004"), ("\xff", "WP-CFG-043")]
)
def test_a_broken_table_is_a_clear_problem(tmp_path: Path, text: str, code: str) -> None:
    """Broken TOML, wrong values and wrong encoding are told with the file's name."""
    (tmp_path / "factors.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ProblemError) as caught:
        load_factors(tmp_path)
    assert caught.value.problems[0].code == code
    assert str(tmp_path) in caught.value.problems[0].where


def test_a_province_without_a_factor_is_told_when_the_site_is_checked() -> None:
    """Sets by region need a known province; national sets and the parks' method do not."""
    table = factors_of_text(factors_text())
    assert table.lacking(("NDRC910-trial", "national-2023", "grid-2023", "province-2023"), "江苏") == []
    found = table.lacking(("NDRC910-trial", "grid-2023", "province-2023"), "Jiangsoo")
    assert [(one.code, one.values["set"]) for one in found] == [
        ("WP-ACC-049", "grid-2023"),
        ("WP-ACC-049", "province-2023"),
    ]
