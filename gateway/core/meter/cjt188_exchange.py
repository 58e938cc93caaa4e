"""What one exchange with a CJ/T 188 meter means: every figure of its readout."""

from gateway.core.meter.cjt188 import answer, figures_of, read_request
from gateway.core.meter.exchange import Meaning, decimal_text


def meanings_188(request: bytes, response: bytes) -> "list[Meaning]":
    """Return what *response* to *request* (b"" where it is not known) holds; raises FrameFault."""
    question = read_request(request) if request else None
    readout = answer(response, question)
    found = [Meaning("meter_address", readout.address, "", ())]
    for one in figures_of(readout):
        text = one.text if one.mantissa is None else decimal_text(one.mantissa, one.exponent)
        found.append(Meaning(one.name, text, one.unit, ()))
    return found
