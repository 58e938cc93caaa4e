"""Tests of histories with declared exchanges: the sum of intervals is last minus first register, segment by segment."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.account import declared
from gateway.core.account.declared import Change, changed_energy
from gateway.core.flag import DECLARED
from gateway.core.meter.profile import Point
from gateway.export import write_export
from gateway.register_run import booked
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark
from gateway.verification import verify_export

STEP_S = 300
HOURS = 14
WIDTH = 1 << 32
QUANTITIES = ("energy_active_import", "energy_active_export")
# What one count is at the primary side, what the meter shows of it, where counts begin again, where they begin here:
# floats of kWh behind 200/5, which never begin again, and whole numbers of 0.01 kWh just below their width.
METERS = {"m-mill": (40, 1, 1 << 60, 1_000_000), "m-battery": (10, 10, WIDTH, WIDTH - 4000)}
MOST_PAUSE = 20  # steps between two readings
POINT = Point(
    "energy_active_import", "energy_active_import", 3, 0, 2, "u32", "high-first", (1, 1000), "kWh", "secondary",
    ("ct",), True, WIDTH, (), None, "", True,
)  # fmt: skip


class ExchangeHistory:
    """A park in which one meter is exchanged now and then; what was exchanged is declared sooner or later."""

    def __init__(self, home: Path, seed: int, meter: str) -> None:
        """Open the books of a park in which *meter* is exchanged."""
        print("seed", seed)
        self.chance = random.Random(seed)
        self.park = SmallPark(home)
        self.meter, self.registers = meter, [(meter, quantity) for quantity in QUANTITIES]
        _, self.shown_wh, self.width, first = METERS[meter]
        self.park.counts.update(dict.fromkeys(self.registers, first))
        self.park.read_at(DAY_START_S)
        self.advanced = dict.fromkeys(self.registers, 0)
        self.undeclared: list[tuple[int, dict[str, str]]] = []
        self.exchanges = 0

    def live(self) -> None:
        """Let HOURS pass, then let every meter answer, and declare what is left in any order."""
        at_s, exchange_s = DAY_START_S, DAY_START_S + 3600
        while at_s < DAY_START_S + HOURS * 3600:
            before_s = at_s + 30
            at_s += STEP_S * self.chance.choice((1, 1, 1, 1, 1, 1, 2, 9, MOST_PAUSE))
            self._happen()
            self._advance()
            if at_s > exchange_s and not self.park.silent:
                self._exchange(self.chance.randrange(before_s, at_s))
                self._advance()
                exchange_s = at_s + 2 * MOST_PAUSE * STEP_S
            self.park.read_at(at_s + self.chance.choice((0, 0, 0, 2, 7, 40)))
            if self.undeclared and self.chance.random() < 0.4 and not self.park.silent:
                self._declare()
        self.park.silent = set()
        for _ in range(2):
            at_s += 3600 - at_s % 3600
            self.park.read_at(at_s)
        while self.undeclared:
            self._declare()

    def _advance(self) -> None:
        for key in self.registers:
            counts = self.chance.randrange(300)
            self.park.counts[key] = (self.park.counts[key] + counts) % self.width
            self.advanced[key] += counts

    def _happen(self) -> None:
        dice = self.chance.random()
        if self.park.silent:
            self.park.silent = set()
        elif dice < 0.08:
            self.park.silent = {self.chance.choice((self.meter, "m-intake"))}
        elif dice < 0.16:
            self.park.close()
            self.park.open()

    def _exchange(self, at_s: int) -> None:
        values = {}
        for key in self.registers:
            values[declared.FINAL + key[1]] = "%d Wh" % (self.park.counts[key] * self.shown_wh)
            self.park.counts[key] = self.chance.randrange(5000)
            values[declared.INITIAL + key[1]] = "%d Wh" % (self.park.counts[key] * self.shown_wh)
        self.undeclared.append((at_s, values))
        self.exchanges += 1

    def _declare(self) -> None:
        at_s, values = self.undeclared.pop(self.chance.randrange(len(self.undeclared)))
        self.park.recorder.declare(
            {
                "what": declared.EXCHANGE, "subject": self.meter, "at_ms": at_s * 1000, "values": values,
                "by": "Li Wei", "reason": "work order", "confirmed": True,
            }
        )  # fmt: skip


@pytest.mark.parametrize("meter", sorted(METERS))
@pytest.mark.parametrize("seed", [1, 2])
def test_intervals_add_up_to_the_registers_of_every_meter_there_was(tmp_path: Path, seed: int, meter: str) -> None:
    """Pauses, silence, restarts, a roll-over, exchanges declared late and in any order: every watt-hour, once."""
    home = tmp_path / "home"
    home.mkdir()
    history = ExchangeHistory(home, seed, meter)
    history.live()
    park = history.park
    sums = dict.fromkeys(history.registers, 0)
    for one in booked(park.journal, 0, DAY_START_S + 10 * 86400):
        for key in history.registers:
            sums[key] += one.spans[key][0].energy_wh
    assert history.exchanges >= 2
    assert sums == {key: counts * METERS[meter][0] for key, counts in history.advanced.items()}
    write_export(park.configuration, park.journal, DAY, str(tmp_path / "day.wpx"))
    verify_export(tmp_path / "day.wpx", home / "keys")
    park.close()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, WIDTH // 20), st.integers(0, WIDTH - 1), st.integers(1, 9)), max_size=5),
    st.integers(0, WIDTH - 1),
    st.integers(0, WIDTH // 20),
)
def test_the_energy_across_changes_is_that_of_its_segments(
    segments: list[tuple[int, int, int]], first: int, rest: int
) -> None:
    """For any meters one after the other, with roll-overs and other ratios between, energy is a sum of differences."""
    changes, energy, shown, ratio = [], 0, first, (1, 1)
    for advance, initial, primary in segments:
        energy += advance * ratio[0]
        before, ratio = ratio, (primary, 1)
        changes.append(Change(0, (shown + advance) % WIDTH, initial, (before, (1, 1)), (ratio, (1, 1))))
        shown = initial
    if not changes:
        return
    energy += rest * ratio[0]
    words = [(counts >> 16, counts & 0xFFFF) for counts in (first, (shown + rest) % WIDTH)]
    found, flag = changed_energy(POINT, words[0], changes, POINT, words[1])
    assert DECLARED in flag and found == energy
