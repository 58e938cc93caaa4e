"""wattproof config: what a changed configuration waits for, and the word of a person that accepts it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from gateway.clock import Clock
from gateway.config import load
from gateway.control import ask, is_running
from gateway.core.problem import ProblemError, problem
from gateway.frame import emit, fails_clearly, json_option
from gateway.key_files import signing
from gateway.offline import journal_at_home
from gateway.recorder import Recorder
from gateway.sealing import Acceptance, accepted, applied, plain_changes
from gateway.words import translate as _

TEXT_MAX = 256  # characters: a name, or a sentence of a work order


@click.group("config")
def config_group() -> None:
    """Sealed parameters of the configuration: what makes figures out of registers."""


def _lines(changes: list[dict[str, str]]) -> str:
    return "\n".join("%s: %s -> %s" % (one["what"], one["before"], one["after"]) for one in changes)


@config_group.command("plan")
@json_option
@click.pass_obj
@fails_clearly
def plan(home: str, as_json: bool) -> None:
    """Show which sealed parameters the configuration would change, and that wait for a reason."""
    configuration = load(Path(home))
    if is_running(Path(home)):
        changes = ask(Path(home), {"ask": "held"})["changes"]
    else:
        with closing(journal_at_home(configuration)) as journal:
            changes = plain_changes(accepted(configuration, journal)[1])
    emit({"changes": changes}, _lines(changes) or _("no sealed parameter would change"), as_json)


def _checked(name: str, text: str) -> str:
    if not text.strip() or len(text) > TEXT_MAX or any(not one.isprintable() for one in text):
        raise ProblemError(
            problem(
                "WP-CFG-116",
                "--" + name,
                "this says nothing that can be kept",
                "write it on one line of at most {most} characters",
                most=TEXT_MAX,
            )
        )
    return text.strip()


@config_group.command("apply")
@click.option("--by", required=True, help="Who answers for it.")
@click.option("--reason", required=True, help="Why, as on the work order.")
@json_option
@click.pass_obj
@fails_clearly
def apply(home: str, by: str, reason: str, as_json: bool) -> None:
    """Take over the configuration as it is written, with who changed sealed parameters and why, for all to see."""
    acceptance = Acceptance(_checked("by", by), _checked("reason", reason))
    if is_running(Path(home)):
        answer = ask(Path(home), {"ask": "apply", **acceptance._asdict()})
    else:
        answer = _applied(Path(home), acceptance)
    if answer["running"]:
        text = _("The gateway begins anew with it.")
    else:
        text = _("It holds from the next start of the gateway.")
    emit(answer, "\n".join(filter(None, (_lines(answer["changes"]), text))), as_json)


def _applied(home: Path, acceptance: Acceptance) -> dict[str, Any]:
    configuration = load(home)
    with closing(journal_at_home(configuration)) as journal:
        changes = accepted(configuration, journal)[1]
        signer = signing(home, journal).signer if configuration.uplinks else None
        Recorder(configuration, journal, Clock(), signer, acceptance).accept()
    return applied(changes, running=False)
