"""Dense tracing: the shares of all busbars at once, from the equations as they stand; an oracle for the tests."""

from fractions import Fraction

from gateway.core.account.share import round_columns, whole_and_rest


def rounded(
    through: "list[int]",
    arcs: "list[dict[int, int]]",
    alive: "set[int]",
    springs: "list[tuple[int, int]]",
    drains: "list[tuple[int, int]]",
) -> "list[list[tuple[int, int]]]":
    """Return, for each spring, the (drain, wh) it feeds, in whole watt-hours that add up both ways."""
    totals: dict[int, int] = {}
    for busbar, wh in springs:
        totals[busbar] = totals.get(busbar, 0) + wh
    shares = mixes(through, arcs, sorted(alive), totals)
    columns = []
    for busbar, wh in drains:
        cells = []
        for row, (origin, part) in enumerate(springs):
            if origin in shares[busbar]:
                exact = wh * part * shares[busbar][origin] / totals[origin]
                cells.append((row, *whole_and_rest(exact.numerator, exact.denominator)))
        columns.append((wh, cells))
    rows: list[list[tuple[int, int]]] = [[] for _ in springs]
    for column, fed in enumerate(round_columns(columns, [wh for _, wh in springs])):
        for row, wh in fed:
            if wh:
                rows[row].append((column, wh))
    return rows


def mixes(
    through: list[int], arcs: list[dict[int, int]], alive: list[int], totals: dict[int, int]
) -> dict[int, dict[int, Fraction]]:
    """Return, for each busbar, the share of what each busbar's own sources gave in what passes through it.

    What passes through a busbar is what its own sources give, and of each busbar before it what comes from there: the
    equations of Bialek (1996), solved as they stand by Gauss with fractions, busbar after busbar.
    """
    left: dict[int, dict[int, Fraction]] = {}
    right: dict[int, dict[int, Fraction]] = {}
    for busbar in alive:
        left[busbar] = {start: Fraction(-wh, through[busbar]) for start, wh in arcs[busbar].items()}
        left[busbar][busbar] = left[busbar].get(busbar, Fraction(0)) + 1
        right[busbar] = {busbar: Fraction(totals[busbar], through[busbar])} if busbar in totals else {}
    for pivot in alive:
        unit = 1 / left[pivot][pivot]
        for side in (left[pivot], right[pivot]):
            side.update({key: value * unit for key, value in side.items()})
        for other in alive:
            factor = left[other].get(pivot)
            if other != pivot and factor:
                for own, above in ((left[other], left[pivot]), (right[other], right[pivot])):
                    for key, value in above.items():
                        own[key] = own.get(key, Fraction(0)) - factor * value
    return {busbar: {origin: share for origin, share in right[busbar].items() if share} for busbar in alive}
