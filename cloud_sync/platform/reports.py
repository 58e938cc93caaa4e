"""Reports: the figures of a gateway for a period, read from the ledger's tables as plain dictionaries.

Every figure is a whole number (Wh, ug, parts per million). Nothing here writes, waits or knows a language.
"""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from gateway.core.account.trace import FLOW, METHODS, SELF_USE

MILLION = 1_000_000
CONSUMERS = ("load", "own_use", "generation")  # what a generator draws is its own use
UNMETERED = "unmetered:"
BINS_MAX = 96  # a day curve in quarter hours; more columns cannot be told apart on a phone
BIN_STEPS_S = (60, 300, 600, 900, 1800, 3600)
RECENT_S = 3 * 3600  # a self-use period of an hour that closed lately lies inside
INTERVALS_MAX = 1500  # one day of one-minute intervals

# Of a tally: some of its time is not known well enough to say in which hour its energy flowed.
UNPLACED = (
    "EXISTS (SELECT 1 FROM interval AS dim WHERE dim.gateway = tally.gateway AND dim.placed < 1"
    " AND dim.start_s < tally.end_s AND dim.end_s > tally.start_s)"
)

Figures = dict[str, Any]


class Period(NamedTuple):
    """A stretch of time [start_s, end_s) that figures are asked for."""

    start_s: int
    end_s: int


class Reads(Protocol):
    """What the reports need of a ledger."""

    def read(self, question: str, parameters: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Return all rows of an SQL *question*."""


def rows(ledger: Reads, question: str, *values: object) -> list[Figures]:
    """Return the answer to *question* as dictionaries."""
    return [dict(row) for row in ledger.read(question, values)]


def ppm(part: int, whole: int) -> int | None:
    """Return part of whole in parts per million, rounded down; None where there is no whole."""
    return part * MILLION // whole if whole else None


def points(ledger: Reads, gateway: str) -> dict[str, Figures]:
    """Return the meter points of *gateway* by name."""
    found = rows(ledger, "SELECT name, role, busbar, to_busbar, origin FROM point WHERE gateway = ?", gateway)
    return {point["name"]: point for point in found}


def last_interval(ledger: Reads, gateway: str) -> Period | None:
    """Return the interval of *gateway* that ended last, of those that have their account, if there is one."""
    query = (
        "SELECT start_s, end_s FROM interval WHERE gateway = ? AND account IS NOT NULL ORDER BY start_s DESC LIMIT 1"
    )
    found = rows(ledger, query, gateway)
    return Period(found[0]["start_s"], found[0]["end_s"]) if found else None


def last_self_use(ledger: Reads, gateway: str, within: Period) -> Period | None:
    """Return the newest period closed by 688-hourly that ends no later than *within* does."""
    question = "SELECT start_s, end_s FROM self_use WHERE gateway = ? AND end_s <= ? ORDER BY start_s DESC LIMIT 1"
    found = rows(ledger, question, gateway, within.end_s)
    return Period(found[0]["start_s"], found[0]["end_s"]) if found else None


def choices(ledger: Reads, gateway: str) -> Figures:
    """Return the trace methods and factor sets with which *gateway* tallies."""
    query = "SELECT DISTINCT method, factor_set FROM tally WHERE gateway = ? AND start_s >= ?"
    last = last_interval(ledger, gateway)
    recent_s = last.start_s - RECENT_S if last else 0
    found = rows(ledger, query, gateway, recent_s)
    methods = {row["method"] for row in found}
    return {
        "methods": [method for method in (FLOW, SELF_USE) if method in methods] + sorted(methods - set(METHODS)),
        "factor_sets": sorted({row["factor_set"] for row in found}),
    }


def energies(ledger: Reads, gateway: str, period: Period) -> list[Figures]:
    """Return what each meter point imported and exported in *period*, with the flags met."""
    query = (
        "SELECT meter_point, sum(import_wh) AS import_wh, sum(export_wh) AS export_wh,"
        " group_concat(DISTINCT flag) AS flags"
        " FROM energy WHERE gateway = ? AND start_s >= ? AND end_s <= ? GROUP BY meter_point ORDER BY meter_point"
    )
    known = points(ledger, gateway)
    found = rows(ledger, query, gateway, *period)
    for row in found:
        row["flags"] = "".join(sorted(set((row["flags"] or "").replace(",", ""))))
        point = known.get(row["meter_point"], {})
        row["role"], row["origin"], row["busbar"] = (point.get(key, "") for key in ("role", "origin", "busbar"))
        row["to_busbar"] = point.get("to_busbar", "")
    return found


def unplaced(ledger: Reads, gateways: list[str], period: Period) -> int:
    """Return how many intervals of *period* say a time that is not known well enough for claims by the hour."""
    question = "SELECT count(*) AS n FROM interval WHERE gateway = ? AND start_s >= ? AND end_s <= ? AND placed < 1"
    return sum(rows(ledger, question, gateway, *period)[0]["n"] for gateway in gateways)


def balance(ledger: Reads, gateway: str, period: Period) -> Figures:
    """Return the energy of *period* by use: consumption, generation by origin, grid, storage."""
    found = energies(ledger, gateway, period)

    def total(column: str, *roles: str) -> int:
        return sum(row[column] for row in found if row["role"] in roles)

    generation: dict[str, int] = {}
    for row in found:
        if row["role"] == "generation":
            generation[row["origin"]] = generation.get(row["origin"], 0) + row["export_wh"]
    return {
        "consumption_wh": total("import_wh", *CONSUMERS),
        "generation_wh": sum(generation.values()),
        "generation": [{"origin": origin, "wh": generation[origin]} for origin in sorted(generation)],
        "grid_import_wh": total("import_wh", "intake"),
        "grid_export_wh": total("export_wh", "intake"),
        "charge_wh": total("import_wh", "storage"),
        "discharge_wh": total("export_wh", "storage"),
        "flagged": [{"meter_point": row["meter_point"], "flags": row["flags"]} for row in found if row["flags"]],
    }


def tallies(ledger: Reads, gateway: str, period: Period, method: str, factor_set: str) -> Figures:
    """Return energy, green share and carbon of each consumer in *period*, and of all of them together."""
    where = "gateway = ? AND start_s >= ? AND end_s <= ? AND method = ? AND factor_set = ?"
    chosen = (gateway, *period, method, factor_set)
    sums = rows(
        ledger,
        "SELECT meter_point, sum(wh) AS wh, sum(green_wh) AS green_wh, sum(carbon_ug) AS carbon_ug,"
        f" min(start_s) AS first_s, max(end_s) AS last_s, group_concat(DISTINCT factors) AS factors"
        f" FROM tally WHERE {where} GROUP BY meter_point ORDER BY meter_point",
        *chosen,
    )
    origins = rows(
        ledger,
        "SELECT meter_point, part.key AS origin, sum(part.value) AS wh"
        f" FROM tally, json_each(tally.by_origin) AS part WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2",
        *chosen,
    )
    known = points(ledger, gateway)
    by_point: dict[str, list[Figures]] = {}
    for row in origins:
        by_point.setdefault(row["meter_point"], []).append({"origin": row["origin"], "wh": row["wh"]})
    loads = []
    for row in sums:
        point = known.get(row["meter_point"], {})
        if point.get("role") not in CONSUMERS:
            continue
        row["role"], row["busbar"] = point["role"], point["busbar"]
        row["green_ppm"] = ppm(row["green_wh"], row["wh"])
        row["factors"] = sorted({name for part in _lists(row["factors"]) for name in part})
        row["by_origin"] = by_point.get(row["meter_point"], [])
        loads.append(row)
    total: Figures = {name: sum(row[name] for row in loads) for name in ("wh", "green_wh", "carbon_ug")}
    total["green_ppm"] = ppm(total["green_wh"], total["wh"])
    covered = Period(min(row["first_s"] for row in loads), max(row["last_s"] for row in loads)) if loads else None
    return {
        "method": method,
        "factor_set": factor_set,
        "covers": covered._asdict() if covered else None,
        "loads": [{key: row[key] for key in row if key not in ("first_s", "last_s")} for row in loads],
        "total": total,
    }


def _lists(joined: str) -> list[list[str]]:
    """Return the JSON lists that SQL put together."""
    found: list[list[str]] = json.loads("[" + joined + "]")
    return found


def flow(ledger: Reads, gateway: str, period: Period) -> Figures:
    """Return which source fed which sink in *period*, with each busbar's residual as a sink of its own."""
    fed = rows(
        ledger,
        "SELECT source, sink, sum(wh) AS wh FROM allocation WHERE gateway = ? AND start_s >= ? AND end_s <= ?"
        " AND method = ? GROUP BY source, sink HAVING sum(wh) > 0 ORDER BY source, sink",
        gateway, *period, FLOW,
    )  # fmt: skip
    lost = rows(
        ledger,
        "SELECT busbar, source, sum(wh) AS wh FROM residual WHERE gateway = ? AND start_s >= ? AND end_s <= ?"
        " GROUP BY busbar, source HAVING sum(wh) <> 0 ORDER BY busbar, source",
        gateway, *period,
    )  # fmt: skip
    known = points(ledger, gateway)
    nodes: dict[str, Figures] = {}
    links = []

    def node(side: str, name: str, role: str, origin: str, wh: int) -> str:
        key = f"{side}:{name}"
        nodes.setdefault(key, {"id": key, "side": side, "name": name, "role": role, "origin": origin, "wh": 0})
        nodes[key]["wh"] += wh
        return key

    def source(name: str, wh: int) -> str:
        point = known.get(name, {})
        if name.startswith(UNMETERED):
            return node("source", name, "unmetered", "unmetered", wh)
        role = point.get("role", "")
        return node("source", name, role, "storage" if role == "storage" else point.get("origin") or "unknown", wh)

    for row in fed:
        sink = node("sink", row["sink"], known.get(row["sink"], {}).get("role", ""), "", row["wh"])
        links.append({"from": source(row["source"], row["wh"]), "to": sink, "wh": row["wh"]})
    for row in lost:
        sink = node("residual", row["busbar"], "residual", "", row["wh"])
        links.append({"from": source(row["source"], row["wh"]), "to": sink, "wh": row["wh"]})
    return {"method": FLOW, "nodes": list(nodes.values()), "links": links}


def residuals(ledger: Reads, gateway: str, period: Period) -> list[Figures]:
    """Return for each busbar what went in, what was seen to go out, and what is missing on either side."""
    bars: dict[str, Figures] = {}

    def bar(name: str) -> Figures:
        return bars.setdefault(
            name, {"busbar": name, "in_wh": 0, "out_wh": 0, "residual_wh": 0, "unmetered_wh": 0, "by_source": []}
        )

    for row in energies(ledger, gateway, period):
        # Import of a grid intake goes into its busbar; import of anything else is taken out of it.
        given, taken = row["export_wh"], row["import_wh"]
        if row["role"] == "intake":
            given, taken = taken, given
        if row["busbar"]:
            bar(row["busbar"])["in_wh"] += given
            bar(row["busbar"])["out_wh"] += taken
        if row["role"] == "tie" and row["to_busbar"]:
            bar(row["to_busbar"])["in_wh"] += taken
            bar(row["to_busbar"])["out_wh"] += given
    query = (
        "SELECT busbar, source, sum(wh) AS wh FROM residual WHERE gateway = ? AND start_s >= ? AND end_s <= ?"
        " GROUP BY busbar, source ORDER BY busbar, source"
    )
    for row in rows(ledger, query, gateway, *period):
        bar(row["busbar"])["residual_wh"] += row["wh"]
        bar(row["busbar"])["by_source"].append({"source": row["source"], "wh": row["wh"]})
    query = (
        "SELECT source, sum(wh) AS wh FROM allocation WHERE gateway = ? AND start_s >= ? AND end_s <= ? AND method = ?"
        " AND source LIKE 'unmetered:%' GROUP BY source"
    )
    unmetered = {row["source"]: row["wh"] for row in rows(ledger, query, gateway, *period, FLOW)}
    for source, wh in sorted(unmetered.items()):
        bar(source.removeprefix(UNMETERED))["unmetered_wh"] += wh
    for one in bars.values():
        one["residual_ppm"] = ppm(one["residual_wh"], one["in_wh"])
    return [bars[name] for name in sorted(bars)]


def storage(ledger: Reads, gateway: str) -> list[Figures]:
    """Return what each storage holds by origin, at the end of its last account."""
    query = (
        "SELECT storage, origin, wh, end_s FROM pool WHERE gateway = ?1 AND start_s ="
        " (SELECT max(start_s) FROM pool WHERE gateway = ?1) ORDER BY storage, origin"
    )
    held: dict[str, Figures] = {}
    for row in rows(ledger, query, gateway):
        one = held.setdefault(row["storage"], {"storage": row["storage"], "at_s": row["end_s"], "wh": 0, "content": []})
        one["wh"] += row["wh"]
        one["content"].append({"origin": row["origin"], "wh": row["wh"]})
    return list(held.values())


def intervals(ledger: Reads, gateway: str, period: Period) -> list[Figures]:
    """Return the intervals of *period*, newest first: when, where in the chain, how complete, which root."""
    query = (
        "SELECT start_s, end_s, sequence, complete_ppm, root FROM interval"
        " WHERE gateway = ? AND start_s >= ? AND end_s <= ? ORDER BY start_s DESC LIMIT ?"
    )
    found = rows(ledger, query, gateway, *period, INTERVALS_MAX)
    for row in found:
        row["root"] = bytes(row["root"]).hex()
    return found


def curve(ledger: Reads, gateway: str, period: Period, factor_set: str) -> Figures:
    """Return consumption by origin over *period*, in as many equal steps as can be told apart."""
    spread = rows(
        ledger,
        "SELECT min(start_s) AS first_s, max(end_s) AS last_s, min(end_s - start_s) AS least_s FROM interval"
        " WHERE gateway = ? AND start_s >= ? AND end_s <= ?",
        gateway, *period,
    )[0]  # fmt: skip
    if spread["first_s"] is None:
        return {"step_s": None, "steps": []}
    span_s = spread["last_s"] - spread["first_s"]
    fitting = [step for step in BIN_STEPS_S if step >= spread["least_s"] and span_s <= step * BINS_MAX]
    step_s = fitting[0] if fitting else max(BIN_STEPS_S)
    query = (
        "SELECT (start_s - ?1) / ?2 AS step, part.key AS origin,"
        " sum(part.value) AS wh FROM tally JOIN point ON point.gateway = tally.gateway"
        " AND point.name = tally.meter_point, json_each(tally.by_origin) AS part"
        " WHERE tally.gateway = ?3 AND start_s >= ?4 AND end_s <= ?5 AND method = ?6 AND factor_set = ?7"
        " AND point.role IN ('load', 'own_use', 'generation') GROUP BY 1, 2 ORDER BY 1, 2"
    )
    found = rows(ledger, query, period.start_s, step_s, gateway, *period, FLOW, factor_set)
    return {"step_s": step_s, "steps": _by_step(found, period.start_s, step_s)}


def _by_step(found: Iterable[Figures], start_s: int, step_s: int) -> list[Figures]:
    steps: dict[int, Figures] = {}
    for row in found:
        begin_s = start_s + row["step"] * step_s
        one = steps.setdefault(begin_s, {"start_s": begin_s, "end_s": begin_s + step_s, "by_origin": []})
        one["by_origin"].append({"origin": row["origin"], "wh": row["wh"]})
    return list(steps.values())
