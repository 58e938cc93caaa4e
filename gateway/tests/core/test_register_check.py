"""Energy registers against the power of the same meter."""

from gateway.core.account.register_check import (
    DIRECTION,
    PHASE,
    REVERSED,
    SCALE,
    STUCK,
    RegisterCheck,
)
from gateway.core.meter.profile import Point
from gateway.core.reading import Reading

ONE = ((1, 1), (1, 1))
CYCLE_MS = 5000


def _register(quantity):
    return Point(
        quantity, quantity, 3, 0, 2, "u32", "high-first", (1, 100), "kWh", "direct", (), True, 1 << 32, (), None, "",
        True,
    )  # fmt: skip


REGISTERS = (_register("energy_active_import"), _register("energy_active_export"))


def _run(watts, counted, role="load", phases=None, hours=1, reversed_=False, gap=None):
    """Return the codes told while *watts* flow and counted(Wh in, Wh out) is what the registers show of it."""
    check = RegisterCheck(role, reversed_, 400000, 3 * CYCLE_MS, REGISTERS, ONE)
    told = []
    flowed_wms = [0, 0]
    for cycle in range(hours * 720):
        at_ms = cycle * CYCLE_MS
        if gap is not None and cycle in gap:
            continue
        if phases is not None:
            for place in range(3):
                told += check.take(Reading("m", "active_power_l%d" % (place + 1), at_ms, (0, 0), phases[place]))
        told += check.take(Reading("m", "active_power_total", at_ms, (0, 0), watts))
        flowed_wms[watts < 0] += abs(watts) * CYCLE_MS
        shown = counted(flowed_wms[0] // 3600000, flowed_wms[1] // 3600000)
        for place in range(2):
            counts = 5000 + shown[place] // 10
            words = (counts >> 16, counts & 0xFFFF)
            told += check.take(Reading("m", REGISTERS[place].quantity, at_ms, words, 10 * counts))
    return told


def _codes(told):
    return [code for code, _ in told]


def test_registers_that_follow_the_power_are_not_spoken_of():
    """An hour of any power, in or out, counted as it flows, gives no word."""
    for watts in (0, 40, 3000, 120000):
        assert _run(watts, lambda taken, given: (taken, given)) == []
        assert _run(-watts, lambda taken, given: (taken, given), "storage") == []


def test_register_that_stands_still_is_told_once():
    """Ten kW flow and the register does not move: told once within minutes."""
    told = _run(10000, lambda taken, given: (0, 0))
    assert _codes(told) == [STUCK]
    assert told[0][1]["register"] == "energy_active_import"
    assert int(told[0][1]["power_wh"]) < 1000


def test_register_of_another_unit_is_told_with_the_power_of_ten():
    """A register that counts a hundred times too much or too little is told with that number."""
    told = _run(10000, lambda taken, given: (100 * taken, 0))
    assert _codes(told) == [SCALE] and told[0][1]["times"] == "100"
    told = _run(100000, lambda taken, given: (taken // 100, 0))
    assert [one for one in told if one[0] == SCALE][0][1]["times"] == "1/100"


def test_register_of_the_other_direction_is_told():
    """What flows in is counted as export: told as a matter of direction, not as a register that stands."""
    assert _codes(_run(10000, lambda taken, given: (0, taken))) == [DIRECTION]


def test_load_that_gives_is_told():
    """A load whose power is negative has its current transformers reversed, unless the site says so."""
    assert _codes(_run(-10000, lambda taken, given: (taken, given))) == [REVERSED]
    assert _run(-10000, lambda taken, given: (taken, given), reversed_=True) == []


def test_plant_that_draws_is_told_but_not_its_own_use():
    """A plant of 400 kW may draw 10 kW at night, not 100 kW."""
    assert _run(10000, lambda taken, given: (taken, given), "generation") == []
    assert _codes(_run(100000, lambda taken, given: (taken, given), "generation")) == [REVERSED]


def test_one_reversed_phase_is_told():
    """Two phases in and one out, for a minute: one current transformer is the wrong way round."""
    told = _run(10000, lambda taken, given: (taken, given), phases=(10000, 10000, -10000))
    assert told == [(PHASE, {"phases": "l3"})]
    assert _run(10000, lambda taken, given: (taken, given), phases=(5000, 5000, -10)) == []


def test_gap_in_the_power_says_nothing():
    """Where the power was not seen for a while, register and power are not compared over that time."""
    assert _run(100000, lambda taken, given: (taken, given), gap=range(100, 300)) == []


def test_what_the_meter_does_not_give_says_nothing():
    """A power or a register without a value is left out, and what was told before stays told."""
    check = RegisterCheck("load", False, 400000, 3 * CYCLE_MS, REGISTERS, ONE)
    for quantity in ("active_power_total", "active_power_l1", "energy_active_import"):
        assert check.take(Reading("m", quantity, 0, (), None)) == []


def test_a_register_that_was_reset_begins_the_comparison_anew():
    """Counting from 0 again in the middle of ten kW is no register that counts too little."""
    begun = []

    def counted(taken, given):
        if taken > 3000 and not begun:
            begun.append(taken)
        return (taken - begun[0] - 40000 if begun else taken, 0)

    assert _run(10000, counted) == []
    assert begun
