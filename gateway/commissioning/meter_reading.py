"""Reads chosen values of one meter on an open line, for people who look at a meter themselves."""

import time
from collections.abc import Iterable

from gateway.asker import Answer, Asker
from gateway.core.meter.decoding import decode, energy_wh, reading_value, words_of
from gateway.core.meter.plan import Block, plan_blocks, readable
from gateway.core.meter.profile import DeviceProfile, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.problem import ProblemError, problem
from gateway.core.reading import EXCEPTION
from gateway.core.site import Bus, Meter, Site

_TRIES = 3
_LATE_MS = 1000  # before a question is asked again, the answer to the first must have passed


def meter_named(site: Site, name: str) -> tuple[Bus, Meter]:
    """Return the meter of this name, or with this number on its plate, and its bus; raises ProblemError."""
    for meter in site.meters:
        if name == meter.name or (not meter.unit and name == meter.serial):
            return next(bus for bus in site.buses if bus.name == meter.bus), meter
    raise ProblemError(
        problem(
            "WP-BUS-012",
            name,
            "The site has no meter of this name.",
            "Its meters are: {known}.",
            known=", ".join(one.name for one in site.meters),
        )
    )


def read_points(
    asker: Asker, bus: Bus, meter: Meter, profile: DeviceProfile, points: Iterable[Point]
) -> list[tuple[Block, Answer]]:
    """Return one exchange for every read that *points* need, each tried a few times."""
    wanted = tuple(point for point in points if readable(profile, point))
    asker.drain(min(_LATE_MS, profile.timeout_ms))
    found = []
    for block in plan_blocks(profile, wanted, bus.baud, bus.turnaround_ms):
        for _attempt in range(_TRIES):
            answer = asker.ask_block(meter, block, 2 * profile.timeout_ms)
            if answer.fault is None or answer.fault.kind == EXCEPTION:
                break
            asker.drain(_LATE_MS)
        found.append((block, answer))
        time.sleep(profile.gap_ms / 1000)
    return found


def values_in(meter: Meter, reads: Iterable[tuple[Block, Answer]]) -> dict[str, float]:
    """Return what *reads* gave, by quantity, in its unit at the primary side; powers count positive for import."""
    values: dict[str, float] = {}
    for block, answer in reads:
        for point in block.points if answer.registers is not None else ():
            assert answer.registers is not None
            value = decode(point, answer.registers, block.start, (meter.ct_ratio, meter.vt_ratio))[1]
            if point.quantity is not None and value is not None and point.quantity not in values:
                whole = reading_value(point, *value)
                if whole is not None:
                    values[point.quantity] = whole / 10.0 ** QUANTITIES[point.quantity].account_exponent
    return values


def energies_in(meter: Meter, reads: Iterable[tuple[Block, Answer]]) -> dict[str, int]:
    """Return what the cumulative registers in *reads* show, by quantity, in whole Wh."""
    found: dict[str, int] = {}
    for block, answer in reads:
        for point in block.points if answer.registers is not None else ():
            assert answer.registers is not None
            if point.quantity is not None and QUANTITIES[point.quantity].cumulative:
                words = words_of(point, answer.registers, block.start)
                shown = energy_wh(point, words, (meter.ct_ratio, meter.vt_ratio))
                if shown is not None:
                    found.setdefault(point.quantity, shown)
    return found
