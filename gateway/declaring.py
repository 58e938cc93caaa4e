"""Declaring: what a person declares of a meter, checked against the journal, and the amendments it leads to."""

from typing import Any, NamedTuple

from gateway.config import Configuration, configuration_of
from gateway.core.account import declared
from gateway.core.account.declared import Change, accepted_energy, change_of, changed_energy, part_span
from gateway.core.account.interval import Energy, Span
from gateway.core.flag import DECREASED, MISSING, QUARANTINED
from gateway.core.late_truth import late_energies
from gateway.core.meter.decoding import energy_wh
from gateway.core.meter.plausibility import most_rise_wh
from gateway.core.notation import WATT_HOURS, measure
from gateway.core.problem import ProblemError, problem
from gateway.core.record import Declaration
from gateway.core.settlement import Channel, account_channels
from gateway.core.site import Meter
from gateway.evidence import JournalEvidence, configuration_record
from gateway.figures import newest_account
from gateway.journal import Journal
from gateway.register_run import Booked, Key, Run, run_around

# So far ahead of the gateway's clock a moment may lie: clocks of people differ.
_AHEAD_MS = 300_000
_TEXT_MAX = 256  # characters: what the platform takes of any text


class Effect(NamedTuple):
    """What a declaration leads to: the new spans of closed intervals (start, end, spans), and the energies of the
    meter before and after; or nothing yet, because the interval that holds its moment is still open."""

    rows: tuple[tuple[int, int, tuple[Span, ...]], ...]
    before: tuple[tuple[Energy, ...], ...]
    after: tuple[tuple[Energy, ...], ...]
    pending: bool


class Declaring:
    """Declarations of one gateway, by its journal."""

    def __init__(self, configuration: Configuration, journal: Journal) -> None:
        self.configuration = configuration
        self.journal = journal
        self._channels: dict[int, dict[Key, Channel]] = {}

    def channel(self, config: int, key: Key) -> Channel:
        """Return the register *key* as the configuration in the entry *config* reads it."""
        if config not in self._channels:
            record = configuration_record(JournalEvidence(str(self.journal.path), self.journal), config)
            read = configuration_of(record.site, record.factors, record.profiles)
            channels = account_channels(read.site, read.profiles)
            self._channels[config] = {(one.meter, one.quantity): one for one in channels}
        return self._channels[config][key]

    def made(self, first_ms: int, end_ms: int) -> list[tuple[int, Declaration]]:
        """Return (sequence, declaration) of the declarations for moments in [first_ms, end_ms), in that order."""
        evidence = JournalEvidence(str(self.journal.path), self.journal)
        found = evidence.declarations(first_ms // 1000, end_ms // 1000 + 1)
        found = [one for one in found if first_ms <= one[1].at_ms < end_ms]
        return sorted(found, key=lambda one: (one[1].at_ms, one[0]))

    def effect(self, record: Declaration) -> Effect:
        """Return what *record* leads to; raises ProblemError where it cannot be right."""
        site = self.configuration.site
        channels = account_channels(site, self.configuration.profiles)
        keys = [(one.meter, one.quantity) for one in channels if one.meter == record.subject]
        amended: dict[int, tuple[Booked, dict[str, Span]]] = {}
        if record.what == declared.ACCEPT:
            keys = [key for key in keys if self._is_quarantined(key, record.at_ms)]
            if not keys:
                raise _nothing_to_accept(record)
        for key in keys:
            run = run_around(self.journal, key, record.at_ms)
            if run is None and not self._is_open(record.at_ms):
                raise _no_reading(record)
            if run is None or run.end is None:
                return Effect((), (), (), True)
            total_wh, flag = self._energy(key, run, record)
            for number, one in enumerate(run.intervals):
                blank = Span(
                    *key, run.start.words, run.start.at_ms, run.end.words, run.end.at_ms,
                    number, len(run.intervals), 0, "", run.start.before, run.end.before, 0, 0,
                )  # fmt: skip
                spans = amended.setdefault(one.account.start_s, (one, {}))[1]
                spans[key[1]] = part_span(blank, total_wh, flag)
        rows, before, after = [], [], []
        for start_s in sorted(amended):
            one, spans = amended[start_s]
            old = one.of_meter(record.subject)
            before.append(late_energies(site, old))
            after.append(late_energies(site, [spans.get(span.quantity, span) for span in old]))
            rows.append((start_s, one.account.end_s, tuple(spans[quantity] for quantity in sorted(spans))))
        return Effect(tuple(rows), tuple(before), tuple(after), False)

    def _is_open(self, at_ms: int) -> bool:
        """Tell whether no interval that holds this moment, or a later one, was closed."""
        newest = newest_account(self.journal)
        return newest is None or newest.end_s * 1000 <= at_ms

    def _is_quarantined(self, key: Key, at_ms: int) -> bool:
        run = run_around(self.journal, key, at_ms)
        return run is not None and QUARANTINED in run.intervals[0].spans[key][0].flag

    def _energy(self, key: Key, run: Run, record: Declaration) -> tuple[int, str]:
        """Return the energy of *run* with *record* and what was declared before; raises ProblemError if it cannot."""
        assert run.end is not None
        before, after = self.channel(run.start.config, key), self.channel(run.end.config, key)
        if record.what == declared.ACCEPT:
            total_wh, flag = accepted_energy(after.point, after.ratios, run.start.words, run.end.words)
            return total_wh + run.start.rest_wh(before) - run.end.rest_wh(after), flag
        said = [one for _, one in self.made(run.start.at_ms, run.end.at_ms) if one != record]
        changes = changes_among([*said, record], key)
        total_wh, flag = changed_energy(before.point, run.start.words, changes, after.point, run.end.words)
        shown = [
            "%s Wh" % energy_wh(one.point, knot.words, ((1, 1), (1, 1)))
            for one, knot in ((before, run.start), (after, run.end))
        ]
        if DECREASED in flag or MISSING in flag:
            raise ProblemError(
                problem(
                    "WP-ACC-104", key[0],
                    "{register} showed {before} before this moment and {after} after it: these readings do not fit",
                    "the old final reading is at least the one before, the new initial one at most the one after;"
                    " look at the work order, at the moment, and at the unit",
                    register=key[1], before=shown[0], after=shown[1],
                )
            )  # fmt: skip
        elapsed_ms = run.end.at_ms - run.start.at_ms
        allowed_wh = most_rise_wh(after.point, after.ratios, after.max_power_w, elapsed_ms, run.end.words)
        if total_wh > allowed_wh:
            raise ProblemError(
                problem(
                    "WP-ACC-105", key[0],
                    "{register} would have counted {wh} Wh in {seconds} s; the connection carries at most {most} Wh",
                    "look at the readings and their unit, or correct max_power of the meter",
                    register=key[1], wh=total_wh, seconds=elapsed_ms // 1000, most=allowed_wh,
                )
            )  # fmt: skip
        return total_wh + run.start.rest_wh(before) - run.end.rest_wh(after), flag


def effect_answer(record: Declaration, effect: Effect) -> dict[str, Any]:
    """Return a declaration and what it leads to as plain values."""
    rows = []
    for (start_s, end_s, _), olds, news in zip(effect.rows, effect.before, effect.after, strict=True):
        for old, new in zip(olds, news, strict=True):
            rows.append(
                {
                    "start_s": start_s, "end_s": end_s, "meter_point": new.meter_point,
                    "before": {"import_wh": old.import_wh, "export_wh": old.export_wh, "flag": old.flag},
                    "after": {"import_wh": new.import_wh, "export_wh": new.export_wh, "flag": new.flag},
                }
            )  # fmt: skip
    return {
        "what": record.what, "subject": record.subject, "at_ms": record.at_ms, "by": record.by,
        "reason": record.reason, "values": dict(record.values), "effects": rows, "pending": effect.pending,
        "entry": None,
    }  # fmt: skip


def changes_among(records: list[Declaration], key: Key) -> list[Change]:
    """Return what *records* say of the register *key*, in the order of time."""
    own = [one for one in records if one.subject == key[0] and one.what in (declared.EXCHANGE, declared.RATIO)]
    found = [change_of(one.values, key[1], one.at_ms) for one in own]
    return sorted((one for one in found if one is not None), key=lambda one: one.at_ms)


def who_and_why(asked: dict[str, Any], now_ms: int) -> tuple[str, str]:
    """Return who answers for a declaration, and why it is made; raises ProblemError where it cannot be made now."""
    name, by, reason = str(asked["subject"]), str(asked["by"]).strip(), str(asked["reason"]).strip()
    if not by or not reason:
        raise ProblemError(
            problem("WP-ACC-108", name, "nobody answers for it", "say who declares it and why: --by NAME --reason TEXT")
        )
    for text in (name, by, reason, *(str(value) for value in dict(asked["values"]).values())):
        if len(text) > _TEXT_MAX or not text.isprintable():
            raise ProblemError(
                problem(
                    "WP-ACC-114", name[:_TEXT_MAX], "a text is longer than {most} characters, or no plain line",
                    "say it in one short line; the work order has the rest", most=_TEXT_MAX,
                )
            )  # fmt: skip
    if int(asked["at_ms"]) > now_ms + _AHEAD_MS:
        raise ProblemError(
            problem("WP-ACC-101", name, "this moment is still to come", "declare a change after it was made")
        )
    return by, reason


def declaration_of(declaring: Declaring, asked: dict[str, Any], stamp: Any, config: int) -> Declaration:
    """Return the declaration that *asked* means; raises ProblemError where something is missing or cannot be."""
    what, name, at_ms = str(asked["what"]), str(asked["subject"]), int(asked["at_ms"])
    said = {str(key): str(value) for key, value in dict(asked["values"]).items()}
    by, reason = who_and_why(asked, stamp.utc_ms)
    site = declaring.configuration.site
    meter = next((one for one in site.meters if one.name == name), None)
    channels = account_channels(site, declaring.configuration.profiles)
    quantities = [one.quantity for one in channels if one.meter == name]
    if meter is None or not quantities:
        raise ProblemError(
            problem(
                "WP-ACC-100", name, "no account is made from a meter of this name",
                "gateway.toml names the meters; one without a meter point counts for nothing",
            )
        )  # fmt: skip
    same = [number for number, one in declaring.made(at_ms, at_ms + 1) if (one.what, one.subject) == (what, name)]
    if same:
        raise ProblemError(
            problem(
                "WP-ACC-107", name, "this was declared already, in entry {entry}",
                "wattproof explain shows what it led to", entry=same[0],
            )
        )  # fmt: skip
    values = (
        [] if what == declared.ACCEPT else _readings(name, quantities, said) + _ratios(declaring, meter, said, at_ms)
    )
    if said.get(declared.SERIAL):
        values.append((declared.SERIAL, said[declared.SERIAL]))
    return Declaration(stamp, config, what, name, at_ms, by, reason, tuple(sorted(values)))


def _readings(name: str, quantities: list[str], said: dict[str, str]) -> list[tuple[str, str]]:
    """Return the readings that *said* states of every register; one without a name is of the only register."""
    values = []
    for quantity in quantities:
        for kind in (declared.FINAL, declared.INITIAL):
            text = said.get(kind + quantity, said.get(kind) if quantity == quantities[0] else None)
            if text is None:
                raise ProblemError(
                    problem(
                        "WP-ACC-103", name, "nothing is said of what {quantity} showed",
                        'every register that counts needs its readings, as --old-final "{quantity}=123.4 kWh"',
                        quantity=quantity,
                    )
                )  # fmt: skip
            if (measure(text, WATT_HOURS) or -1) < 0 and measure(text, WATT_HOURS) != 0:
                raise ProblemError(
                    problem(
                        "WP-ACC-102", name, "{text} is no reading of an energy register",
                        'write what the meter shows, in whole watt-hours, as "12345.60 kWh"', text=text,
                    )
                )  # fmt: skip
            values.append((kind + quantity, text))
    return values


def _ratios(declaring: Declaring, meter: Meter, said: dict[str, str], at_ms: int) -> list[tuple[str, str]]:
    """Return the ratios before and after the moment; after it those of the configuration hold."""
    texts = []
    for name, now in (("ct", meter.ct_ratio), ("vt", meter.vt_ratio)):
        stated = said.get(name)
        if stated is not None and stated != "%d/%d" % now:
            raise ProblemError(
                problem(
                    "WP-ACC-106", meter.name, "the configuration says {name}_ratio = {now}, not {stated}",
                    "put the new ratio into gateway.toml and start the gateway anew, then declare since when it holds",
                    name=name, now="%d/%d" % now, stated=stated,
                )
            )  # fmt: skip
        texts.append("%d/%d" % now)
    if said.get(declared.SERIAL) and meter.serial and said[declared.SERIAL] != meter.serial:
        raise ProblemError(
            problem(
                "WP-ACC-109", meter.name, "the configuration expects the serial number {serial}, not {stated}",
                "put the new serial number into gateway.toml and start the gateway anew, then declare the exchange",
                serial=meter.serial, stated=said[declared.SERIAL],
            )
        )  # fmt: skip
    channels = account_channels(declaring.configuration.site, declaring.configuration.profiles)
    key = next((one.meter, one.quantity) for one in channels if one.meter == meter.name)
    run = run_around(declaring.journal, key, at_ms)
    old = declaring.channel(run.start.config, key).ratios if run else (meter.ct_ratio, meter.vt_ratio)
    return [
        (declared.CT_BEFORE, "%d/%d" % old[0]), (declared.VT_BEFORE, "%d/%d" % old[1]),
        (declared.CT_AFTER, texts[0]), (declared.VT_AFTER, texts[1]),
    ]  # fmt: skip


def _no_reading(record: Declaration) -> ProblemError:
    return ProblemError(
        problem(
            "WP-ACC-110", record.subject, "the journal has no reading of this meter before that moment",
            "declare a moment after the first closed interval; what lies before it is in no account",
        )
    )  # fmt: skip


def _nothing_to_accept(record: Declaration) -> ProblemError:
    return ProblemError(
        problem(
            "WP-ACC-111", record.subject, "nothing of this meter is quarantined at that moment",
            "name a moment in an interval with the flag Q: wattproof explain METER TIME shows it",
        )
    )  # fmt: skip
