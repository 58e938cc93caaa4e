"""Tests of the settlement: boundaries, gaps, missing and late registers."""

from gateway.core.account.factor import FactorTable
from gateway.core.flag import ESTIMATED_SHAPE, FROZEN, INTERPOLATED, MISSING, MOVED, QUARANTINED
from gateway.core.late_truth import Late
from gateway.core.meter.profile import Point
from gateway.core.reading import FREEZE, Fault, Frozen, Reading
from gateway.core.settlement import CLOSED_AT_ONCE, Channel, ClosedInterval, ClosedPeriod, Settlement
from gateway.core.site import MeterPoint, SelfUseRule, Site

ONE = ((1, 1), (1, 1))
BASE_S = 1800000000  # a whole hour; times in these tests count from here
POINT = Point(
    "energy_active_import", "energy_active_import", 3, 0, 2, "u32", "high-first", (1, 100), "kWh", "direct", (), True,
    1 << 32, (), None, "", True,
)  # fmt: skip


def _site(boundary="first-after"):
    points = (
        MeterPoint("Intake", "intake", "m1", "LV", "", "grid", False),
        MeterPoint("Mill", "load", "m2", "LV", "", "", False),
    )
    return Site(
        "g",
        "p",
        60,
        5,
        60,
        15,
        SelfUseRule(120, "proportional", "user", "renewable"),
        "Jiangsu",
        (),
        (),
        (),
        points,
        (),
        60,
        boundary,
        "linear",
    )


def _settlement(boundary="first-after"):
    channels = tuple([Channel(meter, "energy_active_import", POINT, ONE, 0) for meter in ("m1", "m2")])
    return Settlement(_site(boundary), channels, FactorTable(()))


def _read(settlement, meter, at_ms, counts):
    words = (counts >> 16, counts & 0xFFFF)
    settlement.take(Reading(meter, "energy_active_import", BASE_S * 1000 + at_ms, words, counts * 10))


def _close(settlement, at_ms):
    return settlement.close(BASE_S * 1000 + at_ms)


def _imports(closed):
    return [(one.start_s - BASE_S, one.end_s - BASE_S, [energy.import_wh for energy in one.energies]) for one in closed]


def _intervals(closed):
    return [one for one in closed if isinstance(one, ClosedInterval)]


def test_an_interval_is_the_difference_of_its_boundary_registers():
    """The first reading at or after a boundary stands for it, and later ones in the interval change nothing."""
    settlement = _settlement()
    for at_ms, counts in ((0, 100), (5000, 101), (59999, 109), (60000, 110), (65000, 111)):
        _read(settlement, "m1", at_ms, counts)
        _read(settlement, "m2", at_ms, counts + 1000)
        closed = _close(settlement, at_ms)
        assert _imports(closed) == ([] if at_ms != 60000 else [(0, 60, [100, 100])])


def test_a_boundary_waits_for_the_last_register():
    """An interval closes only when every register has its boundary reading."""
    settlement = _settlement()
    for at_ms in (0, 60000):
        _read(settlement, "m1", at_ms, 5)
        assert _close(settlement, at_ms) == []
        _read(settlement, "m2", at_ms + 100, 7)
        assert len(_close(settlement, at_ms + 100)) == (1 if at_ms else 0)


def test_the_energy_of_a_gap_is_actual_and_its_shape_estimated():
    """After three minutes without power the intervals of the gap add up to the register difference, flagged."""
    settlement = _settlement()
    for at_ms, counts in ((0, 0), (180000, 10)):
        _read(settlement, "m1", at_ms, counts)
        _read(settlement, "m2", at_ms, 2 * counts)
        closed = _close(settlement, at_ms)
    intervals = _intervals(closed)
    assert [(one.start_s - BASE_S, one.end_s - BASE_S) for one in intervals] == [(0, 60), (60, 120), (120, 180)]
    assert sum([one.energies[0].import_wh for one in intervals]) == 100
    assert sum([one.energies[1].import_wh for one in intervals]) == 200
    assert [energy.flag for one in intervals for energy in one.energies] == [ESTIMATED_SHAPE] * 6
    assert [one.complete_ppm for one in intervals] == [0, 0, 0]


def test_a_missing_register_is_flagged_and_amended_when_it_is_back():
    """An interval closes after the hold time with the silent meter missing; its energy comes as late truth."""
    settlement = _settlement()
    _read(settlement, "m1", 0, 0)
    _read(settlement, "m2", 0, 0)
    _close(settlement, 0)
    _read(settlement, "m1", 60000, 10)
    assert _close(settlement, 75000) == []
    first = _close(settlement, 75001)
    assert [(e.import_wh, e.flag) for e in first[0].energies] == [(100, ""), (0, MISSING)]
    assert first[0].complete_ppm == 500000
    _read(settlement, "m1", 120000, 20)
    _read(settlement, "m2", 120000, 8)
    second = _close(settlement, 120000)
    late = [one for one in second if isinstance(one, Late)]
    assert [(one.start_s - BASE_S, one.end_s - BASE_S, one.energies[0].import_wh) for one in late] == [(0, 60, 40)]
    assert len(late[0].energies) == 1
    assert [(e.import_wh, e.flag) for e in _intervals(second)[0].energies] == [(100, ""), (40, ESTIMATED_SHAPE)]


def test_a_rise_beyond_the_connection_counts_nothing():
    """400 kW and a quarter carry 12.5 kWh in 90 s, half a minute of which is for slow meters; 20 Wh are two steps."""
    for counts, expected in ((1252, (12520, "")), (1253, (0, QUARANTINED))):
        channels = tuple([Channel(meter, "energy_active_import", POINT, ONE, 400000) for meter in ("m1", "m2")])
        settlement = Settlement(_site(), channels, FactorTable(()))
        for at_ms, rise in ((0, 0), (60000, counts)):
            _read(settlement, "m1", at_ms, rise)
            _read(settlement, "m2", at_ms, 0)
            closed = _close(settlement, at_ms)
        energy = closed[0].energies[0]
        assert (energy.import_wh, energy.flag) == expected


def test_a_reading_long_after_the_boundary_does_not_stand_for_it():
    """What comes later than the hold time waits for the next boundary."""
    settlement = _settlement()
    _read(settlement, "m1", 15001, 1)
    _read(settlement, "m2", 15001, 1)
    assert _close(settlement, 15001) == []
    assert settlement.candidates == {}


def test_the_first_interval_begins_at_a_boundary_that_was_read_in_time():
    """A gateway that starts between two boundaries waits for the next one, and then begins with what there is."""
    settlement = _settlement()
    _read(settlement, "m1", 7000, 1)
    _read(settlement, "m2", 7000, 1)
    assert _close(settlement, 7000) == [] and settlement.start_s is None
    _read(settlement, "m1", 60100, 2)
    assert _close(settlement, 60100) == [] and settlement.start_s is None
    assert _close(settlement, 75001) == [] and settlement.start_s == BASE_S + 60


def test_a_period_closes_at_its_end_with_the_sum_of_its_intervals():
    """The self-use method gets the energies of all intervals of its period."""
    settlement = _settlement()
    closed = []
    for minute in range(3):
        for meter in ("m1", "m2"):
            _read(settlement, meter, minute * 60000, minute * 3)
        closed.extend(_close(settlement, minute * 60000))
    periods = [one for one in closed if isinstance(one, ClosedPeriod)]
    assert [(one.start_s - BASE_S, one.end_s - BASE_S) for one in periods] == [(0, 120)]
    assert sum([a.wh for a in periods[0].allocations if a.sink == "Mill"]) == 60


def test_a_settlement_goes_on_from_its_state():
    """A restart between two boundaries changes no figure."""
    settlement = _settlement()
    for meter in ("m1", "m2"):
        _read(settlement, meter, 0, 4)
    _close(settlement, 0)
    _read(settlement, "m1", 60000, 9)
    again = _settlement()
    again.restore(settlement.state())
    _read(again, "m2", 60000, 5)
    assert _imports(_close(again, 60000)) == [(0, 60, [50, 10])]
    assert again.state() != settlement.state()


def test_a_long_gap_is_closed_piece_by_piece():
    """After a night without power the intervals come in several calls and add up, with restarts in between."""
    settlement = _settlement()
    for meter in ("m1", "m2"):
        _read(settlement, meter, 0, 0)
    _close(settlement, 0)
    gap_ms = 8 * 3600 * 1000
    for meter in ("m1", "m2"):
        _read(settlement, meter, gap_ms, 100003)
    count = calls = total_wh = 0
    end_s = BASE_S
    while settlement.start_s < BASE_S + 8 * 3600:
        closed = _intervals(_close(settlement, gap_ms + 1000 * calls))
        assert 0 < len(closed) <= CLOSED_AT_ONCE
        for one in closed:
            assert one.start_s == end_s
            end_s = one.end_s
            total_wh += one.energies[0].import_wh
            count += 1
        calls += 1
        again = _settlement()
        again.restore(settlement.state())
        settlement = again
    # 480 intervals and 240 periods of two minutes, 96 at once
    assert calls == 8 and count == 480
    assert total_wh == 1000030
    assert settlement.ending_s is None and settlement.ending == {}


def test_a_silent_month_is_amended_piece_by_piece():
    """The late truth of a meter that was silent for a month adds up, however many calls it takes."""
    settlement = _settlement()
    for meter in ("m1", "m2"):
        _read(settlement, meter, 0, 0)
    _close(settlement, 0)
    for minute in range(1, 200):
        _read(settlement, "m1", minute * 60000, minute)
        _close(settlement, minute * 60000 + 15001)
    for meter in ("m1", "m2"):
        _read(settlement, meter, 200 * 60000, 1007)
    closed = []
    for _ in range(4):
        closed.extend(_close(settlement, 200 * 60000))
    late = [one for one in closed if isinstance(one, Late)]
    last = _intervals(closed)
    assert len(late) == 199 and len(last) == 1
    assert sum([one.energies[0].import_wh for one in late]) + last[0].energies[1].import_wh == 10070


def test_a_clock_that_was_never_set_or_jumped_closes_nothing():
    """Readings of 1970 stand for no boundary, and a jump of years is left for a person to judge."""
    settlement = _settlement()
    for meter in ("m1", "m2"):
        settlement.take(Reading(meter, "energy_active_import", 120000, (0, 1), 10))
    assert settlement.close(120000) == [] and settlement.start_s is None
    for meter in ("m1", "m2"):
        _read(settlement, meter, 0, 0)
    _close(settlement, 0)
    years_ms = 3 * 365 * 86400 * 1000
    for meter in ("m1", "m2"):
        _read(settlement, meter, years_ms, 5)
    assert _close(settlement, years_ms) == [] and settlement.gap_too_long
    for meter in ("m1", "m2"):
        _read(settlement, meter, 60000, 6)
    assert _imports(_close(settlement, 60000)) == [(0, 60, [60, 60])] and not settlement.gap_too_long


HOUR_S = 3600


def _freezing():
    """A settlement whose meter m1 keeps its register at full hours."""
    channels = tuple([Channel(meter, "energy_active_import", POINT, ONE, 0) for meter in ("m1", "m2")])
    return Settlement(_site(), channels, FactorTable(()), {("m1", "energy_active_import"): HOUR_S})


def _kept(settlement, at_ms, counts):
    settlement.take(
        Frozen("m1", "energy_active_import", BASE_S * 1000 + at_ms, (counts >> 16, counts & 0xFFFF), counts * 10)
    )


def _spans(closed):
    return [
        (span.meter, span.start_ms - BASE_S * 1000, span.end_ms - BASE_S * 1000, span.energy_wh, span.flag)
        for one in _intervals(closed)
        for span in one.spans
    ]


def test_what_the_meter_kept_at_the_boundary_stands_for_it():
    """The first reading after the boundary waits for the kept register, which moves the energy where it belongs."""
    settlement = _freezing()
    closed = []
    # m1 counts 1 in a second. At minute 59 it is read 3 s late, at the hour 2 s late.
    for at_ms, counts in ((-60000 + 3000, 943), (2000, 1002), (60000 + 4000, 1064)):
        for meter in ("m1", "m2"):
            _read(settlement, meter, at_ms, counts)
        closed += _close(settlement, at_ms)
        if at_ms == 2000:
            assert closed == []
            _kept(settlement, 0, 1000)
            closed += _close(settlement, at_ms)
    assert _spans(closed) == [
        ("m1", -57000, 0, 570, ""),
        ("m2", -57000, 2000, 590, ""),
        ("m1", 0, 64000, 640, ""),
        ("m2", 2000, 64000, 620, ""),
    ]


def test_a_span_between_two_kept_registers_says_so():
    """From full hour to full hour the energy is exactly that of the hour, with the flag F; its account has none."""
    settlement = _freezing()
    closed = []
    for hour in (0, 1):
        at_ms = hour * HOUR_S * 1000
        for meter in ("m1", "m2"):
            _read(settlement, meter, at_ms + 2500, 1000 + hour * HOUR_S + 2)
        _kept(settlement, at_ms, 1000 + hour * HOUR_S)
        closed += _close(settlement, at_ms + 2500)
    minutes = HOUR_S // 60
    assert len(_intervals(closed)) == minutes
    first = [span for one in _intervals(closed) for span in one.spans if span.meter == "m1"]
    assert {span.flag for span in first} == {ESTIMATED_SHAPE + FROZEN}  # nobody read it in between
    assert sum([span.energy_wh for span in first]) == HOUR_S * 10
    assert {energy.flag for one in _intervals(closed) for energy in one.energies} == {ESTIMATED_SHAPE}


def test_without_the_kept_register_the_first_reading_stands():
    """The meter that gives none is not waited for, and no meter longer than the hold time."""
    for told, at_ms in ((True, 2500), (False, 16000)):
        settlement = _freezing()
        for before_ms in (-60000 + 1, 1000):
            for meter in ("m1", "m2"):
                _read(settlement, meter, before_ms, 1000 + before_ms // 1000)
            closed = _close(settlement, before_ms)
        assert closed == []
        if told:
            settlement.unfrozen(Fault("m1", BASE_S * 1000 + 2400, FREEZE, "the meter's clock is 9 s ahead"))
        closed = _close(settlement, at_ms)
        assert [span[:3] for span in _spans(closed)] == [("m1", -59999, 1000), ("m2", -59999, 1000)]


def test_kept_registers_of_no_boundary_and_readings_of_the_very_moment():
    """A register kept between boundaries stands for none; a reading at the very boundary is not taken for kept."""
    settlement = _freezing()
    _kept(settlement, 30000, 7)
    assert settlement.candidates == {}
    for at_ms in (-60000, 0):
        for meter in ("m1", "m2"):
            _read(settlement, meter, at_ms, 5)
        assert _close(settlement, at_ms + 500) == []
    _kept(settlement, 0, 5)
    assert _spans(_close(settlement, 600)) == [("m1", -59999, 0, 0, ""), ("m2", -59999, 1, 0, "")]


def test_an_interpolated_boundary_lies_between_the_polls_around_it():
    """Polls 2 s before and 3 s after a boundary: two fifths of what was counted between them are before it."""
    settlement = _settlement("interpolated")
    for at_ms, counts in ((0, 0), (58000, 100), (63000, 110), (118000, 200), (120400, 300)):
        for meter in ("m1", "m2"):
            _read(settlement, meter, at_ms, counts)
        closed = _close(settlement, at_ms)
        if at_ms == 63000:
            assert [(e.import_wh, e.flag) for e in closed[0].energies] == [(1040, INTERPOLATED)] * 2
    # The last one came within a second: it stands for its boundary itself.
    assert [(e.import_wh, e.flag) for e in closed[0].energies] == [(1960, INTERPOLATED)] * 2
    assert closed[0].spans[0].end_before == ()


def test_only_a_near_reading_that_the_register_went_on_from_is_interpolated_with():
    """A reading more than an interval away, or a register that decreased, leaves the first reading after as it is."""
    for before_ms, before in ((59000, 5), (118000, 900)):
        settlement = _settlement("interpolated")
        closed = []
        for at_ms, counts in ((0, 0), (before_ms, before), (123000, 110)):
            for meter in ("m1", "m2"):
                _read(settlement, meter, at_ms, counts)
            closed = _close(settlement, at_ms) or closed
        assert {span.end_before for one in _intervals(closed) for span in one.spans} == {()}


def test_the_reading_before_a_boundary_survives_a_restart():
    """A settlement that goes on from its state gives the same energies, and asks nobody for the reading before."""
    settlement = _settlement("interpolated")
    for at_ms, counts in ((0, 0), (58000, 100), (63000, 110)):
        for meter in ("m1", "m2"):
            _read(settlement, meter, at_ms, counts)
        _close(settlement, at_ms)
    again = _settlement("interpolated")
    again.restore(settlement.state())
    for meter in ("m1", "m2"):
        _read(again, meter, 120000, 200)
    closed = _close(again, 120000)
    assert [energy.import_wh for energy in closed[0].energies] == [960, 960]


def _restored(settlement):
    again = _settlement(settlement.site.boundary)
    again.restore(settlement.state())
    return again


def test_a_state_says_everything_at_every_moment():
    """Through a gap, a missing register, a moved clock and a closing in pieces: what is restored closes the same."""
    settlement = _settlement()
    for step, (meter, at_ms, counts) in enumerate(
        (
            ("m1", 0, 0), ("m2", 0, 0), ("m1", 60000, 10), ("m2", 120200, 30), ("m1", 120300, 20), ("m1", 180000, 25),
            ("m2", 180900, 40), ("m1", 60000 * 250, 90), ("m2", 60000 * 250 + 10, 99), ("m1", 60000 * 251, 91),
            ("m2", 60000 * 251, 100), ("m1", 60000 * 252, 92), ("m2", 60000 * 252, 101),
        )
    ):  # fmt: skip
        if step == 9:
            settlement.clock_moved()
        _read(settlement, meter, at_ms, counts)
        again = _restored(settlement)
        assert again.state() == settlement.state(), step
        for late_ms in (0, 15001):
            assert _close(again, at_ms + late_ms) == _close(settlement, at_ms + late_ms), step
            assert again.state() == settlement.state(), step
            settlement = _restored(settlement)
    assert settlement.start_s > BASE_S + 60 * CLOSED_AT_ONCE


def test_a_register_that_the_site_no_longer_has_is_left_behind():
    """Of a moved clock, of candidates and of boundaries only what the site still reads is kept."""
    settlement = _settlement()
    for meter in ("m1", "m2"):
        _read(settlement, meter, 0, 5)
    _close(settlement, 0)
    settlement.clock_moved()
    for meter in ("m1", "m2"):
        _read(settlement, meter, 60000, 7)
    one = Settlement(_site(), settlement.channels[:1], FactorTable(()))
    one.restore(settlement.state(), [])
    state = one.state()
    assert state[12] == [[["m1", "energy_active_import"]], []]
    assert [row[0] for row in state[1]] == [row[0] for row in state[5]] == ["m1"]
    other = Settlement(_site(), settlement.channels, FactorTable(()))
    other.restore(settlement.state(), [("m2", "energy_active_import")])
    assert [row[0] for row in other.state()[1]] == [row[0] for row in other.state()[5]] == ["m1"]
    assert other.state()[12][0] == [["m1", "energy_active_import"], ["m2", "energy_active_import"]]


def test_energy_across_a_moved_clock_says_so_once():
    """The interval in which the clock moved is flagged; the one after it is not."""
    settlement = _settlement()
    for meter in ("m1", "m2"):
        _read(settlement, meter, 0, 5)
    _close(settlement, 0)
    settlement.clock_moved()
    flags = []
    for minute in (1, 2, 3):
        for meter in ("m1", "m2"):
            _read(settlement, meter, 60000 * minute, 5 + minute)
        flags += [span.flag for one in _intervals(_close(settlement, 60000 * minute)) for span in one.spans]
    assert [MOVED in flag for flag in flags] == [True] * 2 + [False] * 4


def test_an_interval_ends_by_the_length_that_held_then():
    """After a change from one to five minutes old intervals keep their ends, and the open one ends at the next mark."""
    settlement = _settlement()
    for minute in (0, 1, 2):
        for meter in ("m1", "m2"):
            _read(settlement, meter, 60000 * minute, minute)
        _close(settlement, 60000 * minute)
    site = Site(*(_site()[:2] + (300,) + _site()[3:]))
    longer = Settlement(site, settlement.channels, FactorTable(()))
    longer.restore(settlement.state(), [])
    assert longer.grids == [(BASE_S + 120, 60)] and longer.start_s == BASE_S + 120
    assert longer.next_boundary_s(BASE_S + 120) == BASE_S + 300 and longer.next_boundary_s(BASE_S + 300) == BASE_S + 600
    for meter in ("m1", "m2"):
        _read(longer, meter, 300000, 30)
    closed = _imports(_intervals(_close(longer, 300000)))
    assert closed == [(120, 300, [280, 280])]
    again = Settlement(site, settlement.channels, FactorTable(()))
    again.restore(longer.state())
    assert again.state() == longer.state() and again.grids == longer.grids
