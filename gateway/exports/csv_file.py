"""CSV of intervals: one row a meter point and interval, registers and energy under their OBIS codes.

OBIS (IEC 62056-6-1) channel 1: 1.8.0 and 2.8.0 are the cumulative registers of import and export, 1.29.0 and 2.29.0
the energy of the interval in the same directions, from the meter point's own view.
"""

import csv
import io
from collections.abc import Iterator

from gateway.core.account.quality import quality_of
from gateway.exports.points import Register, point_intervals
from gateway.exports.stretch import Stretch
from gateway.exports.text import kwh, one_line, utc

OBIS_IMPORT, OBIS_EXPORT = "1-1:1.8.0", "1-1:2.8.0"
OBIS_IMPORT_INTERVAL, OBIS_EXPORT_INTERVAL = "1-1:1.29.0", "1-1:2.29.0"
COLUMNS = (
    "start", "end", "meter_point", "meter",
    OBIS_IMPORT + " start", OBIS_IMPORT + " end", OBIS_EXPORT + " start", OBIS_EXPORT + " end",
    OBIS_IMPORT_INTERVAL, OBIS_EXPORT_INTERVAL, "flag", "aemo", "espi", "ieee2030.5", "entry", "config",
)  # fmt: skip
_METHOD = "difference of the registers at both ends, each rounded down to 1 Wh"


def _head(stretch: Stretch) -> Iterator[str]:
    yield "# gateway: %s" % stretch.gateway
    yield "# park: %s" % one_line(stretch.park)
    yield "# stretch: %s, intervals [start, end) in UTC, registers and energy in kWh" % stretch.name
    yield "# method: %s" % _METHOD
    for terms in stretch.terms:
        yield "# config: entry %d sha256 %s" % (terms.sequence, terms.digest)


def _ends(register: Register) -> list[str]:
    return ["" if wh is None else kwh(wh) for wh in register]


def csv_file(stretch: Stretch) -> Iterator[bytes]:
    """Yield the file of a stretch, UTF-8 with a comment of lines that begin with # at its head."""
    yield "".join(line + "\n" for line in _head(stretch)).encode()
    yield _line(COLUMNS)
    for row, account in stretch.accounts():
        for one in point_intervals(row.terms, account):
            quality = quality_of(one.energy.flag)
            yield _line(
                (
                    utc(account.start_s), utc(account.end_s), one.point.name, one.point.meter,
                    *_ends(one.imported), *_ends(one.exported),
                    kwh(one.energy.import_wh), kwh(one.energy.export_wh),
                    one.energy.flag, quality.aemo, quality.espi, quality.ieee, row.sequence, row.terms.sequence,
                )
            )  # fmt: skip


def _line(fields: tuple[object, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(fields)
    return out.getvalue().encode()
