"""Thrift's compact protocol, as far as the metadata of Parquet needs it: structures, lists, numbers, texts."""

from collections.abc import Sequence

I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
_TRUE, _FALSE = 1, 2
Field = tuple[int, int, object]  # its number, its type, its value


def varint(number: int) -> bytes:
    """Return a whole number in groups of seven bits, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _value(kind: int, value: object) -> bytes:
    if kind in (I32, I64):
        assert isinstance(value, int)
        return _zigzag(value)
    if kind == BINARY:
        raw = value.encode() if isinstance(value, str) else value
        assert isinstance(raw, bytes)
        return varint(len(raw)) + raw
    if kind == STRUCT and isinstance(value, bytes):
        return value
    assert isinstance(value, (list, tuple))
    if kind == STRUCT:
        return struct(value)
    item_kind, items = value
    size = bytes([len(items) << 4 | item_kind]) if len(items) < 15 else bytes([0xF0 | item_kind]) + varint(len(items))
    return size + b"".join(_value(item_kind, item) for item in items)


def struct(fields: Sequence[Field]) -> bytes:
    """Return a structure of fields in rising order of their numbers; a list is (type of its items, items).

    A structure inside another is the list of its fields, or its bytes.
    """
    out, last = bytearray(), 0
    for number, kind, value in fields:
        assert last < number <= last + 15
        if isinstance(value, bool):
            out.append((number - last) << 4 | (_TRUE if value else _FALSE))
        else:
            out.append((number - last) << 4 | kind)
            out += _value(kind, value)
        last = number
    return bytes(out) + b"\0"
