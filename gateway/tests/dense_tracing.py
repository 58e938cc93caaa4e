"""Dense tracing: the shares of all busbars at once, by elimination of the whole network; an oracle for the tests."""

from gateway.core.account.share import round_columns, whole_and_rest


def rounded(
    through: "list[int]",
    arcs: "list[dict[int, int]]",
    alive: "set[int]",
    springs: "list[tuple[int, int]]",
    drains: "list[tuple[int, int]]",
) -> "list[list[tuple[int, int]]]":
    """Return, for each spring, the (drain, wh) it feeds, in whole watt-hours that add up both ways."""
    totals: "dict[int, int]" = {}
    for busbar, wh in springs:
        totals[busbar] = totals.get(busbar, 0) + wh
    shares, common = mixes(through, arcs, sorted(alive), totals)
    columns = []
    for busbar, wh in drains:
        mix = shares[busbar]
        cells = []
        for row in range(len(springs)):
            origin, part = springs[row]
            if origin in mix:
                floor, rest = whole_and_rest(wh * part * mix[origin], common * totals[origin])
                cells.append((row, floor, rest))
        columns.append((wh, cells))
    rows: "list[list[tuple[int, int]]]" = [[] for _ in springs]
    rounded = round_columns(columns, [wh for _, wh in springs])
    for column in range(len(rounded)):
        for row, wh in rounded[column]:
            if wh:
                rows[row].append((column, wh))
    return rows


def mixes(
    through: "list[int]", arcs: "list[dict[int, int]]", alive: "list[int]", totals: "dict[int, int]"
) -> "tuple[dict[int, dict[int, int]], int]":
    """Return, for each busbar, the share of what each busbar's sources gave, as numerators over one denominator.

    Elimination by Bareiss, on the diagonal, least fill first. The matrix is weakly chained diagonally dominant (every
    busbar that is alive is reached from a source), so no pivot on the diagonal is ever 0. A row that a step does not
    touch keeps the scale of its last step: the scale is written beside it, and all divisions still come out even.
    """
    rows: "dict[int, dict[int, int]]" = {}
    sides: "dict[int, dict[int, int]]" = {}
    users: "dict[int, set[int]]" = {busbar: {busbar} for busbar in alive}  # by column: rows not yet done that use it
    for busbar in alive:
        rows[busbar] = {busbar: through[busbar]}
        for start, wh in arcs[busbar].items():
            rows[busbar][start] = -wh
            users[start].add(busbar)
        sides[busbar] = {busbar: totals[busbar]} if busbar in totals else {}
    scale = dict.fromkeys(alive, 1)
    order = []
    left = set(alive)
    last = 1
    while left:
        pivot = min([((len(rows[n]) - 1) * (len(users[n]) - 1), n) for n in left])[1]
        left.remove(pivot)
        order.append(pivot)
        row, side = rows[pivot], sides[pivot]
        if scale[pivot] != last:
            for entries in (row, side):
                for key in list(entries):
                    entries[key] = entries[key] * last // scale[pivot]
        for column in row:
            users[column].discard(pivot)
        for other in users[pivot]:
            below = rows[other].pop(pivot)
            _subtract(rows[other], row, row[pivot], below, scale[other], pivot)
            _subtract(sides[other], side, row[pivot], below, scale[other], None)
            for column in row:
                if column != pivot:
                    users[column].add(other)
            scale[other] = row[pivot]
        last = row[pivot]
    shares: "dict[int, dict[int, int]]" = {}
    for pivot in reversed(order):
        row = rows[pivot]
        sums = {origin: last * value for origin, value in sides[pivot].items()}
        for column, value in row.items():
            if column != pivot:
                for origin, numerator in shares[column].items():
                    sums[origin] = sums.get(origin, 0) - value * numerator
        shares[pivot] = {origin: value // row[pivot] for origin, value in sums.items()}
    return shares, last


def _subtract(
    entries: "dict[int, int]", above: "dict[int, int]", pivot: int, below: int, scale: int, skip: "int | None"
) -> None:
    """One step of Bareiss on one row: entries := (pivot * entries - below * above) / scale."""
    for key in list(entries):
        entries[key] = (pivot * entries[key] - below * above.get(key, 0)) // scale
    for key, value in above.items():
        if key != skip and key not in entries:
            entries[key] = -below * value // scale
