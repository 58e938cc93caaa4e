"""The projection: accepted entries, opened and laid out in tables for the page, the reports and `show`.

Entries are projected in the order in which their chains grew without a hole, each exactly once, inside the
transaction that accepts them. What an entry says never stops acceptance: a body that cannot be read becomes a
row of `unread`, a second account of time already counted becomes a row of `conflict`, and neither counts.
"""

import json
import sqlite3
import tomllib

from cloud_sync.core.canonical import decode
from cloud_sync.platform.anchors import lay_anchor, placed
from cloud_sync.platform.bounds import check, check_names, check_site
from cloud_sync.platform.live import project_readings
from cloud_sync.platform.place import Place
from gateway.core import record as records
from gateway.core.account.basis import Basis
from gateway.core.account.interval import Energy, Span
from gateway.core.account.tally import Tally
from gateway.core.account.trace import FLOW, SELF_USE, Allocation
from gateway.core.flag import MOVED

# What a hostile or strange body may raise while it is opened and laid out; the disk's own errors are not among them.
UNREADABLE = (
    ValueError,  # also CanonicalError, RecordError, BoundsError, tomllib.TOMLDecodeError
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    RecursionError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
)
REASON_LENGTH_MAX = 200  # characters; a reason is for people


class ConflictError(Exception):
    """A record is about time that is already counted, or amends what is not there."""

    def __init__(self, kind: str, start_s: int, end_s: int, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.start_s, self.end_s, self.reason = kind, start_s, end_s, reason


def project(place: Place, body: bytes) -> None:
    """Lay out one entry; never raises for what the body says."""
    tables = place.tables
    tables.execute("SAVEPOINT entry")
    try:
        record = record_of(body)
        check(record)
        _lay_out(place, record)
        _note_time(place, record)
    except ConflictError as conflict:
        tables.execute("ROLLBACK TO entry")
        _conflict(place, place.sequence, place.incarnation, conflict)
    except UNREADABLE as error:
        tables.execute("ROLLBACK TO entry")
        reason = f"{type(error).__name__}: {error}"[:REASON_LENGTH_MAX]
        reason = reason.encode("utf-8", "backslashreplace").decode()
        place.write("INSERT INTO unread VALUES (?, ?, ?, ?)", place.incarnation, place.sequence, reason)
    tables.execute("RELEASE entry")


def record_of(body: bytes) -> tuple[object, ...]:
    """Return the record in *body*; raises one of UNREADABLE where there is none."""
    value = decode(body)
    if not isinstance(value, dict):
        raise records.RecordError("a body is no map")
    return records.from_map(value)


def _lay_out(place: Place, record: tuple[object, ...]) -> None:
    if isinstance(record, records.Config):
        _config(place, record)
    elif isinstance(record, records.Event):
        details = json.dumps(dict(record.details), ensure_ascii=False)
        place.write(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
            *(place.incarnation, place.sequence, record.stamp.utc_ms, record.code, details),
        )
    elif isinstance(record, records.Declaration):
        said = {**dict(record.values), "subject": record.subject, "by": record.by, "reason": record.reason}
        details = json.dumps({**said, "at_ms": str(record.at_ms)}, ensure_ascii=False)
        place.write(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
            *(place.incarnation, place.sequence, record.stamp.utc_ms, "declared-" + record.what, details),
        )
    elif isinstance(record, records.Readings):
        project_readings(place, record)
    elif isinstance(record, records.Interval):
        _interval(place, record)
    elif isinstance(record, records.Account):
        _account(place, record)
    elif isinstance(record, records.SelfUse):
        lay_period(place, record)
    elif isinstance(record, records.Amendment):
        _amendment(place, record)
    elif isinstance(record, records.KeyChange):
        details = json.dumps({"old": record.old_kid.hex(), "new": record.new_kid.hex()})
        place.write(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
            *(place.incarnation, place.sequence, record.stamp.utc_ms, "key-changed", details),
        )
    elif isinstance(record, records.Checkpoint):
        place.write(
            "INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(place.incarnation, place.sequence, record.stamp.utc_ms, record.size, record.root, record.cosigned),
        )
    elif isinstance(record, records.ParameterChange):
        said = {"by": record.by, "reason": record.reason}
        said.update((what, "%s -> %s" % (before, after)) for what, before, after in record.changes)
        place.write(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
            *(place.incarnation, place.sequence, record.stamp.utc_ms, "parameter-change"),
            json.dumps(said, ensure_ascii=False),
        )
    elif isinstance(record, records.TimeAnchor):
        lay_anchor(place, record)
    else:
        assert isinstance(record, records.ReceiptSeen)  # the platform's own receipts are in `receipt` already


def _note_time(place: Place, record: tuple[object, ...]) -> None:
    stamp = record[0]
    assert isinstance(stamp, records.Stamp)
    place.write(
        "INSERT INTO run VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_ms = max(last_ms, excluded.last_ms)",
        *(place.incarnation, stamp.utc_ms, stamp.utc_ms),
    )


def _config(place: Place, config: records.Config) -> None:
    check_site(config.site)
    site = tomllib.loads(config.site)
    head = site.get("gateway", {})
    check_names(head.get("park", ""), head.get("province", ""), *head.get("factor_sets", []))
    channels = json.dumps(config.channels, ensure_ascii=False)
    place.write(
        "INSERT INTO config VALUES (?, ?, ?, ?, ?, ?)",
        *(place.incarnation, place.sequence, config.stamp.utc_ms, config.site, channels),
    )
    place.write("UPDATE point SET current = 0 WHERE gateway = ?")
    for point in site.get("meter_point", []):
        texts = [point[key] for key in ("name", "role", "meter", "busbar")]
        texts += [point.get(key, "") for key in ("to_busbar", "origin")]
        check_names(*texts)
        place.write("INSERT OR REPLACE INTO point VALUES (?, ?, ?, ?, ?, ?, ?, 1)", *texts)


def _conflict(place: Place, sequence: int, incarnation: bytes, conflict: ConflictError) -> None:
    place.write(
        "INSERT INTO conflict VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(incarnation, sequence, conflict.start_s, conflict.end_s, conflict.kind, conflict.reason),
    )


def _interval(place: Place, interval: records.Interval) -> None:
    start_s, end_s = interval.start_s, interval.end_s
    # No two that are kept overlap, so only the last one that starts before this one ends can overlap it.
    other = place.first("SELECT * FROM interval WHERE gateway = ? AND start_s < ? ORDER BY start_s DESC LIMIT 1", end_s)
    if other is not None and other["end_s"] > start_s:
        if other["account"] is not None or (other["start_s"], other["end_s"]) != (start_s, end_s):
            raise ConflictError("interval", start_s, end_s, "this time is already counted")
        # The first one never got its account (the card was set back between them), so nothing of it was counted.
        place.write("DELETE FROM interval WHERE gateway = ? AND start_s = ?", start_s)
        unfinished = ConflictError("interval", start_s, end_s, "its account never came; a later one took its place")
        _conflict(place, other["sequence"], other["incarnation"], unfinished)
    place.write(
        "INSERT INTO interval VALUES (?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(start_s, end_s, place.incarnation, place.sequence, interval.complete_ppm, interval.root),
        *(*interval.stamp, placed(place, interval.stamp)),
    )


def _account(place: Place, account: records.Account) -> None:
    start_s, end_s = account.start_s, account.end_s
    interval = place.first("SELECT * FROM interval WHERE gateway = ? AND start_s = ?", start_s)
    if interval is None or interval["end_s"] != end_s:
        raise ConflictError("account", start_s, end_s, "no interval was closed for it")
    if interval["account"] is not None:
        raise ConflictError("account", start_s, end_s, "this time is already counted")
    if interval["incarnation"] != place.incarnation_of(interval["sequence"]):
        raise ConflictError("account", start_s, end_s, "its interval is of another chain")
    place.write("UPDATE interval SET account = ?3 WHERE gateway = ?1 AND start_s = ?2", start_s, place.sequence)
    _spans(place, start_s, end_s, account.spans)
    lay_figures(place, account)


def lay_figures(place: Place, record: records.Account | records.Amendment) -> None:
    """Lay out the energies, trace, tallies and storage content of an interval."""
    start_s, end_s = record.start_s, record.end_s
    _energies(place, start_s, end_s, record.energies)
    _allocations(place, start_s, end_s, record.allocations)
    for residual in record.residuals:
        place.write("INSERT INTO residual VALUES (?, ?, ?, ?, ?, ?)", start_s, end_s, *residual)
    _tallies(place, start_s, end_s, record.tallies)
    _basis(place, start_s, end_s, FLOW, record.basis)
    for pool in record.pools_after:
        for origin, wh in pool.content:
            place.write("INSERT INTO pool VALUES (?, ?, ?, ?, ?, ?)", start_s, end_s, pool.storage, origin, wh)


def _spans(place: Place, start_s: int, end_s: int, spans: tuple[Span, ...]) -> None:
    if any(MOVED in span.flag for span in spans):
        place.write("UPDATE interval SET placed = -1 WHERE gateway = ? AND start_s = ?", start_s)
    for span in spans:
        place.write(
            "INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(start_s, end_s, span.meter, span.quantity),
            *(json.dumps(span.start_words), span.start_ms, json.dumps(span.end_words), span.end_ms),
            *(span.part, span.parts, span.energy_wh, span.flag),
        )


def _energies(place: Place, start_s: int, end_s: int, energies: tuple[Energy, ...]) -> None:
    for energy in energies:
        place.write("INSERT INTO energy VALUES (?, ?, ?, ?, ?, ?, ?)", start_s, end_s, *energy)


def _allocations(place: Place, start_s: int, end_s: int, allocations: tuple[Allocation, ...]) -> None:
    for allocation in allocations:
        place.write("INSERT INTO allocation VALUES (?, ?, ?, ?, ?, ?, ?)", start_s, end_s, *allocation)


def _tallies(place: Place, start_s: int, end_s: int, tallies: tuple[Tally, ...]) -> None:
    for tally in tallies:
        by_origin = json.dumps(dict(tally.by_origin), ensure_ascii=False, sort_keys=True)
        place.write(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(start_s, end_s, tally.method, tally.factor_set, tally.meter_point),
            *(tally.wh, tally.green_wh, tally.carbon_ug, by_origin, json.dumps(tally.factors, ensure_ascii=False)),
        )


def _basis(place: Place, start_s: int, end_s: int, method: str, basis: Basis) -> None:
    switches, entries = json.dumps(basis.switches, ensure_ascii=False), json.dumps(basis.entries)
    place.write(
        "INSERT INTO basis VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(start_s, end_s, method, switches, basis.configuration.hex(), entries),
    )


def lay_period(place: Place, period: records.SelfUse) -> None:
    """Lay out the trace and tallies of a period by the published self-use method."""
    start_s, end_s = period.start_s, period.end_s
    if period.amends:
        _late_period(place, period)
        return
    other = place.first(
        "SELECT end_s FROM self_use WHERE gateway = ? AND start_s < ? ORDER BY start_s DESC LIMIT 1", end_s
    )
    if other is not None and other["end_s"] > start_s:  # as with intervals, no other one can overlap it
        raise ConflictError("self-use", start_s, end_s, "this time is already counted")
    place.write("INSERT INTO self_use VALUES (?, ?, ?, ?, ?)", start_s, end_s, place.incarnation, place.sequence)
    _lay_period(place, period)


def _late_period(place: Place, period: records.SelfUse) -> None:
    """Put the figures of a period in the place of those it was closed with before late truth came."""
    start_s, end_s = period.start_s, period.end_s
    other = place.first("SELECT * FROM self_use WHERE gateway = ? AND start_s = ?", start_s)
    if (
        other is None
        or (other["end_s"], other["sequence"]) != (end_s, period.amends)
        or other["incarnation"] != place.incarnation_of(period.amends)
    ):
        raise ConflictError("self-use", start_s, end_s, "the period it amends is not the one that is counted")
    place.write(
        "UPDATE self_use SET incarnation = ?3, sequence = ?4 WHERE gateway = ?1 AND start_s = ?2",
        *(start_s, place.incarnation, place.sequence),
    )
    leave(place, start_s, end_s, "allocation", "tally", "basis", method=SELF_USE)
    _lay_period(place, period)


def _lay_period(place: Place, period: records.SelfUse) -> None:
    start_s, end_s = period.start_s, period.end_s
    _allocations(place, start_s, end_s, period.allocations)
    _tallies(place, start_s, end_s, period.tallies)
    _basis(place, start_s, end_s, SELF_USE, period.basis)


def leave(place: Place, start_s: int, end_s: int, *tables: str, method: str | None = None) -> None:
    """Take the rows of an interval or period, by *method* where it is named, out of *tables*."""
    for table in tables:
        sql = "DELETE FROM %s WHERE gateway = ?1 AND start_s = ?2 AND end_s = ?3" % table
        if method is None:
            place.write(sql, start_s, end_s)
        else:
            place.write(sql + " AND method = ?4", start_s, end_s, method)


def _amendment(place: Place, amendment: records.Amendment) -> None:
    start_s, end_s = amendment.start_s, amendment.end_s
    interval = place.first("SELECT * FROM interval WHERE gateway = ? AND start_s = ?", start_s)
    if (
        interval is None
        or (interval["end_s"], interval["account"]) != (end_s, amendment.amends)
        or interval["incarnation"] != place.incarnation_of(amendment.amends)
    ):
        raise ConflictError("amendment", start_s, end_s, "the account it amends is not the one that is counted")
    for energy in amendment.energies:
        place.write(
            "INSERT INTO amended SELECT gateway, start_s, end_s, meter_point, ?4, ?5, import_wh, export_wh, flag"
            " FROM energy WHERE gateway = ?1 AND start_s = ?2 AND meter_point = ?3"
            " AND (import_wh, export_wh, flag) <> (?6, ?7, ?8)",
            *(start_s, energy.meter_point, place.sequence, place.incarnation, *energy[1:]),
        )
    leave(place, start_s, end_s, "energy", "residual", "pool")
    leave(place, start_s, end_s, "allocation", "tally", "basis", method=FLOW)
    lay_figures(place, amendment)
    for span in amendment.spans:
        place.write(
            "DELETE FROM span WHERE gateway = ? AND start_s = ? AND meter = ? AND quantity = ?",
            *(start_s, span.meter, span.quantity),
        )
    _spans(place, start_s, end_s, amendment.spans)
