"""Asker: asks single questions on an open line, for people who look at a bus themselves."""

from dataclasses import dataclass

from gateway.core.meter.dlt645 import ANYONE, READ_ADDRESS, answer_bytes, read, read_address, request
from gateway.core.meter.judging import (
    DiQuestion,
    Question,
    ReadoutQuestion,
    believed,
    believed_address,
    characters_ms,
    earliest_ms,
    following,
    prepared,
    question_of,
)
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.plan import Block
from gateway.core.reading import SILENT
from gateway.core.site import Bus, Meter
from gateway.core.tcp_address import has_line
from gateway.line import Line


@dataclass(frozen=True)
class Answer:
    """One exchange: the frames, and the registers or why they are not believed."""

    request: bytes
    response: bytes
    registers: tuple[int, ...] | None
    fault: FrameFault | None
    elapsed_ms: int = 0


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
        transaction = self._number()
        return self._exchange(question_of(meter, block, self._transaction, transaction), timeout_ms)

    def _number(self) -> int | None:
        """Return the number of the next question; None where the line has none."""
        self._transaction = (self._transaction + 1) % 0x10000
        return self._transaction if not has_line(self._bus.port) else None

    def _exchange(self, question: Question | DiQuestion | ReadoutQuestion, timeout_ms: int) -> Answer:
        response, elapsed_ms = self._heard(question, timeout_ms)
        try:
            while (more := following(response, elapsed_ms, question, self._bus)) is not None:
                question = more
                response, elapsed_ms = self._heard(question, timeout_ms)
            registers = believed(response, elapsed_ms, question, self._bus)
            return Answer(question.frame(), response, registers, None, elapsed_ms)
        except FrameFault as fault:
            return Answer(question.frame(), response, None, fault, elapsed_ms)

    def only_number(self, timeout_ms: int) -> str | FrameFault:
        """Return the number of the only DL/T 645 meter on the line, or why none is believed."""
        return ask_address(self._line, self._bus, timeout_ms)

    def reopen(self) -> None:
        """Open the line again that was lost."""
        self._line.open()

    def _heard(self, question: Question | DiQuestion | ReadoutQuestion, timeout_ms: int) -> tuple[bytes, int]:
        asked = prepared(question, self._bus)
        most_ms = timeout_ms + asked.characters_ms
        return self._line.exchange(asked.frame, asked.answer_bytes, asked.earliest_ms, most_ms)

    def drain(self, quiet_ms: int) -> None:
        """Let what is under way pass."""
        self._line.drain(quiet_ms)


# The read of the address is of 2007; a meter of 1997 names itself in the answer to any read.
_WHO_IS_THERE = (read_address(), read(ANYONE, 0x9010, 1997))
_ENERGY_OCTETS = 4
ADDRESS_TIMEOUT_MS = 1500  # a DL/T 645 meter begins within 500 ms; converters take their time


def ask_address(line: Line, bus: Bus, timeout_ms: int = ADDRESS_TIMEOUT_MS) -> str | FrameFault:
    """Return the number of the only DL/T 645 meter on *line*, or why none is believed.

    Two meters answer at once, and what is heard then is no frame.
    """
    fault = FrameFault(SILENT, "no byte")
    for asked in _WHO_IS_THERE:
        length = answer_bytes(asked, 0 if asked.control == READ_ADDRESS else _ENERGY_OCTETS)
        most_ms = timeout_ms + characters_ms(bus, length)
        heard, elapsed_ms = line.exchange(request(asked), length, earliest_ms(bus, length), most_ms)
        try:
            return believed_address(heard, elapsed_ms, asked, bus)
        except FrameFault as found:
            if found.kind != SILENT:
                fault = found
                line.drain(timeout_ms)
    return fault
