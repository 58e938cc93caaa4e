"""Rows: the allocations of one interval, one row a sink and source, salted and hashed into one root.

A tenant shows its own rows with their salts and paths; the other rows stay hashes.
"""

from cloud_sync.core.canonical import encode
from cloud_sync.core.merkle import root, salted_row
from gateway.core.account.trace import FLOW, Allocation


def row_bytes(start_s: int, end_s: int, allocation: Allocation) -> bytes:
    """Return the canonical bytes of one row: [start_s, end_s, sink, source, wh]."""
    return encode([start_s, end_s, allocation.sink, allocation.source, allocation.wh])


def interval_rows(start_s: int, end_s: int, allocations: tuple[Allocation, ...]) -> list[bytes]:
    """Return the rows of an interval: its allocations by the flow method, sorted by sink and source."""
    chosen = sorted((a for a in allocations if a.method == FLOW), key=lambda a: (a.sink, a.source))
    return [row_bytes(start_s, end_s, allocation) for allocation in chosen]


def rows_root(seed: bytes, rows: list[bytes]) -> bytes:
    """Return the Merkle root over the salted *rows*."""
    return root([salted_row(seed, index, row) for index, row in enumerate(rows)])
