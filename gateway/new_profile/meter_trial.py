"""MeterTrial: reads the registers of a list from a live meter in every way they may be meant, and ranks the ways."""

import time
from collections.abc import Callable, Iterable, Sequence

from gateway.asker import Answer, Asker
from gateway.core.meter.exchange import meanings
from gateway.core.meter.modbus import read_request
from gateway.core.meter.plan import plan_blocks, readable
from gateway.core.meter.profile import DeviceProfile
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.reading import EXCEPTION, SILENT
from gateway.new_profile.combination import Meant, Outcome, Way, ranked, tried, ways_of, width_of
from gateway.new_profile.profile_text import Captured
from gateway.new_profile.register_image import RegisterImage, Span, read_spans
from gateway.new_profile.register_list import wire_address

_TRIES = 3
_LATE_MS = 500  # before another question, the answer to one that seemed lost must have passed
_BETWEEN_READS_S = 2.0  # within it, meters renew what they show
_AGAIN = 4  # so many of the likeliest ways are compared with a second read
_SILENT_AT_FIRST = 4  # so many questions without any answer, and nobody is there

Progress = Callable[[str], None]


class MeterTrial:
    """One meter, by its unit id on an open line; it is only ever read."""

    def __init__(
        self,
        asker: Asker,
        unit: int,
        timeout_ms: int,
        most: int,
        progress: Progress,
        wait_s: Callable[[float], None] = time.sleep,
    ) -> None:
        self._asker = asker
        self._unit = unit
        self._timeout_ms = timeout_ms
        self._most = most
        self._progress = progress
        self._wait_s = wait_s
        self._images: dict[tuple[int, str], RegisterImage] = {}
        self._heard = False
        self._silences = 0

    def ranked(
        self, lines: Sequence[Meant], functions: Iterable[int], bases: Iterable[str], likely: Way, secondary: bool
    ) -> list[Outcome]:
        """Return what the lines may mean, the likeliest first."""
        functions, bases = tuple(functions), tuple(bases)
        for function in functions:
            for base in bases:
                self._images[function, base] = self._image(lines, function, base)
        ways = [way for way in ways_of(lines, functions, bases) if self._image_of(way).registers]
        first = [tried(way, lines, self._image_of(way).registers, None, secondary) for way in ways]
        best = ranked(first, likely)[:_AGAIN]
        places = list(dict.fromkeys((one.way.function, one.way.base) for one in best))
        self._wait_s(_BETWEEN_READS_S)
        later = {place: self._image(lines, *place).registers for place in places}
        return ranked(
            [
                tried(way, lines, self._image_of(way).registers, later.get((way.function, way.base)), secondary)
                for way in ways
            ],
            likely,
        )

    def registers(self, way: Way) -> dict[int, int]:
        """Return the registers that were read for *way*."""
        return self._image_of(way).registers

    def windows(self, way: Way) -> list[Span]:
        """Return the reads that the meter answered, as (first, last) on the wire."""
        return self._image_of(way).windows

    def _image_of(self, way: Way) -> RegisterImage:
        return self._images[way.function, way.base]

    def _image(self, lines: Sequence[Meant], function: int, base: str) -> RegisterImage:
        spans = []
        for one in lines:
            if one.function is None:
                at = wire_address(one.listed, base)
                spans.append((at, at + width_of(one) - 1))
        return read_spans(self._ask, function, spans, self._most)

    def _ask(self, function: int, start: int, count: int) -> tuple[int, ...] | int:
        self._progress("%02d  0x%04X  %d" % (function, start, count))
        answer = self._asked(function, start, count)
        if answer.registers is not None:
            return answer.registers
        assert answer.fault is not None
        return int(answer.fault.detail) if answer.fault.kind == EXCEPTION else 0

    def _asked(self, function: int, start: int, count: int) -> Answer:
        """Return the answer, after a few attempts; raises ProblemError where nobody ever answered."""
        for _attempt in range(_TRIES):
            answer = self._asker.ask(self._unit, function, start, count, self._timeout_ms)
            if answer.fault is None or answer.fault.kind == EXCEPTION:
                self._heard = True
                break
            if answer.fault.kind == SILENT:
                self._silences += 1
                if not self._heard and self._silences >= _SILENT_AT_FIRST:
                    raise ProblemError(_nobody(self._unit))
            self._asker.drain(_LATE_MS)
        return answer

    def alignment(self, way: Way, lines: Sequence[Meant]) -> int:
        """Return 2 where the meter only serves pairs of registers, else 1."""
        windows = self.windows(way)
        even = all(first % 2 == 0 and last % 2 == 1 for first, last in windows)
        if not windows or not even or any(width_of(one) % 2 for one in lines if one.function is None):
            return 1
        answer = self._asked(way.function, windows[0][0], 1)
        return 2 if answer.fault is not None and answer.fault.kind == EXCEPTION else 1

    def captured(self, profile: DeviceProfile, baud: int) -> tuple[list[Captured], list[Answer]]:
        """Return the exchanges of one reading of the whole *profile*, and those that failed."""
        good, bad = [], []
        points = tuple(point for point in profile.points if readable(profile, point))
        for block in plan_blocks(profile, points, baud):
            answer = self._asked(block.function, block.start, block.count)
            if answer.registers is None:
                bad.append(answer)
                continue
            meant = meanings(profile, read_request(answer.request), answer.registers)
            expect = {one.name: one.value or "" for one in reversed(meant)}
            good.append(Captured(answer.request, answer.response, tuple(reversed(expect.items()))))
        return good, bad


def _nobody(unit: int) -> Problem:
    return problem(
        "WP-PRF-081",
        "unit %d" % unit,
        "The meter does not answer.",
        "Check wiring, unit id and line setting with `wattproof scan PORT`; or go on without it: --offline.",
    )
