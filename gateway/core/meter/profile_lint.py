"""Judges device profiles by what can be decided without the meter: each by itself, and all against each other.

A profile that can be read may still be careless. What is found here is what makes a wrong figure later.
"""

from gateway.core.meter.example_lint import lint_examples
from gateway.core.meter.profile import DeviceProfile, Identity, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.problem import Problem, problem

# What a secondary value must be multiplied by, by the unit of its quantity.
_RATIOS_OF_UNIT = {
    "V": ("vt",),
    "A": ("ct",),
    "W": ("ct", "vt"),
    "var": ("ct", "vt"),
    "VA": ("ct", "vt"),
    "kWh": ("ct", "vt"),
    "kvarh": ("ct", "vt"),
    "kVAh": ("ct", "vt"),
}
# Powers that have one direction only, or say it by themselves: photovoltaic strings, magnitudes, demands.
_UNDIRECTED = ("pv", "magnitude", "demand", "dc_power", "export", "thermal")


def ratios_of(unit: str) -> "tuple[str, ...]":
    """Return the ratios by which a secondary value in *unit* must be multiplied."""
    return _RATIOS_OF_UNIT.get(unit, ())


def needs_sign(quantity: str) -> bool:
    """Tell whether a point of *quantity* must say which direction is positive."""
    directed = QUANTITIES[quantity].unit in ("W", "var")
    return directed and not [word for word in _UNDIRECTED if word in quantity]


def lint(profile: DeviceProfile) -> "list[Problem]":
    """Return everything that is careless in one profile."""
    found: "list[Problem]" = []
    for point in profile.points:
        if point.quantity is not None:
            _lint_point(point, found)
    _lint_sweep(profile, found)
    _lint_windows(profile, found)
    if not profile.evidence:
        found.append(
            problem(
                "WP-PRF-030",
                "evidence",
                "Nothing says where these registers come from.",
                "Add [[evidence]] with the manual and the page.",
            )
        )
    found += lint_examples(profile)
    return found


def _lint_point(point: Point, found: "list[Problem]") -> None:
    assert point.quantity is not None
    quantity = QUANTITIES[point.quantity]
    wanted = ratios_of(quantity.unit)
    if point.side == "secondary" and tuple(sorted(point.times)) != wanted:
        found.append(
            problem(
                "WP-PRF-032",
                point.name,
                "A secondary value in {unit} must be multiplied by: {wanted}.",
                "Set times to exactly these; what needs no ratio is not on the secondary side.",
                unit=quantity.unit,
                wanted=", ".join(wanted) or "-",
            )
        )
    if point.side != "secondary" and point.times:
        found.append(
            problem(
                "WP-PRF-033",
                point.name,
                "times is stated, but the side is {side}.",
                'Only values with side = "secondary" are multiplied by ratios.',
                side=point.side,
            )
        )
    if needs_sign(point.name) and not point.sign:
        found.append(
            problem(
                "WP-PRF-034",
                point.name,
                "Nothing says which direction of power is positive.",
                'State sign: "+import" or "+export", "+charge" or "+discharge" for a battery, "none" for a magnitude.',
            )
        )
    if quantity.cumulative != point.counter:
        found.append(
            problem(
                "WP-PRF-035",
                point.name,
                "counter is {counter}, which does not fit {quantity}.",
                "counter = true belongs to exactly the quantities that only grow.",
                counter="true" if point.counter else "false",
                quantity=quantity.name,
            )
        )
    if point.wrap is not None and point.type[0] in "ui" and point.wrap > 1 << 16 * point.count:
        found.append(
            problem(
                "WP-PRF-036", point.name, "wrap is wider than {type} can count.",
                "A register starts over at the width of its type at the latest.", type=point.type,
            )
        )  # fmt: skip


def _lint_sweep(profile: DeviceProfile, found: "list[Problem]") -> None:
    """Note quantities that are read twice, and registers that belong to two values."""
    names: "list[str]" = []
    for point in profile.polled():
        if point.name in names:
            found.append(
                problem(
                    "WP-PRF-037",
                    point.name,
                    "This quantity is read from two places in every sweep.",
                    "Set poll = false for the one that is not to count.",
                )
            )
        names.append(point.name)
    points = sorted(profile.points, key=lambda point: (point.function, point.address, point.count))
    far: "Point | None" = None  # of those before, the one that reaches farthest
    for point in points:
        if far is None or far.function != point.function or far.address + far.count <= point.address:
            far = point
        elif (far.address, far.count) != (point.address, point.count):
            found.append(
                problem(
                    "WP-PRF-038", point.name, "Its registers overlap with those of {other}.",
                    "Check addresses and types against the manual.", other=far.name,
                )
            )  # fmt: skip
            if point.address + point.count > far.address + far.count:
                far = point


def _lint_windows(profile: DeviceProfile, found: "list[Problem]") -> None:
    for index in range(len(profile.windows)):
        function, first, last = profile.windows[index]
        place = "modbus.windows (0x%04X)" % first
        if first % profile.align or (last + 1) % profile.align:
            found.append(
                problem(
                    "WP-PRF-039",
                    place,
                    "The window does not begin and end on multiples of align = {align}.",
                    "Move its ends, or correct align.",
                    align=profile.align,
                )
            )
        if index and profile.windows[index - 1][0] == function and first <= profile.windows[index - 1][2]:
            found.append(
                problem(
                    "WP-PRF-040",
                    place,
                    "The window overlaps with the one before it.",
                    "Join them into one, or correct their ends.",
                )
            )


def lint_together(profiles: "list[DeviceProfile]") -> "list[Problem]":
    """Return every pair of profiles whose identifying reads cannot tell one model from the other."""
    found = []
    for index in range(len(profiles)):
        for other in profiles[index + 1 :]:
            if _confusable(profiles[index].identify, other.identify):
                found.append(
                    problem(
                        "WP-PRF-043",
                        profiles[index].id,
                        "Its identifying reads also fit {other}.",
                        "Add an [[identify]] on which the two differ.",
                        other=other.id,
                    )
                )
    return found


def _confusable(ours: "tuple[Identity, ...]", theirs: "tuple[Identity, ...]") -> bool:
    """Tell whether both look at the same register and no such register tells them apart."""
    shared = False
    for one in ours:
        for other in theirs:
            if one[:5] == other[:5]:
                shared = True
                if not [value for value in one.expect if value in other.expect]:
                    return False
    return shared
