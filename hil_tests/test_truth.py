"""Truth files: looked up by register or time, and compared with the figures of a platform."""

from pathlib import Path

import pytest

from cloud_sync.platform.ledger import RegisterTotal
from hil_tests.emulated_meter import TrueRegister
from hil_tests.truth import TrueSample, Truth, TruthWriter, compare

STEP_UWH = 10_000_000  # 0.01 kWh
IMPORT = "energy_active_import"


def register(true_uwh: int) -> tuple[int, ...]:
    """Return the words of a u32 register of 0.01 kWh."""
    return (true_uwh // STEP_UWH >> 16, true_uwh // STEP_UWH & 0xFFFF)


def written(tmp_path: Path, energies_uwh: list[int]) -> Truth:
    """Return the truth of a meter that was read once a minute."""
    writer = TruthWriter(tmp_path / "truth.jsonl")
    for minute, true_uwh in enumerate(energies_uwh):
        writer.write("m", minute * 60_000, (TrueRegister(IMPORT, register(true_uwh), true_uwh, STEP_UWH),))
    writer.close()
    return Truth.load(tmp_path / "truth.jsonl")


def minutes(energies_uwh: list[int]) -> list[int]:
    """Return the energies in Wh that a right platform has of each minute: differences of the register."""
    return [
        (end // STEP_UWH - start // STEP_UWH) * 10 for start, end in zip(energies_uwh, energies_uwh[1:], strict=False)
    ]


def total(energies_uwh: list[int], energy_wh: int) -> RegisterTotal:
    """Return what a ledger says of the register; its readings carry the time of the last byte of an answer."""
    first, last = register(energies_uwh[0]), register(energies_uwh[-1])
    return RegisterTotal("gw", "m", IMPORT, first, 40, last, (len(energies_uwh) - 1) * 60_000 + 40, energy_wh)


ENERGIES = [1_234_567_890 + minute * 333_333_333 for minute in range(20)]


def test_a_right_platform_differs_by_less_than_a_step(tmp_path: Path) -> None:
    """The sum of all intervals is the truth between first and last boundary, to less than one register step."""
    truth = written(tmp_path, ENERGIES)
    (found,) = compare(truth, [total(ENERGIES, sum(minutes(ENERGIES)))], {"m": "Hall"})
    assert found.meter_point == "Hall"
    assert found.true_uwh == 19 * 333_333_333
    assert abs(found.platform_wh * 1_000_000 - found.true_uwh) < STEP_UWH
    assert found.agrees


def test_a_lost_interval_and_a_doubled_one_are_seen(tmp_path: Path) -> None:
    """Leaving out one interval in the middle, or counting it twice, breaks the agreement."""
    truth, parts = written(tmp_path, ENERGIES), minutes(ENERGIES)
    assert not compare(truth, [total(ENERGIES, sum(parts) - parts[7])])[0].agrees
    assert not compare(truth, [total(ENERGIES, sum(parts) + parts[7])])[0].agrees


def test_a_register_without_boundaries_is_left_out(tmp_path: Path) -> None:
    """A register of which the platform never had a reading has nothing to compare."""
    nothing = RegisterTotal("gw", "m", IMPORT, (), 0, (), 0, 0)
    assert compare(written(tmp_path, ENERGIES), [nothing]) == []


def test_registers_that_no_meter_showed_are_an_error(tmp_path: Path) -> None:
    """A platform that holds words which were never on the bus fails the comparison outright."""
    wrong = total(ENERGIES, sum(minutes(ENERGIES)))._replace(last_words=(0x1234, 0x5678))
    with pytest.raises(AssertionError, match="no meter ever showed"):
        compare(written(tmp_path, ENERGIES), [wrong])


def test_samples_are_found_by_words_and_by_time(tmp_path: Path) -> None:
    """Of several samples with the same words, the last one at or before the time given is meant."""
    truth = written(tmp_path, [50_000_000, 51_000_000, 52_000_000, 70_000_000])
    words = register(50_000_000)
    assert [one.true_uwh for one in truth.samples("m", IMPORT, words)] == [50_000_000, 51_000_000, 52_000_000]
    assert truth.sample("m", IMPORT, words, 60_000) == TrueSample(60_000, "m", IMPORT, words, 51_000_000, STEP_UWH)
    before = truth.before("m", IMPORT, 119_999)
    assert before is not None and before.true_uwh == 51_000_000
    assert truth.before("m", IMPORT, -1) is None
    assert truth.energy_between("m", IMPORT, words, register(70_000_000), 60_000, 180_000) == 19_000_000
    assert truth.energy_between("m", IMPORT, words, (9, 9)) is None
    assert truth.registers() == (("m", IMPORT),)


def test_a_line_that_is_still_being_written_does_not_count(tmp_path: Path) -> None:
    """A truth file may be loaded while the emulator appends to it."""
    written(tmp_path, ENERGIES)
    path = tmp_path / "truth.jsonl"
    path.write_text(path.read_text()[:-20])
    assert len(Truth.load(path).samples("m", IMPORT)) == len(ENERGIES) - 1
