"""wattproof check and run: is the configuration right, and the daemon itself."""

import asyncio
import sqlite3
from pathlib import Path

import click

from cloud_sync.core.canonical import CanonicalError
from gateway.checking import check_lines, check_uplink
from gateway.config import Configuration, load, sweep_us
from gateway.core.problem import ProblemError, problem
from gateway.core.record import RecordError
from gateway.daemon import Daemon, started_text
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, plain_problem, stop
from gateway.ports import advise
from gateway.recorder import journal_path
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
@click.option("--live", is_flag=True, help="Open every serial port and connection too.")
@json_option
@click.pass_obj
def check(home: str, live: bool, as_json: bool) -> None:
    """Say everything that is wrong with the configuration, and how long each bus takes.

    Reads gateway.toml, the profiles it names, factors.toml, keys and certificates.
    """
    try:
        configuration = load(Path(home))
        problems = check_uplink(configuration)
        if live:
            problems += check_lines(configuration)
        if problems:
            raise ProblemError(*problems)
    except ProblemError as error:
        if as_json:
            emit({"problems": [plain_problem(one) for one in error.problems]}, "", True)
        stop(PROBLEM, *error.problems)
    rows = _budget(configuration)
    text = "\n".join(
        _("bus {bus}: {meters} meters at {baud} Bd, a sweep takes {sweep_ms} of {cycle_ms} ms").format(**row)
        for row in rows
    )
    advice = [
        one
        for index, bus in enumerate(configuration.site.buses)
        if (one := advise(f"bus[{index}].port", bus.port)) is not None
    ]
    text = "\n".join([_("The configuration is in order."), text] + [say(one) for one in advice])
    emit({"problems": [], "budget": rows, "advice": [plain_problem(one) for one in advice]}, text, as_json)


@click.command("run")
@click.pass_obj
@fails_clearly
def run(home: str) -> None:
    """Run the gateway until it is told to stop (Ctrl-C or SIGTERM)."""
    configuration = load(Path(home))
    try:
        daemon = Daemon(configuration, click.echo)
        click.echo(started_text(configuration))
        asyncio.run(daemon.run())
    except (sqlite3.Error, CanonicalError, RecordError) as error:
        raise ProblemError(
            problem(
                "WP-JRN-005",
                str(journal_path(Path(home))),
                "the journal can no longer be written or read: {detail}",
                "look for a full disk or a damaged card; what is committed stays, and nothing was sent that is not",
                detail=error,
            )
        ) from error
    click.echo(_("stopped; everything is in the journal"))
