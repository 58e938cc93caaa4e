"""What `wattproof-platform show` says: gateways, chains, receipts, intervals and energy by meter point."""

import time
from typing import Any

from cloud_sync.platform import whole_park
from cloud_sync.platform.bounds import TIME_S_MAX
from cloud_sync.platform.clones import standing_of
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.reports import Period
from gateway.frame import plain_problem
from gateway.words import translate as _

# Tables whose rows are worth a look when there are any, each counted for a gateway.
_COUNTED = ("conflict", "unread", "amended", "hole", "held", "set_aside")
_ENERGY = (
    "SELECT meter_point, role, sum(import_wh) AS import_wh, sum(export_wh) AS export_wh,"
    " sum(flag <> '') AS flagged FROM energy LEFT JOIN point"
    " ON point.gateway = energy.gateway AND point.name = energy.meter_point"
    " WHERE energy.gateway = ? GROUP BY meter_point ORDER BY meter_point"
)


def overview(ledger: Ledger) -> dict[str, Any]:
    """Return what the ledger keeps of every gateway, as plain values for JSON."""
    names = ledger.read(
        "SELECT name FROM gateway UNION SELECT gateway FROM chain UNION SELECT gateway FROM set_aside ORDER BY 1"
    )
    return {
        "gateways": [_gateway(ledger, row["name"]) for row in names],
        "parks": [park(ledger, key) for key in whole_park.parks(ledger)],
    }


def park(ledger: Ledger, key: str) -> dict[str, Any]:
    """Return how the park *key* is composed, as plain values for JSON."""
    found = whole_park.composed(ledger, key, Period(0, TIME_S_MAX))
    bounds = ledger.read("SELECT min(start_s), max(end_s) FROM composed WHERE gateway = ?", (key,))[0]
    newest = whole_park.periods(ledger, key, plain_problem, "ORDER BY start_s DESC LIMIT 1")
    return {
        "park": key,
        "gateways": list(whole_park.gateways_of(ledger, key)),
        "periods": {state: found[state] for state in whole_park.STATES} | {"first_s": bounds[0], "last_s": bounds[1]},
        "newest": newest[0] if newest else None,
        "energy": [dict(row) for row in ledger.read(_ENERGY, (key,))],
    }


def _gateway(ledger: Ledger, name: str) -> dict[str, Any]:
    def read(question: str) -> list[dict[str, Any]]:
        return [dict(row) for row in ledger.read(question, (name,))]

    chains = read(
        "SELECT hex(incarnation) AS incarnation, first_sequence, head_sequence, hex(head_link) AS head_link, branch"
        " FROM chain WHERE gateway = ? ORDER BY opened"
    )
    for chain in chains:
        chain["incarnation"], chain["head_link"] = chain["incarnation"].lower(), chain["head_link"].lower()
        chain["branch"] = bool(chain["branch"])
    receipts = read(
        "SELECT through_sequence, hex(incarnation) AS incarnation, at_ms FROM receipt"
        " JOIN chain USING (gateway, incarnation) WHERE gateway = ? ORDER BY opened DESC, through_sequence DESC LIMIT 1"
    )
    for receipt in receipts:
        receipt["incarnation"] = receipt["incarnation"].lower()
    return {
        "gateway": name,
        "keys": [row["kid"].lower() for row in read("SELECT hex(key_id) AS kid FROM gateway WHERE name = ?")],
        "chains": chains,
        "last_receipt": receipts[0] if receipts else None,
        "intervals": read(
            "SELECT count(*) AS count, count(account) AS accounted, min(start_s) AS first_s, max(end_s) AS last_s,"
            " min(complete_ppm) AS least_complete_ppm FROM interval WHERE gateway = ?"
        )[0],
        "energy": read(_ENERGY),
        "witness": _witness(ledger, name),
        "counts": {table: read(f"SELECT count(*) AS n FROM {table} WHERE gateway = ?")[0]["n"] for table in _COUNTED},
    }


def _witness(ledger: Ledger, name: str) -> dict[str, Any]:
    with ledger.lock:
        return standing_of(ledger.connection, name)


def _witness_lines(witness: dict[str, Any]) -> list[str]:
    lines = []
    if witness["cosigned"] is not None:
        lines.append("  " + _("cosigned: the first {size} entries").format(size=witness["cosigned"]))
    if witness["clone"]:
        line = "  " + _("CLONE: its key writes in two places; chain {refused} is refused, chain {kept} goes on")
        short = {name: witness["clone"][name][:8] for name in ("kept", "refused")}
        lines.append(line.format(**short))
    if witness["contradictions"]:
        line = "  " + _("CONTRADICTION: {count} checkpoints do not continue what was cosigned")
        lines.append(line.format(count=witness["contradictions"]))
    return lines


def text(value: dict[str, Any]) -> str:
    """Return the overview as lines for people."""
    lines: list[str] = []
    for one in value["gateways"]:
        lines.append(_("Gateway {name}, key {keys}").format(name=one["gateway"], keys=", ".join(one["keys"]) or "-"))
        for chain in one["chains"]:
            line = "  " + _("chain {incarnation}: entries {first} to {head}")
            if chain["branch"]:
                line = "  " + _("chain {incarnation}: entries {first} to {head}, leaving another chain before its end")
            lines.append(
                line.format(
                    incarnation=chain["incarnation"][:8], first=chain["first_sequence"], head=chain["head_sequence"]
                )
            )
        receipt = one["last_receipt"]
        if receipt:
            line = "  " + _("last receipt: through entry {sequence}, {time}")
            lines.append(line.format(sequence=receipt["through_sequence"], time=_utc(receipt["at_ms"] // 1000)))
        intervals = one["intervals"]
        if intervals["count"]:
            line = "  " + _("intervals: {count}, from {first} to {last}")
            first, last = _utc(intervals["first_s"]), _utc(intervals["last_s"])
            lines.append(line.format(count=intervals["count"], first=first, last=last))
        lines += _witness_lines(one["witness"])
        lines += _energy_lines(one)
        noted = [f"{table} {count}" for table, count in one["counts"].items() if count]
        if noted:
            lines.append("  " + _("to look at: {tables}").format(tables=", ".join(noted)))
    lines += [line for one in value["parks"] for line in park_lines(one)]
    return "\n".join(lines) or _("No gateway is known yet; enrol one with `wattproof-platform enrol`.")


def park_lines(one: dict[str, Any]) -> list[str]:
    """Return a park as lines for people."""
    lines = [_("Park {name} of {gateways}").format(name=one["park"], gateways=", ".join(one["gateways"]))]
    if one["newest"] is None:
        return [*lines, "  " + _("nothing is composed yet")]
    periods = one["periods"]
    line = "  " + _(
        "from {first} to {last}: {whole} periods whole, {partial} with a gateway missing, {refused} refused"
    )
    lines.append(line.format(**periods | {"first": _utc(periods["first_s"]), "last": _utc(periods["last_s"])}))
    if one["newest"]["missing"]:
        line = "  " + _("the newest one is without {gateways}")
        lines.append(line.format(gateways=", ".join(one["newest"]["missing"])))
    lines += ["  " + problem["text"] for problem in one["newest"]["problems"]]
    return lines + _energy_lines(one)


def _energy_lines(one: dict[str, Any]) -> list[str]:
    line = "  " + _("{meter_point} ({role}): import {import_wh} Wh, export {export_wh} Wh")
    return [line.format(**(energy | {"role": energy["role"] or "-"})) for energy in one["energy"]]


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
