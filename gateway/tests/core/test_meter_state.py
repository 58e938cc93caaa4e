"""The states of a meter to the millisecond: when it is asked again, how long it is given, and when it is dead."""

from gateway.core.meter.meter_state import (
    BUSY,
    DUE,
    MAY_COME,
    QUIET,
    REFUSED,
    SUSPENDED,
    MeterWatch,
)


def watch(timeout_ms=400, gap_ms=0, numbered=False):
    one = MeterWatch("m", timeout_ms, gap_ms, numbered)
    one.begin(0)
    return one


def fault(one, now_ms, kind="silent", answer=MAY_COME):
    one.rested(one.until_ms)
    one.asked()
    one.faulted(kind, "d", answer, now_ms)
    return one.until_ms - now_ms


def good(one, now_ms, latency_ms=50, utc_ms=7):
    one.rested(one.until_ms)
    one.asked()
    one.answered(latency_ms, now_ms, utc_ms)


def test_what_an_earlier_process_asked_must_pass():
    """Two seconds, or the time-out of the profile, after a start; where answers are numbered not at all."""
    assert [watch(timeout).until_ms for timeout in (400, 2000, 2001, 60000)] == [2000, 2000, 2001, 60000]
    assert watch(400, 0, True).until_ms == 0
    one = watch()
    one.until_ms = 5000
    one.begin(1000)
    assert one.until_ms == 5000 and (one.state, one.spare_ms, one.failures, one.stale) == (DUE, 0, 0, False)


def test_the_first_time_out():
    """That of the profile, up to a second, until eight answers have been seen."""
    assert [watch(timeout).timeout_ms for timeout in (100, 999, 1000, 1001, 9000)] == [100, 999, 1000, 1000, 1000]
    one = watch(400)
    for number in range(1, 9):
        good(one, number * 1000)
        assert one.timeout_ms == (400 if number < 8 else 200), number


def test_the_time_out_follows_the_slowest_answer():
    """Four times the slowest, at least 100 ms and a third of the profile up to 500 ms, at most twice the profile."""
    for profile_ms, latency_ms, needed_ms in (
        (200, 10, 100), (300, 10, 100), (303, 10, 101), (1500, 10, 500), (1503, 10, 500), (400, 33, 133),
        (400, 34, 136), (400, 200, 800), (400, 201, 800), (1000, 500, 2000), (1000, 600, 2000),
        (1500, 700, 2000), (3000, 800, 3000),
    ):  # fmt: skip
        one = watch(profile_ms)
        for number in range(8):
            good(one, number * 1000, latency_ms)
        assert one.timeout_ms == needed_ms, (profile_ms, latency_ms)
    one = watch(400)
    for number in range(8):
        good(one, number * 1000, 160)
    good(one, 9000, 10)
    assert one.timeout_ms == 4 * 155  # a thirty-second part is forgotten with each quick one


def test_how_long_a_meter_is_left_alone():
    """Two seconds, four time-outs or the profile's; 100 ms after a refusal; 200 ms after busy, then twice as long."""
    assert [fault(watch(timeout), 50, "crc") for timeout in (400, 500, 501, 1000, 4001)] == [
        2000,
        2000,
        2004,
        4000,
        4001,
    ]
    assert fault(watch(400, 0, True), 50, "crc") == 100
    assert fault(watch(), 50, "exception", REFUSED) == 100
    one = watch()
    assert [fault(one, 50, "exception", BUSY) for _ in range(4)] == [200, 400, 800, 1600]
    assert one.failures == 4 and fault(one, 50, "exception", REFUSED) == 100 and one.failures == 0
    one = watch(400, 30)
    good(one, 5000)
    assert (one.until_ms, one.state) == (5030, DUE)


def test_quiet_ends_at_its_millisecond():
    """Not before, and only a quiet meter rests."""
    one = watch()
    fault(one, 5000, "crc")
    one.rested(6999)
    assert one.state == QUIET
    one.rested(7000)
    assert one.state == DUE
    one.rested(9000)
    assert one.state == DUE


def test_silence_doubles_the_time_out_and_kills_at_the_third():
    """400, 800, at most what twice the profile allows; three silences in a row, or eight faults, are death."""
    one = watch(400)
    assert (fault(one, 5000), one.timeout_ms) == (3200, 800)
    assert (fault(one, 9000), one.timeout_ms) == (3200, 800)
    fault(one, 14000)
    assert one.state == SUSPENDED and one.failures == 3
    one = watch(400)
    for number in range(8):
        assert one.state != SUSPENDED
        fault(one, 5000 + number, "crc")
    assert one.state == SUSPENDED and one.timeout_ms == 300
    one = watch(400)
    for kind in ("silent", "silent", "crc", "silent", "silent"):
        fault(one, 5000, kind)
    assert one.state == QUIET


def test_probes_of_a_dead_meter():
    """After 2, 4, 8 s to a minute; every fourth with all the time; while others wait a hundredth of the line."""
    one = watch(400)
    now_ms = 10000
    for _ in range(3):
        fault(one, now_ms)
    waits, spares, times = [], [], []
    for _ in range(8):
        waits.append(one.until_ms - now_ms)
        spares.append(one.spare_ms - now_ms)
        times.append(one.timeout_ms)
        now_ms += 100000
        fault(one, now_ms)
    assert waits == [2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]
    assert times == [300, 300, 300, 800, 300, 300, 300, 800]
    assert spares == [30000, 30000, 30000, 80000, 32000, 60000, 60000, 80000]
    good(one, now_ms)
    assert (one.state, one.timeout_ms, one.failures) == (DUE, 400, 0)
    for _ in range(3):
        fault(one, now_ms)
    assert one.until_ms - now_ms == 2000
    slow = watch(5000)
    for _ in range(3):
        fault(slow, 10000)
    assert slow.until_ms - 10000 == 5000 and slow.timeout_ms == 300
    numbered = watch(5000, 0, True)
    for _ in range(3):
        fault(numbered, 10000)
    assert numbered.until_ms - 10000 == 2000


def test_a_meter_that_was_known_is_probed_by_what_it_needs():
    """After eight answers a probe waits as long as they asked for, and back it is given the profile's time first."""
    one = watch(400)
    for number in range(8):
        good(one, 1000 * number, 150)
    assert one.timeout_ms == 600
    for _ in range(3):
        fault(one, 20000)
    assert one.timeout_ms == 600
    good(one, 90000, 10)
    assert one.timeout_ms == 584  # 150 - 150 // 32 = 146
    good(one, 91000, 10)
    assert one.timeout_ms == 584  # trusted again only after eight


def test_a_refusing_meter_is_alive():
    """A refusal of a dead meter ends its death without trust in it; a question that nobody got leaves it dead."""
    one = watch(400)
    for _ in range(3):
        fault(one, 10000)
    one.asked()
    one.not_asked()
    assert one.state == SUSPENDED
    fault(one, 20000, "exception", REFUSED)
    assert one.state == QUIET
    fault(one, 30000, "crc")
    assert one.state == QUIET
    one.rested(one.until_ms)
    one.asked()
    one.not_asked()
    assert one.state == DUE


def test_stale_after_a_day_without_a_word():
    """A day after the last good answer, or the first question; noticed when it is found dead."""
    day_ms = 86400000
    for at_ms, stale in ((day_ms - 1, False), (day_ms, True)):
        one = watch()
        for _ in range(3):
            fault(one, at_ms)
        assert one.stale == stale
        good(one, at_ms + 1)
        assert not one.stale
        for _ in range(3):
            fault(one, at_ms + day_ms)
        assert not one.stale
        fault(one, at_ms + 1 + day_ms)
        assert one.stale


def test_a_lost_line_is_no_fault_of_the_meter():
    """Everything begins anew, unless the line goes whenever this meter is asked: the third time it is dead."""
    one = watch(400)
    for _ in range(5):
        fault(one, 10000)
    one.line_lost(False)
    assert (one.state, one.until_ms, one.spare_ms, one.failures, one.timeout_ms) == (DUE, 0, 0, 0, 400)
    one.begin(50000)
    assert one.until_ms == 52000
    for lost in (1, 2, 3):
        one.asked()
        one.line_lost(True)
        assert one.failures == lost and one.state == DUE
        one.begin(60000)
        assert one.state == (SUSPENDED if lost == 3 else DUE)
    assert one.until_ms == 62000
    good(one, 70000)
    one.asked()
    one.line_lost(True)
    assert one.failures == 1


def test_what_is_remembered_for_the_report():
    """The last sixteen exchanges that gave bytes, garbled or not; faults by kind; the last good answer."""
    one = watch()
    assert one.recent() == (0, 0)
    for number, kind in enumerate(("crc", "long", "framing", "short", "silent", "wrong-unit")):
        fault(one, 1000 * number, kind)
    assert one.recent() == (3, 5)
    for number in range(13):
        good(one, 100000 + number, 50, 99 + number)
    assert one.recent() == (1, 16)
    found = one.report(True, ((3, 0, 2),), False)
    assert found.faults == {"crc": 1, "long": 1, "framing": 1, "short": 1, "silent": 1, "wrong-unit": 1}
    assert (found.meter, found.last_good_ms, found.last_fault, found.foreign, found.refused) == (
        "m", 111, ("wrong-unit", "d"), True, ((3, 0, 2),),
    )  # fmt: skip
    assert (found.state, found.failures, found.stale, found.shortened) == (DUE, 0, False, False)
    assert watch().report(False, (), True)[3:8] == (None, 400, 0, ("", ""), False)
