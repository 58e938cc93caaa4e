"""Declared: the energy of a register across a moment at which a person declared its meter or its ratio changed.

Counts before and after such a moment belong to two registers. The energy of the span that holds it is that of its
parts: from its first reading to what the meter showed last before the change, by the ratio of then; and from what
was shown first after it to its last reading, by the ratio of now. What the meter shows is stated in watt-hours, and
is multiplied by the transformers only where its registers are.
"""

from collections import namedtuple

from gateway.core.account.interval import Span, part_of_span
from gateway.core.flag import (
    DECLARED,
    DECREASED,
    ESTIMATED_SHAPE,
    INTERPOLATED,
    MISSING,
    MOVED,
    ROLLED_OVER,
    join_flags,
)
from gateway.core.meter.decoding import ROLL_OVER_PART, energy_wh, raw_of, register_advance, width_wh
from gateway.core.meter.profile import Point
from gateway.core.notation import WATT_HOURS, decimal_scaled, is_digits, measure, ratio

# What a person may declare.
EXCHANGE = "exchange"  # another meter
RATIO = "ratio"  # other transformers
ACCEPT = "accept"  # a rise beyond what the connection can carry is right
CONTENT = "content"  # what a storage really holds
KINDS = (EXCHANGE, RATIO, ACCEPT, CONTENT)

# Names of the values of a declaration; those of a register go on with its quantity.
FINAL, INITIAL = "final ", "initial "
CT_BEFORE, VT_BEFORE, CT_AFTER, VT_AFTER = "ct before", "vt before", "ct after", "vt after"
SERIAL = "serial"
HELD = "content"
DIFFERENCE = "difference Wh"
BOOKED = "booked from"  # start of the interval that a declared content is booked in, UTC in seconds


class Change(namedtuple("Change", ("at_ms", "final_wh", "initial_wh", "before", "after"))):
    """One register across one moment: what the meter showed last before it and first after it, and the ratios."""

    __slots__ = ()
    at_ms: int
    final_wh: int
    initial_wh: int
    before: "tuple[tuple[int, int], tuple[int, int]]"
    after: "tuple[tuple[int, int], tuple[int, int]]"


def shown_wh(point: Point, wh: int, ratios: "tuple[tuple[int, int], tuple[int, int]]") -> int:
    """Return the energy of what the meter shows, in whole Wh at the primary side, rounded down."""
    numerator, denominator = wh, 1
    for name in point.times:
        of_name = ratios[0] if name == "ct" else ratios[1]
        numerator *= of_name[0]
        denominator *= of_name[1]
    return numerator // denominator


def change_of(values: "tuple[tuple[str, str], ...]", quantity: str, at_ms: int) -> "Change | None":
    """Return what a declaration with *values* says of the register of *quantity*, None where it says nothing."""
    said = dict(values)
    final, initial = [measure(said.get(name + quantity, ""), WATT_HOURS) for name in (FINAL, INITIAL)]
    ratios = [ratio(said.get(name, "1/1")) for name in (CT_BEFORE, VT_BEFORE, CT_AFTER, VT_AFTER)]
    if final is None or initial is None or None in ratios or min(final, initial) < 0:
        return None
    ct_before, vt_before, ct_after, vt_after = ratios
    assert ct_before and vt_before and ct_after and vt_after
    return Change(at_ms, final, initial, (ct_before, vt_before), (ct_after, vt_after))


def booked_in(values: "tuple[tuple[str, str], ...]") -> "int | None":
    """Return the start of the interval that a declared content is booked in; None of other declarations."""
    text = dict(values).get(BOOKED)
    return None if text is None or not is_digits(text) else int(text)


def difference_of(values: "tuple[tuple[str, str], ...]") -> int:
    """Return by how much a storage holds more than its account, or less."""
    found = decimal_scaled(dict(values).get(DIFFERENCE, "0"), 1)
    return found or 0


def changed_energy(
    before: Point, start_words: "tuple[int, ...]", changes: "list[Change]", after: Point, end_words: "tuple[int, ...]"
) -> "tuple[int, str]":
    """Return the energy between two readings across *changes*, one or more in the order of time, and its flags.

    *before* and *after*: the register at the first and at the last reading. Where one part of the span decreased,
    nothing of it counts (flag D).
    """
    start, end = energy_wh(before, start_words, changes[0].before), energy_wh(after, end_words, changes[-1].after)
    if start is None or end is None:
        return (0, join_flags(DECLARED, MISSING))
    ends = []
    point = before
    for number in range(len(changes)):
        change = changes[number]
        ends.append((point, change.before, start, shown_wh(point, change.final_wh, change.before)))
        point = after
        start = shown_wh(point, change.initial_wh, change.after)
    ends.append((after, changes[-1].after, start, end))
    total, flag = 0, DECLARED
    for point, ratios, here, there in ends:
        advance = there - here
        if advance < 0:
            wide = width_wh(point, ratios) or 0
            if not 0 <= (advance + wide) * ROLL_OVER_PART <= wide:
                return (0, join_flags(DECLARED, DECREASED))
            advance += wide
            flag = join_flags(flag, ROLLED_OVER)
        total += advance
    return (total, flag)


def accepted_energy(
    point: Point,
    ratios: "tuple[tuple[int, int], tuple[int, int]]",
    start_words: "tuple[int, ...]",
    end_words: "tuple[int, ...]",
) -> "tuple[int, str]":
    """Return the energy between two readings of a register whose rise a person declared right."""
    assert raw_of(point, end_words) is not None
    wh, flag = register_advance(point, start_words, end_words, ratios)
    return (wh, join_flags(flag, DECLARED))


def part_span(span: Span, total_wh: int, flag: str) -> Span:
    """Return *span* with its share of *total_wh*, the energy between its two readings."""
    if span.parts > 1:
        flag = join_flags(flag, ESTIMATED_SHAPE)
    if span.start_before or span.end_before:
        flag = join_flags(flag, INTERPOLATED)
    if MOVED in span.flag:
        flag = join_flags(flag, MOVED)
    return Span(
        *span[:8], part_of_span(total_wh, span.part, span.parts), flag, span.start_before, span.end_before, 0, 0
    )
