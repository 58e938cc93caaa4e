"""The emulated park: busbars, loads, sources and a battery, with true powers and exact energies.

Time runs in steps of whole seconds. Within a step every power is a constant whole number of watts, so energy is
an exact whole number of millijoules (watts times milliseconds), and what a busbar takes in is what it gives out
at every moment. Steps begin 700 ms after a whole second: never on a minute, where the gateway closes its intervals.
"""

from collections.abc import Mapping
from typing import NamedTuple

from hil_tests.curve import Curve

STEP_PHASE_MS = 700  # where in a second a step begins
MJ_PER_WH = 3_600_000
# After a longer pause the park stands still meanwhile: to run on would take minutes of computing at the start.
LONGEST_CATCH_UP_MS = 7 * 24 * 3_600_000

STANDALONE, LOAD, GENERATION, STORAGE, INTAKE, TIE = "standalone", "load", "generation", "storage", "intake", "tie"
ROLES = (STANDALONE, LOAD, GENERATION, STORAGE, INTAKE, TIE)


class Branch(NamedTuple):
    """One metered connection. Powers are seen from the connection: import is positive.

    busbar: where it hangs; to_busbar: the one a tie feeds. An intake and a tie carry what their busbar needs.
    load: a curve or a constant power in watts, for the other roles; a generation gives its curve.
    """

    name: str
    role: str
    busbar: str = ""
    to_busbar: str = ""
    load: Curve | int = 0


class Battery(NamedTuple):
    """What the storage branch *name* can do; efficiency_permille is what remains of the energy that is charged."""

    name: str
    power_w: int
    capacity_wh: int
    content_wh: int
    efficiency_permille: int


class Plan(NamedTuple):
    """The whole park, as configured. unmetered_w: what hangs on a busbar without a meter."""

    branches: tuple[Branch, ...]
    batteries: tuple[Battery, ...]
    unmetered_w: Mapping[str, int]
    value_ms: int  # how long one value of the curves lasts
    step_ms: int
    first_value: int  # the value of the curves at birth


class Sample(NamedTuple):
    """The truth about one branch at one moment; energies since birth."""

    utc_ms: int
    step: int
    power_w: int
    import_mj: int
    export_mj: int
    content_permille: int  # how full its battery is


class Park:
    """The park in time; `advance` moves it, and nothing else changes it."""

    def __init__(self, plan: Plan, now_ms: int, state: Mapping[str, object] | None = None) -> None:
        self.plan = plan
        self.now_ms = now_ms
        self.origin_ms = now_ms // 1000 * 1000 + STEP_PHASE_MS - 1000
        self.step = 0
        self.imported_mj = {branch.name: 0 for branch in plan.branches}
        self.exported_mj = {branch.name: 0 for branch in plan.branches}
        self.content_mj = {battery.name: battery.content_wh * MJ_PER_WH for battery in plan.batteries}
        if state is not None:
            self._restore(state)
        self.powers_w = self._powers_w()
        self.advance(now_ms)

    def advance(self, utc_ms: int) -> None:
        """Let the park run until *utc_ms*; a time before the one it has reached changes nothing."""
        self.now_ms = max(self.now_ms, utc_ms)
        while self.now_ms >= self._begin_ms() + self.plan.step_ms:
            self._finish_step()

    def sample(self, name: str) -> Sample:
        """Return the truth about branch *name* now."""
        power_w, since_ms = self.powers_w[name], self._elapsed_ms()
        battery = next((one for one in self.plan.batteries if one.name == name), None)
        content = 0 if battery is None else self.content_mj[name] * 1000 // (battery.capacity_wh * MJ_PER_WH)
        return Sample(
            self.now_ms,
            self.step,
            power_w,
            self.imported_mj[name] + max(power_w, 0) * since_ms,
            self.exported_mj[name] + max(-power_w, 0) * since_ms,
            content,
        )

    def state(self) -> dict[str, object]:
        """Return what must be kept so that another process can continue this park, as plain JSON values."""
        return {
            "now_ms": self.now_ms,
            "origin_ms": self.origin_ms,
            "step": self.step,
            "imported_mj": dict(self.imported_mj),
            "exported_mj": dict(self.exported_mj),
            "content_mj": dict(self.content_mj),
        }

    def _restore(self, state: Mapping[str, object]) -> None:
        kept_ms, origin_ms, step = (_whole(state[key]) for key in ("now_ms", "origin_ms", "step"))
        absence_ms = self.now_ms - kept_ms
        if absence_ms > LONGEST_CATCH_UP_MS:
            origin_ms += absence_ms // 1000 * 1000
        elif absence_ms < 0:
            self.now_ms = kept_ms
        self.origin_ms, self.step = origin_ms, step
        for key, own in (
            ("imported_mj", self.imported_mj), ("exported_mj", self.exported_mj), ("content_mj", self.content_mj),
        ):  # fmt: skip
            kept = state[key]
            assert isinstance(kept, Mapping)
            for name in own:
                own[name] = _whole(kept.get(name, own[name]))

    def _begin_ms(self) -> int:
        return self.origin_ms + self.step * self.plan.step_ms

    def _elapsed_ms(self) -> int:
        return max(0, self.now_ms - self._begin_ms())

    def _finish_step(self) -> None:
        for name, power_w in self.powers_w.items():
            energy_mj = power_w * self.plan.step_ms
            if energy_mj >= 0:
                self.imported_mj[name] += energy_mj
            else:
                self.exported_mj[name] -= energy_mj
        for battery in self.plan.batteries:
            energy_mj = self.powers_w[battery.name] * self.plan.step_ms
            kept_mj = energy_mj * battery.efficiency_permille // 1000 if energy_mj > 0 else energy_mj
            self.content_mj[battery.name] += kept_mj
        self.step += 1
        self.powers_w = self._powers_w()

    def _powers_w(self) -> dict[str, int]:
        """Return the power of every branch in the present step."""
        steps = self.plan.value_ms // self.plan.step_ms
        position = self.plan.first_value * steps + self.step
        powers_w: dict[str, int] = {}
        for branch in self.plan.branches:
            if branch.role in (STANDALONE, LOAD, GENERATION):
                power_w = branch.load if isinstance(branch.load, int) else branch.load.power_w(position, steps)
                powers_w[branch.name] = -power_w if branch.role == GENERATION else power_w
        need_w = sum(self.plan.unmetered_w.values()) + sum(
            powers_w[branch.name] for branch in self.plan.branches if branch.role in (LOAD, GENERATION)
        )
        for battery in self.plan.batteries:
            powers_w[battery.name] = self._battery_w(battery, need_w)
            need_w += powers_w[battery.name]
        for branch in self.plan.branches:
            if branch.role == INTAKE:
                self._balance(branch, branch.busbar, powers_w)
        return {branch.name: powers_w[branch.name] for branch in self.plan.branches}

    def _battery_w(self, battery: Battery, need_w: int) -> int:
        """Return what *battery* takes of a surplus, or gives (negative) to what the park still needs."""
        step_ms, content_mj = self.plan.step_ms, self.content_mj[battery.name]
        if need_w > 0:
            return -min(need_w, battery.power_w, content_mj // step_ms)
        room_mj = battery.capacity_wh * MJ_PER_WH - content_mj
        return max(0, min(-need_w, battery.power_w, room_mj * 1000 // (battery.efficiency_permille * step_ms)))

    def _balance(self, feeder: Branch, busbar: str, powers_w: dict[str, int]) -> None:
        """Let *feeder* carry what *busbar* needs, after the ties that leave it."""
        need_w = self.plan.unmetered_w.get(busbar, 0)
        for branch in self.plan.branches:
            if branch.busbar != busbar or branch is feeder:
                continue
            if branch.role == TIE:
                self._balance(branch, branch.to_busbar, powers_w)
            need_w += powers_w[branch.name]
        powers_w[feeder.name] = need_w


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
