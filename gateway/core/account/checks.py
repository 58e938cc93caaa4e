"""Checks over closed intervals: what the energies of meter points say about their meters, beside each register alone.

They change no figure: they say what a person should look at. Intervals in which a register was missing, went backwards
or is in quarantine are left out. Nothing is said without a history long enough to say it.
"""

from gateway.core.account.balance import CODES, cause_of
from gateway.core.account.interval import Energy
from gateway.core.account.point_energy import flows, network_of
from gateway.core.flag import DECREASED, MISSING, QUARANTINED
from gateway.core.park_day import DAY_S, HOUR_S, park_day
from gateway.core.site import Site

# Codes of findings; those of balances stand in `balance`.
SPIKE = "energy-spike"  # one interval of the day far above all others
ZERO = "energy-zero"  # an hour without consumption where there always was some

WEEK_HOURS = 7 * 24
# (highest - third highest) / third highest: the usual spike check of interval data.
_SPIKE = (18, 10)
_LEAST_OF_DAY = 12  # intervals
_LEAST_SPIKE_PERCENT = 1  # of what the connection carries; less is noise around nought
_DAYS_BEFORE = (1, 2, 3, 7)  # in all of which there was consumption in the same hour
_HOURS_OF_BALANCE = 48
_DOUBTFUL = (MISSING, DECREASED, QUARANTINED)


class IntervalChecks:
    """The checks of one site; it remembers a week of hours."""

    def __init__(self, site: Site, shared: "tuple[str, ...]" = ()) -> None:
        """Look at *site*; shared: busbars at which other gateways measure too, whose balance nobody here can tell."""
        self._shared = shared
        self.standing: "dict[tuple[str, str], dict[str, str]]" = {}  # what holds now, by code and place
        self._site = site
        power = {meter.name: meter.max_power_w for meter in site.meters}
        self._max_power_w = {point.name: power[point.meter] for point in site.meter_points if point.meter in power}
        self._hour_s: "int | None" = None
        self._in_hour: "dict[str, list[int]]" = {}  # import and export of a point so far
        self._doubtful: "set[str]" = set()
        self._balance_in_hour: "dict[str, list[int]]" = {}
        self._unbalanced: "set[str]" = set()  # busbars of which a point is doubtful in this hour
        self._hours: "dict[str, list[tuple[int, int]]]" = {}  # (start, Wh consumed) of a load
        self._balances: "dict[str, list[tuple[int, int]]]" = {}
        self._of_day: "dict[str, list[tuple[int, int]]]" = {}  # (Wh, start) of the intervals of the day

    def take(self, start_s: int, end_s: int, energies: "tuple[Energy, ...]") -> "list[tuple[str, str]]":
        """Take one closed interval; return (code, place) of what holds since now."""
        before = set(self.standing)
        hour_s = start_s // HOUR_S * HOUR_S
        if self._hour_s is not None and hour_s != self._hour_s:
            self._end_hour(self._hour_s)
            if park_day(hour_s) != park_day(self._hour_s):
                self._end_day()
        self._hour_s = hour_s
        for energy in energies:
            if [letter for letter in _DOUBTFUL if letter in energy.flag]:
                self._doubtful.add(energy.meter_point)
                continue
            sums = self._in_hour.setdefault(energy.meter_point, [0, 0])
            sums[0] += energy.import_wh
            sums[1] += energy.export_wh
            wh = energy.import_wh + energy.export_wh
            self._of_day.setdefault(energy.meter_point, []).append((wh * HOUR_S // (end_s - start_s), start_s))
        self._balance(energies)
        return sorted([key for key in self.standing if key not in before])

    def _balance(self, energies: "tuple[Energy, ...]") -> None:
        network = network_of(self._site, energies)
        given = {name: [0, 0] for name in network.busbars}
        for source in network.sources:
            given[source.busbar][0] += source.wh
        for sink in network.sinks:
            given[sink.busbar][1] += sink.wh
        if len(network.busbars) > 1:  # the park as a whole: what its points take against what its intakes give
            rows = [given[name] for name in network.busbars]
            given[""] = [sum([row[0] for row in rows]), sum([row[1] for row in rows])]
        wh = {energy.meter_point: energy for energy in energies}
        for point in self._site.meter_points:
            if point.role == "tie" and point.name in wh:
                forward, back = flows(point, wh[point.name])
                given[point.busbar][0] += back
                given[point.busbar][1] += forward
                given[point.to_busbar][0] += forward
                given[point.to_busbar][1] += back
        for name in given:
            if name in self._shared or (self._shared and not name):
                continue
            sums = self._balance_in_hour.setdefault(name, [0, 0])
            sums[0] += given[name][0]
            sums[1] += given[name][1]

    def _end_hour(self, hour_s: int) -> None:
        places = {point.name: point for point in self._site.meter_points}
        for name in self._doubtful:
            self._unbalanced.update([places[name].busbar, places[name].to_busbar, ""])
        for name in sorted(self._in_hour):
            if places[name].role in ("load", "own_use") and name not in self._doubtful:
                self._judge_zero(name, hour_s, self._in_hour[name][0])
        for name in self._balance_in_hour:
            through, out = self._balance_in_hour[name]
            if name not in self._unbalanced:
                rows = self._balances.setdefault(name, [])
                rows.append((through, through - out))
                del rows[:-_HOURS_OF_BALANCE]
        self._in_hour, self._balance_in_hour = {}, {}
        self._doubtful, self._unbalanced = set(), set()

    def _judge_zero(self, name: str, hour_s: int, wh: int) -> None:
        rows = self._hours.setdefault(name, [])
        known = {row[0]: row[1] for row in rows}
        earlier = [known.get(hour_s - days * DAY_S, 0) for days in _DAYS_BEFORE]
        rows.append((hour_s, wh))
        del rows[:-WEEK_HOURS]
        if wh:
            self._stand(ZERO, name, None)
        elif min(earlier):
            self._stand(ZERO, name, {"since_s": "%d" % hour_s, "week_before_wh": "%d" % earlier[-1]})

    def _end_day(self) -> None:
        for name in sorted(self._of_day):
            rows = sorted(self._of_day[name], reverse=True)
            highest, third = rows[0][0], rows[2][0] if len(rows) >= _LEAST_OF_DAY else rows[0][0]
            large = highest * 100 >= self._max_power_w.get(name, 0) * _LEAST_SPIKE_PERCENT
            spike = large and third and (highest - third) * _SPIKE[1] > third * _SPIKE[0]
            details = {"at_s": "%d" % rows[0][1], "highest_w": "%d" % highest, "third_w": "%d" % third}
            self._stand(SPIKE, name, details if spike else None)
        self._of_day = {}
        for name in sorted(self._balances):
            rows = self._balances[name]
            cause = cause_of(rows)
            details = {
                "residual_wh": "%d" % sum([row[1] for row in rows]),
                "through_wh": "%d" % sum([row[0] for row in rows]),
                "hours": "%d" % len(rows),
            }
            for code in CODES:
                self._stand(code, name, details if code == cause else None)

    def _stand(self, code: str, name: str, details: "dict[str, str] | None") -> None:
        """Let a finding hold from now on, or no more; what holds already keeps its first details."""
        if details is None:
            self.standing.pop((code, name), None)
        elif (code, name) not in self.standing:
            self.standing[(code, name)] = details
