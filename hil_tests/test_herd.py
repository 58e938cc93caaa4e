"""The pauses between connections: five hundred gateways that lost their broker do not come back at once."""

import math
import random
from collections import Counter
from collections.abc import Callable

from cloud_sync.mqtt import CONNECT_TIMEOUT_S, Settings
from cloud_sync.pauses import Pauses
from gateway.roads import SPREAD_S
from hil_tests.conftest import TOLD

GATEWAYS = 500
SETTINGS = Settings("broker", 8883, "gw", None, spread_s=SPREAD_S)
SEED = 20261121
_SIGMAS = 5
_SYN_S = (0.0, 1.0, 3.0)  # when the kernel asks for a connection that nobody answers


def _returns(back_s: float, attempt_s: float) -> list[float]:
    """Return when each gateway is connected again after all lost the broker at 0, which is back at *back_s*.

    attempt_s: how long an attempt lasts meanwhile; while one lasts, the kernel asks again.
    """
    dice = random.Random(SEED)
    found = []
    for _ in range(GATEWAYS):
        pauses = Pauses(SETTINGS.pause_min_s, SETTINGS.spread_s, dice)
        at_s = pauses.after(3600.0, True, SETTINGS.unreachable_max_s)
        while True:
            asked = [at_s + syn_s for syn_s in _SYN_S if syn_s <= attempt_s and at_s + syn_s >= back_s]
            if asked:
                found.append(asked[0])
                break
            at_s += attempt_s + pauses.after(attempt_s, False, SETTINGS.unreachable_max_s)
    return found


def _peak(moments: list[float]) -> int:
    """Return the most in any one of the seconds that begin at a tenth."""
    tenths = Counter(int(moment * 10) for moment in moments)
    return max(sum(tenths[first + more] for more in range(10)) for first in tenths)


def _bound(share: float) -> float:
    """Return what a second gets at most where each comes in it with the chance *share*, but once in millions."""
    return GATEWAYS * share + _SIGMAS * math.sqrt(GATEWAYS * share * (1 - share))


def test_fault_f14_five_hundred_gateways_come_back_one_after_the_other(
    record_property: Callable[[str, object], None],
) -> None:
    """After a broker's restart, after an hour without it and after a black hole, no second gets more than its share."""
    soonest_s = SETTINGS.pause_min_s / 2
    # A restart: each comes evenly between its soonest (1 s at most) and the spread, the shortest such stretch counts.
    restart = _returns(0.0, 0.0)
    # Later each comes once in a pause of half to the whole of the longest: in a second, one in the mean of these.
    mean_s = 0.75 * SETTINGS.unreachable_max_s
    refused = _returns(3600.0, 0.0)
    hole = _returns(3600.0, CONNECT_TIMEOUT_S)
    peaks = [_peak(one) for one in (restart, refused, hole)]
    record_property(
        TOLD,
        "500 gateways return: most in a second %d after a restart, %d after an hour, %d after a black hole"
        % tuple(peaks),
    )
    assert peaks[0] <= _bound(1 / (SETTINGS.spread_s - SETTINGS.pause_min_s))
    assert peaks[1] <= _bound(1 / mean_s)
    # Of a cycle of attempt and pause, those in the attempt come at the kernel's next question, as densely as the rest.
    assert peaks[2] <= _bound((1 + len(_SYN_S) - 1) / (CONNECT_TIMEOUT_S + mean_s))
    assert min(restart) >= soonest_s and max(restart) <= SETTINGS.spread_s
    assert max(refused) - 3600 <= SETTINGS.unreachable_max_s
    assert max(hole) - 3600 <= SETTINGS.unreachable_max_s + CONNECT_TIMEOUT_S - _SYN_S[-1]
