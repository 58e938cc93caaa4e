"""The command `wattproof-platform explain`: from a year's tonne down to register words, and from a meter up."""

import contextlib
import sqlite3
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from cloud_sync.platform.explaining import Figure, LedgerExplanation, Plain, unequal
from cloud_sync.platform.home import read_settings
from cloud_sync.platform.ledger import Ledger, broken
from cloud_sync.platform.stretch import stretch
from gateway.core.account.trace import FLOW, METHODS
from gateway.core.problem import ProblemError, problem
from gateway.explanation_text import basis_lines, explanation_text, kilograms, kwh, moment
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, show
from gateway.text_table import lines_text, table_text
from gateway.words import translate as _


@click.command("explain")
@click.argument("when", metavar="YEAR|MONTH|DAY|TIME")
@click.option("--point", default="", help="Which meter point (default: all consumers together).")
@click.option("--meter", default="", help="Go up from the registers of this meter, read for the interval of TIME.")
@click.option("--gateway", default="", help="Whose, as `show` names it; not needed where there is only one.")
@click.option("--method", type=click.Choice(METHODS), default=FLOW, show_default=True, help="Which method traces.")
@click.option("--factors", default="", help="Which set of factors (default: the first of the configuration).")
@click.option("--down", is_flag=True, help="Go on with the largest part at every level, down to the register words.")
@json_option
@click.pass_obj
@fails_clearly
def explain_command(
    home: Path, when: str, point: str, meter: str, gateway: str, method: str, factors: str, down: bool, as_json: bool
) -> None:
    """Show what a figure of the reports rests on, out of what was received, or what rests on a meter.

    The tonnes of a year are the sum of its months, those of its days, and those of the intervals that the gateway
    signed; each level says by how much its parts differ from what is counted, which is nought. Of one interval (TIME is
    a moment of it, in the park's time) everything is shown: factors, sources, energies, and the words of every
    register. With --meter it goes the other way: from registers to the day, the month and the year.
    """
    settings = read_settings(home)
    try:
        with contextlib.closing(Ledger(settings.ledger, read_only=True)) as ledger:
            explanation = LedgerExplanation(ledger, ZoneInfo(settings.zone))
            figure = explanation.chosen(gateway, point, method, factors)
            levels = _levels(explanation, figure, when, meter, down, ZoneInfo(settings.zone))
    except sqlite3.DatabaseError as error:
        raise ProblemError(broken(settings.ledger, error)) from error
    text = "" if as_json else "\n\n".join(_text(one) for one in levels)
    emit({"levels": levels} if down else levels[0], text, as_json)
    problems = unequal(levels)
    if problems:
        show(*problems)
        sys.exit(PROBLEM)


def _levels(
    explanation: LedgerExplanation, figure: Figure, when: str, meter: str, down: bool, zone: ZoneInfo
) -> list[Plain]:
    if "T" not in when:
        if meter:
            raise click.UsageError(_("With --meter write a moment of the interval, such as 2026-11-21T10:15."))
        asked = stretch(when, zone, when)
        return explanation.down(figure, asked) if down else [explanation.total(figure, asked)]
    if down or not (meter or figure.meter_point):
        raise click.UsageError(_("Of one interval name the meter point by --point, or the meter by --meter."))
    try:
        at = datetime.fromisoformat(when)
    except ValueError as error:
        raise ProblemError(
            problem(
                "WP-EXP-064", when, "this is neither a year, month or day nor a time",
                "write for example 2026, 2026-03, 2026-03-15 or 2026-03-15T10:15",
            )
        ) from error  # fmt: skip
    at_s = int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp())
    return [explanation.meter(figure, meter, at_s) if meter else explanation.at(figure, at_s)]


def _text(answer: Plain) -> str:
    if "parts" in answer:
        return _sum_text(answer)
    own = [_part_of(answer["meter_point"], answer["part_of"])] if "part_of" in answer else []
    own += [_part_of(one["meter_point"], one["part_of"], one["factor_set"]) for one in answer.get("tallies", ())]
    for period in answer.get("self_use", ()):
        own += [_part_of(one["meter_point"], one["part_of"], one["factor_set"]) for one in period["tallies"]]
    return "\n".join([explanation_text(answer), "", _("Sums it is part of"), *own])


def _part_of(name: str, wholes: list[Plain], factor_set: str = "") -> str:
    said = ", ".join("%s: %s kg" % (one["when"], kilograms(one["carbon_ug"])) for one in wholes if "wh" in one)
    return lines_text(" ".join(part for part in (name, factor_set, said) if part), 2)


def _sum_text(answer: Plain) -> str:
    head = _("{name} in {when} by {method} with {set}: {kwh} kWh, {green} kWh of it green, {tonnes} t CO2").format(
        name=answer["meter_point"] or answer["gateway"], when=answer["when"], method=answer["method"],
        set=answer["factor_set"], kwh=kwh(answer["wh"]), green=kwh(answer["green_wh"]),
        tonnes="%d.%09d" % divmod(answer["carbon_ug"] // 1000, 10**9),
    )  # fmt: skip
    table = [
        [_name(one), kwh(one["wh"]), kwh(one["green_wh"]), kilograms(one["carbon_ug"]), str(one.get("entry", ""))]
        for one in answer["parts"]
    ]
    exact = not any(answer["difference"].values())
    said = (
        _("Its parts ({count}) add up to it exactly, to the microgram and the Wh.") if exact
        else _("Its parts ({count}) do NOT add up to it.")
    ).format(count=len(table))  # fmt: skip
    lines = [lines_text(head, 0), lines_text(said, 0)]
    for base in answer["basis"]:
        ends = base["entries"]
        entries = "%s - %s (%s)" % (ends["first"], ends["last"], ends["count"]) if ends["count"] else "-"
        lines += [base["gateway"], *basis_lines(entries, base)]
    headings = [_("part"), "kWh", _("green kWh"), "kg CO2", _("entry")]
    return "\n".join([*lines, table_text(headings, table, {1, 2, 3, 4})])


def _name(part: Plain) -> str:
    """Return which part of a sum this is: a meter point, a month or day, an interval by its start."""
    return str(part.get("meter_point") or part.get("when") or moment(part["start_s"]))
