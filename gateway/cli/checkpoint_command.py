"""wattproof checkpoint: the last cosigned checkpoint of this gateway, as a text for others to keep."""

from pathlib import Path

import click

from gateway.cli.account_commands import question
from gateway.core.problem import ProblemError, problem
from gateway.exports.writing import cannot_write
from gateway.frame import emit, fails_clearly, json_option


@click.command("checkpoint")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="File to write; else it is printed.")
@json_option
@click.pass_obj
@fails_clearly
def checkpoint(home: str, output: str | None, as_json: bool) -> None:
    """Give out the last cosigned checkpoint: who keeps it can tell later whether history was written again."""
    answer = question(Path(home), {"ask": "checkpoint"})
    if answer["note"] is None:
        raise ProblemError(
            problem(
                "WP-EXP-074",
                home,
                "the platform has cosigned no checkpoint yet",
                "one is made after the first interval and after each midnight; wattproof status shows whether the"
                " platform answers",
            )
        )
    if output is not None:
        try:
            Path(output).write_text(answer["note"], encoding="utf-8")
        except OSError as error:
            raise ProblemError(cannot_write(output, error)) from error
    emit(answer, output if output is not None else answer["note"].rstrip("\n"), as_json)
