"""Balance: what the residual of a busbar over many hours says of its cause: a meter, a load without one, losses.

What goes in and what comes out of a busbar should be equal. A meter that is wrong leaves a residual in proportion to
what flows; a load or a theft without a meter a steady one; losses one that grows with the square of what flows. The
cause is the one of the three laws that fits the hours best by least squares, if it fits clearly better than the next.
"""

# Codes of findings.
METER_ERROR = "balance-meter-error"  # in proportion to what flows
UNMETERED_LOAD = "balance-unmetered-load"  # steady, and more goes in than comes out: a missing meter, or theft
UNMETERED_SOURCE = "balance-unmetered-source"  # steady, and more comes out than goes in
LOSSES = "balance-losses"  # with the square of what flows
UNCLEAR = "balance-unclear"  # none of them fits better than the others
CODES = (METER_ERROR, UNMETERED_LOAD, UNMETERED_SOURCE, LOSSES, UNCLEAR)

LEAST_HOURS = 24
# A residual below this part of what flows is within what good meters differ by: class 1 in, class 1 out.
_LEAST_PERCENT = 2
# The second best law must leave so many times as much unexplained as the best.
_CLEARLY = 2


def _unexplained(law: "list[int]", residuals: "list[int]") -> "tuple[int, int, int]":
    """Return what least squares by *law* leave, as numerator and denominator, and the sign of its coefficient."""
    product = sum([law[n] * residuals[n] for n in range(len(law))])
    square = sum([one * one for one in law])
    whole = sum([one * one for one in residuals])
    return (whole * square - product * product, square, (product > 0) - (product < 0))


def cause_of(hours: "list[tuple[int, int]]") -> "str | None":
    """Return the code of what unbalances a busbar, from (Wh through it, Wh residual) of hours; None if nothing does."""
    through, residuals = [row[0] for row in hours], [row[1] for row in hours]
    if len(hours) < LEAST_HOURS or abs(sum(residuals)) * 100 < _LEAST_PERCENT * sum(through) or not any(through):
        return None
    laws = (through, [1] * len(hours), [one * one for one in through])
    fits = [_unexplained(law, residuals) for law in laws]
    order = sorted(range(3), key=lambda number: fits[number][0] * fits[number - 1][1] * fits[number - 2][1])
    best, second = fits[order[0]], fits[order[1]]
    if not best[2] or best[0] * second[1] * _CLEARLY >= second[0] * best[1]:
        return UNCLEAR
    if order[0] == 0:
        return METER_ERROR
    if order[0] == 1:
        return UNMETERED_LOAD if best[2] > 0 else UNMETERED_SOURCE
    return LOSSES if best[2] > 0 else UNCLEAR
