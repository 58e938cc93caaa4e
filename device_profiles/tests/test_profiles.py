"""Every shipped meter model can be read, is free of complaints, and says how far it may be trusted."""

import json
from pathlib import Path

import pytest

import device_profiles
from gateway.core.meter.plan import bus_us, shortest_blocks
from gateway.core.meter.profile import FAST, MODBUS
from gateway.core.meter.profile_lint import lint, lint_together
from gateway.profiles import load_profile

NAMES = device_profiles.names()
HOME = Path(device_profiles.__file__).parent
# Eight SDM630 with these thirty floats each: what a plan by hand of six reads a meter costs on one pair of wires.
THIRTY = (
    *range(0x00, 0x12, 2), 0x1E, 0x20, 0x22, 0x34, 0x38, 0x3C, 0x3E, 0x46, 0x48, 0x4A,
    0xC8, 0xCA, 0xCC, 0xE0, 0xEA, 0xEC, 0xEE, 0x156, 0x158, 0x15A, 0x180,
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_has_nothing_to_complain_about(name: str) -> None:
    """Its file reads, its tests hold, and the checks that need no meter find nothing."""
    assert lint(load_profile(name, HOME)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_without_captures_is_a_draft(name: str) -> None:
    """Only what decoded an answer of a real device is called bench or verified."""
    profile = load_profile(name, HOME)
    # What DL/T 645 meters answer is kept in one file, whoever made them.
    captures = name if profile.protocol == MODBUS else "dlt645"
    has_captures = (HOME / "captures" / (captures + ".jsonl")).is_file()
    assert profile.status == "draft" or has_captures
    assert profile.evidence
    assert profile.tests


def test_shipped_profiles_can_be_told_apart() -> None:
    """No two models answer all their identifying reads alike."""
    assert lint_together([load_profile(name, HOME) for name in NAMES]) == []


def test_every_metering_profile_can_be_accounted() -> None:
    """Each profile polls a counter that only grows, except where its unit is disputed or there is none."""
    without = [name for name in NAMES if not [point for point in load_profile(name, HOME).polled() if point.counter]]
    assert without == ["acrel-djsf1352", "e3dc-s10", "kbr-multicomp-f144", "sunspec-802"]


def test_the_sdm630_is_read_in_the_six_blocks_of_the_hand_made_plan() -> None:
    """Eight meters with thirty floats each take 3.230 s at 9600 Bd with 10 ms of turnaround."""
    profile = load_profile("eastron-sdm630", HOME)
    polled = tuple(point._replace(poll=FAST) for point in profile.polled())
    assert set(THIRTY) - {point.address for point in profile.points} == set()
    blocks = shortest_blocks(profile, polled, 9600)
    found = [(block.start, block.count) for block in blocks]
    assert found == [(0x00, 36), (0x34, 24), (0xC8, 6), (0xE0, 16), (0x156, 6), (0x180, 2)]
    assert round(8 * bus_us(blocks, 9600) / 1_000_000, 3) == 3.230


def test_captures_stay_whole() -> None:
    """Every capture says where it comes from and how it was made."""
    for file in sorted((HOME / "captures").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            capture = json.loads(line)
            assert capture["source"]
            assert capture["provenance"] in ("captured", "manual", "reconstructed")
