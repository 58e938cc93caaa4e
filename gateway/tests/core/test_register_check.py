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


class Meter:
    """A meter whose power and registers are set by hand, in whole Wh, five seconds at a time."""

    def __init__(self, role="load", most_w=400000, reversed_=False, registers=REGISTERS, gap_ms=3 * CYCLE_MS):
        self.check = RegisterCheck(role, reversed_, most_w, gap_ms, registers, ONE)
        self.at_ms = 0

    def power(self, watts, after_ms=CYCLE_MS):
        self.at_ms += after_ms
        return self.check.take(Reading("m", "active_power_total", self.at_ms, (0, 0), watts))

    def shows(self, wh, place=0):
        counts = wh // 10
        words = (counts >> 16, counts & 0xFFFF)
        return self.check.take(Reading("m", REGISTERS[place].quantity, self.at_ms, words, wh))

    def flows(self, watts, counted, cycles=61, given=0):
        """Let *watts* flow for so long, and the registers go on by what is counted at the end of it."""
        told = []
        for cycle in range(cycles):
            told += self.power(watts)
            if cycle == 0:
                told += self.shows(100000) + self.shows(200000, 1)
            if cycle == cycles - 2:  # before it is judged
                told += self.shows(100000 + counted) + self.shows(200000 + given, 1)
        return told + self.shows(100000 + counted)


def test_least_time_and_looks():
    """Nothing is judged before 300 s and twelve looks at the power; then at once."""
    for cycles, told in ((60, []), (61, [STUCK])):
        assert _codes(Meter().flows(10000, 0, cycles)) == told
    for after_ms, cycles, told in ((15000, 13, []), (15000, 22, [STUCK]), (30000, 12, []), (30000, 13, [STUCK])):
        meter = Meter(gap_ms=30000)
        found = []
        for cycle in range(cycles):
            found += meter.power(100000, after_ms)
            found += meter.shows(100000) if not cycle else []
        assert _codes(found + meter.shows(100000)) == (told if after_ms * (cycles - 1) >= 300000 else [])


def test_power_that_is_not_seen_begins_anew():
    """A look later than the longest gap begins a new window, as does a clock that goes back."""
    for gap_ms, told in ((15000, [STUCK]), (15001, []), (0, [STUCK]), (-1, [])):
        meter = Meter()
        meter.flows(10000, 0, 40)
        meter.power(10000, gap_ms)
        for _ in range(21):
            meter.power(10000)
        assert _codes(meter.shows(100000)) == told, gap_ms


def test_four_times_is_the_most_they_may_differ():
    """833 Wh flow in 300 s of 10 kW: from 209 to 3332 Wh may be counted."""
    for counted, code in ((830, None), (210, None), (200, SCALE), (0, STUCK), (3330, None), (3340, SCALE)):
        told = Meter().flows(10000, counted)
        assert _codes(told) == ([code] if code else []), counted
        if code:
            assert told[0][1]["power_wh"] == "833" and told[0][1]["counted_wh"] == "%d" % counted
    for counted, times in ((200, "1/10"), (20, "1/100"), (3340, "10"), (24900, "10"), (25100, "100"), (833000, "1000")):
        assert Meter().flows(10000, counted)[0][1]["times"] == times, counted


def test_the_other_register():
    """Nothing here and what flowed there: the direction; far more there than flowed: a register that stands."""
    for given, codes in ((830, [DIRECTION]), (210, [DIRECTION]), (200, [STUCK]), (3340, [DIRECTION])):
        assert _codes(Meter().flows(10000, 0, given=given)) == codes, given
    told = Meter("storage").flows(-10000, 830)
    assert told[0][0] == DIRECTION and told[0][1]["register"] == "energy_active_export"
    assert Meter("storage").flows(-10000, 0, given=830) == []


def test_steps_of_the_register_are_waited_for():
    """Less than twenty steps of 10 Wh (11 with rounding) are too few to say anything."""
    for watts, told in ((2640, [STUCK]), (2639, [])):
        assert _codes(Meter().flows(watts, 0)) == told
    assert Meter().flows(0, 219) == [] and Meter().flows(0, 220) == []
    assert _codes(Meter().flows(132, 220)) == [SCALE] and Meter().flows(131, 220) == []


def test_a_register_that_was_reset_is_left_to_others():
    """What went down is flagged where it is accounted: the window begins anew."""
    meter = Meter()
    assert meter.flows(10000, -10) == []
    assert _codes(meter.flows(10000, 0)) == [STUCK]


def test_each_thing_is_told_once_until_it_is_well():
    """A scale that stays wrong is told once; after a sound window again."""
    meter = Meter()
    codes = [_codes(meter.flows(10000, counted)) for counted in (100, 100, 830, 100)]
    assert codes == [[SCALE], [], [], [SCALE]]


def test_what_a_role_can_draw_and_give():
    """A load gives nothing; a plant draws a twentieth of what it can give; intakes and storages do both."""
    assert _codes(Meter("own_use").flows(-10000, 0, given=830)) == [REVERSED]
    for role in ("intake", "storage", "tie"):
        assert Meter(role).flows(-10000, 0, given=830) == Meter(role).flows(10000, 830) == []
    for most_w, told in ((200000, []), (199000, [REVERSED]), (0, [])):
        found = Meter("generation", most_w).flows(10000, 830)
        assert _codes(found) == told
        assert not told or found[0][1] == {"drawn_wh": "833", "given_wh": "0"}
    found = Meter("generation", 100000, True).flows(-10000, 0, given=830)
    assert found == [(REVERSED, {"drawn_wh": "833", "given_wh": "0"})]
    assert Meter("load", 400000, True).flows(-10000, 0, given=830) == []


def test_phases_against_the_sum():
    """Twelve looks in a row, a phase of more than a twentieth of the whole, of loads and plants alone."""

    def phases(role, of_l2, looks, watts=10000):
        check = RegisterCheck(role, False, 400000, 15000, (None, None), ONE)
        told = []
        for look in range(looks):
            check.take(Reading("m", "active_power_l2", 5000 * look, (0, 0), of_l2))
            told += check.take(Reading("m", "active_power_total", 5000 * look, (0, 0), watts))
        return told

    assert phases("load", -501, 11) == [] and phases("load", -501, 12) == [(PHASE, {"phases": "l2"})]
    assert phases("load", -500, 12) == [] and phases("load", 501, 12) == [] and phases("load", -501, 40) != []
    assert len(phases("own_use", -501, 40)) == len(phases("generation", 501, 40, -10000)) == 1
    assert phases("intake", -501, 40) == phases("storage", -501, 40) == []
    check = RegisterCheck("load", False, 400000, 15000, (None, None), ONE)
    told = []
    for look in range(60):
        sign = 1 if look % 13 == 12 else -1
        check.take(Reading("m", "active_power_l1", 5000 * look, (0, 0), sign * 5000))
        told += check.take(Reading("m", "active_power_total", 5000 * look, (0, 0), 10000))
    assert told == [(PHASE, {"phases": "l1"})] * 4
