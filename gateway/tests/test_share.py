"""Rounding random tables in both directions."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.account.share import round_columns, share, share_table

PARTS = 12  # cells are whole twelfths, so that halves, thirds and quarters occur


@st.composite
def tables(draw: st.DrawFn) -> list[list[int]]:
    """Draw a table in twelfths whose rows and columns add up to whole numbers: a mix of whole tables of equal sums."""
    height, width = draw(st.integers(2, 7)), draw(st.integers(2, 7))
    table = [[draw(st.integers(0, 1)) * PARTS for _ in range(width)] for _ in range(height)]
    chance = draw(st.randoms(use_true_random=False))
    kinds = draw(st.sampled_from(((6,), (6, 4), (3, 4, 6))))
    for _ in range(draw(st.integers(1, height * width))):
        one, other = chance.sample(range(height), 2)
        left, right = chance.sample(range(width), 2)
        part = chance.choice(kinds)
        for row, column, change in ((one, left, part), (one, right, -part), (other, left, -part), (other, right, part)):
            table[row][column] += change
    lift = -(min(map(min, table)) // PARTS) * PARTS
    return [[cell + max(lift, 0) for cell in row] for row in table]


@settings(deadline=None, max_examples=500)
@given(tables())
def test_every_table_with_whole_sums_can_be_rounded(table: list[list[int]]) -> None:
    """Every cell comes out as its exact value rounded down or up, and every row and column adds up."""
    height, width = len(table), len(table[0])
    row_totals = [sum(row) // PARTS for row in table]
    columns = []
    for c in range(width):
        cells = [(r, table[r][c] // PARTS, ((table[r][c] % PARTS) << 64) // PARTS) for r in range(height)]
        columns.append((sum(row[c] for row in table) // PARTS, cells))
    sums = [0] * height
    for c, column in enumerate(round_columns(columns, row_totals)):
        assert sum(wh for _, wh in column) == columns[c][0]
        for r, wh in column:
            assert table[r][c] // PARTS <= wh <= -(-table[r][c] // PARTS)
            sums[r] += wh
    assert sums == row_totals


@given(st.integers(0, 10**30), st.lists(st.integers(0, 10**12), min_size=1, max_size=9))
def test_parts_are_within_one_of_what_is_due(total: int, weights: list[int]) -> None:
    """The parts add up, each is what is due rounded down or up, and a larger weight never gets less."""
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    parts = share(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert total * weight // whole <= part <= -(-total * weight // whole)
    pairs = sorted(zip(weights, parts, strict=True))
    assert all(low[1] <= high[1] or low[0] == high[0] for low, high in zip(pairs, pairs[1:], strict=False))


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=6), st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
def test_proportional_tables_close(rows: list[int], columns: list[int]) -> None:
    """A table of two margins adds up at both, each cell rounded down or up from the product over the sum."""
    columns[0] += max(0, sum(rows) - sum(columns))
    rows[0] += max(0, sum(columns) - sum(rows))
    whole = sum(rows)
    table = share_table(rows, columns)
    assert [sum(row) for row in table] == rows
    assert [sum(row[c] for row in table) for c in range(len(columns))] == columns
    for r, row in enumerate(table):
        for c, wh in enumerate(row):
            if whole:
                assert rows[r] * columns[c] // whole <= wh <= -(-rows[r] * columns[c] // whole)
