"""Device profiles: the TOML of a meter's registers, read, linted, and planned into reads."""

from collections.abc import Iterator

import device_profiles
from gateway.core.meter.plan import plan_blocks, readable
from gateway.core.meter.profile_lint import lint
from gateway.profiles import profile_of_text
from tools.fuzz.spoken import check_said
from tools.fuzz.text import TOML_TOKENS, text_of

TOKENS = (
    *TOML_TOKENS, b"[modbus]", b"[serial]", b"[[test]]", b"[[identify]]", b"points = [", b"quantity", b"windows = [[",
    b'type = "f32"', b'"u64"', b"at = 0x", b"times = [", b"sentinel = [", b"exponent_at", b"wrap", b"align = 2",
)  # fmt: skip
POINTS_PLANNED_MAX = 40


def seeds() -> Iterator[bytes]:
    """Yield a short profile of each protocol, with its id made the one that is asked for."""
    for name in ("abb-ev3", "eastron-sdm120", "dlt645-2007-three-phase", "chint-ddsu666", "sunspec-124"):
        yield device_profiles.text(name).replace('id = "%s"' % name, 'id = "meter"', 1).encode()


def target(data: bytes) -> None:
    """A profile is read or refused with problems that can be said; one that is read can be planned."""
    text = text_of(data)
    if text is None:
        return
    profile, problems = profile_of_text(text, "meter")
    if profile is None:
        check_said(problems)
        return
    assert profile.id == "meter"
    found = lint(profile)
    if found:
        check_said(found)
    points = tuple(point for point in profile.points if readable(profile, point))[:POINTS_PLANNED_MAX]
    if points and not problems:
        plan = plan_blocks(profile, points, 9600)
        assert {point.name for block in plan for point in block.points} >= {point.name for point in points}
