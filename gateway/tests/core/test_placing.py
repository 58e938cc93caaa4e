"""Placing stamps by anchors, and which changes of a configuration end a register: at both ends of each limit."""

from gateway.core.account.interval import Span
from gateway.core.anchoring import anchored, clock_moved, is_claimable, is_placed
from gateway.core.channel import Channel, changed_registers
from gateway.core.meter.profile import Point
from gateway.core.record import Account, Event, Stamp, TimeAnchor
from gateway.core.site import Meter

BOOT, OTHER = b"bootbooo", b"another "


def stamp(status, monotonic_ms=1000000, utc_ms=5000000, bound_ms=0, boot=BOOT):
    return Stamp(boot, monotonic_ms, utc_ms, status, bound_ms)


def anchor(monotonic_ms, utc_ms, bound_ms=0, boot=BOOT):
    return TimeAnchor(stamp("S"), boot, monotonic_ms, utc_ms, bound_ms, "kernel")


def test_which_events_say_that_the_clock_moved():
    """A lost clock always, a step only where it says so, anything else never."""
    for code, details, moved in (
        ("clock-lost", (), True), ("clock-step", (("moved", "yes"),), True), ("clock-step", (("moved", "no"),), False),
        ("clock-step", (), False), ("start", (("moved", "yes"),), False), ("start", (), False),
    ):  # fmt: skip
        assert clock_moved(Event(None, code, details)) == moved


def test_a_stamp_takes_the_time_of_its_nearest_anchor():
    """100 ppm of the time between them, rounded up, come on top of the anchor's bound; the least of all bounds wins."""
    one = stamp("U")
    assert anchored(one, [anchor(1000000, 9000000, 20)]) == Stamp(BOOT, 1000000, 9000000, "R", 20)
    assert anchored(one, [anchor(990000, 9000000, 20)]) == Stamp(BOOT, 1000000, 9010000, "R", 21)
    assert anchored(one, [anchor(1010001, 9000000, 20)]) == Stamp(BOOT, 1000000, 8989999, "R", 22)
    near, far = anchor(990000, 9000000, 20), anchor(500000, 1, 19)
    assert anchored(one, [near, far]) == anchored(one, [far, near]) == anchored(one, [near])
    assert anchored(one, [near, anchor(990000, 7, 20)]) == anchored(one, [near])
    assert anchored(one, []) == anchored(one, [anchor(1000000, 9000000, 20, OTHER)]) == one
    for status in "SR":
        assert anchored(stamp(status), [near]) == stamp(status)
    assert anchored(stamp("I"), [near]).status == "R"
    for bound_ms, status in ((9000, "R"), (9001, "I")):
        assert anchored(one, [anchor(1000000, 9000000, bound_ms)]).status == status


def test_what_is_placed():
    """What a stamp says and what is known differ, with the bound, by 9 s at most."""
    assert is_placed(stamp("S", bound_ms=9000), []) and not is_placed(stamp("S", bound_ms=9001), [])
    assert is_placed(stamp("R"), []) and not is_placed(stamp("I"), []) and not is_placed(stamp("U"), [])
    for utc_ms, bound_ms, placed in (
        (5009000, 0, True), (5009001, 0, False), (4991000, 0, True), (4990999, 0, False), (5008000, 1000, True),
        (5008000, 1001, False), (5000000, 9001, False),
    ):  # fmt: skip
        assert is_placed(stamp("U"), [anchor(1000000, utc_ms, bound_ms)]) == placed


def account(stamped, flags):
    spans = tuple([Span("m", "q", (), 0, (), 0, 0, 1, 0, flag, (), (), 0, 0) for flag in flags])
    return Account(stamped, 1, 0, 900, b"", spans, (), (), (), (), (), (), ())


def test_what_may_be_claimed_by_the_hour():
    """Energy of a known time whose registers all say nothing of a moved clock."""
    assert is_claimable(account(stamp("S"), ("", "R")), [])
    assert not is_claimable(account(stamp("U"), ("",)), [])
    assert not is_claimable(account(stamp("S"), ("", "T")), []) and not is_claimable(account(stamp("S"), ("LT",)), [])
    assert is_claimable(account(stamp("U"), ()), [anchor(1000000, 5000000)])


ENERGY = Point(
    "energy_active_import", "energy_active_import", 3, 0, 2, "u32", "high-first", (1, 100), "kWh", "direct", (), True,
    None, (), None, "", "fast",
)  # fmt: skip


class Place:
    """A site as far as its meters are looked at."""

    def __init__(self, *meters):
        self.meters = meters


def meter(name="m", bus="b", unit=1, serial=""):
    return Meter(name, bus, unit, "p", serial, (1, 1), (1, 1), 1000)


def channel(name="m", quantity="energy_active_import", point=ENERGY, ratios=((1, 1), (1, 1)), max_power_w=1000):
    return Channel(name, quantity, point, ratios, max_power_w)


def test_which_registers_begin_anew():
    """One that is gone, read or scaled otherwise, or behind whose name another device may stand; no other."""
    one = channel()
    other = Point(*(ENERGY[:3] + (2,) + ENERGY[4:]))
    for before, now, old, new, changed in (
        (meter(), meter(), one, one, False),
        (meter(), meter(), one, channel(max_power_w=9), False),
        (meter(), meter(), one, channel(ratios=((2, 1), (1, 1))), True),
        (meter(), meter(), one, channel(point=other), True),
        (meter(), meter(), one, channel(quantity="energy_active_export"), True),
        (meter(), meter(unit=2), one, one, True),
        (meter(), meter(bus="c"), one, one, True),
        (meter(serial="1"), meter(serial="1", unit=2, bus="c"), one, one, False),
        (meter(serial="1"), meter(serial="2"), one, one, True),
        (meter(serial="1"), meter(unit=2), one, one, True),
        (meter(), meter(serial="2"), one, one, False),
    ):
        keys = [("m", "energy_active_import")] if changed else []
        assert changed_registers(Place(before), (old,), Place(now), (new,)) == keys
    two = (channel(), channel("n"))
    places = Place(meter(), meter("n", unit=2))
    assert changed_registers(places, two, Place(meter("n", unit=3), meter()), two) == [("n", "energy_active_import")]
    assert changed_registers(places, two, Place(meter()), two[:1]) == [("n", "energy_active_import")]
