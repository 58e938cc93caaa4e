"""Auditing a ledger: every chain walked, every signature checked, every table made again, believing nothing stored.

What a batch says is compared with the entries, the entries with their links, the links with the receipts, and the
projection with one made from the entries. Whoever changed a row after its acceptance is found at that row.
"""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from cloud_sync.core.batch import Hole
from cloud_sync.core.entry import FIRST_SEQUENCE, GENESIS, link
from cloud_sync.core.receipt import Receipt
from cloud_sync.core.topic import down_topic, up_topic
from cloud_sync.keys import KeyRing, parse_public
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.rebuilding import differences
from cloud_sync.seal import SealError, open_answer, open_sealed
from gateway.core.problem import Problem, ProblemError, problem


class Audit(NamedTuple):
    """What was looked at, and all that is wrong with it."""

    chains: int
    batches: int
    entries: int
    receipts: int
    problems: tuple[Problem, ...]


def audit(ledger: Ledger, platform: KeyRing) -> Audit:
    """Check all of *ledger*; *platform* holds the keys that receipts were signed with."""
    problems: list[Problem] = []
    batches = entries = receipts = 0
    ledger.connection.execute("BEGIN")  # one view of the file, while a running platform writes on
    try:
        chains = ledger.read("SELECT * FROM chain ORDER BY opened")
        for chain in chains:
            walk = _Walk(ledger, chain, platform)
            problems += walk.problems()
            batches, entries, receipts = batches + walk.batches, entries + walk.entries, receipts + walk.receipts
        for row in ledger.read(
            "SELECT gateway, incarnation, count(*) AS many FROM entry WHERE NOT EXISTS"
            " (SELECT 1 FROM chain WHERE chain.gateway = entry.gateway AND chain.incarnation = entry.incarnation"
            " AND sequence BETWEEN first_sequence AND head_sequence) GROUP BY gateway, incarnation"
        ):
            problems.append(
                problem(
                    "WP-PLT-035",
                    _where(row),
                    "{count} entries belong to no chain.",
                    "They were written past the platform. Keep the file as evidence and go back to a backup.",
                    count=row["many"],
                )
            )
    finally:
        ledger.connection.execute("ROLLBACK")
    for found in differences(ledger):
        problems.append(
            problem(
                "WP-PLT-038",
                str(ledger.path),
                "Table {table} is not what the entries give: {stored} rows of it are wrong, {rebuilt} are missing.",
                "Stop the platform and run `wattproof-platform verify --rebuild`; the entries are not touched by it.",
                table=found.table,
                stored=found.only_stored,
                rebuilt=found.only_rebuilt,
            )
        )
    return Audit(len(chains), batches, entries, receipts, tuple(problems))


def _where(row: sqlite3.Row) -> str:
    return f"{row['gateway']}/{row['incarnation'].hex()[:8]}"


class _Walk:
    """Along one chain, from its parent to its head."""

    def __init__(self, ledger: Ledger, chain: sqlite3.Row, platform: KeyRing) -> None:
        self.ledger = ledger
        self.chain = chain
        self.name = (chain["gateway"], chain["incarnation"])
        self.where = _where(chain)
        self.platform = platform
        self.batches = self.entries = self.receipts = 0
        self.signed: dict[int, bytes] = {}  # sequence: link, as the signed batches give it

    def problems(self) -> Iterator[Problem]:
        """Yield all that is wrong along the chain."""
        yield from self._parent()
        yield from self._batches()
        yield from self._entries()
        yield from self._receipts()

    def _rows(self, question: str, *values: object) -> list[sqlite3.Row]:
        return self.ledger.read(question, (*self.name, *values))

    def _parent(self) -> Iterator[Problem]:
        before, parent_link = self.chain["first_sequence"] - 1, self.chain["parent_link"]
        if before < FIRST_SEQUENCE:
            known = parent_link == GENESIS
        else:
            known = bool(
                self.ledger.read(
                    "SELECT 1 FROM entry WHERE gateway = ?1 AND sequence = ?2 AND link = ?3"
                    " UNION ALL SELECT 1 FROM hole WHERE gateway = ?1 AND last_sequence = ?2 AND link = ?3",
                    (self.name[0], before, parent_link),
                )
            )
        if not known:
            yield problem(
                "WP-PLT-036",
                self.where,
                "The chain begins after entry {sequence}, which is not kept.",
                "Something before it was taken out of the ledger. Keep the file as evidence and go back to a backup.",
                sequence=before,
            )

    def _ring(self) -> KeyRing:
        rows = self.ledger.read("SELECT public_key FROM gateway WHERE name = ?", self.name[:1])
        keys = []
        for row in rows:
            try:
                keys.append(parse_public(row["public_key"].encode(), self.name[0]))
            except ProblemError:
                continue  # its batches will be those of an unknown key
        return KeyRing(keys)

    def _batches(self) -> Iterator[Problem]:
        ring = self._ring()
        numbers = self._rows(
            "SELECT first_sequence, last_sequence FROM batch WHERE gateway = ? AND incarnation = ? ORDER BY 1, 2"
        )
        for first, last in numbers:
            self.batches += 1
            row = self._rows(
                "SELECT bucket, signed FROM batch WHERE gateway = ? AND incarnation = ?"
                " AND first_sequence = ? AND last_sequence = ?",
                *(first, last),
            )[0]
            try:
                batch = open_sealed(row["signed"], up_topic(row["bucket"], self.name[0]), ring)
                if (batch.incarnation, batch.first_sequence, batch.last_sequence) != (self.name[1], first, last):
                    raise SealError("moved", "entries %d to %d" % (batch.first_sequence, batch.last_sequence))
            except SealError as error:
                yield problem(
                    "WP-PLT-030",
                    self.where,
                    "The batch of entries {first} to {last} is not what the gateway signed: {reason}.",
                    "The ledger was changed after it was accepted. Keep the file as evidence and go back to a backup.",
                    first=first,
                    last=last,
                    reason=error,
                )
                continue
            if isinstance(batch, Hole):
                self.signed[batch.last_sequence] = batch.link
                continue
            last_link = batch.previous_link
            for sequence, body in enumerate(batch.bodies, first):
                last_link = link(last_link, sequence, body)
                self.signed.setdefault(sequence, last_link)

    def _entries(self) -> Iterator[Problem]:
        last_link, sequence = self.chain["parent_link"], self.chain["first_sequence"]
        while sequence <= self.chain["head_sequence"]:
            rows = self._rows(
                "SELECT link, body FROM entry WHERE gateway = ? AND incarnation = ? AND sequence = ?", sequence
            )
            if rows:
                self.entries += 1
                made = link(last_link, sequence, rows[0]["body"])
                last_link = rows[0]["link"]
            else:
                rows = self._rows(
                    "SELECT last_sequence, previous_link, link FROM hole"
                    " WHERE gateway = ? AND incarnation = ? AND first_sequence = ?",
                    sequence,
                )
                if not rows:
                    yield problem(
                        "WP-PLT-033",
                        self.where,
                        "Entry {sequence} is missing.",
                        "It was receipted and is gone. Keep the file as evidence and go back to a backup.",
                        sequence=sequence,
                    )
                    return
                made = rows[0]["link"] if rows[0]["previous_link"] == last_link else b""
                last_link, sequence = rows[0]["link"], rows[0]["last_sequence"]
            if made != last_link or self.signed.get(sequence) != last_link:
                yield problem(
                    "WP-PLT-031",
                    self.where,
                    "Entry {sequence} is not the one that the gateway signed after the entry before it.",
                    "It was changed after it was accepted. Keep the file as evidence and go back to a backup.",
                    sequence=sequence,
                )
            sequence += 1
        if last_link != self.chain["head_link"]:
            yield problem(
                "WP-PLT-032",
                self.where,
                "The chain does not end at entry {sequence} as the ledger says.",
                "Its end was changed after it was accepted. Keep the file as evidence and go back to a backup.",
                sequence=self.chain["head_sequence"],
            )

    def _receipts(self) -> Iterator[Problem]:
        rows = self._rows("SELECT * FROM receipt WHERE gateway = ? AND incarnation = ? ORDER BY through_sequence")
        for row in rows:
            self.receipts += 1
            try:
                answer = open_answer(row["signed"], down_topic(row["bucket"], self.name[0]), self.platform)
            except SealError as error:
                reason = str(error)
            else:
                link_then = self.signed.get(row["through_sequence"], b"")
                wanted = (*self.name, row["through_sequence"], link_then, row["at_ms"])
                if isinstance(answer, Receipt) and answer[:5] == wanted:
                    continue
                reason = "it says something else"
            yield problem(
                "WP-PLT-037",
                self.where,
                "The receipt through entry {sequence} is not one this platform gave for it: {reason}.",
                "If the platform's key was changed, put the former public key into keys/ as former.pub;"
                " otherwise keep the file as evidence.",
                sequence=row["through_sequence"],
                reason=reason,
            )
        if not rows or rows[-1]["through_sequence"] != self.chain["head_sequence"]:
            yield problem(
                "WP-PLT-039",
                self.where,
                "The last receipt is not for the last entry, {sequence}.",
                "Each batch is kept together with its receipt. Keep the file as evidence and go back to a backup.",
                sequence=self.chain["head_sequence"],
            )
