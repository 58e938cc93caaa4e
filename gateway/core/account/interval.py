"""Interval energy: what a meter point imported and exported between two register readings."""

from collections import namedtuple


class Before(namedtuple("Before", ("words", "read_ms", "at_s"))):
    """The reading before a boundary whose register lies between two readings: its words and time, and the boundary."""

    __slots__ = ()
    words: "tuple[int, ...]"
    read_ms: int
    at_s: int


class Span(
    namedtuple(
        "Span",
        (
            "meter", "quantity", "start_words", "start_ms", "end_words", "end_ms", "part", "parts", "energy_wh", "flag",
            "start_before", "end_before", "weight", "weights",
        ),
    )
):  # fmt: skip
    """One cumulative register from boundary to boundary, raw, and the energy it means.

    start_words, end_words: register words as read, () where missing; start_ms, end_ms: UTC of the readings.
    part, parts: this interval is number part (from 0) of the parts intervals that the two readings span; the energy
    of the whole span is split by largest remainder, equally or by the weights of like days, and energy_wh is this
    interval's share. start_before, end_before: the reading before an interpolated boundary, alone, else ().
    weight, weights: that of this part, and the sum of all parts; 0, 0 where the parts are equal.
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
    start_before: "tuple[Before, ...]"
    end_before: "tuple[Before, ...]"
    weight: int
    weights: int


class Energy(namedtuple("Energy", ("meter_point", "import_wh", "export_wh", "flag"))):
    """What one meter point imported and exported, from its own view, gross, after `reversed`."""

    __slots__ = ()
    meter_point: str
    import_wh: int
    export_wh: int
    flag: str


def part_of_span(total_wh: int, part: int, parts: int) -> int:
    """Return the share of number *part* (from 0) of the *parts* intervals between two readings: equal, earlier first.

    The total is measured; that it flowed evenly is an estimate, and the spans say so with flag E. The shares are those
    of the largest remainder, and add up to the total.
    """
    assert 0 <= part < parts
    return total_wh // parts + (1 if part < total_wh % parts else 0)
