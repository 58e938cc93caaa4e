"""Splitting by largest remainder, in one direction and in two."""

from gateway.core.account.interval import part_of_span
from gateway.core.account.share import round_columns, share, share_table, whole_and_rest
from gateway.core.flag import join_flags


def test_left_over_watt_hours_go_to_the_largest_remainders() -> None:
    """800 001 Wh by 1:2:3:2 is due 100000.125, 200000.25, 300000.375 and 200000.25: the third gets the odd one."""
    assert share(800001, (1, 2, 3, 2)) == (100000, 200000, 300001, 200000)


def test_equal_remainders_go_to_the_earlier_ones() -> None:
    """Two left-over watt-hours among three equal weights go to the first two."""
    assert share(5, (1, 1, 1)) == (2, 2, 1)
    assert share(1, (7, 7)) == (1, 0)


def test_nothing_is_split_into_nothings() -> None:
    """A total of 0 needs no weights above 0."""
    assert share(0, (0, 0)) == (0, 0)
    assert share(0, ()) == ()


def test_who_weighs_nothing_gets_nothing() -> None:
    """A weight of 0 has no part and no remainder."""
    assert share(7, (0, 3, 0)) == (0, 7, 0)


def test_numbers_beyond_64_bits_are_split_exactly() -> None:
    """A total of 40 digits, 3q + 2, is due q + 2/3 and 2q + 4/3: the first has the larger remainder."""
    total = 10**40 + 1
    parts = share(total, (10**30, 2 * 10**30))
    assert sum(parts) == total
    assert parts == (total // 3 + 1, total - total // 3 - 1)


def _parts(total_wh: int, parts: int) -> "tuple[int, ...]":
    return tuple([part_of_span(total_wh, part, parts) for part in range(parts)])


def test_a_gap_is_split_equally() -> None:
    """1000 Wh over 3 intervals: the earliest gets the odd watt-hour."""
    assert _parts(1000, 3) == (334, 333, 333)
    assert _parts(0, 2) == (0, 0)
    assert _parts(9, 1) == (9,)


def test_flags_are_joined_once_each() -> None:
    """Flags of two registers of one point stand together, each letter once."""
    assert join_flags("E", "", "ER") == "ER"
    assert join_flags() == ""


def test_a_rest_is_nil_only_where_the_fraction_is_whole() -> None:
    """A rest far below 2^-64 still counts as a rest."""
    assert whole_and_rest(6, 3) == (2, 0)
    assert whole_and_rest(10**40 + 1, 10**40) == (1, 1)
    assert whole_and_rest(1, 2) == (0, 1 << 63)


def test_a_table_adds_up_in_both_directions() -> None:
    """Three rows and three columns of odd totals close without a watt-hour left over, each cell down or up."""
    rows, columns = [1, 1, 1], [1, 1, 1]
    table = share_table(rows, columns)
    assert [sum(row) for row in table] == rows
    assert [sum([table[r][c] for r in range(3)]) for c in range(3)] == columns
    rows, columns = [101, 57, 842, 0], [333, 0, 333, 334]
    table = share_table(rows, columns)
    for r in range(4):
        assert sum(table[r]) == rows[r]
        for c in range(4):
            exact = rows[r] * columns[c]
            assert exact // 1000 <= table[r][c] <= -(-exact // 1000)
    for c in range(4):
        assert sum([table[r][c] for r in range(4)]) == columns[c]


def test_columns_in_turn_leave_nothing_to_one_row() -> None:
    """Of ten columns of 1 Wh shared evenly by two rows each row gets five."""
    table = share_table([5, 5], [1] * 10)
    assert [sum(row) for row in table] == [5, 5]
    assert table[0] == [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]


def _columns(halves: "list[list[int]]") -> "list[tuple[int, list[tuple[int, int, int]]]]":
    """Return the columns of a table that is written in half watt-hours."""
    columns = []
    for c in range(len(halves[0])):
        total = sum([row[c] for row in halves]) // 2
        cells = [(r, halves[r][c] // 2, halves[r][c] % 2 << 63) for r in range(len(halves)) if halves[r][c]]
        columns.append((total, cells))
    return columns


def test_rows_that_come_out_short_are_repaired_by_exchange() -> None:
    """Rounded column by column, these tables leave a row a watt-hour short; one and two exchanges mend them."""
    for halves in (
        [[3, 1, 0], [1, 1, 2], [1, 2, 1], [3, 0, 1]],
        [[1, 4, 5, 8], [8, 7, 5, 0], [3, 6, 6, 5], [6, 3, 4, 5]],
    ):
        columns = _columns(halves)
        row_totals = [sum(row) // 2 for row in halves]
        left = list(row_totals)
        rounded = round_columns(columns, row_totals)
        for c in range(len(columns)):
            assert sum([wh for _, wh in rounded[c]]) == columns[c][0]
            for r, wh in rounded[c]:
                assert halves[r][c] // 2 <= wh <= (halves[r][c] + 1) // 2
                left[r] -= wh
        assert not any(left)


def test_totals_that_do_not_fit_are_a_mistake_of_the_program() -> None:
    """A row that must have 2 of a table whose cells are 1/2 each cannot be made whole by any exchange."""
    half = 1 << 63
    try:
        round_columns([(1, [(0, 0, half), (1, 0, half)])], [2, 0])
    except AssertionError:
        return
    raise ValueError("a table was made that does not add up")
