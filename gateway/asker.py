"""Asker: asks single questions on an open line, for people who look at a bus themselves."""

from dataclasses import dataclass

from gateway.core.meter.judging import DiQuestion, Question, believed, characters_ms, earliest_ms, question_of
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.plan import Block
from gateway.core.site import Bus, Meter
from gateway.line import Line


@dataclass(frozen=True)
class Answer:
    """One exchange: the frames, and the registers or why they are not believed."""

    request: bytes
    response: bytes
    registers: tuple[int, ...] | None
    fault: FrameFault | None


class Asker:
    """Sends questions one by one and judges the answers as the daemon would."""

    def __init__(self, line: Line, bus: Bus) -> None:
        self._line = line
        self._bus = bus
        self._transaction = 0

    def ask(self, unit: int, function: int, start: int, count: int, timeout_ms: int) -> Answer:
        """Ask *unit* for *count* registers from *start*."""
        return self._exchange(Question(unit, function, start, count, self._number()), timeout_ms)

    def ask_block(self, meter: Meter, block: Block, timeout_ms: int) -> Answer:
        """Ask *meter* for *block*, in the protocol that it speaks."""
        return self._exchange(question_of(meter, block, self._number()), timeout_ms)

    def _number(self) -> int | None:
        """Return the number of the next question; None where the line has none."""
        self._transaction = (self._transaction + 1) % 0x10000
        return self._transaction if self._bus.port.startswith("tcp://") else None

    def _exchange(self, question: Question | DiQuestion, timeout_ms: int) -> Answer:
        length = question.answer_bytes()
        most_ms = timeout_ms + characters_ms(self._bus, length)
        earliest = earliest_ms(self._bus, length)
        response, elapsed_ms = self._line.exchange(question.frame(), length, earliest, most_ms)
        try:
            return Answer(question.frame(), response, believed(response, elapsed_ms, question, self._bus), None)
        except FrameFault as fault:
            return Answer(question.frame(), response, None, fault)

    def drain(self, quiet_ms: int) -> None:
        """Let what is under way pass."""
        self._line.drain(quiet_ms)
