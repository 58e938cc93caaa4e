"""What a DL/T 645 meter itself kept at the boundary of an interval: asked for, judged, or left alone."""

from gateway.core.meter.dlt645 import framed, read_request
from gateway.core.meter.freeze import (
    _REST,
    MOST_FAILURES,
    FreezeReads,
    clock_error_ms,
    freeze_period_s,
    is_frozen_at,
    stated_s,
)
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Ask, Job
from gateway.core.meter.profile_reading import read_profile
from gateway.core.reading import FREEZE, Fault, Frozen, Reading
from gateway.core.site import Meter
from gateway.tests.core.simulated_bus import BUS, poll_of

NUMBER = "002241020208"
BOUNDARY_S = 1795222800  # 2026-11-21 01:00 UTC by `date`, 09:00 in China
MIDNIGHT_S = BOUNDARY_S + 15 * 3600
CLOCK, MOMENT, IMPORT, EXPORT = 0x04000102, 0x05040001, 0x05040101, 0x05040201
LIVE, VOLTAGES = 0x00010000, 0x0201FF00
FROZEN = [
    {"quantity": "energy_active_import", "di": IMPORT, "poll": "freeze"},
    {"quantity": "energy_active_export", "di": EXPORT, "poll": "freeze"},
]


def model(frozen):
    found, problems = read_profile(
        {
            "id": "m", "maker": "M", "model": "M", "kind": "meter", "status": "draft", "protocol": "dlt645-2007",
            "serial": {"default": "9600 8E1"},
            "points": [
                {"quantity": "energy_active_import", "di": LIVE},
                {"quantity": "energy_active_export", "di": 0x00020000},
                {"quantity": "voltage_l1_n", "di": VOLTAGES},
            ] + list(frozen),
        }
    )  # fmt: skip
    assert problems == [], problems
    return found


def bcd(number, octets):
    """Return the digits of *number*, lowest first."""
    text = ("0" * (2 * octets) + "%d" % number)[-2 * octets :]
    return bytes([int(text[at : at + 2], 16) for at in range(2 * octets - 2, -1, -2)])


class FreezingMeter:
    """A meter whose clock is *ahead_s*; it counts a hundredth of a kWh a second from 1000 at the boundary."""

    def __init__(self, ahead_s=0, frozen_s=None, refuses=(), silent=(), counts=1000):
        self.asked = []
        self._ahead_s, self._frozen_s = ahead_s, frozen_s
        self._refuses, self._silent, self._counts = refuses, silent, counts

    def answer(self, question, utc_ms):
        self.asked.append(question.di)
        if question.di in self._silent:
            return b""
        if question.di in self._refuses:
            return framed(NUMBER, 0xD1, b"\2")
        own_s = utc_ms // 1000 + self._ahead_s + 8 * 3600
        octets = {
            CLOCK: bcd(own_s % 86400 // 3600 * 10000 + own_s % 3600 // 60 * 100 + own_s % 60, 3),
            MOMENT: bcd(self._moment(own_s), 5),
            IMPORT: bcd(self._counts, 4),
            EXPORT: bcd(7, 4),
            LIVE: bcd(1000 + utc_ms // 1000 - BOUNDARY_S, 4),
            0x00020000: bcd(7, 4),
            VOLTAGES: bcd(2300, 2),
        }[question.di]
        return framed(NUMBER, 0x91, bytes([question.di >> 8 * place & 0xFF for place in range(4)]) + octets)

    def _moment(self, own_s):
        return _digits(own_s // 3600 * 3600 if self._frozen_s is None else self._frozen_s + 8 * 3600)


def _digits(china_s):
    """Return YYMMDDhhmm of a moment of 21 to 23 November 2026 in China, by counting from the boundary."""
    hours = (china_s - 8 * 3600 - BOUNDARY_S) // 3600 + 9
    minutes = (china_s - 8 * 3600 - BOUNDARY_S) % 3600 // 60
    return 2611210000 + hours // 24 * 10000 + hours % 24 * 100 + minutes


def run(meter, frozen=FROZEN, boundary_s=BOUNDARY_S, begin_ms=500, sweeps=2):
    """Let an interval end, and read the meter for some sweeps; return what came of it."""
    profile = model(frozen)
    job = Job(
        Meter("n", "a", 0, "m", NUMBER, (1, 1), (1, 1), 100000), profile,
        plan_blocks(profile, profile.polled(), BUS.baud, BUS.turnaround_ms),
    )  # fmt: skip
    poll = poll_of([job])
    poll.boundary(boundary_s)
    now_ms, outcomes = 1000000, []
    while poll.cycle < sweeps:
        step = poll.next(now_ms)
        if not isinstance(step, Ask):
            now_ms = step.until_ms
            continue
        utc_ms = boundary_s * 1000 + begin_ms + now_ms - 1000000
        heard = meter.answer(read_request(step.frame), utc_ms)
        now_ms += 200
        utc_ms += 200
        found = poll.answered(heard, 150, now_ms, utc_ms) if heard else poll.unanswered(now_ms, utc_ms)
        outcomes += found
    return outcomes


def frozen_of(outcomes):
    return [(one.quantity, one.at_ms, one.words, one.value) for one in outcomes if isinstance(one, Frozen)]


def unused(outcomes):
    return [one.detail for one in outcomes if isinstance(one, Fault) and one.kind == FREEZE]


def test_the_boundary_is_of_the_calendar():
    """Digits of the calendar of China are the moments that `date` says, and no others; leap days among them."""
    # date -u -d '2026-11-21 01:00' +%s and so on
    for digits, moment in (
        (2611210900, BOUNDARY_S), (2611220000, MIDNIGHT_S), (2403010000, 1709222400), (2402290000, 1709136000),
        (2801010000, 1830268800), (2812312300, 1861887600),
    ):  # fmt: skip
        assert stated_s(digits) == moment, digits
    for digits in (0, 2613010000, 2611320000, 2611212400, 2611210960, -1):
        assert stated_s(digits) is None
    assert is_frozen_at(MIDNIGHT_S, 86400) and is_frozen_at(BOUNDARY_S, 3600)
    assert not is_frozen_at(BOUNDARY_S, 86400) and not is_frozen_at(BOUNDARY_S + 900, 3600)
    assert not is_frozen_at(BOUNDARY_S, 0)


def test_the_error_of_a_clock():
    """A second that is cut off counts half; around midnight the shorter way is the error."""
    noon_ms = (BOUNDARY_S + 3 * 3600) * 1000  # 12:00:00 in China
    assert clock_error_ms(120000, noon_ms + 500) == 0
    assert clock_error_ms(120007, noon_ms + 500) == 7000
    assert clock_error_ms(115950, noon_ms) == -9500
    assert clock_error_ms(235959, MIDNIGHT_S * 1000) == -500
    assert clock_error_ms(1, MIDNIGHT_S * 1000 - 500) == 2000
    for digits in (240000, 126000, 120060, -1):
        assert clock_error_ms(digits, noon_ms) is None


def test_registers_of_the_boundary():
    """After the boundary the clock, the moment and both registers are read, in this order and once."""
    meter = FreezingMeter()
    outcomes = run(meter)
    at_ms = BOUNDARY_S * 1000
    assert frozen_of(outcomes) == [
        ("energy_active_import", at_ms, (0x0000, 0x1000), 10000),
        ("energy_active_export", at_ms, (0x0000, 0x0007), 70),
    ]
    assert unused(outcomes) == []
    asked = [di for di in meter.asked if di in (CLOCK, MOMENT, IMPORT, EXPORT)]
    assert asked == [CLOCK, MOMENT, IMPORT, EXPORT]
    # The registers of now are still read first, and in every sweep; there is time for those of the boundary.
    assert meter.asked[0] == LIVE and meter.asked.count(LIVE) == 2
    live = [one for one in outcomes if isinstance(one, Reading) and not isinstance(one, Frozen)]
    assert live[0].value == 10020 and live[0].at_ms > at_ms


def test_a_clock_a_little_behind_is_waited_for():
    """A meter four seconds behind has not frozen at first; in the next sweep it has."""
    meter = FreezingMeter(ahead_s=-4)
    outcomes = run(meter)
    assert [one[1] for one in frozen_of(outcomes)] == [BOUNDARY_S * 1000] * 2
    assert meter.asked.count(MOMENT) == 2 and unused(outcomes) == []


def test_fault_b10_clock_that_is_off_makes_the_freeze_none():
    """Beyond five seconds the meter froze at another moment; its registers are not even asked for."""
    for ahead_s, detail in ((7, "the meter's clock is 7 s ahead"), (-7, "the meter's clock is 7 s behind")):
        meter = FreezingMeter(ahead_s=ahead_s)
        outcomes = run(meter)
        assert (frozen_of(outcomes), unused(outcomes)) == ([], [detail])
        assert IMPORT not in meter.asked


def test_fault_b10_freeze_of_another_moment_is_not_used():
    """The hour before, the same hour of the day before, and a date that is none are told and not used."""
    for frozen_s, stated in (
        (BOUNDARY_S - 3600, "2611210800"), (BOUNDARY_S - 86400, "2611200900"), (BOUNDARY_S + 3600, "2611211000"),
    ):  # fmt: skip
        outcomes = run(FreezingMeter(frozen_s=frozen_s), begin_ms=11000)
        assert (frozen_of(outcomes), unused(outcomes)) == ([], ["the last freeze is of " + stated])


def test_a_register_that_cannot_be_of_the_boundary_is_not_used():
    """A frozen register above the one of now, and one from which the meter cannot have come so far, are told."""
    for counts, word in ((1900, "backwards"), (100, "too-fast")):
        outcomes = run(FreezingMeter(counts=counts))
        assert [one[0] for one in frozen_of(outcomes)] in ([], ["energy_active_export"])
        assert len(unused(outcomes)) == 1 and unused(outcomes)[0].startswith(word)


def test_a_meter_without_freezes_is_no_worse_for_it():
    """A refusal ends the matter at once, silence after some tries; the other values are still read."""
    for meter, tries in ((FreezingMeter(refuses=(MOMENT,)), 1), (FreezingMeter(silent=(MOMENT,)), MOST_FAILURES)):
        outcomes = run(meter, sweeps=4)
        assert unused(outcomes) == ["the meter does not give it"]
        assert meter.asked.count(MOMENT) == tries and IMPORT not in meter.asked
        volts = [one for one in outcomes if isinstance(one, Reading) and one.quantity == "voltage_l1_n"]
        assert len(volts) >= 3


def test_only_where_a_freeze_is_made():
    """Between full hours nothing is asked; daily freezes are asked for at midnight in China alone."""
    meter = FreezingMeter()
    assert frozen_of(run(meter, boundary_s=BOUNDARY_S + 900)) == [] and CLOCK not in meter.asked
    daily = model([{"quantity": "energy_active_import", "di": 0x05060101, "poll": "freeze"}])
    assert freeze_period_s(daily, "energy_active_import") == 86400
    assert freeze_period_s(daily, "energy_active_export") == 0
    both = model(FROZEN + [{"quantity": "energy_active_import", "di": 0x05000101, "poll": "freeze"}])
    assert freeze_period_s(both, "energy_active_import") == 3600
    outcomes = run(FreezingMeter(counts=1000 + 15 * 3600), boundary_s=MIDNIGHT_S)
    assert [one[1] for one in frozen_of(outcomes)] == [MIDNIGHT_S * 1000] * 2


def test_what_is_no_freeze_is_refused_in_a_profile():
    """`poll = "freeze"` needs the identifier of the last freeze of an energy; a Modbus point has none."""
    for quantity, di in (
        ("energy_active_import", LIVE), ("energy_active_import", 0x05040102), ("voltage_l1_n", VOLTAGES),
    ):  # fmt: skip
        _, problems = read_profile(
            {
                "id": "m", "maker": "M", "model": "M", "kind": "meter", "status": "draft", "protocol": "dlt645-2007",
                "serial": {"default": "9600 8E1"}, "points": [{"quantity": quantity, "di": di, "poll": "freeze"}],
            }
        )  # fmt: skip
        assert [one.code for one in problems] == ["WP-PRF-075"]


def test_a_clock_or_a_register_that_shows_nothing_makes_the_freeze_none():
    """Digits that are no time of day, and a register that the meter says it has not: told, and not used."""

    class Empty(FreezingMeter):
        """A meter that answers some identifiers with all ones."""

        def __init__(self, empty):
            FreezingMeter.__init__(self)
            self._empty = empty

        def answer(self, question, utc_ms):
            if question.di != self._empty:
                return FreezingMeter.answer(self, question, utc_ms)
            self.asked.append(question.di)
            octets = 3 if question.di == CLOCK else 4
            return framed(
                NUMBER, 0x91, bytes([question.di >> 8 * place & 0xFF for place in range(4)]) + b"\xff" * octets
            )

    outcomes = run(Empty(CLOCK))
    assert (frozen_of(outcomes), unused(outcomes)) == ([], ["the meter's clock shows no time"])
    outcomes = run(Empty(IMPORT))
    assert unused(outcomes) == ["energy_active_import was not frozen"] and frozen_of(outcomes) == []


def test_a_meter_that_never_gives_a_freeze_is_left_alone_for_a_day_of_hours():
    """After the second in a row it is asked again when so many were left out, and again at the next after a success."""
    reads = FreezeReads("n", model(FROZEN), ((1, 1), (1, 1)))
    asked = []
    for hour in range(2 * _REST):
        reads.begin(BOUNDARY_S + hour * 3600)
        if reads.wanted():
            asked.append(hour)
            assert [one.detail for one in reads.failed(True, 0)] == ["the meter does not give it"]
            assert reads.failed(True, 0) == [] and reads.wanted() == []
    assert asked == [0, 1, 2 + _REST]
