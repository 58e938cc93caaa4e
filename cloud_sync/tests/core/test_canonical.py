"""Canonical form against the examples of RFC 8949, appendix A, and against every way to spell a value twice."""

from cloud_sync.core.canonical import DEPTH_MAX, NESTS_MAX, SIZE_MAX, CanonicalError, _take, decode, encode

# Appendix A, those of its values that we write.
WRITTEN = (
    (0, "00"),
    (1, "01"),
    (10, "0a"),
    (23, "17"),
    (24, "1818"),
    (25, "1819"),
    (100, "1864"),
    (1000, "1903e8"),
    (1000000, "1a000f4240"),
    (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"),
    (-10, "29"),
    (-100, "3863"),
    (-1000, "3903e7"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("a", "6161"),
    ("IETF", "6449455446"),
    ('"\\', "62225c"),
    ("\u00fc", "62c3bc"),
    ("\u6c34", "63e6b0b4"),
    ("\U00010151", "64f0908591"),
    ([], "80"),
    ([1, 2, 3], "83010203"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ({}, "a0"),
    ({1: 2, 3: 4}, "a201020304"),
)

# Appendix A, the others: big numbers, floats, undefined and simple values, tags, text keys, indefinite lengths.
REFUSED = (
    "c249010000000000000000 c349010000000000000000 f90000 f98000 f93c00 fb3ff199999999999a f93e00 f97bff fa47c35000 "
    "fa7f7fffff fb7e37e43c8800759c f90001 f90400 f9c400 fbc010666666666666 f97c00 f97e00 f9fc00 fa7f800000 "
    "fa7fc00000 faff800000 fb7ff0000000000000 fb7ff8000000000000 fbfff0000000000000 f7 f0 f8ff "
    "c074323031332d30332d32315432303a30343a30305a c11a514b67b0 c1fb41d452d9e8200000 d74401020304 d818456449455446 "
    "d82076687474703a2f2f7777772e6578616d706c652e636f6d a26161016162820203 826161a161626163 "
    "a56161614161626142616361436164614461656145 5f42010243030405ff 7f657374726561646d696e67ff 9fff "
    "9f018202039f0405ffff 9f01820203820405ff 83018202039f0405ff 83019f0203ff820405 bf61610161629f0203ffff "
    "826161bf61626163ff bf6346756ef563416d7421ff"
)

# Second spellings of values that have a shorter, sorted or complete one; and what is cut short or goes on.
SECOND_SPELLINGS = (
    "1800 1817 190000 1900ff 1a00000000 1a0000ffff 1b0000000000000000 1b00000000ffffffff 3800 390000 "
    "5800 580101 7800 980101 b80100 a203040102 a2200000f6 a201020102 a1180100 a1381800 0000 8000 6000 "
    "18 19ff 1a000000 41 4201 61 82 a1 a101 a20102 ff 1c 1d 1e 1f 3c 5c 7c 9c bc fc"
)

BROKEN_TEXT = "61ff 62c080 61c3 62c328 63e08080 63eda080 63edbfbf 64f0808080 64f4908080 64f8808080 62e6b0 63e6b028"


def refused(raw):
    try:
        decode(raw)
    except CanonicalError:
        return True
    return False


def not_written(value):
    try:
        encode(value)
    except CanonicalError:
        return True
    return False


def test_appendix_a_is_written_and_read():
    """Each value of RFC 8949 appendix A that we know has the bytes given there, in both directions."""
    for value, text in WRITTEN:
        raw = bytes.fromhex(text)
        assert encode(value) == raw, text
        back = decode(raw)
        assert back == value and type(back) is type(value), text


def test_appendix_a_outside_our_subset_is_refused():
    """Every other example of RFC 8949 appendix A is refused."""
    for text in REFUSED.split():
        assert refused(bytes.fromhex(text)), text


def test_fault_i19_second_spellings_are_refused():
    """Longer heads, unsorted or repeated keys, wide keys, trailing and missing bytes are refused."""
    for text in SECOND_SPELLINGS.split():
        assert refused(bytes.fromhex(text)), text


def test_text_that_is_not_utf8_is_refused():
    """Overlong forms, surrogates, values past U+10FFFF and stray bytes are no text, on every interpreter."""
    for text in BROKEN_TEXT.split():
        assert refused(bytes.fromhex(text)), text


def test_keys_are_sorted_by_their_bytes():
    """Keys 0..23 come before -1..-24, each in order, whatever the order of the map (RFC 8949 4.2.1)."""
    keys = [-24, 23, 0, -1, 7, -2]
    plain = {}
    for key in keys:
        plain[key] = None
    assert encode(plain) == bytes.fromhex("a600f607f617f620f621f637f6")
    assert decode(encode(plain)) == plain


def test_what_has_no_canonical_form_is_not_written():
    """Numbers beyond 64 bits, other keys and other types raise instead of being written somehow."""
    for value in (1 << 64, -(1 << 64) - 1, {24: 0}, {-25: 0}, {"a": 0}, {True: 0}, {None: 0}, object(), {1, 2}):
        assert not_written(value), value


def test_tuples_and_bytearrays_are_written_like_lists_and_bytes():
    """A tuple has the form of the list of its items, a bytearray that of its bytes."""
    assert encode((1, (2,))) == encode([1, [2]])
    assert encode(bytearray(b"ab")) == encode(b"ab")


def test_depth_is_limited_both_ways():
    """A value nested to the limit passes; one level more is neither written nor read."""
    raw = b"\x81" * DEPTH_MAX + b"\x80"
    value = decode(raw)
    assert encode(value) == raw
    assert refused(b"\x81" + raw)
    assert not_written([value])
    assert refused(b"\x81" * 100000)


def test_size_is_limited():
    """Bytes longer than the limit are not even looked at; a length that lies takes no memory."""
    assert refused(bytes(SIZE_MAX + 1))
    for text in ("9b7fffffffffffffff", "bb7fffffffffffffff", "5b7fffffffffffffff", "7b7fffffffffffffff"):
        assert refused(bytes.fromhex(text)), text


def head(major, number):
    """The shortest head of RFC 8949 section 3: five bits, or 1, 2, 4 or 8 bytes after them."""
    if number < 24:
        return bytes([major << 5 | number])
    size = 0
    while number >> (8 << size):
        size += 1
    return bytes([major << 5 | 24 + size]) + number.to_bytes(1 << size, "big")


EDGES = tuple([edge + step for edge in (0, 24, 1 << 8, 1 << 16, 1 << 32, 1 << 64) for step in (-1, 0, 1)][1:-2])


def agree(value, raw):
    """Both directions, alone, in an array, in an array in a map, and one level short of too deep."""
    for _ in range(2):
        assert encode(value) == raw
        assert decode(raw) == value and type(decode(raw)) is type(value)
        value, raw = [value, value], b"\x82" + raw + raw
    value, raw = {-24: value, 23: value}, b"\xa2\x17" + raw + b"\x37" + raw
    assert encode(value) == raw and decode(raw) == value
    for end in range(1, len(raw)) if len(raw) < 200 else (1, len(raw) // 2, len(raw) - 1):
        assert refused(raw[:end])


def test_numbers_about_every_length_of_a_head():
    """The first and last number of each length, of both signs, wherever it stands; a longer head of it is refused."""
    for number in EDGES:
        agree(number, head(0, number))
        agree(-1 - number, head(1, number))
        for size in range(4):
            if number >> (8 << size) == 0 and len(head(0, number)) < 1 + (1 << size):
                for major in (0, 1):
                    longer = bytes([major << 5 | 24 + size]) + number.to_bytes(1 << size, "big")
                    assert refused(longer) and refused(b"\x81" + longer) and refused(b"\xa1\x00" + longer)
    assert len(EDGES) == 15


def test_lengths_about_every_length_of_a_head():
    """Bytes, text and arrays of 0, 1, 22 to 25 and 255 to 257 pieces, bytes of 65,536; maps of up to all 48 keys."""
    for count in (0, 1, 22, 23, 24, 25, 255, 256, 257):
        agree(b"\xff" * count, head(2, count) + b"\xff" * count)
        agree("z" * count, head(3, count) + b"z" * count)
        agree([count] * count, head(4, count) + head(0, count) * count)
        agree([None] * count, head(4, count) + b"\xf6" * count)
        agree(["\u6c34"] * count, head(4, count) + b"\x63\xe6\xb0\xb4" * count)
    for count in (65535, 65536):
        raw = head(2, count) + bytes(count)
        assert encode(bytes(count)) == raw and decode(raw) == bytes(count)
    keys = list(range(24)) + list(range(-1, -25, -1))
    for count in range(49):
        raw = head(5, count) + b"".join(
            [head(key < 0, key if key >= 0 else -1 - key) + b"\xf5" for key in keys[:count]]
        )
        agree(dict.fromkeys(keys[:count], True), raw)


def test_the_limits_are_those_of_the_format():
    """A value is at most 16 levels deep, its bytes at most 4 MiB, and they hold at most 262,144 arrays and maps."""
    assert (DEPTH_MAX, SIZE_MAX, NESTS_MAX) == (16, 4194304, 262144)
    for levels, fine in ((16, True), (17, False)):
        plain = None
        for _ in range(levels):
            plain = [plain]
        raw = bytes([0x81] * levels + [0xF6])
        assert refused(raw) is not fine
        try:
            assert encode(plain) == raw and fine
        except CanonicalError:
            assert not fine
    assert encode([-25, -24, -1, 0, 23, 24]) == bytes.fromhex("86381837200017" + "1818")
    assert encode([[22, 23], {0: 23}]) == bytes.fromhex("82821617a10017")


def test_text_of_several_lines_is_looked_through_to_its_end():
    """Lines of ASCII, empty ones and others may stand in one text; what is wrong is found in any of them."""
    text = "a\n\n\u00e9\n\u4e2d b\n"
    assert decode(encode(text)) == text
    for wrong in (b"\xc3\x28", b"\xc3\n", b"\xe4\xb8\n", b"\x80"):
        body = b"a\n\n" + wrong + b"b"
        assert refused(bytes((0x60 + len(body),)) + body)


def test_every_lead_and_second_byte_of_utf8():
    """All 128 leads, each with the bytes about every limit: read where a character of Unicode begins so, else not."""
    starts = {}
    for code in list(range(0x80, 0x800)) + list(range(0x800, 0xD800, 64)) + list(range(0xE000, 0x110000, 64)):
        starts[chr(code).encode("utf-8")[:2]] = True
    assert len(starts) == 1920 + 13 * 64 + 2 * 32 + 64 + 3 * 64 + 48 + 16
    for lead in range(0x80, 0x100):
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        for second in (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF):
            text = bytes([lead, second]) + b"\x80\xbf"[: more - 1]
            raw = bytes([0x60 | len(text)]) + text
            assert refused(raw) != (text[:2] in starts), raw
    for code in (0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF):
        text = chr(code).encode("utf-8")
        agree(chr(code), head(3, len(text)) + text)
        for place in range(1, len(text)):
            for wrong in (0x00, 0x7F, 0xC0, 0xFF):
                spoilt = text[:place] + bytes([wrong]) + text[place + 1 :]
                raw = head(3, len(spoilt)) + spoilt
                assert refused(raw) and refused(b"\x81" + raw) and refused(b"\x82\x61a" + raw)


def test_heads_that_mean_nothing_and_keys_that_are_none():
    """Of all 256 first bytes alone only 51 are a value; of all keys only 48, each after the one before it."""
    whole = [number for number in range(256) if not refused(bytes([number]))]
    expected = list(range(0x18)) + list(range(0x20, 0x38)) + [0x40, 0x60, 0x80, 0xA0, 0xF4, 0xF5, 0xF6]
    assert whole == expected
    keys = [number for number in range(256) if not refused(bytes([0xA1, number, 0xF6]))]
    assert keys == list(range(0x18)) + list(range(0x20, 0x38))
    for first in keys:
        for second in keys:
            assert refused(bytes([0xA2, first, 0xF6, second, 0xF6])) != (first < second)
    for number in range(256):
        assert refused(bytes([0x81, number])) != (number in expected)


def test_depth_by_kind():
    """At the greatest depth every kind of value still stands, in an array and in a map; below it none does."""
    for raw in (
        b"\x00",
        b"\x20",
        b"\x18\x18",
        b"\x38\x18",
        b"\x40",
        b"\x60",
        b"\x61a",
        b"\x80",
        b"\xa0",
        b"\xf6",
        b"\xf5",
    ):
        for wrap in (b"\x81", b"\xa1\x00"):
            assert not refused(wrap * DEPTH_MAX + raw)
            assert encode(decode(wrap * DEPTH_MAX + raw)) == wrap * DEPTH_MAX + raw
    for raw in (b"\x18\x18", b"\x38\x18", b"\x40", b"\x61a", b"\x80", b"\xa0", b"\xf6", b"\xf5"):
        for wrap in (b"\x81", b"\xa1\x00"):
            assert refused(wrap * (DEPTH_MAX + 1) + raw)


class Count(int):
    """A number with a class of its own, as readers of files give it."""


class Name(str):
    """A text with a class of its own."""


def test_kinds_of_numbers_and_texts_are_written_as_what_they_are():
    """A value of a class that is a number or a text has the form of its value; nobody reads the class back."""
    assert encode([Count(500), Name("a\u00fc"), {1: Name("b"), 2: Count(7)}]) == encode(
        [500, "a\u00fc", {1: "b", 2: 7}]
    )


def test_text_that_no_bytes_stand_for_is_not_written():
    """Half of a surrogate pair is no character; a text of ASCII and of others is."""
    for text in ("\ud800", "a\udfff"):
        assert not_written(text), repr(text)
    assert decode(encode("a\u6c34b")) == "a\u6c34b"


def test_text_in_a_list_is_read_as_text_elsewhere():
    """Of ASCII or not, cut short or broken: a list holds no more and no less than a map does."""
    for text in ("", "a", "\u6c34", "a\u00fc" * 30):
        assert decode(encode([text, 1])) == [text, 1]
    for raw in ("8161ff", "8162c080", "8161", "81626100"):
        assert refused(bytes.fromhex(raw)) == (raw != "81626100"), raw


def test_numbers_in_a_list_have_one_form_too():
    """Longer than needed, or cut short, they are refused as they are elsewhere."""
    for raw in ("811800", "81190017", "813800", "8118", "811901", "811b00"):
        assert refused(bytes.fromhex(raw)), raw
    assert decode(bytes.fromhex("8218183901f3")) == [24, -500]


def test_the_number_of_lists_and_maps_is_limited():
    """As many as there may be pass, one more is refused, wherever they stand; with a limit of nine in all."""
    for one, lists in ((b"\x80", 1), (b"\xa0", 1), (b"\x81\x80", 2), (b"\xa1\x01\x80", 2)):
        for count in range(1, 12):
            raw = bytes((0x80 + count,)) + one * count
            left = [9]
            try:
                assert _take(raw, 0, 0, left)[1] == len(raw)
            except CanonicalError:
                assert 1 + count * lists > 9
            else:
                assert left == [9 - 1 - count * lists]


def test_half_a_character_is_not_written():
    """Text with a lone half of a character outside the first plane has no UTF-8."""
    for code in (0xD800, 0xDBFF, 0xDC00, 0xDFFF):
        assert not_written(chr(code)) and not_written(["a" + chr(code)])


def vectors():
    """Every example as written, and a map whose keys come in no order."""
    shuffled = {key: [None, True, -key, "值" * key, bytes(key)] for key in (9, 1, 23, 5, 0)}
    return [encode(value) for value, _ in WRITTEN] + [encode(shuffled)]
