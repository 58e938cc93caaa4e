"""The life of a journal in steps, the same for one seed: commits, receipts, freeing, batches set aside, restarts."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

from cloud_sync.core.batch import Batch, Hole
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import Signer
from cloud_sync.seal import seal
from gateway.core.record import KIND_ACCOUNT
from gateway.journal import Journal

GATEWAY, BUCKET = "gw-1", "b0"
INTERVAL_S = 60
TABLES = ("entry", "outbox", "aside", "receipt", "cosigned", "snapshot", "figure", "configuration", "state")
# Pages of the WAL after which SQLite copies them into the database. The gateway keeps SQLite's own 1000; a test that
# should see many such copies within few calls takes fewer.
SHIPPED_PAGES = 0
RESTART = 13  # every so many steps the process starts anew

Open = Callable[[Path], Journal]


def content(journal: Journal) -> str:
    """Return a digest of everything that the journal holds."""
    digest = hashlib.sha256()
    for table in TABLES:
        for row in sorted(repr(row) for row in journal._db.execute("SELECT * FROM " + table)):
            digest.update(row.encode())
        digest.update(table.encode())
    return digest.hexdigest()[:16]


def incarnation(seed: int, number: int) -> bytes:
    """Return the incarnation that the process of step *number* draws."""
    return hashlib.sha256(b"%d/%d" % (seed, number)).digest()[:16]


class Life:
    """A journal, and the process that writes it."""

    def __init__(self, path: Path, seed: int, signer: Signer, opened: Open = Journal) -> None:
        self._path, self._seed, self._signer, self._opened = path, seed, signer, opened
        self._incarnation = incarnation(seed, 0)
        self.journal = opened(path)

    def go_on(self, contents: list[str]) -> int:
        """Go on where another process ended, and return the step; contents: digests after 0, 1 ... steps."""
        first = contents.index(content(self.journal))
        self._incarnation = incarnation(self._seed, max([0, *(n for n in range(first) if n % RESTART == RESTART - 1)]))
        return first

    def _seal(self, batch: Batch | Hole) -> bytes:
        return seal(batch, self._signer, up_topic(BUCKET, GATEWAY))

    def step(self, number: int) -> None:
        """Do step *number*; when it returns, what it did must last."""
        chance = random.Random(self._seed * 1_000_003 + number)
        if number % RESTART == RESTART - 1:
            self._restart(number)
        elif number % 9 == 8:
            self.journal.free((number - 12) * INTERVAL_S)
        elif number % 11 == 10:
            self._set_aside()
        elif number % 4 == 3:
            self._receipt(chance)
        else:
            self._commit(number, chance)

    def _commit(self, number: int, chance: random.Random) -> None:
        sizes = [chance.choice((60, 200, 400, 900, 6000)) for _ in range(chance.randint(1, 3))]
        recorded = number % 5 == 0
        self.journal.commit(
            self._incarnation,
            [chance.randbytes(size) for size in sizes],
            chance.randbytes(700),
            [(0, KIND_ACCOUNT, number * INTERVAL_S)],
            0 if number == 0 else None,
            None if recorded else (number, chance.randbytes(90)),
            recorded,
            self._seal,
            GATEWAY,
        )

    def _batches(self) -> list[tuple[int, int]]:
        """Return the ends of the batches that have no receipt yet."""
        after = self.journal.receipted_through()
        return [one[:2] for one in self.journal.sealed_between(after + 1, self.journal.head_sequence)]

    def _receipt(self, chance: random.Random) -> None:
        waiting = self._batches()
        if len(waiting) > 1:
            self.journal.receipted(waiting[-2][1], chance.randbytes(150))

    def _set_aside(self) -> None:
        waiting = self._batches()
        if waiting:
            self.journal.set_aside(waiting[-1][0], "malformed", b"hole of %d" % waiting[-1][0])

    def _restart(self, number: int) -> None:
        self.journal.close()
        self.journal = self._opened(self._path)
        self._incarnation = incarnation(self._seed, number)
