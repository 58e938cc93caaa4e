"""Tests of what waits between the buses and the loop while the disk is slow."""

import pytest

from gateway import arrivals
from gateway.arrivals import Arrival, Arrivals
from gateway.core.reading import Reading


def _readings(number: int, count: int) -> list[Reading]:
    return [Reading("m%d" % number, "energy_active_import", 1000 * number + one, (0, one), one) for one in range(count)]


def test_arrivals_come_out_in_their_order_with_their_times() -> None:
    """What was put first is taken first, each with when it came; only the first of several wakes the loop."""
    waiting = Arrivals()
    assert [waiting.put(_readings(number, 2), 10 * number) for number in (1, 2, 3)] == [True, False, False]
    assert [waiting.take() for _ in range(4)] == [*(Arrival(_readings(n, 2), 10 * n) for n in (1, 2, 3)), None]
    assert waiting.put(_readings(4, 1), 40)
    assert waiting.dropped() == 0


def test_what_waits_is_bounded_and_what_goes_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the oldest goes, never the newest, and how much went is told once."""
    monkeypatch.setattr(arrivals, "OUTCOMES_WAITING", 10)
    waiting = Arrivals()
    for number in range(6):
        waiting.put(_readings(number, 3), number)
    assert waiting.dropped() == 9 and waiting.dropped() == 0
    waiting.put(_readings(9, 30), 9)
    assert waiting.take() == Arrival(_readings(9, 30), 9)
    assert waiting.take() is None and waiting.dropped() == 9
