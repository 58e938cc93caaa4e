"""Energy out of registers is exact: differences add up, whatever the type, the ratios and the roll-overs."""

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.meter.decoding import energy_wh, register_advance, value_of
from gateway.core.meter.profile import SENTINELS, Point

Ratio = tuple[int, int]

factors = st.sampled_from(((1, 1), (1, 10), (1, 100), (1, 1000), (10, 1), (7, 100)))
units = st.sampled_from(("Wh", "kWh", "MWh"))
ratios = st.tuples(st.integers(1, 5000), st.sampled_from((1, 3, 5)))


def register(factor: Ratio, unit: str, kind: str = "u32", wrap: int | None = 1 << 32) -> Point:
    """Return a cumulative register of the secondary side."""
    count = 2 if kind != "u64" else 4
    return Point(
        "energy_active_import", "energy_active_import", 3, 0, count, kind, "high-first", factor, unit, "secondary",
        ("ct", "vt"), True, wrap, SENTINELS[kind], None, "", True,
    )  # fmt: skip


def words(number: int) -> tuple[int, int]:
    """Return *number* as two registers, high word first."""
    return number >> 16, number & 0xFFFF


def exact_wh(number: int, point: Point, ct: Ratio, vt: Ratio) -> Fraction:
    """Return what *number* counts are in Wh, by fractions."""
    wh = {"Wh": 1, "kWh": 1000, "MWh": 1000000}[point.unit]
    return number * Fraction(*point.factor) * wh * Fraction(*ct) * Fraction(*vt)


@given(st.integers(0, (1 << 32) - 2), factors, units, ratios, ratios)
def test_register_is_rounded_down_exactly(number: int, factor: Ratio, unit: str, ct: Ratio, vt: Ratio) -> None:
    """A register in whole Wh is the exact fraction, rounded down."""
    point = register(factor, unit)
    assert energy_wh(point, words(number), (ct, vt)) == floor(exact_wh(number, point, ct, vt))


@given(st.lists(st.integers(0, 1 << 26), min_size=2, max_size=12), st.integers(0, 1 << 31), factors, units, ratios)
def test_advances_telescope(steps: list[int], start: int, factor: Ratio, unit: str, ct: Ratio) -> None:
    """The advances of all intervals add up to the Wh to the advance over the whole time."""
    point = register(factor, unit)
    counts = [start + sum(steps[:index]) for index in range(len(steps) + 1)]
    parts = [
        register_advance(point, words(one), words(other), (ct, (1, 1)))
        for one, other in zip(counts, counts[1:], strict=False)
    ]
    assert {flag for _, flag in parts} == {""}
    whole = register_advance(point, words(counts[0]), words(counts[-1]), (ct, (1, 1)))
    assert (sum(wh for wh, _ in parts), "") == whole


@given(st.integers(1, 1 << 20), st.integers(0, 1 << 20), st.integers(0, 1 << 20), factors, units, ratios)
def test_advances_telescope_over_a_roll_over(
    before: int, after: int, later: int, factor: Ratio, unit: str, ct: Ratio
) -> None:
    """Also where the register passes its width on the way, and within one Wh of the exact energy."""
    width = 100_000_000
    point = register(factor, unit, wrap=width)
    both = (ct, (1, 1))
    over, flag = register_advance(point, words(width - before), words(after), both)
    rest, plain = register_advance(point, words(after), words(after + later), both)
    whole, whole_flag = register_advance(point, words(width - before), words(after + later), both)
    assert (flag, plain, whole_flag) == ("R", "", "R")
    assert over + rest == whole
    assert abs(whole - exact_wh(before + after + later, point, ct, (1, 1))) < 3


@given(st.integers(0, (1 << 32) - 2), st.integers(0, (1 << 32) - 2))
def test_energy_is_never_negative(one: int, other: int) -> None:
    """No pair of readings gives negative energy, nor more than a tenth of the width by roll-over."""
    point = register((1, 1), "Wh")
    wh, flag = register_advance(point, words(one), words(other))
    assert wh >= 0
    assert flag in ("", "R", "D")
    if flag == "R":
        assert wh <= (1 << 32) // 10


@given(st.integers(-(1 << 31) + 1, (1 << 31) - 2), factors, ratios)
def test_values_are_exact_where_decimals_can_say_them(number: int, factor: Ratio, ct: Ratio) -> None:
    """A value is the exact fraction, or it cut off at nine digits."""
    point = register(factor, "kWh", "i32", None)
    found = value_of(point, words(number & 0xFFFFFFFF), (ct, (1, 1)))
    assert found is not None
    value = found[0] * Fraction(10) ** found[1]
    exact = number * Fraction(*factor) * Fraction(*ct)
    if ct[1] == 3:
        assert 0 <= exact - value < Fraction(1, 10**9)
    else:
        assert value == exact
