"""Says in a technician's words how a meter does, and where to look."""

from typing import Any

from gateway.core.meter.meter_state import QUIET, SUSPENDED
from gateway.core.meter.modbus import EXCEPTION_NAMES
from gateway.core.reading import EXCEPTION, JAM, SILENT
from gateway.words import translate as _


def state_words(meter: dict[str, Any]) -> str:
    """Return the state of a meter of `status` in a word or two."""
    kind = meter["last_fault"]["kind"]
    if meter["state"] == SUSPENDED:
        if meter["stale"]:
            return _("silent for days")
        if kind == SILENT:
            return _("silent")
        return _("refuses") if kind == EXCEPTION else _("not understood")
    if meter["foreign"]:
        return _("another meter")
    if meter["last_good"] is None and meter["refused"]:
        return _("refuses")
    if meter["state"] == QUIET:
        return _("resting after a fault")
    if meter["failures"]:
        return _("asked again")
    if meter["last_good"] is None:
        return _("jammed line") if kind == JAM else _("not asked yet")
    return _("answering")


def advice(meter: dict[str, Any]) -> list[str]:
    """Return what to look at, where something is to be looked at."""
    kind, detail = meter["last_fault"]["kind"], meter["last_fault"]["detail"]
    found = []
    if meter["state"] == SUSPENDED:
        if kind == SILENT:
            found.append(_("no answer: look at its supply, at wires A and B, at its unit id and line settings"))
        elif kind == EXCEPTION:
            text = _("it only refuses, by exception {code} ({name}): look at the device, or wait until it has started")
            found.append(text.format(code=detail, name=EXCEPTION_NAMES.get(int(detail), "?")))
        else:
            found.append(
                _("its answers are damaged: look for a second meter with its unit id, loose wires, a wrong speed")
            )
    if meter["foreign"]:
        found.append(_("another meter answers: {detail}").format(detail=detail))
    if meter["refused"]:
        places = ", ".join("%d-%d" % (one["start"], one["start"] + one["count"] - 1) for one in meter["refused"])
        found.append(_("it refuses registers {places}; they are left out and tried again later").format(places=places))
    elif meter["shortened"]:
        found.append(_("it is read in shorter pieces, for long answers were damaged or refused"))
    return found
