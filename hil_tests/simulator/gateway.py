"""Gateway: one simulated process: the real Poll, Recorder, Settlement, Journal, Sender and Uplink, without the waiting.

It does what `gateway.daemon` does, in the same order, but lives only where something is due: around the ends of
intervals, now and then between them, and when its connection has something to tell.
"""

import sqlite3
from collections.abc import Callable
from random import Random

from cloud_sync import sender as sender_module
from cloud_sync.keys import KeyRing, PublicKey, Signer
from cloud_sync.mqtt import Settings
from cloud_sync.sender import Sender
from gateway.boundary_bell import LOOK_MS
from gateway.bus_plan import jobs_of
from gateway.config import Configuration
from gateway.core.meter.poll import Ask, Poll
from gateway.core.problem import ProblemError
from gateway.core.reading import Reading
from gateway.journal import Journal
from gateway.recorder import Recorder
from hil_tests.simulator.bus import SimulatedBus
from hil_tests.simulator.card import Card, KilledError
from hil_tests.simulator.invariants import Witness
from hil_tests.simulator.platform import BUCKET
from hil_tests.simulator.site import HOLD_S
from hil_tests.simulator.world import BrokenError, SimulatedClock, World

_SWEEP_MS = 5_000  # the bus is read for so long at once
_CYCLE_ONE_IN = 3  # of the sweeps at boundaries after which a poll cycle ends, with its commit
_RESTART_MS = 5_000  # who supervises the daemon starts it anew after so long
_TECHNICIAN_STARTS = 3  # a journal that cannot be opened so often is moved away


class GatewayCopy:
    """One gateway, or the copy of one that runs from a cloned card."""

    def __init__(
        self,
        world: World,
        name: str,
        card: Card,
        configuration: Configuration,
        bus: SimulatedBus,
        keys: tuple[Signer, PublicKey],
        witness: Witness,
    ) -> None:
        self.world, self.name, self.card, self.witness = world, name, card, witness
        self.clock = SimulatedClock(world)
        self.configuration = configuration
        self.running = self.retired = False
        self.recorder: Recorder
        self.journal: Journal
        self.sender: Sender
        self._poll: Poll
        self._bus = bus
        self._signer, platform_key = keys
        self._platform = KeyRing([platform_key])
        self._round = 0  # of the process that runs: what was meant for another comes to nothing
        self._failed_starts = 0
        self._powerless = False  # it had no power since its last process
        self._plan = 0  # of the ends of intervals: what was planned before the clock changed comes to nothing
        self._next_s = 0  # the end of the interval that goes on
        self._boundary_s = 0
        self._send_at_ms = 0  # monotonic: when the sender is to be called again
        self._chance = Random(f"{world.swarm.seed}/gateway {name}")

    def boot(self) -> None:
        """Start the daemon."""
        if self.running or self.retired:
            return
        self._round += 1
        self.running = True
        if self._powerless:
            self._powerless = False
            self.clock.boot()
        self._guarded(self._start)

    def boot_after(self, wait_ms: int) -> None:
        """Start the daemon in a while."""
        self.world.after(wait_ms, self.boot)

    def _start(self) -> None:
        self.witness.opening(self.card)
        self.journal = self.card.open()
        self.witness.opened(self.card, self.journal)
        self.clock.begin()
        site = self.configuration.site
        self.recorder = Recorder(self.configuration, self.journal, self.clock, self._signer)
        self.witness.started(self.recorder.incarnation)
        bus = site.buses[0]
        self._poll = Poll(bus, jobs_of(site, self.configuration.profiles, bus), site.cycle_s * 1000)
        self.sender = Sender(
            self.journal, Settings("broker", 1, self.name, None), site.gateway, BUCKET,
            self._signer, self._platform, self._wake_sender, self.clock.anchor,
        )  # fmt: skip
        self._send_at_ms = self._next_s = 0
        self.recorder.start()
        self._failed_starts = 0
        self.witness.spoilt(self.card, False)
        self.sender.start()
        self.sender.sealed()
        self._committed()
        self._await_boundary()

    def _guarded(self, step: Callable[[], object]) -> None:
        """Do a step of the process; what ends the process is dealt with as the system around it would."""
        try:
            step()
        except KilledError:
            self.world.counts["died in a call"] += 1
            self.die()
            self.boot_after(self._down_ms())
        except (ProblemError, sqlite3.Error) as error:
            if not self.witness.may_fail(self.card):
                raise BrokenError("no part fails", f"{type(error).__name__}: {error}") from error
            self.die()
            self._failed_starts += 1
            if self._failed_starts >= _TECHNICIAN_STARTS and not self.card.full:
                self.world.counts["journal moved away"] += 1
                self.card.move_away()
                self.witness.moved_away(self.card)
                self._failed_starts = 0
            self.boot_after(_RESTART_MS if not self.card.full else 3_600_000)

    def _down_ms(self) -> int:
        if self.world.happens("spread"):
            return int(86_400_000 * 10 ** (self._chance.random() * 3 - 2))  # a quarter of an hour to ten days
        return self._chance.randrange(2_000, 120_000)

    def die(self) -> None:
        """End the process without a word."""
        if not self.running:
            return
        self.running = False
        self._round += 1
        if hasattr(self, "sender"):
            self.sender.stop()
        if self.card.end_process():
            self.witness.lost_end(self.card)
            self._powerless = True

    def stop(self) -> None:
        """Stop the daemon in order."""

        def stopping() -> None:
            self.recorder.stop()
            self.sender.sealed()
            self.sender.step(self.clock.monotonic_ms())
            self._committed()
            self.journal.close()
            self.die()

        if self.running:
            self._guarded(stopping)

    def kill(self, power: bool) -> None:
        """Kill the process, or the whole machine, and start again later."""
        if self.running:
            self.die()
            if power:
                self.card.lose_power()
                self._powerless = True
            self.boot_after(self._down_ms())

    def _later(self, wait_ms: int, step: Callable[[], object]) -> None:
        """Let this process do a step in a while, if it still lives."""
        life = self._round

        def happen() -> None:
            if self.running and self._round == life:
                self._guarded(step)

        self.world.after(wait_ms, happen)

    def clock_changed(self) -> None:
        """Let the process notice, within the time between two looks, that the system's clock was put elsewhere."""
        self._later(self._chance.randrange(LOOK_MS), self._look)

    def _look(self) -> None:
        self._close_due()
        self._await_boundary()

    def _await_boundary(self) -> None:
        """Sleep until the interval ends, by the gateway's own clock."""
        self._plan += 1
        plan = self._plan
        settlement, now_ms = self.recorder.settlement, self.clock.utc_ms()
        if self._next_s and now_ms >= self._next_s * 1000:
            self._later(0, lambda: self._boundary(plan))
            return
        self._next_s = settlement.next_boundary_s(now_ms // 1000)
        wait_ms = self._next_s * 1000 - now_ms
        if self.world.happens("between"):
            self._later(self._chance.randrange(wait_ms), self._between)
        self._later(wait_ms, lambda: self._boundary(plan))

    def _between(self) -> None:
        self._sweep(_SWEEP_MS)
        self._cycle()

    def _boundary(self, plan: int) -> None:
        if plan != self._plan:
            return
        now_ms = self.clock.utc_ms()
        if now_ms >= self._next_s * 1000:
            settlement = self.recorder.settlement
            self._next_s = settlement.next_boundary_s(now_ms // 1000)
            self._boundary_s = self._next_s - self.configuration.site.interval_s
            self._poll.boundary(self._boundary_s)
            self._sweep(_SWEEP_MS)
            if self._chance.randrange(_CYCLE_ONE_IN) == 0:
                self._cycle()
            else:
                self._offer()
            if settlement.start_s is None or settlement.start_s < self._boundary_s:
                self._later(HOLD_S * 1000 // 2, self._wait_for_missing)
        self._await_boundary()

    def _wait_for_missing(self) -> None:
        """Try once more what did not answer, then close without it."""
        self._sweep(_SWEEP_MS)
        self._close_due()
        self._later(HOLD_S * 1000, self._cycle)

    def _sweep(self, for_ms: int) -> None:
        """Read the meters for so long."""
        end_ms = self.clock.monotonic_ms() + for_ms
        while True:
            now_ms = self.clock.monotonic_ms()
            step = self._poll.next(now_ms)
            if not isinstance(step, Ask):
                if step.until_ms > end_ms:
                    return
                self.world.now_ms += step.until_ms - now_ms
                continue
            self._ask(step)

    def _ask(self, ask: Ask) -> None:
        self.witness.asked(self._bus, self.world.now_ms)
        frame, elapsed_ms = self._bus.exchange(ask)
        now_ms, utc_ms = self.clock.monotonic_ms(), self.clock.utc_ms()
        if frame:
            outcomes = self._poll.answered(frame, elapsed_ms, now_ms, utc_ms)
        else:
            outcomes = list(self._poll.unanswered(now_ms, utc_ms))
        for one in outcomes:
            if isinstance(one, Reading):
                self.witness.believed(one)
        self.recorder.take(outcomes)
        for notice in self._poll.take_notices():
            self.recorder.event(notice.code, **notice.details)
        self._close_due()

    def _close_due(self) -> None:
        while True:
            closed = self.recorder.close_due()
            self.witness.intervals += closed
            self._committed()
            if self.recorder.settlement.ending_s is None:
                break

    def _cycle(self) -> None:
        self.recorder.cycle()
        self._close_due()
        self._offer()

    def _offer(self) -> None:
        self.sender.sealed()
        self._send()

    def _committed(self) -> None:
        self.witness.committed(self.card, self.journal)

    def _wake_sender(self) -> None:
        self._later(1, self._send)

    def _send(self) -> None:
        now_ms = self.clock.monotonic_ms()
        due_ms = now_ms + self.sender.step(now_ms)
        self.witness.receipted(self.card, self.journal)
        if due_ms < now_ms + sender_module.REST_MS and not now_ms < self._send_at_ms <= due_ms:
            self._send_at_ms = due_ms
            self._later(due_ms - now_ms, self._send)
