"""Time keeping under a clock that does everything a clock can do; the truth is kept by the test's own world."""

from gateway.core.anchoring import anchored, clock_moved, is_placed
from gateway.core.record import Event, Stamp, TimeAnchor
from gateway.core.time_keeping import (
    CLOCK_DISAGREES,
    CLOCK_LOST,
    CLOCK_STATUS,
    CLOCK_STEP,
    DAY_MS,
    KERNEL,
    RECEIPT,
    UNKNOWN_BOUND_MS,
    USABLE_BOUND_MS,
    ClockFacts,
    TimeKeeping,
    kept_of,
)

NOW_MS = 1795190400000  # 2026-11-21 00:00 in China
HOUR_MS = 3600000
YEAR_MS = 365 * DAY_MS


class World:
    """The true time, an oscillator that is wrong by ppm, and a system clock that says something."""

    def __init__(self, true_ms=NOW_MS, ppm=0, boot=b"bootbooo", rtc=False):
        self.true_ms = self.booted_ms = true_ms
        self.ppm, self.boot, self.rtc = ppm, boot, rtc
        self.wrong_ms = 0  # what the system clock is put forward by, beside its drift
        self.bound_ms = None  # of the kernel, which is right then

    def boot_ms(self):
        elapsed_ms = self.true_ms - self.booted_ms
        return elapsed_ms + elapsed_ms * self.ppm // 1000000

    def facts(self):
        if self.bound_ms is not None:
            return ClockFacts(self.boot_ms(), self.true_ms + self.wrong_ms, self.bound_ms, self.rtc)
        return ClockFacts(self.boot_ms(), self.booted_ms + self.boot_ms() + self.wrong_ms, None, self.rtc)

    def keeping(self, kept=None):
        return TimeKeeping(self.boot, self.facts(), kept)

    def passed(self, keeping, ms):
        """Let *ms* pass, look, and return the codes that were told."""
        self.true_ms += ms
        return [one.code for one in keeping.look(self.facts())]

    def receipt(self, keeping, wrong_ms=0, bound_ms=20, road_ms=80):
        """Let a receipt answer what was sent road_ms ago, with the platform's time in the middle."""
        sent_ms = self.boot_ms()
        self.true_ms += road_ms
        keeping.anchored(self.true_ms - road_ms // 2 + wrong_ms, bound_ms, sent_ms, self.boot_ms())

    def error_ms(self, keeping):
        return keeping.utc_ms(self.boot_ms()) - self.true_ms


def stamp_of(world, keeping):
    status, bound_ms = keeping.status(world.boot_ms())
    return Stamp(world.boot, world.boot_ms(), keeping.utc_ms(world.boot_ms()), status, bound_ms)


def anchor_of(world, keeping):
    mark = keeping.anchor_due(world.boot_ms())
    return None if mark is None else TimeAnchor(stamp_of(world, keeping), world.boot, *mark)


def test_fault_e01_a_boot_in_1970_starts_at_the_saved_time_and_is_anchored_later():
    """Two days after a boot in 1970 a receipt comes: its anchor tells the time of every stamp of that boot."""
    before = World()
    before.bound_ms = 20
    first = before.keeping()
    kept = kept_of(first.kept(before.boot_ms()).plain())
    world = World(NOW_MS + 3 * DAY_MS, ppm=80, boot=b"second b")
    world.wrong_ms = -world.true_ms
    keeping = world.keeping(kept)
    assert world.passed(keeping, 0) == [CLOCK_LOST]
    assert keeping.status(0) == ("U", UNKNOWN_BOUND_MS)
    stamps = []
    for _ in range(20):
        assert world.passed(keeping, HOUR_MS) == []
        stamps.append((world.true_ms, stamp_of(world, keeping)))
        assert stamps[-1][1].utc_ms - kept.utc_ms == world.boot_ms() and stamps[-1][1].status == "U"
        assert keeping.anchor_due(world.boot_ms()) is None
    world.receipt(keeping)
    assert world.passed(keeping, 1000) == [CLOCK_STEP, CLOCK_STATUS]
    anchor = anchor_of(world, keeping)
    assert anchor.source == RECEIPT and abs(world.error_ms(keeping)) <= keeping.status(world.boot_ms())[1] <= 100
    for true_ms, stamp in stamps:
        known = anchored(stamp, [anchor])
        assert known.status == "R" and abs(known.utc_ms - true_ms) <= known.bound_ms <= USABLE_BOUND_MS
        assert not is_placed(stamp, [anchor])  # what it said then was three days off
    foreign = TimeAnchor(anchor.stamp, b"another ", *anchor[2:])
    assert anchored(stamps[0][1], [foreign]) == stamps[0][1]


def test_stamps_of_a_clock_that_was_right_are_placed_by_an_anchor():
    """The real-time clock was right all along: its stamps said I, and with the anchor they count."""
    world = World(rtc=True)
    keeping = world.keeping()
    assert keeping.status(0)[0] == "I"
    world.passed(keeping, HOUR_MS)
    stamp = stamp_of(world, keeping)
    assert not is_placed(stamp, [])
    world.bound_ms = 30
    assert world.passed(keeping, 1000) == [CLOCK_STATUS]
    assert is_placed(stamp, [anchor_of(world, keeping)]) and is_placed(stamp_of(world, keeping), [])


def test_fault_e02_a_system_clock_put_back_eight_hours_is_a_step():
    """A clock that nobody vouches for is followed, and the step of -28,800 s is told as one that moved time."""
    world = World(rtc=True)
    keeping = world.keeping()
    world.passed(keeping, HOUR_MS)
    world.wrong_ms = -8 * HOUR_MS
    world.true_ms += 5000
    (told,) = keeping.look(world.facts())
    assert told == (CLOCK_STEP, (("moved", "yes"), ("size_ms", "-28800000")), True)
    assert clock_moved(Event(None, told.code, told.values))
    assert world.error_ms(keeping) == -8 * HOUR_MS


def test_fault_e03_the_first_synchronisation_may_be_25_hours_ahead():
    """A saved time is put right by 25 h in one step, and the status becomes S."""
    world = World()
    world.wrong_ms = -25 * HOUR_MS
    keeping = world.keeping()
    world.passed(keeping, HOUR_MS)
    world.bound_ms, world.wrong_ms = 20, 0
    assert world.passed(keeping, 5000) == [CLOCK_STEP, CLOCK_STATUS]
    assert world.error_ms(keeping) == 0 and keeping.status(world.boot_ms()) == ("S", 20)


def test_fault_e04_utc_never_goes_back_under_jitter():
    """A clock that jumps by half a second to and fro is slewed after: UTC only grows, and no step is told."""
    world = World()
    world.bound_ms = 600
    keeping = world.keeping()
    last_ms = keeping.utc_ms(world.boot_ms())
    for number in range(2000):
        world.wrong_ms = (500, -500, 250, -37)[number % 4]
        assert world.passed(keeping, 50) == []
        now_ms = keeping.utc_ms(world.boot_ms())
        assert now_ms > last_ms
        last_ms = now_ms
        assert abs(world.error_ms(keeping)) <= keeping.status(world.boot_ms())[1]


def test_fault_e05_the_bound_holds_through_seven_days_of_drift():
    """With an oscillator 100 ppm fast or slow and no source for 7 days, the bound is never below the error."""
    for ppm in (100, -100, 37, 0):
        world = World(ppm=ppm)
        world.bound_ms = 15
        keeping = world.keeping()
        world.bound_ms = None
        statuses = ""
        for _ in range(7 * 24 * 4):
            codes = world.passed(keeping, HOUR_MS // 4)
            status, bound_ms = keeping.status(world.boot_ms())
            assert abs(world.error_ms(keeping)) <= bound_ms
            assert status == "I" or bound_ms <= USABLE_BOUND_MS
            assert codes == ([CLOCK_STATUS] if status == "I" and statuses[-1:] == "R" else [])
            statuses += status
        hours = [(statuses.count(status) + 2) // 4 for status in "SRI"]
        assert "S" * statuses.count("S") + "R" * statuses.count("R") + "I" * statuses.count("I") == statuses
        assert hours == [1, 23, 144]


def test_drift_is_measured_between_anchors_and_a_worse_one_counts_twice():
    """An oscillator 150 ppm off is measured within 2 ppm from one day to the next; from then on the bound holds."""
    world = World(ppm=150)
    world.bound_ms = 10
    keeping = world.keeping()
    assert anchor_of(world, keeping).source == KERNEL
    anchors = 0
    for _ in range(30):
        world.passed(keeping, HOUR_MS)
        anchors += anchor_of(world, keeping) is not None
    assert anchors > 1 and abs(keeping.drift_ppm + 150) <= 2
    world.bound_ms = None
    for _ in range(100):
        world.passed(keeping, HOUR_MS)
        assert abs(world.error_ms(keeping)) <= keeping.status(world.boot_ms())[1]


def test_anchors_are_recorded_once_a_day_unless_time_moves():
    """Of a clock that agrees with itself there is one anchor a day."""
    world = World()
    world.bound_ms = 10
    keeping = world.keeping()
    found = 0
    for _ in range(10 * 24 * 4):
        found += anchor_of(world, keeping) is not None
        world.passed(keeping, HOUR_MS // 4)
    assert found == 10


def test_fault_e06_a_leap_second_is_slewed():
    """The repeated second of 23:59:60 puts the system back by 1000 ms: UTC goes on, and nothing is told."""
    world = World()
    world.bound_ms = 20
    keeping = world.keeping()
    world.passed(keeping, HOUR_MS)
    world.true_ms -= 1000  # UTC itself counts the second twice
    world.booted_ms -= 1000
    last_ms = keeping.utc_ms(world.boot_ms())
    for _ in range(400):
        assert world.passed(keeping, 50) == []
        now_ms = keeping.utc_ms(world.boot_ms())
        assert now_ms > last_ms
        last_ms = now_ms
        assert abs(world.error_ms(keeping)) <= keeping.status(world.boot_ms())[1]
    assert world.error_ms(keeping) == 0


def test_fault_e08_a_lying_time_server_is_not_believed_against_receipts():
    """NTP says a year more than two receipts: it is refused and told once, whether it lied late or from the start."""
    world = World()
    world.bound_ms = 20
    keeping = world.keeping()
    world.passed(keeping, 5000)
    world.receipt(keeping)
    world.passed(keeping, 5000)
    world.wrong_ms = YEAR_MS
    told = []
    for _ in range(100):
        told += world.passed(keeping, 5000)
        if len(told) % 7 == 0:
            world.receipt(keeping)
        assert abs(world.error_ms(keeping)) <= 100 and keeping.status(world.boot_ms())[0] in "SR"
    assert told == [CLOCK_DISAGREES]
    world = World()
    world.bound_ms, world.wrong_ms = 20, YEAR_MS
    keeping = world.keeping()
    told = []
    for _ in range(3):
        world.receipt(keeping)
        told += world.passed(keeping, 5000)
    assert told == [CLOCK_DISAGREES, CLOCK_DISAGREES, CLOCK_STEP]
    assert abs(world.error_ms(keeping)) <= 100 and keeping.source() == RECEIPT


def test_a_time_server_that_contradicts_itself_leaves_time_unsure():
    """Nobody can say when the server lied: time runs on evenly, and claims end until it is clear."""
    world = World()
    world.bound_ms = 20
    keeping = world.keeping()
    world.wrong_ms = 25 * HOUR_MS
    assert world.passed(keeping, 5000) == [CLOCK_DISAGREES, CLOCK_STATUS]
    assert world.error_ms(keeping) == 0 and keeping.status(world.boot_ms())[0] == "I"
    world.true_ms += 25 * HOUR_MS
    assert CLOCK_STEP in [one.code for one in keeping.look(world.facts())]  # by now nothing speaks against it


def test_fault_e09_a_receipt_that_goes_back_in_time_is_refused():
    """A platform whose time goes back by an hour between receipts is told of, and not followed."""
    world = World()
    keeping = world.keeping()
    world.receipt(keeping)
    world.passed(keeping, 5000)
    world.receipt(keeping, wrong_ms=-HOUR_MS)
    assert CLOCK_DISAGREES in world.passed(keeping, 5000)
    assert abs(world.error_ms(keeping)) <= 100


def test_fault_e11_the_ends_of_other_peoples_counters_are_no_ends():
    """2036 (NTP), 2038 (32 bits) and 2106 pass without a word; a clock that says 9999 was never set."""
    for at_ms in (2085978496000, 2147483648000, 4294967296000):
        world = World(at_ms - 10000, rtc=True)
        world.bound_ms = 20
        keeping = world.keeping()
        for _ in range(20):
            assert world.passed(keeping, 1000) == [] and world.error_ms(keeping) == 0
    world = World()
    world.bound_ms = 20
    kept = world.keeping().kept(world.boot_ms())
    world = World(boot=b"second b")
    world.bound_ms, world.wrong_ms = 20, 253402300799000 - NOW_MS
    keeping = world.keeping(kept)
    assert keeping.utc_ms(world.boot_ms()) == kept.utc_ms and keeping.status(0)[0] == "U"


def test_fault_e13_time_goes_on_while_the_system_sleeps():
    """The time since boot counts the eight hours of a suspend, so relative time is right when the system wakes."""
    world = World()
    world.bound_ms = 20
    keeping = world.keeping()
    world.bound_ms = None
    world.passed(keeping, 8 * HOUR_MS)
    status, bound_ms = keeping.status(world.boot_ms())
    assert status == "R" and world.error_ms(keeping) == 0 and bound_ms == 20 + 2880


def test_fault_e14_a_wrong_platform_moves_nothing_unless_it_signs_that_it_is_right():
    """A platform that is two hours off: not synchronised, it is told of; claiming S once, it is refused."""
    world = World()
    world.bound_ms = 20
    keeping = world.keeping()
    for bound_ms in (UNKNOWN_BOUND_MS, UNKNOWN_BOUND_MS):
        world.receipt(keeping, wrong_ms=2 * HOUR_MS, bound_ms=bound_ms)
        codes = world.passed(keeping, 5000)
        assert keeping.status(world.boot_ms()) == ("S", 20) and world.error_ms(keeping) == 0
    assert codes == []
    world = World()
    world.bound_ms = 20
    keeping = world.keeping()
    world.receipt(keeping, wrong_ms=2 * HOUR_MS)
    assert world.passed(keeping, 5000) == [CLOCK_DISAGREES]
    assert keeping.status(world.boot_ms())[0] == "S" and world.error_ms(keeping) == 0


def test_a_restart_of_the_process_goes_on_where_it_was():
    """In the same boot the mark, and with it the bound, survives the process; nothing is told."""
    world = World()
    world.bound_ms = 20
    keeping = world.keeping()
    world.bound_ms = None
    world.passed(keeping, 2 * HOUR_MS)
    kept = kept_of(keeping.kept(world.boot_ms()).plain())
    world.true_ms += 60000
    again = world.keeping(kept)
    assert world.passed(again, 0) == [] and again.status(world.boot_ms()) == ("R", 20 + 720 + 6)
    assert world.error_ms(again) == 0


def test_small_steps_come_to_a_moved_clock_together():
    """Of steps of 4 s each the third makes more than 9 s together, and counting begins anew."""
    world = World(rtc=True)
    keeping = world.keeping()
    moved = []
    for _ in range(6):
        world.true_ms += 5000
        world.wrong_ms -= 4000
        moved += [one.moved for one in keeping.look(world.facts())]
    assert moved == [False, False, True, False, False, True]


def test_sources_answer_for_each_other():
    """Two sources that agree against the time that is held are believed, whichever came first."""
    world = World()
    world.receipt(keeping := world.keeping(), wrong_ms=HOUR_MS)
    world.passed(keeping, 5000)
    assert world.error_ms(keeping) > HOUR_MS - 100
    world.bound_ms = 20
    assert world.passed(keeping, 5000) == [CLOCK_DISAGREES]
    world.receipt(keeping)
    assert world.passed(keeping, 5000) == [CLOCK_STEP] and abs(world.error_ms(keeping)) <= 100


def test_a_restart_in_one_boot_without_a_source_goes_on_where_it_was() -> None:
    """The process starts again 10 s later, hours after the boot, and nobody vouches for the time: 10 s have passed."""
    utc_ms, boot_ms = 1_795_000_000_000, 39_000_000
    before = TimeKeeping(b"bootboot", ClockFacts(boot_ms, utc_ms, None, True))
    kept = before.kept(boot_ms)
    later = ClockFacts(boot_ms + 10_000, utc_ms + 10_000, None, True)
    after = TimeKeeping(b"bootboot", later, kept)
    after.look(later)
    assert after.utc_ms(later.boot_ms) == utc_ms + 10_000
