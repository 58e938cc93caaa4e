"""LateTruth: an interval that was closed with a register missing, closed once more with what is known now.

The first closing is conservative: a missing register counts 0, so what it would have given or taken stands as a
residual of its busbar, or as energy of an unmetered source at the grid's factor. The amendment closes the interval
again, by the configuration it was closed with, from the registers that were there and those that came late. What a
storage held before it is carried on from the amended interval before; so the account goes on from the corrected
content at the interval that is open now, and no other record is made again.
"""

from collections import namedtuple

from gateway.core.account.closing import close_account
from gateway.core.account.factor import FactorTable
from gateway.core.account.interval import Energy, Span
from gateway.core.account.point_energy import energies_of, sum_energies
from gateway.core.account.quality import ACTUAL, quality_of
from gateway.core.account.self_use_closing import close_self_use
from gateway.core.account.storage import Pool
from gateway.core.account.tally import Tally
from gateway.core.account.trace import Allocation, Residual
from gateway.core.site import Site


class Past(
    namedtuple("Past", ("site", "factors", "start_s", "end_s", "spans", "energies", "pools_before", "corrections"))
):
    """A closed interval as its latest record has it, and the configuration it was closed with.

    corrections: (storage, Wh) of the declared contents that are booked in it.
    """

    __slots__ = ()
    site: Site
    factors: FactorTable
    start_s: int
    end_s: int
    spans: "tuple[Span, ...]"
    energies: "tuple[Energy, ...]"
    pools_before: "tuple[Pool, ...]"
    corrections: "tuple[tuple[str, int], ...]"


class Books:
    """What was closed before, as far as it is kept; these books keep nothing."""

    def interval(self, at_s: int) -> "Past | None":
        """Return the interval that holds *at_s*, with all that is recorded about it."""
        return None

    def measured(self, start_s: int, end_s: int) -> "dict[tuple[str, str], int]":
        """Return the energies of the registers that were measured through the closed interval [start_s, end_s)."""
        past = self.interval(start_s)
        if past is None or (past.start_s, past.end_s) != (start_s, end_s):
            return {}
        spans = [span for span in past.spans if quality_of(span.flag).aemo == ACTUAL]
        return {(span.meter, span.quantity): span.energy_wh for span in spans}

    def period(self, at_s: int) -> "tuple[int, int] | None":
        """Return start and end of the closed period of the self-use method that holds *at_s*."""
        return None


class Late(
    namedtuple(
        "Late",
        (
            "start_s", "end_s", "whole", "spans", "energies", "allocations", "residuals", "tallies", "pools_before",
            "pools_after",
        ),
    )
):  # fmt: skip
    """Late truth about a closed interval: the late registers alone, and all its figures with them.

    whole is False of an interval that is no longer kept: there are the energies of the late meters alone.
    """

    __slots__ = ()
    start_s: int
    end_s: int
    whole: bool
    spans: "tuple[Span, ...]"
    energies: "tuple[Energy, ...]"
    allocations: "tuple[Allocation, ...]"
    residuals: "tuple[Residual, ...]"
    tallies: "tuple[Tally, ...]"
    pools_before: "tuple[Pool, ...]"
    pools_after: "tuple[Pool, ...]"


def late_energies(site: Site, spans: "list[Span]") -> "tuple[Energy, ...]":
    """Return the energies of those meter points alone whose meter is among *spans*."""
    meters = [span.meter for span in spans]
    names = [place.name for place in site.meter_points if place.meter in meters]
    return tuple([energy for energy in energies_of(site, spans) if energy.meter_point in names])


def with_late(spans: "tuple[Span, ...]", late: "tuple[Span, ...] | list[Span]") -> "tuple[Span, ...]":
    """Return *spans* with those of *late* in the place of the same registers."""
    new = {(span.meter, span.quantity): span for span in late}
    return tuple([new.get((span.meter, span.quantity), span) for span in spans])


def carried(pools: "tuple[Pool, ...]", before: "tuple[Pool, ...]") -> "tuple[Pool, ...]":
    """Return *pools*, each as *before* has it where it has it."""
    held = {pool.storage: pool for pool in before}
    return tuple([held.get(pool.storage, pool) for pool in pools])


def amend(past: Past, late: "tuple[Span, ...]", before: "tuple[Pool, ...]") -> Late:
    """Close *past* again with the *late* registers; *before*: what the amended interval before it left, if any."""
    energies = energies_of(past.site, with_late(past.spans, late))
    pools = carried(past.pools_before, before)
    closed = close_account(past.site, energies, pools, past.factors, past.start_s, past.end_s, past.corrections)
    return Late(
        past.start_s, past.end_s, True, late, energies, closed.allocations, closed.residuals, closed.tallies, pools,
        closed.pools_after,
    )  # fmt: skip


def amend_period(
    inside: "list[Past]", start_s: int, end_s: int
) -> "tuple[tuple[Allocation, ...], tuple[Tally, ...]] | None":
    """Return allocations and tallies of the period [start_s, end_s) from its intervals, None where some are gone.

    The configuration of its last interval is the one it was closed with.
    """
    if not inside or inside[0].start_s != start_s or inside[-1].end_s != end_s:
        return None
    last = inside[-1]
    energies = sum_energies(*[one.energies for one in inside])
    closed = close_self_use(last.site, energies, inside[0].pools_before, last.factors, start_s, end_s)
    return closed.allocations, closed.tallies
