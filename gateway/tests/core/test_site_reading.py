"""A site is read from plain maps: a sound one comes out whole, and each mistake has its code and its place."""

from gateway.core.problem import ProblemError, problem
from gateway.core.site import FIRST_AFTER, INTERPOLATED, LIKE_DAY, LINEAR, LOAD_FIRST, OF_USERS, Bus, Meter, MeterPoint
from gateway.core.site_points import shared_busbars
from gateway.core.site_reading import read_site
from gateway.core.tcp_address import RTU_FRAMES, TCP_FRAMES, UNNUMBERED_FRAMES, has_line, tcp_address, transport_of

PROFILES = ["p1", "p2"]
FACTOR_SETS = ["NDRC910-trial", "grid-2023"]


def plain():
    """Return a park of four meters, as TOML gives it."""
    return {
        "gateway": {"id": "gw-1", "province": "Jiangsu"},
        "uplink": {"broker": "mqtt://10.0.0.1:1883", "platform_key": "platform.pub"},
        "bus": [{"name": "a", "port": "/dev/ttyUSB0"}, {"name": "b", "port": "tcp://10.0.0.7"}],
        "meter": [
            {"name": "m1", "bus": "a", "unit": 1, "profile": "p1", "max_power": "400 kW"},
            {"name": "m2", "bus": "a", "unit": 2, "profile": "p1", "max_power": "160 kW"},
            {"name": "m3", "bus": "b", "unit": 1, "profile": "p2", "max_power": "60 kW", "ct_ratio": "200/5"},
            {"name": "m4", "bus": "a", "address": "12345678901234", "profile": "p2"},
        ],
        "busbar": [{"name": "LV1"}, {"name": "LV2", "ties": ["gw-2/Tie"]}],
        "meter_point": [
            {"name": "Intake", "role": "intake", "meter": "m1", "busbar": "LV1"},
            {"name": "Roof", "role": "generation", "meter": "m2", "busbar": "LV1", "origin": "solar"},
            {"name": "Battery", "role": "storage", "meter": "m3", "busbar": "LV1"},
            {"name": "Tie", "role": "tie", "meter": "m4", "busbar": "LV1", "to_busbar": "LV2"},
        ],
        "storage": [{"meter_point": "Battery", "efficiency": "0.85"}],
    }


def wrong(table, index, **keys):
    """Return (code, place) of what is wrong with the park where *keys* stand in a table; None takes a key away."""
    park = plain()
    row = park[table] if index is None else park[table][index]
    for key in keys:
        row[key] = keys[key]
        if keys[key] is None:
            del row[key]
    return told(park)


def told(park):
    site, problems = read_site(park, PROFILES, FACTOR_SETS)
    assert (site is None) == bool(problems)
    return [(one.code, one.where) for one in problems]


def test_a_sound_site_comes_out_whole():
    """Every table becomes its record, and what is not said has its default."""
    site, problems = read_site(plain(), PROFILES, FACTOR_SETS)
    assert problems == []
    assert (site.gateway, site.park, site.province) == ("gw-1", "", "Jiangsu")
    assert (site.interval_s, site.cycle_s, site.readings_s, site.hold_s, site.slow_s) == (900, 15, 60, 60, 60)
    assert site.slow_sweeps == 4
    assert (site.boundary, site.gap_shape, site.factor_sets) == (FIRST_AFTER, LINEAR, ("NDRC910-trial",))
    assert site.buses[0] == Bus("a", "/dev/ttyUSB0", 9600, 8, "N", 1, 10)
    assert site.meters[2] == Meter("m3", "b", 1, "p2", "", (200, 5), (1, 1), 60000)
    assert site.meters[3] == Meter("m4", "a", 0, "p2", "12345678901234", (1, 1), (1, 1), 0)
    assert site.meter_points[0] == MeterPoint("Intake", "intake", "m1", "LV1", "", "grid", False)
    assert site.meter_points[3] == MeterPoint("Tie", "tie", "m4", "LV1", "LV2", "", False)
    assert tuple(site.storages[0]) == ("Battery", 0, "grid", 850, "mixing")
    assert (site.self_use.period_s, site.self_use.charging, site.self_use.own_use) == (3600, "proportional", OF_USERS)


def test_what_is_said_stands_in_the_place_of_defaults():
    """Other lengths, choices, names and the account of a storage are taken as they are written."""
    park = plain()
    park["gateway"].update({"interval": "1 min", "cycle": "5 s", "hold": "20 s", "slow": "2 s", "park": "Park 7"})
    park["gateway"].update({"boundary": "interpolated", "gap": "like-day", "factor_sets": FACTOR_SETS})
    park["self_use"] = {"period": "1 h", "charging": "load-first"}
    park["storage"][0].update({"initial": "12 kWh", "initial_origin": "solar", "rule": "fifo", "efficiency": "1"})
    park["meter"][0]["serial"] = "4711"
    site, problems = read_site(park, PROFILES, FACTOR_SETS)
    assert problems == []
    assert (site.interval_s, site.cycle_s, site.hold_s, site.park) == (60, 5, 20, "Park 7")
    assert site.slow_sweeps == 1  # what is slow is never read more often than every sweep
    assert (site.boundary, site.gap_shape, site.factor_sets) == (INTERPOLATED, LIKE_DAY, tuple(FACTOR_SETS))
    assert site.self_use.charging == LOAD_FIRST
    assert tuple(site.storages[0]) == ("Battery", 12000, "solar", 1000, "fifo")
    assert site.meters[0].serial == "4711"


def test_each_mistake_of_a_line_has_its_code_and_place():
    """Line settings, addresses, a serial server without its line, and one port for two buses."""
    assert wrong("bus", 0, line="9600 8X1") == [("WP-CFG-009", "bus[0].line")]
    assert wrong("bus", 0, baud=9600) == [("WP-CFG-002", "bus[0].baud")]
    assert wrong("bus", 1, port="tcp://10.0.0.7:x") == [("WP-CFG-029", "bus[1].port")]
    assert wrong("bus", 1, port="rtu+tcp://10.0.0.7:4001") == [("WP-CFG-100", "bus[1].line")]
    assert wrong("bus", 1, port="rtu+tcp://10.0.0.7:4001", line="9600 8N1") == []
    assert wrong("bus", 1, port="/dev/ttyUSB0") == [("WP-CFG-026", "bus[1].port")]
    assert wrong("bus", 1, turnaround="11 s") == [("WP-CFG-006", "bus[1].turnaround")]


def test_each_mistake_of_a_meter_has_its_code_and_place():
    """Unit ids and numbers of plates that are none or taken, unknown names, and a power that is not stated."""
    assert wrong("meter", 1, unit=1) == [("WP-CFG-010", "meter[1].unit")]
    assert wrong("meter", 0, unit=248) == [("WP-CFG-005", "meter[0].unit")]
    assert wrong("meter", 1, name="m1", unit=3) == [
        ("WP-CFG-016", "meter[1].name"), ("WP-CFG-008", "meter_point[1].meter"),
    ]  # fmt: skip
    assert wrong("meter", 0, profile="p3") == [("WP-CFG-008", "meter[0].profile")]
    assert wrong("meter", 0, bus="c") == [("WP-CFG-008", "meter[0].bus")]
    assert wrong("meter", 0, max_power=None) == [("WP-CFG-003", "meter[0]")]
    assert wrong("meter", 3, unit=5) == [("WP-CFG-045", "meter[3].unit")]
    assert wrong("meter", 3, serial="1") == [("WP-CFG-045", "meter[3].serial")]
    for number in ("12", "00224102020A", "9" * 12):
        assert wrong("meter", 3, address=number, max_power="1 kW") == [("WP-CFG-046", "meter[3].address")]
    assert wrong("meter", 3, address="") == [("WP-CFG-004", "meter[3].address"), ("WP-CFG-003", "meter[3]")]
    assert wrong("meter", 3, address="002241020208") == [("WP-CFG-003", "meter[3]")]  # DL/T 645: with its power
    assert wrong("meter", 0, unit=None, address="12345678901234", max_power="1 kW") == [
        ("WP-CFG-010", "meter[3].address")
    ]


def test_each_mistake_of_a_place_has_its_code_and_place():
    """Roles, origins, ties, meters that count twice, and what is named but is not there."""
    assert wrong("meter_point", 0, role="lod") == [("WP-CFG-040", "meter_point[0].role")]
    assert wrong("meter_point", 1, origin=None) == [("WP-CFG-011", "meter_point[1]")]
    assert wrong("meter_point", 0, to_busbar="LV2") == [("WP-CFG-013", "meter_point[0].to_busbar")]
    assert wrong("meter_point", 3, to_busbar=None) == [("WP-CFG-013", "meter_point[3].to_busbar")]
    assert wrong("meter_point", 1, meter="m1") == [("WP-CFG-028", "meter_point[1].meter")]
    assert wrong("meter_point", 0, busbar="LV3") == [("WP-CFG-008", "meter_point[0].busbar")]
    assert wrong("meter_point", 0, reversed=1) == [("WP-CFG-012", "meter_point[0].reversed")]
    assert wrong("meter_point", 3, to_busbar="LV3") == [("WP-CFG-008", "meter_point[3].to_busbar")]
    assert wrong("meter_point", 3, to_busbar="gw-2/LV1") == []  # a busbar of another gateway
    assert wrong("meter_point", 3, to_busbar="gw-1/LV3") == [("WP-CFG-008", "meter_point[3].to_busbar")]


def test_each_mistake_of_a_storage_has_its_code_and_place():
    """An efficiency that is none, two tables for one storage, none at all, and one for what is no storage."""
    for efficiency in ("0", "1.001", "most"):
        assert wrong("storage", 0, efficiency=efficiency) == [("WP-CFG-014", "storage[0].efficiency")]
    assert wrong("storage", 0, efficiency=None) == [("WP-CFG-003", "storage[0]")]
    park = plain()
    park["storage"].append(park["storage"][0])
    assert told(park) == [("WP-CFG-027", "storage[1].meter_point")]
    del park["storage"]
    assert told(park) == [("WP-CFG-015", "meter_point")]
    assert wrong("storage", 0, meter_point="Roof") == [
        ("WP-CFG-008", "storage[0].meter_point"), ("WP-CFG-015", "meter_point"),
    ]  # fmt: skip


def test_each_mistake_of_the_gateway_has_its_code_and_place():
    """Intervals that do not divide the hour, periods that hold no whole intervals, ids that no topic carries."""
    assert wrong("gateway", None, interval="7 min") == [("WP-CFG-021", "gateway.interval")]
    assert wrong("gateway", None, interval="90 s") == [("WP-CFG-021", "gateway.interval")]
    assert wrong("gateway", None, interval="soon") == [("WP-CFG-006", "gateway.interval")]
    assert wrong("gateway", None, factor_sets=["none"]) == [("WP-CFG-008", "gateway.factor_sets")]
    assert wrong("gateway", None, id="a/b") == [("WP-CFG-023", "gateway.id")]
    assert wrong("gateway", None, id="a" * 65) == [("WP-CFG-023", "gateway.id")]
    assert wrong("gateway", None, id="a" * 64) == []
    park = plain()
    park["gatway"] = {}
    assert told(park) == [("WP-CFG-002", "gatway")]
    park = plain()
    for period in ("40 min", "65 min", "7 h"):
        park["self_use"] = {"period": period}
        assert told(park) == [("WP-CFG-022", "self_use.period")]
    park["self_use"] = {"period": "a day"}
    assert told(park) == [("WP-CFG-006", "self_use.period")]


def test_one_uplink_or_several_that_each_name_their_platform():
    """Without one the gateway keeps to itself; several have names of their own, and one bucket."""
    park = plain()
    park["uplink"]["bucket"] = "a/b"
    assert told(park) == [("WP-CFG-024", "uplink.bucket")]
    park["uplink"]["bucket"] = "a" * 65
    assert told(park) == [("WP-CFG-024", "uplink.bucket")]
    one = {"platform": "park", "broker": "mqtt://a", "platform_key": "a.pub", "bucket": "b1"}
    other = {"platform": "province", "broker": "mqtt://b", "platform_key": "b.pub", "bucket": "b1"}
    park["uplink"] = [one, other]
    assert told(park) == []
    other["bucket"] = "b2"
    assert told(park) == [("WP-CFG-120", "uplink[1].bucket")]
    other["bucket"] = "b+"  # told once
    assert told(park) == [("WP-CFG-024", "uplink[1].bucket")]
    other["platform"], other["bucket"] = "park", "b1"
    assert told(park) == [("WP-CFG-016", "uplink[1].platform")]
    del park["uplink"]
    assert told(park) == []


def test_every_mistake_is_told_at_once():
    """Three mistakes in three tables are three problems."""
    park = plain()
    park["gateway"]["id"], park["bus"][0]["line"], park["meter"][0]["unit"] = "a b", "fast", 0
    assert sorted(told(park)) == [
        ("WP-CFG-005", "meter[0].unit"), ("WP-CFG-009", "bus[0].line"), ("WP-CFG-023", "gateway.id"),
    ]  # fmt: skip


def test_a_busbar_is_shared_at_either_end_of_a_tie_to_another_gateway():
    """That at which a tie of others ends, and that of another gateway at which an own tie ends."""
    park = plain()
    assert shared_busbars(park) == ("LV2",)
    park["meter_point"][3]["to_busbar"] = "gw-2/LV1"
    assert shared_busbars(park) == ("LV2", "gw-2/LV1")
    assert shared_busbars({}) == ()


def test_an_address_says_its_host_its_port_and_what_is_spoken_there():
    """Port 502 where none is said, literal IPv6 addresses between brackets, and None for what is no address."""
    assert tcp_address("tcp://10.0.0.7") == ("10.0.0.7", 502)
    assert tcp_address("unnumbered+tcp://meter.park:1502/") == ("meter.park", 1502)
    assert tcp_address("tcp://[fe80::1]:503") == ("fe80::1", 503)
    assert tcp_address("tcp://[fe80::1]", 504) == ("fe80::1", 504)
    for text in (
        "udp://10.0.0.7", "tcp://", "tcp://fe80::1:502", "tcp://a:0", "tcp://a:65536", "tcp://a:x", "tcp://a b",
        "tcp://a/b", "tcp://a@b", "tcp://\u00e9", "tcp://a..b", "tcp://" + "a" * 254,
    ):  # fmt: skip
        assert tcp_address(text) is None, text
    assert [transport_of(scheme + "a") for scheme in ("tcp://", "unnumbered+tcp://", "rtu+tcp://", "/dev/tty")] == [
        TCP_FRAMES, UNNUMBERED_FRAMES, RTU_FRAMES, RTU_FRAMES,
    ]  # fmt: skip
    assert [has_line(port) for port in ("/dev/ttyUSB0", "rtu+tcp://a", "tcp://a")] == [True, True, False]


def test_a_problem_carries_its_place_through_files_and_errors():
    """What is found inside of a file is placed below its name; an error says every problem it carries."""
    one = problem("WP-CFG-000", "bus[0]", "wrong {thing}", "mend it", thing="line")
    assert one.moved("gateway.toml").where == "gateway.toml.bus[0]"
    assert problem("WP-CFG-000", "", "wrong", "mend it").moved("gateway.toml").where == "gateway.toml"
    error = ProblemError(one, one)
    assert error.problems == (one, one)
    assert str(error) == "WP-CFG-000 bus[0]: wrong {thing}; WP-CFG-000 bus[0]: wrong {thing}"


def test_times_of_the_gateway_at_both_ends():
    """The six lengths of an interval; a second to a day of everything else; periods that divide the day."""
    for minutes in (1, 2, 5, 6, 10, 12, 15, 20, 29, 30, 31, 60, 61):
        found = wrong("gateway", None, interval="%d min" % minutes)
        good = minutes in (1, 5, 10, 15, 30, 60)
        assert found == ([] if good else [("WP-CFG-021", "gateway.interval")]), minutes
    assert wrong("gateway", None, interval="61 s") == [("WP-CFG-021", "gateway.interval")]
    for key in ("cycle", "readings", "hold", "slow"):
        for text, good in (("1 s", True), ("24 h", True), ("0 s", False), ("86401 s", False)):
            found = wrong("gateway", None, **{key: text})
            assert found == ([] if good else [("WP-CFG-006", "gateway." + key)]), (key, text)
    park = plain()
    for period, code in (
        ("15 min", None), ("60 min", None), ("24 h", None), ("7 h", "WP-CFG-022"), ("10 min", "WP-CFG-022"),
        ("0 s", "WP-CFG-006"), ("86401 s", "WP-CFG-006"), ("1 s", "WP-CFG-022"),
    ):  # fmt: skip
        park["self_use"] = {"period": period}
        assert told(park) == ([(code, "self_use.period")] if code else []), period
    for interval, hold_s in (("1 min", 15), ("5 min", 60), ("60 min", 60)):
        found = plain()
        found["gateway"]["interval"] = interval
        assert read_site(found, PROFILES, FACTOR_SETS)[0].hold_s == hold_s


def test_lines_and_units_at_both_ends():
    """Units 1 to 247, turnarounds of 1 ms to 10 s, eight speeds, and a watt of power at least."""
    for unit, good in ((1, True), (247, True), (0, False), (248, False)):
        assert wrong("meter", 2, unit=unit) == ([] if good else [("WP-CFG-005", "meter[2].unit")])
    for text, good in (("1 ms", True), ("10000 ms", True), ("0 ms", False), ("10001 ms", False)):
        assert wrong("bus", 0, turnaround=text) == ([] if good else [("WP-CFG-006", "bus[0].turnaround")])
    for baud in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200):
        assert wrong("bus", 0, line="%d 8N1" % baud) == []
        assert wrong("bus", 0, line="%d 8N1" % (baud + 1)) == [("WP-CFG-009", "bus[0].line")]
    assert wrong("meter", 0, max_power="1 W") == [] and wrong("meter", 0, max_power="0 W") != []


def test_ids_and_efficiencies_at_both_ends():
    """64 signs of an id; an efficiency of a thousandth to one."""
    for length, good in ((64, True), (65, False)):
        assert wrong("gateway", None, id="x" * length) == ([] if good else [("WP-CFG-023", "gateway.id")])
        assert wrong("uplink", None, bucket="x" * length) == ([] if good else [("WP-CFG-024", "uplink.bucket")])
    for sign in "Az09-_":
        assert wrong("gateway", None, id=sign) == []
    for text, permille in (("0.001", 1), ("1", 1000), ("1.000", 1000), ("0.85", 850)):
        park = plain()
        park["storage"][0]["efficiency"] = text
        assert read_site(park, PROFILES, FACTOR_SETS)[0].storages[0][3] == permille
    for text in ("0", "0.000", "1.001", "0.0005", "-0.5", "x"):
        assert wrong("storage", 0, efficiency=text) == [("WP-CFG-014", "storage[0].efficiency")]
    for number, good in (
        ("123456789012", True), ("12345678901234", True), ("12345678901", False), ("1234567890123", False),
        ("123456789012345", False), ("999999999999", False), ("99999999999999", True), ("12345678901a", False),
    ):  # fmt: skip
        found = wrong("meter", 3, address=number, max_power="5 kW")
        assert found == ([] if good else [("WP-CFG-046", "meter[3].address")]), number
