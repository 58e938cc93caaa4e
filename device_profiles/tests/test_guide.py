"""The guide for writing profiles says what the reader of profiles knows."""

import re
import tomllib
from pathlib import Path

import device_profiles
from gateway.core.meter.point_reading import _POINT_KEYS
from gateway.core.meter.profile_lint import lint
from gateway.core.meter.quantity import QUANTITIES
from gateway.profiles import profile_of_text

GUIDE = (Path(device_profiles.__file__).parent.parent / "docs" / "writing-a-profile.md").read_text(encoding="utf-8")


def test_the_guide_lists_every_quantity_with_its_unit() -> None:
    """The table of quantities is the closed table of the core."""
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S*) ?\| (yes)? ?\|$", GUIDE, re.MULTILINE)
    assert {row[0]: (row[1], row[2], row[3] == "yes") for row in rows} == {
        name: (quantity.unit, quantity.obis, quantity.cumulative) for name, quantity in QUANTITIES.items()
    }


def test_the_guide_explains_every_key_of_a_point() -> None:
    """What a point may say is explained under the heading Points."""
    part = GUIDE[GUIDE.index("### Points") : GUIDE.index("### `[serial]`")]
    assert set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) == set(_POINT_KEYS)


def test_the_worked_example_is_a_sound_profile_and_part_of_the_shipped_one() -> None:
    """The example of the guide reads without complaint and says nothing that the shipped profile does not."""
    text = GUIDE[GUIDE.index("```toml") + 7 :]
    text = text[: text.index("```")]
    profile, problems = profile_of_text(text, "eastron-sdm230")
    assert profile is not None
    assert problems + lint(profile) == []
    shipped = tomllib.loads(device_profiles.text("eastron-sdm230"))
    for point in tomllib.loads(text)["points"]:
        assert point in shipped["points"]
