"""Plans are optimal and legal, by trying every way to cut small meters into reads."""

from collections.abc import Iterator
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.meter.plan import Block, bus_us, class_of, plan_blocks, readable, shortest_blocks
from gateway.core.meter.profile import FAST, ONCE, SLOW, DeviceProfile, Point


def point(address: int, poll: str = FAST, function: int = 4, exponent_at: int | None = None) -> Point:
    """Return a value of two registers."""
    return Point(
        str(address), None, function, address, 2, "u32", "high-first", (1, 1), "", "direct", (), False, None, (),
        exponent_at, "", poll,
    )  # fmt: skip


Window = tuple[int, int, int]


def profile(points: list[Point], windows: list[Window], most: int, align: int) -> DeviceProfile:
    """Return a meter with these points and windows."""
    return DeviceProfile(
        "m", "M", "M", "meter", "draft", (), ("rtu",), "9600 8N1", ("9600 8N1",), (1, 247), 4, most, align,
        tuple(windows), 300, 0, tuple(points), (), (), (), None,
    )  # fmt: skip


@st.composite
def meters(draw: st.DrawFn, polls: tuple[str, ...] = (FAST,), most_points: int = 9) -> DeviceProfile:
    """Draw a meter with up to three windows one behind the other and values that can be read, none over another."""
    align = draw(st.sampled_from((1, 2)))
    most = draw(st.sampled_from((4, 10, 40, 125)))
    windows, at = [], 0
    for _ in range(draw(st.integers(1, 3))):
        first = at + align * draw(st.integers(0, 10))
        last = first + align * draw(st.integers(2, 40)) - 1
        windows.append((4, first, last))
        at = last + 1
    bare = profile([], windows, most, align)
    addresses = draw(st.sets(st.integers(0, at), min_size=1, max_size=most_points))
    points: list[Point] = []
    for address in sorted(addresses):
        one = point(address, draw(st.sampled_from(polls)))
        if readable(bare, one) and (not points or address > points[-1].last):
            points.append(one)
    return profile(points or [point(windows[0][1])], windows, most, align)


@st.composite
def odd_meters(draw: st.DrawFn) -> DeviceProfile:
    """Draw a meter with windows that overlap, of both functions, and values that lie over and inside each other.

    Some of its values can be read in more than one way.
    """
    align, most = draw(st.sampled_from((1, 2, 4))), draw(st.sampled_from((6, 20, 60)))
    windows = [
        (draw(st.sampled_from((3, 4))), first, first + length)
        for first, length in draw(st.lists(st.tuples(st.integers(0, 40), st.integers(3, 50)), min_size=1, max_size=4))
    ]
    bare = profile([], windows, most, align)
    wanted = st.tuples(
        st.integers(0, 70),
        st.sampled_from((FAST, SLOW)),
        st.sampled_from((3, 4)),
        st.one_of(st.none(), st.integers(0, 70)),
    )
    drawn = [point(*one) for one in draw(st.lists(wanted, min_size=1, max_size=6, unique_by=lambda one: one[0]))]
    return profile([one for one in drawn if readable(bare, one)], windows, most, align)


def legal(meter: DeviceProfile, function: int, start: int, count: int) -> bool:
    """Tell whether one read may have this place and length."""
    inside = any(one[0] == function and one[1] <= start and start + count - 1 <= one[2] for one in meter.windows)
    return inside and count <= meter.max_registers and start % meter.align == 0 and count % meter.align == 0


def shortest_read(meter: DeviceProfile, together: list[Point]) -> int | None:
    """Return the length of the shortest legal read that holds all of these points, by trying all; None without one."""
    first, last = min(one.first for one in together), max(one.last for one in together)
    for count in range(last + 1 - first, meter.max_registers + 1):
        for start in range(max(0, last + 1 - count), first + 1):
            if legal(meter, together[0].function, start, count):
                return count
    return None


def read_s(count: int, baud: int, turnaround_ms: int) -> Fraction:
    """Return how long one read takes: 13 characters and two a register, two silences of 3.5, the turnaround."""
    silence = Fraction(7, 2) * Fraction(11, baud) if baud <= 19200 else Fraction(1750, 10**6)
    return Fraction(11 * (13 + 2 * count), baud) + 2 * silence + Fraction(turnaround_ms, 1000)


def partitions(points: list[Point]) -> Iterator[list[list[Point]]]:
    """Give every way to put *points* into groups."""
    if not points:
        yield []
        return
    for groups in partitions(points[1:]):
        yield [[points[0]], *groups]
        for index in range(len(groups)):
            yield [*groups[:index], [points[0], *groups[index]], *groups[index + 1 :]]


def least_s(meter: DeviceProfile, points: list[Point], baud: int, turnaround_ms: int, slow_sweeps: int) -> Fraction:
    """Return the least bus time of *slow_sweeps* sweeps over every way to put the points into legal reads."""
    total = Fraction(0)
    for function in (3, 4):
        chosen = [one for one in points if one.function == function]
        costs = {}
        best = None
        for groups in partitions(chosen):
            cost = Fraction(0)
            for group in groups:
                key = tuple(one.name for one in group)
                if key not in costs:
                    count = shortest_read(meter, group)
                    often = slow_sweeps if any(one.poll == FAST for one in group) else 1
                    costs[key] = None if count is None else often * read_s(count, baud, turnaround_ms)
                one_cost = costs[key]
                if one_cost is None:
                    break
                cost += one_cost
            else:
                best = cost if best is None else min(best, cost)
        assert best is not None
        total += best
    return total


def planned_s(blocks: tuple[Block, ...], baud: int, turnaround_ms: int, slow_sweeps: int) -> Fraction:
    """Return the bus time of *slow_sweeps* sweeps of these reads."""
    return sum(
        ((slow_sweeps if class_of(one) == FAST else 1) * read_s(one.count, baud, turnaround_ms) for one in blocks),
        Fraction(0),
    )


def check(meter: DeviceProfile, blocks: tuple[Block, ...]) -> None:
    """Every read is legal, every point lies whole in the one read that names it, and is read as often as it should."""
    rank = {FAST: 0, SLOW: 1, ONCE: 2}
    assert sorted(p.address for block in blocks for p in block.points) == sorted(p.address for p in meter.points)
    for block in blocks:
        assert legal(meter, block.function, block.start, block.count)
        for one in block.points:
            assert block.function == one.function
            assert block.start <= one.first and one.last < block.start + block.count
            assert rank[class_of(block)] <= rank[one.poll]


LINES = (st.sampled_from((1200, 9600, 19200, 115200)), st.sampled_from((0, 10, 50)))


@settings(deadline=None)
@given(meters(most_points=7), *LINES)
def test_no_plan_is_cheaper(meter: DeviceProfile, baud: int, turnaround_ms: int) -> None:
    """No other way to put the points into legal reads takes less time on the bus."""
    blocks = shortest_blocks(meter, meter.points, baud, turnaround_ms)
    check(meter, blocks)
    found = planned_s(blocks, baud, turnaround_ms, 1)
    assert found == least_s(meter, list(meter.points), baud, turnaround_ms, 1)
    assert 0 <= Fraction(bus_us(blocks, baud, turnaround_ms), 10**6) - found < Fraction(len(blocks), 10**6)


@settings(deadline=None)
@given(meters((FAST, SLOW), 7), *LINES, st.sampled_from((1, 2, 12, 100)))
def test_no_plan_of_both_classes_is_cheaper(
    meter: DeviceProfile, baud: int, turnaround_ms: int, slow_sweeps: int
) -> None:
    """Over the sweeps between two slow reads, no other choice, fast reads that hold slow points or not, takes less."""
    blocks = shortest_blocks(meter, meter.points, baud, turnaround_ms, slow_sweeps)
    check(meter, blocks)
    found = planned_s(blocks, baud, turnaround_ms, slow_sweeps)
    assert found == least_s(meter, list(meter.points), baud, turnaround_ms, slow_sweeps)


@settings(deadline=None)
@given(odd_meters(), *LINES, st.sampled_from((1, 12)))
def test_no_plan_of_an_odd_meter_is_cheaper(
    meter: DeviceProfile, baud: int, turnaround_ms: int, slow_sweeps: int
) -> None:
    """The same where windows overlap and values lie inside each other, with registers far off for powers of ten."""
    blocks = shortest_blocks(meter, meter.points, baud, turnaround_ms, slow_sweeps)
    check(meter, blocks)
    found = planned_s(blocks, baud, turnaround_ms, slow_sweeps)
    assert found == least_s(meter, list(meter.points), baud, turnaround_ms, slow_sweeps)


@settings(deadline=None)
@given(meters((FAST, SLOW, ONCE), 7), *LINES)
def test_what_is_read_once_costs_least(meter: DeviceProfile, baud: int, turnaround_ms: int) -> None:
    """What is read once changes nothing for the rest, costs nothing where a read holds it, and little elsewhere."""
    often = [one for one in meter.points if one.poll != ONCE]
    blocks = shortest_blocks(meter, meter.points, baud, turnaround_ms)
    check(meter, blocks)
    repeated = tuple(block for block in blocks if class_of(block) != ONCE)
    assert planned_s(repeated, baud, turnaround_ms, 12) == least_s(meter, often, baud, turnaround_ms, 12)
    held = [one for one in meter.points if any(_holds(block, one) for block in repeated)]
    alone = [one for one in meter.points if one.poll == ONCE and one not in held]
    single = tuple(block for block in blocks if class_of(block) == ONCE)
    assert planned_s(single, baud, turnaround_ms, 1) == least_s(meter, alone, baud, turnaround_ms, 1)


def _holds(block: Block, one: Point) -> bool:
    return block.start <= one.first and one.last < block.start + block.count


@settings(deadline=None)
@given(meters(), st.sampled_from((9600, 115200)))
def test_as_many_lengths_differ_as_can(meter: DeviceProfile, baud: int) -> None:
    """The reads stay legal, and no other choice of legal lengths tells more of them apart."""
    blocks = plan_blocks(meter, meter.points, baud)
    check(meter, blocks)
    assert len({block.count for block in blocks}) == most_distinct([lengths(meter, block) for block in blocks])


def lengths(meter: DeviceProfile, block: Block) -> list[int]:
    """Return every legal length of a read that holds the points of *block*."""
    first, last = block.points[0].first, block.points[-1].last
    return [
        count
        for count in range(last + 1 - first, meter.max_registers + 1)
        if any(legal(meter, block.function, start, count) for start in range(max(0, last + 1 - count), first + 1))
    ]


def most_distinct(choices: list[list[int]]) -> int:
    """Return how many of the reads can get a length of their own: the greatest matching, by augmenting paths."""
    taken: dict[int, int] = {}

    def place(index: int, tried: set[int]) -> bool:
        for count in choices[index]:
            if count not in tried:
                tried.add(count)
                if count not in taken or place(taken[count], tried):
                    taken[count] = index
                    return True
        return False

    return sum(place(index, set()) for index in range(len(choices)))
