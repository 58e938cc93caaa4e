"""wattproof declare: what a person knows and no register tells: another meter, another ratio, what a storage holds."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.account_commands import kwh, time_of
from gateway.cli.tables import table_text
from gateway.clock import Clock
from gateway.config import load
from gateway.control import ask, is_running
from gateway.core.account import declared
from gateway.core.problem import ProblemError, problem
from gateway.figures import PARK_TIME
from gateway.frame import OK, emit, fails_clearly, json_option
from gateway.key_files import signing
from gateway.offline import journal_at_home
from gateway.recorder import Recorder
from gateway.sealing import accepted
from gateway.words import translate as _


def declared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every declaration has."""
    for option in (
        json_option,
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--reason", required=True, help="Why, as on the work order."),
        click.option("--by", required=True, help="Who answers for it."),
        click.option("--at", "at", required=True, metavar="TIME", help="When it happened, in the park's time."),
    ):
        command = option(command)
    return command


@click.group("declare")
def declare() -> None:
    """Declare what no register tells: another meter, another ratio, a rise that is right, what a storage holds.

    The declaration is signed into the journal with the name of who answers for it. What it changes is shown first.
    """


@declare.command("exchange")
@click.argument("meter")
@click.option("--old-final", multiple=True, required=True, help='What the old meter showed last: "12345.60 kWh".')
@click.option("--new-initial", multiple=True, required=True, help='What the new meter showed first: "0.10 kWh".')
@click.option("--new-serial", default="", help="The serial number of the new meter.")
@declared_options
@click.pass_obj
@fails_clearly
def exchange(
    home: str, /, meter: str, old_final: tuple[str, ...], new_initial: tuple[str, ...], new_serial: str, **rest: Any
) -> None:
    """Another meter was put in the place of METER.

    Of a meter with several energy registers every one needs both readings: "energy_active_export=1.5 kWh".
    """
    values = {**_readings(declared.FINAL, old_final), **_readings(declared.INITIAL, new_initial)}
    _declare(home, declared.EXCHANGE, meter, {**values, declared.SERIAL: new_serial}, rest)


@declare.command("ratio")
@click.argument("meter")
@click.option("--reading", multiple=True, required=True, help='What the meter showed at that moment: "812.40 kWh".')
@click.option("--ct", help="The new ratio of the current transformers, as 400/5.")
@click.option("--vt", help="The new ratio of the voltage transformers, as 10000/100.")
@declared_options
@click.pass_obj
@fails_clearly
def ratio(home: str, /, meter: str, reading: tuple[str, ...], ct: str | None, vt: str | None, **rest: Any) -> None:
    """The transformers of METER were exchanged; gateway.toml has the new ratio already."""
    values = {**_readings(declared.FINAL, reading), **_readings(declared.INITIAL, reading)}
    values.update({name: text for name, text in (("ct", ct), ("vt", vt)) if text})
    _declare(home, declared.RATIO, meter, values, rest)


@declare.command("accept")
@click.argument("meter")
@declared_options
@click.pass_obj
@fails_clearly
def accept(home: str, /, meter: str, **rest: Any) -> None:
    """The rise of METER that was put into quarantine (flag Q) is right."""
    _declare(home, declared.ACCEPT, meter, {}, rest)


@declare.command("content")
@click.argument("storage")
@click.argument("held")
@declared_options
@click.pass_obj
@fails_clearly
def content(home: str, /, storage: str, held: str, **rest: Any) -> None:
    """What STORAGE really holds is HELD, as "120 kWh", in the measure of its account: energy as charged.

    What its account has more of is booked as losses by origin, what it has less of as a gain of unknown origin.
    """
    _declare(home, declared.CONTENT, storage, {declared.HELD: held}, rest)


def _readings(kind: str, stated: tuple[str, ...]) -> dict[str, str]:
    """Return readings by kind and quantity; one without a quantity is of the first register."""
    pairs = [one.rpartition("=") for one in stated]
    return {kind + quantity.strip(): text.strip() for quantity, _equals, text in pairs}


def _declare(home: str, what: str, subject: str, values: dict[str, str], rest: dict[str, Any]) -> None:
    at = time_of(rest["at"])
    if at is None:
        raise ProblemError(problem("WP-CLI-025", rest["at"], "this is no time", "write the moment as 2026-11-21T10:07"))
    asked = {
        "ask": "declare", "what": what, "subject": subject, "values": values, "by": rest["by"],
        "at_ms": int(at.timestamp()) * 1000 + at.microsecond // 1000, "reason": rest["reason"],
    }  # fmt: skip
    as_json = rest["as_json"]
    if not rest["yes"]:
        answer = _asked(Path(home), asked)
        if as_json:
            emit(answer, "", True)
            return
        click.echo(_text(answer))
        if not click.confirm(_("Declare it?")):
            click.echo(_("nothing was declared"))
            raise SystemExit(OK)
    answer = _asked(Path(home), {**asked, "confirmed": True})
    text = _("declared in entry {entry}").format(entry=answer["entry"])
    emit(answer, text if not rest["yes"] else _text(answer) + "\n" + text, as_json)


def _asked(home: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the daemon's answer, or that of the journal where no daemon runs."""
    if is_running(home):
        return ask(home, asked)
    configuration = load(home)
    with closing(journal_at_home(configuration)) as journal:
        signer = signing(home, journal).signer if configuration.uplinks else None
        recorder = Recorder(accepted(configuration, journal)[0], journal, Clock(), signer)
        recorder.open_books()
        return recorder.declare(asked)


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, PARK_TIME).strftime("%Y-%m-%d %H:%M:%S")


def _text(answer: dict[str, Any]) -> str:
    lines = ["%s %s, %s" % (answer["what"], answer["subject"], _moment(answer["at_ms"]))]
    worked_out = (declared.BOOKED, declared.DIFFERENCE)  # the text says them better
    lines += ["  %s: %s" % pair for pair in sorted(answer["values"].items()) if pair[0] not in worked_out]
    if answer["pending"]:
        lines.append(_("The interval of this moment is still open; its energy is split when it closes."))
    rows = [
        [
            _moment(one["start_s"] * 1000),
            one["meter_point"],
            *(_energy(one[side]) for side in ("before", "after")),
        ]
        for one in answer["effects"]
    ]
    if "content" in answer:
        lines.append(_content_text(answer["content"]))
    if rows:
        lines.append(table_text([_("start"), _("meter point"), _("kWh in / out until now"), _("then")], rows, {2, 3}))
    return "\n".join(lines)


def _content_text(content: dict[str, Any]) -> str:
    known = _("its account says {account} kWh").format(account=kwh(content["account_wh"]))
    more_wh = content["declared_wh"] - content["account_wh"]
    if more_wh >= 0:
        booked = _("{wh} kWh are booked as a gain of unknown origin").format(wh=kwh(more_wh))
    else:
        lost = ", ".join("%s %s" % (origin, kwh(wh)) for origin, wh in content["lost"])
        booked = _("booked as lost: {lost} kWh").format(lost=lost or "0")
    return known + "; " + booked


def _energy(side: dict[str, Any]) -> str:
    flag = " [%s]" % side["flag"] if side["flag"] else ""
    return "%s / %s%s" % (kwh(side["import_wh"]), kwh(side["export_wh"]), flag)
