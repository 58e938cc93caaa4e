"""MiswiredMeter: an emulated meter whose voltages and currents reach the wrong channels, or the wrong way round.

It shows what a real one would: the products of the phasors that its channels get.
"""

import cmath
import math
from collections.abc import Sequence
from fractions import Fraction

from gateway.core.meter.profile import DeviceProfile
from hil_tests.electrical import PHASES, Nature, figure
from hil_tests.emulated_meter import EmulatedMeter
from hil_tests.emulated_park import Sample
from hil_tests.register_words import show

_TURN = {"l1": 0.0, "l2": -2 * math.pi / 3, "l3": 2 * math.pi / 3}


class MiswiredMeter(EmulatedMeter):
    """voltages, currents: whose reaches L1, L2 and L3; turned: the current transformers the wrong way round."""

    def __init__(
        self,
        unit: int,
        profile: DeviceProfile,
        kind: Nature,
        *,
        voltages: Sequence[str] = PHASES,
        currents: Sequence[str] = PHASES,
        turned: Sequence[str] = (),
    ) -> None:
        super().__init__("miswired", unit, profile, kind)
        self._pairs = dict(zip(PHASES, zip(voltages, currents, strict=True), strict=True))
        self._turned = turned

    def shown_words(self, sample: Sample) -> dict[tuple[int, int], int]:
        """Return the registers of all values, by function and address."""
        words: dict[tuple[int, int], int] = {}
        for point in self.profile.points:
            if point.quantity is not None:
                value = self._figure(point.quantity, sample)
                for place, word in enumerate(show(point, value, self.ratios, self.float_step).words):
                    words[(point.function, point.address + place)] = word
        return words

    def _figure(self, quantity: str, sample: Sample) -> Fraction:
        powers = {phase: self._power(phase, sample) for phase in PHASES}
        for phase, (of_voltage, of_current) in self._pairs.items():
            known = {
                "voltage_%s_n" % phase: figure("voltage_%s_n" % of_voltage, self.nature, sample),
                "current_%s" % phase: figure("current_%s" % of_current, self.nature, sample),
                "active_power_%s" % phase: Fraction(powers[phase].real),
                "reactive_power_%s" % phase: Fraction(powers[phase].imag),
                "apparent_power_%s" % phase: Fraction(abs(powers[phase])),
            }
            if quantity in known:
                return known[quantity]
        total = sum(powers.values())
        known = {"active_power_total": Fraction(total.real), "reactive_power_total": Fraction(total.imag)}
        return known.get(quantity, figure(quantity, self.nature, sample))

    def _power(self, channel: str, sample: Sample) -> complex:
        of_voltage, of_current = self._pairs[channel]
        volts = cmath.rect(float(figure("voltage_%s_n" % of_voltage, self.nature, sample)), _TURN[of_voltage])
        active = float(figure("active_power_%s" % of_current, self.nature, sample))
        reactive = float(figure("reactive_power_%s" % of_current, self.nature, sample))
        own = cmath.rect(float(figure("voltage_%s_n" % of_current, self.nature, sample)), _TURN[of_current])
        amperes = (complex(active, reactive) / own).conjugate()
        return volts * (-amperes if channel in self._turned else amperes).conjugate()
