"""The intervals of a park's gateways: which make a period together, and what is known of the park in it."""

import json
import sqlite3
from typing import NamedTuple

from cloud_sync.core.canonical import decode
from cloud_sync.platform.park import ParkPlan
from cloud_sync.platform.park_parts import Applied, Known, applied, common_ground, disagreements, merged_configuration
from cloud_sync.platform.place import Place
from gateway.core import record as records
from gateway.core.account import declared
from gateway.core.account.composition import Part, common_cuts, compose_site, full_name
from gateway.core.account.factor import FactorTable
from gateway.core.account.interval import Energy
from gateway.core.account.point_energy import sum_energies
from gateway.core.problem import Problem
from gateway.core.site import Park

INTERVAL_S_MAX = 86_400  # a longer one would make one period of days; it counts as missing
NEVER = 2**63 - 1


class Had(NamedTuple):
    """An interval that a gateway closed."""

    gateway: str
    start_s: int
    end_s: int
    incarnation: bytes
    sequence: int
    complete_ppm: int
    root: bytes
    placed: int


class Assembled(NamedTuple):
    """What is known of a park in one period; park is None where its gateways do not agree, and problems says why."""

    park: Park | None
    factors: FactorTable
    parts: tuple[Part, ...]
    missing: list[str]
    problems: list[Problem]


class ParkIntervals:
    """The intervals of one park's gateways, as the tables of the projection have them."""

    def __init__(self, tables: sqlite3.Connection, plan: ParkPlan) -> None:
        self._tables = tables
        self._plan = plan
        self._contents = [row for gateway in plan.gateways for row in self._declared(gateway)]

    def periods(self, since_s: int, limit: int) -> tuple[list[tuple[tuple[int, int], list[Had]]], bool]:
        """Return up to *limit* periods from *since_s* on with the intervals in each, and whether more follow."""
        most = limit
        while True:
            rows: list[Had] = []
            horizon_s = NEVER
            for gateway in self._plan.gateways:
                own = self._intervals(gateway, "start_s >= ? ORDER BY start_s LIMIT ?", since_s, most + 1)
                if len(own) > most:
                    horizon_s = min(horizon_s, own[-1].start_s)
                rows += own
            rows.sort(key=lambda row: (row.start_s, row.gateway))
            spans = [(row.start_s, row.end_s) for row in rows if row.start_s < horizon_s]
            cuts = [cut for cut in common_cuts(spans) if cut[1] <= horizon_s]
            if cuts or horizon_s == NEVER:
                break
            most *= 2  # one interval of a gateway spans more than was looked at of another
        found = [(cut, [row for row in rows if cut[0] <= row.start_s < cut[1]]) for cut in cuts[:limit]]
        return found, horizon_s < NEVER or len(cuts) > limit

    def _intervals(self, gateway: str, where: str, *values: int) -> list[Had]:
        question = (
            "SELECT gateway, start_s, end_s, incarnation, sequence, complete_ppm, root, placed FROM interval"
            f" WHERE gateway = ? AND account IS NOT NULL AND end_s - start_s <= {INTERVAL_S_MAX} AND {where}"
        )
        return [Had(*row) for row in self._tables.execute(question, (gateway, *values))]

    def closed_within(self, start_s: int, end_s: int) -> list[Had]:
        """Return the intervals of all gateways that lie in a period."""
        where = "start_s >= ? AND end_s <= ? ORDER BY start_s"
        return [row for gateway in self._plan.gateways for row in self._intervals(gateway, where, start_s, end_s)]

    def assembled(self, start_s: int, end_s: int, intervals: list[Had]) -> Assembled:
        """Return what *intervals*, those of a period, make of the park."""
        known: Known = {}
        parts: list[Part] = []
        missing: list[str] = []
        for gateway in self._plan.gateways:
            own = [row for row in intervals if row.gateway == gateway]
            if sum(row.end_s - row.start_s for row in own) < end_s - start_s:
                missing.append(gateway)
            asked = own or self._intervals(gateway, "start_s < ? ORDER BY start_s DESC LIMIT 1", start_s)
            if asked:
                known[gateway] = one = merged_configuration([self._configuration(row) for row in asked])
                if one is not None:
                    parts.append(one.part(gateway, self.energies(gateway, start_s, end_s) if own else None))
        ground, problems = common_ground(known)
        problems += disagreements(self._plan, known)
        if ground is None or problems:
            return Assembled(None, FactorTable(()), (), missing, problems)
        park = compose_site(tuple(parts), ground.factor_sets, ground.province, ground.self_use)
        return Assembled(park, ground.factors, tuple(parts), missing, [])

    def _declared(self, gateway: str) -> list[tuple[int, str, int]]:
        """Return the declared contents of a gateway's storages: in which interval booked, of which, by how much."""
        question = "SELECT details FROM event WHERE gateway = ? AND code = ? ORDER BY sequence, incarnation"
        found = []
        for (text,) in self._tables.execute(question, (gateway, "declared-" + declared.CONTENT)):
            details = json.loads(text)
            booked_s = declared.booked_in(tuple(details.items()))
            if booked_s is not None:
                name = full_name(gateway, details["subject"])
                found.append((booked_s, name, declared.difference_of(tuple(details.items()))))
        return found

    def booked(self, park: Park, start_s: int, end_s: int) -> tuple[tuple[str, int], ...]:
        """Return the declared contents of storages that are booked in a period."""
        storages = [row.meter_point for row in park.storages]
        return tuple((name, wh) for at_s, name, wh in self._contents if start_s <= at_s < end_s and name in storages)

    def _configuration(self, interval: Had) -> Applied | None:
        """Return the configuration by which a gateway closed *interval*, None where it is not here to be read."""
        place = Place(self._tables, interval.gateway, interval.incarnation, interval.sequence, 0)
        question = "SELECT body FROM entry WHERE gateway = ? AND incarnation = ? AND sequence = ?"
        row = place.first(question, interval.incarnation, interval.sequence)
        record = records.from_map(decode(row["body"])) if row else None  # type: ignore[arg-type]
        if not isinstance(record, records.Interval):
            return None
        row = place.first(question, place.incarnation_of(record.config), record.config)
        return applied(row["body"]) if row else None

    def energies(self, gateway: str, start_s: int, end_s: int) -> tuple[Energy, ...]:
        """Return what the meter points of a gateway or park counted in a period."""
        rows = self._tables.execute(
            "SELECT start_s, meter_point, import_wh, export_wh, flag FROM energy"
            " WHERE gateway = ? AND start_s >= ? AND end_s <= ? ORDER BY start_s, meter_point",
            (gateway, start_s, end_s),
        ).fetchall()
        return sum_energies(*[(Energy(*row[1:]),) for row in rows])
