"""Tests of gateway.core.account.quality: what our flags are in the codes of AEMO, ESPI and IEEE 2030.5."""

from gateway.core.account.quality import Quality, actual_ppm, quality_of, quality_of_period


def test_what_a_register_counted_is_actual_and_valid() -> None:
    """Measured, frozen and rolled-over figures are actual (A), valid (ESPI 0) and have IEEE's bit 0 alone."""
    for flag in ("", "F", "R", "FR"):
        assert quality_of(flag) == Quality("A", 0, 1)


def test_each_flag_has_the_code_of_the_published_lists() -> None:
    """Like days are method 14, ESPI 8, bit 2; a straight line 17, 9, bit 3; suspect 10, bit 4; derived 11, bit 5."""
    assert quality_of("Y") == Quality("S14", 8, 4)
    assert quality_of("E") == Quality("S17", 9, 8)
    assert quality_of("M") == quality_of("D") == Quality("N", 10, 16)
    assert quality_of("Q") == Quality("N", 10, 16)
    assert quality_of("X") == Quality("S11", 7, 2)
    assert quality_of("L") == quality_of("T") == Quality("A", 10, 16)
    assert quality_of("I") == Quality("A", 11, 32)


def test_the_worst_flag_gives_the_code_and_every_flag_its_bit() -> None:
    """A gap between derived boundaries is a substitute; IEEE 2030.5 shows both, and no longer says valid."""
    assert quality_of("EIR") == Quality("S17", 9, 8 + 32)
    assert quality_of("EM") == Quality("N", 10, 8 + 16)


def test_final_substitutes_are_named_so() -> None:
    """Of what no later truth replaces, AEMO's S is an F; what is actual stays actual."""
    assert quality_of("Y", True).aemo == "F14"
    assert quality_of("E", True).aemo == "F17"
    assert quality_of("", True).aemo == "A"


def test_a_letter_nobody_knows_is_questionable() -> None:
    """A flag that this list does not hold is never called actual."""
    assert quality_of("Z") == Quality("N", 10, 16)
    assert quality_of("EZ") == quality_of("ZE") == Quality("N", 10, 8 + 16)


def test_a_day_of_several_qualities_is_variable() -> None:
    """AEMO says V and ESPI 13 where the intervals of a day differ, and their common code where they do not."""
    assert quality_of_period([quality_of(""), quality_of("F")]) == Quality("A", 0, 1)
    assert quality_of_period([quality_of("E"), quality_of("")]) == Quality("V", 13, 8)
    assert quality_of_period([quality_of(""), quality_of("I"), quality_of("E")]) == Quality("V", 13, 8 + 32)
    assert quality_of_period([quality_of("I"), quality_of("")]) == Quality("A", 13, 32)
    assert quality_of_period([quality_of("M"), quality_of("L")]) == Quality("V", 10, 16)


def test_completeness_of_the_published_example_day() -> None:
    """AEMO's example of 2004-04-17: 20 final like-day, 4 actual and 24 substituted intervals are 8.33 % complete."""
    codes = ["F14"] * 20 + ["A"] * 4 + ["S14"] * 24
    assert actual_ppm(codes) == 83333
    assert actual_ppm(["A"]) == 1000000 and actual_ppm(["V", "N", "A"]) == 333333 and actual_ppm(["N"]) == 0
    assert actual_ppm([]) == 0
