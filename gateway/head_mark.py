"""Head mark: a small file beside the journal that says how far that had come, to notice where it comes back shorter.

It is written after each commit of entries and never waited for: it may lag behind the journal, but whatever it says was
on the disk before. A journal that ends before its mark has lost its write-ahead log or its end, or is an older copy.
"""

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_CHECK_DIGITS = 16


class HeadMark:
    """The mark of the journal at *journal*."""

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(journal.name + "-head")

    def read(self) -> tuple[int, bytes] | None:
        """Return sequence and link of the last entry that was marked, None where there is no whole mark."""
        try:
            said, _, check = self._path.read_bytes().rstrip().rpartition(b" ")
            sequence, link = said.split(b" ")
            return (int(sequence), bytes.fromhex(link.decode())) if check == _check(said) else None
        except (OSError, ValueError):
            return None

    def write(self, sequence: int, link: bytes) -> None:
        """Mark an entry that was committed."""
        said = b"%020d %s" % (sequence, link.hex().encode())
        with suppress(OSError):  # what is committed is safe without its mark
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(file, b"%s %s\n" % (said, _check(said)), 0)
            finally:
                os.close(file)


def _check(said: bytes) -> bytes:
    return sha256(said).hexdigest()[:_CHECK_DIGITS].encode()
