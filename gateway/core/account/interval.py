"""Interval energy: what a meter point imported and exported between two register readings."""

from collections import namedtuple

from gateway.core.account.share import share

# Flags of an energy figure, one letter each; "" is a measured figure.
ESTIMATED_SHAPE = "E"  # the energy of the gap is actual, its share in this interval is estimated
MISSING = "M"  # the meter gave no boundary reading; the figure is 0 until it is amended
ROLLED_OVER = "R"  # the register passed its width inside the interval
DECREASED = "D"  # the register decreased without reaching its width; the figure is 0
LATE_BOUNDARY = "L"  # the boundary reading came later than the tolerance


class Span(
    namedtuple(
        "Span",
        (
            "meter", "quantity", "start_words", "start_ms", "end_words", "end_ms", "part", "parts", "energy_wh", "flag",
        ),
    )
):  # fmt: skip
    """One cumulative register from boundary to boundary, raw, and the energy it means.

    start_words, end_words: register words as read, () where missing; start_ms, end_ms: UTC of the readings.
    part, parts: this interval is number part (from 0) of the parts intervals that the two readings span;
    the energy of the whole span is split equally by largest remainder, and energy_wh is this interval's share.
    """

    __slots__ = ()
    meter: str
    quantity: str
    start_words: "tuple[int, ...]"
    start_ms: int
    end_words: "tuple[int, ...]"
    end_ms: int
    part: int
    parts: int
    energy_wh: int
    flag: str


class Energy(namedtuple("Energy", ("meter_point", "import_wh", "export_wh", "flag"))):
    """What one meter point imported and exported, from its own view, gross, after `reversed`."""

    __slots__ = ()
    meter_point: str
    import_wh: int
    export_wh: int
    flag: str


def split_span(total_wh: int, parts: int) -> "tuple[int, ...]":
    """Split the energy between two readings over the intervals between them: equally, earlier ones first.

    The total is measured; that it flowed evenly is an estimate, and the spans say so with flag E.
    """
    return share(total_wh, (1,) * parts)


def join_flags(*flags: str) -> str:
    """Return every letter of *flags* once, in alphabetical order."""
    return "".join(sorted(set("".join(flags))))
