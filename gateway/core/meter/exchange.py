"""What one exchange with a meter means: a question, the answer to it, and every point the answer holds."""

from collections import namedtuple

from gateway.core.meter.decoding import stated_value, text_of, words_of
from gateway.core.meter.modbus import FrameFault, Request, answer, tcp_answer
from gateway.core.meter.profile import NO_RATIOS, DeviceProfile, Point
from gateway.core.reading import SILENT, WRONG_UNIT


class Meaning(namedtuple("Meaning", ("name", "value", "unit", "words"))):
    """One point of an answer: its value as decimal text, None where the meter said "not available"."""

    __slots__ = ()
    name: str
    value: "str | None"
    unit: str
    words: "tuple[int, ...]"


def decimal_text(mantissa: int, exponent: int) -> str:
    """Return mantissa * 10**exponent as a plain decimal without superfluous zeros."""
    if exponent >= 0:
        return "%d" % (mantissa * 10**exponent)
    digits = "%d" % abs(mantissa)
    digits = "0" * (1 - exponent - len(digits)) + digits
    whole, fraction = digits[:exponent], digits[exponent:].rstrip("0")
    return ("-" if mantissa < 0 else "") + whole + ("." + fraction if fraction else "")


def registers_of(asked: Request, response: bytes) -> "tuple[int, ...]":
    """Return the registers in the answer to *asked*; raises FrameFault where it is not to be believed."""
    if asked.transaction is not None:
        return tcp_answer(response, asked.transaction, asked.unit, asked.function, asked.count)
    if asked.unit == 0:
        # Everyone on the line hears a broadcast and nobody may answer it.
        raise FrameFault(WRONG_UNIT if response else SILENT, "a broadcast to unit 0 has no answer")
    return answer(response, asked.unit, asked.function, asked.count)


def meanings(
    profile: DeviceProfile,
    asked: Request,
    registers: "tuple[int, ...]",
    ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS,
) -> "list[Meaning]":
    """Return every point of *profile* that the answer holds whole, in the units that the profile states."""
    found = []
    end = asked.start + len(registers)
    for point in profile.points:
        if point.function != asked.function or point.first < asked.start or point.last >= end:
            continue
        found.append(meaning(point, registers, asked.start, ratios))
    return found


def meaning(
    point: Point,
    registers: "tuple[int, ...]",
    start: int,
    ratios: "tuple[tuple[int, int], tuple[int, int]]" = NO_RATIOS,
) -> Meaning:
    """Return what *registers*, which begin with *start* and hold *point* whole, say of it."""
    words = words_of(point, registers, start)
    if point.type == "ascii":
        text: "str | None" = text_of(words)
    else:
        value = stated_value(point, words, ratios)
        text = None if value is None else decimal_text(value[0], value[1])
    return Meaning(point.name, text, point.unit, words)
