"""What all commands share: the JSON switch, output, and clear failure without a traceback."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click

from gateway.core.problem import Problem, ProblemError
from gateway.words import say

OK, PROBLEM, USAGE, UNREACHABLE = 0, 1, 2, 3

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def emit(value: Any, text: str, as_json: bool) -> None:
    """Print *value* as JSON, or *text*."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2) if as_json else text)


def show(*problems: Problem) -> None:
    """Print *problems* on the error channel."""
    for one in problems:
        click.echo(say(one), err=True)


def stop(code: int, *problems: Problem) -> NoReturn:
    """Print *problems* and leave with exit *code*."""
    show(*problems)
    sys.exit(code)


def fails_clearly(command: Command) -> Command:
    """Turn a ProblemError of *command* into messages and exit code 1 (3 where a peer cannot be reached)."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ProblemError as error:
            stop(UNREACHABLE if isinstance(error, UnreachableError) else PROBLEM, *error.problems)

    return wrapped  # type: ignore[return-value]


class UnreachableError(ProblemError):
    """The daemon or the platform cannot be reached."""
