"""Checks whether the energy registers of a meter agree with the power that it shows itself.

It withholds and corrects nothing: it says that a person must look, because a register stands still, counts in
another unit than the profile says, or counts the other way; or because a meter point draws what it cannot draw.
"""

from gateway.core.meter.plausibility import step_wh
from gateway.core.meter.profile import Point
from gateway.core.reading import Reading

POWER = "active_power_total"
PHASES = ("active_power_l1", "active_power_l2", "active_power_l3")

# Codes of events.
STUCK = "register-stuck"  # it stands still while power flows
SCALE = "register-scale"  # it counts several times more or less than the power says
DIRECTION = "register-direction"  # the power is counted by the register of the other direction
REVERSED = "power-reversed"  # the meter point draws or gives what its role cannot
PHASE = "phase-reversed"  # one phase has the other sign than all together

# Meters renew registers now and then, and power is seen as often as the meter is read: so long, and so often.
LEAST_MS = 300000
LEAST_SAMPLES = 12
LEAST_STEPS = 20  # of the register
_TIMES = 4  # registers and power may differ up to this, for power changes between two looks
_IDLE_PART = 20  # of the most that a plant can give, it may draw itself
_WH = 3600000  # W ms


def _scale(counted: int, flowed: int) -> str:
    """Return how many times as much as the power says was counted, as the nearest power of ten."""
    less, more, ten = min(counted, flowed), max(counted, flowed), 1
    while more > 3 * less * ten:
        ten *= 10
    return "%d" % ten if counted > flowed else "1/%d" % ten


class RegisterCheck:
    """One meter point: power and registers of its meter, over windows of some minutes."""

    def __init__(
        self,
        role: str,
        reversed_: bool,
        max_power_w: int,
        longest_gap_ms: int,
        registers: "tuple[Point | None, Point | None]",
        ratios: "tuple[tuple[int, int], tuple[int, int]]",
    ) -> None:
        """*registers*: of import and of export, None where the meter has none."""
        self._role = role
        self._reversed = reversed_
        self._max_power_w = max_power_w
        self._longest_gap_ms = longest_gap_ms
        self._points = {point.quantity: point for point in registers if point is not None}
        self._names = [None if point is None else point.quantity for point in registers]
        self._ratios = ratios
        self._told: "set[str]" = set()
        self._power: "tuple[int, int] | None" = None  # ms, W
        self._phases: "dict[str, int]" = {}
        self._odd_phases = 0
        self._begin()

    def _begin(self) -> None:
        """Begin a window."""
        self._began_ms: "int | None" = None
        self._flowed = [0, 0]  # W ms in, out
        self._samples = 0
        self._first: "dict[str, int]" = {}
        self._last: "dict[str, int]" = {}
        self._steps: "dict[str, int]" = {}

    def take(self, reading: Reading) -> "list[tuple[str, dict[str, str]]]":
        """Take a reading of the meter; return what a person should hear of, code and details, each thing once."""
        if reading.value is None:
            return []
        if reading.quantity in PHASES:
            self._phases[reading.quantity] = reading.value
        elif reading.quantity == POWER:
            self._flow(reading.at_ms, reading.value)
            return self._phase_findings(reading.value)
        elif reading.quantity in self._points and self._began_ms is not None:
            self._first.setdefault(reading.quantity, reading.value)
            self._last[reading.quantity] = reading.value
            self._steps[reading.quantity] = step_wh(self._points[reading.quantity], reading.words, self._ratios)
            return self._judge(reading.at_ms)
        return []

    def _flow(self, at_ms: int, watts: int) -> None:
        before, self._power = self._power, (at_ms, watts)
        if before is None or not 0 <= at_ms - before[0] <= self._longest_gap_ms:
            self._begin()
            self._began_ms = at_ms
            return
        if self._began_ms is None:
            self._began_ms = at_ms
            return
        doubled = (watts + before[1]) * (at_ms - before[0])
        self._flowed[doubled < 0] += abs(doubled) // 2
        self._samples += 1

    def _phase_findings(self, watts: int) -> "list[tuple[str, dict[str, str]]]":
        odd = [
            name
            for name in PHASES
            if name in self._phases and self._phases[name] * watts < 0 and 20 * abs(self._phases[name]) > abs(watts)
        ]
        self._phases = {}
        if self._role not in ("load", "own_use", "generation"):
            return []
        self._odd_phases = self._odd_phases + 1 if odd else 0
        if self._odd_phases == LEAST_SAMPLES:
            return self._tell(PHASE, {"phases": " ".join([name[-2:] for name in odd])})
        if not odd:
            self._told.discard(PHASE)
        return []

    def _judge(self, at_ms: int) -> "list[tuple[str, dict[str, str]]]":
        assert self._began_ms is not None
        if at_ms - self._began_ms < LEAST_MS or self._samples < LEAST_SAMPLES:
            return []
        flowed = [one // _WH for one in self._flowed]
        counted: "list[int | None]" = []
        for name in self._names:
            counted.append(None if name is None or name not in self._last else self._last[name] - self._first[name])
        known = [one for one in counted if one is not None]
        if min(known) < 0:  # it was reset, and is flagged as such
            self._begin()
            return []
        least_wh = LEAST_STEPS * max(self._steps.values())
        if max(flowed + known) < least_wh:
            return []
        found = self._of_registers(flowed, counted, least_wh) + self._of_role(flowed, least_wh, at_ms - self._began_ms)
        codes = [code for code, _ in found]
        for code in (SCALE, DIRECTION, REVERSED):
            if code not in codes:
                self._told.discard(code)
        told = []
        for code, details in found:
            told += self._tell(code, details)
        if STUCK not in codes:  # one that stands may only be slow: it is watched on
            self._told.discard(STUCK)
            self._begin()
        return told

    def _of_registers(
        self, flowed: "list[int]", counted: "list[int | None]", least_wh: int
    ) -> "list[tuple[str, dict[str, str]]]":
        found = []
        for way in (0, 1):
            here, there, name = counted[way], counted[1 - way], self._names[way]
            if here is None or name is None or max(flowed[way], here) < least_wh:
                continue
            details = {"register": name, "counted_wh": "%d" % here, "power_wh": "%d" % flowed[way]}
            if here * _TIMES < flowed[way]:
                if there is not None and flowed[way] < there * _TIMES and flowed[1 - way] * _TIMES < there:
                    found.append((DIRECTION, details))
                elif not here:
                    found.append((STUCK, details))
                else:
                    details["times"] = _scale(here, flowed[way])
                    found.append((SCALE, details))
            elif here > flowed[way] * _TIMES and flowed[way] >= least_wh // LEAST_STEPS:
                details["times"] = _scale(here, flowed[way])
                found.append((SCALE, details))
        return found

    def _of_role(self, flowed: "list[int]", least_wh: int, lasted_ms: int) -> "list[tuple[str, dict[str, str]]]":
        drawn, given = (flowed[1], flowed[0]) if self._reversed else (flowed[0], flowed[1])
        details = {"drawn_wh": "%d" % drawn, "given_wh": "%d" % given}
        if self._role in ("load", "own_use") and given > drawn and given >= least_wh:
            return [(REVERSED, details)]
        idle = drawn * _IDLE_PART * _WH <= self._max_power_w * lasted_ms or not self._max_power_w
        if self._role == "generation" and drawn > given and drawn >= least_wh and not idle:
            return [(REVERSED, details)]
        return []

    def _tell(self, code: str, details: "dict[str, str]") -> "list[tuple[str, dict[str, str]]]":
        if code in self._told:
            return []
        self._told.add(code)
        return [(code, details)]
