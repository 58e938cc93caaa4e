"""AccountedLine: meters on a line that costs no waiting: every exchange is added up as the time it takes on wires."""

from collections.abc import Callable, Iterable

from gateway.core.meter.modbus import crc_holds, with_crc
from gateway.core.meter.plan import BITS_OF_CHARACTER, silence_us
from hil_tests.emulated_meter import EmulatedMeter
from hil_tests.emulated_park import Sample

_SAMPLE = Sample(0, 3, 12_000, 5_000_000_000, 0, 500)


class AccountedLine:
    """A `gateway.line.Line` at one speed. line_us: how long the line was taken; frames: all that was sent.

    sample: the truth about a meter at the moment when it is asked.
    """

    def __init__(
        self,
        meters: Iterable[EmulatedMeter],
        baud: int,
        turnaround_ms: int,
        sample: Callable[[str], Sample] = lambda _: _SAMPLE,
    ) -> None:
        self._sample = sample
        self._meters = {meter.unit: meter for meter in meters}
        self._character_us = BITS_OF_CHARACTER * 1_000_000 / baud
        self._silence_us = silence_us(baud)
        self._turnaround_us = 1000 * turnaround_ms
        self.device = "/dev/ttyACCOUNTED"
        self.echoes = False
        self.line_us = 0.0
        self.frames: list[bytes] = []

    def open(self) -> None:
        """It is always open."""

    def close(self) -> None:
        """It needs no end."""

    def drain(self, quiet_ms: int) -> None:
        """Nothing is ever late here; the wait counts."""
        self.line_us += 1000 * quiet_ms

    def listen(self, listen_ms: int) -> bytes:
        """Hear nobody; the wait counts."""
        self.line_us += 1000 * listen_ms
        return b""

    def exchange(self, frame: bytes, answer_bytes: int, earliest_ms: int, timeout_ms: int) -> tuple[bytes, int]:
        """Return the answer of the meter that is asked, or b"" when the time is over."""
        self.frames.append(frame)
        self.line_us += len(frame) * self._character_us + self._silence_us
        answer = self._answer(frame)
        took_us = self._turnaround_us + len(answer) * self._character_us + self._silence_us
        if not answer or took_us > 1000 * timeout_ms:
            self.line_us += 1000 * timeout_ms
            return b"", timeout_ms
        self.line_us += took_us
        return answer, max(earliest_ms, round(took_us / 1000))

    def _answer(self, frame: bytes) -> bytes:
        meter = self._meters.get(frame[0]) if crc_holds(frame) else None
        if meter is None:
            return b""
        function, start, count = frame[1], int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
        refusal = meter.refusal(function, start, count)
        if refusal:
            return with_crc(bytes((meter.unit, function | 0x80, refusal)))
        words = meter.registers(function, start, count, self._sample(meter.name))
        octets = b"".join(word.to_bytes(2, "big") for word in words)
        return with_crc(bytes((meter.unit, function, len(octets))) + octets)
