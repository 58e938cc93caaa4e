"""Meets every configured meter of a bus: does it answer, is it the model and the very device that the site names?"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.asker import Answer, Asker
from gateway.commissioning.identification import Identification, meaning_of
from gateway.commissioning.meter_reading import read_points
from gateway.core.meter.decoding import words_of
from gateway.core.meter.meter_reads import SERIAL_POINT, same_serial, serial_text
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.profile import MODBUS, DeviceProfile
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.reading import EXCEPTION
from gateway.core.site import Bus, Meter
from gateway.sunspec_walk import walked

_TRIES = 2


@dataclass(frozen=True)
class Met:
    """What one meter showed. signature: whether the signs of its profile are there; None where it has none.

    serial: as read, "" where the profile knows no register for it. models: what its signs say where they differ.
    """

    meter: str
    answers: bool
    serial: str
    signature: bool | None
    models: tuple[str, ...]


def meet(
    asker: Asker, bus: Bus, meter: Meter, profile: DeviceProfile, known: Iterable[DeviceProfile]
) -> tuple[Met, list[Problem]]:
    """Return what *meter* shows and what is wrong with it; *known*: the models it may be instead."""
    answer = _first_answer(asker, bus, meter, profile)
    if answer.fault is not None and answer.fault.kind != EXCEPTION:
        absent = problem(
            "WP-BUS-056",
            meter.name,
            "The meter gives no answer that can be believed ({kind}).",
            "Check its supply, wires A and B, unit id and line settings; wattproof scan tells what is on the line.",
            kind=answer.fault.kind,
        )
        return Met(meter.name, False, "", None, ()), [absent]
    problems: list[Problem] = []
    try:
        profile = walked(asker, meter, profile)
    except ProblemError as error:
        return Met(meter.name, True, "", False, ()), list(error.problems)
    signature = _signature(asker, meter, profile)
    models: tuple[str, ...] = ()
    if signature is False:
        found, likely = Identification(asker, known).of_unit(meter.unit, answer.elapsed_ms)
        models = found or likely
        problems.append(
            problem(
                "WP-BUS-058",
                meter.name,
                "The meter does not show the signature of {profile}; it looks like: {models}.",
                "Write the profile of the model that stands on its plate.",
                profile=profile.id,
                models=", ".join(models) or "-",
            )
        )
    serial = _serial(asker, bus, meter, profile)
    if meter.serial and meter.unit and serial and not same_serial(meter.serial, serial):
        problems.append(
            problem(
                "WP-BUS-057",
                meter.name,
                "The meter with this unit id has the serial number {found}, the configuration names {wanted}.",
                "Two meters are exchanged, or one was replaced: correct the unit ids, or the serial number.",
                found=serial,
                wanted=meter.serial,
            )
        )
    return Met(meter.name, True, serial if meter.unit else meter.serial, signature, models), problems


def _first_answer(asker: Asker, bus: Bus, meter: Meter, profile: DeviceProfile) -> Answer:
    block = plan_blocks(profile, profile.polled(), bus.baud, bus.turnaround_ms)[0]
    for _attempt in range(_TRIES):
        answer = asker.ask_block(meter, block, 2 * profile.timeout_ms)
        if answer.fault is None or answer.fault.kind == EXCEPTION:
            break
        asker.drain(profile.timeout_ms)
    return answer


def _signature(asker: Asker, meter: Meter, profile: DeviceProfile) -> bool | None:
    """Tell whether every sign of *profile* is there; None where it has none, or a sign was not answered."""
    if profile.protocol != MODBUS or not profile.identify:
        return None
    if profile.sunspec is not None:
        return True  # the walk has found its model
    for sign in profile.identify:
        answer = asker.ask(meter.unit, sign.function, sign.address, sign.count, 2 * profile.timeout_ms)
        if answer.registers is None:
            return False if answer.fault is not None and answer.fault.kind == EXCEPTION else None
        if meaning_of(sign, answer.registers) not in sign.expect:
            return False
    return True


def _serial(asker: Asker, bus: Bus, meter: Meter, profile: DeviceProfile) -> str:
    points = [point for point in profile.points if point.name == SERIAL_POINT][:1]
    for block, answer in read_points(asker, bus, meter, profile, points) if points else ():
        if answer.registers is not None:
            return serial_text(points[0], words_of(points[0], answer.registers, block.start))
    return ""
