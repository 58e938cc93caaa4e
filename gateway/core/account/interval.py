"""Interval energy: what a meter point imported and exported between two register readings."""

from collections import namedtuple


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


def part_of_span(total_wh: int, part: int, parts: int) -> int:
    """Return the share of number *part* (from 0) of the *parts* intervals between two readings: equal, earlier first.

    The total is measured; that it flowed evenly is an estimate, and the spans say so with flag E. The shares are those
    of the largest remainder, and add up to the total.
    """
    assert 0 <= part < parts
    return total_wh // parts + (1 if part < total_wh % parts else 0)
