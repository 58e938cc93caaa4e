"""The command `wattproof-platform export`: the figures of a gateway for other programs."""

import sqlite3
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from cloud_sync.platform.exporting import export
from cloud_sync.platform.home import read_settings
from cloud_sync.platform.ledger import Ledger, broken
from cloud_sync.platform.stretch import stretch
from gateway.core.problem import ProblemError
from gateway.exports.writing import UNSIGNED_FORMATS
from gateway.frame import emit, fails_clearly, json_option
from gateway.words import translate as _


@click.command("export")
@click.argument("gateway")
@click.argument("when", metavar="DAY|MONTH")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option("--format", "form", type=click.Choice(UNSIGNED_FORMATS), required=True, help="Format of the file.")
@json_option
@click.pass_obj
@fails_clearly
def export_command(home: Path, gateway: str, when: str, output: Path, form: str, as_json: bool) -> None:
    """Write the figures of GATEWAY of a day, a month or a year to a file, as they are counted here."""
    settings = read_settings(home)
    ledger = Ledger(settings.ledger, read_only=True)
    try:
        answer = export(ledger, gateway, stretch(when, ZoneInfo(settings.zone), when), form, output)
    except sqlite3.DatabaseError as error:
        raise ProblemError(broken(settings.ledger, error)) from error
    finally:
        ledger.close()
    emit(answer, "\n".join(answer["files"]) + "\n" + _("{intervals} intervals").format(**answer), as_json)
