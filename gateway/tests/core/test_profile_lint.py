"""What is careless in a profile is found before a meter is wired."""

from gateway.core.meter.profile_lint import lint, lint_together
from gateway.core.meter.profile_reading import read_profile

CAPTURED = {
    "request": "01 04 00 48 00 02 f1 dd",
    "response": "01 04 04 46 2a 75 21 29 8c",
    "expect": {"energy_active_import": "10909.2820"},
    "provenance": "captured",
}
ENERGY = {"quantity": "energy_active_import", "at": 0x48, "type": "f32", "unit": "kWh", "counter": True}


def profile(points=(ENERGY,), **changes):
    plain = {
        "id": "acme-one",
        "maker": "Acme",
        "model": "One",
        "kind": "meter",
        "status": "verified",
        "evidence": [{"source": "manual", "page": "p. 12"}],
        "points": list(points),
        "modbus": {"transport": ["tcp"], "function": 4, "align": 2, "windows": [[0, 0x57]]},
        "test": [CAPTURED],
    }
    plain.update(changes)
    read, problems = read_profile(plain)
    assert problems == []
    return read


def codes(*args, **changes):
    return [one.code for one in lint(profile(*args, **changes))]


def test_sound_profile():
    """A sound profile has no finding."""
    assert codes() == []


def test_evidence_is_wanted():
    """Registers that come from nowhere are a finding."""
    assert codes(evidence=[]) == ["WP-PRF-030"]


def test_verified_needs_a_captured_test():
    """Only frames of a real meter make a profile verified."""
    by_hand = dict(CAPTURED)
    by_hand["provenance"] = "manual"
    assert codes(test=[by_hand]) == ["WP-PRF-031"]
    assert codes(test=[by_hand], status="bench") == []


def test_verified_needs_a_captured_value_of_each_wide_type():
    """Only a frame of the meter proves how the words of a type are ordered."""
    count = {"quantity": "energy_active_export", "at": 0, "type": "u32", "unit": "kWh", "counter": True}
    assert codes([ENERGY, count]) == ["WP-PRF-053"]
    assert codes([ENERGY, count], status="bench") == []
    count["poll"] = False
    assert codes([ENERGY, count]) == []
    test = {
        "request": "01 04 00 00 00 02 71 cb", "response": "01 04 04 00 00 00 07 ba 46",
        "expect": {"energy_active_export": "7"}, "provenance": "captured",
    }  # fmt: skip
    count["poll"] = True
    assert codes([ENERGY, count], test=[CAPTURED, test]) == []


def test_verified_behind_transformers_needs_a_captured_case_of_them():
    """Where values are multiplied by ratios, one captured test has been at a meter with transformers."""
    energy = dict(ENERGY)
    energy.update({"side": "secondary", "times": ["ct", "vt"]})
    assert codes([energy]) == ["WP-PRF-054"]
    assert codes([energy], status="bench") == []
    test = dict(CAPTURED)
    test.update({"with": {"ct": "200/5"}, "expect": {"energy_active_import": "436371.28"}})
    assert codes([energy], test=[CAPTURED, test]) == []


def test_secondary_values_name_their_ratios():
    """A voltage needs vt, a current ct, power and energy both, and nothing else on the secondary side."""
    for quantity, unit, right in (
        ("voltage_l1_n", "V", ["vt"]),
        ("current_l1", "A", ["ct"]),
        ("apparent_power_total", "VA", ["vt", "ct"]),
    ):
        point = {"quantity": quantity, "at": 0, "type": "f32", "unit": unit, "side": "secondary", "times": right}
        assert codes([ENERGY, point], status="bench") == []
        point["times"] = ["ct", "vt"] if len(right) == 1 else ["ct"]
        assert codes([ENERGY, point], status="bench") == ["WP-PRF-032"]
    factor = {"quantity": "power_factor_total", "at": 0, "type": "f32", "unit": "1", "side": "secondary"}
    assert codes([ENERGY, factor]) == []


def test_primary_values_name_no_ratio():
    """A value that is primary already must not be multiplied again."""
    point = {"quantity": "current_l1", "at": 0, "type": "f32", "unit": "A", "side": "primary", "times": ["ct"]}
    assert codes([ENERGY, point], status="bench") == ["WP-PRF-033"]


def test_power_says_its_direction():
    """Power without a stated direction is a finding; a string of modules has only one."""
    point = {"quantity": "active_power_total", "at": 0, "type": "f32", "unit": "W"}
    assert codes([ENERGY, point]) == ["WP-PRF-034"]
    point["sign"] = "+import"
    assert codes([ENERGY, point]) == []
    assert codes([ENERGY, {"quantity": "pv1_power", "at": 0, "type": "f32", "unit": "W"}]) == []


def test_counters_are_the_quantities_that_grow():
    """counter = true stands at what accumulates, and nowhere else."""
    resting = dict(ENERGY)
    resting["counter"] = False
    assert codes([resting]) == ["WP-PRF-035"]
    assert codes([ENERGY, {"quantity": "frequency", "at": 0, "type": "f32", "unit": "Hz", "counter": True}]) == [
        "WP-PRF-035"
    ]


def test_wrap_fits_the_type():
    """A register of 16 bits cannot count to a million."""
    point = {
        "quantity": "energy_active_export", "at": 0, "type": "u16", "unit": "kWh", "counter": True, "wrap": 1000000,
    }  # fmt: skip
    assert codes([ENERGY, point]) == ["WP-PRF-036"]


def test_one_source_for_a_quantity_in_the_sweep():
    """A quantity that two registers of the sweep claim is a finding, unless one is only decoded."""
    second = dict(ENERGY)
    second["at"] = 0
    assert codes([ENERGY, second]) == ["WP-PRF-037"]
    second["poll"] = False
    assert codes([ENERGY, second]) == []


def test_overlapping_registers():
    """Two values that share a part of their registers cannot both be right."""
    assert codes([ENERGY, {"quantity": "frequency", "at": 0x49, "type": "f32", "unit": "Hz"}]) == ["WP-PRF-038"]
    assert codes([ENERGY, {"name": "raw", "at": 0x48, "type": "u32"}]) == []


def test_overlap_behind_a_short_value():
    """A long value is compared with all that begin within it, not only with the next one."""
    text = {"name": "model_text", "at": 0, "type": "ascii", "count": 8}
    inside = [{"name": "a", "at": 2, "type": "u16"}, {"name": "b", "at": 6, "type": "u16"}]
    assert codes([ENERGY, text] + inside) == ["WP-PRF-038", "WP-PRF-038"]  # noqa: RUF005 - as MicroPython has it
    assert codes([ENERGY, text, {"name": "c", "at": 8, "type": "u16"}]) == []


def test_tests_are_reads_that_the_profile_allows():
    """A test shows a read that the meter answered, so windows and the largest read must allow it."""
    modbus = {"transport": ["tcp"], "function": 4, "align": 2, "windows": [[0x40, 0x47], [0x48, 0x49]]}
    assert codes(modbus=modbus) == []
    test = {
        "request": "01 04 00 46 00 04 10 1c", "response": "01 04 08 00 00 00 00 46 2a 75 21 f6 05",
        "expect": {"energy_active_import": "10909.282"},
    }  # fmt: skip
    assert codes(test=[CAPTURED, test]) == []
    assert codes(modbus=modbus, test=[CAPTURED, test]) == ["WP-PRF-052"]
    short = {"transport": ["tcp"], "function": 4, "align": 2, "max_registers": 2, "windows": [[0, 0x57]]}
    assert codes(modbus=short, test=[CAPTURED, test]) == ["WP-PRF-052"]


def test_a_float_that_is_no_number_is_not_available():
    """Not-a-number of a float needs no sentinel in the profile: it never becomes a value."""
    test = {
        "request": "01 04 00 48 00 02 f1 dd", "response": "01 04 04 ff c0 00 00 cb ac",
        "expect": {"energy_active_import": ""},
    }  # fmt: skip
    assert codes(test=[CAPTURED, test]) == []


def test_a_profile_cannot_write():
    """No key of a profile names a value to be written, and no function but the two that read registers is taken."""
    for key, value in (("write", 1), ("function", 6), ("function", 16)):
        point = dict(ENERGY)
        point[key] = value
        plain = {
            "id": "acme-one", "maker": "Acme", "model": "One", "kind": "meter", "status": "draft", "points": [point],
            "modbus": {"transport": ["tcp"], "function": 4},
        }  # fmt: skip
        assert read_profile(plain)[0] is None


def test_windows_fit_alignment_and_each_other():
    """Windows begin and end where an aligned read can, and do not overlap."""
    modbus = {"transport": ["tcp"], "function": 4, "align": 2, "windows": [[1, 0x57]]}
    assert codes(modbus=modbus) == ["WP-PRF-039"]
    modbus["windows"] = [[0, 0x57], [0x50, 0x5F]]
    assert codes(modbus=modbus) == ["WP-PRF-040"]


def test_tests_must_hold():
    """A test whose frames are damaged, or that expects another value, is a finding."""
    test = dict(CAPTURED)
    test["response"] = "01 04 04 46 2a 75 21 29 8d"
    assert codes(test=[test]) == ["WP-PRF-041"]
    test = dict(CAPTURED)
    test["expect"] = {"energy_active_import": "10909.283", "frequency": "50"}
    assert codes(test=[test]) == ["WP-PRF-042", "WP-PRF-042"]


def test_not_available_can_be_expected():
    """A test expects "not available" as an empty text."""
    factor = {"quantity": "power_factor_l2", "at": 0x5B3C, "type": "i16", "unit": "1", "function": 3, "poll": False}
    test = {"request": "01 03 5b 3c 00 01 57 22", "response": "01 03 02 7f ff d8 34", "expect": {"power_factor_l2": ""}}
    assert codes([ENERGY, factor], test=[CAPTURED, test]) == []
    test["expect"] = {"power_factor_l2": "1"}
    assert codes([ENERGY, factor], test=[CAPTURED, test]) == ["WP-PRF-042"]


def test_models_are_told_apart():
    """Two models that expect the same in the same register, and differ in none, cannot be told apart."""
    code = {"at": 11, "type": "u16", "expect": [168]}
    other = {"at": 11, "type": "u16", "expect": [168, 169]}
    differs = {"at": 12, "type": "u16", "expect": [1]}
    differing = {"at": 12, "type": "u16", "expect": [2]}

    def together(ours, theirs):
        pair = [profile(identify=ours), profile(id="acme-two", identify=theirs)]
        return [one.code for one in lint_together(pair)]

    assert together([code], [other]) == ["WP-PRF-043"]
    assert together([code], [differs]) == []
    assert together([code, differs], [other, differing]) == []
    assert together([], [other]) == []
