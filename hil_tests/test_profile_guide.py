"""The walk-through of docs/writing-a-profile.md gives on an emulated meter what it shows."""

import re
import shlex
import textwrap
from pathlib import Path

import pytest

from hil_tests import test_emulator
from hil_tests.test_commands_on_a_bus import wattproof
from hil_tests.test_emulator import ROOT, emulator

_PAGE = (ROOT / "docs" / "writing-a-profile.md").read_text(encoding="utf-8")
GUIDE = _PAGE[_PAGE.index("## With a meter at hand") : _PAGE.index("## The ten minutes by hand")]
# Ways that are wrong show whatever the meter's other figures of the moment make of them.
_WRONG_WAY = re.compile(r"\s+[2-9]\s+[34]\s.*|\* with the bytes .*")


def blocks(kind: str) -> list[str]:
    """Return the indented blocks of the walk-through that are marked with *kind*."""
    found = re.findall(r"^ +```(\w*)\n(.*?)^ +```$", GUIDE, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for mark, text in found if mark == kind]


def words_of(text: str) -> list[str]:
    """Return the words of *text*, all figures alike: live values, and the width of their columns, change."""
    lines = [line for line in text.splitlines() if not _WRONG_WAY.fullmatch(line)]
    return sorted(re.sub(r"\d[\d.]*", "#", "\n".join(lines)).split())


def test_the_walk_through_gives_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list and the command of the page, on an emulated meter, give its tables and its last lines."""
    monkeypatch.setattr(test_emulator, "CONFIG", test_emulator.CONFIG.replace("115200", "9600"))
    listed, shown = blocks("text")
    (command,) = blocks("")
    (tmp_path / "acme.txt").write_text(listed, encoding="utf-8")
    with emulator(tmp_path) as link:
        words = shlex.split(command.replace("/dev/ttyUSB0", link).replace("acme.txt", str(tmp_path / "acme.txt")))
        done = wattproof(tmp_path, *words[1:], "--yes")
    assert done.returncode == 0, done.stderr
    said = done.stdout.replace(str(tmp_path), "/etc/wattproof")
    assert words_of(said[said.index("no.  fn") :]) == words_of(shown)
    tables = shown.partition(" is written")[0].splitlines()[:-1]
    assert len(tables) > 15 and max(len(line) for line in tables) <= 80
