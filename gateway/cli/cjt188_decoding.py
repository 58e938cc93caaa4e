"""What `wattproof decode` says of an exchange with a CJ/T 188 meter of water, heat or gas."""

from typing import Any

from gateway.cli.dlt645_decoding import fault645_text
from gateway.core.meter.cjt188 import read_request
from gateway.core.meter.cjt188_exchange import exchanged_188, meanings_188
from gateway.core.meter.exchange import Meaning
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.profile import DeviceProfile
from gateway.core.problem import ProblemError, problem
from gateway.core.reading import EXCEPTION, FRAMING
from gateway.words import translate as _


def decoded188(request: bytes, response: bytes, profile: DeviceProfile | None = None) -> dict[str, Any]:
    """Return what one exchange means, as the JSON of `wattproof decode`: all of it, or what *profile* knows.

    *request* is b"" where it is not known.
    """
    try:
        if request:
            read_request(request)
    except FrameFault as fault:
        raise ProblemError(
            problem(
                "WP-BUS-081",
                "--request",
                "This is no CJ/T 188 question for a readout: {kind}, {detail}.",
                "Give the whole frame from 68 to 16, or leave --request out where it is not known.",
                kind=fault.kind,
                detail=fault.detail,
            )
        ) from fault
    try:
        found = _meanings(request, response, profile)
    except FrameFault as fault:
        return {"readings": [], "fault": {"kind": fault.kind, "detail": fault.detail}}
    readings = [{"quantity": one.name, "value": one.value, "unit": one.unit} for one in found]
    return {"readings": readings, "fault": None}


def _meanings(request: bytes, response: bytes, profile: DeviceProfile | None) -> list[Meaning]:
    if profile is None:
        return meanings_188(request, response)
    return exchanged_188(profile, request, response)


def fault188_text(kind: str, detail: str) -> str:
    """Return a refused answer in words."""
    if kind == FRAMING:
        return "%s: %s" % (_("no CJ/T 188 frame"), detail)
    if kind == EXCEPTION:
        return "%s: %s" % (_("the meter refuses"), detail)
    return fault645_text(kind, detail)
