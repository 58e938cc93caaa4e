"""Documents: what no meter knows (fuels, heat, certificates ...), entered by a person, kept as dated and signed rows.

They stand in a file of their own beside the ledger, because a person enters them while the platform runs and holds
the ledger. Rows are chained like the entries of a gateway and signed with the platform's key; none is ever changed or
removed: what was wrong is voided by a further row that says why.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync.core.canonical import CanonicalError, decode, encode
from cloud_sync.core.entry import GENESIS, link
from cloud_sync.keys import KeyRing, Signer
from cloud_sync.platform.schema import DOCUMENTS
from gateway.core.problem import Problem, ProblemError, problem

FILE_NAME = "documents.sqlite"
VOID = "void"
SIGNED_AS = b"wattproof document\x00"  # so that no signature over a document is one over anything else
WAIT_S = 10


class Document(NamedTuple):
    """One row: its number, when it was entered, its kind and fields; voided: the row that voids it, or None."""

    number: int
    entered_ms: int
    kind: str
    fields: dict[str, str]
    voided: int | None = None


class Documents:
    """The documents of one platform; every question opens the file anew, so that any program sees the last row."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE_NAME

    def all(self) -> list[Document]:
        """Return every row in order, those that void others among them."""
        found = [_document(self.path, row) for row in self._rows()]
        void = {int(one.fields["number"]): one.number for one in found if one.kind == VOID}
        return [one._replace(voided=void.get(one.number)) for one in found]

    def standing(self) -> list[Document]:
        """Return the rows that count: none that is voided, and none that voids."""
        return [one for one in self.all() if one.kind != VOID and one.voided is None]

    def count(self) -> int:
        """Return how many rows there are, voided ones and all."""
        return len(self._rows())

    def add(self, signer: Signer, rows: Iterable[tuple[str, dict[str, str]]], now_ms: int) -> list[int]:
        """Append *rows* (kind, fields), all or none; return their numbers."""
        numbers = []
        with self._open(write=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            last = connection.execute("SELECT number, link FROM document ORDER BY number DESC LIMIT 1").fetchone()
            number, previous = last if last else (0, GENESIS)
            for kind, fields in rows:
                number += 1
                body = encode([now_ms, kind, [[key, fields[key]] for key in sorted(fields)]])
                previous = link(previous, number, body)
                signature = signer.sign(SIGNED_AS + previous)
                connection.execute(
                    "INSERT INTO document VALUES (?, ?, ?, ?, ?)", (number, body, previous, signer.kid, signature)
                )
                numbers.append(number)
            connection.execute("COMMIT")
        return numbers

    def void(self, signer: Signer, number: int, reason: str, now_ms: int) -> int:
        """Append a row that voids the row *number*; return its own number."""
        found = {one.number: one for one in self.all()}.get(number)
        if found is None or found.kind == VOID or found.voided is not None:
            raise ProblemError(
                problem(
                    "WP-PLT-082", str(self.path), "there is no document {number} that could be voided",
                    "`wattproof-platform document list` shows which stand", number=number,
                )
            )  # fmt: skip
        return self.add(signer, [(VOID, {"number": str(number), "reason": reason})], now_ms)[0]

    def faults(self, ring: KeyRing) -> list[Problem]:
        """Return what is wrong with the chain and its signatures, which are checked with the keys of *ring*."""
        found: list[Problem] = []
        previous, expected = GENESIS, 1
        for row in self._rows():
            if row["number"] != expected or row["link"] != link(previous, expected, row["body"]):
                found.append(
                    problem(
                        "WP-PLT-085", str(self.path), "the chain of documents is broken at number {number}",
                        "the file was changed from outside: restore the last good backup", number=expected,
                    )
                )  # fmt: skip
                break
            key = ring.find(row["kid"])
            if key is None or not key.verify(row["signature"], SIGNED_AS + row["link"]):
                found.append(
                    problem(
                        "WP-PLT-086", str(self.path), "the signature of document {number} does not hold",
                        "keep the public half of every key that signed documents in the folder keys",
                        number=expected,
                    )
                )  # fmt: skip
            previous, expected = row["link"], expected + 1
        return found

    def _rows(self) -> list[sqlite3.Row]:
        if not self.path.exists():
            return []
        with self._open() as connection:
            return connection.execute("SELECT * FROM document ORDER BY number").fetchall()

    @contextmanager
    def _open(self, write: bool = False) -> Iterator[sqlite3.Connection]:
        mode = "rwc" if write else "ro"
        try:
            uri = f"{self.path.absolute().as_uri()}?mode={mode}"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=WAIT_S)
            try:
                connection.row_factory = sqlite3.Row
                if write:
                    connection.execute("PRAGMA synchronous = FULL")
                    connection.execute(DOCUMENTS)
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise ProblemError(
                problem(
                    "WP-PLT-076", str(self.path), "the documents cannot be read or written: {reason}",
                    "look at the permissions and the disk; else restore the last good backup of this file",
                    reason=error,
                )
            ) from error  # fmt: skip


def _document(path: Path, row: sqlite3.Row) -> Document:
    try:
        plain: Any = decode(row["body"])
        entered_ms, kind, pairs = plain
        return Document(row["number"], entered_ms, kind, dict(pairs))
    except (CanonicalError, TypeError, ValueError) as error:
        raise ProblemError(
            problem(
                "WP-PLT-077", str(path), "document {number} cannot be read: {reason}",
                "the file was changed from outside: restore the last good backup", number=row["number"], reason=error,
            )
        ) from error  # fmt: skip
