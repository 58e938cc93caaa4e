"""Profiles of DL/T 645 meters: what their points mean, and what is wrong with them."""

from gateway.core.meter.decoding import decode, energy_wh, register_advance
from gateway.core.meter.dlt645 import framed, read, request
from gateway.core.meter.dlt645_exchange import exchanged_645
from gateway.core.meter.profile_lint import lint
from gateway.core.meter.profile_reading import read_profile


def plain(points, **more):
    found = {
        "id": "m", "maker": "M", "model": "M", "kind": "meter", "status": "draft", "protocol": "dlt645-2007",
        "serial": {"default": "2400 8E1"}, "evidence": [{"source": "the standard"}], "points": points,
    }  # fmt: skip
    found.update(more)
    return found


def point(**keys):
    found, problems = read_profile(plain([keys]))
    assert problems == []
    return found.points[0]


def codes(points, **more):
    return [one.code for one in read_profile(plain(points, **more))[1]]


IMPORT = {"quantity": "energy_active_import", "di": 0x00010000}


def test_the_standard_says_the_rest():
    """Bytes, digits, unit, counter, width, side and sign follow from quantity and data identifier."""
    one = point(quantity="energy_active_import", di=0x00010000)
    assert (one.type, one.count, one.factor, one.unit) == ("bcd32", 2, (1, 100), "kWh")
    assert (one.counter, one.wrap, one.side, one.times) == (True, 10**8, "secondary", ("ct", "vt"))
    one = point(quantity="active_power_l2", di=0x0203FF00)
    assert (one.type, one.address, one.sign) == ("bcd24s", 0x0203FF00 << 8 | 4, "+import")
    assert (point(quantity="frequency", di=0x02800002).side, point(quantity="current_l1", di=0x02020100).times) == (
        "direct",
        ("ct",),
    )
    assert point(quantity="active_power_total", di=0x02030000, side="primary").times == ()


def test_a_sound_profile_has_nothing_to_complain_about():
    """The checks of all profiles hold for one of DL/T 645, its tests included."""
    question = read("002241020208", 0x00010000)
    frame = framed("002241020208", 0x91, b"\x00\x00\x01\x00\x64\x02\x75\x00")
    test = {
        "request": "".join(["%02x" % octet for octet in request(question)]),
        "response": "".join(["%02x" % octet for octet in frame]),
        "expect": {"energy_active_import": "7502.64"},
    }
    found, problems = read_profile(plain([IMPORT], test=[test]))
    assert problems == [] and found.protocol == "dlt645-2007"
    assert lint(found) == []
    test["expect"] = {"energy_active_import": "7502.65"}
    assert [one.code for one in lint(read_profile(plain([IMPORT], test=[test]))[0])] == ["WP-PRF-042"]
    test["response"] = "68" + test["response"][2:-4] + "0016"
    assert [one.code for one in lint(read_profile(plain([IMPORT], test=[test]))[0])] == ["WP-PRF-041"]


def test_what_is_wrong_with_a_point():
    """An identifier that holds something else, a quantity as a name, and keys of Modbus are named."""
    assert codes([{"quantity": "energy_active_import", "di": 0x00020000}]) == ["WP-PRF-051"]
    assert codes([{"quantity": "voltage_l1_n", "di": 0x12345678}]) == ["WP-PRF-051"]
    assert codes([{"name": "time_hhmmss", "di": 0x04000102}]) == ["WP-PRF-051"]
    assert codes([{"name": "energy_active_import", "di": 0x00010000}]) == ["WP-PRF-050"]
    assert codes([{"quantity": "energy_active_combined", "di": 0}]) == ["WP-PRF-050"]
    assert codes([{"quantity": "energy_active_import"}]) == ["WP-CFG-003"]
    assert codes([{"quantity": "energy_active_import", "di": 1 << 32}]) == ["WP-CFG-005"]
    assert codes([{"quantity": "energy_active_import", "di": 0x00010000, "at": 3}]) == ["WP-CFG-002"]
    assert codes([IMPORT], modbus={"function": 3}) == ["WP-CFG-002"]
    assert codes([IMPORT], protocol="dlms")[0] == "WP-CFG-040"
    assert codes([IMPORT], protocol="dlt645-1997") == ["WP-CFG-005"]
    assert codes([{"quantity": "energy_active_import", "di": 0x9010}], protocol="dlt645-1997") == []


def test_counters_are_exact():
    """Two readings give the energy between them to the last digit, over the end of eight digits too."""
    one = point(quantity="energy_active_import", di=0x00010000)
    ratios = ((200, 5), (1, 1))
    assert energy_wh(one, (0x0075, 0x0264)) == 7502640
    assert register_advance(one, (0x0075, 0x0264), (0x0075, 0x0270), ratios) == (60 * 40, "")
    assert register_advance(one, (0x9999, 0x9990), (0x0000, 0x0005)) == (150, "R")
    assert register_advance(one, (0x0075, 0x0264), (0x0075, 0x0263)) == (0, "D")
    assert register_advance(one, (0xFFFF, 0xFFFF), (0x0075, 0x0263)) == (0, "M")
    assert energy_wh(one, (0x0075, 0x026A)) is None


def test_registers_become_values():
    """A signed value of three bytes stands in two registers; all ones is not available."""
    one = point(quantity="active_power_total", di=0x02030000)
    assert decode(one, (0x0080, 0x2512), 0x02030000 << 8) == ((0x0080, 0x2512), (-2512, -1))
    assert decode(one, (0x00FF, 0xFFFF), 0x02030000 << 8)[1] is None


def test_an_exchange_by_a_profile():
    """What the profile does not know in an answer is left out; without its question an answer says what it is."""
    found, _ = read_profile(plain([IMPORT, {"quantity": "voltage_l2_n", "di": 0x0201FF00}]))
    frame = framed("002241020208", 0x91, b"\x00\xff\x01\x02\x56\x22\x57\x22\x58\x22")
    told = [(one.name, one.value, one.unit) for one in exchanged_645(found, b"", frame, ((1, 1), (10, 1)))]
    assert told == [("voltage_l2_n", "2257", "V")]
    assert exchanged_645(found, b"", framed("002241020208", 0x91, b"\x02\x00\x80\x02\x00\x50")) == []


def test_a_point_follows_whole_from_its_identifier():
    """Every field of a register of energy is as the standard of its year has it, all digits F being no value."""
    rest = (2, "bcd32", "high-first", (1, 100), "kWh", "secondary", ("ct", "vt"), True, 10**8, (0xFFFFFFFF,))
    name = "energy_active_import"
    last = (None, "", "fast")
    assert tuple(point(quantity=name, di=0x00010000)) == (name, name, 0x11, 0x00010000 << 8) + rest + last  # noqa: RUF005
    found = read_profile(plain([{"quantity": name, "di": 0x9010}], protocol="dlt645-1997"))[0]
    assert tuple(found.points[0]) == (name, name, 0x01, 0x9010 << 8) + rest + last  # noqa: RUF005
    power = point(quantity="active_power_total", di=0x02030000)
    assert (power.sentinels, power.type, power.counter, power.wrap) == ((0xFFFFFF,), "bcd24s", False, None)
    assert point(quantity="current_l1", di=0x02020100).sign == point(quantity="frequency", di=0x02800002).sign == ""


def test_what_an_identifier_holds_is_told_with_the_problem():
    """The identifier stands there as its standard writes it, with the figures it has; eight of them at most."""
    for di, year, text, known in (
        (0x00020000, "2007", "00020000", "energy_active_export"),
        (0x04000102, "2007", "04000102", "-"),
        (0x9010, "1997", "9010", "energy_active_import"),
    ):
        problems = read_profile(plain([{"quantity": "voltage_l1_n", "di": di}], protocol="dlt645-" + year))[1]
        assert [(one.code, one.values["di"], one.values["known"]) for one in problems] == [("WP-PRF-051", text, known)]
    values = read_profile(plain([{"quantity": "voltage_l1_n", "di": 0x0001FF00}]))[1][0].values
    assert values["known"].split(", ")[::7] == ["energy_active_import", "energy_active_import_t7"]
    for di, year, text in ((0x00010000, "2007", "00010000"), (0x9010, "1997", "9010")):
        table = {"quantity": "energy_active_import", "di": di, "poll": "freeze"}
        problems = read_profile(plain([table], protocol="dlt645-" + year))[1]
        assert [(one.code, one.values["di"]) for one in problems] == [("WP-PRF-075", text)]


def test_an_identifier_has_four_bytes_or_two():
    """From 0 to FFFFFFFF by the standard of 2007, to FFFF by that of 1997."""
    for year, most in (("2007", 0xFFFFFFFF), ("1997", 0xFFFF)):
        for di, found in ((0, "WP-PRF-051"), (most, "WP-PRF-051"), (-1, "WP-CFG-005"), (most + 1, "WP-CFG-005")):
            assert codes([{"name": "x", "di": di}], protocol="dlt645-" + year) == [found]
