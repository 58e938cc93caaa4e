"""The wattproof-platform command as a person calls it: what it prints, in which language, and its exit codes."""

import json
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cloud_sync.keys import new_key
from cloud_sync.platform.cli import main
from cloud_sync.platform.home import read_settings
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import Gateway, account, config, interval

SETTINGS = '[platform]\nbroker = "mqtt://127.0.0.1:1"\nlisten = "127.0.0.1:0"\n'


def call(home: Path, *arguments: str, lang: str = "en") -> Result:
    """Run the command on *home*; nothing but SystemExit may come out of it."""
    result = CliRunner().invoke(main, ["--home", str(home), "--lang", lang, *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def answer(home: Path, *arguments: str, code: int = 0) -> Any:
    """Run the command with --json and return what it says."""
    result = call(home, *arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def home(platform: Platform, gateway: Gateway) -> Path:
    """A home folder whose ledger has one interval of gw-1; no platform runs."""
    (platform.home / "platform.toml").write_text(SETTINGS)
    platform.say("gw-1", gateway.send(config(), interval(0, 60), account(0, 60, 7)))
    platform.ledger.close()
    return platform.home


def test_show_gives_heads_receipts_intervals_and_energy(home: Path) -> None:
    """The JSON has every gateway with its chains, last receipt, intervals and energy by meter point."""
    gateways = {one["gateway"]: one for one in answer(home, "show")["gateways"]}
    assert list(gateways) == ["gw-1", "gw-2"]
    one = gateways["gw-1"]
    assert [(chain["first_sequence"], chain["head_sequence"], chain["branch"]) for chain in one["chains"]] == [
        (1, 3, False)
    ]
    assert one["last_receipt"] == {"through_sequence": 3, "incarnation": "69" * 16, "at_ms": 1_700_000_000_000}
    assert one["intervals"] == {"count": 1, "accounted": 1, "first_s": 0, "last_s": 60, "least_complete_ppm": 1_000_000}
    assert one["energy"] == [
        {"meter_point": "Hall", "role": "load", "import_wh": 7, "export_wh": 0, "flagged": 0},
        {"meter_point": "Intake", "role": "intake", "import_wh": 7, "export_wh": 0, "flagged": 0},
    ]
    assert gateways["gw-2"]["chains"] == [] and gateways["gw-2"]["last_receipt"] is None


def test_show_in_words_names_the_last_receipt(home: Path) -> None:
    """The text says through which entry, and when in UTC."""
    lines = call(home, "show").stdout.splitlines()
    assert "  last receipt: through entry 3, 2023-11-14T22:13:20Z" in lines
    assert "  Hall (load): import 7 Wh, export 0 Wh" in lines


def test_verify_of_an_honest_ledger_is_fine(home: Path) -> None:
    """Exit 0, and the counts of what was checked."""
    assert answer(home, "verify") == {
        "chains": 1,
        "batches": 1,
        "entries": 3,
        "receipts": 1,
        "documents": 0,
        "problems": [],
    }


def test_verify_of_a_changed_ledger_names_the_entry(home: Path) -> None:
    """Exit 1, with the code and the place; the text goes to the error channel."""
    path = home / "ledger.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("UPDATE entry SET body = x'00' WHERE sequence = 2")
    connection.commit()
    connection.close()
    problems = answer(home, "verify", code=1)["problems"]
    assert ("WP-PLT-031", "gw-1/69696969") in [(one["code"], one["where"]) for one in problems]
    result = call(home, "verify")
    assert result.exit_code == 1 and "WP-PLT-031 gw-1/69696969: Entry 2 is not the one" in result.stderr


def test_verify_rebuilds_the_tables_of_the_page(home: Path) -> None:
    """A figure edited in the file is found, and mended from the entries on request."""
    connection = sqlite3.connect(home / "ledger.sqlite")
    connection.execute("UPDATE energy SET import_wh = 1000")
    connection.commit()
    connection.close()
    assert [one["code"] for one in answer(home, "verify", code=1)["problems"]] == ["WP-PLT-038"]
    assert answer(home, "verify", "--rebuild")["problems"] == []
    assert answer(home, "show")["gateways"][0]["energy"][0]["import_wh"] == 7


def test_keys_are_made_once_and_shown(tmp_path: Path) -> None:
    """A second `keys new` is refused; `keys show` prints the public half that gateways need."""
    made = answer(tmp_path, "keys", "new")
    assert made["algorithm"] == "Ed25519" and Path(made["path"]).read_text() == made["public"]
    again = call(tmp_path, "keys", "new")
    assert again.exit_code == 1 and again.stderr.startswith("WP-KEY-001")
    assert answer(tmp_path, "keys", "show")["platform"] == made
    assert "-----BEGIN PUBLIC KEY-----" in call(tmp_path, "keys", "show").stdout


def test_enrolment_is_said_and_kept(platform: Platform, tmp_path: Path) -> None:
    """The file is where the platform looks; a second key of the same gateway stands beside the first."""
    source = tmp_path / "edge" / "gw-1.pub"
    new = answer(tmp_path, "enrol", "key", "gw-9", str(make_key(tmp_path, "new")))
    assert Path(new["path"]) == tmp_path / "keys" / "gateways" / "gw-9.pub"
    second = answer(tmp_path, "enrol", "key", "gw-9", str(make_key(tmp_path, "second")))
    assert Path(second["path"]) == tmp_path / "keys" / "gateways" / "gw-9" / f"{second['kid']}.pub"
    stolen = call(tmp_path, "enrol", "key", "gw-9", str(source))
    assert stolen.exit_code == 1 and stolen.stderr.startswith("WP-PLT-021")
    assert {one["kid"] for one in answer(tmp_path, "keys", "show")["gateways"]["gw-9"]} == {new["kid"], second["kid"]}


def make_key(folder: Path, name: str) -> Path:
    """Return the public half of a new key."""
    new_key(folder / f"{name}.key")
    return folder / f"{name}.pub"


@pytest.mark.parametrize("name", ["a/b", "a b", "+", "", "x" * 65])
def test_a_name_that_fits_no_topic_is_refused(platform: Platform, tmp_path: Path, name: str) -> None:
    """The name of a gateway is one level of an MQTT topic."""
    result = call(tmp_path, "enrol", "key", name, str(tmp_path / "edge" / "gw-1.pub"))
    assert result.exit_code == 1 and result.stderr.startswith("WP-PLT-020")


def test_all_wrong_settings_are_said_at_once(tmp_path: Path) -> None:
    """One run names every setting that must be changed, with its place."""
    (tmp_path / "platform.toml").write_text(
        '[platform]\nbroker = "http://x"\nbucket = "a/b"\nlisten = "nowhere"\nledger = 7\ncolour = "red"\n'
    )
    result = call(tmp_path, "serve")
    assert result.exit_code == 1
    codes = [line.split()[0] for line in result.stderr.splitlines() if line.startswith("WP-")]
    assert codes == ["WP-CFG-002", "WP-NET-001", "WP-PLT-008", "WP-PLT-005", "WP-CFG-004"]


def test_clock_is_vouched_for_only_by_who_writes_it(tmp_path: Path) -> None:
    """Without a word of the operator the bound is 0, which is none; a bound beyond a minute is refused."""
    for content, bound_ms in (("[platform]\n", 0), ('[platform]\nclock_bound = "500 ms"\n', 500)):
        (tmp_path / "platform.toml").write_text(content)
        assert read_settings(tmp_path).clock_bound_ms == bound_ms
    (tmp_path / "platform.toml").write_text('[platform]\nclock_bound = "2 h"\n')
    result = call(tmp_path, "serve")
    assert result.exit_code == 1 and result.stderr.startswith(f"WP-CFG-006 {tmp_path}")


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "WP-CFG-031"), ("[platform", "WP-CFG-030"), ("[other]\n", "WP-PLT-006"), (SETTINGS, "WP-PLT-009")],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_platform_that_cannot_start_says_why(tmp_path: Path, content: str | None, code: str, lang: str) -> None:
    """Missing or broken settings, and a missing key: code, hint and exit 1, never a traceback, in both languages."""
    if content is not None:
        (tmp_path / "platform.toml").write_text(content)
    result = call(tmp_path, "serve", lang=lang)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{code} {tmp_path}") and "\n  -> " in result.stderr


def test_a_port_in_use_is_named(home: Path) -> None:
    """The page's port is taken: the place and what to do, exit 1."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (home / "platform.toml").write_text(f'[platform]\nlisten = "127.0.0.1:{port}"\n')
        result = call(home, "serve")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"WP-PLT-014 127.0.0.1:{port}: Another program already listens here.")


def test_an_address_of_another_machine_is_refused(home: Path) -> None:
    """Listening at an address that is not here is said as such (192.0.2.1 is nobody's: RFC 5737)."""
    (home / "platform.toml").write_text('[platform]\nlisten = "192.0.2.1:8688"\n')
    result = call(home, "serve")
    assert result.exit_code == 1 and result.stderr.startswith("WP-PLT-015 192.0.2.1:8688")


def test_an_unknown_time_zone_is_refused(home: Path) -> None:
    """The park's day begins in a zone that the time zone database must know."""
    (home / "platform.toml").write_text('[platform]\nzone = "Park/Nowhere"\n')
    result = call(home, "serve")
    assert result.exit_code == 1 and result.stderr.startswith("WP-PLT-205")


@pytest.mark.parametrize("command", ["show", "verify"])
def test_reading_without_a_ledger_makes_none(tmp_path: Path, command: str) -> None:
    """A wrong --home is told, not filled with an empty ledger."""
    (tmp_path / "platform.toml").write_text(SETTINGS)
    (tmp_path / "keys").mkdir()
    result = call(tmp_path, command)
    assert result.exit_code == 1 and result.stderr.startswith("WP-PLT-011")
    assert not (tmp_path / "ledger.sqlite").exists()


@pytest.mark.parametrize("command", ["show", "verify", "serve"])
def test_a_broken_ledger_is_named(platform: Platform, tmp_path: Path, command: str) -> None:
    """A file that is no SQLite database: exit 1 and what to keep."""
    platform.ledger.close()
    (tmp_path / "platform.toml").write_text(SETTINGS)
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database, but long enough to be read as one" * 100)
    result = call(tmp_path, command)
    assert result.exit_code == 1 and result.stderr.startswith("WP-PLT-010")


def test_a_ledger_of_a_newer_program_is_left_alone(home: Path) -> None:
    """Tables of a later version are neither read nor changed."""
    connection = sqlite3.connect(home / "ledger.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for command in ("show", "serve"):
        result = call(home, command)
        assert result.exit_code == 1 and result.stderr.startswith("WP-PLT-012")


def test_a_second_writer_is_kept_out(platform: Platform) -> None:
    """While one platform holds the ledger, another cannot write to it, and says so; reading goes on."""
    (platform.home / "platform.toml").write_text(SETTINGS)
    for arguments in (("serve",), ("verify", "--rebuild")):
        result = call(platform.home, *arguments)
        assert result.exit_code == 1 and result.stderr.startswith("WP-PLT-013")
    assert call(platform.home, "show").exit_code == 0


def test_a_command_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    """Exit 2 is for what was typed wrong."""
    assert call(tmp_path, "sevre").exit_code == 2
    assert call(tmp_path, "enrol", "key", "gw-1").exit_code == 2
