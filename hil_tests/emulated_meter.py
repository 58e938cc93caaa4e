"""EmulatedMeter: a meter that shows true values in the registers of its device profile."""

import math
from fractions import Fraction
from typing import NamedTuple

from gateway.core.meter.decoding import AGAINST_IMPORT
from gateway.core.meter.profile import DeviceProfile, Point
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.meter.sunspec import chain_end
from gateway.core.meter.sunspec_models import END, MARKER
from hil_tests.electrical import Nature, figure
from hil_tests.emulated_park import Sample
from hil_tests.register_words import Shown, show, text_words

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
MOST_REGISTERS = 125  # of one answer, by the protocol


class TrueRegister(NamedTuple):
    """An energy register as it was shown, and the energy it stands for; resolution: what its last digit is worth."""

    quantity: str
    words: tuple[int, ...]
    true_uwh: int
    resolution_uwh: int


class EmulatedMeter:
    """One meter on a bus. float_step_wh: the last digit of energy registers that are floats."""

    def __init__(
        self,
        name: str,
        unit: int,
        profile: DeviceProfile,
        nature: Nature,
        *,
        ratios: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1)),
        serial: str = "",
        float_step_wh: int = 10,
        clock_ahead_ms: int = 0,
    ) -> None:
        self.name = name
        self.unit = unit
        self.profile = profile
        self.nature = nature
        self.ratios = ratios
        self.serial = serial
        self.clock_ahead_ms = clock_ahead_ms
        self.frozen: dict[int, Sample] = {}  # by DI2 of DL/T 645: the truth of its last freeze of each kind
        self.float_step = Fraction(float_step_wh, 1000)
        self._windows = self._readable()
        self._functions = {window[0] for window in self._windows}
        self._fixed = self._fixed_words()

    def refusal(self, function: int, start: int, count: int) -> int:
        """Return the exception code with which the meter refuses this read, 0 where it answers."""
        if function not in self._functions:
            return ILLEGAL_FUNCTION
        align = self.profile.align
        if not 0 < count <= min(self.profile.max_registers, MOST_REGISTERS) or start % align or count % align:
            return ILLEGAL_VALUE
        last = start + count - 1
        inside = any(one[0] == function and one[1] <= start and last <= one[2] for one in self._windows)
        return 0 if inside else ILLEGAL_ADDRESS

    def registers(self, function: int, start: int, count: int, sample: Sample) -> tuple[int, ...]:
        """Return *count* registers from *start*; those that hold nothing are 0."""
        words = [self._fixed.get((function, at), 0) for at in range(start, start + count)]
        for point in self.profile.points:
            if point.quantity is None or point.function != function:
                continue
            if point.last < start or point.first >= start + count:
                continue
            for at, word in zip(_addresses(point), self._shown(point, sample).words, strict=True):
                if start <= at < start + count:
                    words[at - start] = word
        return tuple(words)

    def true_registers(self, function: int, start: int, count: int, sample: Sample) -> tuple[TrueRegister, ...]:
        """Return the truth behind the active energy registers that this read holds whole."""
        return tuple(
            self._true_register(point, sample)
            for point in self.profile.points
            if point.function == function
            and point.quantity is not None
            and QUANTITIES[point.quantity].cumulative
            and QUANTITIES[point.quantity].unit == "kWh"
            and start <= point.first
            and point.last < start + count
        )

    def _true_register(self, point: Point, sample: Sample) -> TrueRegister:
        assert point.quantity is not None
        shown = self._shown(point, sample)
        true_kwh = figure(point.quantity, self.nature, sample)
        return TrueRegister(point.quantity, shown.words, math.floor(true_kwh * 10**9), math.ceil(shown.step * 10**9))

    def _shown(self, point: Point, sample: Sample) -> Shown:
        assert point.quantity is not None
        value = figure(point.quantity, self.nature, sample)
        if point.sign in AGAINST_IMPORT and "power" in point.quantity:
            value = -value
        return show(point, value, self.ratios, self.float_step)

    def _readable(self) -> tuple[tuple[int, int, int], ...]:
        """Return the windows of the profile, and the registers by which the model is told from others."""
        single = [(one.function, one.address, one.address + one.count - 1) for one in self.profile.identify]
        single += [(one.function, one.first, one.last) for one in self.profile.constants]
        return (*self.profile.windows, *single)

    def _fixed_words(self) -> dict[tuple[int, int], int]:
        """Return the registers that never change: serial number, unit id, ratios, identity of the model."""
        found: list[tuple[int, int, tuple[int, ...]]] = []
        for point in self.profile.points:
            if point.name == "serial_number":
                found.append((point.function, point.address, self._serial_words(point)))
            elif point.name == "unit_id":
                found.append((point.function, point.address, (self.unit,)))
        for point in self.profile.constants:
            ratio = Fraction(*self.ratios[0 if point.name == "ct" else 1]) / Fraction(*point.factor)
            found.append((point.function, point.address, _big_endian(int(ratio), point.count)))
        for identity in self.profile.identify:
            expected = identity.expect[0]
            whole = isinstance(expected, int)
            words = _big_endian(int(expected), identity.count) if whole else text_words(str(expected), identity.count)
            found.append((identity.function, identity.address, words))
        layout = self.profile.sunspec
        if layout is not None:
            found += [
                (self.profile.function, layout.bases[0], MARKER),
                (self.profile.function, chain_end(layout), (END, 0)),
            ]
            found += [(self.profile.function, at, (model, length)) for model, at, length in layout.chain]
        return {(function, at + place): word for function, at, words in found for place, word in enumerate(words)}

    def _serial_words(self, point: Point) -> tuple[int, ...]:
        if point.type == "ascii":
            return text_words(self.serial, point.count)
        return _big_endian(int(self.serial) if self.serial.isdigit() else 0, point.count)


def _big_endian(number: int, count: int) -> tuple[int, ...]:
    return tuple(number >> 16 * place & 0xFFFF for place in reversed(range(count)))


def _addresses(point: Point) -> tuple[int, ...]:
    own = tuple(range(point.address, point.address + point.count))
    return own if point.exponent_at is None else (*own, point.exponent_at)
