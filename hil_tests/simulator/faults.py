"""Faults: what goes wrong in a life, each kind at its own pace, until the life is let heal."""

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from hil_tests.simulator.card import AFTER as AFTER_CALL
from hil_tests.simulator.card import BEFORE as BEFORE_CALL
from hil_tests.simulator.card import TORN, Image, Trap, failure
from hil_tests.simulator.platform import AFTER, BEFORE, INSIDE
from hil_tests.simulator.seeds import DAY_MS

if TYPE_CHECKING:
    from hil_tests.simulator.life import Life

_HOUR_MS = 3_600_000
_CALLS = 25  # a trap lies at one of so many next storage calls
_YEARS_TO_1970_MS = 56 * 365 * DAY_MS
_FORGOTTEN_COMMITS = 12


class Faults:
    """Draws when each kind of fault comes about next, and does it."""

    def __init__(self, life: "Life") -> None:
        self._life = life
        self._world = life.world
        self._dice = life.world.dice
        self._backup: Image | None = None
        self._kinds: dict[str, Callable[[], None]] = {
            "kill": lambda: life.gateway.kill(power=False),
            "kill-in-call": lambda: self._trap(self._dice.choice((BEFORE_CALL, AFTER_CALL))),
            "stop": self._stop,
            "power-cut": lambda: life.gateway.kill(power=True),
            "torn-commit": lambda: self._trap(TORN),
            "lying-cut": self._lie,
            "card-restored": self._restore,
            "card-cloned": life.clone,
            "card-damaged": self._damage,
            "card-full": self._fill,
            "card-error": self._fail_once,
            "clock-step": self._step_clock,
            "boot-in-1970": self._forget_time,
            "clock-unknown": self._unsynchronise,
            "partition": lambda: life.broker.cut(self._while(1 / 60, 72)),
            "platform-partition": self._part_platform,
            "broker-crash": life.broker.crash,
            "platform-kill": self._kill_platform,
            "platform-restored": self._restore_platform,
            "meter-silent": self._silence_meter,
            "bus-silent": self._silence_bus,
        }

    def begin(self) -> None:
        """Let every kind of the swarm come about from now on."""
        for kind, mean_days in self._world.swarm.events.items():
            self._next(kind, mean_days)

    def _next(self, kind: str, mean_days: float) -> None:
        def happen() -> None:
            if not self._world.healing:
                self._world.counts[kind] += 1
                self._kinds[kind]()
                self._next(kind, mean_days)

        self._world.after(int(self._dice.expovariate(1 / mean_days) * DAY_MS) + 1, happen)

    def _while(self, least_h: float, most_h: float) -> int:
        """Return a length of time, short ones being most frequent."""
        return int(least_h * (most_h / least_h) ** self._dice.random() * _HOUR_MS)

    def _trap(self, what: str) -> None:
        self._life.gateway.card.trap = Trap(self._dice.randrange(1, _CALLS), what)

    def _stop(self) -> None:
        self._life.gateway.stop()
        self._life.gateway.boot_after(self._dice.randrange(2_000, 600_000))

    def _lie(self) -> None:
        """The card will have forgotten some commits when power fails after them."""
        gateway = self._life.gateway
        if gateway.running:
            gateway.card.forget(self._dice.randrange(1, _FORGOTTEN_COMMITS))

    def _restore(self) -> None:
        gateway = self._life.gateway
        if self._backup is not None and self._dice.randrange(2):
            gateway.die()
            gateway.card.put(self._backup)
            self._life.witness.lost_end(gateway.card)
            gateway.boot_after(self._dice.randrange(60_000, 6 * _HOUR_MS))
        else:
            self._backup = gateway.card.image()

    def _damage(self) -> None:
        gateway = self._life.gateway
        gateway.die()
        gateway.card.damage()
        self._life.witness.spoilt(gateway.card, True)
        gateway.boot_after(60_000)

    def _fill(self) -> None:
        card = self._life.gateway.card
        card.full = True

        def freed() -> None:
            card.full = False

        self._world.after(self._while(0.1, 48), freed)

    def _fail_once(self) -> None:
        card, witness = self._life.gateway.card, self._life.witness
        error = failure(sqlite3.SQLITE_IOERR_WRITE, "SQLITE_IOERR_WRITE")
        witness.spoilt(card, True)
        card.trap = Trap(self._dice.randrange(1, _CALLS), BEFORE_CALL, error)

    def _step_clock(self) -> None:
        gateway = self._life.gateway
        sign = self._dice.choice((-1, 1))
        gateway.clock.offset_ms += sign * int(1000 * 10 ** (self._dice.random() * 4.5))  # a second to nine hours
        if self._dice.randrange(2):
            gateway.kill(power=True)  # a machine that just booted knows no better
        gateway.clock_changed()
        self._world.after(self._while(0.1, 48), self._set_clock)

    def _set_clock(self) -> None:
        self._life.gateway.clock.offset_ms = 0
        self._life.gateway.clock.known = True
        self._life.gateway.clock_changed()

    def _forget_time(self) -> None:
        gateway = self._life.gateway
        gateway.kill(power=True)
        gateway.clock.offset_ms = -_YEARS_TO_1970_MS
        gateway.clock.known = False
        self._world.after(self._while(0.1, 24), self._set_clock)

    def _unsynchronise(self) -> None:
        self._life.gateway.clock.known = False
        self._life.gateway.clock_changed()
        self._world.after(self._while(1, 100), self._set_clock)

    def _part_platform(self) -> None:
        broker, until_ms = self._life.broker, self._world.now_ms + self._while(1 / 60, 48)
        broker.platform_cut_until_ms = until_ms
        self._world.at(until_ms, broker.pass_on)

    def _kill_platform(self) -> None:
        moment = self._dice.choice((BEFORE, INSIDE, AFTER))
        self._life.platform.kill_next(moment, self._while(1 / 360, 12))

    def _restore_platform(self) -> None:
        """Put back a backup that is some hours or days old."""
        image = self._life.platform.image()

        def put() -> None:
            if not self._world.healing:
                self._life.platform.put(image)

        self._world.after(self._while(1, 120), put)

    def _silence_meter(self) -> None:
        meter = self._dice.choice(self._life.bus.meters)
        meter.silent_until_ms = self._world.now_ms + self._while(1 / 60, 120)

    def _silence_bus(self) -> None:
        self._life.bus.silent_until_ms = self._world.now_ms + self._while(1 / 60, 48)
