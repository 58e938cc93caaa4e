"""The registers that accounts are made from, and which of them a new configuration goes on with."""

from gateway.core.channel import account_channels, changed_registers, freezes_of
from gateway.core.meter.profile_reading import read_profile
from gateway.core.site import Bus, Meter, MeterPoint, SelfUseRule, Site

MODBUS = {
    "id": "p", "maker": "M", "model": "M", "kind": "meter", "status": "draft",
    "points": [
        {"quantity": "energy_active_import", "at": 0, "type": "u32", "unit": "kWh", "counter": True},
        {"quantity": "energy_active_export", "at": 2, "type": "u32", "unit": "kWh", "counter": True},
        {"quantity": "active_power_total", "at": 4, "type": "u32", "unit": "W", "sign": "+import"},
        {"name": "rev", "at": 6, "type": "u16"},
    ],
    "modbus": {"transport": ["tcp"], "function": 3},
}  # fmt: skip
FREEZING = {
    "id": "f", "maker": "M", "model": "M", "kind": "meter", "status": "draft", "protocol": "dlt645-2007",
    "serial": {"default": "9600 8E1"},
    "points": [
        {"quantity": "energy_active_import", "di": 0x00010000},
        {"quantity": "energy_active_import", "di": 0x05040101, "poll": "freeze"},
    ],
}  # fmt: skip
IMPORT, EXPORT = "energy_active_import", "energy_active_export"


def profiles(**changes):
    """Return both profiles by their ids, the first with *changes* at its top."""
    plain = dict(MODBUS)
    plain.update(changes)
    found = {}
    for one in (plain, FREEZING):
        read, problems = read_profile(one)
        assert problems == []
        found[read.id] = read
    return found


def meter(name, unit, profile="p", serial="", ct_ratio=(1, 1), bus="a"):
    return Meter(name, bus, unit, profile, serial, ct_ratio, (1, 1), 400000)


def site(*meters):
    """Return a park of an intake, a mill, and a second place at the mill's meter."""
    points = (
        MeterPoint("Intake", "intake", "m1", "LV", "", "grid", False),
        MeterPoint("Mill", "load", "m2", "LV", "", "", False),
        MeterPoint("Mill again", "load", "m2", "LV", "", "", False),
    )
    rule = SelfUseRule(3600, "proportional", "user", "renewable")
    return Site(
        "g", "p", 900, 5, 60, 15, rule, "", (), (Bus("a", "/dev/tty", 9600, 8, "N", 1, 10),), tuple(meters), points, (),
        60, "first-after", "linear",
    )  # fmt: skip


ONE, TWO = meter("m1", 1), meter("m2", 0, "f", "002241020208")


def changed(*meters, **changes):
    """Return what the settlement of ONE and TWO cannot go on from with these meters."""
    before, now = site(ONE, TWO), site(*meters)
    channels = account_channels(before, profiles())
    return changed_registers(before, channels, now, account_channels(now, profiles(**changes)))


def test_each_register_of_an_account_is_there_once():
    """Import and export of the intake, the one register the mill's meter has; none of power, none twice."""
    found = account_channels(site(meter("m1", 1, ct_ratio=(400, 5)), TWO), profiles())
    assert [(one.meter, one.quantity) for one in found] == [("m1", IMPORT), ("m1", EXPORT), ("m2", IMPORT)]
    assert [one.ratios for one in found] == [((400, 5), (1, 1))] * 2 + [((1, 1), (1, 1))]
    assert {one.max_power_w for one in found} == {400000}
    assert [one.point.quantity for one in found] == [IMPORT, EXPORT, IMPORT]


def test_meters_that_keep_registers_themselves_are_known():
    """The DL/T 645 meter freezes its import at every hour, the Modbus meter nothing."""
    assert freezes_of(site(ONE, TWO), profiles()) == {("m1", IMPORT): 0, ("m1", EXPORT): 0, ("m2", IMPORT): 3600}


def test_the_same_meters_are_gone_on_with():
    """Nothing changed; nor where a power, which no account is made from, is read elsewhere."""
    assert changed(ONE, TWO) == []
    assert changed(meter("m1", 1), TWO, points=MODBUS["points"][:2] + [dict(MODBUS["points"][2], at=8)]) == []


def test_a_register_that_is_gone_or_read_otherwise_begins_anew():
    """A profile without export, another place of the import, another ratio."""
    assert changed(ONE, TWO, points=[MODBUS["points"][0]]) == [("m1", EXPORT)]
    elsewhere = [dict(MODBUS["points"][0], at=10), MODBUS["points"][1]]
    assert changed(ONE, TWO, points=elsewhere) == [("m1", IMPORT)]
    assert changed(meter("m1", 1, ct_ratio=(200, 5)), TWO) == [("m1", IMPORT), ("m1", EXPORT)]


def test_another_device_under_the_same_name_begins_anew():
    """Known by its number where both have one, else by bus and unit id."""
    both = [("m1", IMPORT), ("m1", EXPORT)]
    assert changed(meter("m1", 2), TWO) == both
    assert changed(meter("m1", 1, bus="b"), TWO) == both
    assert changed(meter("m1", 1, serial="7"), TWO) == []
    assert changed(ONE, meter("m2", 0, "f", "002241020209")) == [("m2", IMPORT)]
    assert changed(ONE, meter("m2", 0, "f", "002241020208", bus="b")) == []
