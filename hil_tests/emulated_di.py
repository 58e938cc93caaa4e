"""Answers of emulated meters to questions by data identifier (DL/T 645)."""

from gateway.core.meter.dlt645 import ANYONE, READ, READ_1997, READ_ADDRESS, Question, framed, read_request
from gateway.core.meter.dlt645_items import Item, items_of
from gateway.core.meter.dlt645_values import register_count
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.profile import DLT645_1997
from hil_tests.emulated_meter import EmulatedMeter, TrueRegister
from hil_tests.emulated_park import Sample

_NO_SUCH_VALUE = 0x02  # error byte
_ANSWERS, _REFUSES = 0x80, 0xC0


def question_in(heard: bytes) -> Question | None:
    """Return the question in what was heard, None where it is none."""
    try:
        return read_request(heard)
    except FrameFault:
        return None


def is_meant(question: Question, meter: EmulatedMeter) -> bool:
    """Tell whether *meter*, alone or by its number, has to answer *question*; wildcards in part are not known here."""
    return question.address in (meter.serial, ANYONE)


def di_answer(meter: EmulatedMeter, question: Question, sample: Sample) -> tuple[bytes, tuple[TrueRegister, ...]]:
    """Return what *meter* answers, and the truth behind the energy registers in it."""
    control, number = question.control, meter.serial
    if control == READ_ADDRESS:
        return framed(number, control | _ANSWERS, bytes.fromhex(number)[::-1]), ()
    year = 1997 if meter.profile.protocol == DLT645_1997 else 2007
    items = _offered(meter, question, year)
    if control != (READ_1997 if year == 1997 else READ) or not items:
        return framed(number, control | _REFUSES, bytes((_NO_SUCH_VALUE,))), ()
    start, count = question.di << 8, sum(register_count(item.octets) for item in items)
    words = meter.registers(control, start, count, sample)
    octets = question.di.to_bytes(2 if year == 1997 else 4, "little")
    for item in items:
        own, words = words[: register_count(item.octets)], words[register_count(item.octets) :]
        shown = b"".join(word.to_bytes(2, "big") for word in own)
        octets += shown[::-1][: item.octets]
    return framed(number, control | _ANSWERS, octets), meter.true_registers(control, start, count, sample)


def _offered(meter: EmulatedMeter, question: Question, year: int) -> tuple[Item, ...]:
    """Return the values of the data identifier up to the last one that the profile knows."""
    ends = [point.last & 0xFF for point in meter.profile.points if point.address >> 8 == question.di]
    found: list[Item] = []
    place = 0
    for item in items_of(question.di, year):
        if ends and place <= max(ends):
            found.append(item)
            place += register_count(item.octets)
    return tuple(found)
