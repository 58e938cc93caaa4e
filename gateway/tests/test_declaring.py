"""Tests of declarations: another meter, another ratio, from the word of a person to the amended, provable energy."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cloud_sync.core.canonical import decode
from gateway.cli import main
from gateway.core.account import declared
from gateway.core.problem import ProblemError
from gateway.core.record import Amendment, Declaration, from_map
from gateway.evidence import JournalEvidence
from gateway.explanation import Explanation
from gateway.export import write_export
from gateway.register_run import booked
from gateway.tests.small_park import DAY, DAY_START_S, SITE, SmallPark
from gateway.verification import verify_export

STEP_S = 900
IMPORT, EXPORT = "energy_active_import", "energy_active_export"
# One count of the mill's register is 0.001 kWh of its secondary side; 200/1 as in the worked example of the exchange.
MILL = SITE.replace('ct_ratio = "200/5"\nmax_power = "400 kW"', 'ct_ratio = "200/1"\nmax_power = "6 MW"')


def park_of(home: Path, text: str = MILL) -> SmallPark:
    """Return a small park whose books are open at the start of the day."""
    home.mkdir()
    park = SmallPark(home)
    park.configure(text)
    return park


def word(what: str, at_s: int, values: dict[str, str], **others: Any) -> dict[str, Any]:
    """Return what a person asks who declares something of the mill's meter, and confirms it."""
    asked = {"what": what, "subject": "m-mill", "at_ms": at_s * 1000, "values": values, "by": "Li Wei"}
    return {**asked, "reason": "work order 17", "confirmed": True, **others}


def exchanged(final: str, initial: str) -> dict[str, str]:
    """Return the readings of an exchange; the export register stood at 7 kWh and begins at nought."""
    return {
        declared.FINAL: final, declared.INITIAL: initial,
        declared.FINAL + EXPORT: "7 kWh", declared.INITIAL + EXPORT: "0 kWh",
    }  # fmt: skip


def mill(park: SmallPark, number: int) -> tuple[int, str]:
    """Return energy and flag of the mill's import register in the interval *number* of the day, as it stands now."""
    (one,) = booked(park.journal, DAY_START_S + number * STEP_S, DAY_START_S + (number + 1) * STEP_S)
    span, _ = one.spans["m-mill", IMPORT]
    return span.energy_wh, span.flag


def verified(park: SmallPark, folder: Path) -> dict[str, Any]:
    """Export the day and verify it."""
    write_export(park.configuration, park.journal, DAY, str(folder / "day.wpx"))
    return verify_export(folder / "day.wpx", park.home / "keys")


def exchange_of_the_worked_example(park: SmallPark) -> None:
    """At 00:07 a mill meter that showed 12345.20 kWh at 00:00 gives way to one that shows 0.45 kWh at 00:15."""
    park.counts["m-mill", IMPORT], park.counts["m-mill", EXPORT] = 12_345_200, 7_000
    park.read_at(DAY_START_S)
    park.counts["m-mill", IMPORT], park.counts["m-mill", EXPORT] = 450, 0


def test_worked_example_of_an_exchange(tmp_path: Path) -> None:
    """12345.20 to 12345.60, then 0.10 to 0.45 kWh, times 200: the interval counted 0 with D, and now 150.000 kWh."""
    park = park_of(tmp_path / "home")
    exchange_of_the_worked_example(park)
    park.read_at(DAY_START_S + STEP_S)
    assert mill(park, 0) == (0, "D")
    found = park.recorder.findings.all(DAY_START_S)
    assert {(one["code"], one["place"]) for one in found} == {("register-decreased", "m-mill")}
    assert all("wattproof declare exchange m-mill" in one["declare"] for one in found)
    answer = park.recorder.declare(word(declared.EXCHANGE, DAY_START_S + 420, exchanged("12345.60 kWh", "0.10 kWh")))
    assert mill(park, 0) == (150_000, "X")
    assert park.recorder.findings.all(DAY_START_S) == []
    (row,) = answer["effects"]
    assert (row["before"]["import_wh"], row["after"]["import_wh"]) == (0, 150_000)
    assert verified(park, tmp_path)["amendments"] == 1
    park.close()


def test_a_declaration_for_the_open_interval_waits_for_its_end(tmp_path: Path) -> None:
    """Declared at 00:10, also over a restart, the exchange of 00:07 splits the interval as soon as it closes."""
    park = park_of(tmp_path / "home")
    exchange_of_the_worked_example(park)
    park.clock.now_ms = (DAY_START_S + 600) * 1000
    asked = word(declared.EXCHANGE, DAY_START_S + 420, exchanged("12345.60 kWh", "0.10 kWh"))
    assert park.recorder.declare(asked)["pending"]
    park.close()
    park.open()
    park.read_at(DAY_START_S + STEP_S)
    assert mill(park, 0) == (150_000, "X")
    verified(park, tmp_path)
    park.close()


def test_a_declared_ratio_gives_back_what_the_new_configuration_left(tmp_path: Path) -> None:
    """At 00:37 transformers of 400/1 take over at 12.500 kWh: 2.5 kWh times 200, then 1.5 kWh times 400."""
    park = park_of(tmp_path / "home")
    park.counts["m-mill", IMPORT] = 10_000
    for number in range(3):
        park.read_at(DAY_START_S + number * STEP_S)
    park.configure(MILL.replace("200/1", "400/1"))
    park.counts["m-mill", IMPORT] = 14_000
    park.read_at(DAY_START_S + 3 * STEP_S)
    park.read_at(DAY_START_S + 4 * STEP_S)
    assert [mill(park, number) for number in (2, 3)] == [(0, "M"), (0, "")]
    at_s = DAY_START_S + 2 * STEP_S
    values = {declared.FINAL: "12.5 kWh", declared.INITIAL: "12.5 kWh", "ct": "400/1"}
    values |= {declared.FINAL + EXPORT: "1000 kWh", declared.INITIAL + EXPORT: "1000 kWh"}
    park.recorder.declare(word(declared.RATIO, DAY_START_S + 37 * 60, values))
    assert mill(park, 2) == (2500 * 200 + 1500 * 400, "X")
    shown = Explanation(JournalEvidence("", park.journal)).rests_on("m-mill", at_s)["registers"][0]
    assert (shown["start"]["wh"], shown["end"]["wh"]) == (10_000 * 200, 14_000 * 400)
    assert [(one["what"], one["by"], one["values"]["ct after"]) for one in shown["declared"]] == [
        ("ratio", "Li Wei", "400/1")
    ]
    assert verified(park, tmp_path)["amendments"] == 1
    park.close()


def test_over_a_gap_the_energy_is_exact_and_its_shape_estimated(tmp_path: Path) -> None:
    """The gateway was off from 00:15 to 01:00 while the meter was exchanged: three parts, together 150.000 kWh."""
    park = park_of(tmp_path / "home")
    park.read_at(DAY_START_S)
    park.counts["m-mill", IMPORT], park.counts["m-mill", EXPORT] = 12_345_200, 1_000_000
    park.read_at(DAY_START_S + STEP_S)
    park.counts["m-mill", IMPORT], park.counts["m-mill", EXPORT] = 450, 0
    park.read_at(DAY_START_S + 4 * STEP_S)
    values = exchanged("12345.60 kWh", "0.10 kWh") | {declared.FINAL + EXPORT: "1000 kWh"}
    park.recorder.declare(word(declared.EXCHANGE, DAY_START_S + 1800, values))
    assert [mill(park, number) for number in (1, 2, 3)] == [(50_000, "EX")] * 3
    verified(park, tmp_path)
    park.close()


def test_a_quarantined_rise_counts_when_a_person_declares_it_right(tmp_path: Path) -> None:
    """A rise of 9 MWh in 15 minutes at 6 MW counts 0 (Q); accepted, the interval has it, and verify agrees."""
    park = park_of(tmp_path / "home")
    park.read_at(DAY_START_S)
    park.count("m-mill", IMPORT, 45_000)
    park.read_at(DAY_START_S + STEP_S)
    assert mill(park, 0) == (0, "Q")
    verified(park, tmp_path)
    park.recorder.declare(word(declared.ACCEPT, DAY_START_S + 60, {}))
    assert mill(park, 0) == (45_000 * 200, "X")
    verified(park, tmp_path)
    park.close()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"values": exchanged("12345.10 kWh", "0.10 kWh")}, "WP-ACC-104"),
        ({"values": exchanged("12345.60 kWh", "0.50 kWh")}, "WP-ACC-104"),
        ({"values": exchanged("12445.60 kWh", "0.10 kWh")}, "WP-ACC-105"),
        ({"values": exchanged("12345.60", "0.10 kWh")}, "WP-ACC-102"),
        ({"values": {declared.FINAL: "12345.60 kWh"}}, "WP-ACC-103"),
        ({"values": exchanged("12345.60 kWh", "0.10 kWh") | {"ct": "400/1"}}, "WP-ACC-106"),
        ({"subject": "m-nobody"}, "WP-ACC-100"),
        ({"at_ms": (DAY_START_S + 9000) * 1000}, "WP-ACC-101"),
        ({"at_ms": (DAY_START_S - 60) * 1000}, "WP-ACC-110"),
        ({"by": " "}, "WP-ACC-108"),
        ({"reason": "x" * 257}, "WP-ACC-114"),
        ({"by": "Li\x1b[2J"}, "WP-ACC-114"),
        ({"what": declared.ACCEPT}, "WP-ACC-111"),
    ],
)
def test_what_cannot_be_right_is_refused(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    """Readings that fit neither register nor connection, a moment to come, an unknown meter: nothing is recorded."""
    park = park_of(tmp_path / "home")
    exchange_of_the_worked_example(park)
    park.read_at(DAY_START_S + STEP_S)
    head = park.journal.head_sequence
    asked = word(declared.EXCHANGE, DAY_START_S + 420, exchanged("12345.60 kWh", "0.10 kWh"))
    with pytest.raises(ProblemError) as caught:
        park.recorder.declare({**asked, **change})
    assert caught.value.problems[0].code == code
    assert park.journal.head_sequence == head
    park.close()


def test_the_same_is_not_declared_twice(tmp_path: Path) -> None:
    """A second declaration of the same meter and moment is refused; without a confirmation nothing is recorded."""
    park = park_of(tmp_path / "home")
    exchange_of_the_worked_example(park)
    park.read_at(DAY_START_S + STEP_S)
    asked = word(declared.EXCHANGE, DAY_START_S + 420, exchanged("12345.60 kWh", "0.10 kWh"))
    head = park.journal.head_sequence
    assert park.recorder.declare({**asked, "confirmed": False})["entry"] is None
    assert park.journal.head_sequence == head
    entry = park.recorder.declare(asked)["entry"]
    records = [from_map(decode(one.body)) for one in park.journal.entries(entry, entry + 1)]  # type: ignore[arg-type]
    assert [type(one) for one in records] == [Declaration, Amendment]
    with pytest.raises(ProblemError) as caught:
        park.recorder.declare(asked)
    assert caught.value.problems[0].code == "WP-ACC-107"
    park.close()


def test_a_content_that_nobody_declared_for_half_a_year_is_told(tmp_path: Path) -> None:
    """183 days after the account began the status asks for the content of the battery, until it is declared."""
    park = park_of(tmp_path / "home")
    park.read_at(DAY_START_S)
    park.read_at(DAY_START_S + STEP_S)
    half_a_year_s = DAY_START_S + 183 * 86400
    assert park.recorder.findings.all(half_a_year_s) == []
    assert [one["place"] for one in park.recorder.findings.all(half_a_year_s + 1)] == ["Battery"]
    park.recorder.declare(word(declared.CONTENT, DAY_START_S + STEP_S, {declared.HELD: "9 kWh"}, subject="Battery"))
    assert park.recorder.findings.all(half_a_year_s + 1) == []
    park.close()


@pytest.mark.parametrize(
    ("held", "after", "lost_wh"),
    [("4 kWh", [("grid", 4_000)], 6_000), ("10.5 kWh", [("grid", 10_000), ("unknown", 500)], 0)],
)
def test_declared_content_is_booked_by_origin(
    tmp_path: Path, held: str, after: list[tuple[str, int]], lost_wh: int
) -> None:
    """A battery whose account holds 10 kWh of the grid: what is less is lost, what is more is of unknown origin."""
    park = park_of(tmp_path / "home")
    park.read_at(DAY_START_S)
    park.read_at(DAY_START_S + STEP_S)
    asked = word(declared.CONTENT, DAY_START_S + STEP_S + 60, {declared.HELD: held}, subject="Battery")
    park.clock.now_ms += 120_000
    park.recorder.declare(asked)
    park.close()
    park.open()
    park.read_at(DAY_START_S + 2 * STEP_S)
    (_, now) = booked(park.journal, DAY_START_S, DAY_START_S + 2 * STEP_S)
    (pool,) = now.account.pools_after
    assert list(pool.content) == after
    tallies = [one for one in now.account.tallies if one.meter_point == "Battery"]
    assert sum(one.wh for one in tallies if one.factor_set == "grid-2023") == lost_wh
    verified(park, tmp_path)
    park.close()


def test_what_is_no_declaration_is_none(tmp_path: Path) -> None:
    """Another word than the four is no question, and where no gateway ever ran the command makes no journal."""
    park = park_of(tmp_path / "home")
    with pytest.raises(ValueError, match="no declaration"):
        park.recorder.declare(word("gift", DAY_START_S, {}))
    park.close()
    (park.home / "journal.sqlite").rename(tmp_path / "away.sqlite")
    asked = ["--home", str(park.home), "declare", "accept", "m-mill", "--at", "2026-11-21T00:07", "--by", "Li Wei"]
    assert CliRunner().invoke(main, [*asked, "--reason", "order 17", "--yes"]).exit_code == 3
    assert not (park.home / "journal.sqlite").exists()


def test_a_person_declares_without_a_daemon(tmp_path: Path) -> None:
    """The command shows before and after, asks, and writes only when it is told to; also in Chinese."""
    park = park_of(tmp_path / "home")
    exchange_of_the_worked_example(park)
    park.read_at(DAY_START_S + STEP_S)
    park.close()
    asked = ["--home", str(park.home), "declare", "exchange", "m-mill", "--at", "2026-11-21T00:07", "--by", "Li Wei"]
    asked += ["--reason", "order 17", "--old-final", "12345.60 kWh", "--new-initial", "0.10 kWh"]
    asked += ["--old-final", EXPORT + "=7 kWh", "--new-initial", EXPORT + "=0 kWh"]
    refused = CliRunner().invoke(main, ["--lang", "zh", *asked], input="n\n")
    assert refused.exit_code == 0 and "0.000 / 0.000 [D]" in refused.output and "没有申报" in refused.output
    agreed = CliRunner().invoke(main, ["--lang", "en", *asked], input="y\n")
    assert agreed.exit_code == 0 and "150.000 / 0.000 [X]" in agreed.output
    again = CliRunner().invoke(main, [*asked, "--yes", "--json"])
    assert again.exit_code == 1 and "WP-ACC-107" in again.output
    park.open()
    assert mill(park, 0) == (150_000, "X")
    verified(park, tmp_path)
    park.close()
