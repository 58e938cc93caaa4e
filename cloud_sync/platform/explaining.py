"""Explaining: from a tonne of CO2 of a year down to the words of registers, and from a meter up to the year."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cloud_sync.platform import standing
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.ledger_evidence import LedgerEvidence
from cloud_sync.platform.park import is_park
from cloud_sync.platform.report_bases import bases, gateways_of
from cloud_sync.platform.reports import CONSUMERS, Period, choices, rows
from cloud_sync.platform.stretch import DAY, YEAR, Stretch, months_of, stretch
from gateway.core.account.trace import SELF_USE
from gateway.core.problem import Problem, ProblemError, problem
from gateway.explanation import Explanation
from gateway.exports.stretch import Current

AMOUNTS = ("wh", "green_wh", "carbon_ug")
Plain = dict[str, Any]


class Figure(NamedTuple):
    """Which figure is asked for: of a gateway, or of a park of several, of one meter point or ("") all consumers."""

    gateway: str
    meter_point: str
    method: str
    factor_set: str


class LedgerExplanation:
    """Explains the figures that a ledger counts."""

    def __init__(self, ledger: Ledger, zone: ZoneInfo) -> None:
        self._ledger = ledger
        self._zone = zone

    def chosen(self, gateway: str, meter_point: str, method: str, factor_set: str) -> Figure:
        """Return the figure asked for; raises ProblemError where it is open which gateway is meant."""
        known = [row["gateway"] for row in rows(self._ledger, "SELECT DISTINCT gateway FROM point ORDER BY gateway")]
        if gateway not in known and (gateway or len(known) != 1):
            raise ProblemError(
                problem(
                    "WP-EXP-062", gateway or "--gateway", "it is not clear whose figure is meant",
                    "name one by --gateway: {known}", known=", ".join(known) or "-",
                )
            )  # fmt: skip
        gateway = gateway or known[0]
        first = standing.site(self._ledger, gateway).get("gateway", {}).get("factor_sets", [])
        sets = [*first, *choices(self._ledger, gateway)["factor_sets"], ""]
        return Figure(gateway, meter_point, method, factor_set or sets[0])

    def total(self, figure: Figure, when: Stretch) -> Plain:
        """Return a figure of a year, month or day, the parts it is the sum of, and by how much they differ from it."""
        counted = self._counted(figure, when)
        if counted is None:
            raise _absent(figure, when.text)
        if not figure.meter_point:
            names = [row["meter_point"] for row in self._rows(figure, when, "GROUP BY meter_point ORDER BY 1")]
            parts = [
                {"meter_point": name, **(self._counted(figure._replace(meter_point=name), when) or {})}
                for name in names
            ]
        elif when.kind == DAY:
            parts = list(self._intervals(figure, when))
        else:
            inner = months_of(when, self._zone) if when.kind == YEAR else _days_of(when, self._zone)
            found = [(one, self._counted(figure, one)) for one in inner]
            parts = [{"when": one.text, **amounts} for one, amounts in found if amounts is not None]
        return {
            **figure._asdict(),
            "when": when.text,
            **counted,
            "difference": {key: counted[key] - sum(part[key] for part in parts) for key in AMOUNTS},
            "basis": bases(self._ledger, figure.gateway, Period(when.start_s, when.end_s), figure.method),
            "parts": parts,
        }

    def at(self, figure: Figure, at_s: int) -> Plain:
        """Return the figure of the interval or period that holds *at_s*, down to words, and the sums it is part of."""
        explanation = self._explanation(figure.gateway)
        found = explanation.figure(figure.meter_point, at_s, figure.method, figure.factor_set)
        return {**found, "part_of": self._part_of(figure, found["start_s"])}

    def meter(self, figure: Figure, meter: str, at_s: int) -> Plain:
        """Return which figures rest on the registers of *meter* in the interval that holds *at_s*, up to the year."""
        found = self._explanation(figure.gateway).rests_on(meter, at_s)
        for one in found["tallies"]:
            mine = Figure(figure.gateway, one["meter_point"], one["method"], one["factor_set"])
            one["part_of"] = self._part_of(mine, found["start_s"])
        names = sorted({(one["meter_point"], one["factor_set"]) for one in found["tallies"]})
        for period in found["self_use"]:
            when = Stretch("", "", period["start_s"], period["end_s"])
            asked = [Figure(figure.gateway, name, SELF_USE, factor_set) for name, factor_set in names]
            sums = [(one, self._counted(one, when)) for one in asked]
            period["tallies"] = [
                {**one._asdict(), **amounts, "part_of": self._part_of(one, period["start_s"])}
                for one, amounts in sums
                if amounts is not None
            ]
        return found

    def down(self, figure: Figure, when: Stretch) -> list[Plain]:
        """Return the way from a sum down to words: at every level the part with the most carbon is gone on with."""
        levels = [self.total(figure, when)]
        while True:
            largest = max(levels[-1]["parts"], key=lambda part: int(part["carbon_ug"]))
            if "meter_point" in largest:
                figure = figure._replace(meter_point=largest["meter_point"])
            elif "start_s" in largest:
                return [*levels, self.at(figure, largest["start_s"])]
            else:
                when = stretch(largest["when"], self._zone)
            levels.append(self.total(figure, when))

    def _explanation(self, gateway: str) -> Explanation:
        if is_park(gateway):
            names = gateways_of(self._ledger, gateway)
            raise ProblemError(
                problem(
                    "WP-EXP-061", gateway, "an interval of this park is composed of those of its gateways",
                    "explain theirs by --gateway: {names}", names=", ".join(names),
                )
            )  # fmt: skip
        return Explanation(LedgerEvidence(self._ledger, gateway))

    def _intervals(self, figure: Figure, when: Stretch) -> Iterator[Plain]:
        """Yield the intervals or periods of a day as their records say them; of a park as it is composed."""
        if is_park(figure.gateway):
            for row in self._rows(figure, when, "GROUP BY start_s, end_s ORDER BY start_s"):
                yield {"start_s": row["start_s"], "end_s": row["end_s"], **{key: row[key] for key in AMOUNTS}}
            return
        wanted = (figure.meter_point, figure.method, figure.factor_set)
        found: list[tuple[int, Current]] = LedgerEvidence(self._ledger, figure.gateway).figures(*when[2:])
        for sequence, record in found:
            for one in record.tallies:
                if one[:3] == wanted and record.end_s <= when.end_s:
                    amounts = {key: getattr(one, key) for key in AMOUNTS}
                    yield {"entry": sequence, "start_s": record.start_s, "end_s": record.end_s, **amounts}

    def _part_of(self, figure: Figure, at_s: int) -> list[Plain]:
        """Return the sums of the day, the month and the year that the figure at *at_s* is part of."""
        day = datetime.fromtimestamp(at_s, self._zone).strftime("%Y-%m-%d")
        wholes = [stretch(text, self._zone) for text in (day, day[:7], day[:4])]
        return [{"when": one.text, **(self._counted(figure, one) or {})} for one in wholes]

    def _counted(self, figure: Figure, when: Stretch) -> Plain | None:
        (row,) = self._rows(figure, when, "")
        return None if row["wh"] is None else {key: row[key] for key in AMOUNTS}

    def _rows(self, figure: Figure, when: Stretch, grouped: str) -> list[Plain]:
        """Return sums of what the tables count of *figure* in the time of *when*."""
        marks = ", ".join("?" * len(CONSUMERS))
        question = (
            "SELECT tally.meter_point, tally.start_s, tally.end_s, sum(wh) AS wh, sum(green_wh) AS green_wh,"
            " sum(carbon_ug) AS carbon_ug FROM tally"
            " LEFT JOIN point ON point.gateway = tally.gateway AND point.name = tally.meter_point"
            " WHERE tally.gateway = ? AND method = ? AND factor_set = ? AND start_s >= ? AND end_s <= ? AND "
        )
        only = "tally.meter_point = ? " if figure.meter_point else f"point.role IN ({marks}) "
        values = (figure.meter_point,) if figure.meter_point else CONSUMERS
        chosen = (figure.gateway, figure.method, figure.factor_set, when.start_s, when.end_s, *values)
        return rows(self._ledger, question + only + grouped, *chosen)


def _days_of(month: Stretch, zone: ZoneInfo) -> list[Stretch]:
    found = []
    for number in range(1, 32):
        try:
            found.append(stretch("%s-%02d" % (month.text, number), zone))
        except ProblemError:  # the month is over
            break
    return found


def _absent(figure: Figure, when: str) -> ProblemError:
    return ProblemError(
        problem(
            "WP-EXP-063", when, "there is no figure of {name} by {method} and {set} here",
            "wattproof-platform show and report tell meter points, methods and factor sets; a sink that took nothing"
            " has no figure",
            name=figure.meter_point or figure.gateway, method=figure.method, set=figure.factor_set or "-",
        )
    )  # fmt: skip


def unequal(levels: list[Plain]) -> list[Problem]:
    """Return a problem for every sum that its parts do not make up exactly."""
    return [
        problem(
            "WP-EXP-060", one["when"], "the parts of {name} differ from what is counted: {difference}",
            "run wattproof-platform verify; with --rebuild it makes the tables anew",
            name=one["meter_point"] or one["gateway"],
            difference=", ".join("%s %d" % pair for pair in one["difference"].items()),
        )
        for one in levels
        if any(one.get("difference", {}).values())
    ]  # fmt: skip
