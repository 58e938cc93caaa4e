"""What one exchange with a CJ/T 188 meter means: every figure of its readout, or what a profile knows in it."""

from gateway.core.meter.cjt188 import READOUT_DI, Frame, answer, read_request
from gateway.core.meter.cjt188_values import figures_of, register_count, registers, stated_units
from gateway.core.meter.exchange import Meaning, decimal_text, meaning
from gateway.core.meter.profile import DeviceProfile


def _answered(request: bytes, response: bytes) -> Frame:
    """Return the readout that answers *request*, b"" where it is not known; raises FrameFault."""
    return answer(response, read_request(request) if request else None)


def meanings_188(request: bytes, response: bytes) -> "list[Meaning]":
    """Return what *response* to *request* (b"" where it is not known) holds; raises FrameFault."""
    readout = _answered(request, response)
    found = [Meaning("meter_address", readout.address, "", ())]
    for one in figures_of(readout):
        text = one.text if one.mantissa is None else decimal_text(one.mantissa, one.exponent)
        found.append(Meaning(one.name, text, one.unit, ()))
    return found


def meanings_of_readout(profile: DeviceProfile, words: "tuple[int, ...]") -> "list[Meaning]":
    """Return every point of *profile* that the first *words* of a readout hold, in the units that it states."""
    start = profile.points[0].address & ~0xFF
    held = [point for point in profile.points if point.last < start + len(words)]
    return [meaning(point, words, start) for point in held if point.function == READOUT_DI]


def exchanged_188(profile: DeviceProfile, request: bytes, response: bytes) -> "list[Meaning]":
    """Return what *profile* knows in *response* to *request* (b"" where it is not known); raises FrameFault."""
    kind = profile.points[0].address >> 8
    readout = _answered(request, response)
    words = registers(readout, register_count(kind), stated_units(profile.points))
    return meanings_of_readout(profile, words)
