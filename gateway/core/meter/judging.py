"""Judges what came back on a line: whether these bytes, at this moment, can be the answer to this question.

Modbus RTU answers carry no number, so a late answer to an earlier question looks like the answer to the present
one. What gives it away: unit, function, length, check sum, and the moment. No answer can be complete before its
characters had time to pass over the wire.
"""

from collections import namedtuple

from gateway.core.meter import cjt188, cjt188_values, dlt645, modbus
from gateway.core.meter.dlt645_items import items_of
from gateway.core.meter.dlt645_values import goes_on, register_count, registers
from gateway.core.meter.plan import DI_FUNCTIONS, Block, di_of
from gateway.core.reading import LATE, LONG, WRONG_UNIT
from gateway.core.site import Bus, Meter
from gateway.core.tcp_address import UNNUMBERED_FRAMES, has_line, transport_of

# Glitches put single bytes before or behind an answer. Fewer than the shortest frame (5 bytes) cannot hide one.
MOST_NOISE_BYTES = 4
# What one frame of DL/T 645 holds behind the data identifier; longer answers go on in others.
MOST_VALUE_OCTETS = dlt645.MOST_OCTETS - 4
# Frames of one answer: all tariffs of all past settlement days take fewer.
MOST_FRAMES = 32
# Refusals that last: function, address, number of registers; and by DL/T 645: no such data, not authorised.
_LASTING_EXCEPTIONS = ("1", "2", "3")
_LASTING_ERRORS = 0x06
# What a gateway in between says of a meter that is silent behind it.
_ABSENT_EXCEPTIONS = ("10", "11")
# Meters' clocks run up to 4 % fast, and so do their characters.
_FASTEST_PERCENT = 95


class Question(modbus.Request):
    """One read that was asked; transaction is None on a serial line."""

    __slots__ = ()

    def frame(self) -> bytes:
        """Return the bytes that ask it."""
        if self.transaction is None:
            return modbus.request(self.unit, self.function, self.start, self.count)
        return modbus.tcp_request(self.transaction, self.unit, self.function, self.start, self.count)

    def answer_bytes(self) -> int:
        """Return the length of its answer."""
        if self.transaction is None:
            return modbus.answer_bytes(self.count)
        return modbus.tcp_answer_bytes(self.count)


class DiQuestion(namedtuple("DiQuestion", ("asked", "count", "heard"))):
    """One read of a DL/T 645 meter, whose answer names meter and data identifier.

    count: registers that are wanted; heard: the frames of the answer that came already, where it goes on.
    """

    __slots__ = ()
    asked: dlt645.Question
    count: int
    heard: "tuple[dlt645.Answer, ...]"

    def frame(self) -> bytes:
        """Return the bytes that ask it."""
        return dlt645.request(self.asked)

    def answer_bytes(self) -> int:
        """Return the length of its answer, if the meter leaves out nothing, without wake bytes."""
        if self.heard:  # how much is left in a frame that goes on is not known: it says so itself
            return dlt645.answer_bytes(self.asked, 1)
        octets = count = 0
        for item in items_of(self.asked.di, dlt645.year_of(self.asked.control)):
            if count < self.count:
                octets += item.octets
                count += register_count(item.octets)
        return dlt645.answer_bytes(self.asked, min(octets, MOST_VALUE_OCTETS))


class ReadoutQuestion(namedtuple("ReadoutQuestion", ("asked", "count", "stated"))):
    """One read of a CJ/T 188 meter, whose answer names meter, number of the question, and units.

    count: registers that are wanted; stated: the units in which they are, by their place.
    """

    __slots__ = ()
    asked: cjt188.Question
    count: int
    stated: "tuple[tuple[int, str], ...]"

    def frame(self) -> bytes:
        """Return the bytes that ask it."""
        return cjt188.request(self.asked)

    def answer_bytes(self) -> int:
        """Return the length of its answer, without wake bytes."""
        return cjt188_values.answer_bytes(self.asked.kind)


def question_of(
    meter: Meter, block: Block, number: int = 0, transaction: "int | None" = None
) -> "Question | DiQuestion | ReadoutQuestion":
    """Return what *meter* is asked for *block*: by its number on the plate, or else by its unit id.

    number: that of the question, which a CJ/T 188 meter repeats; transaction: that of Modbus TCP.
    """
    if block.function == cjt188.READOUT_DI:
        asked = cjt188.Question(di_of(block), meter.serial, number & 0xFF)
        return ReadoutQuestion(asked, block.count, cjt188_values.stated_units(block.points))
    if block.function in DI_FUNCTIONS:
        return DiQuestion(dlt645.Question(meter.serial, block.function, di_of(block), 0), block.count, ())
    return Question(meter.unit, block.function, block.start, block.count, transaction)


class Prepared(namedtuple("Prepared", ("question", "frame", "answer_bytes", "characters_ms", "earliest_ms"))):
    """A question with what it takes on its bus: its frame, the length of its answer, and the longest and shortest time
    of that on the line."""

    __slots__ = ()
    question: "Question | DiQuestion | ReadoutQuestion"
    frame: bytes
    answer_bytes: int
    characters_ms: int
    earliest_ms: int


def prepared(question: "Question | DiQuestion | ReadoutQuestion", bus: Bus) -> Prepared:
    """Return *question* ready to be asked on *bus*."""
    length = question.answer_bytes()
    return Prepared(question, question.frame(), length, characters_ms(bus, length), earliest_ms(bus, length))


def refusal_lasts(question: "Question | DiQuestion | ReadoutQuestion", detail: str) -> bool:
    """Tell whether a refusal is a fact about the meter, not about the moment."""
    if isinstance(question, ReadoutQuestion):
        return False  # it is the meter's state, such as that of its battery
    if isinstance(question, DiQuestion):
        return bool(int(detail) & _LASTING_ERRORS)
    return detail in _LASTING_EXCEPTIONS


def refusal_of_absent(question: "Question | DiQuestion | ReadoutQuestion", detail: str) -> bool:
    """Tell whether a gateway in between refuses, because the meter is silent behind it."""
    return isinstance(question, Question) and detail in _ABSENT_EXCEPTIONS


def character_bits(bus: Bus) -> int:
    """Return the bits that one character takes on *bus*."""
    return 1 + bus.data_bits + (bus.parity != "N") + bus.stop_bits


def characters_ms(bus: Bus, count: int) -> int:
    """Return how long *count* characters take on *bus*, rounded up; nothing over Modbus TCP."""
    if not has_line(bus.port):
        return 0
    return -(-count * character_bits(bus) * 1000 // bus.baud)


def earliest_ms(bus: Bus, count: int) -> int:
    """Return the time before which *count* characters cannot have passed over *bus*, rounded down."""
    if not has_line(bus.port):
        return 0
    return count * character_bits(bus) * 10 * _FASTEST_PERCENT // bus.baud


def believed(
    frame: bytes, elapsed_ms: int, question: "Question | DiQuestion | ReadoutQuestion", bus: Bus
) -> "tuple[int, ...]":
    """Return the registers of *frame*, complete *elapsed_ms* after the question; raises FrameFault otherwise.

    Where `following` has a question for it, the registers are asked for by that one.
    """
    if isinstance(question, DiQuestion):
        return registers(_di_heard(frame, elapsed_ms, question, bus), question.count)
    if isinstance(question, ReadoutQuestion):
        _in_time(frame, elapsed_ms, question, bus)
        found = cjt188.answer(_alone(frame, cjt188.frame_span(frame)), question.asked)
        return cjt188_values.registers(found, question.count, question.stated)
    unit, function, count = question.unit, question.function, question.count
    if question.transaction is not None:
        number = question.transaction
        if transport_of(bus.port) == UNNUMBERED_FRAMES and len(frame) > 1:
            number = frame[0] << 8 | frame[1]
        return modbus.tcp_answer(frame, number, unit, function, count)
    _in_time(frame, elapsed_ms, question, bus)
    return modbus.answer(_without_noise(frame, question), unit, function, count)


def following(
    frame: bytes, elapsed_ms: int, question: "Question | DiQuestion | ReadoutQuestion", bus: Bus
) -> "DiQuestion | None":
    """Return the question for the next frame where the answer in *frame* goes on; raises FrameFault as `believed`."""
    if not isinstance(question, DiQuestion):
        return None
    if not goes_on(_di_heard(frame, elapsed_ms, question, bus), question.count):
        return None
    heard = question.heard + (_di_answer(frame, question),)  # noqa: RUF005 - MicroPython has no (*a,)
    if len(heard) >= MOST_FRAMES:
        raise modbus.FrameFault(LONG, "more than %d frames" % MOST_FRAMES)
    return DiQuestion(dlt645.read_on(question.asked, len(heard)), question.count, heard)


def believed_address(frame: bytes, elapsed_ms: int, asked: dlt645.Question, bus: Bus) -> str:
    """Return the number of the meter that answered *asked*, a question to anyone; raises FrameFault otherwise."""
    _in_time(frame, elapsed_ms, DiQuestion(asked, 0, ()), bus)
    found = dlt645.answer(_alone(frame, dlt645.frame_span(frame)), asked).address
    if not dlt645.is_address(found):
        raise modbus.FrameFault(WRONG_UNIT, "%s is the number of no single meter" % found)
    return found


def _di_answer(frame: bytes, question: DiQuestion) -> dlt645.Answer:
    return dlt645.answer(_alone(frame, dlt645.frame_span(frame)), question.asked)


def _di_heard(frame: bytes, elapsed_ms: int, question: DiQuestion, bus: Bus) -> dlt645.Answer:
    """Return what was answered so far, this frame included."""
    _in_time(frame, elapsed_ms, question, bus)
    return dlt645.joined(question.heard + (_di_answer(frame, question),))  # noqa: RUF005 - as above


def _alone(frame: bytes, span: "tuple[int, int] | None") -> bytes:
    """Return the frame in *span* of *frame* where only wake bytes and a few of noise surround it, else all."""
    if span is None:
        return frame
    noise = len(frame) - span[1] + len([octet for octet in frame[: span[0]] if octet != dlt645.WAKE])
    return frame[span[0] : span[1]] if noise <= MOST_NOISE_BYTES else frame


def _in_time(frame: bytes, elapsed_ms: int, question: "Question | DiQuestion | ReadoutQuestion", bus: Bus) -> None:
    """Raise FrameFault where *frame* was complete before an answer could be."""
    possible_ms = earliest_ms(bus, min(len(frame), question.answer_bytes()))
    if elapsed_ms < possible_ms:
        detail = "%d bytes after %d ms, possible after %d ms" % (len(frame), elapsed_ms, possible_ms)
        raise modbus.FrameFault(LATE, detail)


def _without_noise(frame: bytes, question: Question) -> bytes:
    """Return the one answer inside *frame* where only a few bytes of noise surround it, else *frame* as it is."""
    length = question.answer_bytes()
    if not length < len(frame) <= length + MOST_NOISE_BYTES:
        return frame
    head = bytes((question.unit, question.function, 2 * question.count))
    for at in range(len(frame) - length + 1):
        inner = frame[at : at + length]
        if inner[:3] == head and modbus.crc_holds(inner):
            return inner
    return frame
