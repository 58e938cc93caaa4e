"""The limits of time keeping, to the millisecond: bounds, silence, steps, anchors and drift at both of their ends."""

from gateway.core.time_keeping import (
    CLOCK_DISAGREES,
    CLOCK_LOST,
    CLOCK_STEP,
    DAY_MS,
    KERNEL,
    RECEIPT,
    ClockFacts,
    TimeKeeping,
    drifted_ms,
)

NOW_MS = 1795190400000  # 2026-11-21 00:00 in China
HOUR_MS = 3600000


def facts(boot_ms=0, system_ms=NOW_MS, bound_ms=None, rtc=False):
    return ClockFacts(boot_ms, system_ms, bound_ms, rtc)


def kernel(boot_ms=0, wrong_ms=0, bound_ms=20):
    return facts(boot_ms, NOW_MS + boot_ms + wrong_ms, bound_ms)


def test_drift_is_rounded_up():
    """A tenth of a millisecond a second: one for the first millisecond, and for each 10 s one more; back as forth."""
    for elapsed_ms, off_ms in ((0, 0), (1, 1), (10000, 1), (10001, 2), (-10001, 2), (DAY_MS, 8640)):
        assert drifted_ms(elapsed_ms, 100) == off_ms
    assert drifted_ms(1000000, 1) == 1 and drifted_ms(1000001, 1) == 2 and drifted_ms(5, 0) == 0


def test_the_limits_of_a_clock_that_was_ever_set():
    """2025 is the first year that is believed, 9998 the last; a clock that runs on, or a saved time, informs."""
    first, last = 1735689600000, 253370764800000
    for system_ms, status in ((first, "I"), (first - 1, "U"), (last - 1, "I"), (last, "U")):
        assert TimeKeeping(b"b", facts(7, system_ms, None, True)).status(7) == (status, DAY_MS)
        assert TimeKeeping(b"b", facts(7, system_ms, 20)).status(7)[0] == ("S" if status == "I" else "U")
    assert TimeKeeping(b"b", facts()).status(0)[0] == "U"
    kept = TimeKeeping(b"a", kernel()).kept(0)
    for system_ms, status in ((NOW_MS, "I"), (NOW_MS - 1, "U"), (NOW_MS + 1, "I")):
        assert TimeKeeping(b"b", facts(0, system_ms), kept).status(0)[0] == status


def test_bounds_and_silence_at_both_ends_of_each_status():
    """S up to 1 s and an hour of silence, R up to 9 s and a day of it, I beyond."""
    for bound_ms, status in ((1000, "S"), (1001, "R"), (9000, "R"), (9001, "I")):
        assert TimeKeeping(b"b", kernel(0, 0, bound_ms)).status(0) == (status, bound_ms)
    keeping = TimeKeeping(b"b", kernel(0, 0, 0))
    for at_ms, status in ((HOUR_MS, "S"), (HOUR_MS + 1, "R"), (DAY_MS, "R"), (DAY_MS + 1, "I")):
        assert keeping.status(at_ms) == (status, drifted_ms(at_ms, 100))
    assert (keeping.is_sure(DAY_MS), keeping.is_sure(DAY_MS + 1)) == (True, False)


def test_the_middle_of_the_road_is_when_a_receipt_was_true():
    """Half of the way to and fro, rounded up, and a millisecond are its bound; more than 9 s is not believed."""
    for sent_ms, received_ms, bound_ms, at_ms, total_ms in (
        (0, 80, 20, 40, 61),
        (0, 81, 20, 40, 62),
        (100, 100, 0, 100, 1),
    ):
        keeping = TimeKeeping(b"b", facts())
        keeping.anchored(NOW_MS + 5 + at_ms, bound_ms, sent_ms, received_ms)
        assert keeping.mark == (at_ms, NOW_MS + 5 + at_ms, total_ms, RECEIPT) and keeping.source() == RECEIPT
    for bound_ms, believed in ((8999, True), (9000, False)):
        keeping = TimeKeeping(b"b", facts())
        keeping.anchored(NOW_MS, bound_ms, 0, 0)
        assert (keeping.mark is not None) == believed
    for wrong_ms, told in ((9020 + 1, []), (9020 + 2, [CLOCK_DISAGREES]), (-9020 - 2, [CLOCK_DISAGREES])):
        keeping = TimeKeeping(b"b", kernel(0, 0, 20))
        keeping.anchored(NOW_MS + wrong_ms, DAY_MS, -20, 20)
        assert [one.code for one in keeping.look(kernel(0, 0, 20))] == told, wrong_ms


def test_a_second_is_slewed_and_more_is_a_step():
    """A difference of 1000 ms is taken off at a sixteenth of the time that passes; one more is a step."""
    for wrong_ms, codes in ((1000, []), (-1000, []), (1001, [CLOCK_STEP]), (-1001, [CLOCK_STEP])):
        keeping = TimeKeeping(b"b", kernel())
        assert [one.code for one in keeping.look(kernel(160, wrong_ms))] == codes
        followed_ms = wrong_ms if codes else (10 if wrong_ms > 0 else -10)
        assert keeping.utc_ms(160) == NOW_MS + 160 + followed_ms
    keeping = TimeKeeping(b"b", facts(0, NOW_MS, None, True))
    for at_ms, wrong_ms, off_ms in (
        (160, 1000, 10),
        (175, 1000, 10),
        (176, 1000, 10),
        (192, 1000, 11),
        (20000, 1000, 1000),
    ):
        assert keeping.look(facts(at_ms, NOW_MS + at_ms + wrong_ms, None, True)) == ()
        assert keeping.utc_ms(at_ms) == NOW_MS + at_ms + off_ms, at_ms
    assert keeping.look(facts(19000, NOW_MS + 19000, None, True)) == ()  # a look that comes late passes no time
    assert keeping.utc_ms(20000) == NOW_MS + 21000
    keeping.look(facts(20016, NOW_MS + 20016, None, True))
    assert keeping.utc_ms(20016) == NOW_MS + 20016 + 999


def test_nine_seconds_of_steps_have_not_moved_time():
    """Steps that come to 9000 ms together move nothing, one more does."""
    for last_ms, moved in ((4500, False), (4501, True)):
        keeping = TimeKeeping(b"b", facts(0, NOW_MS, None, True))
        keeping.look(facts(0, NOW_MS + 4500, None, True))
        (news,) = keeping.look(facts(0, NOW_MS + 4500 + last_ms, None, True))
        assert news == (CLOCK_STEP, (("moved", "yes" if moved else "no"), ("size_ms", "%d" % last_ms)), moved)


def test_what_a_boot_begins_with():
    """A second before the saved time is none; without a time that is vouched for it is lost and says since when."""
    kept = TimeKeeping(b"a", kernel()).kept(5000)
    assert kept.utc_ms == NOW_MS + 5000
    for back_ms, codes in ((1000, []), (1001, [CLOCK_STEP])):
        keeping = TimeKeeping(b"b", facts(0, kept.utc_ms - back_ms, 20), kept)
        assert [one.code for one in keeping.look(facts(0, kept.utc_ms - back_ms, 20))] == codes
    keeping = TimeKeeping(b"b", facts(300, 0), kept)
    assert keeping.utc_ms(300) == kept.utc_ms + 300
    (news,) = keeping.look(facts(300, 0))
    assert news == (CLOCK_LOST, (("saved_ms", "%d" % kept.utc_ms),), True)
    assert TimeKeeping(b"b", facts(300, 0)).look(facts(300, 0)) == ()
    assert TimeKeeping(b"b", facts(300, 7000)).utc_ms(300) == 7000


def test_the_same_boot_is_known_by_its_name_and_its_time():
    """Another name, or a time since boot below what was kept, is another boot."""
    before = TimeKeeping(b"a", kernel(1000))
    kept = before.kept(1000)
    for boot, boot_ms, same in ((b"a", 1000, True), (b"a", 2000, True), (b"a", 999, False), (b"b", 2000, False)):
        after = TimeKeeping(boot, facts(boot_ms, 0), kept)
        assert (after.source() == KERNEL) == same
        assert after.utc_ms(boot_ms) == (NOW_MS + boot_ms if same else NOW_MS + 1000 + boot_ms)


def test_when_an_anchor_is_due():
    """The first of a boot; then after a day, or where time moved by more than half a second; only while it is S."""
    for after_ms, wrong_ms, due in (
        (DAY_MS - 1, 0, False), (DAY_MS, 0, True), (5000, 500, False), (5000, 501, True), (5000, -501, True),
    ):  # fmt: skip
        keeping = TimeKeeping(b"b", kernel())
        assert keeping.anchor_due(0) == (0, NOW_MS, 20, KERNEL) and keeping.anchor_due(0) is None
        keeping.look(kernel(after_ms, wrong_ms, 20))
        assert (keeping.anchor_due(after_ms + 16000) is not None) == due, (after_ms, wrong_ms)
    assert TimeKeeping(b"b", facts(0, NOW_MS, None, True)).anchor_due(0) is None
    assert TimeKeeping(b"b", kernel(0, 0, 1001)).anchor_due(0) is None


def test_when_a_drift_is_measured():
    """Over an hour or more, where the bounds are below 100 ppm of it, and no step of 1000 ppm lies between."""
    for after_ms, wrong_ms, bound_ms, ppm in (
        (HOUR_MS, 540, 180, 150), (HOUR_MS, -540, 180, -150), (HOUR_MS, 540, 181, None), (HOUR_MS - 1, 540, 10, None),
        (DAY_MS, 0, 10, 0), (DAY_MS, 864, 10, 10), (2 * HOUR_MS, 720, 10, 100),
    ):  # fmt: skip
        keeping = TimeKeeping(b"b", kernel(0, 0, bound_ms))
        keeping.anchor_due(0)
        keeping.look(kernel(after_ms, wrong_ms, bound_ms))
        keeping.anchor_due(after_ms)
        assert keeping.drift_ppm == ppm, (after_ms, wrong_ms, bound_ms, keeping.drift_ppm)
