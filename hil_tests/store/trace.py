"""Trace: what a writer did to its files, call by call, as the shim wrote it down, and what a power cut leaves of it.

A power cut keeps what was synced. Of what was not, each sector of each write is kept or not by itself, which also
tears and reorders writes; cuts and growths of a file likewise. Names of files are made, changed and removed in order,
as the journal of a file system keeps them, and last at least up to the last sync of their folder.
"""

import random
import struct
from pathlib import Path
from typing import NamedTuple

SECTOR = 512
FOLDER = "."
# How likely an unsynced sector is kept; each image has one of these.
KEPT = (0.0, 0.1, 0.5, 0.9, 1.0)


class Call(NamedTuple):
    """One call: O made, W written, T cut or grown, S synced, E sync failed, U removed, R renamed, L linked, M mark."""

    what: str
    name: str
    offset: int
    content: bytes


def read_trace(path: Path) -> list[Call]:
    """Return the calls in the log of the shim."""
    raw = path.read_bytes()
    calls, at = [], 0
    while at < len(raw):
        what, length = chr(raw[at]), raw[at + 1]
        name = raw[at + 2 : at + 2 + length].decode()
        at += 2 + length
        offset, count = struct.unpack_from("<qI", raw, at)
        at += 12
        calls.append(Call(what, name, offset, raw[at : at + count]))
        at += count
    return calls


class _File:
    """One file: what is on the disk for certain, and what may be."""

    def __init__(self) -> None:
        self.durable = bytearray()
        self.waiting: list[Call] = []

    def image(self, chance: random.Random, kept: float) -> bytes:
        """Return what a power cut leaves of it."""
        left = bytearray(self.durable)
        for call in self.waiting:
            _do(left, call, chance, kept)
        return bytes(left)


def _do(left: bytearray, call: Call, chance: random.Random, kept: float) -> None:
    if call.what == "T":
        if kept >= 1 or chance.random() < kept:
            _grow(left, call.offset)
            del left[call.offset :]
        return
    at, end = call.offset, call.offset + len(call.content)
    if kept >= 1:
        _put(left, at, call.content)
        return
    while at < end:
        following = min(end, (at // SECTOR + 1) * SECTOR)
        if chance.random() < kept:
            _put(left, at, call.content[at - call.offset : following - call.offset])
        at = following


def _grow(left: bytearray, length: int) -> None:
    if len(left) < length:
        left.extend(bytes(length - len(left)))


def _put(left: bytearray, at: int, content: bytes) -> None:
    _grow(left, at)
    left[at : at + len(content)] = content


class Disk:
    """The disk while the calls of a trace pass over it."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}  # as the writer sees them
        self._durable: dict[str, _File] = {}
        self._renamings: list[Call] = []  # of the folder, not synced yet
        self._made: list[_File] = []

    def take(self, call: Call) -> None:
        """Let one call pass."""
        if call.what == "M":
            return
        if call.name == FOLDER:
            if call.what == "S":
                self._durable = dict(self._names)
                self._renamings = []
        elif call.what in "OURL":
            if call.what != "O" or call.name not in self._names:
                self._renamings.append(call)
                if call.what == "O":
                    self._made.append(_File())
                    call = call._replace(offset=len(self._made) - 1)
                    self._renamings[-1] = call
                self._rename(self._names, call)
        elif call.what == "S":
            file = self._names[call.name]
            for one in file.waiting:
                _do(file.durable, one, random.Random(0), 1.0)
            file.waiting = []
        elif call.what == "E":
            # The kernel takes the pages for clean from now on: they never reach the disk by themselves.
            self._names[call.name].waiting = []
        else:
            self._names[call.name].waiting.append(call)

    def _rename(self, names: dict[str, _File], call: Call) -> None:
        if call.what == "O":
            names[call.name] = self._made[call.offset]
        elif call.what == "U":
            del names[call.name]
        elif call.what == "L":
            names[call.content.decode()] = names[call.name]
        else:
            names[call.content.decode()] = names.pop(call.name)

    def image(self, chance: random.Random) -> dict[str, bytes]:
        """Return the files that a power cut may leave now."""
        kept = chance.choice(KEPT)
        names = dict(self._durable)
        for call in self._renamings[: chance.randint(0, len(self._renamings))]:
            self._rename(names, call)
        return {name: file.image(chance, kept) for name, file in names.items()}
