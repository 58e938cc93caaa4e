"""What tallies rest on: every record says it for all of its own, and whatever it says wrongly is found and named."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cloud_sync.core.canonical import decode, encode
from cloud_sync.core.entry import Entry
from gateway.core.record import Account, Amendment, Config, SelfUse, from_map, to_map
from gateway.evidence import JournalEvidence
from gateway.explanation import Explanation
from gateway.export_as import export_as
from gateway.figures import current, records_of
from gateway.questions import tally_answer
from gateway.recompute import Recomputation
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark

STEP_S = 900
SWITCHES = ("boundary=first-after", "gap=linear", "storage:Battery=mixing")
OF_PERIODS = ("charging=proportional", "export=renewable", "own_use=user", "period_s=3600")
Figures = Account | Amendment | SelfUse


def _steps(park: SmallPark, first: int, count: int) -> None:
    for number in range(first, first + count):
        park.read_at(DAY_START_S + number * STEP_S)
        park.clock.now_ms += 60_000
        park.recorder.close_due()
        park.count("m-intake", "energy_active_import", 12_000)
        park.count("m-roof", "energy_active_export", 1_100 + number)
        park.count("m-mill", "energy_active_import", 500)
        park.count("m-battery", "energy_active_import", 200)


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> SmallPark:
    """Two hours and more; a meter is silent over the end of the first one, and back in the second."""
    one = SmallPark(tmp_path_factory.mktemp("home"))
    _steps(one, 0, 3)
    one.silent = {"m-mill"}
    _steps(one, 3, 3)
    one.silent = set()
    _steps(one, 6, 4)
    one.recorder.commit()
    return one


@pytest.fixture(scope="module")
def entries(park: SmallPark) -> list[Entry]:
    """The whole chain."""
    return park.journal.entries(1, park.journal.head_sequence)


def read(entry: Entry) -> tuple[object, ...]:
    """Return the record in *entry*."""
    return from_map(decode(entry.body))  # type: ignore[arg-type]


def named(entries: list[Entry]) -> list[tuple[int, Figures]]:
    """Return sequence and record of all that has tallies."""
    found = [(entry.sequence, read(entry)) for entry in entries]
    return [(n, one) for n, one in found if isinstance(one, (Account, Amendment, SelfUse))]


def test_every_record_names_switches_configuration_and_entries(entries: list[Entry]) -> None:
    """Switches as in gateway.toml, the hash by hashlib over the configuration's entry, entries by looking at all."""
    digests = {one.sequence: sha256(one.body).digest()[:16] for one in entries if isinstance(read(one), Config)}
    figures = named(entries)
    kinds = [(type(one).__name__, getattr(one, "amends", 0) > 0) for _, one in figures]
    assert {("Account", False), ("Amendment", True), ("SelfUse", False), ("SelfUse", True)} == set(kinds)
    for sequence, one in figures:
        periods = isinstance(one, SelfUse)
        assert one.basis.switches == (tuple(sorted(SWITCHES + OF_PERIODS)) if periods else SWITCHES)
        assert one.basis.configuration == digests[one.config]
        held = [
            number
            for number, other in figures
            if not isinstance(other, SelfUse) and one.start_s <= other.start_s < one.end_s and number <= sequence
        ]
        assert one.basis.entries == tuple(held) and one.basis.entries
        assert all(tally.method and tally.factor_set and tally.factors for tally in one.tallies)


def forged(chain: list[Entry], kind: type, amends: bool, **basis: Any) -> list[tuple[str, object]]:
    """Return place and figure of what is wrong where one record of *kind* has another basis."""
    recomputation, done = Recomputation(), False
    for entry in chain:
        record, body = read(entry), entry.body
        wanted = isinstance(record, kind) and (getattr(record, "amends", 0) > 0) == amends
        if isinstance(record, (Account, Amendment, SelfUse)) and wanted and not done:
            done, body = True, encode(to_map(record._replace(basis=record.basis._replace(**basis))))
        recomputation.take(entry.sequence, body)
    assert done
    return [(one.code, one.values.get("figure")) for one in recomputation.problems]


def test_honest_bases_are_found_right(entries: list[Entry]) -> None:
    """The chain as it was written has nothing that does not follow."""
    recomputation = Recomputation()
    for entry in entries:
        recomputation.take(entry.sequence, entry.body)
    assert recomputation.problems == []


@pytest.mark.parametrize(("kind", "amends"), [(Account, False), (Amendment, True), (SelfUse, False), (SelfUse, True)])
def test_a_wrong_basis_is_named(entries: list[Entry], kind: type, amends: bool) -> None:
    """Another switch, another hash, and entries left out, added or out of order are each a figure that fails."""
    for field, lie, figure in (
        ("switches", ("boundary=interpolated", *SWITCHES[1:]), "the list of rule switches"),
        ("switches", (), "the list of rule switches"),
        ("configuration", bytes(16), "the hash of the configuration"),
        ("entries", (), "the list of entries it rests on"),
        ("entries", (1, 2), "the list of entries it rests on"),
    ):
        assert ("WP-EXP-020", figure) in forged(entries, kind, amends, **{field: lie}), (field, lie)


def test_tally_export_and_explanation_name_what_each_figure_rests_on(park: SmallPark, tmp_path: Path) -> None:
    """The JSON of `tally`, the Parquet table and `explain` say switches, configuration, entries and factor rows."""
    records = [one for _, one in current(records_of(park.journal, DAY_START_S, DAY_START_S + 86400))]
    for row in tally_answer(park.journal, DAY)["tallies"]:
        mine = [one for one in records if any(t[:3] == (row["meter_point"], row["method"], row["factor_set"])
                                              for t in one.tallies)]  # fmt: skip
        entries = {sequence for one in mine for sequence in one.basis.entries}
        (base,) = row["basis"]
        assert base["entries"] == {"first": min(entries), "last": max(entries), "count": len(entries)}
        assert base["switches"] == list(mine[0].basis.switches)
        assert base["configuration"] == mine[0].basis.configuration.hex()
        assert row["factors"] == sorted({n for one in mine for t in one.tallies if t[:3] == (
            row["meter_point"], row["method"], row["factor_set"]) for n in t.factors})  # fmt: skip
    evidence = JournalEvidence("gw-test", park.journal)
    export_as("parquet", evidence, DAY, str(tmp_path / "day.parquet"), park.configuration.home)
    told = duckdb.sql(
        f"SELECT DISTINCT switches, configuration, entries FROM read_parquet('{tmp_path / 'day.tallies.parquet'}')"
    )
    assert told is not None
    assert set(told.fetchall()) == {
        (" ".join(one.basis.switches), one.basis.configuration.hex(), " ".join(map(str, one.basis.entries)))
        for one in records
    }
    explained = Explanation(evidence).figure("Mill", DAY_START_S + 4 * STEP_S, "flow", "")
    assert explained["basis"]["entries"][-1] == explained["entry"] and len(explained["basis"]["entries"]) == 2
    assert explained["basis"]["configuration"] == explained["configuration"]["sha256"][:32]
    assert json.loads(json.dumps(explained))["basis"]["switches"] == list(SWITCHES)
