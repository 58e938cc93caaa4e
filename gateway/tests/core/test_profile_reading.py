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
    assert codes(serial={"default": "fast"}) == ["WP-CFG-009"]
    for baud in (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200):
        assert codes(serial={"default": "%d 8N1" % baud}) == []
        assert codes(serial={"default": "%d 8N1" % (baud + 1)}) == ["WP-CFG-009"]


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


def wire(**keys):
    """Return the codes of a profile whose [modbus] has *keys*."""
    modbus = {"transport": ["rtu"], "function": 4, "max_registers": 80, "windows": [[0, 9]]}
    modbus.update(keys)
    return codes(modbus=modbus)


def test_numbers_of_the_wire_at_both_ends():
    """The least and the most of each number is taken; one beyond is not."""
    for key, least, most in (
        ("max_registers", 4, 125), ("align", 1, 4), ("timeout_ms", 10, 60000), ("gap_ms", 0, 10000), ("function", 3, 4),
    ):  # fmt: skip
        assert wire(**{key: least}) == wire(**{key: most}) == [], key
        assert "WP-CFG-005" in wire(**{key: most + 1}), key
    assert "WP-CFG-005" in wire(align=0) and "WP-CFG-005" in wire(timeout_ms=9) and "WP-CFG-005" in wire(gap_ms=-1)
    assert "WP-CFG-005" in wire(function=2) and "WP-CFG-005" in wire(max_registers=0)
    assert wire(function=5) == ["WP-CFG-005"] and wire(transport=["rtu", "tcp"]) == []
    found = read_profile(plain(modbus={"transport": ["rtu"], "function": 4, "windows": [[0, 9]]}))[0]
    assert (found.max_registers, found.align, found.timeout_ms, found.gap_ms) == (125, 1, 500, 0)


def test_windows_at_both_ends():
    """From 0 to 65535, or from 1 to 65536 where a document counts from one; of function 3 or 4, first to last."""
    for window, fine in (
        ([0, 65535], True), ([0, 65536], False), ([-1, 9], False), ([9, 0], False), ([0, 9, 9], False), ([0], False),
        ({"first": 0, "last": 9}, True), ({"first": 0, "last": 9, "function": 4}, True), ([True, 9], False),
        ({"first": 0, "last": 9, "function": 5}, False), ({"first": 0, "last": 9, "function": 2}, False),
        ({"first": 0}, False), ({"first": 0, "last": 9, "more": 1}, False), ("0-9", False), ([0, "9"], False),
    ):  # fmt: skip
        assert wire(windows=[[0, 9], window]) == ([] if fine else ["WP-PRF-014"]), window
    assert wire(windows=[[5, 5], [0, 9]]) == []
    modbus = {"transport": ["rtu"], "function": 4, "address": "one-based", "windows": [[1, 65536]]}
    points = one_point(at=65536)
    found, problems = read_profile(plain(modbus=modbus, points=points))
    assert problems == [] and found.windows == ((4, 0, 65535),) and found.points[0].address == 65535
    assert (
        codes(modbus=modbus, points=one_point(at=0))
        == codes(modbus=modbus, points=one_point(at=65537))
        == ["WP-CFG-005"]
    )
    modbus["windows"] = [[0, 9]]
    assert codes(modbus=modbus, points=one_point(at=1)) == ["WP-PRF-014"]


def test_registers_at_both_ends():
    """Registers 0 to 65535; texts of 1 to 64 registers; widths of 2 counts to 64 bits; sentinels inside the type."""
    wide = {"transport": ["rtu"], "function": 4, "windows": [[0, 65535]]}

    def told(**point):
        return codes(modbus=wide, points=one_point(**point))

    assert told(at=0) == told(at=65535) == [] and told(at=65536) == told(at=-1) == ["WP-CFG-005"]
    text = {"name": "maker", "at": 0, "type": "ascii"}
    for count, found in ((1, []), (64, []), (0, ["WP-CFG-005"]), (65, ["WP-CFG-005"])):
        assert codes(modbus=wide, points=one_point() + [dict(text, count=count)]) == found
    energy = {"quantity": "energy_active_import", "at": 0, "type": "u64", "unit": "kWh", "counter": True}
    for wrap, found in ((2, []), (1 << 64, []), (1, ["WP-CFG-005"]), ((1 << 64) + 1, ["WP-CFG-005"])):
        assert codes(modbus=wide, points=[dict(energy, wrap=wrap)]) == found
    for kind, wrap in (("u16", 1 << 16), ("u32", 1 << 32), ("u64", 1 << 64), ("i32", 1 << 32), ("f32", None)):
        assert read_profile(plain(modbus=wide, points=[dict(energy, type=kind)]))[0].points[0].wrap == wrap
    for sentinel, found in (
        ([0], []), ([65535], []), ([65536], ["WP-PRF-021"]), ([-1], ["WP-PRF-021"]), ([True], ["WP-PRF-021"]),
        (["a"], ["WP-PRF-021"]), ([0, 65535], []), ([], []),
    ):  # fmt: skip
        assert told(sentinel=sentinel) == found
    found = read_profile(plain(modbus=wide, points=one_point(sentinel=[1, 2])))[0].points[0]
    assert found.sentinels == (1, 2)
    assert read_profile(plain(modbus=wide, points=one_point()))[0].points[0].sentinels == (0xFFFF,)


def test_unit_ids_and_lines_at_both_ends():
    """Units 1 to 247 on a line, 0 to 255 without one; every allowed line is one; the default is among them."""
    for units, fine in (([1, 247], True), ([5, 5], True), ([0, 247], False), ([1, 248], False), ([6, 5], False),
                        ([1], False), (7, False), ([True, 5], False)):  # fmt: skip
        assert codes(serial={"default": "9600 8N1", "units": units}) == ([] if fine else ["WP-PRF-013"]), units
    for allowed, found in ((["9600 8N1"], []), (["9601 8N1"], ["WP-CFG-009"]), (["9600 8N1", "1 8N1"], ["WP-CFG-009"])):
        assert codes(serial={"default": "9600 8N1", "allowed": allowed}) == found
    profile = read_profile(plain(serial={"default": "9600 8N1", "allowed": ["4800 8N1"]}))[0]
    assert profile.serial_allowed == ("9600 8N1", "4800 8N1") and profile.units == (1, 247)
    found = plain(modbus={"transport": ["tcp"], "function": 4, "windows": [[0, 9]]})
    del found["serial"]
    profile, problems = read_profile(found)
    assert problems == [] and (profile.units, profile.serial_default, profile.serial_allowed) == ((0, 255), "", ())


def test_what_identifies_and_what_divides():
    """Expected values are texts of texts and numbers of numbers; constants are of the wire and have no unit."""
    for kind, expect, found in (
        ("u16", [5], []), ("u16", ["5"], ["WP-PRF-022"]), ("u16", [True], ["WP-PRF-022"]), ("u16", [], ["WP-CFG-020"]),
        ("ascii", ["A"], []), ("ascii", [5], ["WP-PRF-022"]),
    ):  # fmt: skip
        identity = {"at": 1, "type": kind, "expect": expect}
        if kind == "ascii":
            identity["count"] = 2
        assert codes(identify=[identity]) == found, expect
    profile, problems = read_profile(plain(constants={"ct": {"at": 4, "type": "u16", "factor": "0.1"}}))
    assert problems == []
    one = profile.constants[0]
    assert (one.name, one.quantity, one.address, one.count, one.factor, one.unit) == ("ct", None, 4, 1, (1, 10), "")
    assert (one.counter, one.wrap, one.sentinels, one.poll) == (False, None, (0xFFFF,), "")
    assert codes(constants={"pt": {"at": 4, "type": "u16"}}) == ["WP-CFG-002"]
    assert codes(test=[{"request": "0", "response": "zz"}]) == ["WP-PRF-015", "WP-PRF-015"]
