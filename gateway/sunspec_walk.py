"""Walks the models of a SunSpec device on an open line, for people who read a meter themselves."""

from gateway.asker import Asker
from gateway.core.meter.profile import DeviceProfile
from gateway.core.meter.sunspec import Walk, found_at
from gateway.core.meter.sunspec_models import HEAD
from gateway.core.problem import ProblemError, problem
from gateway.core.reading import EXCEPTION
from gateway.core.site import Meter

_TRIES = 3
_LATE_MS = 1000  # before a question is asked again, the answer to the first must have passed


def walked(asker: Asker, meter: Meter, profile: DeviceProfile) -> DeviceProfile:
    """Return *profile* with its points where *meter* has them; as it is where the meter is silent, or needs no walk.

    Raises ProblemError where the meter answers and is not of the models of the profile.
    """
    if profile.sunspec is None:
        return profile
    walk = Walk(profile.sunspec)
    tries = 0
    while walk.at is not None:
        answer = asker.ask(meter.unit, profile.function, walk.at, HEAD, 2 * profile.timeout_ms)
        if answer.registers is not None:
            walk.take(answer.registers)
        elif answer.fault is not None and answer.fault.kind == EXCEPTION:
            walk.refused()
        else:
            tries += 1
            if tries == _TRIES:
                return profile
            asker.drain(_LATE_MS)
    found = None if walk.layout is None else found_at(profile, walk.layout)
    if found is None:
        seen = () if walk.layout is None else walk.layout.chain
        raise ProblemError(
            problem(
                "WP-PRF-060",
                meter.name,
                "The device has no SunSpec model {model}; it has: {seen}.",
                "Choose the profile of a model that it has.",
                model=profile.sunspec.main,
                seen=", ".join(str(model) for model, _at, _length in seen) or "-",
            )
        )
    return found
