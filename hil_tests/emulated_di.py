"""Answers of emulated meters to questions by data identifier (DL/T 645)."""

from datetime import UTC, datetime

from gateway.core.meter.dlt645 import ANYONE, READ, READ_1997, READ_ADDRESS, Question, framed, read_request
from gateway.core.meter.dlt645_items import Item, items_of
from gateway.core.meter.dlt645_values import register_count
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.profile import CJT188, DLT645_1997
from gateway.core.park_day import PARK_OFFSET_S
from hil_tests.emulated_meter import EmulatedMeter, TrueRegister
from hil_tests.emulated_park import Sample

_CLOCK, _FREEZE_GROUP = 0x04000102, 0x05
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
    return meter.profile.protocol != CJT188 and question.address in (meter.serial, ANYONE)


def sample_of(meter: EmulatedMeter, question: Question, now: Sample) -> Sample | None:
    """Return the truth that *question* is about: that of *now*, or of a freeze; None where there was none yet."""
    if meter.profile.protocol == DLT645_1997 or question.di >> 24 != _FREEZE_GROUP:
        return now
    return meter.frozen.get(question.di >> 16 & 0xFF)


def _shown_time(meter: EmulatedMeter, question: Question, sample: Sample) -> bytes:
    """Return what the clock of *meter* showed at the moment of *sample*, b"" for a question of something else."""
    shown = datetime.fromtimestamp((sample.utc_ms + meter.clock_ahead_ms) // 1000 + PARK_OFFSET_S, UTC)
    if question.di == _CLOCK:
        return bytes.fromhex(shown.strftime("%H%M%S"))[::-1]
    if question.di & 0xFF00FFFF == _FREEZE_GROUP << 24 | 1:
        return bytes.fromhex(shown.strftime("%y%m%d%H%M"))[::-1]
    return b""


def di_answer(
    meter: EmulatedMeter, question: Question, sample: Sample | None
) -> tuple[bytes, tuple[TrueRegister, ...]]:
    """Return what *meter* answers, and the truth behind the energy registers in it."""
    control, number = question.control, meter.serial
    if sample is None:
        return framed(number, control | _REFUSES, bytes((_NO_SUCH_VALUE,))), ()
    if control == READ_ADDRESS:
        return framed(number, control | _ANSWERS, bytes.fromhex(number)[::-1]), ()
    year = 1997 if meter.profile.protocol == DLT645_1997 else 2007
    if control == READ and year == 2007 and (time := _shown_time(meter, question, sample)):
        return framed(number, control | _ANSWERS, question.di.to_bytes(4, "little") + time), ()
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
