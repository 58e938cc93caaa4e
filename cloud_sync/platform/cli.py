"""The wattproof-platform command: serve, verify, show, park; all others have modules of their own."""

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from cloud_sync.keys import KeyRing
from cloud_sync.platform import showing, whole_park
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.composing import plans_of
from cloud_sync.platform.document_commands import document_group
from cloud_sync.platform.documents import Documents
from cloud_sync.platform.explain_command import explain_command
from cloud_sync.platform.export_command import export_command
from cloud_sync.platform.home import DEFAULT_HOME, KEY_FILE, read_settings
from cloud_sync.platform.key_commands import broker_config_command, enrol_group, keys_group
from cloud_sync.platform.ledger import Ledger, broken
from cloud_sync.platform.park import PARK_FILE, read_parks
from cloud_sync.platform.rebuilding import rebuild
from cloud_sync.platform.report_commands import report_command
from cloud_sync.platform.witness_commands import checkpoint_command, clear_command
from gateway import words
from gateway.core.problem import ProblemError
from gateway.frame import PROBLEM, SpokenGroup, emit, fails_clearly, json_option, plain_problem, show, speak_anywhere
from gateway.words import translate as _

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(cls=SpokenGroup)
@click.option("--lang", type=click.Choice(words.LANGUAGES), help="Language of messages (default: by locale).")
@click.option(
    "--home",
    envvar="WATTPROOF_PLATFORM_HOME",
    default=DEFAULT_HOME,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of platform.toml, keys and ledger.",
)
@click.version_option(package_name="wattproof")
@click.pass_context
def main(ctx: click.Context, lang: str | None, home: Path) -> None:
    """Wattproof's platform: takes what the gateways prove, keeps it once, and shows it."""
    speak_anywhere()
    words.choose(lang or words.language_of_locale())
    ctx.obj = home


def with_ledger(command: Command) -> Command:
    """Turn a broken ledger file into a message; for commands that read one."""

    @wraps(command)
    def wrapped(home: Path, *args: Any, **kwargs: Any) -> Any:
        try:
            return command(home, *args, **kwargs)
        except sqlite3.DatabaseError as error:
            raise ProblemError(broken(read_settings(home).ledger, error)) from error

    return wrapped  # type: ignore[return-value]


@main.command("serve")
@click.pass_obj
@fails_clearly
def serve_command(home: Path) -> None:
    """Take batches from the broker, answer with receipts, and offer the page, until stopped."""
    from cloud_sync.platform.serving import serve

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    settings = read_settings(home)

    def tell(line: str) -> None:
        click.echo(line)
        sys.stdout.flush()

    asyncio.run(serve(home, settings, tell, show))


@main.command("verify")
@click.option("--rebuild", "again", is_flag=True, help="Make the tables of the page anew from the entries first.")
@json_option
@click.pass_obj
@fails_clearly
@with_ledger
def verify_command(home: Path, again: bool, as_json: bool) -> None:
    """Walk every chain, check every signature, and compare the page's tables with the entries."""
    settings = read_settings(home)
    if again:
        ledger = Ledger(settings.ledger)
        rebuild(ledger)
        ledger.close()
    ring = KeyRing.load((home / KEY_FILE).parent)
    ledger = Ledger(settings.ledger, read_only=True)
    try:
        found = audit(ledger, ring)
    finally:
        ledger.close()
    documents = Documents(home)
    faults = (*found.problems, *documents.faults(ring))
    value = {
        "chains": found.chains,
        "batches": found.batches,
        "entries": found.entries,
        "receipts": found.receipts,
        "documents": documents.count(),
        "problems": [plain_problem(one) for one in faults],
    }
    text = _(
        "{chains} chains, {batches} batches, {entries} entries, {receipts} receipts and {documents} documents"
        " were checked."
    )
    verdict = _("All of it holds.") if not faults else _("Problems: {count}")
    emit(value, "\n".join((text.format(**value), verdict.format(count=len(faults)))), as_json)
    if faults:
        if not as_json:
            show(*faults)
        sys.exit(PROBLEM)


@main.command("show")
@json_option
@click.pass_obj
@fails_clearly
@with_ledger
def show_command(home: Path, as_json: bool) -> None:
    """Show the gateways, how far each is receipted, its intervals and its energy."""
    ledger = Ledger(read_settings(home).ledger, read_only=True)
    try:
        value = showing.overview(ledger)
    finally:
        ledger.close()
    emit(value, showing.text(value), as_json)


@main.command("park")
@json_option
@click.pass_obj
@fails_clearly
@with_ledger
def park_command(home: Path, as_json: bool) -> None:
    """Read park.toml, and show how each park of several gateways is composed."""
    wanted = {plan.key: plan for plan in read_parks(home)}
    ledger = Ledger(read_settings(home).ledger, read_only=True)
    try:
        found = [showing.park(ledger, key) for key in whole_park.parks(ledger)]
        kept = {plan.key: plan for plan in plans_of(ledger.connection)}
    finally:
        ledger.close()
    lines = [line for one in found for line in showing.park_lines(one)]
    if kept != wanted:
        lines.append(
            _("park.toml says otherwise by now; a running `wattproof-platform serve` takes it over by itself.")
        )
    nothing = _("There is no park of several gateways; write one into {path}.").format(path=home / PARK_FILE)
    emit({"parks": found, "adopted": kept == wanted}, "\n".join(lines) or nothing, as_json)
    if any(one["newest"] and one["newest"]["problems"] for one in found):
        sys.exit(PROBLEM)


main.add_command(keys_group)
main.add_command(enrol_group)
main.add_command(broker_config_command)
main.add_command(checkpoint_command)
main.add_command(clear_command)
main.add_command(document_group)
main.add_command(report_command)
main.add_command(explain_command)
main.add_command(export_command)
