"""Anchoring: what a stamp made before the time was known says, once an anchor of the same boot is there.

Nothing is rewritten: an anchor is an entry of its own, and whoever reads the stamps computes
utc = anchor - (time since boot between them), with the anchor's bound and the drift in between.
"""

from gateway.core.flag import MOVED
from gateway.core.record import Account, Event, Stamp, TimeAnchor
from gateway.core.time_keeping import (
    CLOCK_LOST,
    CLOCK_STEP,
    DRIFT_PPM,
    INFORMATIVE,
    RELATIVE,
    SYNCHRONISED,
    USABLE_BOUND_MS,
    drifted_ms,
)


def clock_moved(event: Event) -> bool:
    """Tell whether UTC before and after *event* do not join: the gateway says so of every register then."""
    if event.code == CLOCK_LOST:
        return True
    return event.code == CLOCK_STEP and dict(event.details).get("moved") == "yes"


def anchored(stamp: Stamp, anchors: "list[TimeAnchor]") -> Stamp:
    """Return *stamp* with UTC from the nearest of the *anchors* of its boot; as it is where it knew the time itself."""
    if stamp.status in (SYNCHRONISED, RELATIVE):
        return stamp
    best = None
    for one in anchors:
        if one.boot == stamp.boot:
            apart_ms = stamp.monotonic_ms - one.monotonic_ms
            bound_ms = one.bound_ms + drifted_ms(apart_ms, DRIFT_PPM)
            if best is None or bound_ms < best.bound_ms:
                status = RELATIVE if bound_ms <= USABLE_BOUND_MS else INFORMATIVE
                best = Stamp(stamp.boot, stamp.monotonic_ms, one.utc_ms + apart_ms, status, bound_ms)
    return best or stamp


def is_placed(stamp: Stamp, anchors: "list[TimeAnchor]") -> bool:
    """Tell whether the UTC that *stamp* states is known to be right within USABLE_BOUND_MS."""
    found = anchored(stamp, anchors)
    known = found.status in (SYNCHRONISED, RELATIVE)
    return known and abs(found.utc_ms - stamp.utc_ms) + found.bound_ms <= USABLE_BOUND_MS


def is_claimable(account: Account, anchors: "list[TimeAnchor]") -> bool:
    """Tell whether energy of an interval may be claimed by the hour: its time is known, and the clock did not move."""
    moved = [span for span in account.spans if MOVED in span.flag]
    return not moved and is_placed(account.stamp, anchors)
