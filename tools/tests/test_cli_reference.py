"""The page of commands tells of every command, and is up to date."""

import click

from gateway.cli import COMMANDS
from tools.cli_reference import PAGE, page, section


def test_the_page_is_up_to_date() -> None:
    """docs/cli.md is what the commands say today."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_command_has_help() -> None:
    """Each command of the gateway has a heading, and under it more than its usage."""
    parts = page().split("\n## ")
    told = {part.split("\n")[0]: part for part in parts[1:]}
    for name in COMMANDS:
        assert len(told["wattproof " + name].strip().splitlines()) >= 4, name


def test_options_are_shown_with_their_meaning() -> None:
    """An option stands in the table with its help; a bar in it does not break the table."""

    @click.command("look")
    @click.option("--side", type=click.Choice(["left", "right"]), help="Where to look.")
    def look(side: str) -> None:
        """Look around."""

    told = section("look", look, click.Context(look))
    assert "| `--side [left\\|right]` | Where to look. |" in told and "Look around." in told
