"""Exports of the platform: made of the entries it took, they are to the byte those of the gateway."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud_sync.platform.cli import main
from gateway.exports.writing import UNSIGNED_FORMATS
from gateway.tests.exported_day import STEPS, exported_day, write
from gateway.tests.small_park import DAY, SmallPark
from hil_tests.platform_home import platform_home


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPark]:
    """A park with a day of figures, late truth and all."""
    with exported_day(tmp_path_factory.mktemp("park")) as one:
        yield one


@pytest.fixture(scope="module")
def home(park: SmallPark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of a platform that took every batch of the park."""
    return platform_home(tmp_path_factory.mktemp("platform"), park)


def call(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), "--lang", "en", "export", *arguments])


@pytest.mark.parametrize("form", UNSIGNED_FORMATS)
def test_the_platform_exports_what_the_gateway_exports(home: Path, park: SmallPark, tmp_path: Path, form: str) -> None:
    """A day from the ledger is byte for byte the day from the journal, in every format without a key."""
    result = call(home, "gw-test", DAY, "--format", form, "-o", str(tmp_path / "there.x"), "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["intervals"] == STEPS
    here = write(park, form, tmp_path / "here.x")
    assert [Path(name).read_bytes() for name in answer["files"]] == [path.read_bytes() for path in here]


def test_a_month_holds_its_days(home: Path, tmp_path: Path) -> None:
    """The rows of a month are those of its only day."""
    for when in (DAY, DAY[:7]):
        path = tmp_path / (when + ".csv")
        assert call(home, "gw-test", when, "--format", "csv", "-o", str(path)).exit_code == 0
    day, month = [
        [line for line in (tmp_path / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        for name in (DAY + ".csv", DAY[:7] + ".csv")
    ]
    assert day == month and len(day) == 1 + 4 * STEPS


def test_what_cannot_be_exported_is_said(home: Path, tmp_path: Path) -> None:
    """A gateway nobody knows, a day with nothing and a word that is no day are problems; no file is left."""
    out = str(tmp_path / "out.csv")
    for gateway, when, code in (
        ("gw-none", DAY, "WP-EXP-047"), ("gw-test", "2026-11-22", "WP-EXP-041"), ("gw-test", "soon", "WP-PLT-075"),
    ):  # fmt: skip
        result = call(home, gateway, when, "--format", "csv", "-o", out)
        assert result.exit_code == 1 and code in result.output
    assert not Path(out).exists()
