"""The columns in which readings are recorded, and their way back."""

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.platform.live import undone
from gateway.cycles import column_differences

CYCLES = st.lists(st.tuples(st.integers(1, 10**6), st.none() | st.integers(-(10**12), 10**12)), min_size=1, max_size=50)


@given(st.integers(0, 2**45), CYCLES)
def test_what_was_recorded_in_differences_comes_back(first_ms: int, cycles: list[tuple[int, int | None]]) -> None:
    """The platform reads out of a column exactly the values that were there, each at its own time."""
    steps_ms = tuple(step for step, _ in cycles[1:])
    values = [value for _, value in cycles]
    times = [first_ms + sum(steps_ms[:index]) for index in range(len(cycles))]
    expected = [(at_ms, value) for at_ms, value in zip(times, values, strict=True) if value is not None]
    assert list(undone(first_ms, steps_ms, column_differences(values))) == expected


def test_a_column_is_the_first_value_and_then_differences() -> None:
    """Cycles without a value leave a gap that the next difference spans."""
    assert column_differences([2300, None, 2297, 2297]) == (2300, None, -3, 0)
