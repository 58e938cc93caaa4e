"""Settlement: readings in, closed intervals out, each with its energy, trace, tallies and pools.

An interval [start, end) closes when every register has a boundary reading: the first believable reading
at or after its end, no later than the hold time. What is late is flagged; what is missing is flagged and
amended when the meter answers again. Nothing is ever guessed: the energy of a gap is the difference of its
two registers, and only its shape inside the gap is estimated.
"""

from collections import namedtuple

from gateway.core.account.closing import close_account, energies_of, registers_of, sum_energies
from gateway.core.account.factor import FactorTable
from gateway.core.account.interval import Energy, Span, part_of_span
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.storage import Layer, Pool, opening_pools
from gateway.core.flag import ESTIMATED_SHAPE, FROZEN, LATE_BOUNDARY, MISSING, join_flags
from gateway.core.meter.decoding import register_advance
from gateway.core.meter.freeze import freeze_period_s, is_frozen_at
from gateway.core.meter.profile import DeviceProfile, Point
from gateway.core.reading import Fault, Frozen, Reading
from gateway.core.site import Meter, Site

# A boundary reading later than this after the boundary is flagged: one cycle of a full bus at 9600 baud.
TOLERANCE_MS = 5000
# A clock that says less than this (2025-01-01) was never set; its readings stand for no boundary.
EARLIEST_S = 1735689600
# A longer gap is a clock that jumped; it is left for a person to judge, rather than filled with a flood of intervals.
LONGEST_GAP_S = 400 * 86400
# A day of 15-minute intervals in one call: about a second of work on a small board.
CLOSED_AT_ONCE = 96


class Channel(namedtuple("Channel", ("meter", "quantity", "point", "ratios"))):
    """One cumulative register that accounts are made from."""

    __slots__ = ()
    meter: str
    quantity: str
    point: Point
    ratios: "tuple[tuple[int, int], tuple[int, int]]"


class Boundary(namedtuple("Boundary", ("at_s", "words", "read_ms"))):
    """The register words that stand for the boundary at_s, and when they were read.

    read_ms is the boundary itself only where the meter kept them at that moment; what is read comes later.
    """

    __slots__ = ()
    at_s: int
    words: "tuple[int, ...]"
    read_ms: int


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


class ClosedPeriod(namedtuple("ClosedPeriod", ("start_s", "end_s", "allocations", "tallies"))):
    """One period of the self-use method."""

    __slots__ = ()


class Late(namedtuple("Late", ("start_s", "end_s", "spans", "energies"))):
    """Late truth about an interval that was closed with a register missing."""

    __slots__ = ()


def account_channels(site: Site, profiles: "dict[str, DeviceProfile]") -> "tuple[Channel, ...]":
    """Return the registers that the accounts of *site* are made from, in the order of its meter points."""
    found: "list[Channel]" = []
    profile_of = {meter.name: profiles[meter.profile] for meter in site.meters}
    ratios_of = {meter.name: (meter.ct_ratio, meter.vt_ratio) for meter in site.meters}
    for place in site.meter_points:
        offered = {p.quantity: p for p in profile_of[place.meter].polled() if p.quantity is not None}
        for quantity in registers_of(place.role, list(offered)):
            key = (place.meter, quantity)
            if quantity and key not in [(c.meter, c.quantity) for c in found]:
                found.append(Channel(place.meter, quantity, offered[quantity], ratios_of[place.meter]))
    return tuple(found)


def freezes_of(site: Site, profiles: "dict[str, DeviceProfile]") -> "dict[tuple[str, str], int]":
    """Return how often, in seconds, the meters of *site* keep the registers of accounts themselves."""
    profile_of = {meter.name: profiles[meter.profile] for meter in site.meters}
    found = {}
    for channel in account_channels(site, profiles):
        found[(channel.meter, channel.quantity)] = freeze_period_s(profile_of[channel.meter], channel.quantity)
    return found


def changed_registers(
    before: Site, channels_before: "tuple[Channel, ...]", site: Site, channels: "tuple[Channel, ...]"
) -> "list[tuple[str, str]]":
    """Return (meter, quantity) of the registers of *before* whose counts the new configuration cannot go on from.

    They are gone, or are read or scaled otherwise, or another device may answer under the name of their meter.
    """
    now = {(channel.meter, channel.quantity): channel for channel in channels}
    meters_before = {meter.name: meter for meter in before.meters}
    meters = {meter.name: meter for meter in site.meters}
    changed = []
    for channel in channels_before:
        key = (channel.meter, channel.quantity)
        if key not in now or now[key] != channel or not _same_device(meters_before[key[0]], meters[key[0]]):
            changed.append(key)
    return changed


def _same_device(before: Meter, now: Meter) -> bool:
    if before.serial and now.serial:
        return before.serial == now.serial
    return (before.bus, before.unit) == (now.bus, now.unit)


def late_energies(site: Site, spans: "list[Span]") -> "tuple[Energy, ...]":
    """Return the energies of those meter points alone whose meter is among *spans*."""
    meters = [span.meter for span in spans]
    names = [place.name for place in site.meter_points if place.meter in meters]
    return tuple([energy for energy in energies_of(site, spans) if energy.meter_point in names])


def span_energy(channel: Channel, start: Boundary, end: Boundary, part: int, parts: int) -> Span:
    """Return the span of *channel* between two boundaries, as number *part* of *parts* intervals."""
    total_wh, flag = register_advance(channel.point, start.words, end.words, channel.ratios)
    energy_wh = part_of_span(total_wh, part, parts)
    if start.read_ms == start.at_s * 1000 and end.read_ms == end.at_s * 1000:
        flag = join_flags(flag, FROZEN)
    if parts > 1 or start.read_ms < start.at_s * 1000:  # the start was read in an earlier interval: see restore
        flag = join_flags(flag, ESTIMATED_SHAPE)
    elif max(start.read_ms - start.at_s * 1000, end.read_ms - end.at_s * 1000) > TOLERANCE_MS:
        flag = join_flags(flag, LATE_BOUNDARY)
    return Span(
        channel.meter,
        channel.quantity,
        start.words,
        start.read_ms,
        end.words,
        end.read_ms,
        part,
        parts,
        energy_wh,
        flag,
    )


class Settlement:
    """The account of one site, from boundary to boundary."""

    def __init__(
        self,
        site: Site,
        channels: "tuple[Channel, ...]",
        factors: FactorTable,
        freezes: "dict[tuple[str, str], int] | None" = None,
    ) -> None:
        """freezes: how often, in seconds, meters keep registers themselves, by meter and quantity."""
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
        self.gap_too_long = False
        self._first_try_s: "int | None" = None  # a gateway that has just started has missed the boundary
        self.period: "list[tuple[Energy, ...]]" = []
        self.period_start_s = 0
        self.period_pools: "tuple[Pool, ...]" = self.pools

    def take(self, reading: Reading) -> None:
        """Take one reading; only registers that accounts are made from matter here."""
        at_s = reading.at_ms // 1000 // self.site.interval_s * self.site.interval_s
        key = (reading.meter, reading.quantity)
        if at_s < EARLIEST_S or reading.value is None or reading.at_ms - at_s * 1000 > self.site.hold_s * 1000:
            return
        frozen = isinstance(reading, Frozen)
        if frozen and reading.at_ms != at_s * 1000:
            return
        known = self.candidates.get(key)
        if known is not None and (known.at_s > at_s or (known.at_s == at_s and not frozen)):
            return
        last = self.last.get(key)
        if last is None or last.at_s < at_s:
            read_ms = reading.at_ms if frozen else max(reading.at_ms, at_s * 1000 + 1)
            self.candidates[key] = Boundary(at_s, reading.words, read_ms)

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
            self.ending[key] = self.candidates.pop(key)
        self.ending_s = boundary_s
        if self.start_s is None:
            self.start_s = boundary_s
        behind = [self.last[key].at_s for key in self.ending if key in self.last]
        self.late_s, self.late_end_s = min(behind + [self.start_s]), self.start_s

    def _go_on_closing(self) -> "list[ClosedInterval | ClosedPeriod | Late]":
        assert self.start_s is not None and self.ending_s is not None
        closed: "list[ClosedInterval | ClosedPeriod | Late]" = []
        while self.late_s < self.late_end_s and len(closed) < CLOSED_AT_ONCE:
            closed.extend(self._late(self.late_s))
            self.late_s = self.next_boundary_s(self.late_s)
        while self.late_s == self.late_end_s and self.start_s < self.ending_s and len(closed) < CLOSED_AT_ONCE:
            closed.extend(self._close_one(self.start_s))
            self.start_s = self.next_boundary_s(self.start_s)
        if self.start_s == self.ending_s:
            self.last.update(self.ending)
            self.ending, self.ending_s = {}, None
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
            words, read_ms = (start.words, start.read_ms) if start is not None else ((), 0)
            return Span(channel.meter, channel.quantity, words, read_ms, (), 0, 0, 1, 0, MISSING)
        step = self.site.interval_s
        first = start.at_s // step  # the interval that an older grid ended in is counted as one
        return span_energy(channel, start, end, start_s // step - first, end.at_s // step - first)

    def _late(self, start_s: int) -> "list[ClosedInterval | ClosedPeriod | Late]":
        """Return the amendment of an interval already closed, for registers that are back now."""
        spans = []
        for channel in self.channels:
            key = (channel.meter, channel.quantity)
            if key in self.ending and key in self.last and self.last[key].at_s <= start_s:
                spans.append(self._span(channel, start_s))
        if not spans:
            return []
        return [Late(start_s, self.next_boundary_s(start_s), tuple(spans), late_energies(self.site, spans))]

    def _close_one(self, start_s: int) -> "list[ClosedInterval | ClosedPeriod | Late]":
        end_s = self.next_boundary_s(start_s)
        spans = tuple([self._span(channel, start_s) for channel in self.channels])
        energies = energies_of(self.site, spans)
        before = self.pools
        account = close_account(self.site, energies, before, self.factors, start_s, end_s)
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
        self.period.append(energies)
        if end_s % self.site.self_use.period_s == 0:
            period = close_self_use(
                self.site, sum_energies(*self.period), self.period_pools, self.factors, self.period_start_s, end_s
            )
            closed.append(ClosedPeriod(self.period_start_s, end_s, period.allocations, period.tallies))
            self.period = []
        return closed

    def state(self) -> "dict[int, object]":
        """Return what must survive a restart, as plain values."""
        return {
            0: self.start_s,
            1: _plain_boundaries(self.last),
            2: _plain_pools(self.pools),
            3: [[list(energy) for energy in energies] for energies in self.period],
            4: [self.period_start_s, _plain_pools(self.period_pools)],
            5: _plain_boundaries(self.candidates),
            7: [self.ending_s, self.late_s, self.late_end_s, _plain_boundaries(self.ending)],
        }

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
        self.pools = self._held(state[2])
        self.period = [tuple([Energy(*row) for row in energies]) for energies in state[3]]  # type: ignore[attr-defined]
        self.period_start_s = state[4][0]  # type: ignore[index]
        self.period_pools = _pools_of(state[4][1])  # type: ignore[index]
        if changed is not None:
            self._onto_grid()

    def _onto_grid(self) -> None:
        """Bring what an interval of another length left onto the grid of this one.

        The open interval ends at the next boundary, shorter than the others. Counts of boundaries that are none now
        stand for the next one, or for the start of the open interval: their energy is late, but there, and once.
        """
        step = self.site.interval_s
        self.candidates = {key: one for key, one in self.candidates.items() if one.at_s % step == 0}
        start_s = self.start_s
        for key in sorted(self.last):
            one = self.last[key]
            if start_s is not None and (start_s % step or one.at_s % step):
                at_s = start_s if start_s % step else self.next_boundary_s(one.at_s)
                self.last[key] = Boundary(at_s, one.words, one.read_ms)

    def _kept(self, plain: object, changed: "list[tuple[str, str]]") -> "dict[tuple[str, str], Boundary]":
        keys = [(channel.meter, channel.quantity) for channel in self.channels]
        keys = [key for key in keys if key not in changed]
        return {
            (meter, quantity): Boundary(at_s, tuple(words), read_ms)
            for meter, quantity, at_s, words, read_ms in plain  # type: ignore[attr-defined]
            if (meter, quantity) in keys
        }

    def _held(self, plain: object) -> "tuple[Pool, ...]":
        held = {pool.storage: pool for pool in _pools_of(plain)}
        return tuple([held.get(pool.storage, pool) for pool in self.pools])


def _plain_boundaries(boundaries: "dict[tuple[str, str], Boundary]") -> "list[object]":
    return [[key[0], key[1], b.at_s, list(b.words), b.read_ms] for key, b in sorted(boundaries.items())]


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
