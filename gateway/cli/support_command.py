"""wattproof support: one file for whoever is asked for help."""

from pathlib import Path
from typing import Any

import click

from gateway.cli.account_commands import question
from gateway.frame import emit, fails_clearly, json_option
from gateway.support import write_bundle
from gateway.words import translate as _


@click.command("support")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
@fails_clearly
def support(home: str, file: Path, as_json: bool) -> None:
    """Write FILE (zip) with configuration, status, last events and versions, for whoever helps.

    Private keys, passwords and codes stay out of it; look into it before you give it away.
    """

    def answers(asked: dict[str, Any]) -> dict[str, Any]:
        return question(Path(home), asked)

    parts = write_bundle(Path(home), file, answers)
    text = _("{file} holds {parts}. No private key, password or code is in it.")
    emit({"file": str(file), "parts": parts}, text.format(file=file, parts=", ".join(parts)), as_json)
