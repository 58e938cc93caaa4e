"""LikeDay: the shape of a gap, taken from the same hours of the same weekday in the three weeks before it.

The historical method of revenue metering (Ontario's rule for gaps beyond an hour; AEMO substitution type 14): only
weeks in which the register was measured through all of those intervals count, and their energies are added up. The
energy of the gap itself is always the difference of its two registers.
"""

from gateway.core.late_truth import Books

WEEKS = 3
WEEK_S = 7 * 86400
# Two days of 15-minute intervals: more would keep the poll waiting for the journal. Longer gaps are split equally.
MOST_PARTS = 192


def like_weights(books: Books, key: "tuple[str, str]", boundaries: "list[int]") -> "tuple[int, ...]":
    """Return the weights of the intervals between *boundaries* for the register *key*; () where there are none."""
    parts = len(boundaries) - 1
    if parts > MOST_PARTS:
        return ()
    weights = [0] * parts
    for week in range(1, WEEKS + 1):
        energies = []
        for part in range(parts):
            start_s, end_s = boundaries[part] - week * WEEK_S, boundaries[part + 1] - week * WEEK_S
            found = books.measured(start_s, end_s).get(key)
            if found is None:
                break
            energies.append(found)
        if len(energies) == parts:
            weights = [weights[part] + energies[part] for part in range(parts)]
    return tuple(weights) if sum(weights) else ()
