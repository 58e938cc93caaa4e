"""Journal writer: gathers records and commits them; what the journal does not take is kept until it does."""

import os
from abc import ABC, abstractmethod

from cloud_sync.core.batch import INCARNATION_BYTES, Batch, Hole
from cloud_sync.core.canonical import encode
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import Signer, SigningError
from cloud_sync.seal import seal
from gateway.bases import JournalBases
from gateway.clock import Clock
from gateway.config import Configuration
from gateway.core.problem import ProblemError
from gateway.core.record import Event, kind_of, to_map
from gateway.core.settlement import Settlement
from gateway.cycles import Cycles
from gateway.disk_pace import DiskPace
from gateway.figures import KEPT, found_at
from gateway.holding import Holding
from gateway.journal import Journal, Seal
from gateway.journal_file import UnwrittenError
from gateway.room import Room


class JournalWriter(ABC):
    """What is to be committed, and whether the journal takes it."""

    settlement: Settlement

    def __init__(
        self, configuration: Configuration, journal: Journal, clock: Clock, signer: Signer | None, cycles: Cycles
    ) -> None:
        self.configuration = configuration
        self.journal = journal
        self.clock = clock
        self.incarnation = os.urandom(INCARNATION_BYTES)
        self.room = Room(journal.path)
        self.pace = DiskPace()
        self.holding: Holding | None = None  # while the journal cannot be written
        self._signer = signer
        self._cycles = cycles
        self._bases = JournalBases(journal, configuration)
        self._committed_state = b""
        self._bodies: list[bytes] = []
        self._figures: list[tuple[int, int, int]] = []
        self._kept_position: int | None = None
        self._unsigned = False  # the key could not sign the last time

    @abstractmethod
    def _state(self) -> bytes:
        """Return the state that the settlement goes on from."""

    @abstractmethod
    def _journal_took(self) -> None:
        """Do what waited for the journal to take what was to be written."""

    def event(self, code: str, **details: str) -> None:
        """Record that something happened; it is committed with the next cycle."""
        if self.holding is not None:
            self.holding.event(code, details)
        else:
            self._add(Event(self.clock.stamp(), code, tuple(sorted(details.items()))))

    def _add(self, record: tuple[object, ...]) -> None:
        plain = to_map(record)
        at_s = found_at(record, self.settlement.start_s or 0)
        if at_s is not None:
            self._figures.append((len(self._bodies), kind_of(record), at_s))
        if isinstance(record, KEPT):
            self._kept_position = len(self._bodies)
        self._bodies.append(encode(plain))

    def commit(self, must_sign: bool = False) -> None:
        """Write everything new in one transaction, sealed into batches where there is a key.

        Where the key cannot sign now, the entries are sealed by a later commit; unless must_sign, which raises then.
        Where the journal does not take it, it is kept, and from then on what is read is held until the journal does.
        """
        if self.holding is None:
            self._write(must_sign)

    def written(self) -> None:
        """Write everything new; raises ProblemError where the journal does not take it."""
        self.commit()
        if self.holding is not None:
            raise ProblemError(self.holding.problem)

    def _write(self, must_sign: bool = False) -> None:
        state = self._state()
        if not self._bodies and self._cycles.unsaved is None and state == self._committed_state:
            return
        seal_all = self._seal if self._signer is not None and self._bodies else None
        failed: SigningError | None = None
        try:
            taken = self._taken(state, seal_all)
        except SigningError as error:
            if must_sign:
                raise
            failed = error
            taken = self._taken(state, None)
        if not taken:
            return
        self._committed_state = state
        self._bodies, self._figures, self._kept_position = [], [], None
        self._bases.committed()
        self._cycles.committed()
        self._journal_took()
        if failed is not None and not self._unsigned:
            self.event("signing-failed", problem=failed.problems[0].code)
        elif failed is None and self._unsigned and seal_all is not None:
            self.event("signing-back")
        self._unsigned = failed is not None or (self._unsigned and seal_all is None)

    def _taken(self, state: bytes, seal_all: Seal | None) -> bool:
        """Tell whether the journal took it, if need be in the room of the ballast; else hold from now on."""
        try:
            self._write_to_journal(state, seal_all)
        except UnwrittenError as error:
            holding = Holding(error, self.clock.utc_ms(), self.settlement)
            if not self.room.release():
                self.holding = holding
                return False
            try:
                self._write_to_journal(state, seal_all)
            except UnwrittenError:
                self.holding = holding
                return False
        return True

    def _write_to_journal(self, state: bytes, seal_all: Seal | None) -> None:
        self.pace.begin(self.clock.monotonic_ms())
        try:
            self.journal.commit(
                self.incarnation,
                self._bodies,
                state if state != self._committed_state else None,
                self._figures,
                self._kept_position,
                self._cycles.unsaved,
                self._cycles.recorded,
                seal_all,
                self.configuration.site.gateway,
            )
        finally:
            self.pace.end(self.clock.monotonic_ms())

    def _seal(self, batch: Batch | Hole) -> bytes:
        assert self._signer is not None
        return seal(batch, self._signer, up_topic(self.configuration.bucket, batch.gateway))
