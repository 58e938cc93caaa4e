"""A bus in simulated time for tests of Poll: meters that answer, late, twice, damaged or never, by a seed."""

from gateway.core.meter.modbus import read_request, with_crc
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Ask, Job, Poll
from gateway.core.meter.profile import DeviceProfile, Point
from gateway.core.meter.quantity import QUANTITIES as QUANTITY_TABLE
from gateway.core.site import Bus, Meter

BUS = Bus("a", "/dev/ttyUSB0", 9600, 8, "N", 1, 10)
NETWORK = Bus("n", "tcp://10.0.0.9:502", 9600, 8, "N", 1, 10)
QUANTITIES = (
    "voltage_l1_n", "voltage_l2_n", "voltage_l3_n", "current_l1", "current_l2", "current_l3", "active_power_l1",
    "active_power_l2", "active_power_l3", "frequency",
)  # fmt: skip


def point(quantity, address, kind="u32", name="", counter=False, wrap=None, unit=None, function=3):
    count = {"u16": 1, "u32": 2, "f32": 2, "ascii": 4}[kind]
    wanted = unit or (QUANTITY_TABLE[quantity].unit if quantity else "")
    return Point(
        name or quantity, quantity, function, address, count, kind, "high-first", (1, 1), wanted, "direct", (), counter,
        wrap, (), None, "none", True,
    )  # fmt: skip


def profile(points, windows=(), gap_ms=0, timeout_ms=300):
    return DeviceProfile(
        "m", "M", "M", "meter", "draft", (), ("rtu", "tcp"), "9600 8N1", ("9600 8N1",), (1, 247), 3, 100, 1,
        tuple([(3, first, last) for first, last in windows]), timeout_ms, gap_ms, tuple(points), (), (), (), None,
    )  # fmt: skip


def meter(unit, serial="", max_power_w=0):
    return Meter("m%d" % unit, "a", unit, "m", serial, (1, 1), (1, 1), max_power_w)


def job(unit, model, serial="", max_power_w=0):
    blocks = plan_blocks(model, model.asked(), BUS.baud, BUS.turnaround_ms)
    return Job(meter(unit, serial, max_power_w), model, blocks)


def answer(request, words):
    """Return the RTU answer to *request* with these register words."""
    octets = []
    for word in words:
        octets += [word >> 8, word & 0xFF]
    return with_crc(bytes([request[0], request[1], len(octets)] + octets))


def refusal(request, code):
    return with_crc(bytes([request[0], request[1] | 0x80, code]))


class Dice:
    """Whole numbers that follow from a seed (Lehmer's generator)."""

    def __init__(self, seed):
        self._state = seed * 2654435761 % 2147483646 + 1

    def below(self, limit):
        self._state = self._state * 48271 % 2147483647
        return (self._state >> 3) % limit


class SimulatedBus:
    """Meters on one line: registers(unit, address, now_ms) is what they hold, fate(unit) what becomes of an answer.

    A fate is a list of (ms from the request to the last byte beyond what is physically needed, frame maker).
    """

    def __init__(self, poll, registers, fate):
        self.poll = poll
        self.now_ms = 1000000
        self.asked = []  # (ms, Ask)
        self.outcomes = []  # (ms of asking, outcome)
        self._registers = registers
        self._fate = fate
        self._coming = []

    def run(self, until_ms=None, asks=None):
        """Do what Poll says until a time has come or so many questions were asked."""
        while (until_ms is None or self.now_ms < until_ms) and (asks is None or len(self.asked) < asks):
            step = self.poll.next(self.now_ms)
            if isinstance(step, Ask):
                self.exchange(step)
            else:
                assert step.until_ms > self.now_ms
                self.now_ms = step.until_ms if until_ms is None else min(step.until_ms, until_ms)

    def exchange(self, ask):
        began = self.now_ms
        self.asked.append((began, ask))
        sent = began + 9  # eight characters at 9600 baud
        asked = read_request(ask.frame)
        for late_ms, make in self._fate(asked.unit):
            words = [self._registers(asked.unit, asked.start + index, sent) for index in range(asked.count)]
            frame = make(ask.frame, answer(ask.frame, words))
            self._coming.append((sent + len(frame) + 1 + late_ms, len(self.asked), frame))
        heard, elapsed = self._listen(ask, began, sent)
        if heard:
            outcomes = self.poll.answered(heard, elapsed, self.now_ms, self.now_ms)
        else:
            outcomes = self.poll.unanswered(self.now_ms, self.now_ms)
        self.outcomes += [(began, outcome) for outcome in outcomes]

    def _listen(self, ask, began, sent):
        """Return what a line would hear: all that comes from now on until it is enough, and a little more."""
        self._coming = sorted([one for one in self._coming if one[0] > began])
        heard, elapsed = b"", 0
        enough = None
        for at, _, frame in self._coming:
            if at > (sent + ask.timeout_ms if enough is None else enough + 4):
                break
            heard += frame
            if enough is None and (len(heard) >= ask.answer_bytes or (len(heard) == 5 and heard[1] & 0x80)):
                enough, elapsed = at, at - sent
        if enough is None:
            self.now_ms = sent + ask.timeout_ms
            return heard, ask.timeout_ms
        self.now_ms = max(enough, sent) + 4
        return heard, elapsed


def whole(request, frame):
    """The answer as the meter gave it."""
    return frame


def on_time(unit):
    """Every meter answers after 20 ms."""
    return [(20, whole)]


def readings_of(outcomes):
    return [outcome for _, outcome in outcomes if hasattr(outcome, "quantity")]


def faults_of(outcomes):
    return [outcome for _, outcome in outcomes if hasattr(outcome, "kind")]


def poll_of(jobs, cycle_ms=5000, bus=BUS, transport="rtu"):
    return Poll(bus, tuple(jobs), cycle_ms, transport)
