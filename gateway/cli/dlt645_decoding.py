"""What `wattproof decode` says of an exchange with a DL/T 645 meter."""

from typing import Any

from gateway.core.meter.dlt645 import error_text
from gateway.core.meter.dlt645_exchange import exchanged
from gateway.core.meter.modbus import FrameFault
from gateway.core.problem import ProblemError, problem
from gateway.core.reading import CRC, DIGITS, EXCEPTION, FRAMING, LONG, SHORT, SILENT, WRONG_FUNCTION, WRONG_UNIT
from gateway.words import translate as _

# The issue of the standard; with the first, it is told by the control code.
YEARS: dict[str, int | None] = {"dlt645": None, "dlt645-2007": 2007, "dlt645-1997": 1997}


def decoded645(protocol: str, request: bytes, response: bytes) -> dict[str, Any]:
    """Return what one exchange means by the tables of the standard, as the JSON of `wattproof decode`."""
    try:
        found = exchanged(request, response, YEARS[protocol])
    except FrameFault as fault:
        raise ProblemError(
            problem(
                "WP-BUS-041",
                "--request",
                "This is no DL/T 645 read request: {kind}, {detail}.",
                "Give the whole frame from 68 to 16, or leave --request out where it is not known.",
                kind=fault.kind,
                detail=fault.detail,
            )
        ) from fault
    return {
        "readings": [{"quantity": one.name, "value": one.value, "unit": one.unit} for one in found.meanings],
        "fault": {"kind": found.fault[0], "detail": found.fault[1]} if found.fault else None,
    }


def fault645_text(kind: str, detail: str) -> str:
    """Return a refused answer in words."""
    names = {
        SILENT: _("no answer"),
        SHORT: _("the answer is too short"),
        LONG: _("the answer is too long"),
        CRC: _("the check sum is wrong"),
        FRAMING: _("no DL/T 645 frame"),
        WRONG_UNIT: _("another meter answers"),
        WRONG_FUNCTION: _("something else is answered"),
        DIGITS: _("a digit is no digit"),
        EXCEPTION: _("the meter refuses"),
    }
    if kind == EXCEPTION:
        detail = "%s (%s)" % (detail, error_text(int(detail)))
    return "%s: %s" % (names.get(kind, kind), detail)
