"""The command `wattproof-platform report`: a park's year, month or day as text or JSON."""

import contextlib
import sqlite3
import sys
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from cloud_sync.platform.home import read_settings
from cloud_sync.platform.ledger import Ledger, broken
from cloud_sync.platform.report_text import text_of
from cloud_sync.platform.yearly_report import make_report
from gateway.core.problem import ProblemError
from gateway.frame import PROBLEM, emit, fails_clearly, json_option, show


@click.command("report")
@click.argument("period")
@click.option("--park", help="Which park, as gateway.toml names it; not needed where there is only one.")
@json_option
@click.pass_obj
@fails_clearly
def report_command(home: Path, period: str, park: str | None, as_json: bool) -> None:
    """Report on a park in PERIOD: a year (2026), a month (2026-03) or a day (2026-03-15)."""
    settings = read_settings(home)
    try:
        with contextlib.closing(Ledger(settings.ledger, read_only=True)) as ledger:
            report = make_report(ledger, home, ZoneInfo(settings.zone), period, park, int(time.time()))
    except sqlite3.DatabaseError as error:
        raise ProblemError(broken(settings.ledger, error)) from error
    emit(report.plain(), text_of(report), as_json)
    if report.problems:
        if not as_json:
            show(*report.problems)
        sys.exit(PROBLEM)
