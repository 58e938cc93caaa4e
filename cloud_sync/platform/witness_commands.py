"""wattproof-platform checkpoint and clear: what was cosigned, and the word of a person on what was not."""

import time
from pathlib import Path

import click

from cloud_sync.platform.clones import clear
from cloud_sync.platform.home import read_settings
from cloud_sync.platform.ledger import Ledger
from gateway.core.problem import ProblemError, problem
from gateway.frame import emit, fails_clearly, json_option
from gateway.words import translate as _


def _unknown(gateway: str) -> ProblemError:
    return ProblemError(
        problem(
            "WP-PLT-240",
            gateway,
            "nothing was heard of a gateway of this name",
            "wattproof-platform show names all that are known",
        )
    )


@click.command("checkpoint")
@click.argument("gateway")
@json_option
@click.pass_obj
@fails_clearly
def checkpoint_command(home: Path, gateway: str, as_json: bool) -> None:
    """Print the last checkpoint of GATEWAY that was cosigned, for an auditor to compare an export with."""
    ledger = Ledger(read_settings(home).ledger, read_only=True)
    try:
        if not ledger.read("SELECT 1 FROM chain WHERE gateway = ?", (gateway,)):
            raise _unknown(gateway)
        rows = ledger.read("SELECT size, note FROM cosigned WHERE gateway = ? ORDER BY number DESC LIMIT 1", (gateway,))
    finally:
        ledger.close()
    if not rows:
        raise ProblemError(
            problem(
                "WP-PLT-241",
                gateway,
                "no checkpoint of this gateway was cosigned yet",
                "one comes after its first interval and after each midnight; wattproof-platform show says what it waits"
                " for",
            )
        )
    note = rows[0]["note"].decode("utf-8")
    emit({"gateway": gateway, "size": rows[0]["size"], "note": note}, note.rstrip("\n"), as_json)


@click.command("clear")
@click.argument("gateway")
@click.option("--by", required=True, help="Who looked into it.")
@click.option("--reason", required=True, help="What was found.")
@json_option
@click.pass_obj
@fails_clearly
def clear_command(home: Path, gateway: str, by: str, reason: str, as_json: bool) -> None:
    """Listen to GATEWAY again after its key wrote in two places, or its history contradicted what was cosigned.

    Stop the platform first: it alone writes to its ledger.
    """
    ledger = Ledger(read_settings(home).ledger)
    try:
        if not ledger.read("SELECT 1 FROM chain WHERE gateway = ?", (gateway,)):
            raise _unknown(gateway)
        with ledger.writing() as connection:
            count = clear(connection, gateway, by, reason, time.time_ns() // 1_000_000)
    finally:
        ledger.close()
    text = _("{count} findings of {gateway} are settled; what comes from now on is judged afresh.")
    emit({"gateway": gateway, "cleared": count}, text.format(count=count, gateway=gateway), as_json)
