"""Composing: the intervals of a park of several gateways, made from the figures of its gateways.

A park is a gateway's equal in the tables of the projection: its energies, traces, tallies and pools stand there under
"park/<name>". They follow from the gateways' tables and the plan alone, so they can be made again at any time, and are
made again from the earliest change on: an interval that came late, an amendment, another plan. What is there for a
period is taken away before it is written again, so nothing counts twice.
"""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from cloud_sync.core.canonical import decode
from cloud_sync.platform.park import ParkPlan, park_key, plan_of
from cloud_sync.platform.park_parts import Applied, Known, applied, common_ground, disagreements, merged_configuration
from cloud_sync.platform.place import Place
from cloud_sync.platform.projection import REASON_LENGTH_MAX, UNREADABLE, lay_figures
from cloud_sync.platform.schema import PROJECTION_TABLES
from gateway.core import record as records
from gateway.core.account import declared
from gateway.core.account.composition import Part, close_park, common_cuts, compose_energies, compose_site, full_name
from gateway.core.account.interval import Energy
from gateway.core.account.point_energy import sum_energies
from gateway.core.account.storage import Layer, Pool, pool_of
from gateway.core.account.trace import FLOW
from gateway.core.problem import Problem, problem
from gateway.core.site import Park

PERIODS_AT_ONCE = 50  # composed in one transaction, so that the receiver does not wait
INTERVAL_S_MAX = 86_400  # a longer one would make one period of days; it counts as missing
NEVER = 2**63 - 1
WHOLE, PARTIAL, REFUSED = "whole", "partial", "refused"
_NO_STAMP = records.Stamp(b"", 0, 0, "U", 0)


class Had(NamedTuple):
    """An interval that a gateway closed."""

    gateway: str
    start_s: int
    end_s: int
    incarnation: bytes
    sequence: int
    complete_ppm: int
    root: bytes


def adopt(tables: sqlite3.Connection, plans: Sequence[ParkPlan]) -> None:
    """Keep *plans* as the parks of this ledger; one that is new or another than before is composed from its start."""
    kept = dict(tables.execute("SELECT name, plan FROM park").fetchall())
    wanted = {plan.name: plan for plan in plans}
    for name in sorted(kept.keys() | wanted.keys()):
        if name in wanted and kept.get(name) == wanted[name].text():
            continue
        for table in PROJECTION_TABLES:
            tables.execute(f"DELETE FROM {table} WHERE gateway = ?", (park_key(name),))
        tables.execute("DELETE FROM park WHERE name = ?", (name,))
        if name in wanted:
            tables.execute("INSERT INTO park VALUES (?, ?, 0, ?)", (name, wanted[name].text(), NEVER))


def plans_of(tables: sqlite3.Connection) -> list[ParkPlan]:
    """Return the parks of a ledger, by name."""
    return [plan_of(name, text) for name, text in tables.execute("SELECT name, plan FROM park ORDER BY name")]


def waits(tables: sqlite3.Connection) -> bool:
    """Tell whether something of a park waits to be composed."""
    question = "SELECT EXISTS (SELECT 1 FROM park) AND EXISTS (SELECT 1 FROM changed)"
    question += " OR EXISTS (SELECT 1 FROM park WHERE due_s IS NOT NULL)"
    return bool(tables.execute(question).fetchone()[0])


def compose(tables: sqlite3.Connection, limit: int = PERIODS_AT_ONCE) -> bool:
    """Compose up to *limit* periods of every park for which some wait; return whether more wait."""
    changed = tables.execute("SELECT gateway, start_s, until_s FROM changed").fetchall()
    tables.execute("DELETE FROM changed")
    for plan in plans_of(tables):
        for gateway, start_s, until_s in changed:
            if gateway in plan.gateways:
                tables.execute(
                    "UPDATE park SET due_s = min(coalesce(due_s, ?2), ?2), until_s = max(until_s, ?3) WHERE name = ?1",
                    (plan.name, start_s, until_s),
                )
        due_s, until_s = tables.execute("SELECT due_s, until_s FROM park WHERE name = ?", (plan.name,)).fetchone()
        if due_s is not None:
            due = _Composition(tables, plan).run(due_s, until_s, limit)
            until_s = 0 if due is None else until_s
            tables.execute("UPDATE park SET due_s = ?, until_s = ? WHERE name = ?", (due, until_s, plan.name))
    return waits(tables)


class _Composition:
    """One park, and the tables it is composed in."""

    def __init__(self, tables: sqlite3.Connection, plan: ParkPlan) -> None:
        self._tables = tables
        self._plan = plan
        self._place = Place(tables, plan.key, b"", 0, 0)
        self._contents = [row for gateway in plan.gateways for row in self._declared(gateway)]

    def run(self, due_s: int, until_s: int, limit: int) -> int | None:
        """Compose from *due_s* on; return from where more waits. Energies have changed up to *until_s*."""
        self._points()
        at = self._place.first(
            "SELECT start_s FROM composed WHERE gateway = ? AND start_s <= ?2 AND end_s > ?2 LIMIT 1", due_s
        )
        found, more = self._periods(at["start_s"] if at else due_s, limit)
        for period, intervals in found:
            before = self._place.first("SELECT * FROM composed WHERE gateway = ? AND start_s = ?", period[0])
            state, pools = self._guarded(*period, intervals)
            settled = before is not None and (before["end_s"], before["pools"]) == (period[1], pools)
            if settled and state == WHOLE and period[0] >= until_s:
                return None  # from here on nothing is another than it was
        return found[-1][0][1] if more else None

    def _periods(self, since_s: int, limit: int) -> tuple[list[tuple[tuple[int, int], list[Had]]], bool]:
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
            "SELECT gateway, start_s, end_s, incarnation, sequence, complete_ppm, root FROM interval"
            f" WHERE gateway = ? AND account IS NOT NULL AND end_s - start_s <= {INTERVAL_S_MAX} AND {where}"
        )
        return [Had(*row) for row in self._tables.execute(question, (gateway, *values))]

    def _guarded(self, start_s: int, end_s: int, intervals: list[Had]) -> tuple[str, str]:
        """Compose one period; return what it came to, and what storages held at its end.

        Figures that cannot be computed with, whatever a gateway says, make it refused and stop nothing else.
        """
        self._clear(start_s, end_s)
        self._tables.execute("SAVEPOINT period")
        try:
            return self._period(start_s, end_s, intervals)
        except (*UNREADABLE, AssertionError) as error:
            self._tables.execute("ROLLBACK TO period")
            reason = f"{type(error).__name__}: {error}"[:REASON_LENGTH_MAX]
            return self._said(
                start_s, end_s, REFUSED, [], [_uncomputable(self._plan.name, reason)], self._pools(start_s)
            )
        finally:
            self._tables.execute("RELEASE period")

    def _clear(self, start_s: int, end_s: int) -> None:
        place = self._place
        for name in ("interval", "energy", "residual", "pool", "composed"):
            place.write(f"DELETE FROM {name} WHERE gateway = ? AND start_s >= ? AND start_s < ?", start_s, end_s)
        for name in ("allocation", "tally"):
            place.write(
                f"DELETE FROM {name} WHERE gateway = ? AND start_s >= ? AND start_s < ? AND method = ?",
                *(start_s, end_s, FLOW),
            )

    def _pools(self, start_s: int) -> tuple[Pool, ...]:
        """Return what storages held at *start_s*."""
        last = self._place.first(
            "SELECT pools FROM composed WHERE gateway = ? AND end_s <= ? ORDER BY start_s DESC LIMIT 1", start_s
        )
        return _pools(last["pools"]) if last else self._opening()

    def _said(
        self, start_s: int, end_s: int, state: str, missing: list[str], problems: list[Problem], pools: tuple[Pool, ...]
    ) -> tuple[str, str]:
        held = json.dumps(pools, ensure_ascii=False)
        said = (json.dumps(missing), json.dumps(problems, ensure_ascii=False))
        self._place.write("INSERT INTO composed VALUES (?, ?, ?, ?, ?, ?, ?)", start_s, end_s, state, *said, held)
        return state, held

    def _period(self, start_s: int, end_s: int, intervals: list[Had]) -> tuple[str, str]:
        place = self._place
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
                    parts.append(one.part(gateway, self._energies(gateway, start_s, end_s) if own else None))
        ground, problems = common_ground(known)
        problems += disagreements(self._plan, known)
        pools = self._pools(start_s)
        state = PARTIAL if missing else WHOLE
        if ground is None or problems:
            state = REFUSED
        else:
            park = compose_site(tuple(parts), ground.factor_sets, ground.province)
            energies = compose_energies(tuple(parts))
            booked = self._booked(park, start_s, end_s)
            closed = close_park(park, energies, pools, ground.factors, start_s, end_s, booked)
            account = records.Account(
                *(_NO_STAMP, 0, start_s, end_s, b"", (), energies, *closed[:3], pools, closed.pools_after)
            )
            lay_figures(place, account)
            pools = closed.pools_after
            root = hashlib.sha256(b"".join(row.root for row in intervals)).digest()
            complete_ppm = self._complete_ppm(intervals, parts, end_s - start_s)
            place.write("INSERT INTO interval VALUES (?, ?, ?, x'', 0, 0, ?, ?)", start_s, end_s, complete_ppm, root)
        return self._said(start_s, end_s, state, missing, problems, pools)

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

    def _booked(self, park: Park, start_s: int, end_s: int) -> tuple[tuple[str, int], ...]:
        storages = [row.meter_point for row in park.storages]
        return tuple((name, wh) for at_s, name, wh in self._contents if start_s <= at_s < end_s and name in storages)

    def _opening(self) -> tuple[Pool, ...]:
        return tuple(pool_of(one.storage, ((one.origin, one.wh),)) for one in self._plan.openings)

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

    def _energies(self, gateway: str, start_s: int, end_s: int) -> tuple[Energy, ...]:
        rows = self._tables.execute(
            "SELECT start_s, meter_point, import_wh, export_wh, flag FROM energy"
            " WHERE gateway = ? AND start_s >= ? AND end_s <= ? ORDER BY start_s, meter_point",
            (gateway, start_s, end_s),
        ).fetchall()
        return sum_energies(*[(Energy(*row[1:]),) for row in rows])

    def _complete_ppm(self, intervals: list[Had], parts: list[Part], length_s: int) -> int:
        """Return how much of what all gateways should have read they read, each weighed by its meter points."""
        weights = {part.gateway: len(part.meter_points) for part in parts}
        whole = sum(weights.get(gateway, 1) for gateway in self._plan.gateways) * length_s
        read = sum(weights[row.gateway] * row.complete_ppm * (row.end_s - row.start_s) for row in intervals)
        return read // whole

    def _points(self) -> None:
        """Make the park's meter points those of its gateways."""
        self._place.write("DELETE FROM point WHERE gateway = ?")
        for gateway in self._plan.gateways:
            rows = self._tables.execute("SELECT * FROM point WHERE gateway = ?", (gateway,)).fetchall()
            own = {row["busbar"] for row in rows}
            for row in rows:
                name, meter, busbar = (full_name(gateway, row[key]) for key in ("name", "meter", "busbar"))
                to_busbar = row["to_busbar"]
                if to_busbar and (to_busbar in own or "/" not in to_busbar):
                    to_busbar = full_name(gateway, to_busbar)
                self._place.write(
                    "INSERT INTO point VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    *(name, row["role"], meter, busbar, to_busbar, row["origin"], row["current"]),
                )


def _pools(text: str) -> tuple[Pool, ...]:
    return tuple(
        Pool(storage, tuple(Layer(since_s, tuple((origin, wh) for origin, wh in mix)) for since_s, mix in layers))
        for storage, layers in json.loads(text)
    )


def _uncomputable(park: str, reason: str) -> Problem:
    return problem(
        "WP-PLT-071",
        park,
        "the figures of this period cannot be computed with: {reason}",
        "look at the configuration and the energies of the gateways of the park",
        reason=reason,
    )
