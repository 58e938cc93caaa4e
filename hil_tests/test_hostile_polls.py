"""A hundred thousand hostile polls: no value is believed that is not the one the meter held at this question."""

import os
from collections.abc import Callable
from unittest.mock import patch

from gateway.core.meter.meter_reads import MeterReads
from gateway.core.meter.meter_state import MeterWatch
from hil_tests import hostile_polls
from hil_tests.conftest import TOLD
from hil_tests.hostile_meters import Tally
from hil_tests.hostile_wire import MIX

# Another seed is another hundred thousand: WATTPROOF_SEED=2 python -m pytest hil_tests/test_hostile_polls.py -rP
PLANTED_POLLS = 10_000
SEED = os.environ.get("WATTPROOF_SEED", "1")


Record = Callable[[str, object], None]


def _tell(record: Record, name: str, tally: Tally) -> None:
    record(TOLD, "seed %s\n%s" % (SEED, hostile_polls.told({name: tally})))


def test_hundred_thousand_hostile_polls_give_no_wrong_value(record_property: Record) -> None:
    """Late, foreign, garbled, doubled, cut, drowned: of 100,000 questions none is answered by a wrong value."""
    tally = hostile_polls.simulated_polls(SEED, hostile_polls.POLLS)
    _tell(record_property, "gateway, simulated time", tally)
    assert tally.polls >= 100_000
    assert tally.wrong == []
    assert set(tally.injected) == set(MIX), "every kind of fault was there"
    assert tally.good > tally.polls * 3 // 4, "three questions in four give all their values all the same"


def test_usual_client_believes_wrong_values_on_the_same_line(record_property: Record) -> None:
    """pymodbus with its defaults takes late, short and foreign answers for values: so hostile it is."""
    tally = hostile_polls.pymodbus_polls(SEED, hostile_polls.PYMODBUS_POLLS)
    _tell(record_property, "pymodbus, simulated time", tally)
    assert len(tally.wrong) > 100


def test_planted_reader_that_only_flushes_is_caught(record_property: Record) -> None:
    """Without rest and without other lengths, though units, lengths and check sums are judged, old values pass."""
    fault = MeterWatch.faulted

    def at_once(self: MeterWatch, kind: str, detail: str, answer: str, now_ms: int) -> None:
        fault(self, kind, detail, answer, now_ms)
        self.until_ms = now_ms

    with (
        patch.object(MeterWatch, "faulted", at_once),
        patch.object(MeterReads, "expect_late", lambda *_: None),
        patch.object(MeterReads, "repeats", lambda *_: False),
    ):
        tally = hostile_polls.simulated_polls(SEED, PLANTED_POLLS)
    _tell(record_property, "a gateway that only flushes", tally)
    assert len(tally.wrong) > 10


def test_two_thousand_polls_at_true_line_time_give_no_wrong_value(record_property: Record) -> None:
    """On pseudo-terminals at 115200 baud, in true time, not one of 2,080 questions is answered by a wrong value."""
    tally = hostile_polls.line_polls(SEED)
    _tell(record_property, "gateway, true line time", tally)
    assert tally.polls >= 2_000
    assert tally.wrong == []
    assert tally.good > tally.polls // 2


def test_fault_a19_answer_to_a_killed_process_is_not_believed(record_property: Record) -> None:
    """A process killed with SIGKILL between question and answer begins anew at once, and believes no old answer."""
    tally, kills = hostile_polls.killed_polls(SEED)
    _tell(record_property, "gateway, killed and begun anew", tally)
    assert kills >= hostile_polls.KILLED_LINES * hostile_polls.KILLS
    assert tally.wrong == []
    assert tally.good > 0
