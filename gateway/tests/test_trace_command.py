"""The command `trace FILE`: the contract of its JSON, its table, and its errors."""

import json
from pathlib import Path
from typing import Any

import click.testing
import pytest

from gateway.cli import main

ONE_NODE: dict[str, Any] = {
    "busbars": ["i"],
    "sources": [{"id": "j", "busbar": "i", "wh": 40}, {"id": "k", "busbar": "i", "wh": 60}],
    "sinks": [{"id": "m", "busbar": "i", "wh": 70}, {"id": "l", "busbar": "i", "wh": 30}],
    "feeders": [],
}


def run(path: Path, content: object, *options: str) -> click.testing.Result:
    """Write *content* to *path* and trace it."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return click.testing.CliRunner().invoke(main, ["--lang", "en", "trace", str(path), *options])


def test_flow_gives_the_contracted_json(tmp_path: Path) -> None:
    """The published one-node example as JSON, whole watt-hours, without warnings."""
    result = run(tmp_path / "f.json", ONE_NODE, "--method", "flow", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "allocations": [
            {"source": "j", "sink": "m", "wh": 28},
            {"source": "j", "sink": "l", "wh": 12},
            {"source": "k", "sink": "m", "wh": 42},
            {"source": "k", "sink": "l", "wh": 18},
        ],
        "residuals": [],
        "warnings": [],
    }


def test_unmetered_energy_and_residuals_are_told(tmp_path: Path) -> None:
    """A busbar that gives more than it takes is warned of on the error channel and in the JSON; exit is 0."""
    content = {
        "busbars": ["A", "B"],
        "sources": [{"id": "g", "busbar": "A", "wh": 10}],
        "sinks": [{"id": "l", "busbar": "B", "wh": 12}],
        "feeders": [{"id": "f", "from": "A", "to": "B", "wh": 7, "reverse_wh": 0}],
    }
    result = run(tmp_path / "f.json", content, "--json")
    assert result.exit_code == 0 and "WP-ACC-021 B" in result.stderr
    value = json.loads(result.stdout)
    assert {"source": "unmetered:B", "sink": "l", "wh": 5} in value["allocations"]
    assert value["residuals"] == [{"busbar": "A", "source": "g", "wh": 3}]
    assert [(one["code"], one["where"]) for one in value["warnings"]] == [("WP-ACC-021", "B")]


def test_the_table_fits_80_columns(tmp_path: Path) -> None:
    """People read a table with names in full, also Chinese ones, folded where they are long."""
    long = "浦东新区零碳园区一号厂房屋顶光伏发电并网逆变器出口计量点（北侧）以及储能"
    content = {**ONE_NODE, "sources": [{"id": long, "busbar": "i", "wh": 1234567}], "sinks": ONE_NODE["sinks"]}
    result = run(tmp_path / "f.json", content)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    width = max(sum(2 if ord(letter) > 0x2E80 else 1 for letter in line) for line in lines)
    assert width <= 80 and "1,234,467" in result.stdout and lines[-1] == "Total: 1,234,567 Wh"
    assert "residual of i" in result.stdout


def test_broken_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    """A missing value is found where it is missing."""
    result = run(tmp_path / "f.json", '{"busbars": ["A"],\n "sources": }', "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "WP-ACC-002" in result.stderr and "line 2, column 13" in result.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xfe{", "WP-CFG-043"),
        ("[" * 100000, "WP-ACC-013"),
        ('{"busbars": ' + "9" * 5000 + "}", "WP-ACC-013"),
        ('["\\ud800"]', "WP-ACC-013"),
        ("[]", "WP-CFG-001"),
        ("{}", "WP-CFG-003"),
        ('{"busbars": 1, "sources": [], "sinks": [], "feeders": []}', "WP-CFG-017"),
    ],
)
def test_hostile_files_are_refused_clearly(tmp_path: Path, content: object, code: str) -> None:
    """Whatever the file holds, there is a message with a code and exit 1, never a traceback."""
    result = run(tmp_path / "f.json", content, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert code in result.stderr and "Traceback" not in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """No file, and a folder instead of a file, are problems with a hint."""
    for path, code in ((tmp_path / "none.json", "WP-CFG-031"), (tmp_path, "WP-CFG-032")):
        result = click.testing.CliRunner().invoke(main, ["--lang", "en", "trace", str(path), "--json"])
        assert result.exit_code == 1 and code in result.stderr


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """A negative and a fractional energy, an unknown busbar, a double name and a missing key: five messages."""
    content = {
        "busbars": ["A"],
        "sources": [{"id": "g", "busbar": "A", "wh": -1}, {"id": "g", "busbar": "A", "wh": 1.5}],
        "sinks": [{"id": "l", "busbar": "Q", "wh": 1}, {"busbar": "A", "wh": 1}],
        "feeders": [],
    }
    result = run(tmp_path / "f.json", content, "--json")
    assert result.exit_code == 1
    lines = [line.split(":")[0] for line in result.stderr.splitlines() if line.startswith("WP-")]
    assert sorted(lines) == [
        "WP-ACC-008 f.json.sources[0].wh",
        "WP-ACC-008 f.json.sources[1].wh",
        "WP-CFG-003 f.json.sinks[1]",
        "WP-CFG-008 f.json.sinks[0].busbar",
        "WP-CFG-016 f.json.sources[1].id",
    ]


def test_the_self_use_method_traces_a_file_too(tmp_path: Path) -> None:
    """Hour 2 of the published example: 8.0 generated, 1.5 charged, 0.5 exported give 6.0 MWh self-use."""
    content = {
        "renewables": [{"origin": "solar", "generated_wh": 8000000, "charged_wh": 1500000, "discharged_wh": 0}],
        "export_wh": 500000,
        "users": [{"id": "A", "wh": 3000000}, {"id": "B", "wh": 2000000}, {"id": "C", "wh": 1000000}],
    }
    result = run(tmp_path / "f.json", content, "--method", "688-hourly", "--json")
    assert result.exit_code == 0
    value = json.loads(result.stdout)
    assert value["self_use_wh"] == 6000000 and value["loss_wh"] == 0
    assert [row["wh"] for row in value["allocations"]] == [3000000, 2000000, 1000000]
    table = run(tmp_path / "f.json", content, "--method", "688-hourly")
    assert table.exit_code == 0 and "origin:solar" in table.stdout


def test_impossible_self_use_is_refused(tmp_path: Path) -> None:
    """More charged than there was, an origin named grid and a missing export are told together."""
    content = {
        "renewables": [
            {"origin": "solar", "generated_wh": 1, "charged_wh": 2},
            {"origin": "grid", "generated_wh": 1},
        ],
        "users": [],
    }
    result = run(tmp_path / "f.json", content, "--method", "688-hourly")
    assert result.exit_code == 1
    for code in ("WP-ACC-015", "WP-CFG-016", "WP-CFG-003"):
        assert code in result.stderr


def test_an_unknown_method_is_wrong_usage(tmp_path: Path) -> None:
    """Wrong usage leaves with exit code 2."""
    assert run(tmp_path / "f.json", ONE_NODE, "--method", "guess").exit_code == 2
