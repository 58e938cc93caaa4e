"""wattproof check and run: is the configuration right, and the daemon itself."""

import asyncio
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cloud_sync.core.canonical import CanonicalError
from gateway.bus_plan import jobs_of, sweep_us
from gateway.checking import check_lines, check_uplinks
from gateway.clock import Clock
from gateway.commissioning.live_meters import Met
from gateway.config import Configuration, load
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.record import RecordError
from gateway.core.tcp_address import has_line
from gateway.daemon import Daemon, started_text
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, plain_problem, stop
from gateway.mending import DAMAGE, mend
from gateway.ports import advise
from gateway.profiles import all_profiles
from gateway.recorder import journal_path
from gateway.rehearsal import rehearse, worst_dead
from gateway.words import say
from gateway.words import translate as _

LEAST_SWEEPS_PERCENT = 95.0  # that must be left to the living when the worst meters are dead


def _budget(configuration: Configuration) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return what the sweeps of each bus cost, and a problem for each that dead meters would slow too much."""
    site = configuration.site
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for index, bus in enumerate(site.buses):
        jobs = jobs_of(site, configuration.profiles, bus)
        serial = has_line(bus.port)
        took_us = sweep_us(jobs, bus, site.slow_sweeps)
        row: dict[str, Any] = {
            "bus": bus.name,
            "meters": len(jobs),
            "baud": bus.baud if serial else None,
            "sweep_ms": took_us // 1000 if serial else None,
            "cycle_ms": site.cycle_s * 1000,
            "utilisation_percent": round(took_us / site.cycle_s / 10_000, 1) if serial else None,
            "dead": None,
        }
        dead = worst_dead(jobs)
        if serial and dead:
            found = rehearse(bus, jobs, site.cycle_s * 1000, site.slow_sweeps, dead)
            row["dead"] = {
                "meters": list(dead),
                "utilisation_percent": round(found.taken_percent, 1),
                "sweeps_percent": round(found.sweeps_percent, 1),
            }
            if found.sweeps_percent < LEAST_SWEEPS_PERCENT:
                problems.append(
                    problem(
                        "WP-CFG-090",
                        f"bus[{index}]",
                        "with {dead} silent, only {share} % of the sweeps of bus {bus} can be made",
                        "raise gateway.cycle, raise the baud rate, or move meters to another bus",
                        dead=", ".join(dead),
                        share=f"{found.sweeps_percent:.0f}",
                        bus=bus.name,
                    )
                )
        rows.append(row)
    return rows, problems


def _budget_text(row: dict[str, Any]) -> str:
    if row["baud"] is None:
        return _("bus {bus}: {meters} meters over TCP, a cycle of {cycle_ms} ms").format(**row)
    text = _(
        "bus {bus}: {meters} meters at {baud} Bd, a sweep takes {sweep_ms} of {cycle_ms} ms: {utilisation_percent} %"
    ).format(**row)
    if row["dead"] is None:
        return text
    return (
        text
        + "\n    "
        + _("{meters} dead: {utilisation_percent} %, sweeps made {sweeps_percent} %").format(
            **{**row["dead"], "meters": ", ".join(row["dead"]["meters"])}
        )
    )


@click.command("check")
@click.option("--live", is_flag=True, help="Open every port too, and meet every meter: model, serial number.")
@json_option
@click.pass_obj
def check(home: str, live: bool, as_json: bool) -> None:
    """Say everything that is wrong with the configuration, and how busy each bus is.

    Reads gateway.toml, the profiles it names, factors.toml, keys and certificates.
    """
    try:
        configuration = load(Path(home))
        problems = check_uplinks(configuration)
        met: list[Met] = []
        if live:
            wrong, met = check_lines(configuration, all_profiles(home)[0])
            problems += wrong
        rows, slowed = _budget(configuration)
        problems += slowed
        if problems:
            raise ProblemError(*problems)
    except ProblemError as error:
        if as_json:
            emit({"problems": [plain_problem(one) for one in error.problems]}, "", True)
        stop(PROBLEM, *error.problems)
    text = "\n".join(_budget_text(row) for row in rows)
    advice = [
        one
        for index, bus in enumerate(configuration.site.buses)
        if (one := advise(f"bus[{index}].port", bus.port)) is not None
    ]
    text = "\n".join([_("The configuration is in order."), text] + [say(one) for one in advice])
    if met:
        text += "\n" + "\n".join(_met_text(one) for one in met)
    answer = {
        "problems": [],
        "budget": rows,
        "advice": [plain_problem(one) for one in advice],
        "meters": [asdict(one) for one in met],
    }
    emit(answer, text, as_json)


def _met_text(one: Met) -> str:
    signature = _("its signature fits") if one.signature else _("its model has no signature")
    return _("{meter} answers, serial number {serial}, {signature}").format(
        meter=one.meter, serial=one.serial or "-", signature=signature
    )


def _mend(configuration: Configuration) -> None:
    """Mend the journal as far as it can be; what damaged it is told all the same, and the next start goes on."""
    try:
        found = mend(journal_path(configuration.home), configuration.platforms, Clock().stamp())
    except (ProblemError, sqlite3.Error, OSError):
        return  # the file stays as it is
    if found is not None:
        text = _(
            "the journal was damaged and is mended: {restored} entries restored, {lost} lost; the old file is {aside}"
        )
        click.echo(text.format(restored=found.restored, lost=len(found.lost), aside=found.aside))


@click.command("run")
@click.pass_obj
@fails_clearly
def run(home: str) -> None:
    """Run the gateway until it is told to stop (Ctrl-C or SIGTERM)."""
    again = True
    try:
        while again:
            configuration = load(Path(home))
            daemon = Daemon(configuration, click.echo)
            click.echo(started_text(configuration))
            asyncio.run(daemon.run())
            again = daemon.again
    except ProblemError as error:
        if error.problems[0].code in DAMAGE:
            _mend(load(Path(home)))
        raise
    except (sqlite3.Error, CanonicalError, RecordError) as error:
        if not isinstance(error, sqlite3.OperationalError):
            _mend(load(Path(home)))
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
