"""Judges the tests of a device profile: whether they hold, whether they are legal reads, and what they prove of it."""

from gateway.core.meter.cjt188_exchange import exchanged_188
from gateway.core.meter.dlt645_exchange import exchanged_645
from gateway.core.meter.exchange import meanings, registers_of
from gateway.core.meter.modbus import FrameFault, Request, read_request
from gateway.core.meter.plan import windows_of
from gateway.core.meter.profile import CJT188, MODBUS, NO_RATIOS, DeviceProfile, Example
from gateway.core.notation import decimal_ratio
from gateway.core.problem import Problem, problem

CAPTURED = "captured"


def lint_examples(profile: DeviceProfile) -> "list[Problem]":
    """Return what the tests of *profile* do not hold, and what they do not prove of a status that needs it."""
    found = _lint_proof(profile) if profile.status == "verified" else []
    for index in range(len(profile.tests)):
        found += _lint_test(profile, profile.tests[index], "test[%d]" % index)
    return found


def _lint_proof(profile: DeviceProfile) -> "list[Problem]":
    """Return what is unproven in a profile that is called verified."""
    captured = [test for test in profile.tests if test.provenance == CAPTURED]
    if not captured:
        return [
            problem(
                "WP-PRF-031",
                "status",
                "The status is verified, but no test was captured on a real meter.",
                'Add a [[test]] with provenance = "captured", or choose the status bench.',
            )
        ]
    found = []
    shown = [name for test in captured for name, _ in test.expect]
    wide = {point.type for point in profile.polled() if point.count > 1}
    seen = {point.type for point in profile.points if point.name in shown}
    for kind in sorted(wide - seen):
        found.append(
            problem(
                "WP-PRF-053",
                "status",
                "The status is verified, but no captured test shows a value of the type {type}.",
                "Capture one: only a frame of the meter proves the order of its words.",
                type=kind,
            )
        )
    if [point for point in profile.polled() if point.times] and not [
        one for one in captured if one.ratios != NO_RATIOS
    ]:
        found.append(
            problem(
                "WP-PRF-054",
                "status",
                "The status is verified, but no captured test has transformer ratios.",
                'Capture one at a meter behind transformers, and say which: with = {{ ct = "400/5" }}.',
            )
        )
    return found


def _lint_test(profile: DeviceProfile, test: Example, place: str) -> "list[Problem]":
    """Return what the test expects and the profile does not give."""
    problems = []
    try:
        if profile.protocol == MODBUS:
            asked = read_request(test.request)
            if not _legal(profile, asked):
                problems.append(
                    problem(
                        "WP-PRF-052",
                        place + ".request",
                        "The profile allows no read of {count} registers from {start} by function {function}.",
                        "Correct windows or max_registers: the meter did answer this read.",
                        count=asked.count,
                        start="0x%04X" % asked.start,
                        function=asked.function,
                    )
                )
            found = meanings(profile, asked, registers_of(asked, test.response), test.ratios)
        elif profile.protocol == CJT188:
            found = exchanged_188(profile, test.request, test.response)
        else:
            found = exchanged_645(profile, test.request, test.response, test.ratios)
    except FrameFault as fault:
        return [
            problem(
                "WP-PRF-041",
                place,
                "The frames are not to be believed: {kind}, {detail}.",
                "Copy request and response again, with their check sums.",
                kind=fault.kind,
                detail=fault.detail,
            )
        ]
    for name, wanted in test.expect:
        values = [meaning.value for meaning in found if meaning.name == name]
        if not [value for value in values if _agrees(value, wanted)]:
            problems.append(
                problem(
                    "WP-PRF-042",
                    place + "." + name,
                    "{wanted} is expected, the profile gives {value}.",
                    "Check address, type, factor and words of this point.",
                    wanted=wanted or "-",
                    value=", ".join([value or "-" for value in values]) or "-",
                )
            )
    return problems


def _legal(profile: DeviceProfile, asked: Request) -> bool:
    """Tell whether what was *asked* lies in a window and is not too long; a person may ask unaligned."""
    if asked.count > profile.max_registers:
        return False
    end = asked.start + asked.count
    windows = windows_of(profile, asked.function)
    return bool([window for window in windows if window[1] <= asked.start and end <= window[2] + 1])


def _agrees(value: "str | None", wanted: str) -> bool:
    """Tell whether *value* is the number or text *wanted*; "" stands for "not available"."""
    if value is None or value == wanted:
        return (value or "") == wanted
    one, other = decimal_ratio(value), decimal_ratio(wanted)
    return one is not None and other is not None and one[0] * other[1] == other[0] * one[1]
