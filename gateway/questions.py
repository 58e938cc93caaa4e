"""Questions: what the command line may ask about a gateway, answered from its journal and its memory."""

import json
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from gateway.config import Configuration
from gateway.core.account.trace import FLOW
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.park_day import DAY_S
from gateway.core.problem import ProblemError
from gateway.core.reading import Reading
from gateway.core.record import Account, Event, SelfUse
from gateway.evidence import JournalEvidence
from gateway.explanation import Explanation, explained
from gateway.export import write_export
from gateway.export_as import export_as
from gateway.exports.writing import WPX
from gateway.figures import current, current_account, day_bounds, entry_record, records_of
from gateway.frame import plain_problem
from gateway.journal import Journal
from gateway.journal_file import damaged
from gateway.recorder import Recorder
from gateway.sums import sum_tallies

EVENTS_WITHIN = 20_000  # entries that are looked through for events; some days


def utc_text(at_ms: int) -> str:
    """Return UTC milliseconds as ISO 8601 text."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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


def journal_status(configuration: Configuration, journal: Journal, without_journal: bool = False) -> dict[str, Any]:
    """Return what the journal says about itself; without_journal: what is known of it without asking it."""
    answer: dict[str, Any] = {
        "gateway": configuration.site.gateway,
        "park": configuration.site.park,
        "entries": journal.head_sequence,
        "receipted": None,
        "oldest_unreceipted": None,
        "head": journal.head_link.hex(),
        "set_aside": [],
    }
    if without_journal:
        return answer
    with suppress(sqlite3.Error):  # the disk may be gone; storage_status tells it
        answer["receipted"] = receipted = journal.receipted_through()
        oldest = journal.entries(receipted + 1, receipted + 1)
        answer["oldest_unreceipted"] = oldest[0].sequence if oldest else None
        answer["set_aside"] = [
            {"first": a, "last": b, "refusal": c, "platform": d} for a, b, c, d in journal.set_aside_batches()
        ]
    return answer


def storage_status(recorder: Recorder, without_journal: bool = False) -> dict[str, Any]:
    """Return how the disk does: what the journal takes, how long there is room, and what is held in memory."""
    journal, holding = recorder.journal, recorder.holding
    entries, unreceipted, days_kept, freed = 0, 0, 0.0, 0
    with suppress(sqlite3.Error):
        entries, first_s, freed = journal.kept() if not without_journal else (0, None, 0)
        unreceipted = min(entries, journal.head_sequence - journal.receipted_through())
        if first_s is not None and recorder.settlement.start_s is not None:
            days_kept = (recorder.settlement.start_s - first_s) / DAY_S
    answer = recorder.room.forecast(days_kept, 100 * unreceipted / max(1, entries), freed)
    answer |= recorder.pace.answer(recorder.clock.monotonic_ms()) | {"commits": journal.commits}
    answer["held"] = None
    if holding is not None:
        answer["held"] = {
            "since": utc_text(holding.since_ms),
            "problem": plain_problem(holding.problem),
            "boundaries": holding.boundaries(),
            "boundaries_lost": holding.boundaries_lost,
        }
    return answer


def events_answer(journal: Journal, count: int) -> dict[str, Any]:
    """Return the last events among the newest entries, *count* at most, oldest first."""
    entries = journal.entries(max(1, journal.head_sequence - EVENTS_WITHIN + 1), journal.head_sequence)
    records = [(entry.sequence, entry_record(entry, str(journal.path))) for entry in entries]
    events = [
        {"entry": sequence, "at": utc_text(one.stamp.utc_ms), "code": one.code, "details": dict(one.details)}
        for sequence, one in records
        if isinstance(one, Event)
    ]
    return {"events": events[-count:] if count > 0 else []}


def tally_answer(journal: Journal, day: str) -> dict[str, Any]:
    """Return energy by origin and carbon of every meter point on *day*, by method and factor set."""
    start_s, end_s = day_bounds(day)
    records = [record for _, record in current(records_of(journal, start_s, end_s))]
    intervals = len([record for record in records if isinstance(record, Account)])
    return {"day": day, "intervals": intervals, "tallies": sum_tallies(records)}


def trace_answer(journal: Journal, configuration: Configuration, at_s: int, method: str = FLOW) -> dict[str, Any]:
    """Return who fed whom in the interval (or the period of *method*) that holds *at_s*, or {"found": False}."""
    if method != FLOW:
        return _period_answer(journal, configuration, at_s, method)
    found = current_account(journal, at_s)
    if found is None:
        return {"found": False}
    sequence, record = found
    return {
        "found": True,
        "method": FLOW,
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


def _period_answer(journal: Journal, configuration: Configuration, at_s: int, method: str) -> dict[str, Any]:
    period_s = configuration.site.self_use.period_s
    start_s = at_s // period_s * period_s
    for sequence, record in current(records_of(journal, start_s, start_s + period_s)):
        if isinstance(record, SelfUse) and record.start_s <= at_s < record.end_s:
            return {
                "found": True,
                "method": method,
                "sequence": sequence,
                "start": utc_text(record.start_s * 1000),
                "end": utc_text(record.end_s * 1000),
                "energies": [],
                "allocations": [
                    {"method": a.method, "source": a.source, "sink": a.sink, "wh": a.wh} for a in record.allocations
                ],
                "residuals": [],
            }
    return {"found": False}


def answer_from_journal(configuration: Configuration, journal: Journal, question: dict[str, Any]) -> dict[str, Any]:
    """Answer what the journal alone can answer; raises ProblemError where it is damaged."""
    try:
        return _answer(configuration, journal, question)
    except sqlite3.DatabaseError as error:
        raise ProblemError(damaged(journal.path, error)) from error


def _answer(configuration: Configuration, journal: Journal, question: dict[str, Any]) -> dict[str, Any]:
    kind = question.get("ask")
    if kind == "status":
        return journal_status(configuration, journal)
    if kind == "events":
        return events_answer(journal, int(question["count"]))
    if kind == "tally":
        return tally_answer(journal, str(question["day"]))
    if kind == "trace":
        return trace_answer(journal, configuration, int(question["at_s"]), str(question.get("method", FLOW)))
    if kind == "explain":
        return explained(Explanation(JournalEvidence(str(journal.path), journal)), question)
    if kind == "checkpoint":
        size = journal.last_cosigned()
        note = journal.cosigned_note(size) or b""
        return {"size": size, "note": note.decode("utf-8") or None}
    if kind == "export":
        day, path, form = str(question["day"]), str(question["path"]), str(question.get("format", WPX))
        if form == WPX:
            theirs = question.get("checkpoint")
            return write_export(configuration, journal, day, path, None if theirs is None else int(theirs))
        evidence = JournalEvidence(configuration.site.gateway, journal)
        return export_as(form, evidence, day, path, configuration.home)
    return {"error": "unknown question: " + json.dumps(question.get("ask"))}
