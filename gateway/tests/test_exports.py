"""Exports in the formats of others: read back by readers that know nothing of the writers."""

import csv
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from cloud_sync.core.entry import Entry
from gateway.cli import account_commands, main
from gateway.core.account.closing import close_account
from gateway.core.problem import ProblemError
from gateway.core.record import Account, SelfUse, TimeAnchor
from gateway.evidence import JournalEvidence
from gateway.export import write_export
from gateway.export_as import export_as, export_from, readings_key_path
from gateway.exports.certificates import certificates
from gateway.exports.parquet import GROUP_ROWS, INTEGER, TEXT, ParquetTable
from gateway.exports.stretch import Stretch
from gateway.exports.text import utc
from gateway.exports.writing import FORMATS, WPX
from gateway.figures import current, records_of
from gateway.questions import answer_from_journal
from gateway.tests.exported_day import SKIPPED_STEP, STEP_S, STEPS, exported_day, write
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPark]:
    with exported_day(tmp_path_factory.mktemp("park")) as one:
        yield one


@pytest.fixture(scope="module")
def records(park: SmallPark) -> list[Account | SelfUse]:
    return [one for _, one in current(records_of(park.journal, DAY_START_S, DAY_START_S + 86400))]


def accounts_of(records: list[Account | SelfUse]) -> list[Account]:
    return [one for one in records if isinstance(one, Account)]


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_csv_registers_and_intervals_agree(park: SmallPark, tmp_path: Path) -> None:
    """Per meter point and direction the intervals of the CSV add up to its last register minus its first."""
    (path,) = write(park, "csv", tmp_path / "day.csv")
    by_point: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows_of(path):
        by_point[row["meter_point"]].append(row)
    assert sorted(by_point) == ["Battery", "Intake", "Mill", "Roof"]
    for name, rows in by_point.items():
        assert len(rows) == STEPS
        assert [row["start"] for row in rows[1:]] == [row["end"] for row in rows[:-1]]
        for register, interval in (("1-1:1.8.0", "1-1:1.29.0"), ("1-1:2.8.0", "1-1:2.29.0")):
            if (name, register) != ("Roof", "1-1:1.8.0"):  # an inverter has no such register
                gone = Decimal(rows[-1][register + " end"]) - Decimal(rows[0][register + " start"])
                assert gone == sum(Decimal(row[interval]) for row in rows)


def test_csv_registers_between_readings(tmp_path: Path) -> None:
    """Where boundaries are interpolated, the registers at them are, and still differ by the intervals exactly."""
    (tmp_path / "home").mkdir()
    park = SmallPark(tmp_path / "home")
    text = (park.home / "gateway.toml").read_text(encoding="utf-8")
    park.configure(text.replace('interval = "15 min"', 'interval = "15 min"\nboundary = "interpolated"'))
    for at_s in range(DAY_START_S, DAY_START_S + 5 * STEP_S, STEP_S):
        park.count("m-intake", "energy_active_import", 50_000)
        park.read_at(at_s - 7)  # it is read 200 ms later
        park.count("m-intake", "energy_active_import", 1009)
        park.read_at(at_s + 4)
    (path,) = write(park, "csv", tmp_path / "day.csv")
    park.close()
    rows = [row for row in rows_of(path) if row["meter_point"] == "Intake"]
    assert len(rows) == 4 and all(row["flag"] == "I" and row["espi"] == "11" for row in rows)
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        gone = Decimal(row["1-1:1.8.0 end"]) - Decimal(row["1-1:1.8.0 start"])
        assert gone == Decimal(row["1-1:1.29.0"]) > 0
        assert after is None or after["1-1:1.8.0 start"] == row["1-1:1.8.0 end"]
    # Of 1009 Wh in the 11 s around a boundary, 6.8 s lie before it.
    assert Decimal(rows[0]["1-1:1.8.0 start"]) == Decimal(1_000_000 + 50_000 + 1009 * 68 // 110) / 1000


def test_csv_names_quality_and_configuration(park: SmallPark, tmp_path: Path) -> None:
    """The half of a gap is AEMO S17, ESPI 9 and bit 3; a register inside the gap is empty; the head names the hash."""
    (path,) = write(park, "csv", tmp_path / "day.csv")
    config = park.journal.entries(1, 1)[0]
    digest = hashlib.sha256(config.body).hexdigest()
    assert "# config: entry 1 sha256 %s\n" % digest in path.read_text(encoding="utf-8")
    halves = [row for row in rows_of(path) if row["flag"] == "E" and row["meter_point"] == "Intake"]
    assert [(row["aemo"], row["espi"], row["ieee2030.5"]) for row in halves] == [("S17", "9", "8")] * 2
    assert [row["1-1:1.8.0 start"] == "" for row in halves] == [False, True]
    assert [row["1-1:1.8.0 end"] == "" for row in halves] == [True, False]
    assert halves[0]["start"] == "2026-11-20T16:%d:00Z" % (15 * (SKIPPED_STEP - 1))


@pytest.mark.parametrize("form", [form for form in FORMATS if form != WPX])
def test_export_file_gives_the_same_bytes_as_the_journal(park: SmallPark, tmp_path: Path, form: str) -> None:
    """Journal and signed export give the same files, twice over, and leave no partial file behind."""
    write_export(park.configuration, park.journal, DAY, str(tmp_path / "day.wpx"))
    once = write(park, form, tmp_path / "once.x")
    again = write(park, form, tmp_path / "again.x")
    answer = export_from(str(tmp_path / "day.wpx"), None, form, str(tmp_path / "from.x"), park.home)
    assert answer["intervals"] == STEPS
    for first, second, third in zip(once, again, answer["files"], strict=True):
        assert first.read_bytes() == second.read_bytes() == Path(third).read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def asked(question: str) -> list[tuple[Any, ...]]:
    answer = duckdb.sql(question)
    assert answer is not None
    return answer.fetchall()


def table(path: Path, columns: str) -> list[tuple[Any, ...]]:
    return asked(f"SELECT {columns} FROM read_parquet('{path}')")


def test_parquet_tables_hold_every_figure(park: SmallPark, records: list[Account | SelfUse], tmp_path: Path) -> None:
    """DuckDB reads from the four tables every energy, allocation and tally of the records, with times in UTC."""
    files = {path.name.split(".")[1]: path for path in write(park, "parquet", tmp_path / "day.parquet")}
    assert list(files) == ["intervals", "energies", "allocations", "tallies"]
    when = 'epoch_ms(start), epoch_ms("end")'
    accounts = accounts_of(records)
    times = [(one.start_s * 1000, one.end_s * 1000) for one in accounts]
    assert [row[:2] for row in table(files["intervals"], when)] == times
    energies = [(*at, *row) for at, one in zip(times, accounts, strict=True) for row in one.energies]
    assert table(files["energies"], when + ", meter_point, import_wh, export_wh, flag") == energies
    allocations = Counter(row for one in records for row in one.allocations)
    assert Counter(table(files["allocations"], "method, source, sink, wh")) == allocations
    tallies = Counter((*row[:6], json.dumps(dict(row.by_origin))) for one in records for row in one.tallies)
    names = "meter_point, method, factor_set, wh, green_wh, carbon_ug, by_origin"
    assert Counter(table(files["tallies"], names)) == tallies
    kinds = asked(f"DESCRIBE SELECT * FROM read_parquet('{files['tallies']}')")
    assert {row[0]: row[1] for row in kinds}["start"] == "TIMESTAMP WITH TIME ZONE"
    notes = dict(asked(f"SELECT key, value FROM parquet_kv_metadata('{files['tallies']}')"))
    assert notes[b"factor_sets"] == b"NDRC910-trial grid-2023"
    assert notes[b"configs"].startswith(b"1:") and notes[b"methods"] == b"flow 688-hourly"


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, GROUP_ROWS, GROUP_ROWS + 3])
def test_parquet_of_any_length(tmp_path: Path, rows: int) -> None:
    """DuckDB reads back what was written, negative and large numbers, texts of any script, over groups of rows."""
    words = ["", "Mill", "磨坊", "a\nb", "|"] + ["w%d" % number for number in range(300)]
    expected = [((-1) ** n * (n << 40), words[n * 7 % len(words)], "one") for n in range(rows)]
    made = ParquetTable((("n", INTEGER), ("word", TEXT), ("same", TEXT)), [("note", "值")])
    raw = b"".join(b"".join(made.add(row)) for row in expected) + b"".join(made.end())
    (tmp_path / "t.parquet").write_bytes(raw)
    assert table(tmp_path / "t.parquet", "n, word, same") == expected


def read_certificates(park: SmallPark, path: Path) -> list[dict[str, Any]]:
    (found,) = write(park, "gc", path)
    return [json.loads(line) for line in found.read_text(encoding="utf-8").splitlines()]


def test_certificates_are_chained(park: SmallPark, tmp_path: Path) -> None:
    """Each record has the SHA-256 of the rest of itself, and every parent it names came before it."""
    known: set[str] = set()
    for record in read_certificates(park, tmp_path / "day.jsonl"):
        digest = record.pop("sha256")
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == digest
        assert set(record["parents"]) <= known
        assert digest not in known
        known.add(digest)


def test_certificates_never_exceed_the_energy(
    park: SmallPark, records: list[Account | SelfUse], tmp_path: Path
) -> None:
    """Bundles are what the meters gave; their parts take consecutive ranges of them, as the trace says, to the Wh."""
    found = read_certificates(park, tmp_path / "day.jsonl")
    by_hash = {record["sha256"]: record for record in found}
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in found:
        if "beneficiary" in record:
            parts[record["parents"][0]].append(record)
    for parent, rows in parts.items():
        ranges = [(row["range_start"], row["range_end"] + 1) for row in rows]
        assert ranges[0][0] == 0
        assert [first for first, _ in ranges[1:]] == [end for _, end in ranges[:-1]]
        assert ranges[-1][1] <= by_hash[parent]["quantity_wh"]
        assert all(row["quantity_wh"] == end - first for row, (first, end) in zip(rows, ranges, strict=True))
    given = Counter[str]()
    for record in found:
        if record["kind"] in ("production", "supply", "storage-discharge"):
            given[record["device_name"]] += record["quantity_wh"]
    energies = [energy for one in accounts_of(records) for energy in one.energies]
    assert given["Roof"] == sum(row.export_wh for row in energies if row.meter_point == "Roof")
    assert given["Battery"] == sum(row.export_wh for row in energies if row.meter_point == "Battery")
    assert given["Intake"] == sum(row.import_wh for row in energies if row.meter_point == "Intake")
    ways, traced = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for record in found:
        if "beneficiary" in record:
            ways[record["device_id"].partition("/")[2], record["beneficiary"]] += record["quantity_wh"]
    for one in accounts_of(records):
        for way in one.allocations:
            traced[way.source, way.sink] += way.wh
        for rest in one.residuals:
            traced[rest.source, "residual:" + rest.busbar] += rest.wh
    assert +ways == +traced


def test_certificates_of_storage_are_linked(park: SmallPark, tmp_path: Path) -> None:
    """A discharge (SDR) leads over what the battery held to the charges (SCR), and by origin gives no more than it."""
    found = read_certificates(park, tmp_path / "day.jsonl")
    by_hash = {record["sha256"]: record for record in found}
    discharges = [record for record in found if record["kind"] == "storage-discharge"]
    assert {record["energy_source"] for record in discharges} == {"grid", "solar"}
    for record in discharges:
        (parent,) = record["parents"]
        held = by_hash[parent]
        assert held["kind"] == "storage" and record["storage_record"] == "SDR"
        assert record["quantity_wh"] <= held["content_wh"][record["energy_source"]]
        assert record["storage_efficiency_permille"] == 850
        seen, waiting = set(), [parent]
        while waiting:
            one = by_hash[waiting.pop()]
            seen.add((one["kind"], one.get("storage_record")))
            waiting += one["parents"]
        assert {("storage-charge", "SCR"), ("production", "")} <= seen


class Corrected:
    """The figures of a park, each closed again with a declared content of its battery: 2 kWh more, or 1 kWh less."""

    gateway = "gw-test"

    def __init__(self, park: SmallPark) -> None:
        self._evidence = JournalEvidence("gw-test", park.journal)
        self._site, self._factors = park.configuration.site, park.configuration.factors

    def entry(self, sequence: int) -> Entry:
        return self._evidence.entry(sequence)

    def anchors(self) -> list[TimeAnchor]:
        return self._evidence.anchors()

    def figures(self, start_s: int, end_s: int) -> list[tuple[int, Account | SelfUse]]:
        found: list[tuple[int, Account | SelfUse]] = []
        for sequence, one in self._evidence.figures(start_s, end_s):
            if isinstance(one, Account):
                declared = (("Battery", 2000 if sequence % 2 else -1000),)
                again = close_account(
                    self._site, one.energies, one.pools_before, self._factors, one.start_s, one.end_s, declared
                )
                found.append((sequence, one._replace(tallies=again.tallies, pools_after=again.pools_after)))
        return found


@pytest.mark.parametrize("declared", [False, True])
def test_certificates_by_origin_are_the_tallies(park: SmallPark, declared: bool) -> None:
    """For every interval and sink the certificates by origin are those of the tally, also after declared contents."""
    evidence = Corrected(park) if declared else JournalEvidence("gw-test", park.journal)
    stretch = Stretch(evidence, DAY, DAY_START_S, DAY_START_S + 86400)
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in certificates(stretch):
        record = json.loads(line)
        if "beneficiary" in record and record["beneficiary"] != "Battery":
            found[record["production_start"], record["beneficiary"]][record["energy_source"]] += record["quantity_wh"]
    tallied = {
        (utc(account.start_s), tally.meter_point): Counter(dict(tally.by_origin))
        for _, account in stretch.accounts()
        for tally in account.tallies
        if tally.meter_point != "Battery"  # of a storage the losses are tallied
    }
    assert found == tallied and len(found) >= 2 * STEPS


def test_certificates_are_of_an_hour_at_most(park: SmallPark, tmp_path: Path) -> None:
    """Times are UTC, half-open and no longer than an hour; issuance ids are device, carrier and start."""
    for record in read_certificates(park, tmp_path / "day.jsonl"):
        start, end = record["production_start"], record["production_end"]
        assert re.fullmatch(r"2026-11-20T1[67]:(00|15|30|45):00Z", start)
        assert start < end <= "2026-11-20T18:00:00Z"
        assert record["issuance_id"].startswith("%s-electricity-%s" % (record["device_id"], start))


def codes(error: pytest.ExceptionInfo[ProblemError]) -> list[str]:
    return [one.code for one in error.value.problems]


def test_what_cannot_be_exported_is_said(park: SmallPark, tmp_path: Path) -> None:
    """No key, no interval, a folder in the way, the wrong day, a .wpx of a .wpx: each has its own problem, no file."""
    evidence = JournalEvidence("gw-test", park.journal)
    wpx = str(tmp_path / "day.wpx")
    write_export(park.configuration, park.journal, DAY, wpx)
    (tmp_path / "folder").mkdir()
    empty = tmp_path / "home"
    out = str(tmp_path / "out")
    with pytest.raises(ProblemError) as no_key:
        export_as("ocmf", evidence, DAY, out, empty)
    with pytest.raises(ProblemError) as no_interval:
        export_as("csv", evidence, "2026-11-22", out, park.home)
    with pytest.raises(ProblemError) as no_file:
        export_as("csv", evidence, DAY, str(tmp_path / "folder"), park.home)
    with pytest.raises(ProblemError) as no_folder:
        export_as("gc", evidence, DAY, str(tmp_path / "absent" / "out"), park.home)
    with pytest.raises(ProblemError) as other_day:
        export_from(wpx, "2026-11-22", "csv", out, park.home)
    with pytest.raises(ProblemError) as already:
        export_from(wpx, None, "wpx", out, park.home)
    (empty / "keys" / "ocmf").mkdir(parents=True)
    (empty / "keys" / "ocmf" / "readings.key").write_bytes((park.home / "keys" / "gateway.key").read_bytes())
    readings_key_path(empty).chmod(0o600)
    with pytest.raises(ProblemError) as other_kind:
        export_as("ocmf", evidence, DAY, out, empty)
    told = [codes(one) for one in (no_key, no_interval, no_file, no_folder, other_day, already, other_kind)]
    assert told == [
        ["WP-EXP-043"], ["WP-EXP-041"], ["WP-EXP-005"], ["WP-EXP-004"], ["WP-EXP-046"], ["WP-EXP-045"], ["WP-EXP-044"],
    ]  # fmt: skip
    assert not Path(out).exists() and not list(tmp_path.glob("*.partial"))


def test_a_running_daemon_only_gives_its_signed_entries(
    park: SmallPark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon is asked for the .wpx and no more; the command makes the CSV of it and leaves nothing else behind."""
    questions: list[dict[str, Any]] = []

    def answered(home: Path, question: dict[str, Any]) -> dict[str, Any]:
        questions.append(question)
        return answer_from_journal(park.configuration, park.journal, question)

    monkeypatch.setattr(account_commands, "is_running", lambda home: True)
    monkeypatch.setattr(account_commands, "ask", answered)
    asked_for = ["--home", str(park.home), "export", DAY, "--format", "csv", "-o", str(tmp_path / "day.csv")]
    result = CliRunner().invoke(main, asked_for)
    assert result.exit_code == 0, result.output
    assert [one["format"] for one in questions] == [WPX]
    (here,) = write(park, "csv", tmp_path / "here.csv")
    assert (tmp_path / "day.csv").read_bytes() == here.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day.csv", "here.csv"]
