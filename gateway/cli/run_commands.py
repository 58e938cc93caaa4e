"""wattproof check and run: is the configuration right, and the daemon itself."""

import asyncio
from pathlib import Path

import click

from gateway.config import Configuration, load, sweep_us
from gateway.core.problem import Problem, ProblemError
from gateway.daemon import Daemon, started_text
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, stop
from gateway.line import open_line
from gateway.words import say
from gateway.words import translate as _


def _budget(configuration: Configuration) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for bus in configuration.site.buses:
        meters = [meter for meter in configuration.site.meters if meter.bus == bus.name]
        rows.append(
            {
                "bus": bus.name,
                "meters": len(meters),
                "baud": bus.baud,
                "sweep_ms": sweep_us(configuration, bus) // 1000,
                "cycle_ms": configuration.site.cycle_s * 1000,
            }
        )
    return rows


@click.command("check")
@click.option("--live", is_flag=True, help="Open every port too.")
@json_option
@click.pass_obj
def check(home: str, live: bool, as_json: bool) -> None:
    """Say everything that is wrong with the configuration, and how long each bus takes."""
    try:
        configuration = load(Path(home))
        if live:
            problems: list[Problem] = []
            for bus in configuration.site.buses:
                try:
                    open_line(bus).close()
                except ProblemError as error:
                    problems.extend(error.problems)
            if problems:
                raise ProblemError(*problems)
    except ProblemError as error:
        if as_json:
            emit({"problems": [{"code": p.code, "where": p.where, "text": say(p)} for p in error.problems]}, "", True)
        stop(PROBLEM, *error.problems)
    rows = _budget(configuration)
    text = "\n".join(
        _("bus {bus}: {meters} meters at {baud} Bd, {sweep_ms} ms a sweep, fits the cycle of {cycle_ms} ms").format(
            **row
        )
        for row in rows
    )
    emit({"problems": [], "budget": rows}, _("The configuration is in order.") + "\n" + text, as_json)


@click.command("run")
@click.pass_obj
@fails_clearly
def run(home: str) -> None:
    """Run the gateway until it is told to stop (Ctrl-C or SIGTERM)."""
    configuration = load(Path(home))
    daemon = Daemon(configuration, click.echo)
    click.echo(started_text(configuration))
    asyncio.run(daemon.run())
    click.echo(_("stopped; everything is in the journal"))
