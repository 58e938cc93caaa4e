"""Parquet: one table as a file of the Apache Parquet format, by nothing but the standard library.

Only what such tables need: columns that are always there, whole numbers and times plain, texts by dictionary, no
compression, one page a column and row group. So the bytes depend on the rows alone, not on the versions of a library,
and a gateway needs no 50 MB of one.
"""

import struct as numbers
from collections.abc import Iterator, Sequence

from gateway.exports.thrift import BINARY, I32, I64, LIST, STRUCT, struct, varint

INTEGER, TEXT, TIME_MS = "integer", "text", "time"
GROUP_ROWS = 16384
_MAGIC = b"PAR1"
_INT64, _BYTE_ARRAY = 2, 6
_PLAIN, _RLE, _DICTIONARY = 0, 3, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_REQUIRED = 0
_UTF8, _TIMESTAMP_MILLIS = 0, 9
Column = tuple[str, str]  # name and kind
Value = int | str


class ParquetTable:
    """A table that grows row by row; what it yields is the file from its first byte to its last."""

    def __init__(self, columns: Sequence[Column], notes: Sequence[tuple[str, str]]) -> None:
        """Begin a table of *columns*; *notes* are pairs of texts kept with the file."""
        self._columns, self._notes = tuple(columns), tuple(notes)
        self._waiting: list[tuple[Value, ...]] = []
        self._groups: list[bytes] = []
        self._rows = 0
        self._offset = 0

    def add(self, row: tuple[Value, ...]) -> Iterator[bytes]:
        """Take one row; yield what can be written already."""
        assert len(row) == len(self._columns)
        self._waiting.append(row)
        if len(self._waiting) == GROUP_ROWS:
            yield from self._group()

    def end(self) -> Iterator[bytes]:
        """Yield the rest of the file."""
        if self._waiting:
            yield from self._group()
        elif not self._offset:
            yield self._placed(_MAGIC)
        schema: list[object] = [[(4, BINARY, "schema"), (5, I32, len(self._columns))]]
        schema += [_element(*column) for column in self._columns]
        notes = [[(1, BINARY, key), (2, BINARY, text)] for key, text in self._notes]
        footer = struct(
            [
                (1, I32, 1), (2, LIST, (STRUCT, schema)), (3, I64, self._rows), (4, LIST, (STRUCT, self._groups)),
                (5, LIST, (STRUCT, notes)), (6, BINARY, "wattproof"),
            ]
        )  # fmt: skip
        yield footer + len(footer).to_bytes(4, "little") + _MAGIC

    def _group(self) -> Iterator[bytes]:
        if not self._offset:
            yield self._placed(_MAGIC)
        rows, self._waiting = self._waiting, []
        chunks, size, first = [], 0, self._offset
        for index, (name, kind) in enumerate(self._columns):
            begins = self._offset
            pages = _pages(kind, [row[index] for row in rows])
            for page in pages:
                yield self._placed(page)
            # The last page holds the rows; one before it the dictionary.
            data_at = self._offset - len(pages[-1])
            encodings = [_DICTIONARY, _PLAIN] if kind == TEXT else [_PLAIN]
            meta = [
                (1, I32, _BYTE_ARRAY if kind == TEXT else _INT64), (2, LIST, (I32, [*encodings, _RLE])),
                (3, LIST, (BINARY, [name])), (4, I32, 0), (5, I64, len(rows)),
                (6, I64, self._offset - begins), (7, I64, self._offset - begins), (9, I64, data_at),
            ]  # fmt: skip
            meta += [(11, I64, begins)] if kind == TEXT else []
            chunks.append([(2, I64, begins), (3, STRUCT, meta)])
            size += self._offset - begins
        self._rows += len(rows)
        self._groups.append(
            struct([(1, LIST, (STRUCT, chunks)), (2, I64, size), (3, I64, len(rows)), (5, I64, first), (6, I64, size)])
        )

    def _placed(self, raw: bytes) -> bytes:
        self._offset += len(raw)
        return raw


def _element(name: str, kind: str) -> list[object]:
    """Return a column as the schema names it, by the newer and the older way to say what its values mean."""
    if kind == TEXT:
        return [
            (1, I32, _BYTE_ARRAY), (3, I32, _REQUIRED), (4, BINARY, name), (6, I32, _UTF8),
            (10, STRUCT, [(1, STRUCT, [])]),
        ]  # fmt: skip
    plain: list[object] = [(1, I32, _INT64), (3, I32, _REQUIRED), (4, BINARY, name)]
    if kind == TIME_MS:
        utc_ms = [(1, STRUCT, True), (2, STRUCT, [(1, STRUCT, [])])]
        plain += [(6, I32, _TIMESTAMP_MILLIS), (10, STRUCT, [(8, STRUCT, utc_ms)])]
    return plain


def _pages(kind: str, values: list[Value]) -> list[bytes]:
    """Return the pages of one column: its values, before them their dictionary where they are texts."""
    if kind != TEXT:
        return [_page(_DATA_PAGE, len(values), _PLAIN, numbers.pack("<%dq" % len(values), *values))]
    words = sorted(set(values))
    raw = b"".join(_sized(str(word).encode()) for word in words)
    number = {word: index for index, word in enumerate(words)}
    width = max(1, (len(words) - 1).bit_length())
    indices = bytes([width]) + _packed([number[value] for value in values], width)
    return [
        _page(_DICTIONARY_PAGE, len(words), _PLAIN, raw), _page(_DATA_PAGE, len(values), _DICTIONARY, indices),
    ]  # fmt: skip


def _sized(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "little") + raw


def _packed(indices: list[int], width: int) -> bytes:
    """Return *indices* as one run of the hybrid encoding: groups of eight, *width* bits each, the lowest bit first."""
    out = bytearray()
    groups = -(-len(indices) // 8)
    for at in range(0, len(indices), 8):
        bits = 0
        for place, index in enumerate(indices[at : at + 8]):
            bits |= index << (place * width)
        out += bits.to_bytes(width, "little")
    return varint(groups << 1 | 1) + bytes(out)


def _page(kind: int, values: int, encoding: int, raw: bytes) -> bytes:
    head: list[tuple[int, int, object]] = [(1, I32, kind), (2, I32, len(raw)), (3, I32, len(raw))]
    if kind == _DICTIONARY_PAGE:
        head.append((7, STRUCT, [(1, I32, values), (2, I32, encoding)]))
    else:
        levels = [(1, I32, values), (2, I32, encoding), (3, I32, _RLE), (4, I32, _RLE)]
        head.append((5, STRUCT, levels))
    return struct(head) + raw
