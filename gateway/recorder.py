"""Recorder: turns readings and closed intervals into entries, one commit a poll cycle."""

import os
import platform as machine
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cloud_sync.core.batch import BATCH_BYTES_MAX, INCARNATION_BYTES, Batch, Hole
from cloud_sync.core.canonical import CanonicalError, decode, encode
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import Signer
from cloud_sync.seal import seal
from gateway import VERSION
from gateway.books import JournalBooks, usable
from gateway.clock import Clock
from gateway.config import Configuration
from gateway.config import key_path as key_path
from gateway.content_declaring import content_declared
from gateway.core.account.declared import CONTENT, KINDS, difference_of
from gateway.core.late_truth import Late
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.problem import ProblemError, problem
from gateway.core.reading import FREEZE, Fault, Frozen, Reading
from gateway.core.record import (
    KIND_SELF_USE,
    Account,
    Amendment,
    Config,
    Declaration,
    Event,
    Interval,
    Readings,
    ReceiptSeen,
    RecordError,
    SelfUse,
    from_map,
    kind_of,
    to_map,
)
from gateway.core.settlement import (
    ClosedInterval,
    ClosedPeriod,
    Settlement,
    account_channels,
    changed_registers,
    freezes_of,
)
from gateway.core.site_points import shared_busbars
from gateway.declaring import Declaring, Effect, declaration_of, effect_answer
from gateway.figures import account_of, declared_for, entry_record
from gateway.findings import Findings, News, new_ratio
from gateway.journal import RETENTION_DAYS, Journal, damaged
from gateway.register_checks import checks_of
from gateway.rows import interval_rows, rows_root
from gateway.text_file import parse_toml

SEED_BYTES = 32
DAY_S = 86400
# A value takes up to nine bytes, and a record must fit a batch; longer rows of readings go into several records.
READINGS_MAX = BATCH_BYTES_MAX // 10


def channels_of(configuration: Configuration) -> tuple[tuple[str, str], ...]:
    """Return (meter, quantity) of everything that is read in a sweep, in the order readings are recorded."""
    return tuple(
        (meter.name, point.quantity)
        for meter in configuration.site.meters
        for point in configuration.profiles[meter.profile].polled()
        if point.quantity is not None
    )


def recorded(quantity: str, value: int) -> int:
    """Return *value* in recording steps of its quantity, rounded half up."""
    step = QUANTITIES[quantity].recorded_step
    return (value + step // 2) // step


def column_differences(values: Sequence[int | None]) -> tuple[int | None, ...]:
    """Return the first value as it is and the others as differences to the last one that was there."""
    column: list[int | None] = []
    last = 0
    for value in values:
        if value is None:
            column.append(None)
        else:
            column.append(value - last)
            last = value
    return tuple(column)


class Recorder:
    """The account book of a running gateway."""

    def __init__(self, configuration: Configuration, journal: Journal, clock: Clock, signer: Signer | None) -> None:
        self.configuration = configuration
        self.journal = journal
        self.clock = clock
        self.incarnation = os.urandom(INCARNATION_BYTES)
        self._signer = signer
        self._channels = channels_of(configuration)
        self.settlement = Settlement(
            configuration.site,
            account_channels(configuration.site, configuration.profiles),
            configuration.factors,
            freezes_of(configuration.site, configuration.profiles),
            JournalBooks(journal),
        )
        self._checks = checks_of(configuration)
        self.findings = Findings(configuration.site, shared_busbars(parse_toml(configuration.site_text, "")))
        self.latest: dict[tuple[str, str], Reading] = {}
        self._fresh: dict[tuple[str, str], int] = {}
        self._unfrozen: set[str] = set()  # meters of which it was told that their freezes are not used
        self._snapshots: list[tuple[int, list[int | None]]] = []
        self._unsaved: tuple[int, bytes] | None = None
        self._snapshots_recorded = False
        self._committed_state = b""
        self._bodies: list[bytes] = []
        self._figures: list[tuple[int, int, int]] = []
        self._config_sequence = 0
        self._config_position: int | None = None
        self._freed_day = 0
        self._receipt_recorded = 0
        self._waiting: list[int] = []  # declarations whose interval is still open: their entries

    def start(self) -> None:
        """Go on from the journal; raises ProblemError where what it kept cannot be read."""
        try:
            self._go_on()
        except (CanonicalError, RecordError) as error:
            raise ProblemError(damaged(self.journal.path, error)) from error
        self.event("start", version=VERSION, python=machine.python_version())
        self.commit()

    def open_books(self) -> None:
        """Go on from the journal for a word of a person alone, while no daemon runs."""
        self._go_on()

    def _go_on(self) -> None:
        """Restore the settlement, and record a changed configuration."""
        for at_ms, raw in self.journal.snapshots():
            values = decode(raw)
            assert isinstance(values, list)
            self._snapshots.append((at_ms, values))
        config = self._config_record()
        state = self.journal.state()
        if state is not None:
            plain = decode(state)
            assert isinstance(plain, dict)
            self._config_sequence = plain.pop(6)
            self._waiting, findings = plain.pop(9, [[], [[], []]])
            self.findings.restore(findings)
            self._committed_state = state
            before = self._config_before()
            if before is not None and before[1:] == config[1:]:
                self.settlement.restore(plain)
            else:
                self._change(before, plain, config)
        else:
            self._add_config(config)

    def _add_config(self, config: Config) -> None:
        self._config_sequence = self.journal.head_sequence + 1 + len(self._bodies)
        self._config_position = len(self._bodies)
        self._add(config)

    def _change(self, before: Config | None, state: dict[int, Any], config: Config) -> None:
        """Bring to an end under the configuration *before* what it began, then go on under the new one."""
        self._record_readings()
        changed = [(row[0], row[1]) for row in state[1] + state[5]]
        old = usable(before) if before is not None else None
        if old is not None:
            self._check_identity(old)
            settlement, channels = self.settlement, account_channels(old.site, old.profiles)
            self.settlement = Settlement(old.site, channels, old.factors, books=JournalBooks(self.journal))
            self.settlement.restore(state)
            while self.settlement.ending_s is not None:
                self.close_due()
            state, self.settlement = self.settlement.state(), settlement
            changed = changed_registers(old.site, channels, self.configuration.site, settlement.channels)
        self.settlement.restore(state, changed)
        self._add_config(config)
        for meter, quantity in changed:
            ratio = "" if old is None else new_ratio(old.site, self.configuration.site, meter)
            self._tell(self.findings.left(meter, quantity, self.settlement.start_s, ratio))

    def _check_identity(self, old: Configuration) -> None:
        """Refuse to go on under another name: what is signed for one topic cannot be proven under another."""
        new = self.configuration
        kept = (old.site.gateway, old.uplink.bucket if old.uplink else "")
        wanted = (new.site.gateway, new.uplink.bucket if new.uplink else "")
        if kept[0] != wanted[0] or (kept[1] and wanted[1] and kept[1] != wanted[1]):
            raise ProblemError(
                problem(
                    "WP-JRN-009",
                    str(self.journal.path),
                    "this journal belongs to gateway {kept}, but the configuration names {wanted}",
                    "give the gateway its name and bucket back, or move the journal away to begin anew",
                    kept="/".join(kept),
                    wanted="/".join(wanted),
                )
            )

    def _config_record(self) -> Config:
        configuration = self.configuration
        return Config(
            self.clock.stamp(),
            configuration.site_text,
            configuration.factors_text,
            configuration.profile_texts,
            self._channels,
        )

    def _config_before(self) -> Config | None:
        found = self.journal.entries(self._config_sequence, self._config_sequence)
        if not found:
            return None
        plain = decode(found[0].body)
        assert isinstance(plain, dict)
        record = from_map(plain)
        assert isinstance(record, Config)
        return record

    def _tell(self, news: News) -> None:
        for code, details in news:
            self.event(code, **details)

    def event(self, code: str, **details: str) -> None:
        """Record that something happened; it is committed with the next cycle."""
        self._add(Event(self.clock.stamp(), code, tuple(sorted(details.items()))))

    def _add(self, record: tuple[object, ...]) -> None:
        plain = to_map(record)
        if isinstance(record, Declaration):
            self._figures.append((len(self._bodies), kind_of(record), declared_for(record)))
        if isinstance(record, (Account, SelfUse, Amendment)):
            self._figures.append((len(self._bodies), kind_of(record), record.start_s))
        self._bodies.append(encode(plain))

    def take(self, outcomes: Sequence[Reading | Fault]) -> None:
        """Take the outcome of one exchange."""
        for outcome in outcomes:
            if isinstance(outcome, Frozen):
                self._unfrozen.discard(outcome.meter)
                self.settlement.take(outcome)
            elif isinstance(outcome, Reading):
                key = (outcome.meter, outcome.quantity)
                self.latest[key] = outcome
                if outcome.value is not None:
                    self._fresh[key] = recorded(outcome.quantity, outcome.value)
                self.settlement.take(outcome)
                for name, check in self._checks.get(outcome.meter, ()):
                    for code, details in check.take(outcome):
                        self.event(code, meter=outcome.meter, meter_point=name, **details)
            elif outcome.kind == FREEZE:
                self.settlement.unfrozen(outcome)
                if outcome.meter not in self._unfrozen:
                    self.event("freeze-unused", meter=outcome.meter, reason=outcome.detail)
                self._unfrozen.add(outcome.meter)

    def close_due(self) -> int:
        """Close what is complete now and commit it at once; return how many intervals were closed."""
        was_too_long = self.settlement.gap_too_long
        closed = self.settlement.close(self.clock.utc_ms())
        if self.settlement.gap_too_long and not was_too_long:
            self.event("gap-too-long", open_since=str(self.settlement.start_s))
        self._record_closed(closed)
        if closed:
            self._record_receipt()
            self.commit()
            self._amend_declared()
        return len([one for one in closed if isinstance(one, ClosedInterval)])

    def _record_closed(self, closed: Sequence[ClosedInterval | ClosedPeriod | Late]) -> None:
        for one in closed:
            if isinstance(one, ClosedInterval):
                self._record_interval(one)
                self._tell(self.findings.closed(one))
            elif isinstance(one, ClosedPeriod):
                self._record_period(one)
            else:
                self._record_late(one)
                self._tell(self.findings.spans(one.spans, one.start_s))

    def _record_interval(self, one: ClosedInterval) -> None:
        seed = os.urandom(SEED_BYTES)
        rows = interval_rows(one.start_s, one.end_s, one.allocations)
        stamp = self.clock.stamp()
        interval = Interval(
            stamp,
            self._config_sequence,
            one.start_s,
            one.end_s,
            rows_root(seed, rows),
            len(rows),
            one.complete_ppm,
        )
        account = Account(
            stamp,
            self._config_sequence,
            one.start_s,
            one.end_s,
            seed,
            one.spans,
            one.energies,
            one.allocations,
            one.residuals,
            one.tallies,
            one.pools_before,
            one.pools_after,
        )
        self._add(interval)
        self._add(account)

    def _record_late(self, late: Late) -> None:
        amended = account_of(self.journal, late.start_s) if late.whole else None
        self._add(
            Amendment(
                self.clock.stamp(),
                self._config_sequence,
                late.start_s,
                late.end_s,
                amended[0] if amended is not None else 0,
                *late[3:],
            )
        )

    def _record_period(self, one: ClosedPeriod) -> None:
        amended = self.journal.last_figure(one.start_s, KIND_SELF_USE) if one.late else None
        self._add(
            SelfUse(
                self.clock.stamp(),
                self._config_sequence,
                one.start_s,
                one.end_s,
                one.allocations,
                one.tallies,
                amended or 0,
            )
        )

    def declare(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what a declaration would lead to; where it is confirmed, record it, and what it leads to now.

        Raises ProblemError where it cannot be right or the journal is damaged, ValueError where it is no declaration.
        """
        if asked["what"] not in KINDS:
            raise ValueError("no declaration: %r" % asked["what"])
        try:
            return self._declare(Declaring(self.configuration, self.journal), asked)
        except sqlite3.DatabaseError as error:
            raise ProblemError(damaged(self.journal.path, error)) from error

    def _declare(self, declaring: Declaring, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["what"] == CONTENT:
            return self._declare_content(declaring, asked)
        record = declaration_of(declaring, asked, self.clock.stamp(), self._config_sequence)
        effect = declaring.effect(record)
        answer = effect_answer(record, effect)
        if asked.get("confirmed") is True:
            self.commit()
            answer["entry"] = self.journal.head_sequence + 1
            self._add(record)
            self._waiting = [*self._waiting, answer["entry"]]
            self.findings.declared(record)
            if self._amend(effect):
                self._waiting = self._waiting[:-1]
            self.commit()
        return answer

    def _declare_content(self, declaring: Declaring, asked: dict[str, Any]) -> dict[str, Any]:
        stamp, settlement = self.clock.stamp(), self.settlement
        record, answer = content_declared(declaring, asked, stamp, self._config_sequence, settlement)
        if asked.get("confirmed") is True:
            self.commit()
            answer["entry"] = self.journal.head_sequence + 1
            self._add(record)
            self.findings.declared(record)
            settlement.corrections.append((record.subject, difference_of(record.values)))
            self.commit()
        return answer

    def _amend(self, effect: Effect) -> bool:
        """Record the amendments of a declaration, if its interval and all before it are closed."""
        if effect.pending or self.settlement.ending_s is not None:
            return False
        self._record_closed(self.settlement.amend_closed(list(effect.rows)))
        return True

    def _amend_declared(self) -> None:
        """Amend what was closed just now as far as a declaration waited for it."""
        declaring = Declaring(self.configuration, self.journal)
        for sequence in list(self._waiting):
            record = entry_record(self.journal.entries(sequence, sequence)[0], str(self.journal.path))
            assert isinstance(record, Declaration)
            try:
                done = self._amend(declaring.effect(record))
            except ProblemError as error:
                self.event("declaration-unfit", entry=str(sequence), problem=error.problems[0].code)
                done = True
            if done:
                self._waiting = [one for one in self._waiting if one != sequence]
                self.commit()

    def _record_receipt(self) -> None:
        receipt = self.journal.last_receipt()
        if receipt is not None and receipt[0] > self._receipt_recorded:
            self._receipt_recorded = receipt[0]
            self._add(ReceiptSeen(self.clock.stamp(), receipt[1]))

    def cycle(self) -> None:
        """End a poll cycle: remember its readings, record them when it is time, commit."""
        now_ms = self.clock.utc_ms()
        if self._fresh:
            values = [self._fresh.get(channel) for channel in self._channels]
            self._snapshots.append((now_ms, values))
            self._unsaved = (now_ms, encode(values))
            self._fresh = {}
        due = self._snapshots and now_ms - self._snapshots[0][0] >= self.configuration.site.readings_s * 1000
        if due or (len(self._snapshots) + 1) * len(self._channels) > READINGS_MAX:
            self._record_readings()
        self.commit()
        self._free_old(now_ms // 1000)

    def _free_old(self, now_s: int) -> None:
        """Once a day, free what carries a receipt and is older, by the last closed interval, than the retention."""
        if now_s // DAY_S != self._freed_day:
            self._freed_day = now_s // DAY_S
            self.journal.free(min(now_s, self.settlement.start_s or 0) - RETENTION_DAYS * DAY_S)

    def _record_readings(self) -> None:
        if not self._snapshots:
            return
        times = [at_ms for at_ms, _ in self._snapshots]
        columns = tuple(
            column_differences([values[index] for _, values in self._snapshots])
            for index in range(len(self._snapshots[0][1]))
        )
        steps = tuple(later - earlier for earlier, later in zip(times, times[1:], strict=False))
        record = Readings(self.clock.stamp(), self._config_sequence, times[0], steps, columns)
        self._add(record)
        self._snapshots = []
        self._unsaved = None
        self._snapshots_recorded = True

    def commit(self) -> None:
        """Write everything new in one transaction, sealed into batches where there is a key."""
        plain = self.settlement.state()
        plain[6] = self._config_sequence
        plain[9] = [self._waiting, self.findings.state()]
        state = encode(plain)
        if not self._bodies and self._unsaved is None and state == self._committed_state:
            return
        self.journal.commit(
            self.incarnation,
            self._bodies,
            state if state != self._committed_state else None,
            self._figures,
            self._config_position,
            self._unsaved,
            self._snapshots_recorded,
            self._seal if self._signer is not None and self._bodies else None,
            self.configuration.site.gateway,
        )
        self._committed_state = state
        self._bodies, self._figures, self._config_position = [], [], None
        self._unsaved, self._snapshots_recorded = None, False

    def _seal(self, batch: Batch | Hole) -> bytes:
        assert self._signer is not None and self.configuration.uplink is not None
        return seal(batch, self._signer, up_topic(self.configuration.uplink.bucket, batch.gateway))

    def stop(self) -> None:
        """Record the end of this run."""
        self._record_readings()
        self.event("stop")
        self.commit()


def journal_path(home: Path) -> Path:
    """Return where a gateway keeps its journal."""
    return home / "journal.sqlite"
