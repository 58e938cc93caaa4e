"""The questions of `wattproof profile new`, and the tables that people decide by."""

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import click

from gateway.cli.tables import table_text
from gateway.core.meter.profile import HIGH_FIRST, LOW_FIRST, SIDES, unit_exponent
from gateway.core.meter.profile_lint import needs_sign, ratios_of
from gateway.core.meter.profile_reading import is_line
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.site_reading import UNITS
from gateway.new_profile.combination import Meant, Outcome, factor_of, type_of, unit_of
from gateway.new_profile.profile_answers import LEAVE_OUT, NO_QUANTITY, ProfileAnswers, id_of
from gateway.new_profile.profile_text import DEFAULT_LINE, DEFAULT_MOST, plain_decimal
from gateway.new_profile.register_list import Listed, possible_bases
from gateway.words import translate as _

_RANKS_SHOWN = 5
_SHOWN_QUANTITIES = 12  # of those that a part of a name fits


class Asked:
    """What was answered so far; every answer is there as soon as it was given, so that none is lost."""

    def __init__(self, answers: ProfileAnswers) -> None:
        self.answers = answers

    def set(self, **values: Any) -> None:
        """Keep some answers."""
        self.answers = self.answers._replace(**values)


def ask_list(asked: Asked) -> None:
    """Take the register list that is pasted, up to an empty line."""
    click.echo(_("Paste the register list of the manual: address, name, type, unit, factor. An empty line ends it."))
    while line := sys.stdin.readline():
        if not line.strip() and asked.answers.list:
            break
        asked.set(list=asked.answers.list + line)


def ask_text(question: str, default: str = "") -> str:
    """Return the answer to *question*, which may be nothing."""
    return str(click.prompt(question, default=default, show_default=bool(default))).strip()


def lines_table(registers: Sequence[Listed], quantities: Mapping[int, str | None]) -> str:
    """Return the lines as they were understood, numbered."""
    rows = [
        [
            str(number),
            one.printed,
            one.name,
            one.type or "?",
            " ".join(filter(None, ["x" + one.factor if one.factor else "", one.unit])),
            quantities[one.line] or _("(kept by its name)"),
        ]
        for number, one in enumerate(registers, 1)
    ]
    return table_text([_("no."), _("address"), _("name"), _("type"), _("unit"), _("quantity")], rows, {0})


def ask_quantities(asked: Asked, registers: Sequence[Listed], known: Mapping[int, str | None]) -> None:
    """Show what the lines are taken for, and take what the person says they are."""
    shown = dict(known)
    while True:
        left = [one for one in registers if asked.answers.quantities.get(one.printed) != LEAVE_OUT]
        click.echo(lines_table(left, shown))
        text = ask_text(_("Number of a line to change; Enter when all lines are right"))
        if not text:
            return
        if not text.isdigit() or not 0 < int(text) <= len(left):
            click.echo(_("Numbers are from 1 to {most}.").format(most=len(left)))
            continue
        one = left[int(text) - 1]
        said = _ask_quantity(one, shown[one.line])
        asked.set(quantities=asked.answers.quantities | {one.printed: said})
        shown[one.line] = said or None


def _ask_quantity(one: Listed, now: str | None) -> str:
    while True:
        text = ask_text(
            _('What is "{name}"? A quantity or a part of one; "." keeps it by its name, "-" leaves it out').format(
                name=one.name
            ),
            now or ".",
        )
        if text in (LEAVE_OUT, "."):
            return LEAVE_OUT if text == LEAVE_OUT else NO_QUANTITY
        fitting = [name for name in QUANTITIES if text in name]
        if text in QUANTITIES:
            fitting = [text]
        if len(fitting) == 1 and unit_fits(one, fitting[0]):
            return fitting[0]
        if len(fitting) == 1:
            wrong = _("{quantity} is not stated in {unit}.")
            click.echo(wrong.format(quantity=fitting[0], unit=one.unit))
        else:
            click.echo(", ".join(fitting[:_SHOWN_QUANTITIES]) or _("No quantity has this in its name."))


def unit_fits(one: Listed, quantity: str) -> bool:
    """Tell whether the unit of a line is one of *quantity*."""
    return not one.unit or unit_exponent(one.unit, QUANTITIES[quantity].unit) is not None


def usual_kind(quantities: Sequence[str]) -> str:
    """Return what kind of meter shows these quantities."""
    if any(name.startswith("pv") for name in quantities):
        return "inverter"
    if any(name.startswith("dc_") for name in quantities):
        return "DC meter"
    three = any(name in quantities for name in ("voltage_l2_n", "current_l2", "voltage_l1_l2", "active_power_l2"))
    return "three-phase meter" if three else "single-phase meter"


def ask_model(asked: Asked, source: str) -> None:
    """Ask for maker, model and id, and where the list comes from."""
    if asked.answers.maker is None:
        asked.set(maker=ask_text(_("Maker of the meter")))
    if asked.answers.model is None:
        asked.set(model=ask_text(_("Model, as on the name plate")))
    while not asked.answers.id:
        usual = id_of(asked.answers.maker or "", asked.answers.model or "")
        text = ask_text(_("Id of the profile: small letters, digits and -"), usual)
        asked.set(id=text if text == id_of(text, "") else "")
    if asked.answers.source is None:
        asked.set(source=ask_text(_("Manual or page that the list comes from"), source))
    if asked.answers.page is None:
        asked.set(page=ask_text(_("Page in it")))


def _choose(question: str, choices: Sequence[str], default: str) -> str:
    return str(click.prompt(question, type=click.Choice(list(choices)), default=default))


def ask_manners(
    asked: Asked, registers: Sequence[Listed], quantities: Sequence[str], function: int, network: bool
) -> None:
    """Ask how the meter is read, and what its figures mean."""
    if asked.answers.function is None:
        asked.set(function=int(_choose(_("Function code for reading"), ("3", "4"), str(function))))
    if asked.answers.address is None:
        bases = possible_bases(registers)
        question = _("Addresses (one-based: one less goes on the wire; reference: 30001 or 40001 is the first)")
        asked.set(address=_choose(question, bases, bases[0]) if len(bases) > 1 else bases[0])
    if asked.answers.words is None:
        asked.set(words=_choose(_("Order of the registers of one value"), (HIGH_FIRST, LOW_FIRST), HIGH_FIRST))
    if asked.answers.max_registers is None:
        most = click.prompt(_("Most registers of one read"), type=click.IntRange(1, 125), default=DEFAULT_MOST)
        asked.set(max_registers=int(most))
    while asked.answers.line is None and not network:
        line = ask_text(_("Line setting from the factory"), DEFAULT_LINE).upper()
        if is_line(line):
            asked.set(line=line)
        else:
            click.echo(_('Give a line setting such as "9600 8N1" or "19200 8E1".'))
    if asked.answers.side is None and any(ratios_of(QUANTITIES[name].unit) for name in quantities):
        click.echo(_("direct: no transformers; primary: of the mains side; secondary: of the meter's own terminals"))
        asked.set(side=_choose(_("Side that the figures are of"), SIDES, SIDES[0]))
    if asked.answers.sign is None and any(needs_sign(name) for name in quantities):
        asked.set(sign=_choose(_("Power is positive for"), ("+import", "+export", "none"), "+import"))


def ask_port() -> str:
    """Return the port of a meter of this model; "" where there is none."""
    return ask_text(_("Port of a meter of this model, such as /dev/ttyUSB0 or tcp://host:502; Enter without a meter"))


def ask_unit() -> int:
    """Return the unit id of the meter."""
    return int(click.prompt(_("Unit id of the meter"), type=click.IntRange(*UNITS), default=1))


def ask_rank(count: int) -> int:
    """Return the number of the way that the person takes."""
    return int(click.prompt(_("Which one is right?"), type=click.IntRange(1, min(count, _RANKS_SHOWN)), default=1))


def ranking_table(outcomes: Sequence[Outcome]) -> str:
    """Return the likeliest ways with what speaks for and against them."""
    sample = _sample_quantities(outcomes)
    rows = []
    for number, one in enumerate(outcomes[:_RANKS_SHOWN], 1):
        holding = sum(1 for check in one.checks if check.holds)
        values = [short(one.values.get(name)) for name in sample]
        base = one.way.base + (" *" if one.way.swapped else "")
        counts = [str(holding), str(len(one.checks) - holding)]
        rows.append([str(number), str(one.way.function), base, one.way.words, *counts, *values])
    heads = [_("no."), _("fn"), _("address"), _("words"), _("fits"), _("fails"), *(_unit_head(name) for name in sample)]
    text = table_text(heads, rows, {0, *range(4, len(heads))})
    swapped = any(one.way.swapped for one in outcomes[:_RANKS_SHOWN])
    return text + ("\n" + _("* with the bytes of each register exchanged") if swapped else "")


def _sample_quantities(outcomes: Sequence[Outcome]) -> list[str]:
    """Return up to three quantities by which a person sees at once what is right."""
    found = []
    for unit in ("V", "Hz", "W", "kWh"):
        names = [name for one in outcomes[:1] for name in one.values if QUANTITIES[name].unit == unit]
        found += sorted(names, key=lambda name: ("total" not in name, name))[:1]
    return found[:3]


def _unit_head(name: str) -> str:
    return QUANTITIES[name].unit


def short(value: Fraction | None) -> str:
    """Return a value as a person compares it with a display: five figures or so, the power of ten where it is wild."""
    if value is None:
        return "-"
    if value and not 1 <= abs(value) * 10**4 < 10**14:
        return format(Decimal(value.numerator) / value.denominator, ".1e")  # a wild double is beyond any float
    exact = plain_decimal(value)
    return exact if len(exact) <= 10 else "%.7g" % float(value)


def values_table(lines: Sequence[Meant], outcome: Outcome) -> str:
    """Return every line with its live value; what does not agree with other values is marked."""
    doubtful = {name for check in outcome.checks if not check.holds for name in check.quantities}
    rows = []
    for one in lines:
        value = outcome.values.get(one.quantity or "")
        mark = "?" if one.quantity in doubtful else ""
        factor = factor_of(one, outcome.decades)
        scale = " x" + plain_decimal(factor) if factor != 1 else ""
        rows.append(
            [
                one.listed.printed,
                one.listed.name,
                type_of(one, outcome.way) + scale,
                one.quantity or _("(kept by its name)"),
                short(value) + mark if one.quantity else "",
                QUANTITIES[one.quantity].unit if one.quantity else unit_of(one),
            ]
        )
    heads = [_("address"), _("name"), _("type"), _("quantity"), _("value"), _("unit")]
    text = table_text(heads, rows, {4})
    return text + ("\n" + _("? does not agree with other values") if doubtful else "")
