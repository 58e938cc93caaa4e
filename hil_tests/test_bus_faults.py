"""Faults of bus and framing, one test each, with the gateway's own Poll and Line in simulated time."""

import random
import threading
from pathlib import Path
from typing import NamedTuple

from gateway.core.meter import cjt188, modbus
from gateway.core.meter.cjt188_values import readout_of
from gateway.core.meter.dlt645 import READ
from gateway.core.meter.dlt645 import Question as DiAsked
from gateway.core.meter.judging import DiQuestion, Question, ReadoutQuestion, believed
from gateway.core.meter.meter_state import SUSPENDED
from gateway.core.meter.modbus import FrameFault, tcp_request, with_crc
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Ask, Job, Poll
from gateway.core.reading import (
    CRC,
    EXCEPTION,
    JAM,
    LATE,
    LONG,
    SHORT,
    SILENT,
    WRONG_UNIT,
    Fault,
    Notice,
    Reading,
)
from gateway.core.site import Bus
from gateway.line import open_line
from gateway.sweep import BusRunner
from hil_tests import hostile_wire as wires
from hil_tests.hostile_meters import ENERGY, ROOMY, UNITS, Tally, expected, jobs, step, word
from hil_tests.hostile_port import HostilePort, TrueClock, bus_of
from hil_tests.hostile_wire import HostileWire
from hil_tests.simulated_line import BUS, CYCLE_MS, simulated

WELL = tuple(unit for unit in UNITS if unit != 1)


class Run(NamedTuple):
    """What a run on a wire gave."""

    tally: Tally
    poll: Poll
    outcomes: list[Reading | Fault]
    notices: list[Notice]
    longest_s: float  # of one step
    line_s: float

    def readings(self, unit: int) -> list[Reading]:
        """Return the readings of a meter."""
        return [one for one in self.outcomes if isinstance(one, Reading) and one.meter == f"m{unit}"]

    def faults(self, unit: int) -> set[str]:
        """Return the kinds of fault of a meter."""
        return {one.kind for one in self.outcomes if isinstance(one, Fault) and one.meter == f"m{unit}"}

    def codes(self) -> list[str]:
        """Return what people were told."""
        return [notice.code for notice in self.notices]


def wire_of(kind: str, permille: int = 1000, units: tuple[int, ...] = UNITS) -> HostileWire:
    """Return a wire on which one kind of fault befalls the answers of some meters."""
    wire = HostileWire(BUS.baud, UNITS, word, kind, {kind: permille})
    wire.sick = units
    return wire


def run(wire: HostileWire, polls: int, cycle_ms: int = CYCLE_MS) -> Run:
    """Ask so many questions in simulated time."""
    tally, outcomes, notices, longest_s = Tally(), list[Reading | Fault](), list[Notice](), 0.0
    with simulated(wire) as time:
        poll, line = Poll(BUS, jobs(BUS), cycle_ms), open_line(BUS)
        while tally.polls < polls:
            began_s, asked = time.monotonic(), tally.polls
            outcomes += step(poll, line, time, tally)
            longest_s = max(longest_s, time.monotonic() - began_s if tally.polls > asked else 0.0)
            notices += poll.take_notices()
        return Run(tally, poll, outcomes, notices, longest_s, time.monotonic())


def test_fault_a01_late_answer_is_not_taken_for_the_next() -> None:
    """Three answers in ten come 150 ms to 2 s late: none is taken for the answer to a later question."""
    found = run(wire_of(wires.LATE, 300), 1000)
    assert found.tally.wrong == []
    assert found.tally.kinds[SILENT] > 50
    assert found.tally.good > 500


def test_fault_a02_answer_later_than_any_drain_is_not_believed() -> None:
    """One answer in five comes 2 to 9.5 s late, when its meter is asked again: lengths tell it, or waiting does."""
    found = run(wire_of(wires.TOO_LATE, 200), 1000)
    assert found.tally.wrong == []
    assert found.tally.good > 500


def test_fault_a03_short_answer_is_refused() -> None:
    """An answer with one register less than was asked, its check sum good, gives no value."""
    found = run(wire_of(wires.SHORT), 100)
    assert found.tally.values == 0
    assert set(found.tally.kinds) == {SHORT}


def test_fault_a04_answer_of_another_unit_is_refused() -> None:
    """An answer whose unit id is another's gives no value, although all else is right."""
    found = run(wire_of(wires.UNIT), 100)
    assert found.tally.values == 0
    assert set(found.tally.kinds) == {WRONG_UNIT}


def test_fault_a05_noise_around_an_answer_costs_nothing() -> None:
    """One to four bytes of noise before and behind every answer: every answer is found all the same."""
    found = run(wire_of(wires.NOISE), 300)
    assert found.tally.wrong == []
    assert found.tally.good == found.tally.polls


def test_fault_a06_echo_is_recognised() -> None:
    """Where the adapter gives back every question, every answer behind it is read, and the echo is noticed."""
    found = run(wire_of(wires.ECHO), 100)
    assert found.tally.good == found.tally.polls
    with simulated(wire_of(wires.ECHO)):
        line = open_line(BUS)
        line.exchange(modbus.request(1, 3, 0, 6), 17, 17, 300)
        assert line.echoes


def test_fault_a07_gap_inside_an_answer_is_waited_out() -> None:
    """Every answer pauses for 60 ms at some byte: none is lost, because its length says when it is whole."""
    found = run(wire_of(wires.SPLIT), 300)
    assert found.tally.good == found.tally.polls


def test_fault_a08_flipped_bits_are_refused() -> None:
    """1 to 8 flipped bits in each of 3,000 answers: the check sum, unit, function and length let none through."""
    found = run(wire_of(wires.FLIPS), 3000)
    assert found.tally.values == 0


def test_fault_a08_garble_with_a_good_check_sum_moves_no_energy_beyond_the_connection() -> None:
    """Where the check sum is forged, an energy register is believed only within what the connection carries."""
    found = run(wire_of(wires.FORGED, 200), 3000)
    wrong = [one for one in found.tally.wrong if one.quantity == ENERGY]
    forged = [one for one in found.tally.wrong if one.quantity != ENERGY]
    assert len(forged) > 300, "other values are as good as their check sum"
    for one in wrong:
        shown, true = (words[0] << 16 | words[1] for words in (one.words, one.expected))
        assert abs(shown - true) < 40_000, "no register is believed that is below the last one, or 400 kWh above"
    withheld = {"backwards", "too-fast"} & set(found.tally.kinds)
    assert withheld == {"backwards", "too-fast"}


def test_fault_a09_garbage_is_never_an_answer() -> None:
    """100,000 random frames of the right length give no registers; a line of noise is asked nothing."""
    dice = random.Random("garbage")
    question = Question(1, 3, 100, 6, None)
    for _ in range(100_000):
        try:
            believed(dice.randbytes(17), 100, question, BUS)
        except FrameFault:
            continue
        raise AssertionError("a random frame is believed")
    wire = wire_of(wires.SILENT)
    wire.drown(60_000_000)
    found = run(wire, 1)
    assert found.tally.values == 0
    assert found.tally.kinds[JAM] < 40, "a jammed line is tried less and less often"
    assert found.line_s > 55


def test_fault_a10_two_meters_with_one_address_are_told() -> None:
    """Two meters answer as unit 1 on top of each other: no value of it is believed, and people are told."""
    wire = wire_of(wires.COLLISION, units=(1,))
    found = run(wire, 600)
    assert found.tally.wrong == []
    assert "duplicate-address" in found.codes()
    assert all(len(found.readings(unit)) > 50 for unit in WELL)


def test_fault_a11_refusals_of_one_meter_do_not_slow_the_others() -> None:
    """One meter answers every question with an exception: it is told as such, and all others are read in full."""
    found = run(wire_of(wires.REFUSAL, units=(1,)), 600)
    assert found.faults(1) == {EXCEPTION}
    assert found.readings(1) == []
    healthy = run(wire_of(wires.SILENT, 0), 600)
    for unit in WELL:
        rate, whole = len(found.readings(unit)) / found.line_s, len(healthy.readings(unit)) / healthy.line_s
        assert rate > 0.9 * whole


def test_fault_a12_silence_of_days_is_told_and_nothing_is_invented() -> None:
    """A meter is silent for two days: it gives no value, is told as silent, then as stale; no sweep is lost."""
    cycle_ms = 600_000
    found = run(wire_of(wires.SILENT, units=(1,)), 12_000, cycle_ms)
    assert found.line_s > 2 * 86_400
    assert found.readings(1) == []
    assert {"meter-silent", "meter-stale"} <= set(found.codes())
    assert found.poll.cycle >= int(found.line_s * 1000 / cycle_ms)


def test_fault_a13_answer_that_drips_is_given_up() -> None:
    """One meter sends a byte a second: each of its exchanges ends with its time-out, and the others go on."""
    found = run(wire_of(wires.DRIBBLE, units=(1,)), 300)
    assert found.tally.wrong == []
    assert found.readings(1) == []
    assert found.longest_s < 2
    assert all(len(found.readings(unit)) > 20 for unit in WELL)


def test_fault_a14_babbling_node_is_told_and_outlived() -> None:
    """A node talks for 8 s without end: people are told of the jam, nothing is believed, then all meters are read."""
    wire = wire_of(wires.SILENT, 0)
    wire.drown(8_000_000)
    found = run(wire, 200)
    assert found.codes()[:2] == ["bus-jam", "bus-free"]
    assert found.tally.wrong == []
    assert found.tally.good >= found.tally.polls - 1


def test_fault_a15_wrong_speed_is_told_as_garbage_not_as_silence() -> None:
    """A meter heard at a wrong speed gives garbage: nothing is believed, and what is told of it is no silence."""
    found = run(wire_of(wires.GARBAGE, units=(1,)), 600)
    assert found.readings(1) == []
    assert found.tally.wrong == []
    assert found.faults(1) <= {CRC, SHORT, LONG} | {LATE}
    (told,) = [notice for notice in found.notices if notice.details.get("meter") == "m1"][:1]
    assert (told.code, told.details["fault"]) == ("meter-silent", found.poll.meters()[0].last_fault[0])


def test_fault_a16_bursts_in_long_answers_shorten_the_reads() -> None:
    """Without termination every second long answer is hit: the read is split, told, and then nothing is lost."""
    points = tuple(point._replace(address=4 * place) for place, point in enumerate(ROOMY.points))
    model = ROOMY._replace(points=points, windows=((3, 0, 59),))
    blocks = plan_blocks(model, model.polled(), BUS.baud, BUS.turnaround_ms)
    assert len(blocks) == 1
    meters = tuple(Job(one.meter, model, blocks) for one in jobs(BUS)[:2])
    wire = wire_of(wires.BURST)
    readings: list[list[int]] = []
    with simulated(wire) as time:
        poll, line, notices = Poll(BUS, meters, CYCLE_MS), open_line(BUS), list[Notice]()
        tally = Tally()
        while tally.polls < 300:
            outcomes = step(poll, line, time, tally, judged=False)
            notices += poll.take_notices()
            readings.append([1 if isinstance(one, Reading) else 0 for one in outcomes])
    assert {notice.code for notice in notices} == {"read-shortened"}
    late = [one for row in readings[-200:] for one in row]
    assert len(late) > 200 and all(late)


def test_fault_a17_adapter_that_returns_under_another_name_is_found(tmp_path: Path) -> None:
    """The adapter is pulled and comes back as another device under its lasting name: told, and read on rightly."""
    link = tmp_path / "by-path"
    told: list[Notice] = []
    found: list[tuple[int, Reading]] = []
    stopped, first = threading.Event(), HostilePort(HostileWire(115200, UNITS, word, "a17", {}))
    present: list[HostilePort] = []

    def deliver(outcomes: object) -> None:
        assert isinstance(outcomes, list)
        for outcome in outcomes:
            if isinstance(outcome, Reading):
                found.append((len(present), outcome))
        if len([1 for port, _ in found if port == len(present)]) > 60:
            if len(present) == 1:
                present[0].__exit__(None, None, None)
                second = HostilePort(HostileWire(115200, UNITS, word, "a17 again", {}))
                second.__enter__()
                _linked(tmp_path, second.path).replace(link)
                present.append(second)
            else:
                stopped.set()

    first.__enter__()
    present.append(first)
    link.symlink_to(first.path)
    bus = bus_of(str(link), 115200)
    BusRunner(Poll(bus, jobs(bus), CYCLE_MS), open_line(bus), TrueClock(), deliver, "a", told.append).run(stopped)
    present[-1].__exit__(None, None, None)
    assert (told[-1].code, told[-1].details["port"]) == ("bus-back", present[-1].path)
    for _, reading in found:
        unit = int(reading.meter[1:])
        if reading.quantity == ENERGY:
            assert reading.words[0] == expected(unit, 0, 1)[0], "no meter's values are another's"


def _linked(folder: Path, target: str) -> Path:
    fresh = folder / "fresh"
    fresh.symlink_to(target)
    return fresh


def test_fault_a18_question_that_never_leaves_is_told_of_every_meter() -> None:
    """Where the adapter drives no line, every meter is told as silent; nothing is believed."""
    wire = HostileWire(BUS.baud, (), word, "a18", {})
    found = run(wire, 60)
    assert found.tally.values == 0
    assert sorted(notice.details["meter"] for notice in found.notices) == [f"m{unit}" for unit in UNITS]
    assert {state.state for state in found.poll.meters()} == {SUSPENDED}


def _tcp_body(ask: Ask) -> bytes:
    count = ask.frame[11]
    return bytes((0, 0, 0, 3 + 2 * count, 1, 3, 2 * count)) + bytes(range(2 * count))


def test_fault_a20_old_transaction_of_a_network_gateway_is_refused() -> None:
    """On Modbus TCP, the answer with the number of an earlier question is refused, the one with its own is believed."""
    bus = Bus("n", "tcp://127.0.0.1:502", 9600, 8, "N", 1, 10)
    poll = Poll(bus, jobs(bus)[:1], CYCLE_MS, "tcp")
    ask = poll.next(0)
    assert isinstance(ask, Ask)
    (fault,) = poll.answered(b"\0\0" + _tcp_body(ask), 5, 5, 5)
    assert isinstance(fault, Fault) and fault.kind == LATE
    again = poll.next(200)
    assert isinstance(again, Ask) and again.frame[:2] != ask.frame[:2]
    assert all(isinstance(one, Reading) for one in poll.answered(again.frame[:2] + _tcp_body(again), 5, 205, 205))


def test_fault_a21_no_frame_breaks_a_decoder() -> None:
    """80,000 mangled answers of RTU, TCP, DL/T 645 and CJ/T 188 give registers or a fault, and nothing else."""
    dice = random.Random("a21")
    rtu, tcp = Question(1, 3, 0, 6, None), Question(1, 3, 0, 6, 7)
    di = DiQuestion(DiAsked("000000000001", READ, 0x00010000, 0), 3, ())
    asked = cjt188.Question(0x20, "00000000000001", 7)
    heat = ReadoutQuestion(asked, 21, ((2, "kWh"), (8, "m3"), (10, "degC"), (20, "")))
    readout = readout_of(0x20, (0,) * 21, heat.stated)
    good: dict[Question | DiQuestion | ReadoutQuestion, bytes] = {
        rtu: with_crc(bytes((1, 3, 12)) + bytes(12)),
        tcp: tcp_request(7, 1, 3, 0, 6)[:4] + bytes((0, 15, 1, 3, 12)) + bytes(12),
        di: di.frame(),
        heat: cjt188.framed(cjt188.answered(asked, readout)),
    }
    assert believed(good[heat], 1000, heat, BUS) == (0,) * 21
    refused = 0
    for _ in range(20_000):
        for question, frame in good.items():
            mangled = bytearray(frame)
            for _ in range(dice.randrange(1, 5)):
                place = dice.randrange(len(mangled) + 1)
                if dice.randrange(2) and mangled:
                    mangled[place % len(mangled)] = dice.randrange(256)
                else:
                    mangled[place:place] = dice.randbytes(dice.randrange(3))
            try:
                believed(bytes(mangled[: dice.randrange(len(mangled) + 1)]), 1000, question, BUS)
            except FrameFault:
                refused += 1
    assert refused > 65_000
