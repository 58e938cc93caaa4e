"""Recorder: turns readings and closed intervals into entries, one commit a poll cycle."""

import platform as machine
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cloud_sync.core.canonical import CanonicalError, decode, encode
from cloud_sync.key_change import announce
from cloud_sync.keys import Signer, SigningError
from gateway import VERSION
from gateway.books import JournalBooks, usable
from gateway.checkpoints import Checkpoints
from gateway.clock import Clock
from gateway.closed_records import interval_records, late_record, period_record
from gateway.config import Configuration
from gateway.config import key_path as key_path
from gateway.content_declaring import content_declared
from gateway.core.account.declared import CONTENT, KINDS, difference_of
from gateway.core.late_truth import Late
from gateway.core.park_day import DAY_S
from gateway.core.problem import ProblemError, problem
from gateway.core.reading import FREEZE, Fault, Frozen, Reading
from gateway.core.record import (
    Config,
    Declaration,
    ParameterChange,
    ReceiptSeen,
    RecordError,
    TimeAnchor,
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
from gateway.core.time_keeping import kept_of
from gateway.cycles import Cycles, channels_of
from gateway.declaring import Declaring, Effect, declaration_of, effect_answer
from gateway.figures import entry_record
from gateway.findings import Findings, News, new_ratio
from gateway.holding import Holding
from gateway.journal import RETENTION_DAYS, Journal
from gateway.journal_file import UnwrittenError, damaged
from gateway.journal_writer import JournalWriter
from gateway.register_checks import checks_of
from gateway.sealing import Acceptance, changes_between, not_accepted
from gateway.succession import check_identity, config_at
from gateway.text_file import parse_toml

CLOCK_KEPT_MS = 3_600_000  # a boot that knows no time starts no earlier than what was kept last


class Recorder(JournalWriter):
    """The account book of a running gateway."""

    def __init__(
        self,
        configuration: Configuration,
        journal: Journal,
        clock: Clock,
        signer: Signer | None,
        acceptance: Acceptance | None = None,
    ) -> None:
        """acceptance: of the sealed parameters in which *configuration* differs from that of the journal."""
        self._acceptance = acceptance
        cycles = Cycles(channels_of(configuration), configuration.site.readings_s * 1000)
        super().__init__(configuration, journal, clock, signer, cycles)
        self.settlement = Settlement(
            configuration.site,
            account_channels(configuration.site, configuration.profiles),
            configuration.factors,
            freezes_of(configuration.site, configuration.profiles),
            JournalBooks(journal),
        )
        self._checks = checks_of(configuration)
        self._clock_kept = self.clock.kept()
        self.findings = Findings(configuration.site, shared_busbars(parse_toml(configuration.site_text, "")))
        self.latest: dict[tuple[str, str], Reading] = {}
        self._unfrozen: set[str] = set()  # meters of which it was told that their freezes are not used
        self._config_sequence = self._config_before = 0
        self._freed_day = 0
        self._receipts_recorded: dict[str, int] = {}  # by platform
        self._checkpoints = Checkpoints(journal)
        self._handover: tuple[Signer, Callable[[int], None]] | None = None  # waits for the journal
        self._waiting: list[int] = []  # declarations whose interval is still open: their entries

    def start(self) -> None:
        """Go on from the journal; raises ProblemError where what it kept cannot be read."""
        try:
            self._go_on()
        except (CanonicalError, RecordError) as error:
            raise ProblemError(damaged(self.journal.path, error)) from error
        if self.journal.behind:
            self.event("journal-behind", kept=str(self.journal.head_sequence), known=str(self.journal.behind))
        self.event("start", version=VERSION, python=machine.python_version())
        self.look_at_clock()
        self.commit()

    def accept(self) -> None:
        """Take over the configuration, and commit it with who accepted it and why."""
        self._go_on()
        self.commit()

    def open_books(self) -> None:
        """Go on from the journal for a word of a person alone, while no daemon runs."""
        self._go_on()

    def _go_on(self) -> None:
        """Restore the settlement, and record a changed configuration."""
        self._cycles.restore(self.journal)
        self._checkpoints.restore()
        state = self.journal.state()
        if state is not None:
            plain = decode(state)
            assert isinstance(plain, dict)
            self._config_sequence = self._config_before = plain.pop(6)
            self._clock_kept = kept_of(plain.pop(11))
            self.clock.resume(self._clock_kept)
            self._waiting, findings = plain.pop(9, [[], [[], []]])
            self.findings.restore(findings)
            self._committed_state = state
            config = self._config_record()
            before = config_at(self.journal, self._config_sequence)
            if before is not None and before[1:] == config[1:]:
                self.settlement.restore(plain)
            else:
                self._change(before, plain, config)
        else:
            self._add_config(self._config_record())

    def _add_config(self, config: Config) -> None:
        self._config_sequence = self._next_sequence()
        self._add(config)

    def _change(self, before: Config | None, state: dict[int, Any], config: Config) -> None:
        """Bring to an end under the configuration *before* what it began, then go on under the new one."""
        changed = [(row[0], row[1]) for row in state[1] + state[5]]
        old = usable(before) if before is not None else None
        changes = changes_between(before, config) if before is not None else ()
        acceptance = self._acceptance
        if changes and acceptance is None:
            if old is not None:
                raise ProblemError(not_accepted(str(self.configuration.home), changes))
            acceptance = Acceptance("wattproof " + VERSION, "this version cannot use the former configuration")
        self._record_readings()
        if old is not None:
            check_identity(self.journal, old, self.configuration)
            settlement, channels = self.settlement, account_channels(old.site, old.profiles)
            self.settlement = Settlement(old.site, channels, old.factors, books=JournalBooks(self.journal))
            self.settlement.restore(state)
            while self.settlement.ending_s is not None:
                self.close_due()
            state, self.settlement = self.settlement.state(), settlement
            changed = changed_registers(old.site, channels, self.configuration.site, settlement.channels)
        self.settlement.restore(state, changed)
        if changes and acceptance is not None:
            stamp, after = self.clock.stamp(), self._next_sequence() + 1
            self._add(ParameterChange(stamp, self._config_before, after, *acceptance, changes))
        self._add_config(config)
        for meter, quantity in changed:
            ratio = "" if old is None else new_ratio(old.site, self.configuration.site, meter)
            self._tell(self.findings.left(meter, quantity, self.settlement.start_s, ratio))

    def _next_sequence(self) -> int:
        return self.journal.head_sequence + 1 + len(self._bodies)

    def _config_record(self) -> Config:
        configuration = self.configuration
        return Config(
            self.clock.stamp(),
            configuration.site_text,
            configuration.factors_text,
            configuration.profile_texts,
            self._cycles.channels,
        )

    def _tell(self, news: News) -> None:
        for code, details in news:
            self.event(code, **details)

    def look_at_clock(self) -> None:
        """Follow the system's clock; record what it did, and an anchor where one is due.

        While a closing is under way, over several calls, time runs on evenly: its intervals are of one clock.
        """
        if self.settlement.ending_s is not None:
            return
        for news in self.clock.look():
            self.event(news.code, **dict(news.values))
            if news.moved:
                self.settlement.clock_moved()
        anchor = self.clock.anchor_due()
        if anchor is not None:
            self._add(TimeAnchor(self.clock.stamp(), self.clock.keeping.boot, *anchor))

    def take(self, outcomes: Sequence[Reading | Fault]) -> None:
        """Take the outcome of one exchange."""
        if self.holding is not None:
            self.latest.update({(one.meter, one.quantity): one for one in outcomes if isinstance(one, Reading)})
            self.holding.take(outcomes)
            return
        for outcome in outcomes:
            if isinstance(outcome, Frozen):
                self._unfrozen.discard(outcome.meter)
                self.settlement.take(outcome)
            elif isinstance(outcome, Reading):
                self.latest[(outcome.meter, outcome.quantity)] = outcome
                self._cycles.take(outcome)
                self.settlement.take(outcome)
                for name, check in self._checks.get(outcome.meter, ()):
                    for code, details in check.take(outcome):
                        self.event(code, meter=outcome.meter, meter_point=name, **details)
            elif outcome.kind == FREEZE:
                self.settlement.unfrozen(outcome)
                if outcome.meter not in self._unfrozen:
                    self.event("freeze-unused", meter=outcome.meter, reason=outcome.detail)
                self._unfrozen.add(outcome.meter)

    def close_due(self, at_ms: int | None = None) -> int:
        """Close what is complete now and commit it at once; return how many intervals were closed.

        at_ms: UTC up to which the readings are taken, where those of later are still to come.
        """
        if self.holding is not None:
            return 0
        self.look_at_clock()
        now_ms = self.clock.utc_ms()
        return self._close(now_ms if at_ms is None else min(at_ms, now_ms))

    def _close(self, now_ms: int) -> int:
        was_too_long = self.settlement.gap_too_long
        closed = self.settlement.close(now_ms)
        if self.settlement.gap_too_long and not was_too_long:
            self.event("gap-too-long", open_since=str(self.settlement.start_s))
        self._record_closed(closed)
        if closed:
            self._clock_kept = self.clock.kept()
            self._record_receipt()
            self.commit()
            if self.holding is None:
                self._amend_declared()
                self._add_checkpoint()
        return len([one for one in closed if isinstance(one, ClosedInterval)])

    def _add_checkpoint(self) -> None:
        """Say where the chain stands, once a day of the park, after its last interval."""
        closed_s = self.settlement.start_s
        if closed_s is None or not self._checkpoints.due(closed_s):
            return
        self.commit()
        record = self._checkpoints.record(self.clock.stamp(), self.configuration.site.gateway, closed_s)
        if record is None:
            self.event("checkpoint-missing", entries=str(self.journal.head_sequence))
        else:
            self._add(record)
        self.commit()

    def _record_closed(self, closed: Sequence[ClosedInterval | ClosedPeriod | Late]) -> None:
        config = self._config_sequence
        for one in closed:
            stamp, sequence = self.clock.stamp(), self._next_sequence()
            if isinstance(one, ClosedInterval):
                basis = self._bases.of_account(sequence + 1, config, one.start_s)  # the account follows the interval
                for record in interval_records(stamp, config, one, basis):
                    self._add(record)
                self._tell(self.findings.closed(one))
            elif isinstance(one, ClosedPeriod):
                basis = self._bases.of_period(config, one.start_s, one.end_s, one.late)
                self._add(period_record(stamp, config, one, basis, self.journal))
            else:
                basis = self._bases.of_late(sequence, config, one.start_s, one.whole)
                self._add(late_record(stamp, config, one, basis, self.journal))
                self._tell(self.findings.spans(one.spans, one.start_s))

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
            self.written()
            answer["entry"] = self.journal.head_sequence + 1
            self._add(record)
            self._waiting = [*self._waiting, answer["entry"]]
            self.findings.declared(record)
            if self._amend(effect):
                self._waiting = self._waiting[:-1]
            self.written()
        return answer

    def _declare_content(self, declaring: Declaring, asked: dict[str, Any]) -> dict[str, Any]:
        stamp, settlement = self.clock.stamp(), self.settlement
        record, answer = content_declared(declaring, asked, stamp, self._config_sequence, settlement)
        if asked.get("confirmed") is True:
            self.written()
            answer["entry"] = self.journal.head_sequence + 1
            self._add(record)
            self.findings.declared(record)
            settlement.corrections.append((record.subject, difference_of(record.values)))
            self.written()
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
        for platform in self.configuration.platforms:
            receipt = self.journal.last_receipt(platform)
            if receipt is not None and receipt[0] > self._receipts_recorded.get(platform, 0):
                self._receipts_recorded[platform] = receipt[0]
                self._add(ReceiptSeen(self.clock.stamp(), receipt[1]))

    def cycle(self) -> None:
        """End a poll cycle: remember its readings, record them when it is time, commit."""
        if self.holding is not None and not self._go_on_writing(self.holding):
            return
        self.look_at_clock()
        if self.room.look():
            self.event("disk-tight" if self.room.tight else "disk-wide", free=str(self.room.free_bytes()))
        self._tell(self.pace.news(self.clock.monotonic_ms()))
        for failure in self.journal.failures():
            self.event("journal-failed", detail=failure)
        now_ms = self.clock.utc_ms()
        if self.clock.monotonic_ms() - self._clock_kept.boot_ms >= CLOCK_KEPT_MS:
            self._clock_kept = self.clock.kept()
        if self.room.tight:
            self._cycles.forget()
        if self._cycles.end(now_ms):
            self._record_readings()
        self.commit()
        if self.holding is None:
            self._free_old(now_ms // 1000)

    def _go_on_writing(self, holding: Holding) -> bool:
        """Try again what the journal did not take, then close what was held; tell whether all went well."""
        self.holding = None
        try:
            self._write(must_sign=self._handover is not None)
        except SigningError:
            self._give_up_handover()
            self._write()
        while self.holding is None and (until_ms := holding.give_to(self.settlement)) is not None:
            self._close(min(until_ms, self.clock.utc_ms()))
            while self.settlement.ending_s is not None and self.holding is None:
                self._close(until_ms)
        if self.holding is None:
            self._tell(holding.news())
            self.commit()
        else:
            self.holding = holding.still(self.holding)
        return self.holding is None

    def _free_old(self, now_s: int) -> None:
        """Once a day, free what carries a receipt and is older, by the last closed interval, than the retention."""
        if now_s // DAY_S != self._freed_day:
            self._freed_day = now_s // DAY_S
            try:
                self.journal.free(min(now_s, self.settlement.start_s or 0) - RETENTION_DAYS * DAY_S)
            except UnwrittenError:
                self._freed_day = 0  # with the next cycle again

    def _record_readings(self) -> None:
        record = self._cycles.record(self.clock.stamp(), self._config_sequence)
        if record is not None:
            self._add(record)

    def change_key(self, new: Signer, handed_over: Callable[[int], None]) -> None:
        """Announce *new* as the key that signs from the next batch on.

        The entry has a batch of its own, signed by the key so far, so that nothing else in it can be refused.
        handed_over: called with the sequence of the entry once the journal has it, which may be after a ProblemError
        that says that it has not yet.
        """
        old = self._signer
        assert old is not None
        self.written()
        self._add(announce(self.clock.stamp(), self.configuration.site.gateway, old, new))
        self._handover = (new, handed_over)
        try:
            self.commit(must_sign=True)
        except SigningError:
            self._give_up_handover()
            raise
        if self.holding is not None:
            raise ProblemError(
                problem(
                    "WP-KEY-028", str(self.journal.path), "The journal did not take the change of the key: {detail}.",
                    "See to the disk. Then `wattproof keys show` tells which key signs; where it is the old one, ask"
                    " again.",
                    detail=self.holding.problem.what,
                )
            )  # fmt: skip

    def _journal_took(self) -> None:
        if self._handover is not None:
            self._signer, handed_over = self._handover
            self._handover = None
            handed_over(self.journal.head_sequence)

    def _give_up_handover(self) -> None:
        """Forget the change of the key, the last that was to be written; the key so far goes on."""
        self._handover, self._kept_position = None, None
        self._bodies.pop()
        self._figures.pop()

    def _state(self) -> bytes:
        plain = self.settlement.state()
        plain[6] = self._config_sequence
        plain[9] = [self._waiting, self.findings.state()]
        plain[11] = self._clock_kept.plain()
        return encode(plain)

    def stop(self) -> None:
        """Record the end of this run; raises ProblemError where the journal does not take it."""
        if self.holding is not None:
            self._go_on_writing(self.holding)
        self._record_readings()
        self._clock_kept = self.clock.kept()
        self.event("stop")
        self.written()


def journal_path(home: Path) -> Path:
    """Return where a gateway keeps its journal."""
    return home / "journal.sqlite"
