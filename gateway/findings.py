"""Findings: what a person should look at or declare, as events when it begins and in the status while it lasts."""

from typing import Any

from gateway.core.account.checks import IntervalChecks
from gateway.core.account.declared import ACCEPT, CONTENT
from gateway.core.account.interval import Span
from gateway.core.flag import DECREASED, QUARANTINED
from gateway.core.record import Declaration
from gateway.core.settlement import ClosedInterval
from gateway.core.site import Site

# Codes of events and findings; those of energies stand in `gateway.core.account.checks`.
LEFT = "register-left"  # the configuration reads or scales it otherwise: its open interval is missing
FELL = "register-decreased"
JUMPED = "register-quarantined"
UNDECLARED = "content-undeclared"  # nobody said for half a year what a storage really holds
_OF_FLAG = ((DECREASED, FELL), (QUARANTINED, JUMPED))
# Losses of a storage are to be settled within six months (granular certificate schemes).
CONTENT_AGE_S = 183 * 86400

News = list[tuple[str, dict[str, str]]]  # code and details of events


def command_for(code: str, meter: str, ratio: str = "") -> str:
    """Return what to declare of *meter*; *ratio*: its new CT ratio where only the ratios differ."""
    if code == JUMPED:
        return "wattproof declare accept %s --at TIME --by NAME --reason TEXT" % meter
    if ratio:
        return 'wattproof declare ratio %s --ct %s --reading "KWH kWh" --at TIME --by NAME --reason TEXT' % (
            meter,
            ratio,
        )
    readings = '--old-final "KWH kWh" --new-initial "KWH kWh"'
    return "wattproof declare exchange %s %s --at TIME --by NAME --reason TEXT" % (meter, readings)


def new_ratio(before: Site, now: Site, name: str) -> str:
    """Return the new CT ratio of a meter that is the same but for its transformers, else ""."""
    old = next((one for one in before.meters if one.name == name), None)
    new = next((one for one in now.meters if one.name == name), None)
    if old is None or new is None or old._replace(ct_ratio=new.ct_ratio, vt_ratio=new.vt_ratio) != new:
        return ""
    return "%d/%d" % new.ct_ratio


class Findings:
    """What is to be looked at in one site."""

    def __init__(self, site: Site, shared: tuple[str, ...]) -> None:
        """Begin; shared: busbars at which other gateways measure too."""
        self._site = site
        self._checks = IntervalChecks(site, shared)
        self._open: dict[tuple[str, str, str], list[Any]] = {}  # (code, meter, register): since, what to declare
        self._contents: dict[str, int] = {}  # when it was last said what a storage holds
        self._told: set[str] = set()

    def state(self) -> list[Any]:
        """Return what must survive a restart."""
        return [
            [[*key, *row] for key, row in sorted(self._open.items())],
            [[name, at_s] for name, at_s in sorted(self._contents.items())],
        ]

    def restore(self, state: list[Any]) -> None:
        """Go on from a state."""
        self._open = {(code, meter, quantity): rest for code, meter, quantity, *rest in state[0]}
        self._contents = dict(state[1])

    def left(self, meter: str, quantity: str, open_s: int | None, ratio: str) -> News:
        """Take it that the new configuration leaves a register behind; open_s: start of the interval that misses it."""
        command = command_for(LEFT, meter, ratio)
        if open_s is not None:
            self._open[LEFT, meter, quantity] = [open_s, command]
        return [(LEFT, {"meter": meter, "quantity": quantity, "declare": command})]

    def closed(self, one: ClosedInterval) -> News:
        """Take a closed interval."""
        news = self.spans(one.spans, one.start_s)
        for code, place in self._checks.take(one.start_s, one.end_s, one.energies):
            news.append((code, {"place": place, **self._checks.standing[code, place]}))
        for storage in self._site.storages:
            name = storage.meter_point
            since_s = self._contents.setdefault(name, one.start_s)
            if one.start_s - since_s > CONTENT_AGE_S and name not in self._told:
                self._told.add(name)
                news.append((UNDECLARED, {"place": name, "since_s": str(since_s)}))
        return news

    def spans(self, spans: tuple[Span, ...], start_s: int) -> News:
        """Take the spans of an interval, or those that came late."""
        news: News = []
        for span in spans:
            for flag, code in _OF_FLAG:
                key = (code, span.meter, span.quantity)
                if flag in span.flag and key not in self._open:
                    command = command_for(code, span.meter)
                    self._open[key] = [start_s, command]
                    details = {"meter": span.meter, "quantity": span.quantity, "start_s": str(start_s)}
                    news.append((code, {**details, "declare": command}))
        return news

    def declared(self, record: Declaration) -> None:
        """Take it that a person declared something: what waited for it is settled."""
        if record.what == CONTENT:
            self._contents[record.subject] = record.at_ms // 1000
            self._told.discard(record.subject)
            return
        settled = (JUMPED,) if record.what == ACCEPT else (LEFT, FELL, JUMPED)
        self._open = {key: row for key, row in self._open.items() if key[1] != record.subject or key[0] not in settled}

    def all(self, now_s: int) -> list[dict[str, Any]]:
        """Return what holds now, as plain values."""
        meters = {meter.name for meter in self._site.meters}
        found = [
            {
                "code": code,
                "place": meter,
                "details": {"quantity": quantity, "start_s": str(since_s)},
                "declare": command,
            }
            for (code, meter, quantity), (since_s, command) in sorted(self._open.items())
            if meter in meters
        ]
        found += [
            {"code": code, "place": place, "details": details, "declare": None}
            for (code, place), details in sorted(self._checks.standing.items())
        ]
        for name, since_s in sorted(self._contents.items()):
            if now_s - since_s > CONTENT_AGE_S and name in [row.meter_point for row in self._site.storages]:
                command = 'wattproof declare content %s "KWH kWh" --at TIME --by NAME --reason TEXT' % name
                details = {"since_s": str(since_s)}
                found.append({"code": UNDECLARED, "place": name, "details": details, "declare": command})
        return found
