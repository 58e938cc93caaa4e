"""Explanation: what a figure rests on, from its carbon down to the register words, and from a meter's words up again.

Everything is read from entries, so the same explanation comes from the gateway's journal and from an export.
"""

from typing import Protocol

from cloud_sync.core.entry import Entry
from gateway.core.account.declared import booked_in
from gateway.core.account.interval import Span
from gateway.core.account.tally import Tally
from gateway.core.account.trace import FLOW, RESIDUAL
from gateway.core.flag import DECLARED
from gateway.core.problem import ProblemError, problem
from gateway.core.record import Account, Declaration, SelfUse, TimeAnchor
from gateway.explained_rows import (
    Plain,
    allocation_row,
    content_rows,
    counts,
    declaration_row,
    energy_row,
    given_row,
    origin_row,
    register_row,
    rule_row,
    tally_row,
)
from gateway.exports.stretch import Terms, terms_of
from gateway.park_time import day_bounds, minute_text
from gateway.sums import basis_row


class Evidence(Protocol):
    """Entries that can be asked for: those of a gateway's journal, or those of an export."""

    gateway: str

    def entry(self, sequence: int) -> Entry:
        """Return the entry with this sequence number; raises ProblemError where it is not here."""

    def figures(self, start_s: int, end_s: int) -> list[tuple[int, Account | SelfUse]]:
        """Return (sequence, record) of the accounts and periods that start in [start_s, end_s), as known now."""

    def declarations(self, start_s: int, end_s: int) -> list[tuple[int, Declaration]]:
        """Return (sequence, declaration) of what was declared for [start_s, end_s), or is booked from there on."""

    def anchors(self) -> list[TimeAnchor]:
        """Return every anchor of time that is here."""

    def batch(self, sequence: int) -> tuple[int, int] | None:
        """Return the first and the last entry of the signed batch that holds *sequence*, None before it is sealed."""

    def receipted(self, sequence: int) -> bool:
        """Tell whether the platform gave its receipt for *sequence*."""


class Explanation:
    """Explains figures out of one body of evidence; configurations are read once."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._known: dict[int, Terms] = {}

    def day(self, name: str, day: str, method: str, factor_set: str) -> Plain:
        """Return the figure of the meter point *name* on *day*, and what it is the sum of.

        With no *factor_set*, the one that the configuration names first.
        """
        parts = []
        for sequence, record in self._evidence.figures(*day_bounds(day)):
            for tally in _tallies(record, name, method, factor_set)[:1]:
                factor_set = tally.factor_set
                parts.append(
                        {
                            "entry": sequence, "start_s": record.start_s, "end_s": record.end_s, "wh": tally.wh,
                            "green_wh": tally.green_wh, "carbon_ug": tally.carbon_ug,
                        }
                    )  # fmt: skip
        if not parts:
            raise _no_figure(name, day, method, factor_set)
        total = {key: sum(part[key] for part in parts) for key in ("wh", "green_wh", "carbon_ug")}
        return {"meter_point": name, "method": method, "factor_set": factor_set, "day": day, **total, "parts": parts}

    def figure(self, name: str, at_s: int, method: str, factor_set: str) -> Plain:
        """Return what the figure of the meter point *name* rests on, in the interval or period that holds *at_s*."""
        when, closed = minute_text(at_s), False
        for sequence, record in self._holding(at_s, method):
            closed = True
            for tally in _tallies(record, name, method, factor_set):
                return self._figure(sequence, record, tally)
        if closed:
            raise _no_figure(name, when, method, factor_set)
        raise ProblemError(
            problem(
                "WP-ACC-123", name, "no interval that is closed holds {when}",
                "an interval is closed some time after its end; wattproof tally DAY shows what there is of a day",
                when=when,
            )
        )  # fmt: skip

    def rests_on(self, meter: str, at_s: int) -> Plain:
        """Return which figures rest on the registers of *meter* read for the interval that holds *at_s*."""
        for sequence, record in self._holding(at_s, FLOW):
            assert isinstance(record, Account)
            configuration = self._terms(record.config)
            points = [point for point in configuration.site.meter_points if point.meter == meter]
            if not points:
                break
            names = {point.name for point in points}
            busbars = {point.busbar for point in points} | {point.to_busbar for point in points}
            ties = any(point.role == "tie" for point in points)
            touched = [a for a in record.allocations if ties or {a.source, a.sink} & names]
            sinks = {a.sink for a in touched} | names
            sinks |= {RESIDUAL + r.busbar for r in record.residuals if r.source in names or r.busbar in busbars}
            periods = [
                {"entry": number, "start_s": period.start_s, "end_s": period.end_s}
                for number, period in self._evidence.figures(record.start_s - 86400, record.end_s)
                if isinstance(period, SelfUse) and period.start_s <= record.start_s < period.end_s
            ]
            return {
                "meter": meter,
                **self._place(sequence, record),
                "registers": [self._register(span, record) for span in record.spans if span.meter == meter],
                "energies": [energy_row(e) for e in record.energies if e.meter_point in names],
                "allocations": [allocation_row(a) for a in touched],
                "tallies": [tally_row(t) for t in record.tallies if t.meter_point in sinks],
                "self_use": periods,
            }
        raise ProblemError(
            problem(
                "WP-ACC-062", meter, "no interval of this time rests on the registers of {meter}",
                "wattproof tally shows the meter points there are; a meter without a meter point counts for nothing",
                meter=meter,
            )
        )  # fmt: skip

    def is_meter(self, name: str, at_s: int) -> bool:
        """Tell whether the configuration of that time has a meter called *name*, and no meter point of that name."""
        for _, record in self._holding(at_s, FLOW):
            site = self._terms(record.config).site
            points = [point.name for point in site.meter_points]
            return name not in points and name in [meter.name for meter in site.meters]
        return False

    def _holding(self, at_s: int, method: str) -> "list[tuple[int, Account | SelfUse]]":
        kind = Account if method == FLOW else SelfUse
        found = self._evidence.figures(at_s - 86400, at_s + 1)
        return [(n, r) for n, r in found if isinstance(r, kind) and r.start_s <= at_s < r.end_s]

    def _terms(self, sequence: int) -> Terms:
        if sequence not in self._known:
            self._known[sequence] = terms_of(self._evidence.entry(sequence))
        return self._known[sequence]

    def _place(self, sequence: int, record: "Account | SelfUse") -> Plain:
        """Return where a record stands: its entry and link, its batch and receipt, and its configuration."""
        batch = self._evidence.batch(sequence)
        return {
            "start_s": record.start_s,
            "end_s": record.end_s,
            "gateway": self._evidence.gateway,
            "entry": sequence,
            "link": self._evidence.entry(sequence).link.hex(),
            "batch": list(batch) if batch else None,
            "receipted": self._evidence.receipted(sequence),
            "configuration": {"entry": record.config, "sha256": self._terms(record.config).digest},
        }

    def _figure(self, sequence: int, record: "Account | SelfUse", tally: Tally) -> Plain:
        terms = self._terms(record.config)
        site = terms.site
        rows = [terms.factors.lookup(tally.factor_set, o, site.province, record.start_s) for o, _ in tally.by_origin]
        fallback = terms.factors.lookup(tally.factor_set, "grid", site.province, record.start_s)
        used = [row or fallback for row in rows]
        answer = {
            "meter_point": tally.meter_point,
            **self._place(sequence, record),
            "method": tally.method,
            "rule": rule_row(site) if isinstance(record, SelfUse) else {},
            "factor_set": tally.factor_set,
            "wh": tally.wh,
            "green_wh": tally.green_wh,
            "carbon_ug": tally.carbon_ug,
            "basis": basis_row(record.basis),
            "origins": [
                origin_row(site, record, tally, number, row) for number, row in enumerate(used)
            ],
        }  # fmt: skip
        if isinstance(record, SelfUse):
            inside = [
                (number, one)
                for number, one in self._evidence.figures(record.start_s, record.end_s)
                if isinstance(one, Account)
            ]
            return {**answer, "intervals": [self._interval(number, one) for number, one in inside]}
        return {
            **answer,
            "allocations": [allocation_row(a) for a in record.allocations if a.sink == tally.meter_point],
            "intervals": [self._interval(sequence, record)],
        }

    def _register(self, span: Span, record: Account) -> Plain:
        """Return one register of an interval, with what was declared of it."""
        terms = self._terms(record.config)
        if DECLARED not in span.flag:
            return register_row(span, terms)
        began = None
        for _, one in self._evidence.figures(record.start_s - 86400, record.start_s + 1):
            for other in one.spans if isinstance(one, Account) else ():
                ends = (other.end_words, other.end_ms) == (span.start_words, span.start_ms)
                if ends and other[:2] == span[:2]:
                    began = self._terms(one.config).channels.get((span.meter, span.quantity))
        said = [
            declaration_row(number, one)
            for number, one in self._evidence.declarations(span.start_ms // 1000, span.end_ms // 1000 + 1)
            if one.subject == span.meter and span.start_ms <= one.at_ms < span.end_ms
        ]
        return register_row(span, terms, began, tuple(said))

    def _interval(self, sequence: int, record: Account) -> Plain:
        """Return the energies, registers and storages of one interval."""
        configuration = self._terms(record.config)
        points = {point.name: point for point in configuration.site.meter_points}
        return {
            "entry": sequence,
            "start_s": record.start_s,
            "end_s": record.end_s,
            "energies": [
                {
                    **energy_row(energy),
                    **given_row(points[energy.meter_point], energy),
                    "registers": [
                        self._register(span, record)
                        for span in record.spans
                        if counts(span, points[energy.meter_point], record)
                    ],
                }
                for energy in record.energies
            ],
            "storages": [
                {
                    "storage": storage.meter_point,
                    "rule": storage.rule,
                    "efficiency_permille": storage.efficiency_permille,
                    "before": content_rows(record.pools_before, storage.meter_point),
                    "after": content_rows(record.pools_after, storage.meter_point),
                    "declared": [
                        declaration_row(number, one)
                        for number, one in self._evidence.declarations(record.start_s, record.start_s + 1)
                        if one.subject == storage.meter_point and booked_in(one.values) == record.start_s
                    ],
                }
                for storage in configuration.site.storages
            ],
        }


def _no_figure(name: str, when: str, method: str, factor_set: str) -> ProblemError:
    return ProblemError(
        problem(
            "WP-ACC-063", name, "there is no figure of {name} by {method} for {when}",
            "wattproof tally DAY lists meter points, methods and factor sets; a sink that took nothing has no figure",
            name=name, method=", ".join(one for one in (method, factor_set) if one), when=when,
        )
    )  # fmt: skip


def _tallies(record: object, name: str, method: str, factor_set: str) -> list[Tally]:
    if not isinstance(record, (Account, SelfUse)):
        return []
    wanted = (name, method)
    found = [tally for tally in record.tallies if (tally.meter_point, tally.method) == wanted]
    return [tally for tally in found if factor_set in ("", tally.factor_set)]


def explained(explanation: Explanation, asked: Plain) -> Plain:
    """Return the answer to a question: of a day, of an interval, or from a meter upwards."""
    name, method, factors = str(asked["name"]), str(asked.get("method", FLOW)), str(asked.get("factors", ""))
    if "day" in asked:
        return explanation.day(name, str(asked["day"]), method, factors)
    at_s = int(asked["at_s"])
    if explanation.is_meter(name, at_s):
        return explanation.rests_on(name, at_s)
    return explanation.figure(name, at_s, method, factors)
