"""One value, one byte string: deterministic CBOR (RFC 8949 section 4.2.1), narrowed to what we sign.

Whole numbers of 64 bits, text, bytes, arrays, maps with keys -24..23, null, true and false; nothing
else is written and nothing else is read. A reader that took a second spelling of the same value would let
one batch have two hashes, so every longer, unsorted, repeated or trailing form is refused.
"""

DEPTH_MAX = 16  # A record is four levels deep; more is an attack on the reader's stack.
SIZE_MAX = 4 * 1024 * 1024  # The inflated batch; see docs/batch-format.md.
NESTS_MAX = 1 << 18  # Arrays and maps; a full body of real rows has 100,000. Empty ones take 100 bytes for each read.

_UNSIGNED = 0x00
_NEGATIVE = 0x20
_BYTES = 0x40
_TEXT = 0x60
_ARRAY = 0x80
_MAP = 0xA0
_FALSE = 0xF4
_TRUE = 0xF5
_NULL = 0xF6


class CanonicalError(ValueError):
    """A value has no canonical form here, or bytes are not the canonical form of any value."""


def encode(value: object) -> bytes:
    """Return the one encoding of *value*; raises CanonicalError where it has none."""
    out = bytearray()
    _put(out, value, 0)
    return bytes(out)


def decode(raw: bytes) -> object:
    """Return the value that *raw* is the one encoding of; arrays come as lists."""
    if len(raw) > SIZE_MAX:
        raise CanonicalError("longer than %d bytes" % SIZE_MAX)
    value, at = _take(raw, 0, 0, [NESTS_MAX])
    if at != len(raw):
        raise CanonicalError("%d bytes after the value" % (len(raw) - at))
    return value


def _head(out: bytearray, major: int, number: int) -> None:
    if number < 24:
        out.append(major | number)
    elif number < 0x100:
        out.append(major | 24)
        out.append(number)
    elif number < 0x10000:
        out.append(major | 25)
        out.append(number >> 8)
        out.append(number & 0xFF)
    elif number < 0x100000000:
        out.append(major | 26)
        out.extend(number.to_bytes(4, "big"))
    elif number < 0x10000000000000000:
        out.append(major | 27)
        out.extend(number.to_bytes(8, "big"))
    else:
        raise CanonicalError("a whole number of more than 64 bits")


def _put(out: bytearray, value: object, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise CanonicalError("nested deeper than %d" % DEPTH_MAX)
    kind = type(value)  # First by the exact type, the most frequent ones first: half the time.
    if kind is int:
        _put_number(out, value)  # type: ignore[arg-type]
    elif kind is str:
        _put_text(out, value)  # type: ignore[arg-type]
    elif value is None:
        out.append(_NULL)
    elif value is True:
        out.append(_TRUE)
    elif value is False:
        out.append(_FALSE)
    elif isinstance(value, (list, tuple)):
        _put_array(out, value, depth)
    elif isinstance(value, (bytes, bytearray)):
        _head(out, _BYTES, len(value))
        out.extend(value)
    elif isinstance(value, dict):
        _put_map(out, value, depth)
    elif isinstance(value, int):
        _put_number(out, value)
    elif isinstance(value, str):
        _put_text(out, value)
    else:
        raise CanonicalError("no canonical form: %r" % (value,))


def _put_number(out: bytearray, number: int) -> None:
    if number < 0:
        _head(out, _NEGATIVE, -1 - number)
    elif number < 24:
        out.append(number)
    else:
        _head(out, _UNSIGNED, number)


def _put_text(out: bytearray, text: str) -> None:
    raw = _utf8(text)
    _head(out, _TEXT, len(raw))
    out.extend(raw)


def _put_array(out: bytearray, items: "list[object] | tuple[object, ...]", depth: int) -> None:
    _head(out, _ARRAY, len(items))
    for item in items:
        if type(item) is int and -24 <= item < 24:  # Nearly all differences of readings; a quarter of the time.
            out.append(item if item >= 0 else 0x1F - item)
        else:
            _put(out, item, depth + 1)


def _put_map(out: bytearray, members: "dict[object, object]", depth: int) -> None:
    heads = []
    for key in members:
        if isinstance(key, bool) or not isinstance(key, int) or not -24 <= key <= 23:
            raise CanonicalError("a map's key is not a whole number from -24 to 23: %r" % (key,))
        heads.append(key if key >= 0 else 0x1F - key)
    _head(out, _MAP, len(heads))
    for head in sorted(heads):
        out.append(head)
        _put(out, members[head if head < 0x20 else 0x1F - head], depth + 1)


def _utf8(text: str) -> bytes:
    try:
        raw = text.encode("utf-8")
    except UnicodeError:
        raise CanonicalError("text that is not Unicode")  # noqa: B904
    if len(raw) != len(text):  # else all of it is ASCII
        _check_utf8(raw)
    return raw


def _check_utf8(raw: bytes) -> None:
    """Refuse what RFC 3629 refuses; MicroPython's own decoder lets overlong forms and surrogates pass."""
    for line in raw.split(b"\n"):  # no longer character has that byte; most lines of a configuration are ASCII
        if line and max(line) >= 0x80:
            _check_line(line)


def _check_line(raw: bytes) -> None:
    at = 0
    end = len(raw)
    while at < end:
        lead = raw[at]
        at += 1
        if lead < 0x80:
            continue
        if 0xC2 <= lead <= 0xDF:
            more, low, high = 1, 0x80, 0xBF
        elif 0xE0 <= lead <= 0xEF:
            more = 2
            low = 0xA0 if lead == 0xE0 else 0x80
            high = 0x9F if lead == 0xED else 0xBF
        elif 0xF0 <= lead <= 0xF4:
            more = 3
            low = 0x90 if lead == 0xF0 else 0x80
            high = 0x8F if lead == 0xF4 else 0xBF
        else:
            raise CanonicalError("text that is not UTF-8")
        if at + more > end or not low <= raw[at] <= high:
            raise CanonicalError("text that is not UTF-8")
        for place in range(at + 1, at + more):
            if raw[place] & 0xC0 != 0x80:
                raise CanonicalError("text that is not UTF-8")
        at += more


def _take_number(raw: bytes, at: int, low: int) -> "tuple[int, int]":
    """Return the number that a head with the low five bits *low*, 24 or more, carries, and where its bytes end."""
    if low > 27:
        raise CanonicalError("an indefinite or reserved length at byte %d" % (at - 1))
    size = 1 << (low - 24)
    if at + size > len(raw):
        raise CanonicalError("cut short at byte %d" % len(raw))
    number = int.from_bytes(raw[at : at + size], "big")
    least = 24 if size == 1 else 1 << (4 * size)
    if number < least:
        raise CanonicalError("a number longer than needed at byte %d" % (at - 1))
    return number, at + size


def _take(raw: bytes, at: int, depth: int, left: "list[int]") -> "tuple[object, int]":
    if depth > DEPTH_MAX:
        raise CanonicalError("nested deeper than %d" % DEPTH_MAX)
    if at >= len(raw):
        raise CanonicalError("cut short at byte %d" % at)
    first = raw[at]
    major = first & 0xE0
    if major > _MAP:
        return _take_simple(first, at)
    number, at = first & 0x1F, at + 1
    if number >= 24:
        number, at = _take_number(raw, at, number)
    if major == _UNSIGNED:
        return number, at
    if major == _NEGATIVE:
        return -1 - number, at
    if number > len(raw) - at:  # Each item and each byte takes at least one byte.
        raise CanonicalError("cut short at byte %d" % len(raw))
    if major == _BYTES:
        return raw[at : at + number], at + number
    if major == _TEXT:
        text = raw[at : at + number]
        if number and max(text) >= 0x80:
            _check_utf8(text)
        return str(text, "utf-8"), at + number
    left[0] -= 1
    if left[0] < 0:
        raise CanonicalError("more than %d arrays and maps" % NESTS_MAX)
    if major == _ARRAY:
        return _take_array(raw, at, number, depth, left)
    return _take_map(raw, at, number, depth, left)


def _take_simple(first: int, at: int) -> "tuple[object, int]":
    if first == _NULL:
        return None, at + 1
    if first == _TRUE:
        return True, at + 1
    if first == _FALSE:
        return False, at + 1
    raise CanonicalError("a tag, a float or an unknown simple value at byte %d" % at)


def _take_array(raw: bytes, at: int, count: int, depth: int, left: "list[int]") -> "tuple[object, int]":
    items: "list[object]" = []
    end = len(raw)
    nested = depth < DEPTH_MAX
    for _ in range(count):  # What records are full of is taken here, without a call; the rest by _take.
        first = raw[at] if at < end else 0xFF
        if first < 24:
            items.append(first)
            at += 1
        elif 0x20 <= first < 0x38:
            items.append(0x1F - first)
            at += 1
        elif (0x18 <= first < 0x1C or 0x38 <= first < 0x3C) and nested:
            size = 1 << (first & 3)
            number = int.from_bytes(raw[at + 1 : at + 1 + size], "big")
            if at + size >= end or number < (24 if size == 1 else 1 << (4 * size)):
                _take_number(raw, at + 1, first & 0x1F)  # says why not
            items.append(number if first < 0x20 else -1 - number)
            at += 1 + size
        elif first == _NULL and nested:
            items.append(None)
            at += 1
        elif _TEXT <= first < 0x78 and nested and at + first - _TEXT < end:
            text = raw[at + 1 : at + 1 + first - _TEXT]
            if text and max(text) >= 0x80:
                _check_utf8(text)
            items.append(str(text, "utf-8"))
            at += 1 + len(text)
        elif _ARRAY < first < 0x98 and nested and left[0] > 0 and first - _ARRAY < end - at:
            left[0] -= 1
            item, at = _take_array(raw, at + 1, first - _ARRAY, depth + 1, left)
            items.append(item)
        else:
            item, at = _take(raw, at, depth + 1, left)
            items.append(item)
    return items, at


def _take_map(raw: bytes, at: int, count: int, depth: int, left: "list[int]") -> "tuple[object, int]":
    members: "dict[int, object]" = {}
    last = -1
    for _ in range(count):
        if at >= len(raw):
            raise CanonicalError("cut short at byte %d" % at)
        head = raw[at]
        if head & 0x1F > 23 or head & 0xC0:
            raise CanonicalError("a map's key is not a whole number from -24 to 23 at byte %d" % at)
        if head <= last:
            raise CanonicalError("a map's key out of order or repeated at byte %d" % at)
        last = head
        value, at = _take(raw, at + 1, depth + 1, left)
        members[head if head < 0x20 else 0x1F - head] = value
    return members, at
