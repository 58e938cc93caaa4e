"""Questions: what the command line may ask about a gateway, answered from its journal and its memory."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from cloud_sync.core.canonical import decode
from gateway.config import Configuration
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.reading import Reading
from gateway.core.record import Account, Amendment, SelfUse, from_map
from gateway.journal import Journal
from gateway.sums import sum_tallies

# Parks of this product count their day in China Standard Time (no daylight saving since 1992).
PARK_TIME = timezone(timedelta(hours=8))


def utc_text(at_ms: int) -> str:
    """Return UTC milliseconds as ISO 8601 text."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_bounds(day: str) -> tuple[int, int]:
    """Return the first and the last UTC second (exclusive) of the park's local *day* ("2026-11-21")."""
    start = datetime.fromisoformat(day).replace(tzinfo=PARK_TIME)
    return int(start.timestamp()), int((start + timedelta(days=1)).timestamp())


def decimal_text(quantity: str, value: int) -> str:
    """Return a value in account units as decimal text in the unit people use."""
    exponent = QUANTITIES[quantity].account_exponent
    sign, digits = ("-" if value < 0 else ""), str(abs(value)).rjust(exponent + 1, "0")
    return sign + (digits[:-exponent] + "." + digits[-exponent:] if exponent else digits)


def readings_answer(latest: list[Reading]) -> dict[str, Any]:
    """Return the latest readings, raw and meant."""
    return {
        "readings": [
            {
                "meter": one.meter,
                "quantity": one.quantity,
                "at": utc_text(one.at_ms),
                "words": ["%04x" % word for word in one.words],
                "value": None if one.value is None else decimal_text(one.quantity, one.value),
                "unit": QUANTITIES[one.quantity].unit,
            }
            for one in sorted(latest)
        ]
    }


def journal_status(configuration: Configuration, journal: Journal) -> dict[str, Any]:
    """Return what the journal says about itself."""
    oldest = journal.entries(journal.receipted_through() + 1, journal.receipted_through() + 1)
    return {
        "gateway": configuration.site.gateway,
        "park": configuration.site.park,
        "entries": journal.head_sequence,
        "receipted": journal.receipted_through(),
        "oldest_unreceipted": oldest[0].sequence if oldest else None,
        "head": journal.head_link.hex(),
        "set_aside": [{"first": a, "last": b, "refusal": c} for a, b, c in journal.set_aside_batches()],
    }


def account_at(journal: Journal, sequence: int) -> tuple[object, ...]:
    """Return the record of entry *sequence*."""
    plain = decode(journal.entries(sequence, sequence)[0].body)
    assert isinstance(plain, dict)
    return from_map(plain)


def records_of(journal: Journal, start_s: int, end_s: int) -> list[tuple[int, tuple[object, ...]]]:
    """Return (sequence, record) of accounts, periods and amendments of intervals that start in [start_s, end_s)."""
    sequences = journal.accounts_between(start_s, end_s)
    if not sequences:
        return []
    found: list[tuple[int, tuple[object, ...]]] = []
    for entry in journal.entries(min(sequences), journal.head_sequence):
        plain = decode(entry.body)
        if not isinstance(plain, dict) or plain[0] not in (5, 6, 7):
            continue
        record = from_map(plain)
        if isinstance(record, (Account, Amendment, SelfUse)) and start_s <= record.start_s < end_s:
            found.append((entry.sequence, record))
    return found


def tally_answer(journal: Journal, day: str) -> dict[str, Any]:
    """Return energy by origin and carbon of every meter point on *day*, by method and factor set."""
    start_s, end_s = day_bounds(day)
    records = [record for _, record in records_of(journal, start_s, end_s)]
    tallies = [one for record in records if isinstance(record, (Account, SelfUse)) for one in record.tallies]
    intervals = len([record for record in records if isinstance(record, Account)])
    return {"day": day, "intervals": intervals, "tallies": sum_tallies(tallies)}


def trace_answer(journal: Journal, configuration: Configuration, at_s: int) -> dict[str, Any]:
    """Return the account of the interval that holds *at_s*, or {"found": False}."""
    start_s = at_s // configuration.site.interval_s * configuration.site.interval_s
    sequence = journal.account_sequence(start_s)
    if not sequence:
        return {"found": False}
    record = account_at(journal, sequence)
    assert isinstance(record, Account)
    return {
        "found": True,
        "sequence": sequence,
        "start": utc_text(record.start_s * 1000),
        "end": utc_text(record.end_s * 1000),
        "energies": [
            {"meter_point": e.meter_point, "import_wh": e.import_wh, "export_wh": e.export_wh, "flag": e.flag}
            for e in record.energies
        ],
        "allocations": [
            {"method": a.method, "source": a.source, "sink": a.sink, "wh": a.wh} for a in record.allocations
        ],
        "residuals": [{"busbar": r.busbar, "source": r.source, "wh": r.wh} for r in record.residuals],
    }


def answer_from_journal(configuration: Configuration, journal: Journal, question: dict[str, Any]) -> dict[str, Any]:
    """Answer what the journal alone can answer."""
    kind = question.get("ask")
    if kind == "tally":
        return tally_answer(journal, str(question["day"]))
    if kind == "trace":
        return trace_answer(journal, configuration, int(question["at_s"]))
    if kind == "export":
        from gateway.export import write_export

        return write_export(configuration, journal, str(question["day"]), str(question["path"]))
    return {"error": "unknown question: " + json.dumps(question.get("ask"))}
