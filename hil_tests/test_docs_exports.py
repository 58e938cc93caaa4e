"""docs/exports.md: its commands run as printed, and its examples are what they write."""

import re
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from cloud_sync.platform.cli import main as platform
from gateway.cli import main as gateway
from gateway.tests.exported_day import exported_day
from hil_tests.platform_home import platform_home

PAGE = (Path(__file__).parents[1] / "docs" / "exports.md").read_text(encoding="utf-8")
FILES = {"csv": "day.csv", "espi": "day.xml", "gc": "day.jsonl", "ocmf": "day.ocmf"}


def blocks(name: str) -> list[str]:
    """Return what stands in the blocks of the page called *name*."""
    return re.findall(r"^```%s\n(.*?)^```$" % re.escape(name), PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every command of the page was run, in order."""
    there, edge = tmp_path_factory.mktemp("there"), tmp_path_factory.mktemp("edge")
    with exported_day(edge) as park:
        platform_home(there, park)
    for path in (edge / "keys" / "ocmf").iterdir():  # the page makes the key itself
        path.unlink()
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        for command in "".join(blocks("console")).splitlines():
            name, *arguments = command.split()
            main, home = (gateway, edge) if name == "wattproof" else (platform, there)
            result = CliRunner().invoke(main, ["--home", str(home), "--lang", "en", *arguments])
            assert result.exit_code == 0, "%s: %s" % (command, result.output)
    return out


@pytest.mark.parametrize("form", sorted(FILES))
def test_examples_are_what_is_written(folder: Path, form: str) -> None:
    """Each line of an example is a line of the file, in the same order; … stands for anything."""
    lines = iter((folder / FILES[form]).read_text(encoding="utf-8").splitlines())
    (example,) = blocks("text " + form)
    for line in example.splitlines():
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
        assert any(pattern.fullmatch(one) for one in lines), line


def test_the_query_over_parquet_gives_what_is_printed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB runs the query of the page in the folder of the files, and finds the sums that are printed."""
    monkeypatch.chdir(folder)
    (query,), (answer,) = blocks("sql"), blocks("text parquet")
    found = duckdb.sql(query)
    assert found is not None
    assert [" ".join(str(value) for value in row) for row in found.fetchall()] == answer.splitlines()


def test_all_ways_give_the_same_bytes(folder: Path) -> None:
    """Journal, .wpx and platform give the same CSV."""
    assert len({(folder / name).read_bytes() for name in ("day.csv", "again.csv", "there.csv")}) == 1
