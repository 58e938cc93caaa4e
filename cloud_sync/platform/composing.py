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

from cloud_sync.platform.park import ParkPlan, park_key, plan_of
from cloud_sync.platform.park_intervals import NEVER, Had, ParkIntervals
from cloud_sync.platform.place import Place
from cloud_sync.platform.projection import REASON_LENGTH_MAX, UNREADABLE, ConflictError, lay_figures, lay_period
from cloud_sync.platform.schema import PROJECTION_TABLES
from gateway.core import record as records
from gateway.core.account.basis import Basis, digest_of, self_use_switches, storage_switches
from gateway.core.account.composition import Part, close_park, compose_energies, full_name, opened
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.storage import Layer, Pool, pool_of
from gateway.core.account.trace import FLOW, SELF_USE
from gateway.core.problem import Problem, problem
from gateway.core.site import Park

PERIODS_AT_ONCE = 50  # composed in one transaction, so that the receiver does not wait
WHOLE, PARTIAL, REFUSED = "whole", "partial", "refused"
_NO_STAMP = records.Stamp(b"", 0, 0, "U", 0)


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
        self._had = ParkIntervals(tables, plan)
        self._self_use_s: dict[int, int] = {}  # by start of a composed period: how long those of the published rule are

    def run(self, due_s: int, until_s: int, limit: int) -> int | None:
        """Compose from *due_s* on; return from where more waits. Energies have changed up to *until_s*."""
        self._points()
        at = self._place.first(
            "SELECT start_s FROM composed WHERE gateway = ? AND start_s <= ?2 AND end_s > ?2 LIMIT 1", due_s
        )
        found, more = self._had.periods(at["start_s"] if at else due_s, limit)
        done: list[tuple[int, int]] = []
        for period, intervals in found:
            done.append(period)
            before = self._place.first("SELECT * FROM composed WHERE gateway = ? AND start_s = ?", period[0])
            state, pools = self._guarded(*period, intervals)
            settled = before is not None and (before["end_s"], before["pools"]) == (period[1], pools)
            if settled and state == WHOLE and period[0] >= until_s:
                more = False  # from here on nothing is another than it was
                break
        self._self_use(done)
        return done[-1][1] if more else None

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
        for name in ("allocation", "tally", "basis"):
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
        pools = self._pools(start_s)
        one = self._had.assembled(start_s, end_s, intervals)
        if one.park is None:
            return self._said(start_s, end_s, REFUSED, one.missing, one.problems, pools)
        self._self_use_s[start_s] = one.park.self_use.period_s
        energies = compose_energies(one.parts)
        booked = self._had.booked(one.park, start_s, end_s)
        closed = close_park(one.park, energies, pools, one.factors, start_s, end_s, booked)
        account = records.Account(
            _NO_STAMP, 0, start_s, end_s, b"", (), energies, *closed[:3], pools, closed.pools_after,
            self._basis(one.park, FLOW),
        )  # fmt: skip
        lay_figures(place, account)
        root = hashlib.sha256(b"".join(row.root for row in intervals)).digest()
        complete_ppm = self._complete_ppm(intervals, one.parts, end_s - start_s)
        place.write(
            "INSERT INTO interval VALUES (?, ?, ?, x'', 0, 0, ?, ?, x'', 0, 0, '', 0, ?)",
            *(start_s, end_s, complete_ppm, root, min([row.placed for row in intervals], default=1)),
        )
        return self._said(start_s, end_s, PARTIAL if one.missing else WHOLE, one.missing, [], closed.pools_after)

    def _self_use(self, composed: list[tuple[int, int]]) -> None:
        """Close by the published rule, or close again, every whole period of it that holds any of what was *composed*.

        A period of which a gateway lacks something has no figures by this rule: what it shares among all users would go
        to those that are known.
        """
        closed: set[int] = set()
        for start_s, end_s in composed:
            step_s = self._self_use_s.get(start_s, end_s - start_s)
            for at_s in range(start_s - start_s % step_s, end_s, step_s):
                if at_s not in closed:
                    closed.add(at_s)
                    self._clear_self_use(at_s, at_s + step_s)
                    self._tables.execute("SAVEPOINT self_use")
                    try:
                        self._close_self_use(at_s, at_s + step_s)
                    except (*UNREADABLE, AssertionError, ConflictError):  # beyond all bounds, or its rule was changed
                        self._tables.execute("ROLLBACK TO self_use")
                    self._tables.execute("RELEASE self_use")

    def _clear_self_use(self, start_s: int, end_s: int) -> None:
        for name in ("allocation", "tally", "basis"):
            self._place.write(
                f"DELETE FROM {name} WHERE gateway = ? AND start_s >= ? AND start_s < ? AND method = ?",
                *(start_s, end_s, SELF_USE),
            )
        self._place.write("DELETE FROM self_use WHERE gateway = ? AND start_s >= ? AND start_s < ?", start_s, end_s)

    def _close_self_use(self, start_s: int, end_s: int) -> None:
        rows = self._tables.execute(
            "SELECT start_s, end_s, state FROM composed WHERE gateway = ? AND start_s >= ? AND end_s <= ? ORDER BY 1",
            (self._plan.key, start_s, end_s),
        ).fetchall()
        whole_s = sum(row["end_s"] - row["start_s"] for row in rows if row["state"] == WHOLE)
        if whole_s < end_s - start_s:
            return
        span = (rows[-1]["start_s"], rows[-1]["end_s"])
        last = self._had.assembled(*span, self._had.closed_within(*span))
        assert last.park is not None  # it was composed
        energies = self._had.energies(self._plan.key, start_s, end_s)
        pools = opened(last.park, self._pools(start_s))
        closed = close_self_use(last.park, energies, pools, last.factors, start_s, end_s)
        basis = self._basis(last.park, SELF_USE)
        period = records.SelfUse(_NO_STAMP, 0, start_s, end_s, closed.allocations, closed.tallies, 0, basis)
        lay_period(self._place, period)

    def _basis(self, park: Park, method: str) -> Basis:
        """Return what the park's figures rest on; the entries are those of its gateways, which say them."""
        switches = storage_switches(park.storages) + (self_use_switches(park.self_use) if method == SELF_USE else [])
        return Basis(tuple(sorted(switches)), digest_of(self._plan.text().encode()), ())

    def _complete_ppm(self, intervals: list[Had], parts: tuple[Part, ...], length_s: int) -> int:
        """Return how much of what all gateways should have read they read, each weighed by its meter points."""
        weights = {part.gateway: len(part.meter_points) for part in parts}
        whole = sum(weights.get(gateway, 1) for gateway in self._plan.gateways) * length_s
        read = sum(weights[row.gateway] * row.complete_ppm * (row.end_s - row.start_s) for row in intervals)
        return read // whole

    def _opening(self) -> tuple[Pool, ...]:
        return tuple(pool_of(one.storage, ((one.origin, one.wh),)) for one in self._plan.openings)

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
