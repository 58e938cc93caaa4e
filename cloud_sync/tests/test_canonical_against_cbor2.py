"""The canonical form against cbor2, an independent implementation of CBOR, over values made up by hypothesis."""

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync.core.canonical import NESTS_MAX, CanonicalError, decode, encode

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.integers(-300, 300)
    | st.binary(max_size=300)
    | st.text(max_size=80)
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.integers(-24, 23), inner, max_size=24),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(_VALUES)
def test_ours_is_what_cbor2_writes_and_reads(value: object) -> None:
    """cbor2's canonical bytes are ours (keys -24..23 sort alike in both orders), and each reads the other."""
    raw = encode(value)
    assert raw == cbor2.dumps(value, canonical=True)
    assert cbor2.loads(raw) == value
    assert decode(raw) == value


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=40) | _VALUES.map(lambda value: cbor2.dumps(value)))
def test_whatever_is_read_is_written_back_alike(raw: bytes) -> None:
    """Bytes are either refused with CanonicalError or are exactly what the value they mean is written as."""
    try:
        value = decode(raw)
    except CanonicalError:
        return
    assert encode(value) == raw
    assert cbor2.loads(raw) == value


@settings(max_examples=300, deadline=None)
@given(_VALUES, st.data())
def test_one_changed_byte_is_another_value_or_none(value: object, data: st.DataObject) -> None:
    """No byte of an encoding can be changed without changing what it means or breaking it."""
    raw = bytearray(encode(value))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = decode(bytes(raw))
    except CanonicalError:
        return
    assert encode(changed) == bytes(raw) != encode(value)


def test_half_a_surrogate_pair_is_no_text() -> None:
    """A str that Python holds and UTF-8 cannot write has no canonical form."""
    with pytest.raises(CanonicalError):
        encode("\ud800")


@pytest.mark.parametrize("empty", [b"\x80", b"\xa0"])
def test_a_short_message_cannot_grow_into_millions_of_lists(empty: bytes) -> None:
    """Four megabytes of empty lists, four kilobytes when packed, would take 300 MiB once read: they are refused."""
    head = b"\x9a" + (NESTS_MAX - 1).to_bytes(4, "big")
    assert len(decode(head + empty * (NESTS_MAX - 1))) == NESTS_MAX - 1  # type: ignore[arg-type]
    with pytest.raises(CanonicalError, match="more than 262144 arrays and maps"):
        decode(b"\x9a" + NESTS_MAX.to_bytes(4, "big") + empty * NESTS_MAX)
