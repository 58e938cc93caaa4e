"""Answers of emulated meters of water, heat and gas to the question for their readout (CJ/T 188)."""

from gateway.core.meter.cjt188 import ANYONE, READOUT_DI, Question, answered, framed, is_question, read_request
from gateway.core.meter.cjt188_values import readout_of, register_count, stated_units
from gateway.core.meter.profile import CJT188
from hil_tests.emulated_meter import EmulatedMeter, TrueRegister
from hil_tests.emulated_park import Sample


def is_meant(frame: bytes, meter: EmulatedMeter) -> bool:
    """Tell whether *frame* asks *meter*, by its number or alone, for its readout; wildcards in part are not known."""
    if meter.profile.protocol != CJT188 or not is_question(frame):
        return False
    question = read_request(frame)
    return question.kind >> 4 == _type_of(meter) >> 4 and question.address in (meter.serial, ANYONE)


def _type_of(meter: EmulatedMeter) -> int:
    return meter.profile.points[0].address >> 8


def readout_answer(meter: EmulatedMeter, frame: bytes, sample: Sample) -> tuple[bytes, tuple[TrueRegister, ...]]:
    """Return what *meter* answers, in the units of its profile, and the truth behind the energy registers in it."""
    kind = _type_of(meter)
    start, count = kind << 8, register_count(kind)
    words = meter.registers(READOUT_DI, start, count, sample)
    readout = readout_of(kind, words, stated_units(meter.profile.points))
    octets = framed(answered(Question(kind, meter.serial, read_request(frame).sequence), readout))
    return octets, meter.true_registers(READOUT_DI, start, count, sample)
