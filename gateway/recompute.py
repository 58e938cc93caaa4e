"""Recompute: every figure of an account again, from the raw registers and the configuration in the entries."""

from cloud_sync.core.canonical import CanonicalError, decode
from gateway.bases import ReadBases
from gateway.config import Configuration, configuration_of
from gateway.core.account import declared
from gateway.core.account.closing import Closed, close_account, energies_of, sum_energies
from gateway.core.account.interval import Before, Span
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.share import share
from gateway.core.account.storage import Pool, amount
from gateway.core.anchoring import clock_moved
from gateway.core.boundary import is_between
from gateway.core.flag import MISSING, MOVED
from gateway.core.late_truth import carried, late_energies, with_late
from gateway.core.like_day import MOST_PARTS
from gateway.core.notation import WATT_HOURS, measure
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.record import (
    Account,
    Amendment,
    Config,
    Declaration,
    Event,
    Interval,
    ParameterChange,
    RecordError,
    SelfUse,
    TimeAnchor,
    from_map,
)
from gateway.core.settlement import (
    Boundary,
    Channel,
    account_channels,
    changed_registers,
    energy_between,
    span_energy,
)
from gateway.declared_spans import DeclaredSpans
from gateway.figures import amended
from gateway.rows import interval_rows, rows_root
from gateway.sealing import change_lines, changes_between


def _ends(span: Span) -> tuple[object, ...]:
    """Return what all parts of a gap have in common."""
    moved = MOVED in span.flag
    return (*span[2:6], span.parts, span.start_before, span.end_before, span.weights, moved)


class Recomputation:
    """Takes the entries of a chain in order and finds every figure that does not follow from what came before."""

    def __init__(self, whole: tuple[int, int] = (0, 0)) -> None:
        """whole: every entry about intervals that start in this range is among those to come."""
        self.problems: list[Problem] = []
        self.accounts: dict[int, tuple[int, Account]] = {}  # by start_s
        self.current: dict[int, Account] = {}  # the same, with the amendments so far
        self.periods: dict[int, tuple[int, SelfUse]] = {}  # the last one, by start_s
        self._whole = whole
        self._seen: set[int] = set()  # starts of intervals about which nothing was left out
        self._late: tuple[int, tuple[Pool, ...]] = (0, ())  # where the last amendment ended, and its pools
        self.amendments: list[Amendment] = []
        self.anchors: list[TimeAnchor] = []
        self._configurations: dict[int, tuple[Configuration, tuple[Channel, ...]]] = {}
        self._config: Config | None = None
        self._change: ParameterChange | None = None  # waits for the configuration that it brings
        self._whole_since_config = True  # no entry is left out since the last configuration
        self._configured = 0  # sequence of the configuration that holds now
        self._declared = DeclaredSpans()
        self._bases = ReadBases()
        self._corrections: dict[
            int, list[tuple[str, int]]
        ] = {}  # declared contents, by the interval they are booked in
        self._sequence: int | None = None
        self._unseen: set[tuple[str, str]] = set()  # registers that may have gone on in entries that are not here
        self._moved: set[tuple[str, str]] = set()  # registers whose last boundary the clock has moved since
        self._interval: tuple[int, Interval] | None = None
        self._last: dict[tuple[str, str], tuple[tuple[int, ...], int, tuple[Before, ...]]] = {}
        self._shapes: dict[tuple[str, str], list[Span]] = {}  # the parts so far of gaps split by like days
        self._open: dict[tuple[str, str], Span] = {}
        self._pools: tuple[Pool, ...] = ()
        self._start_s: int | None = None  # of the first interval of those that follow each other without a hole
        self._end_s: int | None = None
        self._period_end_s: int | None = None
        self._last_end_s: int | None = None  # the same, whatever was left out since

    def _wrong(self, sequence: int, figure: str) -> None:
        self.problems.append(
            problem(
                "WP-EXP-020",
                "entry %d" % sequence,
                "{figure} does not follow from the registers",
                "the record was not made by this configuration: ask the operator of the gateway",
                figure=figure,
            )
        )

    def _unreadable(self, sequence: int, detail: object) -> None:
        self.problems.append(
            problem(
                "WP-EXP-021",
                "entry %d" % sequence,
                "the record cannot be read: {detail}",
                "use a version of wattproof that knows this record",
                detail=detail,
            )
        )

    def take(self, sequence: int, body: bytes) -> None:
        """Check one entry against all before it."""
        if self._sequence is not None and sequence != self._sequence + 1:
            self._skip()
        self._sequence = sequence
        try:
            plain = decode(body)
            record = from_map(plain)  # type: ignore[arg-type]
        except (CanonicalError, RecordError) as error:
            self._unreadable(sequence, error)
            return
        if isinstance(record, Config):
            self._bases.configured(sequence, body)
            self._take_config(sequence, record)
        elif isinstance(record, ParameterChange):
            self._change = record
        elif isinstance(record, Interval):
            self._interval = (sequence, record)
        elif isinstance(record, Declaration):
            self._take_declaration(sequence, record)
        elif isinstance(record, TimeAnchor):
            self.anchors.append(record)
        elif isinstance(record, Event):
            if clock_moved(record):
                known = self._configurations.get(self._configured)
                self._moved = {(channel.meter, channel.quantity) for channel in known[1]} if known else set()
        elif isinstance(record, (Account, Amendment, SelfUse)):
            known = self._configurations.get(record.config)
            if known is None:
                self._unreadable(sequence, "its configuration, entry %d, is not here" % record.config)
                return
            if record.config != self._configured:
                self._wrong(sequence, "the configuration")
                return
            configuration, channels = known
            if isinstance(record, Account):
                self._take_account(sequence, record, configuration, channels)
            elif isinstance(record, SelfUse):
                self._take_period(sequence, record, configuration)
            else:
                self._take_amendment(sequence, record, configuration, channels)

    def _take_declaration(self, sequence: int, record: Declaration) -> None:
        self._declared.take(record)
        if record.what != declared.CONTENT:
            return
        booked_s = declared.booked_in(record.values)
        rows = self._corrections.setdefault(booked_s or 0, [])
        rows.append((record.subject, declared.difference_of(record.values)))
        pools = [
            one.pools_before for one in self.current.values() if one.start_s * 1000 <= record.at_ms < one.end_s * 1000
        ]
        pools += [self._pools] if self._end_s is not None and booked_s == self._end_s else []
        for pool in pools[0] if pools else ():
            if pool.storage == record.subject:
                known = sum([amount(pool.content)] + [wh for name, wh in rows[:-1] if name == pool.storage])
                if measure(dict(record.values).get(declared.HELD, ""), WATT_HOURS) != known + rows[-1][1]:
                    self._wrong(sequence, "the difference of the declared content")

    def _skip(self) -> None:
        """Entries are left out here: what they may have changed is not known from now on."""
        self._unseen |= set(self._last)
        self._whole_since_config = False
        self._open, self._pools, self._interval = {}, (), None
        self._seen, self._late = set(), (0, ())
        self._last_end_s = self._end_s
        self._start_s = self._end_s = self._period_end_s = None

    def _take_config(self, sequence: int, record: Config) -> None:
        try:
            configuration = configuration_of(record.site, record.factors, record.profiles)
        except ProblemError as error:
            self.problems.extend(one.moved("entry %d" % sequence) for one in error.problems)
            return
        channels = account_channels(configuration.site, configuration.profiles)
        self._check_sealed(sequence, record)
        if self._configured:
            before, channels_before = self._configurations[self._configured]
            for key in changed_registers(before.site, channels_before, configuration.site, channels):
                self._last.pop(key, None)
                self._open.pop(key, None)
        self._configurations[sequence] = (configuration, channels)
        self._configured = sequence

    def _check_sealed(self, sequence: int, record: Config) -> None:
        """Check that other sealed parameters come with who changed them and why, in the entry before."""
        change, self._change = self._change, None
        before, self._config = self._config, record
        if change is not None and change.after != sequence:
            change = None
        whole = self._whole_since_config
        self._whole_since_config = True
        if before is None or not whole:
            return
        changes = changes_between(before, record)
        if changes and (change is None or change.before != self._configured or change.changes != changes):
            self.problems.append(
                problem(
                    "WP-EXP-075",
                    "entry %d" % sequence,
                    "sealed parameters differ from those before, and no reason was recorded for it: {changes}",
                    "the gateway was made to measure otherwise past wattproof: ask its operator",
                    changes="; ".join(change_lines(changes)),
                )
            )

    def _check_span(self, sequence: int, span: Span, channel: Channel, start_s: int, end_s: int) -> None:
        """Check one span: its energy, and that it begins where the last one of its register ended."""
        name = "the register %s of %s" % (span.quantity, span.meter)
        key = (channel.meter, channel.quantity)
        if key != (span.meter, span.quantity):
            self._wrong(sequence, name)
            return
        if not span.end_words:
            nothing = span[4:10] == ((), 0, 0, 1, 0, MISSING) and span[11:] == ((), 0, 0)
            if not nothing or key in self._open or not self._begins(key, span):
                self._wrong(sequence, name)
            return
        first = Boundary(start_s, span.start_words, span.start_ms, span.start_before)
        last = Boundary(end_s, span.end_words, span.end_ms, span.end_before)
        if not self._holds(span, channel, first, last):
            self._wrong(sequence, name)
            return
        before = self._open.pop(key, None)
        if before is not None:
            follows = before.part + 1 == span.part and _ends(before) == _ends(span)
        else:
            # An export may begin inside a gap, or leave some of its parts out.
            known = key in self._last and key not in self._unseen
            follows = not (span.part and known) and self._begins(key, span)
            if known and (key in self._moved) != (MOVED in span.flag):
                self._wrong(sequence, "the flag of the clock at %s" % name)
        if not follows or not self._shape_holds(key, span, energy_between(channel, first, last, MOVED in span.flag)[0]):
            self._wrong(sequence, name)
        if span.part + 1 < span.parts:
            self._open[key] = span
        else:
            self._last[key] = (span.end_words, span.end_ms, span.end_before)
            self._unseen.discard(key)
            self._moved.discard(key)

    def _holds(self, span: Span, channel: Channel, first: Boundary, last: Boundary) -> bool:
        """Tell whether a span follows from its readings, apart from the shape of a gap by like days."""
        if not 0 <= span.part < span.parts:
            return False
        for boundary, is_here in ((first, span.part == 0), (last, span.part + 1 == span.parts)):
            for before in boundary.before:
                if not is_between(channel, boundary) or (is_here and before.at_s != boundary.at_s):
                    return False
        moved = MOVED in span.flag
        if not span.weights:
            return span == span_energy(channel, first, last, span.part, span.parts, (), moved)
        # The weights of the other parts are in other records: here they stand for each other.
        if not 1 < span.parts <= MOST_PARTS or not 0 <= span.weight <= span.weights:
            return False
        weights = [0] * span.parts
        weights[span.part], weights[span.part - 1] = span.weight, span.weights - span.weight
        expected = span_energy(channel, first, last, span.part, span.parts, tuple(weights), moved)
        return span._replace(energy_wh=0) == expected._replace(energy_wh=0)

    def _shape_holds(self, key: tuple[str, str], span: Span, total_wh: int) -> bool:
        """Tell whether the part of a gap is due by its weight, and all parts together once they are all here."""
        parts = [*self._shapes.pop(key, []), span] if span.part else [span]
        if not span.weights:
            return True
        if len(parts) == span.part + 1:
            self._shapes[key] = parts
        if total_wh < 0:
            return False
        if len(parts) == span.parts:
            weights = [one.weight for one in parts]
            return sum(weights) == span.weights and tuple(one.energy_wh for one in parts) == share(total_wh, weights)
        return 0 <= span.energy_wh - total_wh * span.weight // span.weights <= 1

    def _begins(self, key: tuple[str, str], span: Span) -> bool:
        """Tell whether *span* begins where its register was last, as far as that is known."""
        last = self._last.get(key)
        if last is None or last == (span.start_words, span.start_ms, span.start_before):
            return True
        return key in self._unseen and (not span.start_words or span.start_ms > last[1])

    def _check_spans(self, sequence: int, record: Account | Amendment, channels: tuple[Channel, ...]) -> None:
        by_key = {(channel.meter, channel.quantity): channel for channel in channels}
        for span in record.spans:
            channel = by_key.get((span.meter, span.quantity))
            if channel is None:
                self._wrong(sequence, "the register %s of %s" % (span.quantity, span.meter))
            else:
                self._check_span(sequence, span, channel, record.start_s, record.end_s)

    def _take_account(
        self, sequence: int, record: Account, configuration: Configuration, channels: tuple[Channel, ...]
    ) -> None:
        site = configuration.site
        if [(s.meter, s.quantity) for s in record.spans] != [(c.meter, c.quantity) for c in channels]:
            self._wrong(sequence, "the list of registers")
            return
        self._check_spans(sequence, record, channels)
        self._declared.book(record, channels)
        # Only where the length was changed an interval begins elsewhere than at a boundary: where the last one ended.
        if record.end_s != (record.start_s // site.interval_s + 1) * site.interval_s:
            self._wrong(sequence, "the length of the interval")
        if not self._in_order(record.start_s):
            self._wrong(sequence, "the start of the interval")
        held = {pool.storage: pool for pool in self._pools}
        if [pool for pool in record.pools_before if held.get(pool.storage, pool) != pool]:
            self._wrong(sequence, "the content of the storage before the interval")
        closed = close_account(
            site, record.energies, record.pools_before, configuration.factors, record.start_s, record.end_s,
            tuple(self._corrections.get(record.start_s, ())),
        )  # fmt: skip
        if record.energies != energies_of(site, record.spans):
            self._wrong(sequence, "the energy")
        self._check_figures(sequence, record, closed)
        self._check_interval(sequence, record)
        for figure in self._bases.account(sequence, record, configuration):
            self._wrong(sequence, figure)
        self._pools, self._end_s, self._last_end_s = record.pools_after, record.end_s, record.end_s
        self._start_s = record.start_s if self._start_s is None else self._start_s
        self.accounts[record.start_s] = (sequence, record)
        self.current[record.start_s] = record
        self._seen.add(record.start_s)
        self._late = (0, ())

    def _known(self, start_s: int) -> bool:
        """Tell whether all that was recorded so far about the interval of *start_s* is here."""
        return start_s in self.current and (start_s in self._seen or self._whole[0] <= start_s < self._whole[1])

    def _in_order(self, start_s: int) -> bool:
        """Tell whether an interval may start here: where the one before ended, or later if entries are left out."""
        if self._end_s is not None:
            return start_s == self._end_s
        return self._last_end_s is None or start_s >= self._last_end_s

    def _check_interval(self, sequence: int, record: Account) -> None:
        rows = interval_rows(record.start_s, record.end_s, record.allocations)
        whole = len([span for span in record.spans if span.parts == 1 and MISSING not in span.flag])
        expected = (
            record.config,
            record.start_s,
            record.end_s,
            rows_root(record.seed, rows),
            len(rows),
            whole * 1_000_000 // len(record.spans),
        )
        if self._interval is None or self._interval[0] != sequence - 1 or self._interval[1][1:] != expected:
            self._wrong(sequence, "the interval's root or completeness")

    def _take_period(self, sequence: int, record: SelfUse, configuration: Configuration) -> None:
        if record.amends:
            self._take_late_period(sequence, record)
            return
        begun_s, self._period_end_s = self._period_end_s, record.end_s
        here = self._start_s is not None and record.start_s >= self._start_s
        for figure in self._bases.period(record, record.config, configuration, here):
            self._wrong(sequence, figure)
        if not here:
            return  # it began before the entries that are here
        inside = self._inside(record)
        whole = inside and (inside[0].start_s, self._end_s) == (record.start_s, record.end_s)
        if not whole or record.end_s % configuration.site.self_use.period_s or begun_s not in (None, record.start_s):
            self._wrong(sequence, "the period of the self-use method")
            return
        self._check_period(sequence, record, inside, configuration)

    def _take_late_period(self, sequence: int, record: SelfUse) -> None:
        """Check a period that was closed before, and holds now what came late."""
        before = self.periods.get(record.start_s)
        if record.amends >= sequence or (before is not None and record.amends < before[0]):
            self._wrong(sequence, "the entry it amends")
        inside = self._inside(record)
        if inside and inside[0].start_s == record.start_s and inside[-1].end_s == record.end_s:
            known = self._configurations.get(inside[-1].config)
            if known is not None and all(self._known(one.start_s) for one in inside):
                for figure in self._bases.period(record, inside[-1].config, known[0], True):
                    self._wrong(sequence, figure)
                self._check_period(sequence, record, inside, known[0])
                return
        self.periods[record.start_s] = (sequence, record)

    def _inside(self, record: SelfUse) -> list[Account]:
        return [one for start_s, one in sorted(self.current.items()) if record.start_s <= start_s < record.end_s]

    def _check_period(
        self, sequence: int, record: SelfUse, inside: list[Account], configuration: Configuration
    ) -> None:
        closed = close_self_use(
            configuration.site,
            sum_energies(*(account.energies for account in inside)),
            inside[0].pools_before,
            configuration.factors,
            record.start_s,
            record.end_s,
        )
        if (record.allocations, record.tallies) != (closed.allocations, closed.tallies):
            self._wrong(sequence, "the self-use of the period")
        self.periods[record.start_s] = (sequence, record)

    def _take_amendment(
        self, sequence: int, record: Amendment, configuration: Configuration, channels: tuple[Channel, ...]
    ) -> None:
        if self._declared.rests_on_declaration(record):
            for span in self._declared.wrong(record, channels):
                self._wrong(sequence, "the register %s of %s" % (span.quantity, span.meter))
        else:
            self._check_spans(sequence, record, channels)
        self._declared.book(record, channels)
        self.amendments.append(record)
        # The account may be older than the export; it cannot be another one, or one to come.
        found = [one for one in self.accounts.values() if one[1].start_s <= record.start_s < one[1].end_s]
        stated = [one for one in self.accounts.values() if one[0] == record.amends]
        if record.amends >= sequence or found != stated:
            self._wrong(sequence, "the entry it amends")
            return
        account = stated[0][1] if stated else None
        made_by = self._configurations.get(account.config) if account else (configuration, channels)
        if made_by is not None:
            for figure in self._bases.late(sequence, record, account, made_by[0], self._known(record.start_s)):
                self._wrong(sequence, figure)
        if stated:
            self._check_amended(sequence, record, stated[0][1])
        elif not record.amends:
            figures = record.allocations or record.residuals or record.tallies or record.pools_after
            if figures or record.energies != late_energies(configuration.site, list(record.spans)):
                self._wrong(sequence, "the late energy")

    def _check_amended(self, sequence: int, record: Amendment, account: Account) -> None:
        """Check the figures of an amended interval, and go on from the storage content it left."""
        if (record.start_s, record.end_s) != (account.start_s, account.end_s):
            self._wrong(sequence, "the entry it amends")
            return
        known = self._configurations.get(account.config)
        if known is None:
            self._unreadable(sequence, "its configuration, entry %d, is not here" % account.config)
            return
        configuration = known[0]
        before = self.current[record.start_s]
        if self._known(record.start_s):
            if record.energies != energies_of(configuration.site, with_late(before.spans, record.spans)):
                self._wrong(sequence, "the late energy")
            follows = self._late[0] == record.start_s
            # The amendment of the interval before may be left out here with all that was recorded of its day.
            known_before = any(self._known(at_s) for at_s, one in self.current.items() if one.end_s == record.start_s)
            expected = carried(before.pools_before, self._late[1] if follows else ())
            if (follows or known_before) and record.pools_before != expected:
                self._wrong(sequence, "the content of the storage before the interval")
        closed = close_account(
            configuration.site, record.energies, record.pools_before, configuration.factors, record.start_s,
            record.end_s, tuple(self._corrections.get(record.start_s, ())),
        )  # fmt: skip
        self._check_figures(sequence, record, closed)
        self.current[record.start_s] = amended(before, record)
        self._late = (record.end_s, record.pools_after)
        if record.end_s == self._end_s:
            self._pools = carried(self._pools, record.pools_after)

    def _check_figures(self, sequence: int, record: Account | Amendment, closed: Closed) -> None:
        for figure, stated, computed in (
            ("the trace", record.allocations, closed.allocations),
            ("the balance residual", record.residuals, closed.residuals),
            ("the tally", record.tallies, closed.tallies),
            ("the content of the storage", record.pools_after, closed.pools_after),
        ):
            if stated != computed:
                self._wrong(sequence, figure)
