"""Splitting whole watt-hours by weight so that the parts add up exactly, in one direction or in two.

One direction is the largest remainder: everyone gets the whole part of what is due, and the watt-hours left over
go to those with the largest remainders, earlier ones first where remainders are equal.
In two directions (a table whose rows and columns must both add up) every cell is its exact value rounded down or
up; such a table always exists, because it is a transport problem whose totals are whole.
"""

_FRACTION_BITS = 64  # remainders are compared to 2^-64 Wh; whether one is nil is decided exactly
ONE = 1 << _FRACTION_BITS


def share(total: int, weights: "tuple[int, ...] | list[int]") -> "tuple[int, ...]":
    """Split *total* by *weights*; the parts add up to it. Nothing can be split over weights that are all 0."""
    whole = sum(weights)
    if total == 0:
        return (0,) * len(weights)
    assert total > 0 and whole > 0 and min(weights) >= 0
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    order = sorted([(-(total * weights[index] % whole), index) for index in range(len(weights))])
    for _, index in order[:left]:
        parts[index] += 1
    return tuple(parts)


def whole_and_rest(numerator: int, denominator: int) -> "tuple[int, int]":
    """Return the whole part of a fraction and the rest in 2^-64; the rest is 0 only where it truly is."""
    value, below = divmod(numerator << _FRACTION_BITS, denominator)
    rest = value & (ONE - 1)
    return value >> _FRACTION_BITS, 1 if below and not rest else rest


def share_table(row_totals: "list[int]", column_totals: "list[int]") -> "list[list[int]]":
    """Split columns over rows in proportion to the rows; all rows and columns add up. Returns rows of cells."""
    whole = sum(column_totals)
    assert sum(row_totals) == whole
    rows = range(len(row_totals))
    columns = []
    for total in column_totals:
        cells = []
        for row in rows:
            if row_totals[row] and total:
                floor, rest = whole_and_rest(row_totals[row] * total, whole)
                cells.append((row, floor, rest))
        columns.append((total, cells))
    table = [[0] * len(column_totals) for _ in rows]
    rounded = round_columns(columns, row_totals)
    for column in range(len(rounded)):
        for row, wh in rounded[column]:
            table[row][column] = wh
    return table


def round_columns(
    columns: "list[tuple[int, list[tuple[int, int, int]]]]", row_totals: "list[int]"
) -> "list[list[tuple[int, int]]]":
    """Round a table of exact values, every cell down or up, so that all rows and columns add up.

    columns: (total, [(row, whole part, rest), ...]), with whole parts and rests by `whole_and_rest`.
    Columns are rounded one after the other; a row that was rounded down so far is first in turn to be rounded up.
    What the rows then still lack is repaired by exchanges inside columns.
    """
    owed = [0] * len(row_totals)  # exact so far less given so far, in 2^-64
    lacking = list(row_totals)
    raised: "list[set[int]]" = []  # by column: rows rounded up
    lowered: "list[set[int]]" = []  # by column: rows rounded down that could be rounded up
    for total, cells in columns:
        spare = total - sum([floor for _, floor, _ in cells])
        order = sorted([(-(owed[row] + rest), row) for row, _, rest in cells if rest])
        assert 0 <= spare <= len(order)
        up = {row for _, row in order[:spare]}
        raised.append(up)
        lowered.append({row for _, row in order[spare:]})
        for row, floor, rest in cells:
            owed[row] += rest - (ONE if row in up else 0)
            lacking[row] -= floor + (1 if row in up else 0)
    while True:
        hungry = [row for row in range(len(lacking)) if lacking[row] > 0]
        if not hungry:
            break
        _exchange(hungry, lacking, raised, lowered)
    assert not any(lacking)
    result = []
    for index in range(len(columns)):
        up = raised[index]
        result.append([(row, floor + (1 if row in up else 0)) for row, floor, _ in columns[index][1]])
    return result


def _exchange(hungry: "list[int]", lacking: "list[int]", raised: "list[set[int]]", lowered: "list[set[int]]") -> None:
    """Move one watt-hour from a row that has too much to one that has too little, by the shortest chain of columns."""
    came: "dict[int, tuple[int, int]]" = {}  # row: (row before it, column between them)
    fresh = [True] * len(raised)
    seen = set(hungry)
    queue = list(hungry)
    for row in queue:  # grows while it is walked
        if lacking[row] < 0:
            lacking[row] += 1
            while row in came:
                before, column = came[row]
                raised[column].remove(row)
                lowered[column].add(row)
                lowered[column].remove(before)
                raised[column].add(before)
                row = before
            lacking[row] -= 1
            return
        for column in range(len(raised)):
            if fresh[column] and row in lowered[column]:
                fresh[column] = False
                for other in sorted(raised[column]):
                    if other not in seen:
                        seen.add(other)
                        came[other] = (row, column)
                        queue.append(other)
    raise AssertionError("the totals of the table do not fit each other")
