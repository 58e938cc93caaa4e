"""Tables of a stretch for Parquet: intervals, energies, allocations and tallies, joined by their start."""

import json
from collections.abc import Callable, Iterator

from gateway.core.account.quality import quality_of
from gateway.core.record import Account
from gateway.exports.parquet import INTEGER, TEXT, TIME_MS, Column, ParquetTable, Value
from gateway.exports.stretch import Row, Stretch

_WHEN: tuple[Column, ...] = (("start", TIME_MS), ("end", TIME_MS))
TABLES: dict[str, tuple[Column, ...]] = {
    "intervals": (
        *_WHEN, ("entry", INTEGER), ("config", INTEGER), ("registers", INTEGER), ("registers_missing", INTEGER),
    ),
    "energies": (
        *_WHEN, ("meter_point", TEXT), ("role", TEXT), ("import_wh", INTEGER), ("export_wh", INTEGER), ("flag", TEXT),
        ("aemo", TEXT), ("espi", INTEGER), ("ieee2030_5", INTEGER),
    ),
    "allocations": (*_WHEN, ("method", TEXT), ("source", TEXT), ("sink", TEXT), ("wh", INTEGER)),
    "tallies": (
        *_WHEN, ("method", TEXT), ("factor_set", TEXT), ("meter_point", TEXT), ("wh", INTEGER), ("green_wh", INTEGER),
        ("carbon_ug", INTEGER), ("by_origin", TEXT), ("factors", TEXT),
        ("switches", TEXT), ("configuration", TEXT), ("entries", TEXT),
    ),
}  # fmt: skip
Rows = Iterator[tuple[Value, ...]]


def _notes(stretch: Stretch) -> list[tuple[str, str]]:
    sets = sorted({name for terms in stretch.terms for name in terms.site.factor_sets})
    return [
        ("gateway", stretch.gateway),
        ("park", stretch.park),
        ("stretch", stretch.name),
        ("methods", "flow 688-hourly"),
        ("factor_sets", " ".join(sets)),
        ("configs", " ".join("%d:%s" % (terms.sequence, terms.digest) for terms in stretch.terms)),
    ]


def _intervals(row: Row, start: int, end: int) -> Rows:
    if isinstance(row.record, Account):
        missing = sum(1 for span in row.record.spans if not (span.start_words and span.end_words))
        yield start, end, row.sequence, row.terms.sequence, len(row.record.spans), missing


def _energies(row: Row, start: int, end: int) -> Rows:
    if isinstance(row.record, Account):
        roles = {point.name: point.role for point in row.terms.site.meter_points}
        for one in row.record.energies:
            role, quality = roles.get(one.meter_point, ""), quality_of(one.flag)
            yield start, end, one.meter_point, role, one.import_wh, one.export_wh, one.flag, *quality


def _allocations(row: Row, start: int, end: int) -> Rows:
    for one in row.record.allocations:
        yield start, end, *one


def _tallies(row: Row, start: int, end: int) -> Rows:
    basis = row.record.basis
    entries = " ".join(str(sequence) for sequence in basis.entries)
    for one in row.record.tallies:
        origins = json.dumps(dict(one.by_origin), ensure_ascii=False, sort_keys=True)
        yield (
            start, end, one.method, one.factor_set, one.meter_point, one.wh, one.green_wh, one.carbon_ug, origins,
            " ".join(one.factors), " ".join(basis.switches), basis.configuration.hex(), entries,
        )  # fmt: skip


_ROWS: dict[str, Callable[[Row, int, int], Rows]] = {
    "intervals": _intervals, "energies": _energies, "allocations": _allocations, "tallies": _tallies,
}  # fmt: skip


def parquet_tables(stretch: Stretch) -> Iterator[tuple[str, bytes]]:
    """Yield (table, bytes) of the files of all tables, as their rows pass."""
    tables = {name: ParquetTable(columns, [*_notes(stretch), ("table", name)]) for name, columns in TABLES.items()}
    for row in stretch.rows():
        for name, table in tables.items():
            for fields in _ROWS[name](row, row.record.start_s * 1000, row.record.end_s * 1000):
                for chunk in table.add(fields):
                    yield name, chunk
    for name, table in tables.items():
        for chunk in table.end():
            yield name, chunk
