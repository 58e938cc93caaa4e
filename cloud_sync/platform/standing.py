"""Standing: how each gateway stands now: its park, its chain, its receipts, its live power, what is missing."""

import tomllib
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cloud_sync.platform.early import newest_early
from cloud_sync.platform.reports import (
    MILLION,
    UNPLACED,
    Figures,
    Period,
    Reads,
    last_interval,
    ppm,
    rows,
    unplaced,
)
from gateway.core.account.trace import SELF_USE

POWER = "active_power_total"
LOADS = ("load", "own_use")
PHASE_POWERS = ("active_power_l1", "active_power_l2", "active_power_l3")
HOUR_S = 3600
MISSING_MAX = 50  # stretches of missing time shown; a day with more has a fault of another kind
LATE_S = 300  # readings come every minute or so; a batch may wait for the line


def day_of(zone: ZoneInfo, moment_s: int) -> str:
    """Return the park's local day at *moment_s* as YYYY-MM-DD."""
    return datetime.fromtimestamp(moment_s, zone).date().isoformat()


def day_period(zone: ZoneInfo, day: str) -> Period:
    """Return the park's local *day* (YYYY-MM-DD) as a period of UTC seconds; raises ValueError where it is none."""
    date = datetime.strptime(day, "%Y-%m-%d").date()
    begins = datetime.combine(date, time(), zone)
    ends = datetime.combine(date + timedelta(days=1), time(), zone)
    return Period(int(begins.timestamp()), int(ends.timestamp()))


def gateways(ledger: Reads) -> list[str]:
    """Return the names of all gateways that are enrolled or were heard."""
    found = rows(ledger, "SELECT name FROM gateway UNION SELECT gateway FROM chain ORDER BY 1")
    return [row["name"] for row in found]


def site(ledger: Reads, gateway: str) -> Figures:
    """Return the newest applied configuration of *gateway* as a plain map; empty before the first."""
    question = (
        "SELECT site FROM config CROSS JOIN entry USING (gateway, incarnation, sequence)"
        " WHERE gateway = ? ORDER BY projected DESC LIMIT 1"
    )
    found = rows(ledger, question, gateway)
    return _site_of(found[0]["site"]) if found else {}


@lru_cache(maxsize=64)
def _site_of(text: str) -> Figures:
    return tomllib.loads(text)


def overview(ledger: Reads, gateway: str) -> Figures:
    """Return who *gateway* is, how its chain stands, and when it was last heard, read and receipted."""
    last = last_interval(ledger, gateway)
    receipts = rows(
        ledger,
        "SELECT through_sequence, at_ms FROM chain JOIN receipt USING (gateway, incarnation) WHERE gateway = ?"
        " AND through_sequence = (SELECT max(other.through_sequence) FROM receipt AS other"
        "   WHERE other.gateway = chain.gateway AND other.incarnation = chain.incarnation)"
        " ORDER BY opened DESC LIMIT 1",
        gateway,
    )
    live = rows(ledger, "SELECT max(at_ms) AS at_ms FROM live WHERE gateway = ?", gateway)
    newest = rows(
        ledger,
        "SELECT start_s, end_s, sequence, complete_ppm, root FROM interval WHERE gateway = ?"
        " AND account IS NOT NULL ORDER BY start_s DESC LIMIT 1",
        gateway,
    )
    for row in newest:
        row["root"] = bytes(row["root"]).hex()
    configured = site(ledger, gateway).get("gateway", {})
    return {
        "gateway": gateway,
        "park": configured.get("park", ""),
        "province": configured.get("province", ""),
        "configured": bool(configured),
        "chain": chain(ledger, gateway),
        "receipt": receipts[0] if receipts else None,
        "readings_at_ms": live[0]["at_ms"],
        "interval": newest[0] if last else None,
        "early": newest_early(ledger, gateway),
    }


def chain(ledger: Reads, gateway: str) -> Figures:
    """Return the state of the gateway's chain: "empty", "whole", "gap" (entries awaited), "branch" or "clone"."""
    question = (
        "SELECT first_sequence, head_sequence, head_link, branch FROM chain WHERE gateway = ?"
        " ORDER BY head_sequence DESC, opened DESC"
    )
    found = rows(ledger, question, gateway)
    counted = rows(
        ledger,
        "SELECT (SELECT count(*) FROM held WHERE gateway = ?1) AS held,"
        " (SELECT total(last_sequence - first_sequence + 1) FROM hole WHERE gateway = ?1) AS left_out,"
        " (SELECT count(*) FROM conflict WHERE gateway = ?1) AS conflicts,"
        " (SELECT count(*) FROM set_aside WHERE gateway = ?1) AS refused,"
        " (SELECT count(*) FROM unread WHERE gateway = ?1) AS unread,"
        " (SELECT max(size) FROM cosigned WHERE gateway = ?1) AS cosigned,"
        " (SELECT count(*) FROM contradiction CROSS JOIN entry USING (gateway, incarnation, sequence)"
        " WHERE gateway = ?1 AND projected > (SELECT ifnull(max(projected), 0) FROM clearance WHERE gateway = ?1))"
        " AS contradictions",
        gateway,
    )[0]
    state = "whole" if found else "empty"
    if counted["held"]:
        state = "gap"
    if any(row["branch"] for row in found):
        state = "branch"
    if rows(ledger, "SELECT 1 FROM clone WHERE gateway = ?", gateway):
        state = "clone"
    return {
        "state": state,
        "starts": len(found),
        "entries": sum(max(0, row["head_sequence"] - row["first_sequence"] + 1) for row in found),
        "head_sequence": found[0]["head_sequence"] if found else None,
        "head_link": bytes(found[0]["head_link"]).hex() if found else None,
        **{name: int(number or 0) for name, number in counted.items()},
    }


def live(ledger: Reads, gateway: str, now_s: int) -> Figures:
    """Return the newest power of every meter point, as sources and loads, in W."""
    values: dict[str, dict[str, Figures]] = {}
    for row in rows(ledger, "SELECT meter, quantity, at_ms, value FROM live WHERE gateway = ?", gateway):
        values.setdefault(row["meter"], {})[row["quantity"]] = row
    turned = {point["name"] for point in site(ledger, gateway).get("meter_point", []) if point.get("reversed")}
    question = "SELECT name, role, meter, busbar, origin FROM point WHERE gateway = ? AND current = 1 ORDER BY name"
    sources: list[Figures] = []
    loads: list[Figures] = []
    silent: list[str] = []
    for point in rows(ledger, question, gateway):
        if point["role"] == "tie":
            continue
        name, meter = point["name"], values.get(point.pop("meter"), {})
        taken = [meter[POWER]] if POWER in meter else [meter[phase] for phase in PHASE_POWERS if phase in meter]
        if len(taken) not in (1, len(PHASE_POWERS)):
            silent.append(name)
            continue
        import_w = sum(one["value"] for one in taken) * (-1 if name in turned else 1)
        # An intake imports from the grid, which is a source for the park; what others import is used.
        given_w = import_w if point["role"] == "intake" else -import_w
        point["at_ms"] = min(one["at_ms"] for one in taken)
        point["late"] = point["at_ms"] < (now_s - LATE_S) * 1000
        gives = given_w > 0 or (given_w == 0 and point["role"] not in LOADS)
        point["power_w"] = given_w if gives else -given_w
        if point["role"] == "storage":
            point["origin"] = "storage"
        (sources if gives else loads).append(point)
    return {
        "sources": sources,
        "loads": loads,
        "silent": silent,
        "sources_w": sum(point["power_w"] for point in sources),
        "loads_w": sum(point["power_w"] for point in loads),
    }


def completeness(ledger: Reads, gateway: str, period: Period, now_s: int) -> Figures:
    """Return how much of what should have come by now has come, by the hour, and the stretches that are missing.

    Time counts from the first interval of the gateway ever, to one interval before now: the newest may be on its way.
    An interval whose account did not come has no energy here, and is missing.
    """
    question = (
        "SELECT start_s, end_s, complete_ppm FROM interval WHERE gateway = ? AND start_s >= ? AND end_s <= ?"
        " AND account IS NOT NULL ORDER BY start_s"
    )
    found = rows(ledger, question, gateway, *period)
    first_s = rows(ledger, "SELECT min(start_s) AS s FROM interval WHERE gateway = ? AND account IS NOT NULL", gateway)[
        0
    ]["s"]
    if first_s is None:
        return {"complete_ppm": None, "received": 0, "hours": [], "missing": [], "missing_s": 0}
    newest = last_interval(ledger, gateway)
    assert newest is not None
    step_s = newest.end_s - newest.start_s
    begin_s = max(period.start_s, first_s)
    end_s = min(period.end_s, max((now_s - step_s) // step_s * step_s, found[-1]["end_s"] if found else 0))
    hours: dict[int, int] = {}
    missing, reached_s = [], begin_s
    for row in [*found, {"start_s": max(end_s, begin_s), "end_s": end_s, "complete_ppm": 0}]:
        if row["start_s"] > reached_s:
            missing.append({"start_s": reached_s, "end_s": row["start_s"]})
        hour_s = row["start_s"] - (row["start_s"] - period.start_s) % HOUR_S
        length_s = max(0, row["end_s"] - row["start_s"])
        hours[hour_s] = hours.get(hour_s, 0) + row["complete_ppm"] * length_s
        reached_s = row["end_s"]
    by_hour = []
    for hour_s in range(period.start_s, period.end_s, HOUR_S):
        due_s = min(hour_s + HOUR_S, end_s) - max(hour_s, begin_s)
        weight = min(hours.get(hour_s, 0), max(0, due_s) * MILLION)
        by_hour.append({"start_s": hour_s, "complete_ppm": weight // due_s if due_s > 0 else None})
    due_s = max(0, end_s - begin_s)
    return {
        "complete_ppm": min(MILLION, sum(hours.values()) // due_s) if due_s else None,
        "received": len(found),
        "hours": by_hour,
        "missing": missing[:MISSING_MAX],
        "missing_s": sum(gap["end_s"] - gap["start_s"] for gap in missing),
    }


def self_use(ledger: Reads, gateway: str, period: Period) -> Figures:
    """Return the shares that the direct-supply rules ask for, over the periods closed by 688-hourly in *period*.

    Self-use is what the users got of it: what it exceeds all consumption by counts as loss, not as self-use. What was
    closed while the time was not known is not claimed as self-use, and its intervals are counted.
    """
    question = (
        "SELECT sum(CASE WHEN point.role = 'generation' THEN export_wh END) AS generation_wh,"
        " sum(CASE WHEN point.role = 'intake' THEN export_wh END) AS export_wh,"
        " min(self_use.start_s) AS start_s, max(self_use.end_s) AS end_s"
        " FROM self_use JOIN energy ON energy.gateway = self_use.gateway AND energy.start_s >= self_use.start_s"
        " AND energy.end_s <= self_use.end_s"
        " JOIN point ON point.gateway = energy.gateway AND point.name = energy.meter_point"
        " WHERE self_use.gateway = ? AND self_use.start_s >= ? AND self_use.end_s <= ?"
    )
    energy = rows(ledger, question, gateway, *period)[0]
    question = (
        f"SELECT sum(wh) AS wh, sum(CASE WHEN {UNPLACED} THEN 0 ELSE green_wh END) AS green_wh"
        " FROM tally JOIN point ON point.gateway = tally.gateway"
        " AND point.name = tally.meter_point AND point.role IN ('load', 'own_use', 'generation')"
        " WHERE tally.gateway = ?1 AND start_s >= ?2 AND end_s <= ?3 AND method = ?4 GROUP BY factor_set LIMIT 1"
    )
    tallied = rows(ledger, question, gateway, *period, SELF_USE)
    if not tallied or energy["start_s"] is None:
        return {"covers": None}
    generation_wh, export_wh = energy["generation_wh"] or 0, energy["export_wh"] or 0
    green_wh, wh = tallied[0]["green_wh"], tallied[0]["wh"]
    return {
        "covers": {"start_s": energy["start_s"], "end_s": energy["end_s"]},
        "self_use_wh": green_wh,
        "generation_wh": generation_wh,
        "consumption_wh": wh,
        "export_wh": export_wh,
        "self_use_of_generation_ppm": ppm(green_wh, generation_wh),
        "self_use_of_consumption_ppm": ppm(green_wh, wh),
        "export_of_generation_ppm": ppm(export_wh, generation_wh),
        "unplaced": unplaced(ledger, [gateway], period),
    }
