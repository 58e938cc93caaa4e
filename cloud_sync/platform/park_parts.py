"""The parts of a park: what the applied configurations of its gateways say, and whether they agree with each other.

A tie is declared twice: the gateway with its meter names the far busbar ("<gateway>/<busbar>"), and the gateway of
that busbar names the tie ("<gateway>/<meter point>") among its `ties`. So both say which meter is the tie's truth, and
a tie that each side meters for itself cannot pass for two.
"""

import tomllib
from functools import lru_cache
from typing import NamedTuple

from cloud_sync.core.canonical import decode
from cloud_sync.platform.bounds import check_site
from cloud_sync.platform.park import ParkPlan
from cloud_sync.platform.projection import UNREADABLE
from gateway.core import record as records
from gateway.core.account.composition import Part, far_end, full_name
from gateway.core.account.factor import FactorTable, read_factors
from gateway.core.account.interval import Energy
from gateway.core.problem import Problem, problem
from gateway.core.site import SelfUseRule, Site
from gateway.core.site_reading import read_site


class Applied(NamedTuple):
    """A configuration as a gateway applied it: its site, its busbars with the ties that end there, its factors."""

    site: Site
    busbars: tuple[str, ...]
    ties: frozenset[tuple[str, str]]
    factors: FactorTable

    def part(self, gateway: str, energies: tuple[Energy, ...] | None) -> Part:
        """Return the part of the park that *gateway* measures."""
        return Part(gateway, self.busbars, self.site.meter_points, self.site.storages, energies)


Known = dict[str, Applied | None]  # by gateway; None where its configuration cannot be read


@lru_cache(maxsize=64)
def applied(body: bytes) -> Applied | None:
    """Return the configuration in the entry *body*, or None where it cannot be read."""
    try:
        plain = decode(body)
        record = records.from_map(plain) if isinstance(plain, dict) else None
        if not isinstance(record, records.Config):
            return None
        check_site(record.site)
        check_site(record.factors)
        factors, _problems = read_factors(tomllib.loads(record.factors))
        if factors is None:
            return None
        text = tomllib.loads(record.site)
        site, _problems = read_site(text, [name for name, _profile in record.profiles], list(factors.sets()))
        if site is None or any(point.busbar == point.to_busbar for point in site.meter_points):
            return None
        busbars = text["busbar"]
        ties = frozenset((busbar["name"], tie) for busbar in busbars for tie in busbar.get("ties", ()))
        return Applied(site, tuple(busbar["name"] for busbar in busbars), ties, factors)
    except UNREADABLE:
        return None


def merged_configuration(configurations: list[Applied | None]) -> Applied | None:
    """Return one configuration for consecutive intervals: the last one, and the meter points only those before had."""
    read = [one for one in configurations if one is not None]
    if not read or len(read) < len(configurations):
        return None
    last = read[-1]
    if all(one is last for one in read):
        return last
    points = {point.name: point for one in read for point in one.site.meter_points}
    storages = {row.meter_point: row for one in read for row in one.site.storages}
    site = last.site._replace(meter_points=tuple(points.values()), storages=tuple(storages.values()))
    return last._replace(site=site, busbars=tuple({busbar for one in read for busbar in one.busbars}))


class Ground(NamedTuple):
    """What a park's account rests on: the factor sets that all its gateways tally with, their province and rule."""

    factor_sets: tuple[str, ...]
    province: str
    self_use: SelfUseRule
    factors: FactorTable


def common_ground(known: Known) -> tuple[Ground | None, list[Problem]]:
    """Return what the gateways in *known* have in common, or why they cannot be one account."""
    problems = [
        problem(
            "WP-PLT-063",
            gateway,
            "the configuration of gateway {gateway} cannot be read here",
            "use a platform that is no older than its gateways, and look at `wattproof check` on the gateway",
            gateway=gateway,
        )
        for gateway in sorted(known)
        if known[gateway] is None
    ]
    read = {gateway: one for gateway in sorted(known) if (one := known[gateway]) is not None}
    provinces = sorted({one.site.province for one in read.values()})
    if len(provinces) > 1:
        problems.append(
            problem(
                "WP-PLT-064",
                ", ".join(read),
                "the gateways name different provinces: {provinces}",
                "one park lies in one province: set the same in every gateway.toml",
                provinces=", ".join(provinces),
            )
        )
    if len({one.site.self_use for one in read.values()}) > 1:
        problems.append(
            problem(
                "WP-PLT-072",
                ", ".join(read),
                "the gateways follow different rules of self-use",
                "one park is one project: write the same [self_use] in every gateway.toml",
            )
        )
    if problems or not read:
        return None, problems
    first = next(iter(read.values()))
    sets = tuple(name for name in first.site.factor_sets if all(name in one.site.factor_sets for one in read.values()))
    rows = {row.id: row for row in first.factors.rows if row.set in sets}
    region = first.factors.region(first.site.province)
    for gateway, one in read.items():
        own = {row.id: row for row in one.factors.rows if row.set in sets}
        differing = sorted(name for name in rows.keys() & own.keys() if rows[name] != own[name])
        if differing or one.factors.region(one.site.province) != region:
            problems.append(
                problem(
                    "WP-PLT-065",
                    gateway,
                    "gateway {gateway} has other factors than {first}: {factors}",
                    "give all gateways of the park the same factors.toml; a changed set needs an id of its own",
                    gateway=gateway,
                    first=next(iter(read)),
                    factors=", ".join(differing) or one.site.province,
                )
            )
        rows |= own
    if not sets:
        problems.append(
            problem(
                "WP-PLT-066",
                ", ".join(read),
                "the gateways have no set of factors in common",
                "name at least one set in the factor_sets of every gateway.toml",
            )
        )
    regions = (region,) if region is not None else ()
    rule = first.site.self_use
    ground = Ground(sets, first.site.province, rule, FactorTable(tuple(rows[name] for name in sorted(rows)), regions))
    return (None if problems else ground), problems


def disagreements(plan: ParkPlan, known: Known) -> list[Problem]:
    """Return where the gateways of a park do not agree on the ties between them, or the plan names no storage."""
    read = {gateway: one for gateway in sorted(known) if (one := known[gateway]) is not None}
    declared: set[tuple[str, str]] = set()  # (full name of the busbar, full name of the tie)
    problems: list[Problem] = []
    for gateway, one in read.items():
        part = one.part(gateway, None)
        for point in part.meter_points:
            far = far_end(part, point) if point.role == "tie" else ""
            if not far:
                continue
            tie = full_name(gateway, point.name)
            declared.add((far, tie))
            other, _slash, busbar = far.partition("/")
            if other not in plan.gateways or (other in read and busbar not in read[other].busbars):
                problems.append(
                    problem(
                        "WP-PLT-067",
                        tie,
                        "the tie {tie} ends at {busbar}, which is no busbar of a gateway of this park",
                        "correct its to_busbar in gateway.toml, or add the gateway to park.toml",
                        tie=tie,
                        busbar=far,
                    )
                )
            elif other in read and (busbar, tie) not in read[other].ties:
                problems.append(
                    problem(
                        "WP-PLT-068",
                        tie,
                        "gateway {gateway} does not say that the tie {tie} ends at its busbar {busbar}",
                        'add to that [[busbar]] of {gateway}: ties = ["{tie}"]; of two meters of one tie, name one',
                        gateway=other,
                        tie=tie,
                        busbar=busbar,
                    )
                )
    for gateway, one in read.items():
        for busbar, tie in sorted(one.ties):
            other = tie.partition("/")[0]
            if other not in plan.gateways or (other in read and (full_name(gateway, busbar), tie) not in declared):
                problems.append(
                    problem(
                        "WP-PLT-069",
                        full_name(gateway, busbar),
                        "the busbar {busbar} names the tie {tie}, which does not end there",
                        'write "<gateway>/<meter point>" of a tie whose to_busbar is this busbar',
                        busbar=full_name(gateway, busbar),
                        tie=tie,
                    )
                )
    for opening in plan.openings:
        gateway, _slash, name = opening.storage.partition("/")
        if gateway in read and name not in [row.meter_point for row in read[gateway].site.storages]:
            problems.append(
                problem(
                    "WP-PLT-070",
                    opening.storage,
                    "park.toml names the storage {name}, which gateway {gateway} does not have",
                    "correct its meter_point, or remove the table",
                    name=name,
                    gateway=gateway,
                )
            )
    return problems
