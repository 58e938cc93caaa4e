"""What a profile may state: types, units with their powers of ten, values that mean none, and which points are read."""

from gateway.core.meter.profile import (
    BCD_OCTETS,
    REGISTERS,
    SENTINELS,
    TYPES,
    UNITS,
    DeviceProfile,
    Point,
    unit_divisor,
    unit_exponent,
)
from gateway.core.meter.quantity import QUANTITIES


def point(name, poll="fast", quantity=True, address=10, count=2, exponent_at=None):
    return Point(
        name, name if quantity else None, 3, address, count, "u32", "high-first", (1, 1), "W", "direct", (), False,
        None, (), exponent_at, "", poll,
    )  # fmt: skip


def profile(points, transport=("rtu",)):
    return DeviceProfile(
        "m", "M", "M", "meter", "draft", (), transport, "9600 8N1", (), (1, 247), 3, 125, 1, (), 300, 10, points, (),
        (), (), None,
    )  # fmt: skip


def test_types_by_their_bits():
    """A number of so many bits stands in registers of 16; texts say their own length; BCD has two digits a byte."""
    assert sorted(REGISTERS) == sorted(TYPES)
    for kind in ("u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"):
        assert REGISTERS[kind] == int(kind[1:]) // 16
    assert (REGISTERS["bits16"], REGISTERS["ascii"]) == (1, 0)
    for octets in (1, 2, 3, 4):
        assert BCD_OCTETS["bcd%d" % (8 * octets)] == BCD_OCTETS["bcd%ds" % (8 * octets)] == octets
    assert len(BCD_OCTETS) == 8


def test_values_that_mean_none_are_the_ends_of_the_range():
    """All ones of an unsigned number, both ends of a signed one; floats, bits and texts have none."""
    for bits in (16, 32, 64):
        assert SENTINELS["u%d" % bits] == ((1 << bits) - 1,)
        assert SENTINELS["i%d" % bits] == (1 << (bits - 1), (1 << (bits - 1)) - 1)
    assert [SENTINELS[kind] for kind in ("f32", "f64", "bits16", "ascii")] == [()] * 4


def test_prefixes_of_units():
    """m, k and M by the SI, of the unit that the quantity is stated in; energies are stated in thousands."""
    steps = {"m": -3, "": 0, "k": 3, "M": 6}
    for unit, prefixes in (("V", "m k"), ("A", "m k"), ("W", "k M"), ("var", "k M"), ("VA", "k M"), ("Hz", "m")):
        for prefix in [""] + prefixes.split():
            assert UNITS[prefix + unit] == (unit, steps[prefix])
    for unit in ("Wh", "varh", "VAh"):
        for prefix in ("", "k", "M"):
            assert UNITS[prefix + unit] == ("k" + unit, steps[prefix] - 3)
    assert (UNITS["l"], UNITS["m3"], UNITS["l/h"], UNITS["m3/h"]) == (("m3", -3), ("m3", 0), ("m3/h", -3), ("m3/h", 0))
    assert [UNITS[unit] for unit in ("1", "deg", "degC", "%")] == [("1", 0), ("deg", 0), ("degC", 0), ("%", 0)]
    assert sorted({unit for unit, _ in UNITS.values()}) == sorted({one.unit for one in QUANTITIES.values()})


def test_joules_are_exact():
    """36 MJ are 10 kWh: a thirty-sixth and a power of ten."""
    for unit, joules in (("kJ", 10**3), ("MJ", 10**6), ("GJ", 10**9)):
        # 1 kWh are 3.6 million joules, so joules / 3600000 == 10 ** ten / 36
        ten = unit_exponent(unit, "kWh")
        assert unit_divisor(unit) == 36
        assert joules * 36 * 10 ** max(-ten, 0) == 3600000 * 10 ** max(ten, 0)
    assert unit_divisor("kWh") == unit_divisor("") == 1


def test_a_unit_of_another_quantity_is_none():
    """A percentage is a power factor, too; nothing else is of two quantities."""
    assert (unit_exponent("%", "1"), unit_exponent("%", "%"), unit_exponent("1", "%")) == (-2, 0, None)
    assert (unit_exponent("kW", "W"), unit_exponent("kW", "V"), unit_exponent("hp", "W")) == (3, None, None)


def test_the_registers_that_a_point_needs():
    """Its own, and the one with the power of ten, before or behind it."""
    for exponent_at, first, last in (
        (None, 10, 11),
        (9, 9, 11),
        (12, 10, 12),
        (40, 10, 40),
        (10, 10, 11),
        (11, 10, 11),
    ):
        one = point("active_power_total", exponent_at=exponent_at)
        assert (one.first, one.last) == (first, last)
    assert (point("p", count=1).first, point("p", count=1).last) == (10, 10)


def test_which_points_are_read():
    """Quantities are polled unless only decoded or frozen; of what is no quantity only what is asked once."""
    points = tuple(
        [point("active_power_total", poll) for poll in ("fast", "slow", "once", "", "freeze")]
        + [point("status", poll, quantity=False) for poll in ("fast", "slow", "once", "", "freeze")]
    )
    found = profile(points)
    assert found.polled() == points[:3]
    assert found.asked() == points[:3] + points[7:8]


def test_the_protocol_of_a_transport():
    """RTU and TCP are Modbus; any other transport is its own protocol."""
    for transport, protocol in (
        (("rtu",), "modbus"), (("tcp", "rtu"), "modbus"), (("sunspec",), "sunspec"), (("dlt645-2007",), "dlt645-2007"),
        (("dlt645-1997",), "dlt645-1997"), (("cjt188",), "cjt188"),
    ):  # fmt: skip
        assert profile((), transport).protocol == protocol
