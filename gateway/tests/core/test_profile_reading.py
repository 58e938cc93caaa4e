"""A device profile is read from plain maps, with everything that is wrong said at once."""

from gateway.core.meter.profile import FAST, unit_exponent
from gateway.core.meter.profile_reading import is_line, read_profile
from gateway.core.notation import decimal_ratio, ratio


def plain(**changes):
    """Return the map of a sound small profile, with *changes* at its top."""
    profile = {
        "id": "acme-one",
        "maker": "Acme",
        "model": "One",
        "kind": "three-phase meter",
        "status": "bench",
        "evidence": [{"source": "manual", "page": "p. 12"}],
        "points": [
            {"quantity": "voltage_l1_n", "at": 0, "type": "u16", "factor": "0.1", "unit": "V"},
            {"quantity": "energy_active_import", "at": 2, "type": "u32", "unit": "kWh", "counter": True},
        ],
        "serial": {"default": "9600 8N1", "allowed": ["9600 8N1", "19200 8E1"], "units": [1, 247]},
        "modbus": {"transport": ["rtu"], "function": 4, "max_registers": 80, "windows": [[0, 9]]},
    }
    profile.update(changes)
    return profile


def codes(**changes):
    return sorted([one.code for one in read_profile(plain(**changes))[1]])


def places(**changes):
    return sorted([one.where for one in read_profile(plain(**changes))[1]])


def one_point(**point):
    base = {"quantity": "voltage_l1_n", "at": 0, "type": "u16", "unit": "V"}
    base.update(point)
    return [base]


def test_sound_profile():
    """A sound file gives the profile, with defaults for all it leaves out."""
    profile, problems = read_profile(plain())
    assert problems == []
    assert (profile.id, profile.align, profile.timeout_ms, profile.windows) == ("acme-one", 1, 500, ((4, 0, 9),))
    voltage, energy = profile.points
    assert (voltage.factor, voltage.side, voltage.words, voltage.poll) == ((1, 10), "direct", "high-first", FAST)
    assert (voltage.sentinels, voltage.wrap) == ((0xFFFF,), None)
    assert (energy.counter, energy.wrap) == (True, 1 << 32)


def test_documents_that_count_from_one():
    """Where the document counts from one, the wire counts one less: points, windows, exponents, identities."""
    profile, problems = read_profile(
        plain(
            modbus={"transport": ["rtu"], "function": 3, "address": "one-based", "windows": [[5000, 5010]]},
            points=one_point(at=5001, exponent_at=5002),
            identify=[{"at": 5000, "type": "u16", "expect": [7]}],
            constants={"ct": {"at": 5003, "type": "u16"}},
        )
    )
    assert problems == []
    assert profile.windows == ((3, 4999, 5009),)
    assert (profile.points[0].address, profile.points[0].exponent_at) == (5000, 5001)
    assert (profile.identify[0].address, profile.constants[0].address) == (4999, 5002)
    assert "points[0] (voltage_l1_n).at" in places(
        modbus={"transport": ["rtu"], "function": 3, "address": "one-based"}, points=one_point(at=0)
    )


def test_windows_of_another_function():
    """A window may belong to another function than most registers."""
    modbus = {"transport": ["rtu"], "function": 3, "windows": [{"first": 16, "last": 20, "function": 4}, [0, 9]]}
    profile, problems = read_profile(plain(modbus=modbus))
    assert problems == []
    assert profile.windows == ((3, 0, 9), (4, 16, 20))


def test_all_problems_at_once():
    """Every problem of a file is said in one go, each at its place."""
    found = places(
        maker=7,
        colour="red",
        points=one_point(quantity="voltage", type="u24", at=70000, unit="A"),
    )
    assert found == [
        "colour",
        "maker",
        "points[0] (voltage).at",
        "points[0] (voltage).quantity",
        "points[0] (voltage).type",
    ]


def test_place_of_the_file_goes_before():
    """The name of the file stands before each place."""
    problems = read_profile(plain(colour="red"), "acme-one.toml")[1]
    assert [one.where for one in problems] == ["acme-one.toml.colour"]


def test_quantities_and_units_are_closed_lists():
    """A quantity that is not in the table, or a unit of another kind, is refused."""
    assert codes(points=one_point(quantity="volts")) == ["WP-PRF-006"]
    assert codes(points=one_point(unit="kW")) == ["WP-PRF-007"]
    assert codes(points=one_point(unit="kV")) == []


def test_a_status_has_a_name_and_is_not_in_the_sweep():
    """A point with a name instead of a quantity is decoded but never swept."""
    profile, problems = read_profile(plain(points=[{"name": "rev", "at": 4, "type": "u16"}]))
    assert problems == []
    assert profile.polled() == ()
    assert codes(points=[{"name": "frequency", "at": 4, "type": "u16"}]) == ["WP-PRF-018"]
    assert codes(points=[{"at": 4, "type": "u16"}]) == ["WP-PRF-017"]
    assert codes(points=one_point(name="rev")) == ["WP-PRF-017"]


def test_points_that_no_read_can_hold():
    """A point of the sweep outside all windows is refused; one that is only decoded is not."""
    assert codes(points=one_point(at=12)) == ["WP-PRF-010"]
    assert codes(points=one_point(at=9, type="f32")) == ["WP-PRF-010"]
    assert codes(points=one_point(at=12, poll=False)) == []


def test_numbers_are_checked():
    """Factors are decimals in quotes, sentinels fit their type, a wrap needs a counter, a text needs a count."""
    for wrong in ("0", "1/10", "abc", "1e3", "", "1."):
        assert codes(points=one_point(factor=wrong)) == ["WP-CFG-041"]
    assert codes(points=one_point(factor=0.1)) == ["WP-CFG-004"]
    assert codes(points=one_point(sentinel=[0x10000])) == ["WP-PRF-021"]
    assert codes(points=one_point(wrap=1000)) == ["WP-PRF-020"]
    assert codes(points=one_point(count=2)) == ["WP-PRF-016"]
    assert codes(points=[{"name": "text", "at": 0, "type": "ascii"}]) == ["WP-CFG-003"]
    assert codes(points=one_point(times=["pt"])) == ["WP-CFG-040"]
    assert codes(points=one_point(at=True)) == ["WP-CFG-005"]


def test_shapes_are_checked():
    """A table where a list belongs, or a text where a table belongs, is a problem and no crash."""
    for key in ("points", "identify", "test", "evidence", "modbus", "serial", "constants"):
        for wrong in (7, "x", ["x"], {"x": 1}):
            assert read_profile(plain(**{key: wrong}))[0] is None
    assert read_profile({})[0] is None


def test_serial_settings():
    """Line settings are baud, bits, parity and stop bits; a serial meter must state them."""
    assert is_line("9600 8N1") and is_line("19200 8E1")
    for wrong in ("9601 8N1", "9600", "9600 9N1", "9600 8X1", "9600 8N3", "9600  8N1", 9600, None):
        assert not is_line(wrong)
    without = plain()
    del without["serial"]
    assert [one.code for one in read_profile(without)[1]] == ["WP-CFG-003"]
    without["modbus"] = {"transport": ["tcp"], "function": 4}
    assert read_profile(without)[1] == []
    assert codes(serial={"default": "9600 8N1", "units": [0, 300]}) == ["WP-PRF-013"]


def test_tests_carry_frames_and_ratios():
    """A test has its two frames, the ratios it was taken with, and decimal texts."""
    test = {"request": "01 04", "response": "01 84 02", "with": {"ct": "400/5"}, "expect": {"frequency": "50"}}
    profile, problems = read_profile(plain(test=[test]))
    assert problems == []
    example = profile.tests[0]
    assert (example.request, example.ratios) == (b"\x01\x04", ((400, 5), (1, 1)))
    assert (example.expect, example.provenance) == ((("frequency", "50"),), "reconstructed")
    test["request"] = "zz"
    test["with"] = {"ct": "400:5"}
    assert codes(test=[test]) == ["WP-CFG-007", "WP-PRF-015"]


def test_decimals_and_ratios():
    """Decimals and transformer ratios are read exactly, or not at all."""
    assert decimal_ratio("0.1") == (1, 10)
    assert decimal_ratio("-25") == (-25, 1)
    assert decimal_ratio("1000") == (1000, 1)
    for wrong in ("", ".5", "5.", "1e3", "--1", "\u00b2", "1 000"):
        assert decimal_ratio(wrong) is None
    assert ratio("400/5") == (400, 5)
    assert ratio(" 10000 / 100 ") == (10000, 100)
    assert ratio("80") == (80, 1)
    for wrong in ("", "0/5", "5/0", "a/b", "-1/5", "4.5/1", "1/2/3"):
        assert ratio(wrong) is None


def test_ids_windows_and_lines_are_checked_one_by_one():
    """Other signs in an id; windows that are no pair, no numbers or run backwards; an empty line setting."""
    assert codes(id="Acme_One") == ["WP-PRF-012"]
    modbus = {"transport": ["rtu"], "function": 4, "max_registers": 80}
    for window in (
        [5],
        [0, 9, 12],
        7,
        ["0", "9"],
        [True, 9],
        [9, 0],
        [0, 0x10000],
        {"first": 0, "last": 9, "function": 6},
    ):
        modbus["windows"] = [window, [0, 9]]
        assert codes(modbus=modbus) == ["WP-PRF-014"], window
        assert places(modbus=modbus) == ["modbus.windows"]
    assert codes(serial={"default": "9600 8N1", "allowed": ["", "9600 8N1"], "units": [1, 247]}) == ["WP-CFG-017"]
    assert codes(serial={"default": "9600 8N1", "units": 7}) == ["WP-PRF-013"]


def test_a_quantity_needs_a_number_and_an_identity_what_its_type_can_be():
    """Texts and bits give no amount; a text is identified by texts, a register by numbers."""
    for kind in ("ascii", "bits16"):
        assert "WP-PRF-019" in codes(points=one_point(type=kind, count=2))
    identify = {"at": 0xFC02, "type": "u16", "expect": [0x70]}
    assert codes(identify=[identify]) == []
    for kind, expect in (("u16", ["p"]), ("u16", [True]), ("ascii", [0x70])):
        identify.update({"type": kind, "expect": expect, "count": 2})
        assert "WP-PRF-022" in codes(identify=[identify]), expect


def test_a_share_in_percent_is_a_hundredth():
    """A power factor in % is two powers of ten below; no other unit stands for it."""
    assert [unit_exponent(unit, "1") for unit in ("%", "1", "V")] == [-2, 0, None]
