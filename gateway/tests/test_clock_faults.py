"""Faults of the clock against a whole gateway: energy is counted once, and never claimed wrongly."""

import struct
import time
from itertools import pairwise
from pathlib import Path

import pytest

from cloud_sync.core.canonical import decode
from cloud_sync.core.freshness import Anchor
from gateway.clock import Clock
from gateway.core.anchoring import is_claimable
from gateway.core.flag import ESTIMATED_SHAPE, MISSING, MOVED
from gateway.core.record import Account, Event, SelfUse, TimeAnchor, from_map
from gateway.core.time_keeping import CLOCK_DISAGREES, CLOCK_LOST, CLOCK_STEP, USABLE_BOUND_MS
from gateway.export import write_export
from gateway.figures import anchors_of, current, records_of
from gateway.tests.moved_park import QUARTER_S, MovedClock, MovedPark
from gateway.verification import verify_export

# What one count of a register means, from the manuals, as in test_histories.
WH = {"m-intake": 1, "m-roof": 10, "m-mill": 40, "m-battery": 10}
HOUR_MS = 3_600_000


def records(park: MovedPark) -> list[tuple[object, ...]]:
    """Return every record of the journal."""
    return [from_map(decode(one.body)) for one in park.journal.entries(1, park.journal.head_sequence)]  # type: ignore[arg-type]


def accounts(park: MovedPark) -> list[Account]:
    """Return the accounts as known now, by time."""
    found = current(records_of(park.journal, 0, 1 << 40))
    return sorted((one for _, one in found if isinstance(one, Account)), key=lambda one: one.start_s)


def events(park: MovedPark, code: str) -> list[dict[str, str]]:
    """Return the details of the events *code*."""
    return [dict(one.details) for one in records(park) if isinstance(one, Event) and one.code == code]


def every_watt_hour_is_counted_once(park: MovedPark) -> None:
    """Every interval is closed once, one after the other; each register's intervals are its advance."""
    closed = [one for one in records(park) if isinstance(one, Account)]
    assert [one.start_s for one in closed] == sorted({one.start_s for one in closed})
    assert all(before.end_s == after.start_s for before, after in pairwise(closed))
    sums = dict.fromkeys(park.counts, 0)
    for _, record in records_of(park.journal, 0, 1 << 40):
        for span in () if isinstance(record, SelfUse) else record.spans:
            sums[span.meter, span.quantity] += span.energy_wh
    first = {(span.meter, span.quantity): span.start_words for span in closed[0].spans}
    assert all(first.values())
    last_words = {key: park._words(*key, kind(park, key)) for key in park.counts}
    for key, total in sums.items():
        assert total == (shown(last_words[key], key, park) - shown(first[key], key, park)) * WH[key[0]], key


def kind(park: MovedPark, key: tuple[str, str]) -> str:
    """Return the type of a register."""
    return next(one.point.type for one in park.channels if (one.meter, one.quantity) == key)


def shown(words: tuple[int, ...], key: tuple[str, str], park: MovedPark) -> int:
    """Return the count that the words of a register stand for."""
    number = words[0] << 16 | words[1]
    if kind(park, key) == "f32":
        return int(round(struct.unpack(">f", number.to_bytes(4, "big"))[0] * 1000))
    return number


def nothing_is_claimed_wrongly(park: MovedPark) -> int:
    """What may be claimed by the hour was read within 9 s of its boundaries in truth; return how much that is."""
    anchors = [anchor for _, anchor in anchors_of(park.journal)]
    claimable = [one for one in accounts(park) if is_claimable(one, anchors)]
    for one in claimable:
        for span in one.spans:
            if span.parts == 1 and MISSING not in span.flag:
                for words, read_ms in ((span.start_words, span.start_ms), (span.end_words, span.end_ms)):
                    assert abs(park.read[span.meter, span.quantity, words] - read_ms) <= USABLE_BOUND_MS
        true_ms = park.clock.boots[one.stamp.boot] + one.stamp.monotonic_ms
        stamped = [anchor for anchor in anchors if anchor.boot == one.stamp.boot]
        assert one.stamp.status in "SR" or stamped
        assert abs(true_ms - one.stamp.utc_ms) <= USABLE_BOUND_MS
    return len(claimable)


def it_is_provable(park: MovedPark, folder: Path) -> int:
    """Every day with intervals is exported and verified; return how many intervals have no known time."""
    park.receipt()
    unplaced = 0
    for day in sorted({time.strftime("%Y-%m-%d", time.gmtime(one.start_s + 8 * 3600)) for one in accounts(park)}):
        path = folder / (day + ".wpx")
        write_export(park.configuration, park.journal, day, str(path))
        unplaced += verify_export(path, park.home / "keys")["unplaced"]
    return unplaced


@pytest.fixture
def park(tmp_path: Path) -> MovedPark:
    """A park whose clock is synchronised, two hours on."""
    park = MovedPark(tmp_path)
    park.clock.bound_ms = 5
    park.pass_hours(2)
    return park


def test_fault_e01_hours_after_a_boot_in_1970_are_counted_and_not_claimed(park: MovedPark, tmp_path: Path) -> None:
    """A day later a boot in 1970 goes on from the saved time; what it closes counts, and is never claimed."""
    before = len(accounts(park))
    park.clock.bound_ms, park.clock.wrong_ms = None, -park.clock.now_ms
    park.cut_power(86400)
    park.pass_hours(5)
    assert {one.stamp.status for one in accounts(park)[before:]} == {"U"}
    assert len(events(park, CLOCK_LOST)) == 1
    park.clock.anchor(Anchor(park.clock.now_ms, 20, park.clock.monotonic_ms()))
    park.pass_hours(1)
    assert [anchor.source for _, anchor in anchors_of(park.journal)] == ["kernel", "receipt"]
    park.come_right()
    every_watt_hour_is_counted_once(park)
    assert nothing_is_claimed_wrongly(park) >= before
    assert it_is_provable(park, tmp_path) >= 20


def test_fault_e02_a_step_back_closes_nothing_again(tmp_path: Path) -> None:
    """Back by 8 h: one event; for 8 h nothing is closed, then one interval holds the energy, and says why."""
    park = MovedPark(tmp_path)
    park.pass_hours(9)
    closed = len(accounts(park))
    park.clock.wrong_ms = -8 * HOUR_MS
    park.pass_hours(7)
    assert len(accounts(park)) == closed
    assert [one["size_ms"] for one in events(park, CLOCK_STEP)] == ["-28800000"]
    park.pass_hours(3)
    holding = accounts(park)[closed]
    assert all(span.flag == MOVED and span.parts == 1 for span in holding.spans)
    assert all("Q" not in span.flag for one in accounts(park) for span in one.spans)
    park.come_right()
    every_watt_hour_is_counted_once(park)
    nothing_is_claimed_wrongly(park)
    assert it_is_provable(park, tmp_path) > 0


def test_fault_e03_a_step_forward_leaves_no_zeros(park: MovedPark, tmp_path: Path) -> None:
    """Ahead by 25 h: the hundred intervals share one difference of registers, flagged, and none of them is empty."""
    park.clock.bound_ms, park.clock.rtc = None, True
    park.cut_power(1)
    park.pass_hours(1)
    closed = len(accounts(park))
    for key in park.counts:
        park.counts[key] += 1000
    park.clock.wrong_ms = 25 * HOUR_MS
    park.pass_boundary()
    jumped = accounts(park)[closed:]
    assert 100 <= len(jumped) <= 102
    for one in jumped:
        assert all(span.energy_wh > 0 and set(MOVED + ESTIMATED_SHAPE) <= set(span.flag) for span in one.spans)
    park.clock.wrong_ms = 0
    park.come_right()
    every_watt_hour_is_counted_once(park)
    assert nothing_is_claimed_wrongly(park) > 8
    assert it_is_provable(park, tmp_path) >= 100


def test_fault_e04_jitter_at_the_edge_closes_each_interval_once(park: MovedPark) -> None:
    """A clock that jumps by half a second to and fro around every boundary closes each interval once, and no step."""
    before = len(accounts(park))
    for number in range(40):
        park.recorder.look_at_clock()
        now_ms = park.clock.utc_ms()
        edge_ms = (now_ms // 1000 // QUARTER_S + 1) * QUARTER_S * 1000
        park.clock.now_ms += edge_ms - now_ms - 400
        for jitter_ms in (500, -500, 500, -500, 300):
            park.clock.wrong_ms = jitter_ms * (-1) ** number
            park.clock.now_ms += 150
            park.visit()
    park.clock.wrong_ms = 0
    assert len(accounts(park)) == before + 40 and not events(park, CLOCK_STEP)
    park.come_right()
    every_watt_hour_is_counted_once(park)
    assert nothing_is_claimed_wrongly(park) == len(accounts(park))


def test_fault_e07_the_zone_of_the_machine_changes_nothing(park: MovedPark, monkeypatch: pytest.MonkeyPatch) -> None:
    """A technician sets the zone of the gateway to Berlin and to Shanghai: intervals and stamps stay in UTC."""
    try:
        for zone in ("Europe/Berlin", "Asia/Shanghai", "America/New_York"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            park.pass_hours(1)
    finally:
        monkeypatch.undo()
        time.tzset()
    found = accounts(park)
    assert [one.start_s for one in found] == [found[0].start_s + QUARTER_S * n for n in range(len(found))]
    assert nothing_is_claimed_wrongly(park) == len(found)


def test_fault_e08_a_lying_time_server_moves_no_interval(park: MovedPark) -> None:
    """NTP jumps ahead by a year while receipts come: it is refused, told once, and intervals go on."""
    before = len(accounts(park))
    park.clock.anchor(Anchor(park.clock.now_ms, 20, park.clock.monotonic_ms()))
    park.clock.wrong_ms = 365 * 24 * HOUR_MS
    for _ in range(8):
        park.pass_boundary()
        park.clock.anchor(Anchor(park.clock.now_ms, 20, park.clock.monotonic_ms()))
    assert len(events(park, CLOCK_DISAGREES)) == 1 and not events(park, CLOCK_STEP)
    assert len(accounts(park)) == before + 8
    park.clock.wrong_ms = 0
    park.come_right()
    every_watt_hour_is_counted_once(park)
    assert nothing_is_claimed_wrongly(park) == len(accounts(park))


def test_fault_e10_a_reboot_inside_an_interval_is_spanned(park: MovedPark, tmp_path: Path) -> None:
    """The time since boot begins again in the middle of an interval: its energy is one difference over both boots."""
    park.clock.now_ms += 400_000
    park.visit()
    park.cut_power(120)
    park.pass_hours(2)
    boots = {one.stamp.boot for one in accounts(park)}
    assert len(boots) == 2 and all(span.parts == 1 for one in accounts(park) for span in one.spans)
    park.come_right()
    every_watt_hour_is_counted_once(park)
    assert nothing_is_claimed_wrongly(park) == len(accounts(park))
    assert it_is_provable(park, tmp_path) == 0


def test_fault_e11_intervals_pass_2036_and_2038(tmp_path: Path) -> None:
    """Across the ends of NTP's and of 32-bit seconds, intervals close one after the other."""
    for at_s in (2085978496, 2147483648):
        (tmp_path / str(at_s)).mkdir()
        park = MovedPark(tmp_path / str(at_s))
        park.close()
        park.journal_file.unlink()
        park.clock = MovedClock(at_s - 3600)
        park.clock.bound_ms = 5
        park.open()
        park.pass_hours(2)
        assert len(accounts(park)) >= 6 and not events(park, CLOCK_STEP)
        every_watt_hour_is_counted_once(park)


def test_fault_e13_the_clock_counts_suspended_time() -> None:
    """The time since boot is that of CLOCK_BOOTTIME, which goes on while the system sleeps."""
    before_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    now_ms = Clock().monotonic_ms()
    assert before_ms <= now_ms <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_no_history_of_clocks_creates_or_loses_energy(tmp_path: Path, seed: int) -> None:
    """Steps, synchronisation, 1970, reboots and silent meters by chance: sums are the registers', claims are true."""
    park = MovedPark(tmp_path, seed)
    print("seed", seed)
    chance = park.chance
    park.clock.bound_ms = 5
    park.pass_hours(1)
    for _ in range(40):
        dice = chance.randrange(12)
        if dice == 0:
            park.clock.wrong_ms = chance.choice((-8, 25, -2, 1)) * HOUR_MS
        elif dice == 1:
            park.clock.wrong_ms += chance.choice((-20_000, 3000, 500, -500, 8000))
        elif dice == 2:
            park.clock.bound_ms, park.clock.wrong_ms = 5, 0
        elif dice == 3:
            park.clock.bound_ms = None
        elif dice == 4:
            park.clock.rtc = chance.random() < 0.5
            park.clock.bound_ms = None
            park.clock.wrong_ms = chance.choice((0, 0, -park.clock.now_ms, -300_000, 7000))
            park.cut_power(chance.choice((5, 200, 5000)))
        elif dice == 5:
            park.journal.close()
            park.open()
        elif dice == 6:
            park.silent = set(chance.sample(sorted(WH), 1))
        elif dice == 7:
            park.clock.anchor(Anchor(park.clock.now_ms, 20, park.clock.monotonic_ms()))
        elif dice == 8:
            park.silent = set()
        for _ in range(chance.randrange(1, 6)):
            park.pass_boundary()
    park.come_right()
    park.pass_hours(1)
    every_watt_hour_is_counted_once(park)
    nothing_is_claimed_wrongly(park)
    it_is_provable(park, tmp_path)
    assert [one for one in records(park) if isinstance(one, TimeAnchor)]
