"""Writes the TOML text of a new device profile: from a register list, what a person says, and what the meter shows."""

import json
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from gateway.core.meter.exchange import decimal_text
from gateway.core.meter.profile_lint import needs_sign, ratios_of
from gateway.core.meter.quantity import QUANTITIES
from gateway.new_profile.combination import Meant, Way, factor_of, type_of, unit_of
from gateway.new_profile.profile_answers import ProfileAnswers
from gateway.new_profile.register_image import Span
from gateway.new_profile.register_list import ONE_BASED, REFERENCE, wire_address

DEFAULT_LINE = "9600 8N1"
DEFAULT_MOST = 50  # registers of a read where neither manual nor meter says more: few meters refuse that many


class Captured(NamedTuple):
    """One exchange with the meter and what it means: ((name, decimal text), ...)."""

    request: bytes
    response: bytes
    expect: tuple[tuple[str, str], ...]


class Observed(NamedTuple):
    """What the meter showed about itself. windows: on the wire; empty where nothing was read."""

    windows: tuple[Span, ...] = ()
    most: int = 0
    align: int = 1
    network: bool = False
    decades: tuple[tuple[str, int], ...] = ()
    captured: tuple[Captured, ...] = ()


def profile_text(
    answers: ProfileAnswers, lines: Sequence[Meant], way: Way, observed: Observed, evidence: Sequence[tuple[str, str]]
) -> str:
    """Return the text of the profile; *evidence*: where the registers come from, as (source, page)."""
    decades = dict(observed.decades)
    repeated: set[str] = set()
    points = []
    for one in lines:
        remark = "  # " + one.listed.printed if way.base == REFERENCE else ""
        points.append("  { %s },%s" % (", ".join(_point(one, way, answers, decades, one.quantity in repeated)), remark))
        if one.quantity:
            repeated.add(one.quantity)
    parts = [
        "# %s: written from a register list by `wattproof profile new`." % _title(answers),
        "",
        *("%s = %s" % (key, _quoted(text or "")) for key, text in (
            ("id", answers.id), ("maker", answers.maker), ("model", answers.model), ("kind", answers.kind),
            ("status", "draft"),
        )),
        "",
        "points = [",
        *points,
        "]",
        *(
            line
            for source, page in evidence
            for line in ("", "[[evidence]]", "source = " + _quoted(source), "page = " + _quoted(page))
        ),
        *_serial(answers, observed),
        *_modbus(answers, way, observed, hexadecimal=any(one.listed.hexadecimal for one in lines)),
        *(line for one in observed.captured for line in _test(one)),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _title(answers: ProfileAnswers) -> str:
    return " ".join(" ".join([answers.maker or "", answers.model or ""]).split()) or answers.id


def _quoted(text: str) -> str:
    """Return *text* as a basic string of TOML, which is escaped as JSON is."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(text: str) -> str:
    """Return *text* as a key of TOML, in quotes where it is not a plain word."""
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _quoted(text)


def shown_address(one: Meant, base: str) -> str:
    """Return the address of a line as the profile writes it."""
    number = one.listed.number if base == ONE_BASED else wire_address(one.listed, base)
    return "0x%04X" % number if one.listed.hexadecimal or base == REFERENCE else str(number)


def _point(one: Meant, way: Way, answers: ProfileAnswers, decades: dict[str, int], repeated: bool) -> list[str]:
    kind = type_of(one, way)
    keys = ["quantity = " + _quoted(one.quantity) if one.quantity else "name = " + _quoted(one.listed.name)]
    keys += ["at = " + shown_address(one, way.base), 'type = "%s"' % kind]
    if kind == "ascii":
        keys.append("count = %d" % (one.listed.count or 1))
    factor = factor_of(one, decades)
    if factor != 1:
        keys.append('factor = "%s"' % plain_decimal(factor))
    if one.quantity or one.listed.unit:
        keys.append("unit = " + _quoted(unit_of(one)))
    if one.function is not None:
        keys.append("function = %d" % one.function)
    if one.quantity:
        quantity = QUANTITIES[one.quantity]
        if needs_sign(one.quantity):
            keys.append('sign = "%s"' % (answers.sign or "+import"))
        if quantity.cumulative:
            keys.append("counter = true")
        times = ratios_of(quantity.unit)
        if times and answers.side in ("primary", "secondary"):
            keys.append('side = "%s"' % answers.side)
            if answers.side == "secondary":
                keys.append("times = [%s]" % ", ".join('"%s"' % name for name in times))
    if repeated or not one.quantity:
        keys.append("poll = false")
    return keys


def plain_decimal(value: Fraction) -> str:
    """Return a fraction whose denominator is a power of ten as decimal text."""
    exponent = 0
    while value.denominator != 1:
        value *= 10
        exponent -= 1
    return decimal_text(value.numerator, exponent)


def _serial(answers: ProfileAnswers, observed: Observed) -> list[str]:
    if observed.network and answers.line is None:
        return []
    line = _quoted(answers.line or DEFAULT_LINE)
    return ["", "[serial]", "default = " + line, "allowed = [%s]" % line, "units = [1, 247]"]


def _modbus(answers: ProfileAnswers, way: Way, observed: Observed, *, hexadecimal: bool) -> list[str]:
    based = ONE_BASED if way.base == ONE_BASED else "zero-based"
    offset = way.base == ONE_BASED
    transport = '["tcp"]' if observed.network and answers.line is None else '["rtu"]'
    lines = ["", "[modbus]", "transport = " + transport, "function = %d" % way.function, 'address = "%s"' % based]
    lines += [
        'words = "%s"' % way.words,
        "max_registers = %d" % (answers.max_registers or observed.most or DEFAULT_MOST),
    ]
    if observed.align > 1:
        lines.append("align = %d" % observed.align)
    if observed.windows:
        form = "[0x%04X, 0x%04X]" if hexadecimal else "[%d, %d]"
        spans = ", ".join(form % (first + offset, last + offset) for first, last in observed.windows)
        lines += ["# What the meter answered when it was tried; it may allow more.", "windows = [%s]" % spans]
    return lines


def _test(one: Captured) -> list[str]:
    expect = ", ".join("%s = %s" % (_key(name), _quoted(value)) for name, value in one.expect)
    return [
        "",
        "[[test]]",
        'provenance = "captured"',
        'request = "%s"' % one.request.hex(" "),
        'response = "%s"' % one.response.hex(" "),
        "expect = { %s }" % expect,
    ]
