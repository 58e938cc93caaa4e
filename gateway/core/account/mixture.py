"""Mixture: of which sources what leaves a busbar is made, exactly, for every busbar of a network.

A mixture is (numerators by busbar of the source, denominator). Busbars are taken in the order in which energy comes to
them. One that gives nothing back to those before it is a mere sum; only where energy runs in a circle (a ring, a feeder
whose flow turned within the interval) are the busbars of the circle solved together, by elimination without fractions
(Bareiss), in which every division comes out even.

Denominators are products of one whole number for each circle upstream, so common ones are found without a division.
"""


def mixtures_of(
    through: "list[int]", arcs: "list[dict[int, int]]", alive: "set[int]", totals: "dict[int, int]"
) -> "dict[int, tuple[dict[int, int], int]]":
    """Return the mixture of every busbar that is *alive*: reached by energy of a source.

    through: energy through each busbar; arcs: by busbar, what comes from which other one; totals: what sources give.
    """
    found: "dict[int, tuple[dict[int, int], int]]" = {}
    factors: "dict[int, int]" = {}  # by circle, named by its first busbar: its part of the denominators below it
    upstream: "dict[int, set[int]]" = {}  # by busbar: the circles whose parts are in its denominator
    for circle in _circles(arcs, alive):
        inside = set(circle)
        above: "set[int]" = set()
        for busbar in circle:
            for start in arcs[busbar]:
                if start not in inside:
                    above |= upstream[start]
        common = 1
        for one in sorted(above):
            common *= factors[one]
        enters: "dict[int, dict[int, int]]" = {}  # by busbar: what comes from sources and from upstream, over *common*
        for busbar in circle:
            entry: "dict[int, int]" = {}
            if busbar in totals:
                entry[busbar] = totals[busbar] * common
            for start, wh in arcs[busbar].items():
                if start not in inside:
                    numerators, denominator = found[start]
                    times = wh * (common // denominator)
                    for origin, numerator in numerators.items():
                        entry[origin] = entry.get(origin, 0) + times * numerator
            if entry:
                enters[busbar] = entry
        name = circle[0]
        if len(circle) == 1:
            factors[name] = through[name]
            found[name] = (enters[name], common * through[name])
        else:
            shares, factors[name] = _solved(through, arcs, circle, sorted(enters))
            for busbar in circle:
                sums: "dict[int, int]" = {}
                for entrance, share in shares[busbar].items():
                    for origin, numerator in enters[entrance].items():
                        sums[origin] = sums.get(origin, 0) + share * numerator
                found[busbar] = (sums, common * factors[name])
        above.add(name)
        for busbar in circle:
            upstream[busbar] = above
    return found


def _circles(arcs: "list[dict[int, int]]", alive: "set[int]") -> "list[list[int]]":
    """Return the busbars in groups, upstream first: those among which energy can run in a circle are one (Tarjan)."""
    number: "dict[int, int]" = {}  # in the order in which busbars were come to
    low: "dict[int, int]" = {}
    done: "set[int]" = set()
    open_ones: "list[int]" = []
    circles = []
    for first in sorted(alive):
        if first in number:
            continue
        path = [(first, sorted(arcs[first]))]
        number[first] = low[first] = len(number)
        open_ones.append(first)
        while path:
            busbar, starts = path[-1]
            if starts:
                start = starts.pop()
                if start not in number:
                    number[start] = low[start] = len(number)
                    open_ones.append(start)
                    path.append((start, sorted(arcs[start])))
                elif start not in done:
                    low[busbar] = min(low[busbar], number[start])
                continue
            path.pop()
            if path:
                low[path[-1][0]] = min(low[path[-1][0]], low[busbar])
            if low[busbar] == number[busbar]:
                at = open_ones.index(busbar)
                circle = sorted(open_ones[at:])
                del open_ones[at:]
                done.update(circle)
                circles.append(circle)
    return circles


def _solved(
    through: "list[int]", arcs: "list[dict[int, int]]", circle: "list[int]", entrances: "list[int]"
) -> "tuple[dict[int, dict[int, int]], int]":
    """Return, for each busbar of *circle*, its energy per energy that enters at each entrance, over one denominator.

    Elimination by Bareiss, on the diagonal, least fill first. The matrix is weakly chained diagonally dominant (every
    busbar that is alive is reached from a source), so no pivot on the diagonal is ever 0. A row that a step does not
    touch keeps the scale of its last step: the scale is written beside it, and all divisions still come out even.
    """
    rows: "dict[int, dict[int, int]]" = {}
    sides: "dict[int, dict[int, int]]" = {busbar: {} for busbar in circle}
    users: "dict[int, set[int]]" = {busbar: {busbar} for busbar in circle}  # by column: rows not yet done that use it
    for busbar in circle:
        rows[busbar] = {busbar: through[busbar]}
        for start, wh in arcs[busbar].items():
            if start in users:
                rows[busbar][start] = -wh
                users[start].add(busbar)
    for busbar in entrances:
        sides[busbar][busbar] = 1
    scale = dict.fromkeys(circle, 1)
    order = []
    left = set(circle)
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
