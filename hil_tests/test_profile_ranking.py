"""What a register list means is found on an emulated meter, whatever the list and the person take it for."""

from fractions import Fraction

import pytest

from gateway.asker import Answer, Asker
from gateway.core.meter.modbus import FrameFault
from gateway.core.meter.profile import HIGH_FIRST, LOW_FIRST, DeviceProfile
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.reading import EXCEPTION
from gateway.new_profile.combination import Way, meant_of
from gateway.new_profile.meter_trial import MeterTrial
from gateway.new_profile.register_list import ONE_BASED, ZERO_BASED, read_register_list
from gateway.profiles import load_profile
from hil_tests.electrical import figure, nature
from hil_tests.emulated_meter import EmulatedMeter
from hil_tests.emulated_park import Sample

POWER_W = 12_000
# Their manuals count from one; the others print what goes on the wire.
COUNTED_FROM_ONE = ("schneider-iem3155", "schneider-pm5350", "sungrow-sh")
WORDS_LOW_FIRST = ("carlo-gavazzi-em340", "sungrow-sh")
MODELS = (
    "abb-b23", "acrel-adl3000", "acrel-adl400", "carlo-gavazzi-em340", "chint-dtsu666", "eastron-sdm120",
    "eastron-sdm630", "huawei-sun2000", "inepro-pro380", "janitza-umg96rm", "orno-we-516", "schneider-iem3155",
    "schneider-pm5350", "siemens-pac3200", "socomec-countis-e34", "sungrow-sh",
)  # fmt: skip
FLOATS = ("eastron-sdm120", "eastron-sdm630", "inepro-pro380", "janitza-umg96rm", "orno-we-516", "chint-dtsu666")


class _EmulatedAsker(Asker):
    """Asks an emulated meter itself, without a line; time goes on when somebody waits."""

    def __init__(self, meter: EmulatedMeter) -> None:
        self._meter = meter
        self.now_ms = 0
        self.functions: set[int] = set()

    def sample(self) -> Sample:
        """Return the truth of now: the load has run for a while, and runs."""
        imported_mj = 4_444_000_000_123 + POWER_W * self.now_ms
        return Sample(1_700_000_000_000 + self.now_ms, 5, POWER_W, imported_mj, 45_678_901_234, 500)

    def ask(self, unit: int, function: int, start: int, count: int, timeout_ms: int) -> Answer:
        """Answer as the meter does."""
        self.functions.add(function)
        refusal = self._meter.refusal(function, start, count)
        if refusal:
            return Answer(b"", b"", None, FrameFault(EXCEPTION, str(refusal)))
        return Answer(b"", b"", self._meter.registers(function, start, count, self.sample()), None)

    def wait(self, seconds: float) -> None:
        """Let time go on."""
        self.now_ms += int(1000 * seconds)


def _meter(profile: DeviceProfile) -> EmulatedMeter:
    three = any(point.quantity in ("voltage_l2_n", "current_l2") for point in profile.points)
    kind = nature("seed", 3 if three else 1, source=False, start_import_wh=1_234_560, start_export_wh=4_000)
    return EmulatedMeter("m", 1, profile, kind)


def _list(profile: DeviceProfile, offset: int, names_only: bool) -> str:
    """Return the register list as a manual has it: addresses and names, with type, unit and factor or without."""
    rows = []
    for point in profile.polled():
        if point.exponent_at is None:
            factor = Fraction(*point.factor)
            stated = "" if names_only else "%s;%s;%s" % (point.type, point.unit, float(factor))
            rows.append("%d;%s;%s" % (point.address + offset, point.quantity, stated))
    return "\n".join(rows)


def _first(model: str, *, names_only: bool) -> "tuple[Way, dict[str, Fraction], EmulatedMeter, Sample]":
    """Return what is ranked first where function, base and order are all stated wrong."""
    profile = load_profile(model, "/nonexistent")
    one_based = model in COUNTED_FROM_ONE
    found = read_register_list(_list(profile, int(one_based), names_only))
    lines = meant_of(found.registers, {one.line: one.name for one in found.registers})
    wrong = Way(
        7 - profile.function,
        ZERO_BASED if one_based else ONE_BASED,
        HIGH_FIRST if model in WORDS_LOW_FIRST else LOW_FIRST,
    )
    meter = _meter(profile)
    asker = _EmulatedAsker(meter)
    trial = MeterTrial(asker, 1, 1000, 50, lambda text: None, asker.wait)
    sample = asker.sample()
    outcomes = trial.ranked(
        lines, (wrong.function, profile.function), (wrong.base, ZERO_BASED, ONE_BASED), wrong, False
    )
    assert asker.functions <= {3, 4}
    assert outcomes[0].score > outcomes[1].score, "nothing decides"
    return outcomes[0].way, outcomes[0].values, meter, sample


@pytest.mark.parametrize("model", MODELS)
def test_the_true_meaning_is_ranked_first_although_the_list_is_read_wrong(model: str) -> None:
    """From addresses, names, types and units alone, function, base and order of a meter are found, and its values."""
    way, values, meter, sample = _first(model, names_only=False)
    base = ONE_BASED if model in COUNTED_FROM_ONE else ZERO_BASED
    words = LOW_FIRST if model in WORDS_LOW_FIRST else HIGH_FIRST
    assert (way.function, way.base, way.words, way.swapped) == (meter.profile.function, base, words, False)
    assert len(values) > 5
    for name, value in values.items():
        true = figure(name, meter.nature, sample)
        point = next(one for one in meter.profile.polled() if one.quantity == name)
        if point.sign in ("+export", "+discharge"):
            value = -value
        step = Fraction(*point.factor) * (1000 if point.unit.startswith("k") and QUANTITIES[name].unit == "W" else 1)
        assert abs(value - true) <= max(2 * step, abs(true) / 1000, Fraction(1, 50)), (name, float(value), float(true))


@pytest.mark.parametrize("model", FLOATS)
def test_addresses_and_names_alone_are_enough_for_a_meter_of_floats(model: str) -> None:
    """Where the list says neither types nor units, function, base and order are found all the same."""
    way, values, meter, sample = _first(model, names_only=True)
    assert (way.function, way.base, way.words) == (meter.profile.function, ZERO_BASED, HIGH_FIRST)
    assert way.instant == "float"
    volts = values["voltage_l1_n"]
    assert abs(volts - figure("voltage_l1_n", meter.nature, sample)) < Fraction(1, 10)
