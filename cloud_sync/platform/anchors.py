"""Anchors: what was not known of the time of an interval, and is known since an anchor of the same boot came."""

from cloud_sync.platform.place import Place
from gateway.core.anchoring import is_placed
from gateway.core.record import Stamp, TimeAnchor
from gateway.core.time_keeping import RELATIVE, SYNCHRONISED


def placed(place: Place, stamp: Stamp) -> bool:
    """Tell whether the UTC of *stamp* is known to be right, by itself or by an anchor that has come so far."""
    return is_placed(stamp, [] if stamp.status in (SYNCHRONISED, RELATIVE) else _anchors_of(place, stamp.boot))


def _anchors_of(place: Place, boot: bytes) -> list[TimeAnchor]:
    found = place.tables.execute(
        "SELECT boot, monotonic_ms, utc_ms, bound_ms, source FROM anchor WHERE gateway = ? AND boot = ?",
        (place.gateway, boot),
    )
    # Its own stamp says nothing of other moments.
    return [TimeAnchor(None, *row) for row in found]


def lay_anchor(place: Place, anchor: TimeAnchor) -> None:
    """Lay out an anchor, and place the intervals of its boot that wait for one."""
    place.write("INSERT INTO anchor VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *anchor[1:], place.incarnation, place.sequence)
    waiting = place.tables.execute(
        "SELECT start_s, boot, monotonic_ms, utc_ms, status, bound_ms FROM interval"
        " WHERE gateway = ? AND boot = ? AND placed = 0",
        (place.gateway, anchor.boot),
    ).fetchall()
    for row in waiting:
        if is_placed(Stamp(*row[1:]), [anchor]):
            place.write("UPDATE interval SET placed = 1 WHERE gateway = ? AND start_s = ?", row["start_s"])
