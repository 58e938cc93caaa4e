"""The reads of a meter: least bus time, legal windows, a length of its own for each read."""

from gateway.core.meter.legal_reads import LegalReads
from gateway.core.meter.plan import (
    bus_us,
    di_shown,
    exchange_us,
    function_shown,
    plan_blocks,
    readable,
    shortest_blocks,
    silence_us,
)
from gateway.core.meter.profile import FAST, ONCE, SLOW, DeviceProfile, Point
from gateway.core.meter.profile_reading import read_profile

# The thirty values of an SDM630 of which the optimum is known from an independent calculation: 3.230 s for eight.
SDM630 = (
    0x00, 0x02, 0x04, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x1E, 0x20, 0x22, 0x34, 0x38, 0x3C, 0x3E, 0x46, 0x48, 0x4A,
    0xC8, 0xCA, 0xCC, 0xE0, 0xEA, 0xEC, 0xEE, 0x156, 0x158, 0x15A, 0x180,
)  # fmt: skip


def value_at(address, count=2, function=4, exponent_at=None):
    return Point(
        "p%d" % address, None, function, address, count, "f32", "high-first", (1, 1), "", "direct", (), False, None, (),
        exponent_at, "", True,
    )  # fmt: skip


def meter(windows, points, most=80, align=1):
    return DeviceProfile(
        "m", "M", "M", "meter", "draft", (), ("rtu",), "9600 8N1", ("9600 8N1",), (1, 247), 4, most, align,
        tuple(windows), 300, 0, tuple(points), (), (), (), None,
    )  # fmt: skip


def shape(blocks):
    return [(block.function, block.start, block.count) for block in blocks]


def test_time_of_one_read():
    """Two registers at 9600 baud: 17 characters, twice 3.5 characters of silence, 10 ms of turnaround."""
    assert exchange_us(9600, 2, 10000) == 10000 + 27500
    assert exchange_us(115200, 2, 0) == 2 * 1750 + 1624  # above 19200 the silence is 1.75 ms
    assert silence_us(9600) == 4011
    assert silence_us(115200) == 1750


def test_known_optimum():
    """Eight SDM630 of thirty values each take 3.230 s at 9600 baud and 10 ms of turnaround."""
    points = [value_at(address) for address in SDM630]
    profile = meter([(4, 0, 0x181)], points, 80, 2)
    blocks = shortest_blocks(profile, profile.points, 9600, 10)
    assert [(block.start, block.count) for block in blocks] == [
        (0, 36), (0x34, 24), (0xC8, 6), (0xE0, 16), (0x156, 6), (0x180, 2),
    ]  # fmt: skip
    assert 8 * bus_us(blocks, 9600, 10) == 3230016


def test_every_read_has_its_own_length():
    """Two reads of six registers get different lengths, for the price of two registers."""
    points = [value_at(address) for address in SDM630]
    profile = meter([(4, 0, 0x181)], points, 80, 2)
    blocks = plan_blocks(profile, profile.points, 9600, 10)
    counts = [block.count for block in blocks]
    assert sorted(counts) == [2, 6, 8, 16, 24, 36]
    assert all(count % 2 == 0 for count in counts)
    assert bus_us(blocks, 9600, 10) - bus_us(shortest_blocks(profile, points, 9600, 10), 9600, 10) < 4700


def test_all_points_are_read_once():
    """Each point lies whole in exactly one read that names it."""
    points = [value_at(address) for address in SDM630]
    profile = meter([(4, 0, 0x181)], points, 80, 2)
    blocks = plan_blocks(profile, profile.points, 9600, 10)
    named = [point for block in blocks for point in block.points]
    assert sorted([point.address for point in named]) == sorted(SDM630)
    for block in blocks:
        for point in block.points:
            assert block.start <= point.first and point.last < block.start + block.count


def test_reads_stay_inside_windows():
    """A hole between two windows is never read, even where that costs a second read."""
    profile = meter([(4, 0, 3), (4, 6, 9)], [value_at(2), value_at(6)])
    assert shape(plan_blocks(profile, profile.points, 9600)) == [(4, 2, 2), (4, 6, 3)]


def test_lengthened_backwards_where_the_window_ends():
    """Where a window leaves no room behind, the read begins earlier."""
    profile = meter([(4, 0, 3), (4, 6, 9)], [value_at(0), value_at(8)])
    blocks = plan_blocks(profile, profile.points, 9600)
    assert shape(blocks) == [(4, 0, 2), (4, 7, 3)]


def test_the_one_without_room_keeps_its_length():
    """Of two equal reads the one whose window has room is lengthened."""
    profile = meter([(4, 0, 5), (4, 20, 21)], [value_at(0), value_at(20)])
    assert shape(plan_blocks(profile, profile.points, 9600)) == [(4, 0, 3), (4, 20, 2)]


def test_equal_lengths_where_nothing_else_is_legal():
    """Two windows of one value each are read as they are; nothing illegal is asked to tell them apart."""
    profile = meter([(4, 0, 1), (4, 20, 21)], [value_at(0), value_at(20)])
    assert shape(plan_blocks(profile, profile.points, 9600)) == [(4, 0, 2), (4, 20, 2)]


def test_maximum_and_alignment():
    """No read is longer than the meter allows; starts and counts keep its alignment."""
    profile = meter([(4, 0, 99)], [value_at(address) for address in range(1, 90, 2)], 20, 2)
    for block in plan_blocks(profile, profile.points, 9600):
        assert block.count <= 20 and block.count % 2 == 0 and block.start % 2 == 0


def test_without_windows_only_known_registers_are_read():
    """A profile that states no windows is asked only for registers that its points name."""
    profile = meter([], [value_at(0), value_at(2), value_at(10)])
    assert shape(plan_blocks(profile, profile.points, 9600)) == [(4, 0, 4), (4, 10, 2)]


def test_functions_are_kept_apart():
    """Input and holding registers are never in one read."""
    profile = meter([(3, 0, 9), (4, 0, 9)], [value_at(0, 2, 4), value_at(2, 2, 3)])
    assert shape(plan_blocks(profile, profile.points, 9600)) == [(3, 2, 2), (4, 0, 3)]


def test_power_of_ten_is_read_with_its_value():
    """A value and the register with its power of ten come in one read."""
    profile = meter([(4, 0, 60)], [value_at(0, 1, 4, 40), value_at(50, 1)])
    blocks = plan_blocks(profile, profile.points, 9600)
    assert shape(blocks) == [(4, 0, 51)]


def test_far_values_are_worth_a_second_read():
    """At 9600 baud thirty useless registers cost more than a second request, ten do not."""
    near = meter([(4, 0, 99)], [value_at(0), value_at(12)])
    far = meter([(4, 0, 99)], [value_at(0), value_at(42)])
    assert len(plan_blocks(near, near.points, 9600)) == 1
    assert len(plan_blocks(far, far.points, 9600)) == 2


def test_what_no_read_can_hold():
    """A value across the end of a window, or outside all, cannot be read."""
    profile = meter([(4, 0, 3)], [])
    assert readable(profile, value_at(2))
    assert not readable(profile, value_at(3))
    assert not readable(profile, value_at(8))
    assert not readable(meter([(4, 0, 9)], [], 80, 2), value_at(0, 2, 3))


def often(one, poll):
    return Point(*(tuple(one)[:-1] + (poll,)))


def test_of_overlapping_windows_the_one_with_most_room_holds_a_read():
    """Whichever stands first: a read that can be lengthened most is told from others best."""
    windows = ((4, 0, 9), (4, 2, 30), (4, 4, 20))
    for order in (windows, tuple(reversed(windows))):
        span = LegalReads(order, 1, 80).span(5, 6)
        assert (span.window, span.most) == ((4, 2, 30), 29)


def test_what_is_read_once_goes_with_a_read_that_holds_it_or_alone():
    """A serial number between two values costs nothing; one far from them is a read of its own, and comes last."""
    points = [often(value_at(0), FAST), often(value_at(8), FAST), often(value_at(4), ONCE), often(value_at(200), ONCE)]
    blocks = shortest_blocks(meter([(4, 0, 255)], points), tuple(points), 9600, 10)
    assert [(block.start, block.count, len(block.points)) for block in blocks] == [(0, 10, 3), (200, 2, 1)]


def test_slow_values_too_far_from_fast_ones_are_read_by_themselves():
    """A window of 200 registers, reads of at most 20: no read holds what is further apart, fast or slow."""
    points = [often(value_at(address), poll) for address, poll in (
        (0, FAST), (4, SLOW), (60, SLOW), (66, SLOW), (120, FAST), (126, SLOW), (180, SLOW))]  # fmt: skip
    blocks = shortest_blocks(meter([(4, 0, 199)], points, 20), tuple(points), 9600, 10, 12)
    assert sorted([(block.start, block.count) for block in blocks]) == [
        (0, 2),
        (4, 2),
        (60, 8),
        (120, 2),
        (126, 2),
        (180, 2),
    ]


def test_a_slow_value_beside_a_fast_one_is_read_with_it_where_that_is_cheaper():
    """Two registers more in each of twelve sweeps, or one short read in twelve: what costs less time is done."""
    near = [often(value_at(0), FAST), often(value_at(2), SLOW)]
    far = [often(value_at(0), FAST), often(value_at(16), SLOW)]
    for points, slow_sweeps, shape_wanted in (
        (near, 2, [(0, 4)]), (near, 100, [(0, 2), (2, 2)]), (far, 100, [(0, 2), (16, 2)]), (far, 1, [(0, 18)]),
    ):  # fmt: skip
        blocks = shortest_blocks(meter([(4, 0, 199)], points), tuple(points), 9600, 10, slow_sweeps)
        assert [(block.start, block.count) for block in blocks] == shape_wanted


def test_identifiers_are_shown_as_the_standards_print_them():
    """A DL/T 645 read by its identifier and control code, a CJ/T 188 readout as 901F, a register by its function."""
    serial = {"default": "2400 8E1"}
    plain = {"id": "m", "maker": "M", "model": "M", "kind": "meter", "status": "draft", "serial": serial}
    plain.update({"protocol": "dlt645-2007", "points": [{"quantity": "energy_active_import", "di": 0x00010000}]})
    di, problems = read_profile(plain)
    assert problems == []
    plain.update({"protocol": "cjt188", "points": [{"quantity": "volume", "unit": "m3"}], "cjt188": {"type": 0x10}})
    readout, problems = read_profile(plain)
    assert problems == []
    for profile, shown, function in ((di, "00010000", 0x11), (readout, "901F", 0x01)):
        point = profile.points[0]
        assert di_shown(point.function, point.address) == shown and function_shown(point.function) == function
        assert len(shortest_blocks(profile, profile.points, 2400, 10)) == 1
    assert di_shown(3, 0x100) is None and function_shown(3) == 3
