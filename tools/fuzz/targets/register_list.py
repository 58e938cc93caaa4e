"""Lists of registers as they are copied out of manuals: lines, CSV, columns in any order."""

from collections.abc import Iterator

from gateway.new_profile.quantity_words import quantity_of
from gateway.new_profile.register_list import (
    BASES,
    LINES_MAX,
    function_of,
    possible_bases,
    read_register_list,
    registers_of_type,
    wire_address,
)
from gateway.tests.test_register_list import ACREL, DTSU666, EASTRON
from tools.fuzz.text import text_of

TOKENS = (
    b"0x", b"30001", b"40001", b"4x0001", b"Float", b"uint32", b"kWh", b"0.1", b"*10", b"/100", b"1e-3", b"\t", b";",
    b"|", b'"', b"address,name,type,unit", b" - ", b"2006H", b"\xc2\xb2", b"\xe5\x9c\xb0\xe5\x9d\x80", b"1E9",
)  # fmt: skip
_FACTOR_LENGTH_MAX = 400  # no manual has a longer factor, and a number must not grow out of a short text


def seeds() -> Iterator[bytes]:
    """Yield lists of three makers."""
    for text in (EASTRON, DTSU666, ACREL):
        yield text.encode()
    yield b"address;name;count;bytes;function;factor\n1;U1;2;4;03;1e-1\n"


def target(data: bytes) -> None:
    """Every line is a register or is handed back, and a factor is no longer than what was written."""
    text = text_of(data)
    if text is None:
        return
    found = read_register_list(text)
    assert len(found.registers) + len(found.left) <= LINES_MAX
    for base in possible_bases(found.registers):
        assert base in BASES
    for one in found.registers:
        assert one.name and len(one.factor) <= _FACTOR_LENGTH_MAX
        assert function_of(one) in (None, 3, 4)
        assert all(isinstance(wire_address(one, base), int) for base in BASES)
        if one.type:
            assert registers_of_type(one.type, one.count) > 0
        quantity_of(one.name, one.unit)
