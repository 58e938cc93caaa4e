"""Card: the memory card of one gateway, with the real SQLite journal on it, and all that cards do to it.

The files are real files in memory. A card that keeps its word has on it after a power cut every commit that was
said to be done, and of the one on its way any part of its sectors. A card that lies has an earlier state.
"""

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from gateway.journal import Journal

SECTOR = 512
_NAMES = ("journal.sqlite", "journal.sqlite-wal")
BEFORE, AFTER, TORN = "before", "after", "torn"

Image = dict[str, bytes]


def failure(code: int, name: str) -> sqlite3.OperationalError:
    """Return what SQLite would raise."""
    error = sqlite3.OperationalError("simulated: " + name)
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


class KilledError(BaseException):
    """The process ends here."""


class Trap:
    """What is to happen at one of the next storage calls."""

    def __init__(self, calls: int, what: str, error: sqlite3.Error | None = None) -> None:
        self.calls, self.what, self.error = calls, what, error


class Connection:
    """One connection to the journal, at whose calls a process may end, or the card fail."""

    def __init__(self, card: "Card", real: sqlite3.Connection) -> None:
        self._card, self._real = card, real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, kind: object, _error: object, _trace: object) -> None:
        if self._real.in_transaction:
            self.execute("COMMIT" if kind is None else "ROLLBACK")

    def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Do what is asked, unless a trap is sprung by it."""
        return self._card.call(statement, lambda: self._real.execute(statement, values))

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> sqlite3.Cursor:
        """Do what is asked, unless a trap is sprung by it."""
        return self._card.call(statement, lambda: self._real.executemany(statement, rows))


class Card:
    """The card of one gateway; at most one process has its journal open."""

    def __init__(self, folder: Path, dice: Random) -> None:
        folder.mkdir()
        self.folder = folder
        self.path = folder / _NAMES[0]
        self.dice = dice
        self.full = False
        self.commits = 0
        self.trap: Trap | None = None
        self._forgets_at: int | None = None  # the commit at which power fails, and an earlier state is found
        self._forgotten: Image | None = None
        self._connection: Connection | None = None
        self._dead = False
        self._torn: Image | None = None
        self._flushes = True  # every commit, as the journal wants it
        self._moved = 0

    def connect(self, path: Path, **options: Any) -> Connection:
        """Open the file as `sqlite3.connect` does."""
        self._dead = False
        self._connection = Connection(self, sqlite3.connect(path, **options))
        return self._connection

    def open(self) -> Journal:
        """Open the journal on this card."""
        self.trap = self._torn = self._forgets_at = self._forgotten = None
        self._connection = None
        journal = Journal(self.path)
        assert self._connection is not None, "the journal is not on this card"
        return journal

    def call(self, statement: str, do: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        """Make one storage call."""
        if self._dead:
            raise KilledError
        if statement.startswith("PRAGMA synchronous"):
            self._flushes = statement.endswith("FULL")
        ends = statement.startswith("COMMIT")
        if self.full and (ends or statement.startswith("INSERT")):
            raise failure(sqlite3.SQLITE_FULL, "SQLITE_FULL")
        trap = self.trap
        if trap is not None:
            trap.calls -= 1
            if trap.calls <= 0 and (trap.what != TORN or ends):
                self.trap = None
                self._spring(trap, do)
        done = do()
        if ends:
            self.commits += 1
            if self._forgets_at is not None and self.commits >= self._forgets_at:
                self._torn = self._forgotten
                self._die()
        return done

    def forget(self, commits: int) -> None:
        """Let power fail after so many commits, and nothing of them be on the card, whatever it has flushed."""
        self._forgotten, self._forgets_at = self.image(), self.commits + commits

    def mend(self) -> None:
        """Let the card be sound from now on."""
        self.full = False
        self.trap = self._forgets_at = None

    def _spring(self, trap: Trap, do: Callable[[], sqlite3.Cursor]) -> None:
        if trap.error is not None:
            raise trap.error
        if trap.what == TORN:
            before = self.image()
            do()
            self._torn = self._mixed(before, self.image())
        elif trap.what == AFTER:
            do()
        self._die()

    def _die(self) -> None:
        self._dead = True
        raise KilledError

    def _mixed(self, before: Image, after: Image) -> Image:
        """Return a card on which a commit was under way: any sectors of the log, or, after it, of the file."""
        log = _NAMES[1]
        if before[_NAMES[0]] != after[_NAMES[0]] and self.dice.randrange(2):
            return {_NAMES[0]: self._sectors(before[_NAMES[0]], after[_NAMES[0]]), log: after[log]}
        return {_NAMES[0]: before[_NAMES[0]], log: self._sectors(before.get(log, b""), after[log])}

    def _sectors(self, old: bytes, new: bytes) -> bytes:
        """Return *old* with some of the sectors that differ as in *new*; what was never written is zero."""
        size = max(len(old), len(new))
        old, new = old.ljust(size, b"\0"), new.ljust(size, b"\0")
        mixed = bytearray(old)
        some = self.dice.choice((0.1, 0.5, 0.9, 0.97))
        for at in range(0, size, SECTOR):
            if old[at : at + SECTOR] != new[at : at + SECTOR] and self.dice.random() < some:
                mixed[at : at + SECTOR] = new[at : at + SECTOR]
        return bytes(mixed)

    def image(self) -> Image:
        """Return what is on the card now."""
        return {name: (self.folder / name).read_bytes() for name in _NAMES if (self.folder / name).exists()}

    def put(self, image: Image) -> None:
        """Have *image* on the card, and nothing else."""
        for name in _NAMES:
            (self.folder / name).unlink(missing_ok=True)
        for name, octets in image.items():
            (self.folder / name).write_bytes(octets)

    def lose_power(self) -> None:
        """Lose what the process did not have flushed: nothing, unless it was content with less."""
        log = self.folder / _NAMES[1]
        if not self._flushes and log.exists():
            octets = log.read_bytes()
            log.write_bytes(octets[: self.dice.randrange(len(octets) + 1)])

    def end_process(self) -> bool:
        """Let the process be gone without a word; nobody closes the file in order. Tell whether commits are lost."""
        image = self._torn or self.image()
        lost = self._torn is not None and self._torn is self._forgotten
        self._dead = True
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.put(image)
        return lost

    def move_away(self) -> None:
        """Move the journal aside, as a technician does with a damaged one."""
        self._moved += 1
        for name in _NAMES:
            if (self.folder / name).exists():
                (self.folder / name).rename(self.folder / f"{name}.{self._moved}")

    def damage(self) -> None:
        """Spoil the head of the file and its log."""
        image = self.image()
        octets = bytearray(image[_NAMES[0]])
        octets[:64] = self.dice.randbytes(64)
        self.put({_NAMES[0]: bytes(octets)})

    def remove(self) -> None:
        """Throw the card away."""
        shutil.rmtree(self.folder)
