"""Whatever is handed to wattproof: one clear message with code, place and advice, the right exit code, no traceback."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import words
from gateway.cli import main
from gateway.core.problem import ProblemError
from gateway.journal import Journal
from gateway.tests.bad_input_cases import CASES, Case, sql, writes
from gateway.tests.small_park import DAY, DAY_START_S, SITE, SmallPark


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    """Leave the language of this process as it was."""
    before = words.chosen()
    yield
    words.choose(before)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two closed intervals and their export; copied for each case."""
    home = tmp_path_factory.mktemp("park")
    park = SmallPark(home)
    for number in range(3):
        park.count("m-intake", "energy_active_import", 5000)
        park.read_at(DAY_START_S + 900 * number)
    park.receipt()
    park.close()
    done = CliRunner().invoke(main, ["--home", str(home), "export", DAY, "-o", str(home / "day.wpx")])
    assert done.exit_code == 0, done.output
    return home


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_bad_input_is_told_with_code_place_and_advice(case: Case, pattern: Path, tmp_path: Path) -> None:
    """In both languages: the exit code, the code of the problem, where it is, what to do; never a traceback."""
    home = tmp_path / "home"
    shutil.copytree(pattern, home)
    case.spoil(home)
    arguments = [part.replace("{home}", str(home)) for part in case.call.split()]
    said = {}
    for lang in words.LANGUAGES:
        done = CliRunner().invoke(main, ["--home", str(home), "--lang", lang, *arguments])
        assert isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == case.exit, done.output
        assert done.stdout == "" or case.call.startswith("profile lint")
        told = done.stdout + done.stderr
        assert "Traceback" not in told
        lines = told.splitlines()
        told_of = [at for at, line in enumerate(lines) if line.startswith(case.code) and case.place in line]
        assert told_of, told
        assert lines[told_of[0] + 1].startswith("  -> ")
        said[lang] = lines[told_of[0]].split(": ", 1)[1] + lines[told_of[0] + 1]
    assert said["zh"] != said["en"]


def wattproof(home: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Call the command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", "--home", str(home), *arguments],
        capture_output=True, timeout=60, check=False, env=os.environ | (env or {}),
    )  # fmt: skip


WRONG_USAGE = (
    "export 2026-11-21",
    "export 2026-11-21 -o /tmp",
    "scan /dev/null --units 0",
    "scan /dev/null --units 1-99999999999",
    "scan /dev/null --units 9-1",
    "scan /dev/null --line fast",
    "plan --profile eastron-sdm630 --baud 0",
    "trace x --method other",
    "nonsense",
)


@pytest.mark.parametrize("call", WRONG_USAGE)
def test_wrong_usage_is_two(call: str, tmp_path: Path) -> None:
    """A call that makes no sense ends with 2 and shows how it is meant."""
    done = CliRunner().invoke(main, ["--home", str(tmp_path), *call.split()])
    assert done.exit_code == 2 and "wattproof" in done.stderr.lower() or "main" in done.stderr


def test_a_real_process_fails_without_a_traceback(tmp_path: Path) -> None:
    """The message, its language by locale, and the exit code are the same outside of the tests' own process."""
    english = wattproof(tmp_path, "check", env={"LC_ALL": "C"})
    chinese = wattproof(tmp_path, "check", env={"LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"})
    for done in (english, chinese):
        assert done.returncode == 1 and done.stderr.startswith(b"WP-CFG-031 ")
        assert b"Traceback" not in done.stderr
    assert b"there is no such file" in english.stderr and b"there is no such file" not in chinese.stderr


def test_a_terminal_without_the_letters_is_no_reason_to_end(pattern: Path) -> None:
    """Where the terminal knows only ASCII, texts lose letters, but JSON loses nothing."""
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    text = wattproof(pattern, "--lang", "zh", "tally", DAY, env=ascii_only)
    assert text.returncode == 0 and b"LV1" in text.stdout
    plain = wattproof(pattern, "--lang", "zh", "profile", "list", "--json", env=ascii_only)
    assert plain.returncode == 0 and plain.stdout.isascii()


def test_a_reader_that_leaves_is_no_reason_to_complain(pattern: Path) -> None:
    """`wattproof ... | head -1` prints its line and nothing else."""
    line = "exec '%s' -m gateway --home '%s' profile show goodwe-et --json | head -1" % (sys.executable, pattern)
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=60, check=False)
    assert done.stdout == b"{\n" and done.stderr == b""


def test_a_daemon_that_cannot_start_says_why(pattern: Path, tmp_path: Path) -> None:
    """State that nobody can read, and a path too long for a socket, end `run` with a code and without a traceback."""
    edited, deep = tmp_path / "edited", tmp_path / ("d" * 100)
    for home in (edited, deep):
        shutil.copytree(pattern, home)
    sql("UPDATE state SET value = x'ff'")(edited)
    for home, code in ((edited, b"WP-JRN-011"), (deep, b"WP-CLI-004")):
        done = wattproof(home, "run")
        assert done.returncode == 1 and b"\n" + code in b"\n" + done.stderr
        assert b"Traceback" not in done.stderr


def test_a_full_disk_behind_the_output_is_told(pattern: Path) -> None:
    """Where the answer cannot be written, that is a problem with a code, and said once."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "--home", str(pattern), "tally", DAY],
            stdout=full, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1 and done.stderr.startswith(b"WP-CLI-007") and done.stderr.count(b"\n") == 2


def test_the_second_daemon_leaves_the_first_alone(pattern: Path, tmp_path: Path) -> None:
    """Where a journal is in use, run ends with the code for it."""
    home = tmp_path / "home"
    shutil.copytree(pattern, home)
    first = Journal(home / "journal.sqlite")
    try:
        done = wattproof(home, "run")
    finally:
        first.close()
    assert done.returncode == 1 and done.stderr.startswith(b"WP-JRN-001 ")


def test_another_programs_database_is_left_as_it_is(tmp_path: Path) -> None:
    """A file that is no journal gets no tables of ours."""
    path = tmp_path / "journal.sqlite"
    another_database_in = sqlite3.connect(path)
    another_database_in.execute("CREATE TABLE foreign_thing (a)")
    another_database_in.commit()
    another_database_in.close()
    with pytest.raises(ProblemError):
        Journal(path)
    kept = sqlite3.connect(path)
    assert kept.execute("SELECT name FROM sqlite_master").fetchall() == [("foreign_thing",)]
    kept.close()


def test_a_broken_profile_that_no_meter_uses_stops_nobody(pattern: Path, tmp_path: Path) -> None:
    """The gateway is in order while a profile lies beside it that cannot be read."""
    home = tmp_path / "home"
    shutil.copytree(pattern, home)
    writes("profiles/spare.toml", b"\xff")(home)
    writes("profiles/My Meter.toml", b"\xff")(home)
    done = CliRunner().invoke(main, ["--home", str(home), "--lang", "en", "check"])
    assert done.exit_code == 0, done.output


def test_a_byte_order_mark_is_no_mistake(pattern: Path, tmp_path: Path) -> None:
    """An editor that puts a mark before UTF-8 text, and ends lines its own way, spoils nothing."""
    home = tmp_path / "home"
    shutil.copytree(pattern, home)
    writes("gateway.toml", b"\xef\xbb\xbf" + SITE.replace("\n", "\r\n").encode())(home)
    assert CliRunner().invoke(main, ["--home", str(home), "check"]).exit_code == 0
