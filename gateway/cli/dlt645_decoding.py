"""What `wattproof decode` says of an exchange with a DL/T 645 meter."""

from typing import Any

from gateway.core.meter.dlt645 import error_text, read_request
from gateway.core.meter.dlt645_exchange import exchanged, exchanged_645
from gateway.core.meter.exchange import Meaning
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.profile import DeviceProfile
from gateway.core.problem import ProblemError, problem
from gateway.core.reading import CRC, DIGITS, EXCEPTION, FRAMING, LONG, SHORT, SILENT, WRONG_FUNCTION, WRONG_UNIT
from gateway.words import translate as _

Ratios = tuple[tuple[int, int], tuple[int, int]]

# The issue of the standard; with the first, it is told by the control code.
YEARS: dict[str, int | None] = {"dlt645": None, "dlt645-2007": 2007, "dlt645-1997": 1997}


def decoded645(protocol: str, request: bytes, response: bytes) -> dict[str, Any]:
    """Return what one exchange means by the tables of the standard, as the JSON of `wattproof decode`."""
    _check_request(request)
    found = exchanged(request, response, YEARS[protocol])
    return _shown(found.meanings, found.fault)


def _check_request(request: bytes) -> None:
    """Raise ProblemError where *request* is no read request; b"" is one that is not known."""
    try:
        if request:
            read_request(request)
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


def decoded645_by(profile: DeviceProfile, request: bytes, response: bytes, ratios: Ratios) -> dict[str, Any]:
    """Return what *profile* knows in one exchange, as the JSON of `wattproof decode`."""
    _check_request(request)
    try:
        return _shown(exchanged_645(profile, request, response, ratios), None)
    except FrameFault as fault:
        return _shown([], (fault.kind, fault.detail))


def _shown(meanings: list[Meaning], fault: tuple[str, str] | None) -> dict[str, Any]:
    return {
        "readings": [{"quantity": one.name, "value": one.value, "unit": one.unit} for one in meanings],
        "fault": {"kind": fault[0], "detail": fault[1]} if fault else None,
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
