"""Stations: the emulated meters on one line, what they answer to a frame, and the faults they have on purpose."""

from collections.abc import Callable
from typing import NamedTuple

from gateway.core.meter.modbus import crc_holds, with_crc
from gateway.core.meter.profile import CJT188
from hil_tests import emulated_readout
from hil_tests.emulated_di import di_answer, is_meant, question_in, sample_of
from hil_tests.emulated_meter import ILLEGAL_FUNCTION, EmulatedMeter, TrueRegister
from hil_tests.emulated_park import Sample
from hil_tests.line_faults import DELAYED, TRUE_KINDS, FaultDice, LineFault

_READ_REQUESTS = (3, 4)
_REQUEST_BYTES = 8


class Counts:
    """What happened on a bus."""

    def __init__(self) -> None:
        self.asked = self.answered = self.refused = self.ignored = self.faults = 0
        self.early = 0  # requests that began before the silence of 3.5 characters was over
        self.garbled = 0  # frames with a broken character: wrong parity, wrong speed, or two at once
        self.missed = 0  # requests to a meter that had two more to answer
        self.collisions = 0
        self.latest_us = 0  # how late the latest piece of an answer was


class Answer(NamedTuple):
    """What a meter puts on the wire, when after its turnaround, and the fault it does so with."""

    meter: EmulatedMeter
    octets: bytes
    delay_s: float
    fault: LineFault | None


class Stations:
    """The meters of one bus.

    sample(meter) gives the truth of now; witness(meter, utc_ms, registers) is told what an answer showed.
    """

    def __init__(
        self,
        meters: tuple[EmulatedMeter, ...],
        sample: Callable[[str], Sample],
        witness: Callable[[str, int, tuple[TrueRegister, ...]], None],
        dice: FaultDice,
    ) -> None:
        self.counts = Counts()
        self._meters = {meter.unit: meter for meter in meters if meter.unit}
        self._by_number = tuple(meter for meter in meters if not meter.unit)
        self._sample = sample
        self._witness = witness
        self._dice = dice

    def meant(self, frame: bytes) -> EmulatedMeter | None:
        """Return the meter that *frame* asks, by unit id or by number."""
        if crc_holds(frame):
            return self._meters.get(frame[0])
        question = question_in(frame)
        meant = [meter for meter in self._by_number if question is not None and is_meant(question, meter)]
        meant += [meter for meter in self._by_number if emulated_readout.is_meant(frame, meter)]
        return meant[0] if meant else None

    def answer(self, meter: EmulatedMeter, frame: bytes, since_start_ms: int = 0) -> Answer:
        """Return how *meter* answers *frame*, no octets where it stays silent."""
        self.counts.asked += 1
        fault = self._dice.next(meter.name, since_start_ms)
        octets, shown, utc_ms = (self._meter_answer if meter.unit else self._number_answer)(meter, frame)
        if fault is None or fault.kind in TRUE_KINDS:
            self._witness(meter.name, utc_ms, shown)
        if fault is None:
            return Answer(meter, octets, 0.0, None)
        self.counts.faults += 1
        delay_s = fault.delay_ms / 1000 if fault.kind in DELAYED else 0.0
        return Answer(meter, self._dice.damaged(fault.kind, frame, octets, fault.bits), delay_s, fault)

    def _number_answer(self, meter: EmulatedMeter, frame: bytes) -> tuple[bytes, tuple[TrueRegister, ...], int]:
        """Return what a meter that is asked by number answers, the truth behind it, and when it took its sample."""
        if meter.profile.protocol == CJT188:
            sample = self._sample(meter.name)
            octets, shown = emulated_readout.readout_answer(meter, frame, sample)
            self.counts.answered += 1
            return octets, shown, sample.utc_ms
        question = question_in(frame)
        assert question is not None
        now = self._sample(meter.name)
        then = sample_of(meter, question, now)
        octets, shown = di_answer(meter, question, then)
        self.counts.answered += 1
        return octets, shown, (then or now).utc_ms

    def _meter_answer(self, meter: EmulatedMeter, frame: bytes) -> tuple[bytes, tuple[TrueRegister, ...], int]:
        """Return what *meter* answers, the truth behind it, and when it took its sample."""
        unit, function = frame[0], frame[1]
        if function in _READ_REQUESTS and len(frame) == _REQUEST_BYTES:
            start, count = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
            refusal = meter.refusal(function, start, count)
        else:
            refusal = ILLEGAL_FUNCTION
        if refusal:
            self.counts.refused += 1
            return with_crc(bytes((unit, function | 0x80, refusal))), (), 0
        sample = self._sample(meter.name)
        words = meter.registers(function, start, count, sample)
        octets = b"".join(word.to_bytes(2, "big") for word in words)
        self.counts.answered += 1
        shown = meter.true_registers(function, start, count, sample)
        return with_crc(bytes((unit, function, len(octets))) + octets), shown, sample.utc_ms
