"""The whole park: how the park of several gateways stands, from its composed intervals and from its gateways."""

import json
from collections.abc import Callable

from cloud_sync.platform import standing
from cloud_sync.platform.park import is_park, park_key, plan_of
from cloud_sync.platform.reports import Figures, Period, Reads, rows
from gateway.core.account.composition import full_name
from gateway.core.problem import Problem
from gateway.frame import plain_problem

PERIODS_MAX = 100  # periods that are not whole, shown of a day; a day with more has a fault of another kind
STATES = ("whole", "partial", "refused")
Tell = Callable[[Problem], Figures]
_WORST = ("empty", "clone", "branch", "gap", "whole")  # of the chains of a park's gateways, the worst first


def parks(ledger: Reads) -> list[str]:
    """Return the keys of all parks, under which their figures stand."""
    return [park_key(row["name"]) for row in rows(ledger, "SELECT name FROM park ORDER BY name")]


def gateways_of(ledger: Reads, key: str) -> tuple[str, ...]:
    """Return the gateways of the park *key*."""
    [found] = rows(ledger, "SELECT name, plan FROM park WHERE ? = 'park/' || name", key)
    return plan_of(found["name"], found["plan"]).gateways


def overview(ledger: Reads, key: str, tell: Tell = plain_problem) -> Figures:
    """Return how the gateway or park *key* stands; a park's chain and receipt are those of its worst gateway.

    tell: puts a problem into words.
    """
    if not is_park(key):
        return standing.overview(ledger, key)
    names = gateways_of(ledger, key)
    each = [standing.overview(ledger, name) for name in names]
    chains = [one["chain"] for one in each]
    summed = {
        name: sum(chain[name] for chain in chains)
        for name in ("starts", "entries", "held", "left_out", "conflicts", "refused", "unread")
    }
    receipts = [one["receipt"] for one in each]
    readings = [one["readings_at_ms"] for one in each if one["readings_at_ms"]]
    interval = rows(
        ledger,
        "SELECT start_s, end_s, sequence, complete_ppm, root FROM interval WHERE gateway = ?"
        " ORDER BY start_s DESC LIMIT 1",
        key,
    )
    for row in interval:
        row["root"] = bytes(row["root"]).hex()
    newest = periods(ledger, key, tell, "ORDER BY start_s DESC LIMIT 1")
    return {
        "gateway": key,
        "park": next((one["park"] for one in each if one["park"]), ""),
        "province": next((one["province"] for one in each if one["province"]), ""),
        "configured": any(one["configured"] for one in each),
        "chain": {
            "state": next(state for state in _WORST if any(chain["state"] == state for chain in chains)),
            "head_sequence": None,
            "head_link": None,
            **summed,
        },
        "receipt": None if None in receipts else min(receipts, key=lambda one: one["at_ms"]),
        "readings_at_ms": min(readings) if readings else None,
        "interval": interval[0] if interval else None,
        "composed": {"gateways": names, "newest": newest[0] if newest else None},
    }


def periods(ledger: Reads, key: str, tell: Tell, which: str, *values: object) -> list[Figures]:
    """Return periods of a park: how each was composed, which gateways are missing, and why it was refused."""
    question = f"SELECT start_s, end_s, state, missing, problems FROM composed WHERE gateway = ? {which}"
    found = rows(ledger, question, key, *values)
    for row in found:
        row["missing"] = json.loads(row["missing"])
        row["problems"] = [tell(Problem(*one)) for one in json.loads(row["problems"])]
    return found


def composed(ledger: Reads, key: str, period: Period, tell: Tell = plain_problem) -> Figures:
    """Return how many periods of *period* are whole, partial and refused, and those that are not whole."""
    within = "AND start_s >= ? AND end_s <= ?"
    counted = rows(
        ledger, f"SELECT state, count(*) AS n FROM composed WHERE gateway = ? {within} GROUP BY state", key, *period
    )
    by_state = {row["state"]: row["n"] for row in counted}
    which = within + " AND state <> 'whole' ORDER BY start_s DESC LIMIT ?"
    odd = periods(ledger, key, tell, which, *period, PERIODS_MAX)
    return {**{state: by_state.get(state, 0) for state in STATES}, "periods": odd}


def live(ledger: Reads, key: str, now_s: int) -> Figures:
    """Return the newest power of every meter point of a gateway or park, as sources and loads, in W."""
    if not is_park(key):
        return standing.live(ledger, key, now_s)
    whole: Figures = {"sources": [], "loads": [], "silent": [], "sources_w": 0, "loads_w": 0}
    for gateway in gateways_of(ledger, key):
        own = standing.live(ledger, gateway, now_s)
        for side in ("sources", "loads"):
            for point in own[side]:
                names = {name: full_name(gateway, point[name]) for name in ("name", "busbar")}
                whole[side].append({**point, **names})
            whole[side + "_w"] += own[side + "_w"]
        whole["silent"] += [full_name(gateway, name) for name in own["silent"]]
    return whole
