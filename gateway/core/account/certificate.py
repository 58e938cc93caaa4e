"""Certificate: green certificates (绿证) in whole 1000 kWh, the remainder carried to the next month.

国能发新能规〔2024〕67号: one certificate is 1000 kWh; what is left of a month goes into the next; it holds for
two years from the month of production. What storage discharges earns none: its energy counted when it was generated.
"""

from collections import namedtuple

WH_PER_CERTIFICATE = 1000000
VALID_MONTHS = 24  # the month of production is the first of them


class Issue(namedtuple("Issue", ("month", "count", "carried_wh", "valid_through"))):
    """Certificates of one month; month and valid_through, its last valid month, are (year, month)."""

    __slots__ = ()
    month: "tuple[int, int]"
    count: int
    carried_wh: int
    valid_through: "tuple[int, int]"


def issue(month: "tuple[int, int]", generated_wh: int, carried_wh: int) -> Issue:
    """Return the certificates of what was generated in *month*, with *carried_wh* from the month before."""
    count, rest = divmod(generated_wh + carried_wh, WH_PER_CERTIFICATE)
    return Issue(month, count, rest, month_after(month, VALID_MONTHS - 1))


def month_after(month: "tuple[int, int]", months: int) -> "tuple[int, int]":
    """Return the month that is so many months later."""
    number = month[0] * 12 + month[1] - 1 + months
    return (number // 12, number % 12 + 1)


class Claim(namedtuple("Claim", ("month", "count"))):
    """Certificates used for consumption in a month."""

    __slots__ = ()
    month: "tuple[int, int]"
    count: int


class Used(namedtuple("Used", ("claim", "from_issues", "uncovered"))):
    """A claim, the issues it used ((month of production, count), ...), and how many certificates were lacking."""

    __slots__ = ()
    claim: Claim
    from_issues: "tuple[tuple[tuple[int, int], int], ...]"
    uncovered: int


def use(issues: "list[Issue]", claims: "list[Claim]") -> "list[Used]":
    """Return which certificates each claim used: the oldest that are valid then, each once."""
    left = {one.month: one.count for one in issues}
    result = []
    for claim in sorted(claims):
        need = claim.count
        taken = []
        for one in sorted(issues):
            if need and one.month <= claim.month <= one.valid_through and left[one.month]:
                count = min(need, left[one.month])
                left[one.month] -= count
                need -= count
                taken.append((one.month, count))
        result.append(Used(claim, tuple(taken), need))
    return result
