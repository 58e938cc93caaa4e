"""Documents that people enter at the platform, in TOML and in CSV, and the years, months and days they are of."""

from collections.abc import Iterator
from functools import cache
from zoneinfo import ZoneInfo

from cloud_sync.platform.document_reading import KEYS, checked, read_rows
from cloud_sync.platform.stretch import MONTH, months_of, stretch
from gateway.carriers import carriers_text
from gateway.core.account.carrier import CarrierTable, read_carriers
from gateway.core.problem import ProblemError
from gateway.text_file import parse_toml
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said
from tools.fuzz.text import TOML_TOKENS

TOML, CSV, STRETCH = range(3)
TOKENS = (
    *TOML_TOKENS, b"[[document]]\n", *(kind.encode() for kind in KEYS), b"period", b"2026-03", b"1e9", b"\r\n", b'""',
    b"carrier", b"diesel", b"number", b"1250.5", b"chiller", b'"cop"', b"\xef\xbb\xbf", b"\x00",
)  # fmt: skip
_ROWS = """[[document]]
kind = "activity"
park = "Demo park"
period = "2026-03"
paper = "invoice 7"
carrier = "diesel"
quantity = "1250.5"
unit = "t"
use = "fuel"

[[document]]
kind = "certificate"
park = "Demo park"
period = "2026-03"
paper = "statement 3"
operation = "issued"
count = "12"
number = "GEC-1"
plant = "Roof"
tradable = "yes"

[[document]]
kind = "output"
park = "Demo park"
period = "2026"
paper = "books"
product = "glass"
quantity = "7000"
unit = "t"
"""
_SHEET = 'kind,park,period,paper,plant,kwh,note\ncurtailed,Demo park,2026-03,log 4,Roof,120,"hot, and bright"\n'
_ZONE = ZoneInfo("Asia/Shanghai")


@cache
def _carriers() -> CarrierTable:
    table, _ = read_carriers(parse_toml(carriers_text(), ""), "")
    assert table is not None
    return table


def seeds() -> Iterator[bytes]:
    """Yield documents of several kinds, a sheet, and stretches of time."""
    yield bytes((TOML,)) + _ROWS.encode()
    yield bytes((CSV,)) + _SHEET.encode()
    for text in ("2026", "2026-03", "2026-03-15", "9998-12-31"):
        yield bytes((STRETCH,)) + text.encode()


def target(data: bytes) -> None:
    """Documents are read as rows of texts, or refused with problems that can be said."""
    source = Source(data)
    kind = source.octet() % 3
    try:
        if kind == STRETCH:
            found = stretch(source.rest().decode("utf-8", "replace"), _ZONE)
            assert found.start_s < found.end_s
            assert all(found.holds(month) for month in months_of(found, _ZONE) if month.kind == MONTH)
            return
        path = room_of("document") / ("rows.toml" if kind == TOML else "rows.CSV")
        path.write_bytes(source.rest())
        rows = read_rows(path)
        entered = checked(rows, _carriers(), _ZONE, [])
    except ProblemError as error:
        check_said(error.problems)
        return
    assert len(entered) == len(rows)
    for name, texts in entered:
        assert name in KEYS and all(isinstance(one, str) for one in texts.values())
