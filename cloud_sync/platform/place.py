"""Place: where an entry stands among the chains of its gateway, and the tables it is laid out in."""

import sqlite3


class Place:
    """Where an entry stands: its gateway, incarnation and sequence, when it came, and the tables it goes to."""

    def __init__(
        self, tables: sqlite3.Connection, gateway: str, incarnation: bytes, sequence: int, received_ms: int
    ) -> None:
        self.tables = tables
        self.gateway = gateway
        self.incarnation = incarnation
        self.sequence = sequence
        self.received_ms = received_ms

    def write(self, statement: str, *values: object) -> None:
        """Carry out *statement* with this gateway's name before *values*."""
        self.tables.execute(statement, (self.gateway, *values))

    def first(self, question: str, *values: object) -> sqlite3.Row | None:
        """Return the first row of *question* with this gateway's name before *values*, or None."""
        row: sqlite3.Row | None = self.tables.execute(question, (self.gateway, *values)).fetchone()
        return row

    def incarnation_of(self, sequence: int) -> bytes | None:
        """Return the incarnation that wrote the entry *sequence*, as seen from this entry back along its chains."""
        incarnation = self.incarnation
        while True:
            chain = self.first("SELECT * FROM chain WHERE gateway = ? AND incarnation = ?", incarnation)
            if chain is None or sequence >= chain["first_sequence"]:
                return incarnation if chain is not None else None
            parent = self.first(
                "SELECT incarnation FROM entry WHERE gateway = ?1 AND sequence = ?2 AND link = ?3"
                " UNION ALL SELECT incarnation FROM hole WHERE gateway = ?1 AND last_sequence = ?2 AND link = ?3",
                chain["first_sequence"] - 1,
                chain["parent_link"],
            )
            if parent is None:
                return None
            incarnation = parent["incarnation"]
