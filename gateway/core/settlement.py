"""Settlement: readings in, closed intervals out, each with its energy, trace, tallies and pools.

An interval [start, end) closes when every register has a boundary reading: the first believable reading
at or after its end, no later than the hold time. What is late is flagged; what is missing is flagged and
amended when the meter answers again. Nothing is ever guessed: the energy of a gap is the difference of its
two registers, and only its shape inside the gap is estimated.
"""

from collections import namedtuple

from gateway.core.account.closing import close_account, energies_of, sum_energies
from gateway.core.account.factor import FactorTable
from gateway.core.account.interval import Before, Energy, Span
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.storage import Layer, Pool, opening_pools
from gateway.core.boundary import MINUTE_MS, NEAR_MS, TOLERANCE_MS, is_between
from gateway.core.boundary import Boundary as Boundary
from gateway.core.boundary import energy_between as energy_between
from gateway.core.boundary import span_energy as span_energy
from gateway.core.channel import Channel as Channel
from gateway.core.channel import account_channels as account_channels
from gateway.core.channel import changed_registers as changed_registers
from gateway.core.channel import freezes_of as freezes_of
from gateway.core.flag import MISSING, ROLLED_OVER
from gateway.core.late_truth import Books, Late, Past, amend, amend_period, carried, late_energies, with_late
from gateway.core.like_day import MOST_PARTS, like_weights
from gateway.core.meter.decoding import register_advance
from gateway.core.meter.freeze import is_frozen_at
from gateway.core.reading import Fault, Frozen, Reading
from gateway.core.site import INTERPOLATED, LIKE_DAY, Site

# A clock that says less than this (2025-01-01) was never set; its readings stand for no boundary.
EARLIEST_S = 1735689600
# A longer gap is a clock that jumped; it is left for a person to judge, rather than filled with a flood of intervals.
LONGEST_GAP_S = 400 * 86400
# Intervals through which an amended storage content is carried: a week of 15 minutes, some seconds of a small board.
CARRIED_MOST = 672
# A day of 15-minute intervals in one call: about a second of work on a small board.
CLOSED_AT_ONCE = 96


class ClosedInterval(
    namedtuple(
        "ClosedInterval",
        (
            "start_s", "end_s", "spans", "energies", "allocations", "residuals", "tallies", "pools_before",
            "pools_after", "complete_ppm",
        ),
    )
):  # fmt: skip
    """One interval with all its figures, before it is stamped and becomes records."""

    __slots__ = ()


class ClosedPeriod(namedtuple("ClosedPeriod", ("start_s", "end_s", "allocations", "tallies", "late"))):
    """One period of the self-use method; late: it was closed before, and holds now what came late."""

    __slots__ = ()


class Settlement:
    """The account of one site, from boundary to boundary."""

    def __init__(
        self,
        site: Site,
        channels: "tuple[Channel, ...]",
        factors: FactorTable,
        freezes: "dict[tuple[str, str], int] | None" = None,
        books: "Books | None" = None,
    ) -> None:
        """freezes: how often, in seconds, meters keep registers themselves, by meter and quantity.

        books: what was closed before; it is asked when late truth comes, and holds all that close() returned earlier.
        """
        self._books = books or Books()
        self._freezes = freezes or {}
        self._unfrozen: "dict[str, int]" = {}  # the boundary of which a meter gives no freeze
        self.site = site
        self.channels = channels
        self.factors = factors
        self.start_s: "int | None" = None  # of the interval that is open now
        self.last: "dict[tuple[str, str], Boundary]" = {}
        self.candidates: "dict[tuple[str, str], Boundary]" = {}
        self.pools = opening_pools(site)
        self.ending: "dict[tuple[str, str], Boundary]" = {}  # boundary readings of the closing under way
        self.ending_s: "int | None" = None
        self.late_s = self.late_end_s = 0  # amendments of the closing under way: next, and where they end
        self.late_pools: "tuple[Pool, ...]" = ()  # what storages held after the last of them
        self._channels = {(channel.meter, channel.quantity): channel for channel in channels}
        self._weights: "dict[tuple[str, str], tuple[int, ...]]" = {}  # of the gaps of the closing under way
        self._latest: "dict[tuple[str, str], Reading]" = {}  # what was read last of each register
        self._amended: "dict[int, Past]" = {}  # of this call
        self._moved: "list[tuple[str, str]]" = []  # registers whose last boundary the clock has moved since
        self._moved_ending: "list[tuple[str, str]]" = []  # of them, those of the closing under way
        self.grids: "list[tuple[int, int]]" = []  # of intervals of other lengths: until when, and how long
        self.gap_too_long = False
        self._first_try_s: "int | None" = None  # a gateway that has just started has missed the boundary
        self.period: "list[tuple[int, tuple[Energy, ...]]]" = []  # start and energies of its intervals so far
        self.corrections: "list[tuple[str, int]]" = []  # storage and Wh: declared contents, booked in the open interval
        self.period_start_s = 0
        self.period_pools: "tuple[Pool, ...]" = self.pools

    def take(self, reading: Reading) -> None:
        """Take one reading; only registers that accounts are made from matter here."""
        at_s = reading.at_ms // 1000 // self.site.interval_s * self.site.interval_s
        key = (reading.meter, reading.quantity)
        frozen = isinstance(reading, Frozen)
        if at_s < EARLIEST_S or reading.value is None or key not in self._channels:
            return
        earlier = self._latest.get(key)
        if not frozen:
            self._latest[key] = reading
        if reading.at_ms - at_s * 1000 > self.site.hold_s * 1000:
            return
        if frozen and reading.at_ms != at_s * 1000:
            return
        known = self.candidates.get(key)
        if known is not None and (known.at_s > at_s or (known.at_s == at_s and not frozen)):
            return
        last = self.last.get(key)
        if last is None or last.at_s < at_s:
            read_ms = reading.at_ms + (0 if frozen or reading.at_ms % MINUTE_MS else 1)
            boundary = Boundary(at_s, reading.words, read_ms, ())
            if earlier is not None and not frozen and read_ms - at_s * 1000 > NEAR_MS:
                boundary = self._interpolated(key, boundary, earlier)
            self.candidates[key] = boundary

    def clock_moved(self) -> None:
        """Take it that UTC before and after do not join: what was read for a boundary to come stands for none."""
        self._moved = [(channel.meter, channel.quantity) for channel in self.channels]
        self.candidates, self._latest, self._unfrozen = {}, {}, {}

    def _interpolated(self, key: "tuple[str, str]", boundary: Boundary, earlier: Reading) -> Boundary:
        """Return *boundary* between the *earlier* reading and its own, where that is wanted and may be."""
        channel = self._channels.get(key)
        too_far = boundary.at_s * 1000 - earlier.at_ms > self.site.interval_s * 1000
        if self.site.boundary != INTERPOLATED or channel is None or too_far:
            return boundary
        before = Before(earlier.words, earlier.at_ms, boundary.at_s)
        wanted = Boundary(boundary.at_s, boundary.words, boundary.read_ms, (before,))
        return wanted if is_between(channel, wanted) else boundary

    def unfrozen(self, fault: Fault) -> None:
        """Take it that a meter gives no freeze of the boundary before the fault: its first reading stands for it."""
        self._unfrozen[fault.meter] = fault.at_ms // 1000 // self.site.interval_s * self.site.interval_s

    def _awaits_freeze(self, channel: Channel, boundary_s: int) -> bool:
        """Tell whether the register that the meter kept at the boundary is still to come."""
        if not is_frozen_at(boundary_s, self._freezes.get((channel.meter, channel.quantity), 0)):
            return False
        found = self._at(channel, boundary_s)
        return (
            found is not None and found.read_ms > boundary_s * 1000 and self._unfrozen.get(channel.meter) != boundary_s
        )

    def next_boundary_s(self, now_s: int) -> int:
        """Return the first boundary after *now_s*."""
        return (now_s // self.site.interval_s + 1) * self.site.interval_s

    def _end_of(self, start_s: int) -> int:
        """Return where the interval that begins at *start_s* ends or ended, by the length that held then."""
        for until_s, step_s in self.grids:
            if start_s < until_s:
                return min(until_s, (start_s // step_s + 1) * step_s)
        return self.next_boundary_s(start_s)

    def _intervals_between(self, start_s: int, end_s: int) -> int:
        """Return how many intervals there are from the boundary *start_s* to the boundary *end_s*."""
        count = 0
        for until_s, step_s in self.grids + [(end_s, self.site.interval_s)]:
            until_s = min(until_s, end_s)
            if start_s < until_s:
                count += (until_s - 1) // step_s - start_s // step_s + 1
                start_s = until_s
        return count

    def close(self, now_ms: int) -> "list[ClosedInterval | ClosedPeriod | Late]":
        """Return what is complete now: amendments, intervals and periods, in the order of time.

        After a long gap they come in several calls, CLOSED_AT_ONCE at a time, so that nothing else has to wait.
        """
        if self.ending_s is None:
            self._begin_closing(now_ms)
        return self._go_on_closing() if self.ending_s is not None else []

    def _begin_closing(self, now_ms: int) -> None:
        """Take the boundary readings that close up to the latest boundary, if they are all there or waited for."""
        boundary_s = now_ms // 1000 // self.site.interval_s * self.site.interval_s
        arrived = [c for c in self.channels if self._at(c, boundary_s) is not None]
        if self.start_s is None and not self._opens(arrived, boundary_s):
            return
        waited = now_ms - boundary_s * 1000 > self.site.hold_s * 1000
        awaited = len(arrived) < len(self.channels) or [c for c in arrived if self._awaits_freeze(c, boundary_s)]
        if not arrived or (awaited and not waited):
            return
        self.gap_too_long = self.start_s is not None and boundary_s - self.start_s > LONGEST_GAP_S
        if self.gap_too_long or (self.start_s is not None and boundary_s <= self.start_s):
            for channel in arrived:
                self.candidates.pop((channel.meter, channel.quantity))
            return
        for channel in arrived:
            key = (channel.meter, channel.quantity)
            self.ending[key] = self._after(key, self.candidates.pop(key))
        self.ending_s = boundary_s
        self._moved_ending = [key for key in self._moved if key in self.ending]
        self._moved = [key for key in self._moved if key not in self.ending]
        if self.start_s is None:
            self.start_s = boundary_s
        behind = [self.last[key].at_s for key in self.ending if key in self.last]
        self.late_s, self.late_end_s, self.late_pools = min(behind + [self.start_s]), self.start_s, ()

    def _after(self, key: "tuple[str, str]", end: Boundary) -> Boundary:
        """Return *end*, between two readings only where the register went on to both from where it was last."""
        start = self.last.get(key)
        if start is None or not end.before:
            return end
        channel, before = self._channels[key], end.before[0]
        _, flag = register_advance(channel.point, start.words, before.words, channel.ratios)
        went_on = before.read_ms >= start.read_ms and flag in ("", ROLLED_OVER)
        return end if went_on else Boundary(end.at_s, end.words, end.read_ms, ())

    def _go_on_closing(self) -> "list[ClosedInterval | ClosedPeriod | Late]":
        assert self.start_s is not None and self.ending_s is not None
        closed: "list[ClosedInterval | ClosedPeriod | Late]" = []
        self._amended = {}
        while self.late_s < self.late_end_s and len(closed) < CLOSED_AT_ONCE:
            closed.extend(self._late(self.late_s))
            self.late_s = self._end_of(self.late_s)
            if self.late_s == self.late_end_s:
                self.pools = carried(self.pools, self.late_pools)
        while self.late_s == self.late_end_s and self.start_s < self.ending_s and len(closed) < CLOSED_AT_ONCE:
            closed.extend(self._close_one(self.start_s))
            self.start_s = self.next_boundary_s(self.start_s)
        if self.start_s == self.ending_s:
            self.last.update(self.ending)
            self.ending, self.ending_s, self._weights, self._moved_ending = {}, None, {}, []
            oldest_s = min([one.at_s for one in self.last.values()])
            self.grids = [grid for grid in self.grids if grid[0] > oldest_s]
        return closed

    def _opens(self, arrived: "list[Channel]", boundary_s: int) -> bool:
        """Tell whether the first interval may begin here: with every register read in time, or at the second try."""
        if self._first_try_s is None and arrived:
            self._first_try_s = boundary_s
        late = [c for c in arrived if self.candidates[(c.meter, c.quantity)].read_ms > boundary_s * 1000 + TOLERANCE_MS]
        whole = len(arrived) == len(self.channels) and not late
        return whole or (self._first_try_s is not None and self._first_try_s < boundary_s)

    def _at(self, channel: Channel, boundary_s: int) -> "Boundary | None":
        found = self.candidates.get((channel.meter, channel.quantity))
        return found if found is not None and found.at_s == boundary_s else None

    def _span(self, channel: Channel, start_s: int) -> Span:
        start = self.last.get((channel.meter, channel.quantity))
        end = self.ending.get((channel.meter, channel.quantity))
        if start is None or end is None:
            words, read_ms, before = start[1:] if start is not None else ((), 0, ())
            return Span(channel.meter, channel.quantity, words, read_ms, (), 0, 0, 1, 0, MISSING, before, (), 0, 0)
        parts = self._intervals_between(start.at_s, end.at_s)
        part = self._intervals_between(start.at_s, start_s)
        weights = self._weights_of(channel, start.at_s, end.at_s, parts)
        moved = (channel.meter, channel.quantity) in self._moved_ending
        return span_energy(channel, start, end, part, parts, weights, moved)

    def _weights_of(self, channel: Channel, start_s: int, end_s: int, parts: int) -> "tuple[int, ...]":
        """Return the weights of like days for the parts of a gap; () for equal parts."""
        if parts == 1 or self.site.gap_shape != LIKE_DAY or parts > MOST_PARTS:
            return ()
        key = (channel.meter, channel.quantity)
        if key not in self._weights:
            boundaries = [start_s]
            while boundaries[-1] < end_s:
                boundaries.append(self._end_of(boundaries[-1]))
            self._weights[key] = like_weights(self._books, key, boundaries)
        return self._weights[key]

    def _late(self, start_s: int) -> "list[ClosedInterval | ClosedPeriod | Late]":
        """Return the amendment of an interval already closed, for registers that are back now, and of its period."""
        late = []
        for channel in self.channels:
            key = (channel.meter, channel.quantity)
            if key in self.ending and key in self.last and self.last[key].at_s <= start_s:
                late.append(self._span(channel, start_s))
        return self._amended_by(start_s, self._end_of(start_s), tuple(late)) if late else []

    def amend_closed(
        self, rows: "list[tuple[int, int, tuple[Span, ...]]]"
    ) -> "list[ClosedInterval | ClosedPeriod | Late]":
        """Return the amendments of closed intervals: (start, end, new spans) of consecutive ones, by time.

        What storages hold is carried through the intervals after them, where it differs: up to the open one, or so
        far as CARRIED_MOST.
        """
        assert self.ending_s is None, "no closing is under way"
        self._amended, self.late_pools = {}, ()
        found: "list[ClosedInterval | ClosedPeriod | Late]" = []
        for start_s, end_s, spans in rows:
            found.extend(self._amended_by(start_s, end_s, spans))
        end_s, carried_on = rows[-1][1], 0
        while end_s != self.start_s and carried_on < CARRIED_MOST:
            past = self._books.interval(end_s)
            if past is None or carried(past.pools_before, self.late_pools) == past.pools_before:
                break
            found.extend(self._amended_by(past.start_s, past.end_s, ()))
            end_s, carried_on = past.end_s, carried_on + 1
        if end_s == self.start_s:
            self.pools = carried(self.pools, self.late_pools)
        period = self._books.period(end_s - 1)
        if period is not None and period[1] != end_s:
            found.extend(self._period_again(period))
        return found

    def _amended_by(
        self, start_s: int, end_s: int, spans: "tuple[Span, ...]"
    ) -> "list[ClosedInterval | ClosedPeriod | Late]":
        """Return the amendment of an interval by *spans*, and of the period that ends with it."""
        past = self._books.interval(start_s)
        if past is None or (past.start_s, past.end_s) != (start_s, end_s):
            return [Late(start_s, end_s, False, spans, late_energies(self.site, list(spans)), (), (), (), (), ())]
        amendment = amend(past, spans, self.late_pools)
        self.late_pools = amendment.pools_after
        now = Past(
            past.site, past.factors, start_s, end_s, with_late(past.spans, spans), amendment.energies,
            amendment.pools_before, past.corrections,
        )  # fmt: skip
        self._amended[start_s] = now
        self.period = [(at_s, now.energies if at_s == start_s else energies) for at_s, energies in self.period]
        if self.period and self.period_start_s == start_s:
            self.period_pools = now.pools_before
        found: "list[ClosedInterval | ClosedPeriod | Late]" = [amendment]
        period = self._books.period(start_s) if end_s % past.site.self_use.period_s == 0 else None
        if period is not None and period[1] == end_s:
            found.extend(self._period_again(period))
        return found

    def _period_again(self, period: "tuple[int, int]") -> "list[ClosedInterval | ClosedPeriod | Late]":
        """Return a closed period with what is known now; nothing where some of its intervals are gone."""
        figures = amend_period(self._inside(period[0], period[1]), period[0], period[1])
        return [] if figures is None else [ClosedPeriod(period[0], period[1], figures[0], figures[1], True)]

    def _inside(self, start_s: int, end_s: int) -> "list[Past]":
        """Return the intervals of a period as they are known now, as far as they are kept."""
        inside = []
        while start_s < end_s:
            one = self._amended.get(start_s) or self._books.interval(start_s)
            if one is None:
                return []
            inside.append(one)
            start_s = one.end_s
        return inside

    def _close_one(self, start_s: int) -> "list[ClosedInterval | ClosedPeriod | Late]":
        end_s = self.next_boundary_s(start_s)
        spans = tuple([self._span(channel, start_s) for channel in self.channels])
        energies = energies_of(self.site, spans)
        before = self.pools
        corrections = tuple([row for row in self.corrections if row[0] in [pool.storage for pool in before]])
        account = close_account(self.site, energies, before, self.factors, start_s, end_s, corrections)
        self.corrections = []
        self.pools = account.pools_after
        whole = len([span for span in spans if span.parts == 1 and MISSING not in span.flag])
        closed: "list[ClosedInterval | ClosedPeriod | Late]" = [
            ClosedInterval(
                start_s, end_s, spans, energies, account.allocations, account.residuals, account.tallies,
                before, account.pools_after, whole * 1000000 // len(spans),
            )
        ]  # fmt: skip
        if not self.period:
            self.period_start_s, self.period_pools = start_s, before
        self.period.append((start_s, energies))
        if end_s % self.site.self_use.period_s == 0:
            energies = sum_energies(*[one for _, one in self.period])
            period = close_self_use(self.site, energies, self.period_pools, self.factors, self.period_start_s, end_s)
            closed.append(ClosedPeriod(self.period_start_s, end_s, period.allocations, period.tallies, False))
            self.period = []
        return closed

    def state(self) -> "dict[int, object]":
        """Return what must survive a restart, as plain values."""
        return {
            0: self.start_s,
            1: _plain_boundaries(self.last),
            2: _plain_pools(self.pools),
            3: [[at_s, [list(energy) for energy in energies]] for at_s, energies in self.period],
            4: [self.period_start_s, _plain_pools(self.period_pools)],
            5: _plain_boundaries(self.candidates),
            7: [
                self.ending_s, self.late_s, self.late_end_s, _plain_boundaries(self.ending),
                _plain_pools(self.late_pools),
            ],
            10: [list(row) for row in self.corrections],
            12: [[list(key) for key in keys] for keys in (self._moved, self._moved_ending)],
            8: [list(grid) for grid in self.grids] + [[self.start_s, self.site.interval_s]],
        }  # fmt: skip

    def restore(self, state: "dict[int, object]", changed: "list[tuple[str, str]] | None" = None) -> None:
        """Go on from a state; *changed* registers begin anew, and what the site no longer has is left behind.

        A closing under way is gone on with only where the configuration is the same (changed is None).
        """
        self.start_s = state[0]  # type: ignore[assignment]
        self.last = self._kept(state[1], changed or [])
        self.candidates = self._kept(state[5], changed or [])
        if changed is None:
            self.ending_s = state[7][0]  # type: ignore[index]
            self.late_s, self.late_end_s = state[7][1], state[7][2]  # type: ignore[index]
            self.ending = self._kept(state[7][3], [])  # type: ignore[index]
            self.late_pools = _pools_of(state[7][4])  # type: ignore[index]
        self._moved, self._moved_ending = [
            [(meter, quantity) for meter, quantity in keys if (meter, quantity) in self._channels]
            for keys in state[12]  # type: ignore[attr-defined]
        ]
        self.pools = self._held(state[2])
        self.corrections = [(storage, wh) for storage, wh in state[10]]  # type: ignore[attr-defined]
        self.period = [
            (at_s, tuple([Energy(*row) for row in energies]))
            for at_s, energies in state[3]  # type: ignore[attr-defined]
        ]
        self.period_start_s = state[4][0]  # type: ignore[index]
        self.period_pools = _pools_of(state[4][1])  # type: ignore[index]
        # Intervals of another length stay as they are; the open one ends at the next boundary of this length.
        grids = [(until_s, step_s) for until_s, step_s in state[8] if until_s is not None]  # type: ignore[attr-defined]
        self.grids = grids[:-1] if grids and grids[-1][1] == self.site.interval_s else grids
        self.candidates = {key: one for key, one in self.candidates.items() if one.at_s % self.site.interval_s == 0}

    def _kept(self, plain: object, changed: "list[tuple[str, str]]") -> "dict[tuple[str, str], Boundary]":
        keys = [(channel.meter, channel.quantity) for channel in self.channels]
        keys = [key for key in keys if key not in changed]
        return {
            (meter, quantity): Boundary(
                at_s, tuple(words), read_ms, tuple([Before(tuple(one[0]), one[1], one[2]) for one in before])
            )
            for meter, quantity, at_s, words, read_ms, before in plain  # type: ignore[attr-defined]
            if (meter, quantity) in keys
        }

    def _held(self, plain: object) -> "tuple[Pool, ...]":
        held = {pool.storage: pool for pool in _pools_of(plain)}
        return tuple([held.get(pool.storage, pool) for pool in self.pools])


def _plain_boundaries(boundaries: "dict[tuple[str, str], Boundary]") -> "list[object]":
    return [
        [key[0], key[1], b.at_s, list(b.words), b.read_ms, [[list(o.words), o.read_ms, o.at_s] for o in b.before]]
        for key, b in sorted(boundaries.items())
    ]


def _plain_pools(pools: "tuple[Pool, ...]") -> "list[object]":
    return [
        [pool.storage, [[layer.since_s, [list(row) for row in layer.mix]] for layer in pool.layers]] for pool in pools
    ]


def _pools_of(plain: object) -> "tuple[Pool, ...]":
    return tuple(
        [
            Pool(storage, tuple([Layer(since_s, tuple([tuple(row) for row in mix])) for since_s, mix in layers]))
            for storage, layers in plain  # type: ignore[attr-defined]
        ]
    )
