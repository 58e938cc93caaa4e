"""The command line's contract: every command has help, fits a terminal, and answers in JSON what is written down."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway import words
from gateway.cli import COMMANDS, main
from gateway.control import ask, is_running, serve
from gateway.core.problem import ProblemError
from gateway.questions import answer_from_journal, readings_answer
from gateway.tests.small_park import DAY, DAY_START_S, SITE, SmallPark
from tools.cli_reference import commands_of
from tools.json_answers import JSON_ANSWERS

WIDTH = 80
# Maps whose keys are names of the park, not of the contract.
FREE_KEYS = ("faults", "by_origin", "values")
NETWORK = {
    "busbars": ["A"],
    "sources": [{"id": "g", "busbar": "A", "wh": 10}],
    "sinks": [{"id": "l", "busbar": "A", "wh": 9}],
    "feeders": [],
}


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    """Leave the language of this process as it was."""
    before = words.chosen()
    yield
    words.choose(before)


@pytest.fixture
def park(tmp_path: Path) -> SmallPark:
    """A park with five closed intervals, its journal open."""
    park = SmallPark(tmp_path)
    for number in range(6):
        park.count("m-intake", "energy_active_import", 4321)
        park.count("m-mill", "energy_active_import", 30)
        park.read_at(DAY_START_S + 900 * number)
    park.receipt()
    return park


@pytest.fixture
def home(park: SmallPark) -> Path:
    """The home of a stopped gateway."""
    park.close()
    return park.home


def call(home: Path, *arguments: str, lang: str = "en") -> Result:
    """Run the command; nothing but SystemExit may come out of it."""
    done = CliRunner().invoke(main, ["--home", str(home), "--lang", lang, *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def columns(line: str) -> int:
    """Return how many columns of a terminal *line* takes."""
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in line)


def assert_holds(written: Any, answered: Any, place: str = "") -> None:
    """Assert that *answered* has every key that is written down, with a value of the same type."""
    if written is None or answered is None:
        return
    assert type(written) is type(answered), place
    if isinstance(written, dict) and place.rpartition(".")[2] not in FREE_KEYS:
        for key, value in written.items():
            assert key in answered, place + "." + key
            assert_holds(value, answered[key], place + "." + key)
    elif isinstance(written, list) and written and answered:
        assert_holds(written[0], answered[0], place + "[0]")


def assert_as_written(name: str, text: str) -> Any:
    """Assert that *text* is the JSON that is written down for the command *name*; return it."""
    answered = json.loads(text)
    assert_holds(json.loads(JSON_ANSWERS["wattproof " + name]), answered, name)
    return answered


def test_every_command_has_help_that_fits_a_terminal(tmp_path: Path) -> None:
    """Each command and subcommand tells in both languages what it does and which options it takes."""
    names = [name.split()[1:] for name, _, _ in commands_of(main, "wattproof")]
    assert {name[0] for name in names if name} == set(COMMANDS)
    for name in names:
        for lang in words.LANGUAGES:
            done = call(tmp_path, *name, "--help", lang=lang)
            assert done.exit_code == 0 and "--help" in done.stdout, name
            assert "[OPTIONS]" in done.stdout, name
            if lang == "en":
                assert max(columns(line) for line in done.stdout.splitlines()) <= WIDTH, name


def stopped_calls(folder: Path) -> dict[str, list[str]]:
    """Return calls that a stopped gateway answers, by the command's name."""
    (folder / "f.json").write_text(json.dumps(NETWORK), encoding="utf-8")
    return {
        "decode": ["decode", "--profile", "eastron-sdm630", "--request", "01 04 00 48 00 02 f1 dd",
                   "--response", "01 04 04 46 2a 75 21 29 8c"],
        "plan": ["plan", "--profile", "eastron-sdm630", "--baud", "9600"],
        "profile list": ["profile", "list"],
        "profile show": ["profile", "show", "eastron-sdm630"],
        "profile lint": ["profile", "lint"],
        "trace": ["trace", str(folder / "f.json")],
        "check": ["check"],
        "keys show": ["keys", "show"],
        "tally": ["tally", DAY],
        "explain": ["explain", "Mill", DAY + "T00:20"],
        "export": ["export", DAY, "-o", str(folder / "day.wpx")],
        "verify": ["verify", str(folder / "day.wpx")],
    }  # fmt: skip


def test_answers_of_a_stopped_gateway_are_as_written(home: Path) -> None:
    """Every command that needs no daemon answers from the files, in JSON with the keys of docs/cli.md."""
    for name, arguments in stopped_calls(home).items():
        done = call(home, *arguments, "--json")
        assert done.exit_code == 0, (name, done.output)
        assert_as_written(name, done.stdout)


def test_texts_fit_a_terminal(home: Path) -> None:
    """People get tables of 80 columns, in Chinese too."""
    for name, arguments in stopped_calls(home).items():
        for lang in words.LANGUAGES:
            done = CliRunner().invoke(main, ["--home", str(home), "--lang", lang, *arguments])
            # Paths are never cut: they are there to be copied.
            lines = [line for line in done.stdout.splitlines() if str(home) not in line]
            assert max([columns(line) for line in lines], default=0) <= WIDTH, (name, lang, lines)


def test_a_time_is_traced_from_the_journal(home: Path) -> None:
    """`trace TIME` gives the interval that holds it, by flow, or the hour by the published rule."""
    flow = json.loads(call(home, "trace", DAY + "T00:20", "--json").stdout)
    assert_holds(json.loads(JSON_ANSWERS["wattproof trace"]), flow | {"warnings": []})
    assert (flow["start"], flow["end"]) == ("2026-11-20T16:15:00.000Z", "2026-11-20T16:30:00.000Z")
    assert {"method": "flow", "source": "Intake", "sink": "Mill", "wh": 1200} in flow["allocations"]
    hourly = json.loads(call(home, "trace", DAY + "T00:20", "--method", "688-hourly", "--json").stdout)
    assert (hourly["start"], hourly["end"]) == ("2026-11-20T16:00:00.000Z", "2026-11-20T17:00:00.000Z")
    assert {one["method"] for one in hourly["allocations"]} == {"688-hourly"}
    text = call(home, "trace", "2026-11-20T16:20+00:00").stdout
    assert "Intake" in text and "1.200" in text


def test_the_daemon_answers_the_same_through_its_socket(park: SmallPark) -> None:
    """tally, trace, export and readings give through the socket what the journal holds; a problem keeps its code."""
    loop = asyncio.new_event_loop()

    async def answer(question: dict[str, Any]) -> dict[str, Any]:
        if question["ask"] == "readings":
            return readings_answer(list(park.recorder.latest.values()))
        try:
            return answer_from_journal(park.configuration, park.journal, question)
        except ProblemError as error:
            first = error.problems[0]
            return {"problem": [first.code, first.where, first.what, first.hint, {}]}

    server = loop.run_until_complete(serve(park.home, answer))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        tally = assert_as_written("tally", call(park.home, "tally", DAY, "--json").stdout)
        assert tally["intervals"] == 5
        assert_as_written("readings", call(park.home, "readings", "--json").stdout)
        table = call(park.home, "readings").stdout
        assert "m-mill" in table and max(columns(line) for line in table.splitlines()) <= WIDTH
        unknown = call(park.home, "readings", "--meter", "none")
        assert unknown.exit_code == 1 and unknown.stderr.startswith("WP-CLI-006 none")
        export = call(park.home, "export", DAY, "-o", str(park.home / "day.wpx"), "--json")
        assert_as_written("export", export.stdout)
        assert "1.200" in call(park.home, "trace", DAY + "T00:20").stdout
        refused = call(park.home, "export", "2026-01-01", "-o", str(park.home / "x"))
        assert refused.exit_code == 1 and refused.stderr.startswith("WP-EXP-002 2026-01-01")
        for question in ({"ask": "nonsense"}, {"ask": "tally"}, {"ask": "trace", "at_s": "noon"}):
            with pytest.raises(ProblemError) as raised:
                ask(park.home, question)
            assert raised.value.problems[0].code == "WP-CLI-005"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        park.close()


def test_a_daemon_answers_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    """`run` holds port and journal, `status` says how it does, and Ctrl-C ends it in order."""
    park = SmallPark(tmp_path)
    park.close()
    (tmp_path / "journal.sqlite").unlink()
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    site = SITE.replace("/dev/ttyUSB0", os.ttyname(theirs))
    (tmp_path / "gateway.toml").write_text(site, encoding="utf-8")
    command = [sys.executable, "-m", "gateway", "--home", str(tmp_path), "--lang", "en"]
    daemon = subprocess.Popen([*command, "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 30
        while not is_running(tmp_path):
            assert daemon.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        status = assert_as_written("status", call(tmp_path, "status", "--json").stdout)
        assert [one["meter"] for one in status["meters"]] == ["m-intake", "m-roof", "m-mill", "m-battery"]
        text = call(tmp_path, "status").stdout
        assert "not connected" in text and max(columns(line) for line in text.splitlines()) <= WIDTH
        assert json.loads(call(tmp_path, "readings", "--json").stdout) == {"readings": []}
        second = subprocess.run([*command, "run"], capture_output=True, timeout=30, check=False)
        assert second.returncode == 1 and second.stderr.startswith(b"WP-JRN-001 ")
        busy = call(tmp_path, "check", "--live")
        assert busy.exit_code == 1 and busy.stderr.startswith("WP-BUS-006 a")
        daemon.send_signal(signal.SIGINT)
        out, err = daemon.communicate(timeout=30)
    finally:
        daemon.kill()
        daemon.wait()
        os.close(ours)
        os.close(theirs)
    assert daemon.returncode == 0 and err == b"" and out.splitlines()[-1].startswith(b"stopped")
    assert not is_running(tmp_path) and call(tmp_path, "status").exit_code == 3


def test_the_shell_completes_commands_and_subcommands() -> None:
    """What docs/operations.md says of completion works: the beginning of a word gives the words there are."""
    code = "from gateway.cli import main; main(prog_name='wattproof')"
    for line, word, expected in (("wattproof expo", "1", "export"), ("wattproof profile sh", "2", "show")):
        env = os.environ | {"_WATTPROOF_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": word}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
        assert done.stdout == "plain,%s\n" % expected
