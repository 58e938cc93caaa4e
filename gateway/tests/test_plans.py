"""Plans are optimal and legal, by trying every way to cut small meters into reads."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.meter.plan import Block, bus_us, exchange_us, plan_blocks, readable, shortest_blocks
from gateway.core.meter.profile import DeviceProfile, Point


def point(address: int) -> Point:
    """Return a value of two registers."""
    return Point(
        str(address), None, 4, address, 2, "u32", "high-first", (1, 1), "", "direct", (), False, None, (), None, "",
        True,
    )  # fmt: skip


def profile(points: list[Point], windows: list[tuple[int, int]], most: int, align: int) -> DeviceProfile:
    """Return a meter with these points and windows."""
    return DeviceProfile(
        "m", "M", "M", "meter", "draft", (), ("rtu",), "9600 8N1", ("9600 8N1",), (1, 247), 4, most, align,
        tuple((4, first, last) for first, last in windows), 300, 0, tuple(points), (), (), (),
    )  # fmt: skip


@st.composite
def meters(draw: st.DrawFn) -> DeviceProfile:
    """Draw a meter with up to three windows and up to nine values that can be read."""
    align = draw(st.sampled_from((1, 2)))
    most = draw(st.sampled_from((4, 10, 40, 125)))
    windows, at = [], 0
    for _ in range(draw(st.integers(1, 3))):
        first = at + align * draw(st.integers(0, 10))
        last = first + align * draw(st.integers(2, 40)) - 1
        windows.append((first, last))
        at = last + 1
    bare = profile([], windows, most, align)
    addresses = draw(st.sets(st.integers(0, at), min_size=1, max_size=9))
    points: list[Point] = []
    for address in sorted(addresses):
        if readable(bare, point(address)) and (not points or address > points[-1].last):
            points.append(point(address))
    return profile(points or [point(windows[0][0])], windows, most, align)


def legal(meter: DeviceProfile, start: int, count: int) -> bool:
    """Tell whether one read may have this place and length."""
    inside = any(first <= start and start + count - 1 <= last for _, first, last in meter.windows)
    return inside and count <= meter.max_registers and start % meter.align == 0 and count % meter.align == 0


def cheapest(meter: DeviceProfile, baud: int, turnaround_ms: int) -> int | None:
    """Return the least bus time over every way to cut the points into reads."""
    points, align = meter.points, meter.align
    best = None
    for cuts in range(len(points)):
        for places in combinations(range(1, len(points)), cuts):
            ends = (0, *places, len(points))
            total = 0
            for begin, end in zip(ends, ends[1:], strict=False):
                start = points[begin].first // align * align
                count = -(-(points[end - 1].last + 1 - start) // align) * align
                if not legal(meter, start, count):
                    break
                total += exchange_us(baud, count, 1000 * turnaround_ms)
            else:
                best = total if best is None else min(best, total)
    return best


def check(meter: DeviceProfile, blocks: tuple[Block, ...]) -> None:
    """Every read is legal, and every point lies whole in the one read that names it."""
    assert sorted(p.address for block in blocks for p in block.points) == [p.address for p in meter.points]
    for block in blocks:
        assert legal(meter, block.start, block.count)
        for one in block.points:
            assert block.start <= one.first and one.last < block.start + block.count


@settings(deadline=None)
@given(meters(), st.sampled_from((1200, 9600, 19200, 115200)), st.sampled_from((0, 10, 50)))
def test_no_plan_is_cheaper(meter: DeviceProfile, baud: int, turnaround_ms: int) -> None:
    """No other cut into legal reads takes less time on the bus."""
    blocks = shortest_blocks(meter, meter.points, baud, turnaround_ms)
    check(meter, blocks)
    assert bus_us(blocks, baud, turnaround_ms) == cheapest(meter, baud, turnaround_ms)


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
        if any(legal(meter, start, count) for start in range(max(0, last + 1 - count), first + 1))
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
