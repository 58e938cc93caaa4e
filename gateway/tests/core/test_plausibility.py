"""Watching a register: what it may rise by, when a fall or a jump is believed, and what is told of it."""

from gateway.core.meter.plausibility import RegisterWatch, most_rise_wh, rose_too_far, step_wh
from gateway.core.meter.profile import Point

ONE = ((1, 1), (1, 1))


def register(
    kind="u32", quantity="energy_active_import", factor=(1, 1), unit="Wh", words="high-first", exponent_at=None
):
    """Return a register of two words that counts watt-hours."""
    return Point(
        quantity, quantity, 3, 0, 2, kind, words, factor, unit, "direct", (), True, None, (0xFFFFFFFF,), exponent_at,
        "", "fast",
    )  # fmt: skip


def words(count):
    return (count >> 16, count & 0xFFFF)


def test_the_smallest_step_of_a_register():
    """One count and one Wh for rounding: of whole numbers, of 0.01 kWh, of floats by their size, of BCD digits."""
    assert step_wh(register(), words(5), ONE) == 2
    assert step_wh(register(factor=(10, 1)), words(5), ONE) == 11
    assert step_wh(register(), words(0xFFFF), ONE) == 2
    assert step_wh(register(words="low-first"), (0xFFFF, 0), ONE) == 2
    assert step_wh(register("f32", unit="kWh"), (0x4B80, 0x0000), ONE) == 2001
    assert step_wh(register("bcd32", factor=(1, 100), unit="kWh"), (0x0000, 0x0999), ONE) == 11
    assert step_wh(register("bcd32", factor=(1, 100), unit="kWh"), (0x0009, 0x9999), ONE) == 11
    assert step_wh(register("bcd32", factor=(1, 100), unit="kWh"), (0x9999, 0x9999), ONE) == 1
    assert step_wh(register(), words(0xFFFFFFFE), ONE) == 1
    assert step_wh(register(exponent_at=2), words(7) + (2,), ONE) == 101


def test_the_most_between_two_boundaries():
    """P x (t + 30 s) x 1.25 and two steps: 100 kW for 15 minutes are at most 32,291 + 4 Wh; without P a million MWh."""
    assert most_rise_wh(register(), ONE, 100000, 900000, words(50000)) == 32291 + 4
    assert most_rise_wh(register(), ONE, 0, 900000, words(50000)) == 10**12
    for wh, too_far in ((32291, False), (32295, False), (32296, True), (0, False)):
        assert rose_too_far(register(), ONE, 100000, 900000, words(50000), wh) == too_far
    for wh, too_far in ((10**12, False), (10**12 + 1, True)):
        assert rose_too_far(register(), ONE, 0, 900000, words(50000), wh) == too_far


def test_what_rises_as_it_may_is_believed():
    """P x (t + 30 s) x 1.5 and two steps between two readings: of 100 kW in 5 s at most 1,458 + 4 Wh."""
    for rise, fault in (
        (0, None), (1458, None), (1462, None),
        (1463, ("too-fast", "energy_active_import by 1463 Wh in 5000 ms, at most 1462 Wh")),
    ):  # fmt: skip
        watch = RegisterWatch(register(), ONE, 100000)
        assert watch.judged(words(70000), 1000) is None
        assert watch.judged(words(70000 + rise), 6000) == fault
    free = RegisterWatch(register(), ONE, 0)
    assert free.judged(words(0), 0) is None and free.judged(words(1 << 31), 1) is None
    litres = RegisterWatch(register(quantity="volume", unit="l"), ONE, 1)
    assert litres.judged(words(0), 0) is None and litres.judged(words(1 << 31), 1) is None


def test_a_fall_is_believed_at_the_third_reading_that_agrees():
    """Two readings below are told; the third is believed if each follows from the one before, else they count anew."""
    watch = RegisterWatch(register(), ONE, 100000)
    watch.judged(words(70000), 0)
    told = ("backwards", "energy_active_import from 70000 to 10 Wh")
    assert watch.judged(words(10), 5000) == told
    assert watch.judged(words(11), 10000) == (told[0], "energy_active_import from 70000 to 11 Wh")
    assert watch.judged(words(12), 15000) is None
    assert watch.judged(words(13), 20000) is None
    watch = RegisterWatch(register(), ONE, 100000)
    watch.judged(words(70000), 0)
    faults = [watch.judged(words(count), 5000 * number) for number, count in enumerate((10, 11, 5, 6, 7), 1)]
    assert [fault is None for fault in faults] == [False, False, False, False, True]
    watch = RegisterWatch(register(), ONE, 100000)
    watch.judged(words(70000), 0)
    assert watch.judged(words(10), 5000) is not None and watch.judged(words(70001), 10000) is None
    assert [watch.judged(words(10 + number), 15000 + number) is None for number in range(3)] == [False, False, True]


def test_a_jump_is_believed_after_ten_minutes():
    """A reading far above stands only after 600 s in which the register went on from there."""
    watch = RegisterWatch(register(), ONE, 100000)
    watch.judged(words(1000), 0)
    for second in range(5, 605, 5):
        assert watch.judged(words(900000 + second), second * 1000)[0] == "too-fast"
    assert watch.judged(words(900605), 605000) is None
    assert watch.judged(words(900606), 606000) is None
    watch = RegisterWatch(register(), ONE, 100000)
    watch.judged(words(1000), 0)
    assert watch.judged(words(900000), 5000) is not None
    assert watch.judged(words(990000), 300000) is None or watch.judged(words(5000000), 300000) is not None
    assert watch.judged(words(5000001), 899999) is not None
    assert watch.judged(words(5000002), 900000) is None


def test_a_fall_ends_a_jump_and_a_jump_a_fall():
    """Readings below and far above in turn confirm neither; the register as believed goes on."""
    watch = RegisterWatch(register(), ONE, 100000)
    watch.judged(words(70000), 0)
    for number in range(1, 200):
        at_ms = 5000 * number
        assert watch.judged(words(9000000 + number if number % 2 else 10 + number), at_ms) is not None
    assert watch.judged(words(70001), 1000000) is None


def test_what_is_not_available_is_no_fault():
    """The value that means none is believed and remembered by nobody; the first reading is always believed."""
    watch = RegisterWatch(register(), ONE, 100000)
    assert watch.judged(words(0xFFFFFFFF), 0) is None and watch.judged_at(words(5), 0) is None
    assert watch.judged(words(70000), 1000) is None
    assert watch.judged(words(0xFFFFFFFF), 2000) is None
    assert watch.judged(words(70001), 3000) is None and watch.judged(words(69999), 4000) is not None


def test_what_a_register_held_at_another_moment():
    """Before the last reading it held no more, after it no less; neither further away than its connection carries."""
    watch = RegisterWatch(register(), ONE, 100000)
    watch.judged(words(70000), 100000)
    for count, at_ms, kind in (
        (70000, 100000, None), (70001, 100000, "backwards"), (69000, 95000, None), (68538, 95000, None),
        (68537, 95000, "too-fast"), (71462, 105000, None), (71463, 105000, "too-fast"), (69999, 105000, "backwards"),
        (70001, 99999, "backwards"), (70001, 100001, None),
    ):  # fmt: skip
        fault = watch.judged_at(words(count), at_ms)
        assert (fault and fault[0]) == kind, (count, at_ms)
    assert watch.judged(words(70001), 101000) is None  # judged_at remembers nothing
