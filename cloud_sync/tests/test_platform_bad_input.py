"""Whatever is handed to wattproof-platform: one clear message with code, place and advice, and no traceback."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from cloud_sync.keys import new_key
from cloud_sync.platform.cli import main
from cloud_sync.platform.ledger import Ledger
from gateway import words

SETTINGS = '[platform]\nbroker = "mqtt://127.0.0.1:1"\nlisten = "127.0.0.1:0"\n'
Spoil = Callable[[Path], None]


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    """Leave the language of this process as it was."""
    before = words.chosen()
    yield
    words.choose(before)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of a platform with a key, an empty ledger and no gateway."""
    home = tmp_path / "platform"
    (home / "keys" / "gateways").mkdir(parents=True)
    new_key(home / "keys" / "platform.key")
    (home / "platform.toml").write_text(SETTINGS, encoding="utf-8")
    Ledger(home / "ledger.sqlite").close()
    return home


def writes(name: str, content: str | bytes) -> Spoil:
    """Put *content* in place of a file."""

    def spoil(home: Path) -> None:
        (home / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def setting(line: str) -> Spoil:
    """Add one line to the settings."""
    name = line.split(" ")[0]
    kept = [one for one in SETTINGS.splitlines() if not one.startswith(name)]
    return writes("platform.toml", "\n".join([*kept, line, ""]))


def removes(name: str) -> Spoil:
    """Take a file away."""
    return lambda home: (home / name).unlink()


def folder_at(name: str) -> Spoil:
    """Put a folder where a file should be."""

    def spoil(home: Path) -> None:
        (home / name).unlink(missing_ok=True)
        (home / name).mkdir()

    return spoil


def another_database(home: Path) -> None:
    """Put a database of another program in place of the ledger."""
    (home / "ledger.sqlite").unlink()
    database = sqlite3.connect(home / "ledger.sqlite")
    database.execute("CREATE TABLE foreign_thing (a)")
    database.commit()
    database.close()


def newer_ledger(home: Path) -> None:
    """Let the ledger be of a version to come."""
    database = sqlite3.connect(home / "ledger.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()


def file_for_gateways(home: Path) -> None:
    """Put a file where the folder of the gateways' keys should be."""
    shutil.rmtree(home / "keys" / "gateways")
    (home / "keys" / "gateways").write_text("")


def open_key(home: Path) -> None:
    """Let everybody read the platform's key."""
    (home / "keys" / "platform.key").chmod(0o644)


def nothing(home: Path) -> None:
    """Leave the home as it is."""


class Case(NamedTuple):
    """What is wrong, what is called, and what must be said: code and place."""

    spoil: Spoil
    call: str
    code: str
    place: str


OWN = "{home}/keys/platform.pub"
CASES = {
    "no settings": Case(removes("platform.toml"), "show", "WP-CFG-031", "platform.toml"),
    "settings a folder": Case(folder_at("platform.toml"), "show", "WP-CFG-032", "platform.toml"),
    "no TOML": Case(writes("platform.toml", "[["), "serve", "WP-CFG-030", "platform.toml"),
    "endless brackets": Case(writes("platform.toml", "a=" + "[" * 5000), "serve", "WP-CFG-030", "platform.toml"),
    "no UTF-8": Case(writes("platform.toml", b"\xff"), "serve", "WP-CFG-043", "platform.toml"),
    "no table": Case(writes("platform.toml", "platform = 5"), "serve", "WP-CFG-001", "platform.toml"),
    "unknown setting": Case(setting('brokr = "x"'), "serve", "WP-CFG-002", "platform.brokr"),
    "number for text": Case(setting("zone = 5"), "serve", "WP-CFG-004", "platform.zone"),
    "list for text": Case(setting('bucket = ["a"]'), "serve", "WP-CFG-004", "platform.bucket"),
    "control character": Case(setting('ledger = "a\\u0000b"'), "serve", "WP-CFG-025", "platform.ledger"),
    "bad bucket": Case(setting('bucket = "a/b"'), "serve", "WP-PLT-005", "platform.bucket"),
    "no address": Case(setting('listen = "x"'), "serve", "WP-PLT-008", "platform.listen"),
    "port beyond": Case(setting('listen = "127.0.0.1:99999"'), "serve", "WP-PLT-008", "platform.listen"),
    "foreign address": Case(setting('listen = "192.0.2.1:80"'), "serve", "WP-PLT-015", "192.0.2.1:80"),
    "no zone": Case(setting('zone = "Mars/X"'), "serve", "WP-PLT-205", "zone"),
    "no broker": Case(setting('broker = "x"'), "serve", "WP-NET-001", "platform.broker"),
    "broker's port": Case(setting('broker = "mqtt://127.0.0.1:99999"'), "serve", "WP-NET-001", "platform.broker"),
    "no CA": Case(setting('ca = "none.pem"'), "serve", "WP-NET-003", "none.pem"),
    "half a pair": Case(setting('certificate = "keys/platform.pub"'), "serve", "WP-NET-004", "broker"),
    "no ledger": Case(removes("ledger.sqlite"), "verify", "WP-PLT-011", "ledger.sqlite"),
    "ledger nowhere": Case(setting('ledger = "/proc/none/x"'), "serve", "WP-PLT-017", "/proc/none/x"),
    "ledger a folder": Case(folder_at("ledger.sqlite"), "show", "WP-PLT-010", "ledger.sqlite"),
    "no database": Case(writes("ledger.sqlite", b"none" * 1000), "show", "WP-PLT-010", "ledger.sqlite"),
    "no database to serve": Case(writes("ledger.sqlite", b"none" * 1000), "serve", "WP-PLT-010", "ledger.sqlite"),
    "other database": Case(another_database, "serve", "WP-PLT-018", "ledger.sqlite"),
    "newer ledger": Case(newer_ledger, "show", "WP-PLT-012", "ledger.sqlite"),
    "key for all": Case(open_key, "serve", "WP-KEY-002", "platform.key"),
    "no key": Case(removes("keys/platform.key"), "serve", "WP-PLT-009", "platform.key"),
    "broken public key": Case(writes("keys/platform.pub", "x"), "keys show", "WP-KEY-004", "platform.pub"),
    "broken gateway key": Case(writes("keys/gateways/a.pub", "x"), "serve", "WP-KEY-004", "a.pub"),
    "key there": Case(nothing, "keys new", "WP-KEY-001", "platform.key"),
    "name of the platform": Case(nothing, "enrol key platform " + OWN, "WP-PLT-020", "platform"),
    "bad name": Case(nothing, "enrol key a/b " + OWN, "WP-PLT-020", "a/b"),
    "name of a folder": Case(nothing, "enrol key .. " + OWN, "WP-PLT-020", ".."),
    "no key to enrol": Case(nothing, "enrol key gw {home}/none", "WP-KEY-009", "none"),
    "private key to enrol": Case(nothing, "enrol key gw {home}/keys/platform.key", "WP-KEY-004", "platform.key"),
    "folder to enrol": Case(nothing, "enrol key gw {home}", "WP-KEY-007", "platform"),
    "nowhere to enrol": Case(file_for_gateways, "enrol key gw " + OWN, "WP-PLT-022", "gateways"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_bad_input_is_told_with_code_place_and_advice(case: Case, home: Path) -> None:
    """In both languages: exit code 1, the code of the problem, where it is, what to do; never a traceback."""
    case.spoil(home)
    said = {}
    for lang in words.LANGUAGES:
        arguments = [part.replace("{home}", str(home)) for part in case.call.split()]
        done = CliRunner().invoke(main, ["--home", str(home), "--lang", lang, *arguments])
        assert isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == 1, done.output
        assert "Traceback" not in done.stderr
        lines = done.stderr.splitlines()
        told_of = [at for at, line in enumerate(lines) if line.startswith(case.code) and case.place in line]
        assert told_of, done.stderr
        assert lines[told_of[0] + 1].startswith("  -> ")
        said[lang] = lines[told_of[0]] + lines[told_of[0] + 1]
    assert said["zh"] != said["en"]


def serve(home: Path) -> "subprocess.Popen[bytes]":
    """Start the platform as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cloud_sync.platform", "--home", str(home), "--lang", "en", "serve"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def test_a_page_port_in_use_is_told(home: Path) -> None:
    """Another program at the page's port ends serve with the code for it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        setting('listen = "127.0.0.1:%d"' % other.getsockname()[1])(home)
        process = serve(home)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"") and err.startswith(b"WP-PLT-014 127.0.0.1:")


def test_a_second_platform_leaves_the_first_alone(home: Path) -> None:
    """While one serves, neither a second one nor a rebuild gets at its ledger; an unreachable broker stops nobody."""
    first = serve(home)
    try:
        assert first.stdout is not None and first.stdout.readline().startswith(b"The page is at ")
        second = serve(home)
        _, err = second.communicate(timeout=60)
        assert second.returncode == 1 and err.startswith(b"WP-PLT-013 ")
        rebuild = CliRunner().invoke(main, ["--home", str(home), "verify", "--rebuild"])
        assert rebuild.exit_code == 1 and "WP-PLT-013" in rebuild.stderr
        assert CliRunner().invoke(main, ["--home", str(home), "show"]).exit_code == 0
        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=60)
    finally:
        first.kill()
        first.wait()
    assert first.returncode == 0 and b"Traceback" not in err and err.count(b"WP-NET-007") == 1


def test_a_home_that_is_a_file_is_wrong_usage(home: Path) -> None:
    """--home names a folder."""
    done = CliRunner().invoke(main, ["--home", str(home / "platform.toml"), "show"])
    assert done.exit_code == 2
