"""The command `explain`: what a figure rests on, down to the register words, and what rests on a meter."""

from pathlib import Path
from typing import Any

import click

from gateway.cli.account_commands import question, time_of
from gateway.core.account.trace import FLOW, METHODS
from gateway.core.problem import ProblemError, problem
from gateway.evidence import ExportEvidence
from gateway.explanation import Explanation, explained
from gateway.explanation_text import explanation_text
from gateway.frame import emit, fails_clearly, json_option


@click.command("explain")
@click.argument("name", metavar="METER_POINT|METER")
@click.argument("when", metavar="DAY|TIME")
@click.option("--method", type=click.Choice(METHODS), default=FLOW, show_default=True, help="Which method traces.")
@click.option("--factors", default="", help="Which set of factors (default: the first of the configuration).")
@click.option("--export", "export", type=click.Path(path_type=Path), help="Explain out of this export.")
@json_option
@click.pass_obj
@fails_clearly
def explain(home: str, name: str, when: str, method: str, factors: str, export: Path | None, as_json: bool) -> None:
    """Show what the figure of a meter point rests on, or what rests on a meter.

    A day's figure is a sum: it is shown with the intervals it is made of, and the entry of each. Of one
    interval (TIME is a moment of it, in the park's time) everything is shown: factors, sources, energies,
    and the words of every register at both ends, as they were read.

    With the name of a meter it goes the other way: from its registers to the figures that rest on them.
    With --export it needs no gateway; `wattproof verify` tells whether the export is what was signed.
    """
    asked: dict[str, Any] = {"ask": "explain", "name": name, "method": method, "factors": factors}
    at = time_of(when)
    if at is None:
        raise ProblemError(
            problem(
                "WP-CLI-008", when, "this is neither a day nor a time",
                "write a day such as 2026-11-21 or a time such as 2026-11-21T10:15",
            )
        )  # fmt: skip
    asked.update({"day": when} if len(when) == len("2026-11-21") else {"at_s": int(at.timestamp())})
    answer = explained(Explanation(ExportEvidence(export)), asked) if export else question(Path(home), asked)
    emit(answer, "" if as_json else explanation_text(answer), as_json)
