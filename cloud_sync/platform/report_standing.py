"""Budgets of enterprises, how complete and timely the figures are, and what the whole report rests on."""

from time import gmtime, strftime

from cloud_sync.platform import standing
from cloud_sync.platform.parameters import Enterprise
from cloud_sync.platform.park_energy import traced_by
from cloud_sync.platform.report_bases import bases
from cloud_sync.platform.report_parts import CO2, COUNT, MET, MISSED, SECONDS, SHARE, Figure, Section, Table, _, tonnes
from cloud_sync.platform.report_sources import Sources
from cloud_sync.platform.reports import Figures, last_interval, rows
from gateway.core.account.factor import validity
from gateway.core.account.trace import METHODS
from gateway.core.notation import SECONDS as UNITS
from gateway.core.notation import measure
from gateway.core.problem import Problem, problem

NINE_TENTHS = (9, 10)


def budget_section(sources: Sources, problems: list[Problem]) -> Section | None:
    """Return budget, use and forecast of every enterprise whose budget is of this year; None where there is none."""
    chosen = [one for one in sources.enterprises if one.year == sources.period.text]
    if not chosen:
        return None
    columns = (_("enterprise"), _("budget t CO2"), _("used"), _("forecast"), _("method"), _("factors"))
    figures, lines = [], []
    for one in chosen:
        used, factors, covered_s, last_s = _used(sources, one, problems)
        forecast = used + used * (sources.period.end_s - last_s) // covered_s if covered_s else None
        verdict = "" if forecast is None else MET if forecast <= one.budget_ug else MISSED
        label = _("Budget of {name}", name=one.name)
        figures.append(Figure("budget:" + one.name, label, one.budget_ug, CO2, one.method, verdict, factors))
        lines.append((
            one.name, tonnes(one.budget_ug), tonnes(used), "-" if forecast is None else tonnes(forecast), one.method,
            one.factor_set,
        ))  # fmt: skip
    note = _("The forecast is linear: what was used so far goes on, as in the time covered, to the end of the year.")
    return Section("budgets", _("Budgets of CO2"), tuple(figures), (Table("budgets", columns, tuple(lines)),), (note,))


def _used(sources: Sources, one: Enterprise, problems: list[Problem]) -> tuple[int, tuple[str, ...], int, int]:
    """Return carbon, factors, covered seconds and end of cover of an enterprise's meter points in the period."""
    used, factors, covered_s, last_s = 0, set(), 0, sources.period.end_s
    question = (
        "SELECT sum(carbon_ug) AS carbon_ug, sum(end_s - start_s) AS covered_s, max(end_s) AS last_s,"
        " group_concat(DISTINCT factors) AS factors FROM tally WHERE gateway = ? AND meter_point = ? AND start_s >= ?"
        " AND end_s <= ? AND method = ? AND factor_set = ?"
    )
    traced = traced_by(sources.ledger, sources.park, sources.gateways, one.method)
    for name in one.meter_points:
        places = [
            (row["gateway"], row["name"])
            for row in sources.ledger.read("SELECT gateway, name FROM point ORDER BY gateway, name")
            if row["gateway"] in traced and name in (row["name"], row["gateway"] + "/" + row["name"])
        ]
        if len(places) != 1:
            problems.append(
                problem(
                    "WP-PLT-093", "indicators.toml", "{name} of the enterprise {enterprise} is not one meter point",
                    "write it as in gateway.toml; where several gateways have it, as gateway/name",
                    name=name, enterprise=one.name,
                )
            )  # fmt: skip
            continue
        for row in rows(sources.ledger, question, *places[0], *sources.within(), one.method, one.factor_set):
            if row["covered_s"]:
                used += row["carbon_ug"]
                covered_s = max(covered_s, row["covered_s"])
                last_s = row["last_s"] if last_s == sources.period.end_s else max(last_s, row["last_s"])
                factors |= {part.strip(' []"') for part in row["factors"].split(",")}
    return used, tuple(sorted(factors - {""})), covered_s, last_s


def quality_section(sources: Sources) -> Section:
    """Return the share of intervals that came, that are complete, late or amended, and how long they took."""
    figures: list[Figure] = []
    lines = []
    for gateway in sources.gateways:
        found = _quality(sources, gateway)
        came = found["came"]
        lines.append((
            gateway, str(found["due"]), str(came), *(str(found[key]) for key in ("complete", "late", "amended")),
            *("-" if found[key] is None else str(found[key]) for key in ("median_s", "nine_tenths_s", "most_s")),
        ))  # fmt: skip
        for name, label, part, whole in (
            ("came", _("Intervals received of those due"), came, found["due"]),
            ("complete", _("Intervals complete"), found["complete"], came),
            ("late", _("Intervals with a late reading"), found["late"], came),
            ("amended", _("Intervals amended"), found["amended"], came),
            ("actual", _("Energies measured, not estimated or missing"), found["actual"], found["energies"]),
        ):
            value = part * 10**6 // whole if whole else None
            figures.append(Figure(name + ":" + gateway, label, value, SHARE, gateway))
        label = _("From the end of an interval to its receipt, half of them within")
        figures.append(Figure("median_s:" + gateway, label, found["median_s"], SECONDS, gateway))
    columns = (
        _("gateway"), _("due"), _("received"), _("complete"), _("late"), _("amended"), _("half within s"),
        _("nine tenths within s"), _("all within s"),
    )  # fmt: skip
    note = _("The time runs from the end of an interval to the platform's acceptance of its account.")
    title = _("Completeness and timeliness")
    return Section("quality", title, tuple(figures), (Table("quality", columns, tuple(lines)),), (note,))


def _quality(sources: Sources, gateway: str) -> Figures:
    within = sources.within()
    question = (
        "SELECT count(*) AS came, total(complete_ppm = 1000000) AS complete, min(start_s) AS first_s FROM interval"
        " WHERE gateway = ? AND start_s >= ? AND end_s <= ? AND account IS NOT NULL"
    )
    found = rows(sources.ledger, question, gateway, *within)[0]
    energies = rows(
        sources.ledger,
        "SELECT count(*) AS energies, total(actual) AS actual, count(DISTINCT CASE WHEN late THEN start_s END) AS late"
        " FROM (SELECT start_s, flag NOT LIKE '%E%' AND flag NOT LIKE '%M%' AND flag NOT LIKE '%D%' AND NOT EXISTS"
        "   (SELECT 1 FROM amended WHERE amended.gateway = energy.gateway AND amended.start_s = energy.start_s"
        "   AND amended.meter_point = energy.meter_point) AS actual, flag LIKE '%L%' AS late"
        "  FROM energy WHERE gateway = ? AND start_s >= ? AND end_s <= ?)",
        gateway, *within,
    )[0]  # fmt: skip
    amended = rows(
        sources.ledger,
        "SELECT count(DISTINCT start_s) AS n FROM amended WHERE gateway = ? AND start_s >= ? AND end_s <= ?",
        gateway, *within,
    )[0]["n"]  # fmt: skip
    delays = [
        row["delay_ms"] // 1000
        for row in sources.ledger.read(
            "SELECT entry.received_ms - interval.end_s * 1000 AS delay_ms FROM interval JOIN entry"
            " ON entry.gateway = interval.gateway AND entry.incarnation = interval.incarnation"
            " AND entry.sequence = interval.account"
            " WHERE interval.gateway = ? AND start_s >= ? AND end_s <= ? ORDER BY 1",
            (gateway, *within),
        )
    ]
    count = len(delays)
    return {
        "due": _due(sources, gateway),
        "came": found["came"],
        "complete": int(found["complete"]),
        "late": energies["late"],
        "amended": amended,
        "energies": energies["energies"],
        "actual": int(energies["actual"]),
        "median_s": delays[(count - 1) // 2] if count else None,
        "nine_tenths_s": delays[-(-count * NINE_TENTHS[0] // NINE_TENTHS[1]) - 1] if count else None,
        "most_s": delays[-1] if count else None,
    }


def _due(sources: Sources, gateway: str) -> int:
    """Return how many intervals should have come: from the gateway's first one ever, or the period's begin, on."""
    first = rows(sources.ledger, "SELECT min(start_s) AS first_s FROM interval WHERE gateway = ?", gateway)[0][
        "first_s"
    ]
    configured = standing.site(sources.ledger, gateway).get("gateway", {}).get("interval", "15 min")
    step_s = measure(configured, UNITS) if isinstance(configured, str) else None
    last = last_interval(sources.ledger, gateway)
    now_s: int = sources.now_s
    if first is None or last is None or not step_s:
        return 0
    until_s = min(sources.period.end_s, max(last.end_s, now_s // step_s * step_s))
    due_s: int = until_s - max(sources.period.start_s, first)
    return max(0, due_s) // step_s


def basis_section(sources: Sources, sections: tuple[Section, ...]) -> Section:
    """Return the configuration entries, tables, rows, choices and documents that the figures of *sections* rest on."""
    lines: list[tuple[str, str]] = []
    for one in sources.configurations():
        lines.append(("%s, entry %s" % (one["gateway"], one["entry"]), "sha256:" + one["sha256"]))
    for gateway in sources.gateways:
        for method in METHODS:
            for base in bases(sources.ledger, gateway, sources.within(), method):
                ends = base["entries"]
                which = "%s, %s, entries %s to %s (%s)"
                which %= (gateway, method, ends["first"], ends["last"], ends["count"])
                lines.append((which, "config:%s; %s" % (base["configuration"], " ".join(base["switches"]))))
    for gateway in sources.gateways:
        question = "SELECT hex(old_kid) AS old, hex(new_kid) AS new, sequence FROM handover WHERE gateway = ?"
        for row in rows(sources.ledger, question + " ORDER BY sequence", gateway):
            which = "handed over to %s in entry %s" % (row["new"].lower(), row["sequence"])
            lines.append(("%s, key %s" % (gateway, row["old"].lower()), which))
    for gone in sources.revoked:
        since = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(gone.at_ms // 1000))
        lines.append(("%s, key %s" % (gone.gateway, gone.kid.hex()), "revoked %s: %s" % (since, gone.reason)))
    lines += [(name, "sha256:" + digest) for name, digest in sorted(sources.tables.items())]
    lines += sorted(sources.choices.named().items())
    lines.append(("zone", sources.zone.key))
    count = Figure("documents", _("Documents counted"), len(sources.documents), COUNT,
                   documents=tuple(one.number for one in sources.documents))  # fmt: skip
    table = Table("basis", (_("what"), _("which")), tuple(lines))
    named = {name for one in sections for figure in one.figures for name in figure.factors}
    held = (_("row of factors"), _("valid"), _("source"))
    rows_used = Table("factors", held, tuple(_rows_named(sources, named)))
    tables = (table, rows_used) if rows_used.rows else (table,)
    return Section("basis", _("What it rests on"), (count,), tables)


def _rows_named(sources: Sources, named: set[str]) -> list[tuple[str, str, str]]:
    """Return name, validity and source of every row of factors, carriers and parameters that is *named*."""
    found = {row.id: (validity(row), row.source) for row in sources.factors.rows}
    found |= {row.id: (validity(row), row.source) for row in sources.parameters.rows}
    found |= {row.row(): (validity(row), "%s: %s" % (row.standard, row.source)) for row in sources.carriers.rows}
    return [(name, *found[name]) for name in sorted(named) if name in found]
