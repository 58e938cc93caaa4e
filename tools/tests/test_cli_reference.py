"""The page of commands tells of every command, and is up to date."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from cloud_sync.platform.cli import main as platform
from gateway.cli import COMMANDS
from gateway.cli import main as gateway
from tools.cli_reference import commands_of, page, section
from tools.json_answers import JSON_ANSWERS


def test_the_page_is_up_to_date() -> None:
    """docs/cli.md is what the commands say today, in a process that never spoke another language."""
    done = subprocess.run([sys.executable, "-m", "tools.cli_reference", "--check"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


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


def shape(value: Any) -> Any:
    """Return the keys of *value* and what is below them; a list is as its first element."""
    if isinstance(value, dict):
        return {key: shape(below) for key, below in value.items()}
    return [shape(below) for below in value[:1]] if isinstance(value, list) else None


def fits(example: Any, answer: Any) -> bool:
    """Tell whether *answer* has the keys of *example*, at every depth that both of them show."""
    if isinstance(example, dict) and isinstance(answer, dict):
        return example.keys() == answer.keys() and all(fits(example[key], answer[key]) for key in example)
    if isinstance(example, list) and isinstance(answer, list):
        return not example or not answer or fits(example[0], answer[0])
    return True


def test_every_json_answer_is_shown() -> None:
    """A command has the switch --json if and only if the page shows by example what it answers."""
    with_switch = {
        name
        for whole, top in (("wattproof", gateway), ("wattproof-platform", platform))
        for name, command, _ in commands_of(top, whole)
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert with_switch == set(JSON_ANSWERS)
    for text in JSON_ANSWERS.values():
        json.loads(text)


TRACED = {
    "busbars": ["A"],
    "sources": [{"id": "g", "busbar": "A", "wh": 10}],
    "sinks": [{"id": "l", "busbar": "A", "wh": 9}],
    "feeders": [],
}


@pytest.mark.parametrize(
    "arguments",
    [
        "decode --profile eastron-sdm230 --request 010400480002f1dd --response 010404462a7521298c",
        "plan --profile eastron-sdm230 --baud 9600",
        "profile list",
        "profile show eastron-sdm230",
        "profile lint eastron-sdm230",
        "trace FILE",
        "keys new",
        "keys show",
    ],
)
def test_answers_have_the_keys_that_are_shown(arguments: str, tmp_path: Path) -> None:
    """Commands that need no gateway answer with the keys of their example, no more and no fewer."""
    (tmp_path / "FILE").write_text(json.dumps(TRACED))
    (tmp_path / "keys").mkdir()
    words = [str(tmp_path / word) if word == "FILE" else word for word in arguments.split()]
    start = ["--lang", "en", "--home", str(tmp_path)]
    if words == ["keys", "show"]:
        CliRunner().invoke(gateway, [*start, "keys", "new"])
    done = CliRunner().invoke(gateway, [*start, *words, "--json"])
    name = next(name for name in JSON_ANSWERS if ("wattproof " + " ".join(words)).startswith(name))
    example, answer = json.loads(JSON_ANSWERS[name]), json.loads(done.stdout)
    assert fits(example, answer), (shape(example), shape(answer))
