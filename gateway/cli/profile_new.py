"""wattproof profile new: a device profile from a manual's register list, tried on a live meter where there is one."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from gateway.asker import Asker
from gateway.cli import profile_questions as ask
from gateway.cli.bus_options import LineSetting
from gateway.commissioning.scan import bus_of
from gateway.config import load_site
from gateway.core.meter.profile import DeviceProfile
from gateway.core.meter.profile_lint import lint
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.site import Bus
from gateway.core.site_reading import UNITS
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, plain_problem
from gateway.line import Line, LineLostError, open_line
from gateway.new_profile.combination import Meant, Outcome, Way, factor_of, type_of, unit_of
from gateway.new_profile.meter_trial import MeterTrial
from gateway.new_profile.profile_answers import ProfileAnswers, answers_text, draft_path, id_of, read_answers
from gateway.new_profile.profile_making import (
    checked,
    likely_way,
    lines_of,
    listed_registers,
    open_in_list,
    open_in_outcome,
    quantities_of,
    refuse_exchanged,
    refuse_existing,
    usable,
    write_whole,
)
from gateway.new_profile.profile_text import DEFAULT_LINE, DEFAULT_MOST, Observed, plain_decimal, profile_text
from gateway.new_profile.register_list import RegisterList, possible_bases
from gateway.profile_plan import plan_figures, plan_text
from gateway.text_file import read_text
from gateway.words import say
from gateway.words import translate as _

_TIMEOUT_MS = 1000  # as long as the slowest meters take; nothing is known of this one yet


class _Making(ask.Asked):
    """One profile in the making: what was answered so far, and whether a person is there to answer."""

    def __init__(
        self, home: str, answers: ProfileAnswers, source: str, quiet: bool, force: bool, as_json: bool
    ) -> None:
        super().__init__(answers)
        self.as_json = as_json
        self.home = home
        self.source = source
        self.quiet = quiet
        self.force = force

    def tell(self, text: str) -> None:
        """Show *text*, where the answer is not JSON."""
        if not self.as_json:
            click.echo(text)

    def understood(self) -> tuple[RegisterList, tuple[Meant, ...]]:
        """Return the list and its lines, confirmed where somebody is there to do so."""
        if not self.answers.list and not self.quiet:
            ask.ask_list(self)
        found = listed_registers(self.answers, self.source)
        if not self.quiet:
            ask.ask_quantities(self, found.registers, quantities_of(found, self.answers))
        else:
            self.tell(ask.lines_table(found.registers, quantities_of(found, self.answers)))
        return found, lines_of(found, self.answers)

    def place(self) -> Path:
        """Return where the profile goes, once its maker and model are known."""
        if self.quiet:
            self.set(id=self.answers.id or id_of(self.answers.maker or "", self.answers.model or ""))
        else:
            ask.ask_model(self, self.source)
        if not self.answers.id:
            raise click.UsageError(_("Give the id of the profile: --id."))
        return refuse_existing(self.home, self.answers.id, self.force)

    def complete(self, found: RegisterList, lines: Sequence[Meant], network: bool) -> None:
        """Complete the answers about how the meter is read."""
        names = [one.quantity for one in lines if one.quantity]
        if not self.quiet:
            likely = likely_way(found, self.answers)
            ask.ask_manners(self, found.registers, names, likely.function, network)
        if self.answers.kind is None:
            self.set(kind=ask.usual_kind(names))

    def evidence(self) -> list[tuple[str, str]]:
        """Return where the registers come from."""
        source = self.answers.source or self.source
        return [(source, self.answers.page or "")] if source else []


@click.command("new")
@click.argument("list_file", required=False, metavar="[LIST]", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--id", "profile_id", default="", help="Id of the profile, which is the name of its file.")
@click.option(
    "--answers",
    "answers_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take answers from this file, as an interrupted run leaves it.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: take the answers there are, and the likeliest reading.")
@click.option("--port", default="", help="Port of a meter of this model, as /dev/ttyUSB0 or tcp://host:502.")
@click.option("--bus", "bus_name", default="", help="Instead of a port: a bus of the configuration.")
@click.option("--line", type=LineSetting(), help='Line setting of the port, such as "9600 8N1".')
@click.option("--unit", type=click.IntRange(*UNITS), help="Unit id of the meter.")
@click.option("--offline", is_flag=True, help="Without a meter: write what the list says.")
@click.option("--force", is_flag=True, help="Replace a profile of this id.")
@json_option
@click.pass_obj
@fails_clearly
def new_command(
    home: str,
    list_file: Path | None,
    profile_id: str,
    answers_file: Path | None,
    yes: bool,
    port: str,
    bus_name: str,
    line: str | None,
    unit: int | None,
    offline: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write a meter model from the register list of a manual (lines or CSV in LIST), tried on a meter; only read.

    With --json nothing is asked, as with --yes.
    """
    quiet = yes or as_json
    answers = read_answers(answers_file) if answers_file else ProfileAnswers()
    if list_file is not None:
        answers = answers._replace(list=read_text(list_file))
    if profile_id:
        answers = answers._replace(id=profile_id)
    if line and quiet:
        answers = answers._replace(line=answers.line or line)
    if quiet and not (port or bus_name or offline):
        raise click.UsageError(_("Give --port or --bus with --unit, or --offline."))
    making = _Making(home, answers, list_file.name if list_file else "", quiet, force, as_json)
    if answers.id:
        refuse_existing(home, answers.id, force)
    with _kept(making):
        result, text = _made(making, port, bus_name, line, unit, offline)
    draft_path(home, making.answers.id).unlink(missing_ok=True)
    emit(result, text, as_json)
    if result["problems"]:
        sys.exit(PROBLEM)


@contextmanager
def _kept(making: _Making) -> Iterator[None]:
    """Keep what was typed where the work inside is interrupted or fails."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        _keep(making)
        click.echo(_("stopped"), err=True)
        sys.exit(PROBLEM)
    except ProblemError:
        _keep(making)
        raise


def _keep(making: _Making) -> None:
    if making.quiet or not making.answers.list:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second Ctrl-C must not lose it
    path = draft_path(making.home, making.answers.id)
    write_whole(path, answers_text(making.answers))
    command = "wattproof profile new --answers %s" % path
    click.echo("\n" + _("What was typed is kept; go on with: {command}").format(command=command), err=True)


def _made(
    making: _Making, port: str, bus_name: str, setting: str | None, unit: int | None, offline: bool
) -> tuple[dict[str, Any], str]:
    """Return what was made, as JSON and in words."""
    found, lines = making.understood()
    path = making.place()
    if not (port or bus_name or offline or making.quiet):
        port = ask.ask_port()
        unit = unit or (ask.ask_unit() if port else None)
    known = _bus(making, port, bus_name, setting)
    making.complete(found, lines, known is not None and known.port.startswith("tcp://"))
    bus = _bus(making, port, bus_name, setting)  # again: the line setting may have been answered just now
    likely = likely_way(found, making.answers)
    outcome: Outcome | None = None
    observed, way = Observed(), likely
    problems: list[Problem] = []
    if bus is not None:
        if unit is None:
            if making.quiet:
                raise click.UsageError(_("Give the unit id of the meter: --unit."))
            unit = ask.ask_unit()
        outcome, observed, problems = _tried(making, found, lines, likely, bus, unit)
        way = outcome.way
    kept = usable(lines, way, observed.windows)
    problems = open_in_list(found, lines, kept, bus is not None) + problems
    text = profile_text(making.answers, kept, way, observed, making.evidence())
    profile = checked(text, making.answers.id)
    write_whole(path, text)
    return _told(path, profile, kept, outcome, observed, problems)


def _bus(making: _Making, port: str, bus_name: str, setting: str | None) -> Bus | None:
    """Return the bus that the meter is on; None where there is no meter."""
    if port:
        return bus_of(port, setting or making.answers.line or DEFAULT_LINE)
    if not bus_name:
        return None
    buses = load_site(Path(making.home))[0].buses
    for bus in buses:
        if bus.name == bus_name:
            return bus
    raise ProblemError(
        problem(
            "WP-PRF-098",
            bus_name,
            "The configuration has no bus of this name.",
            "Its buses are: {known}.",
            known=", ".join(bus.name for bus in buses),
        )
    )


def _tried(
    making: _Making, found: RegisterList, lines: Sequence[Meant], likely: Way, bus: Bus, unit: int
) -> tuple[Outcome, Observed, list[Problem]]:
    """Return the way that was chosen on a live meter, what the meter showed, and what remains open."""
    making.tell(_("Reading the meter in every way the list may be meant; nothing is written to it ..."))
    most = making.answers.max_registers or DEFAULT_MOST
    secondary = making.answers.side == "secondary"
    bases = list(dict.fromkeys([likely.base, *possible_bases(found.registers)]))
    functions = (likely.function, 7 - likely.function)
    line: Line | None = None
    try:
        line = open_line(bus)
        trial = MeterTrial(Asker(line, bus), unit, _TIMEOUT_MS, most, _progress)
        outcomes = trial.ranked(lines, functions, bases, likely, secondary)
        _progress("")
        if not outcomes:
            raise ProblemError(_nothing_answered(unit))
        chosen = _chosen(making, lines, outcomes)
        refuse_exchanged(chosen.way)
        observed, problems = _observed(making, lines, trial, chosen, bus)
    except LineLostError as error:
        raise ProblemError(*error.problems) from error
    finally:
        if line is not None:
            line.close()
    return chosen, observed, open_in_outcome(outcomes, chosen, likely, lines) + problems


def _chosen(making: _Making, lines: Sequence[Meant], outcomes: list[Outcome]) -> Outcome:
    """Return the outcome that the person takes, the likeliest where nobody is asked."""
    if making.quiet:
        making.tell(ask.ranking_table(outcomes) + "\n\n" + ask.values_table(lines, outcomes[0]) + "\n")
        return outcomes[0]
    while True:
        click.echo(ask.ranking_table(outcomes))
        number = ask.ask_rank(len(outcomes))
        click.echo(ask.values_table(lines, outcomes[number - 1]))
        if click.confirm(_("Do these values agree with the display of the meter?"), default=True):
            return outcomes[number - 1]


def _observed(
    making: _Making, lines: Sequence[Meant], trial: MeterTrial, chosen: Outcome, bus: Bus
) -> tuple[Observed, list[Problem]]:
    """Return what the meter showed in the way that was chosen, with one whole reading as its tests."""
    windows = tuple(trial.windows(chosen.way))
    observed = Observed(
        windows=windows,
        most=max((last - first + 1 for first, last in windows), default=0),
        align=trial.alignment(chosen.way, lines),
        network=bus.port.startswith("tcp://"),
        decades=tuple(sorted(chosen.decades.items())),
        captured=(),
    )
    kept = usable(lines, chosen.way, windows)
    profile = checked(profile_text(making.answers, kept, chosen.way, observed, making.evidence()), making.answers.id)
    good, bad = trial.captured(profile, bus.baud)
    problems = [
        problem(
            "WP-PRF-099",
            "",
            "The meter refused a read of the finished profile: {request}.",
            "Part the window that holds it, and look with `wattproof read`.",
            request=answer.request.hex(" "),
        )
        for answer in bad
    ]
    return observed._replace(captured=tuple(good)), problems


def _nothing_answered(unit: int) -> Problem:
    return problem(
        "WP-PRF-080",
        "unit %d" % unit,
        "The meter answers, but refuses every register of the list.",
        "Check that the list is of this model, and the addresses of its lines.",
    )


def _progress(text: str) -> None:
    """Show what is read, on the error channel of a terminal."""
    if sys.stderr.isatty():
        click.echo("\r\033[K" + text, nl=False, err=True)


def _told(
    path: Path,
    profile: DeviceProfile,
    lines: Sequence[Meant],
    outcome: Outcome | None,
    observed: Observed,
    open_problems: list[Problem],
) -> tuple[dict[str, Any], str]:
    """Return what was written, as JSON and in words, with what lint says and what a sweep costs."""
    complaints = [one.moved(path.name) for one in lint(profile)]
    plan = plan_figures(profile)
    value = {
        "id": profile.id,
        "file": str(path),
        "status": profile.status,
        "way": None if outcome is None else _way_map(outcome),
        "registers": [_line_map(one, outcome) for one in lines],
        "windows": [list(window) for window in observed.windows],
        "tests": len(profile.tests),
        "open": [plain_problem(one) for one in open_problems],
        "problems": [plain_problem(one) for one in complaints],
        "plan": plan._asdict(),
    }
    rows = [
        _("{file} is written: {points} points, {tests} tests, status draft").format(
            file=path, points=len(profile.points), tests=len(profile.tests)
        ),
        *[say(one) for one in open_problems],
        *([say(one) for one in complaints] or [_("lint: nothing to complain about")]),
        plan_text(profile.id, plan),
        _("Next: compare the values with the display, set the status to bench, and name the profile in gateway.toml."),
    ]
    return value, "\n".join(rows)


def _way_map(outcome: Outcome) -> dict[str, Any]:
    holding = sum(1 for check in outcome.checks if check.holds)
    return {
        "function": outcome.way.function,
        "address": outcome.way.base,
        "words": outcome.way.words,
        "fits": holding,
        "fails": len(outcome.checks) - holding,
    }


def _line_map(one: Meant, outcome: Outcome | None) -> dict[str, Any]:
    value = outcome.values.get(one.quantity) if outcome is not None and one.quantity else None
    return {
        "line": one.listed.line,
        "address": one.listed.printed,
        "name": one.listed.name,
        "quantity": one.quantity,
        "type": one.listed.type if outcome is None else type_of(one, outcome.way),
        "factor": plain_decimal(factor_of(one, {} if outcome is None else outcome.decades)),
        "unit": unit_of(one),
        "value": None if value is None else plain_decimal(value),
    }
