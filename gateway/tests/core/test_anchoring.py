"""Anchors: which of them tells the time of a stamp, and what may then be claimed by the hour."""

from gateway.core.account.interval import Span
from gateway.core.anchoring import anchored, clock_moved, is_claimable
from gateway.core.flag import MOVED
from gateway.core.record import Account, Event, Stamp, TimeAnchor
from gateway.core.time_keeping import (
    CLOCK_LOST,
    CLOCK_STATUS,
    CLOCK_STEP,
    DAY_MS,
    KERNEL,
    UNKNOWN_BOUND_MS,
    ClockFacts,
    TimeKeeping,
)

NOW_MS = 1795190400000
BOOT = b"bootbooo"
HOUR_MS = 3600000


def anchor(boot_ms, bound_ms, utc_ms=NOW_MS):
    """Return an anchor at a time since boot."""
    return TimeAnchor(Stamp(BOOT, boot_ms, utc_ms, "S", bound_ms), BOOT, boot_ms, utc_ms, bound_ms, KERNEL)


def test_the_anchor_with_the_least_bound_tells_the_time():
    """The nearer of two equally good ones; a better one further away only while drift leaves it better."""
    stamp = Stamp(BOOT, 10 * HOUR_MS, 0, "U", UNKNOWN_BOUND_MS)
    near, far = anchor(9 * HOUR_MS, 20), anchor(0, 20, NOW_MS + 5)
    for anchors in ([near, far], [far, near]):
        assert anchored(stamp, anchors) == Stamp(BOOT, 10 * HOUR_MS, NOW_MS + HOUR_MS, "R", 20 + 360)
    exact = anchor(8 * HOUR_MS, 20)
    for anchors in ([anchor(9 * HOUR_MS, 2000), exact], [exact, anchor(9 * HOUR_MS, 2000)]):
        assert anchored(stamp, anchors).bound_ms == 20 + 720
    assert anchored(stamp, []) == stamp
    known = Stamp(BOOT, 0, 7, "S", 20)
    assert anchored(known, [near]) == known


def test_an_anchor_days_away_tells_too_little():
    """Beyond nine seconds of drift its time is informative."""
    stamp = Stamp(BOOT, 2 * DAY_MS, 0, "U", UNKNOWN_BOUND_MS)
    assert anchored(stamp, [anchor(0, 20)])[3:] == ("I", 20 + 17280)


def test_which_events_say_that_the_clock_moved():
    """A clock that was lost, and a step that says so; not a small step, and not another status."""
    assert clock_moved(Event(None, CLOCK_LOST, ()))
    assert clock_moved(Event(None, CLOCK_STEP, (("moved", "yes"), ("size_ms", "9"))))
    assert not clock_moved(Event(None, CLOCK_STEP, (("moved", "no"), ("size_ms", "9"))))
    assert not clock_moved(Event(None, CLOCK_STATUS, (("status", "S"),)))


def test_energy_may_be_claimed_where_its_time_is_known_and_did_not_move():
    """By a stamp that knew the time or an anchor that agrees with it; never over a clock that moved."""

    def account(stamp, flag=""):
        span = Span("m", "energy_active_import", (0, 1), 0, (0, 2), 1, 0, 1, 7, flag, (), (), 0, 0)
        return Account(stamp, 1, 0, 900, b"s" * 32, (span,), (), (), (), (), (), (), None)

    known, unknown = Stamp(BOOT, 0, NOW_MS, "S", 20), Stamp(BOOT, 0, NOW_MS, "U", UNKNOWN_BOUND_MS)
    assert is_claimable(account(known), []) and not is_claimable(account(known, MOVED), [])
    assert not is_claimable(account(unknown), []) and is_claimable(account(unknown), [anchor(0, 20)])
    assert not is_claimable(account(unknown), [anchor(0, 20, NOW_MS + HOUR_MS)])


def keeping(kept=None, boot_ms=0, system_ms=NOW_MS, bound_ms=None, rtc=False, boot=BOOT):
    return TimeKeeping(boot, ClockFacts(boot_ms, system_ms, bound_ms, rtc), kept)


def test_a_source_that_is_right_may_still_be_before_the_time_that_was_saved():
    """The gateway was an hour ahead when it stopped: the right time after it is a step back, and is told as one."""
    kept = keeping(None, 0, NOW_MS + HOUR_MS, None, True).kept(0)
    after = keeping(kept, 0, NOW_MS, 20, boot=b"second b")
    (told,) = after.look(ClockFacts(0, NOW_MS, 20, False))
    assert (told.code, told.values, told.moved) == (
        CLOCK_STEP, (("moved", "yes"), ("size_ms", "%d" % -HOUR_MS)), True,
    )  # fmt: skip
    assert after.utc_ms(0) == NOW_MS


def test_a_platform_that_does_not_know_the_time_and_is_right_is_not_spoken_of():
    """It is not believed, and as it says nothing else than the time that is held, nothing is told."""
    for bound_ms in (None, 20):
        one = keeping(None, 0, NOW_MS, bound_ms)
        one.look(ClockFacts(0, NOW_MS, bound_ms, False))
        mark = one.mark
        one.anchored(NOW_MS + 1000, UNKNOWN_BOUND_MS, 0, 100)
        assert one.look(ClockFacts(1000, NOW_MS + 1000, bound_ms, False)) == ()
        assert (one.mark is None) == (mark is None)


def drift_of(passed_ms, ahead_ms, bound_ms):
    """Return the drift measured from one anchor to the next, when so much time passed and the source went ahead."""
    one = keeping(None, 0, NOW_MS, bound_ms)
    before = one.drift_ppm
    assert one.anchor_due(0) is not None
    at_ms = 0
    while at_ms < passed_ms:
        at_ms = min(at_ms + HOUR_MS // 4, passed_ms)
        one.look(ClockFacts(at_ms, NOW_MS + at_ms + ahead_ms * at_ms // passed_ms, bound_ms, False))
    one.anchor_due(at_ms)
    return None if one.drift_ppm == before else one.drift_ppm


def test_a_drift_is_measured_only_where_it_shows():
    """Over a day with bounds of 10 ms; not within half an hour, not behind bounds of a second, not across a step."""
    assert abs(drift_of(DAY_MS, 6480, 10) - 75) <= 1
    assert drift_of(HOUR_MS // 2, 700, 10) is None
    assert drift_of(2 * HOUR_MS, 700, 900) is None
    assert abs(drift_of(2 * HOUR_MS, 700, 10) - 97) <= 1
    one = keeping(None, 0, NOW_MS, 10)
    assert one.anchor_due(0) is not None
    for at_ms in (DAY_MS // 2, DAY_MS, DAY_MS + 1000):
        one.look(ClockFacts(at_ms, NOW_MS + at_ms + (HOUR_MS if at_ms > DAY_MS // 2 else 0), 10, False))
    drift = one.drift_ppm
    one.anchor_due(DAY_MS + 1000)
    assert one.drift_ppm == drift
