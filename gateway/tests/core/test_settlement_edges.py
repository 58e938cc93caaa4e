"""Tests of the settlement at the edges of its times, and of what an interval says where a register was missing."""

from gateway.core.account.interval import Span
from gateway.core.boundary import NEAR_MS, TOLERANCE_MS
from gateway.core.flag import MISSING
from gateway.core.reading import Reading
from gateway.core.settlement import EARLIEST_S, LONGEST_GAP_S, ClosedInterval, Settlement
from gateway.tests.core.test_settlement import BASE_S, _close, _intervals, _read, _settlement

QUANTITY = "energy_active_import"
HOLD_MS = 15000  # of the site of these tests
MINUTE_MS = 60000


def _opened(settlement: Settlement, *meters: str) -> None:
    """Begin the accounts at BASE_S with what these meters show."""
    for meter in meters:
        _read(settlement, meter, 200, 7)
    assert _close(settlement, 200) == []


def test_a_new_settlement_is_at_its_beginning():
    """Nothing is open, late or waited for, and no gap is too long."""
    settlement = _settlement()
    assert (settlement.start_s, settlement.ending_s, settlement.gap_too_long) == (None, None, False)
    assert (settlement.late_s, settlement.late_end_s, settlement.period_start_s) == (0, 0, 0)
    assert (settlement.period, settlement.corrections, settlement.last) == ([], [], {})


def test_a_missing_register_leaves_what_was_known_of_it_and_nothing_else():
    """The span of a register that gave no boundary has its start, no end, one part of one, no energy, and says so."""
    settlement = _settlement()
    _opened(settlement, "m1", "m2")
    _read(settlement, "m1", MINUTE_MS + 100, 9)
    closed = _close(settlement, MINUTE_MS + HOLD_MS + 1)
    assert len(closed) == 1 and closed[0].complete_ppm == 500000
    start_ms = BASE_S * 1000 + 200
    assert closed[0].spans[1] == Span("m2", QUANTITY, (0, 7), start_ms, (), 0, 0, 1, 0, MISSING, (), (), 0, 0)
    assert closed[0].spans[0].parts == 1 and closed[0].spans[0].energy_wh == 20


def test_a_register_that_was_never_read_has_no_start_either():
    """Its span is empty: no words, no time."""
    settlement = _settlement()
    _opened(settlement, "m1")
    _read(settlement, "m1", MINUTE_MS + 100, 9)
    assert _close(settlement, MINUTE_MS + HOLD_MS + 1) == []  # the first try with all of them
    _read(settlement, "m1", 2 * MINUTE_MS + 100, 10)
    closed = _close(settlement, 2 * MINUTE_MS + HOLD_MS + 1)
    closed = _intervals(closed)
    assert [one.start_s - BASE_S for one in closed] == [60]
    assert closed[0].spans[1] == Span("m2", QUANTITY, (), 0, (), 0, 0, 1, 0, MISSING, (), (), 0, 0)


def test_a_boundary_reading_may_come_until_the_end_of_the_hold():
    """To the millisecond: at its end it stands for the boundary, after it no more."""
    for late_ms, counted in ((HOLD_MS, 20), (HOLD_MS + 1, 0)):
        settlement = _settlement()
        _opened(settlement, "m1", "m2")
        _read(settlement, "m1", MINUTE_MS + 100, 9)
        _read(settlement, "m2", MINUTE_MS + late_ms, 9)
        closed = _close(settlement, MINUTE_MS + HOLD_MS + 1)
        assert [span.energy_wh for span in closed[0].spans] == [20, counted]


def test_the_hold_is_waited_for_and_no_longer():
    """An interval that lacks a register is closed a millisecond after the hold, not at its end."""
    settlement = _settlement()
    _opened(settlement, "m1", "m2")
    _read(settlement, "m1", MINUTE_MS + 100, 9)
    assert _close(settlement, MINUTE_MS + HOLD_MS) == []
    assert len(_close(settlement, MINUTE_MS + HOLD_MS + 1)) == 1


def test_the_first_reading_after_a_boundary_is_kept_for_it():
    """A second one of the same boundary changes nothing, and one of a boundary that is closed is none of the next."""
    settlement = _settlement()
    _opened(settlement, "m1", "m2")
    for counts in (9, 11):
        _read(settlement, "m1", MINUTE_MS + counts * 100, counts)
    _read(settlement, "m2", MINUTE_MS + 100, 8)
    closed = _close(settlement, MINUTE_MS + 2000)
    assert [span.energy_wh for span in closed[0].spans] == [20, 10]
    _read(settlement, "m1", MINUTE_MS + 3000, 30)  # of the boundary that is closed
    assert _close(settlement, MINUTE_MS + HOLD_MS + 1) == []


def test_readings_before_the_product_existed_stand_for_nothing():
    """A clock that says 1970, or the first day of 2025 less a second, gives no boundary; that day itself may."""
    for at_s, begins in ((EARLIEST_S - 60, False), (EARLIEST_S, True), (0, False)):
        settlement = _settlement()
        for meter in ("m1", "m2"):
            settlement.take(Reading(meter, QUANTITY, at_s * 1000 + 200, (0, 7), 70))
        settlement.close(at_s * 1000 + 300)
        assert (settlement.start_s == at_s) is begins


def test_a_beginning_waits_for_readings_in_time():
    """The first interval begins where all registers were read within the tolerance, else at the second try."""
    for late_ms, begins in ((TOLERANCE_MS, True), (TOLERANCE_MS + 1, False)):
        settlement = _settlement()
        _read(settlement, "m1", 200, 7)
        _read(settlement, "m2", late_ms, 7)
        _close(settlement, late_ms)
        assert (settlement.start_s == BASE_S) is begins


def test_a_gap_may_be_four_hundred_days_long():
    """To the interval; one more, and nothing is closed over it, which is said until somebody looks into it."""
    for more_s, too_long in ((0, False), (60, True)):
        settlement = _settlement()
        _opened(settlement, "m1", "m2")
        at_ms = (LONGEST_GAP_S + more_s) * 1000
        for meter in ("m1", "m2"):
            _read(settlement, meter, at_ms + 100, 9)
        closed = _close(settlement, at_ms + 200)
        assert settlement.gap_too_long is too_long and bool(_intervals(closed)) is not too_long


def test_an_interpolated_boundary_lies_between_readings_of_one_interval():
    """A reading as old as an interval still bears a line to the next, one that is older does not; nor is a near one."""
    for before_ms, after_ms, drawn in (
        (MINUTE_MS - MINUTE_MS, NEAR_MS + 1, True),
        (0, NEAR_MS, False),
        (-1, NEAR_MS + 1, False),
    ):
        settlement = _settlement("interpolated")
        for meter in ("m1", "m2"):
            _read(settlement, meter, before_ms, 7)
        _close(settlement, 100)
        for meter in ("m1", "m2"):
            _read(settlement, meter, MINUTE_MS + after_ms, 9)
        found = settlement.candidates["m1", QUANTITY]
        assert bool(found.before) is drawn, (before_ms, after_ms)


def test_each_interval_is_told_once():
    """What was closed is not closed again, and the next one begins where it ended."""
    settlement = _settlement()
    _opened(settlement, "m1", "m2")
    starts = []
    for number in (1, 2, 3):
        for meter in ("m1", "m2"):
            _read(settlement, meter, number * MINUTE_MS + 100, 7 + number)
        starts += [
            one.start_s - BASE_S
            for one in _close(settlement, number * MINUTE_MS + 200)
            if isinstance(one, ClosedInterval)
        ]
        assert _close(settlement, number * MINUTE_MS + 300) == [] and settlement.ending_s is None
    assert starts == [0, 60, 120]
