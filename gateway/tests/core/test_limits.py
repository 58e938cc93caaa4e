"""The named limits that other tests do not reach at both ends, by their numbers: none changes without a word here."""

from gateway.core import settlement
from gateway.core.account import certificate, factor, quality, storage, yearly
from gateway.core.meter import freeze, grouping, meter_reads, noticing, plan, point_reading, profile_reading, sunspec
from gateway.core.meter.plan import Block
from gateway.core.meter.profile import Point


def test_limits_of_the_poll():
    """How long late answers are waited for, when reads are split, and what two meters in one look like."""
    assert (meter_reads.IDENTITY, meter_reads.ENERGY, meter_reads.OTHER) == (0, 1, 2)
    assert (meter_reads.LONGEST_LATE_MS, meter_reads.REPEAT_MS, meter_reads.SPLIT_AFTER) == (10000, 500, 2)
    assert (meter_reads.REST_SWEEPS, meter_reads.FORGET_MS, meter_reads.DAMAGES) == (60, 6 * 3600000, 4)
    assert (meter_reads.ANSWERS, meter_reads.LONG_REGISTERS) == (16, 16)
    assert (noticing.MOST_GARBLED, noticing.FEW_GARBLED) == (8, 1)
    assert (freeze.MOST_CLOCK_ERROR_MS, freeze.MOST_FAILURES) == (5000, 2)
    assert freeze.PERIODS_S == {0: 86400, 4: 3600, 6: 86400}
    assert (grouping.FAST_READS, sunspec.MOST_MODELS, point_reading.MAX_TEXT_REGISTERS) == (0, 100, 64)
    assert (profile_reading.DEFAULT_TIMEOUT_MS, profile_reading.DI_TIMEOUT_MS, profile_reading.MOST_TYPE) == (
        500,
        1000,
        63,
    )


def test_limits_of_the_account():
    """What is closed at once, how far a content is carried, and how long a gap may be; certificates of one MWh."""
    assert (settlement.EARLIEST_S, settlement.LONGEST_GAP_S) == (1735689600, 400 * 86400)
    assert (settlement.CARRIED_MOST, settlement.CLOSED_AT_ONCE) == (7 * 96, 96)
    assert (certificate.WH_PER_CERTIFICATE, certificate.VALID_MONTHS) == (1000000, 24)
    assert (factor.LONGEST_NAME, factor.MG_PER_KG, factor.MOST_KG) == (64, 1000000, 100)
    assert (quality.MIXED, storage.MOST_LAYERS, yearly.MWH, yearly.LEAST_TCE) == (13, 192, 1000000, 200000)


def test_what_a_read_takes_of_the_line():
    """13 characters of frames, 2 a register, 3.5 of silence twice, in us, rounded up; above 19200 fixed."""
    assert [plan.silence_us(baud) for baud in (1200, 9600, 19200, 19201, 115200)] == [32084, 4011, 2006, 1750, 1750]
    for baud, count, turnaround_us, taken_us in (
        (9600, 1, 0, 25209), (9600, 2, 10000, 37500), (19200, 10, 0, 22917), (38400, 10, 0, 12954), (38400, 1, 7, 7804),
    ):  # fmt: skip
        assert plan.exchange_us(baud, count, turnaround_us) == taken_us
        assert plan.block_us(Block(4, 0, count, ()), baud, turnaround_us) == taken_us
    # DL/T 645: 40 characters and 2 a register; CJ/T 188: 40 and the whole readout; 20 ms of turnaround at least.
    assert plan.block_us(Block(0x11, 0, 2, ()), 9600, 10000) == 20000 + 50417
    assert plan.block_us(Block(0x11, 0, 2, ()), 9600, 30000) == 30000 + 50417
    assert plan.block_us(Block(0x901F, 0x10 << 8, 2, ()), 9600, 10000) == 20000 + 67605
    assert plan.block_us(Block(0x901F, 0x20 << 8, 2, ()), 9600, 10000) == 20000 + 95105


def test_what_is_shown_of_a_read():
    """Identifiers as the standards print them, and the code of the question; a Modbus read has no identifier."""
    assert plan.di_shown(0x11, 0x0001FF00 << 8) == "0001FF00" and plan.di_shown(0x01, 0x9010 << 8 | 2) == "9010"
    assert plan.di_shown(0x901F, 0x10 << 8) == "901F" and plan.di_shown(4, 0x100) is None
    assert [plan.function_shown(function) for function in (3, 4, 0x11, 0x901F)] == [3, 4, 0x11, 1]
    assert plan.di_of(Block(0x11, 0x0001FF00 << 8 | 5, 2, ())) == 0x0001FF00


def freezing(di, poll="freeze"):
    return Point(
        "energy_active_import", "energy_active_import", 0x11, di << 8, 2, "bcd32", "high-first", (1, 100), "kWh",
        "secondary", (), True, 10**8, (), None, "", poll,
    )  # fmt: skip


def test_which_identifiers_are_a_last_freeze():
    """05 00, 04 or 06, then 01 to 08, then 01."""
    for di, frozen in (
        (0x05000101, True), (0x05040101, True), (0x05060101, True), (0x05040801, True), (0x05040001, False),
        (0x05040901, False), (0x05040102, False), (0x05040100, False), (0x05010101, False), (0x05050101, False),
        (0x04040101, False), (0x06040101, False), (0x05044001, False), (0x05048101, False),
    ):  # fmt: skip
        assert freeze.is_frozen(freezing(di)) == frozen, hex(di)
    assert freeze.di2_of(freezing(0x05060101)) == 6


def test_moments_and_clocks_at_both_ends():
    """Every hour and minute of a day is a moment, no other; a clock is off by half a day at most."""
    day_s = 1795190400  # 2026-11-21 00:00 in China
    for hour in (0, 1, 22, 23):
        for minute in (0, 1, 58, 59):
            assert freeze.stated_s(2611210000 + 100 * hour + minute) == day_s + 3600 * hour + 60 * minute
            for second in (0, 59):
                digits = 10000 * hour + 100 * minute + second
                now_ms = (day_s + 3600 * hour + 60 * minute + second) * 1000 + 500
                assert freeze.clock_error_ms(digits, now_ms) == 0
                assert (
                    freeze.clock_error_ms(digits, now_ms + 1) == -1 and freeze.clock_error_ms(digits, now_ms - 1) == 1
                )
    assert freeze.stated_s(2611212400) is None and freeze.stated_s(2611212360) is None
    noon_ms = (day_s + 12 * 3600) * 1000 + 500
    assert freeze.clock_error_ms(0, noon_ms) == -43200000 and freeze.clock_error_ms(0, noon_ms + 1) == 43199999
    for at_s, period_s, frozen in (
        (day_s, 86400, True), (day_s + 1, 86400, False), (day_s + 3600, 3600, True), (day_s, 0, False),
        (day_s, 1, True),
    ):  # fmt: skip
        assert freeze.is_frozen_at(at_s, period_s) == frozen
