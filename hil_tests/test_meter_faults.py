"""Faults of a meter, one test each: from its registers over the gateway's own Poll and Line into closed intervals."""

import struct

from gateway.core.account.register_check import DIRECTION, REVERSED, SCALE, STUCK
from gateway.core.flag import DECREASED, ESTIMATED_SHAPE, MISSING, QUARANTINED, ROLLED_OVER
from gateway.core.reading import BACKWARDS, SERIAL, TOO_FAST
from hil_tests.metered import EXPORT, IMPORT, POWER, STEP_WH, Counts, Metered

WATTS = 36_000  # one count of 10 Wh a second


def flowing(first: int = 1_000_000, watts: int = WATTS) -> Counts:
    """Return registers that count what flows in."""

    def counts(quantity: str, since_ms: int) -> int:
        if quantity == POWER:
            return watts
        if quantity == IMPORT:
            return first + watts * since_ms // (STEP_WH * 3_600_000)
        return 5_000 if quantity == EXPORT else 70_077

    return counts


def changed(before: Counts, after_ms: int, change: Counts) -> Counts:
    """Return registers that are those of *before*, but from after_ms on the import register is that of *change*."""
    return lambda quantity, since_ms: (change if quantity == IMPORT and since_ms >= after_ms else before)(
        quantity, since_ms
    )


def test_fault_b01_register_that_rolls_over_goes_on() -> None:
    """A counter of eight digits passes 99999999: no energy is lost, none invented, and the interval is flagged."""
    first = 10**8 - 100
    metered = Metered(lambda q, ms: flowing(first)(q, ms) % 10**8, wrap=10**8)
    metered.run(310)
    assert sum(metered.tallied()) == STEP_WH * _counted(metered, 10**8)
    assert metered.flags().count(ROLLED_OVER) == 1 and set(metered.flags()) == {"", ROLLED_OVER}
    assert all(500 <= wh <= 700 for wh in metered.tallied())


def _counted(metered: Metered, wrap: int = 1 << 32) -> int:
    ends = metered.span_counts()
    first, last = (words[0] << 16 | words[1] for words in (ends[0][0], ends[-1][1]))
    return (last - first) % wrap


def test_fault_b02_reset_register_counts_nothing_negative() -> None:
    """A register falls to 0: withheld until it is sure, then the interval counts nothing, flagged, and all goes on."""
    metered = Metered(changed(flowing(), 150_000, flowing(-150)))
    metered.run(400)
    assert BACKWARDS in metered.fault_kinds()
    assert [flag for flag in metered.flags() if flag] == [DECREASED]
    assert all(0 <= wh <= 700 for wh in metered.tallied())


def test_fault_b02_exchanged_meter_is_known_by_its_serial_number() -> None:
    """Another serial number answers at the same unit id: nothing of it is believed or tallied."""

    def counts(quantity: str, since_ms: int) -> int:
        if quantity == "serial_number" and since_ms >= 150_000:
            return 70_078
        return flowing(1_000_000 if since_ms < 150_000 else 7)(quantity, since_ms)

    metered = Metered(counts, serial="70077")
    metered.run(400)
    assert SERIAL in metered.fault_kinds()
    assert all(reading.words[0] or reading.quantity != IMPORT for reading in metered.readings)
    assert all(0 <= wh <= 700 for wh in metered.tallied())


def test_fault_b03_small_step_back_gives_no_negative_energy() -> None:
    """A float register falls back by its last digit now and then: held, no energy below 0, the sum as the ends say."""

    def counts(quantity: str, since_ms: int) -> int:
        whole = flowing()(quantity, since_ms)
        if quantity in (IMPORT, EXPORT):
            shown = whole - (3 if since_ms % 7 < 2 else 0)
            return int.from_bytes(struct.pack(">f", shown / 100), "big")
        return whole

    metered = Metered(counts, kind="f32")
    metered.run(600)
    assert len(metered.closed) >= 7
    assert all(500 <= wh <= 700 for wh in metered.tallied())


def test_fault_b04_jump_beyond_the_connection_is_withheld() -> None:
    """A register jumps by 10,000 kWh for half a minute: no reading of it is believed, the sum is what flowed."""
    jumped = changed(flowing(), 150_000, flowing(2_000_000))
    metered = Metered(lambda q, ms: (jumped if ms < 180_000 else flowing())(q, ms))
    metered.run(400)
    assert TOO_FAST in metered.fault_kinds()
    assert all(reading.words[0] < 20 for reading in metered.readings if reading.quantity == IMPORT)
    late = [span.energy_wh for one in metered.late for span in one.spans if span.quantity == IMPORT]
    assert sum(metered.tallied()) + sum(late) == STEP_WH * _counted(metered), "what was withheld comes as late truth"
    assert max(metered.tallied() + late) <= 700


def test_fault_b04_jump_that_stays_is_quarantined() -> None:
    """A register jumps by 10,000 kWh and goes on: read again after ten minutes, and the rise counts 0 with a flag."""
    metered = Metered(changed(flowing(), 150_000, flowing(2_000_000)))
    metered.run(1000)
    late = [span for one in metered.late for span in one.spans if span.quantity == IMPORT]
    quarantined = [span for span in late if QUARANTINED in span.flag]
    assert len(quarantined) >= 10 and all(span.energy_wh == 0 for span in quarantined)
    assert metered.flags()[-1] == "" and 500 <= metered.tallied()[-1] <= 700
    assert max(metered.tallied()) <= 700


def test_fault_b05_torn_value_is_withheld() -> None:
    """In every tenth read the register carries between its words, 65,536 counts off: no torn value is believed."""
    reads, tears = 0, 0

    def torn(counts: int, second: bool) -> int:
        nonlocal reads, tears
        reads += not second
        low = counts | 0xFFFF  # it stands at ...FFFF, and the next count carries
        if reads % 10:
            return low
        tears += second
        # Read downwards and upwards: high word too old, then high word too new.
        return low + (second if reads % 20 else not second)

    metered = Metered(flowing())
    metered.torn = torn
    metered.run(6000)
    assert tears > 100
    values = {one.words[0] << 16 | one.words[1] for one in metered.readings if one.quantity == IMPORT}
    assert all(value & 0xFFFF == 0xFFFF for value in values)
    assert {BACKWARDS, TOO_FAST} == metered.fault_kinds()


def test_fault_b06_changed_word_order_is_never_tallied() -> None:
    """After an update the words come low word first: withheld at once, and no interval counts what never flowed."""

    def counts(quantity: str, since_ms: int) -> int:
        whole = flowing(1_234_567)(quantity, since_ms)
        if quantity == IMPORT and since_ms >= 150_000:
            return (whole & 0xFFFF) << 16 | whole >> 16
        return whole

    metered = Metered(counts)
    metered.run(600)
    assert TOO_FAST in metered.fault_kinds()
    assert all(0 <= wh <= 700 for wh in metered.tallied())
    assert set(metered.flags()[3:]) == {MISSING}


def test_fault_b07_register_that_stands_is_told() -> None:
    """36 kW flow and the register stands still for minutes: told once, with what flowed."""
    metered = Metered(changed(flowing(), 150_000, lambda quantity, ms: 1_000_150))
    metered.run(1200)
    assert [code for code, _ in metered.told] == [STUCK]
    assert metered.told[0][1]["register"] == IMPORT


def test_fault_b08_what_is_no_number_is_never_tallied() -> None:
    """NaN, the infinities and 0xFFFFFFFF in a float register are no value: the interval is flagged as missing."""
    for bits in (0x7FC00000, 0x7F800000, 0xFF800000, 0xFFFFFFFF):

        def counts(quantity: str, since_ms: int, bits: int = bits) -> int:
            whole = flowing()(quantity, since_ms)
            if quantity not in (IMPORT, EXPORT):
                return whole
            if quantity == EXPORT:
                return 0
            return bits if since_ms >= 150_000 else int.from_bytes(struct.pack(">f", whole / 100), "big")

        metered = Metered(counts, kind="f32")
        metered.run(310)
        assert all(0 <= wh <= 700 for wh in metered.tallied())
        values = [one.value for one in metered.readings if one.quantity == IMPORT]
        assert None in values and max(value for value in values if value is not None) < 11_000_000
        assert metered.flags()[-1] == MISSING


def test_fault_b09_reversed_current_transformers_are_told() -> None:
    """A load gives 36 kW and counts it as export: told within minutes, and nothing is turned round by itself."""

    def counts(quantity: str, since_ms: int) -> int:
        inward = flowing()
        if quantity == POWER:
            return -WATTS
        return inward(IMPORT, since_ms) if quantity == EXPORT else inward(EXPORT, since_ms)

    metered = Metered(counts)
    metered.run(600)
    assert [code for code, _ in metered.told] == [REVERSED]
    assert sum(metered.tallied(EXPORT)) > 3000 and sum(metered.tallied(IMPORT)) == 0


def test_fault_b09_register_of_the_other_direction_is_told() -> None:
    """36 kW flow in and the export register counts them: told as a matter of direction."""

    def counts(quantity: str, since_ms: int) -> int:
        swap = {IMPORT: EXPORT, EXPORT: IMPORT}
        return flowing()(swap.get(quantity, quantity), since_ms)

    metered = Metered(counts)
    metered.run(600)
    assert [code for code, _ in metered.told] == [DIRECTION]


def test_fault_b11_import_and_export_of_one_interval_are_both_kept() -> None:
    """Both registers count within each interval: both are tallied gross, and both sums are exact."""

    def counts(quantity: str, since_ms: int) -> int:
        if quantity == EXPORT:
            return 5_000 + since_ms // 3000
        return flowing()(quantity, since_ms)

    metered = Metered(counts)
    metered.run(400)
    assert len(metered.closed) >= 4
    for quantity in (IMPORT, EXPORT):
        ends = metered.span_counts(quantity)
        first, last = (words[0] << 16 | words[1] for words in (ends[0][0], ends[-1][1]))
        assert sum(metered.tallied(quantity)) == STEP_WH * (last - first) > 0


def test_fault_b12_changed_unit_is_told_with_its_power_of_ten() -> None:
    """The register counts in kWh from now on: the fall is flagged, and the ratio to the power is told, 1/100."""
    scaled = changed(flowing(watts=360_000), 150_000, lambda q, ms: flowing(watts=360_000)(q, ms) // 100)
    metered = Metered(scaled)
    metered.run(3600)
    assert DECREASED in metered.flags()
    told = [details for code, details in metered.told if code == SCALE]
    assert told and told[0]["times"] == "1/100"
    assert max(metered.tallied()) <= 6200


def test_fault_b13_energy_of_an_outage_is_whole_and_its_shape_flagged() -> None:
    """The meter is away for four minutes and counts on: the sum is exact, and the gap is flagged as estimated."""
    metered = Metered(flowing())
    metered.silent_ms = (130_000, 370_000)
    metered.run(700)
    assert sum(metered.tallied()) == STEP_WH * _counted(metered)
    assert metered.flags().count(ESTIMATED_SHAPE) >= 4
    assert set(metered.flags()) == {"", ESTIMATED_SHAPE}
