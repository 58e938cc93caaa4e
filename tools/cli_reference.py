"""Writes docs/cli.md from the commands themselves; `--check` fails where the page is behind them."""

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cloud_sync.platform.cli import main as platform
from gateway import words
from gateway.cli import main as gateway
from tools.json_answers import JSON_ANSWERS
from tools.messages import ROOT

PAGE = ROOT / "docs" / "cli.md"
OPENING = """# Command line

This page is written by `make cli-reference` from the commands; change the commands, not the page.

`wattproof` works at the gateway, `wattproof-platform` at the platform. Both speak Chinese or English by locale, or
as `--lang` before the command says. Every problem has a stable code such as `WP-BUS-001`.

Every command that reads has `--json`: its answer is a contract that only grows; a key once there keeps its name and
meaning. In it, watt-hours, micrograms and milliseconds are whole numbers, figures that must not be rounded are decimal
texts, and times are ISO 8601 in UTC.

| exit code | meaning |
|---|---|
| 0 | all is well |
| 1 | a problem was found |
| 2 | the command was used wrongly |
| 3 | the daemon or the platform cannot be reached |
"""


def commands_of(command: click.Command, name: str) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Give *command* and every command below it, with its whole name."""
    context = click.Context(command, info_name=name)
    yield name, command, context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None, "%s lists %s and does not have it" % (name, below)
            yield from commands_of(found, "%s %s" % (name, below))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def section(name: str, command: click.Command, context: click.Context) -> str:
    """Return the part of the page that tells of one command."""
    usage = " ".join(command.collect_usage_pieces(context))
    lines = ["## %s" % name, "", "    %s %s" % (name, usage), "", inspect.cleandoc(command.help or ""), ""]
    options = [option.get_help_record(context) for option in command.get_params(context)]
    rows = [record for record in options if record is not None and record[0] != "--help"]
    if rows:
        lines.extend(["| option | meaning |", "|---|---|"])
        lines.extend("| `%s` | %s |" % (_cell(first), _cell(second)) for first, second in rows)
        lines.append("")
    if name in JSON_ANSWERS:
        lines.extend(["With `--json`:", "", "```json", JSON_ANSWERS[name].strip(), "```", ""])
    return "\n".join(lines)


def page() -> str:
    """Return the whole page."""
    words.choose("en")
    parts = [OPENING]
    for command, name in ((gateway, "wattproof"), (platform, "wattproof-platform")):
        parts.extend(section(*found) for found in commands_of(command, name))
    return "\n".join(parts).rstrip() + "\n"


def main(file: Path = PAGE) -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is behind")
    if not parser.parse_args().check:
        file.write_text(page(), encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == page():
        return 0
    print("%s is behind the commands: run `make cli-reference`" % file.name, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
