"""What the tallies of a period rest on, as the ledger has it: rule switches, configuration, entries."""

import json

from cloud_sync.platform.park import is_park, plan_of
from cloud_sync.platform.reports import Figures, Period, Reads, rows


def gateways_of(ledger: Reads, key: str) -> list[str]:
    """Return the gateways of the park whose figures stand under *key*."""
    plans = [plan_of(row["name"], row["plan"]) for row in rows(ledger, "SELECT name, plan FROM park ORDER BY name")]
    return [name for plan in plans if plan.key == key for name in plan.gateways]


def bases(ledger: Reads, key: str, period: Period, method: str) -> list[Figures]:
    """Return for each gateway, list of switches and configuration of *period* the first and last entry, and the count.

    A park of several gateways rests on its own plan and choices, and on the entries of all its gateways.
    """
    names = [key, *(gateways_of(ledger, key) if is_park(key) else ())]
    question = (
        "SELECT basis.gateway, switches, configuration, min(one.value) AS first, max(one.value) AS last,"
        " count(DISTINCT one.value) AS count FROM basis LEFT JOIN json_each(basis.entries) AS one"
        " WHERE basis.gateway = ? AND start_s >= ? AND end_s <= ? AND method = ?"
        " GROUP BY switches, configuration ORDER BY min(start_s)"
    )
    return [
        {
            "gateway": row["gateway"],
            "switches": json.loads(row["switches"]),
            "configuration": row["configuration"],
            "entries": {"first": row["first"], "last": row["last"], "count": row["count"]},
        }
        for name in names
        for row in rows(ledger, question, name, *period, method)
    ]
