"""What all commands share: the JSON switch, output, help in the user's language, clear failure without a traceback."""

import copy
import errno
import inspect
import io
import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click

from gateway import words
from gateway.core.problem import Problem, ProblemError, problem
from gateway.words import say, translate
from gateway.words import translate as _

OK, PROBLEM, USAGE, UNREACHABLE = 0, 1, 2, 3

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def speak_anywhere() -> None:
    """Let a terminal that cannot show a letter show a sign in its place, rather than end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def emit(value: Any, text: str, as_json: bool) -> None:
    """Print *value* as JSON (in ASCII where the terminal has no more), or *text*."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    try:
        click.echo(json.dumps(value, ensure_ascii=plain, indent=2) if as_json else text)
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read it has seen enough
            raise
        # What is still to be written must not fail a second time when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ProblemError(
            problem(
                "WP-CLI-007",
                "",
                "the answer cannot be written: {reason}",
                "look whether the disk it is sent to is full",
                reason=error.strerror,
            )
        ) from error


def plain_problem(one: Problem) -> dict[str, str]:
    """Return *one* as it stands in JSON answers: code, place, and its whole text."""
    return {"code": one.code, "where": one.where, "text": say(one)}


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
        except KeyboardInterrupt:
            click.echo(_("stopped"), err=True)
            sys.exit(PROBLEM)
        except ProblemError as error:
            stop(UNREACHABLE if isinstance(error, UnreachableError) else PROBLEM, *error.problems)

    return wrapped  # type: ignore[return-value]


class UnreachableError(ProblemError):
    """The daemon or the platform cannot be reached."""


def spoken(command: click.Command) -> click.Command:
    """Return a twin of *command* whose help, options and subcommands speak the chosen language."""
    twin = copy.copy(command)
    twin.help = translate(inspect.cleandoc(command.help)) if command.help else None
    twin.params = [_spoken_parameter(parameter) for parameter in command.params]
    if isinstance(command, click.Group) and isinstance(twin, click.Group):
        twin.commands = {name: spoken(one) for name, one in command.commands.items()}
    return twin


def _spoken_parameter(parameter: click.Parameter) -> click.Parameter:
    if not isinstance(parameter, click.Option) or not parameter.help:
        return parameter
    twin = copy.copy(parameter)
    twin.help = translate(parameter.help)
    return twin


class SpokenGroup(click.Group):
    """The outermost group of a command line: it learns the language before anything else is said."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Choose the language, so that help and complaints about the arguments are told in it."""
        words.choose(_language_asked(args) or words.language_of_locale())
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name* in the chosen language, or None."""
        command = super().get_command(ctx, cmd_name)
        return spoken(command) if command else None

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help of the group itself in the chosen language."""
        twin = spoken(self)
        assert isinstance(twin, click.Group)
        click.Group.format_help(twin, ctx, formatter)


def _language_asked(args: list[str]) -> str | None:
    """Return the language that *args* ask for, or None where they ask for none or for one there is not."""
    for index, argument in enumerate(args):
        name, equals, value = argument.partition("=")
        if name == "--lang":
            asked = value if equals else "".join(args[index + 1 : index + 2])
            return asked if asked in words.LANGUAGES else None
    return None
