"""Entry: one numbered record of the journal, tied by its link to the one before it.

An entry's body is opaque here: the road carries letters and opens none.
"""

from collections import namedtuple
from hashlib import sha256

GENESIS = b"\x00" * 32  # What the first entry of all links to.
FIRST_SEQUENCE = 1  # So that "through 0" says: nothing yet.
LINK_BYTES = 32


class Entry(namedtuple("Entry", ("sequence", "body", "link"))):
    """Record number *sequence*; *link* commits to its body and to all before it."""

    __slots__ = ()
    sequence: int
    body: bytes
    link: bytes


def link(previous: bytes, sequence: int, body: bytes) -> bytes:
    """Return the link of entry *sequence*: SHA-256 over previous link, sequence (8 bytes) and SHA-256(body)."""
    return link_over(previous, sequence, sha256(body).digest())


def link_over(previous: bytes, sequence: int, digest: bytes) -> bytes:
    """Return the link of entry *sequence* whose body has the SHA-256 *digest*."""
    assert len(previous) == LINK_BYTES and sequence >= FIRST_SEQUENCE
    return sha256(previous + sequence.to_bytes(8, "big") + digest).digest()


def chain(previous: bytes, first_sequence: int, bodies: "tuple[bytes, ...]") -> "tuple[Entry, ...]":
    """Return the entries of *bodies*, the first of which follows the link *previous*."""
    entries = []
    for index in range(len(bodies)):
        previous = link(previous, first_sequence + index, bodies[index])
        entries.append(Entry(first_sequence + index, bodies[index], previous))
    return tuple(entries)
