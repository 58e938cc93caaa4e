"""Life: one simulated gateway from its first start to the day when all faults have ended, by its seed."""

import gc
import os
import shutil
import sqlite3
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from cloud_sync import sender
from cloud_sync.core.receipt import Receipt
from cloud_sync.core.topic import down_topic
from cloud_sync.platform import receiver
from cloud_sync.seal import seal, seal_answer
from gateway import journal_file, journal_writer
from gateway.core import site_reading
from hil_tests.simulator.broker import Broker
from hil_tests.simulator.bus import SimulatedBus, SimulatedMeter
from hil_tests.simulator.card import Card
from hil_tests.simulator.faults import Faults
from hil_tests.simulator.gateway import GatewayCopy
from hil_tests.simulator.invariants import ARRIVAL, FAILURE, Witness
from hil_tests.simulator.keys import key_pair
from hil_tests.simulator.ledger_checks import check_ledger
from hil_tests.simulator.platform import BUCKET, SimulatedPlatform
from hil_tests.simulator.seeds import DAY_MS, LENGTHS, Swarm, swarm_of
from hil_tests.simulator.site import GATEWAY, METERS, configuration
from hil_tests.simulator.world import START_MS, BrokenError, World

HEALING_INTERVALS = 4
_LOOKED_AT_MS = 3 * DAY_MS
_HEALING_LEAST_MS = 12 * 3_600_000
_REST_MS = 3_600_000  # a sender with nothing due is left alone for so long
_MEMORY = Path("/dev/shm")
# What a part of the product may fail with; a life that meets it is broken, whatever it is.
_FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)


class Outcome(NamedTuple):
    """What became of one life."""

    seed: int
    days: int
    interval_min: int
    broken: str  # the invariant that did not hold, "" where all did
    detail: str
    at_day: float
    intervals: int
    entries: int
    counts: dict[str, int]
    digest: str  # of all that was sealed, and of what the platform counted: equal for equal lives
    cpu_s: float

    def text(self) -> str:
        """Return what a person is told of a broken life."""
        return "seed %d, day %.1f of %d: %s: %s" % (self.seed, self.at_day, self.days, self.broken, self.detail)


class Life:
    """All parts of one simulated world."""

    def __init__(self, swarm: Swarm, folder: Path) -> None:
        self.world = World(swarm)
        self._folder = folder
        keys, public = key_pair("gateway", swarm.seed, swarm.ed25519)
        platform_keys, platform_public = key_pair("platform", swarm.seed, swarm.ed25519)
        self._keys = (keys, platform_public)
        self.platform = SimulatedPlatform(self.world, folder / "platform", GATEWAY, public, platform_keys)
        self.witness = Witness(self.world, self.platform)
        self.broker = Broker(self.world)
        self.broker.deliver = self.platform.deliver
        self.broker.forge = self._forged
        self._stranger = key_pair("stranger", swarm.seed, swarm.ed25519)[0]
        self._platform_keys = platform_keys
        meters = METERS[: swarm.meters]
        self.bus = SimulatedBus(
            self.world, tuple(SimulatedMeter(name, unit, own, self.world) for name, unit, own in meters)
        )
        self._configuration = configuration(swarm.interval_min, swarm.gap, len(meters))
        self.cards: dict[Path, Card] = {}
        self.gateway = self._copy("gw-1")
        self._clones = 0
        self._clone: GatewayCopy | None = None

    def _copy(self, name: str) -> GatewayCopy:
        card = Card(self._folder / name, self.world.dice)
        self.cards[card.path] = card
        return GatewayCopy(self.world, name, card, self._configuration, self.bus, self._keys, self.witness)

    def _forged(self) -> tuple[str, bytes] | None:
        """Return a receipt for what was sealed last that nobody should believe: of a stranger, or of another ledger."""
        batch, dice = self.witness.last_sealed, self.world.dice
        if batch is None:
            return None
        stranger = dice.randrange(2) == 0
        last = batch.link if stranger else dice.randbytes(len(batch.link))
        forged = Receipt(batch.gateway, batch.incarnation, batch.last_sequence, last, self.world.now_ms, b"", 5)
        down = down_topic(BUCKET, GATEWAY)
        return down, seal_answer(forged, self._stranger if stranger else self._platform_keys, down)

    def clone(self) -> None:
        """Let a copy of the card run in a second gateway for some days."""
        if self._clone is not None:
            return
        self._clones += 1
        clone = self._clone = self._copy(f"clone-{self._clones}")
        self.gateway.die()
        clone.card.put(self.gateway.card.image())
        self.witness.lost_end(clone.card)
        self.gateway.boot_after(60_000)
        clone.boot_after(self.world.dice.randrange(60_000, DAY_MS))
        self.world.after(self.world.dice.randrange(DAY_MS, 10 * DAY_MS), self._end_clone)

    def _look(self) -> None:
        """Now and then a person looks at the page: where a key writes in two places, the copy is found and ended."""
        cloned, contradictions = self.platform.alarms()
        if cloned and not self._clones:
            raise BrokenError(FAILURE, "a gateway that was never copied is taken for a clone")
        if contradictions and not self.witness.split:
            raise BrokenError(FAILURE, "a checkpoint of the only history there is was not cosigned")
        if cloned or contradictions:
            self.world.counts["alarm"] += 1
            self._end_clone()
            self.platform.clear(self.world.now_ms)
        self.world.after(_LOOKED_AT_MS, self._look)

    def _end_clone(self) -> None:
        if self._clone is not None:
            self._clone.die()
            self._clone.retired = True
            self._clone = None

    def run(self) -> None:
        """Live: faults until the last day, then a time without, after which everything must have arrived."""
        world, faults = self.world, Faults(self)
        self.gateway.boot()
        faults.begin()
        self._look()
        world.run_until(START_MS + world.swarm.days * DAY_MS)
        self._heal()
        interval_ms = world.swarm.interval_min * 60_000
        world.run_until(world.now_ms + max(HEALING_INTERVALS * interval_ms, _HEALING_LEAST_MS))
        self._check_arrival()

    def _heal(self) -> None:
        self.world.healing = True
        self._end_clone()
        for meter in self.bus.meters:
            meter.silent_until_ms = 0
        self.bus.silent_until_ms = 0
        self.gateway.card.mend()
        self.gateway.clock.offset_ms, self.gateway.clock.known = 0, True
        self.platform.heal()
        self.broker.heal()
        self.gateway.clock_changed()
        self.gateway.boot()
        self.platform.clear(self.world.now_ms)

    def _check_arrival(self) -> None:
        gateway = self.gateway
        if not gateway.running:
            raise BrokenError(ARRIVAL, "the gateway does not run")
        head, through = gateway.journal.head_sequence, gateway.journal.receipted_through()
        if through != head or not self.witness.kept(head, gateway.journal.head_link):
            raise BrokenError(ARRIVAL, f"receipted through {through} of {head}, {gateway.sender.status().state}")
        check_ledger(self.witness, gateway.recorder.incarnation)

    def digest(self) -> str:
        """Return what tells this life from another."""
        whole = sha256()
        for (incarnation, sequence), body in self.witness.bodies.items():
            whole.update(incarnation + sequence.to_bytes(8, "big") + body)
        for row in self.platform.ledger.read("SELECT start_s, meter, quantity, energy_wh, flag FROM span"):
            whole.update(repr(tuple(row)).encode())
        return whole.hexdigest()[:16]

    def close(self) -> None:
        """Close all files."""
        self.gateway.die()
        self._end_clone()
        self.platform.close()


@contextmanager
def _lived_in(life: Life) -> Iterator[None]:
    """Let the product's carriers reach into this life instead of the machine it runs on."""

    def connect(path: Path, **options: Any) -> Any:
        return life.cards[Path(path)].connect(path, **options)

    def observed(batch: Any, signer: Any, topic: str) -> bytes:
        life.witness.sealed(batch)
        return seal(batch, signer, topic)

    storage = SimpleNamespace(**{**vars(sqlite3), "connect": connect})
    with ExitStack() as stack:
        for module, name, stand_in in (
            (journal_file, "sqlite3", storage),
            (os, "urandom", life.world.octets),
            (journal_writer, "seal", observed),
            (sender, "seal", observed),
            (sender, "random", life.world.dice),
            (sender, "Connection", life.broker.connection),
            (sender, "REST_MS", _REST_MS),
            (site_reading, "INTERVALS_MIN", LENGTHS),
            (receiver.log, "disabled", True),  # what it refuses is known here
        ):
            stack.enter_context(patch.object(module, name, stand_in))
        yield


def run_life(seed: int, days: int | None = None, interval_min: int | None = None) -> Outcome:
    """Live the life of *seed*; what it would draw can be set. Never raises for what the product does."""
    swarm = swarm_of(seed, days, interval_min)
    began_s = time.process_time()
    gc.disable()  # a life leaves few circles behind, and looking for them takes a tenth of its time
    folder = Path(tempfile.mkdtemp(prefix="wattproof-life-", dir=_MEMORY if _MEMORY.is_dir() else None))
    broken = detail = ""
    try:
        with patch.object(site_reading, "INTERVALS_MIN", LENGTHS):
            life = Life(swarm, folder)
        with _lived_in(life):
            try:
                life.run()
            except BrokenError as error:
                broken, detail = error.invariant, error.detail
            except _FAILURES as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                broken = FAILURE
                detail = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            digest = life.digest()
            counts: Counter[str] = life.world.counts
            life.close()
    finally:
        gc.enable()
        shutil.rmtree(folder)
    at_day = (life.world.now_ms - START_MS) / DAY_MS
    return Outcome(
        seed, swarm.days, swarm.interval_min, broken, detail, at_day, life.witness.intervals,
        len(life.witness.bodies), dict(sorted(counts.items())), digest, time.process_time() - began_s,
    )  # fmt: skip
