"""DL/T 645 for any address, identifier and value: what was put in comes out, and noise is never believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.meter.bcd import bits_of, digits_of
from gateway.core.meter.dlt645 import (
    ANYONE,
    EVERYONE,
    answer,
    answer_bytes,
    framed,
    is_whole,
    read,
    read_request,
    request,
)
from gateway.core.meter.dlt645_exchange import exchanged
from gateway.core.meter.dlt645_items import NUMBER, items_of
from gateway.core.meter.dlt645_values import amount
from gateway.core.meter.modbus import FrameFault

ADDRESSES = st.text("0123456789", min_size=12, max_size=12).filter(lambda text: text != EVERYONE)
YEARS = st.sampled_from([2007, 1997])
ONE_VALUE = [
    (2007, di)
    for di in (
        0x00000000,
        0x00010000,
        0x00020300,
        0x02010100,
        0x02020200,
        0x02030000,
        0x02060300,
        0x02800002,
        0x05040101,
    )
] + [(1997, di) for di in range(0x9000, 0xB700) if [item.form for item in items_of(di, 1997)] == [NUMBER]]


@given(ADDRESSES, st.integers(0, 0xFFFF), YEARS)
def test_a_question_is_read_as_it_was_made(address: str, di: int, year: int) -> None:
    """The frame of a question says the same question."""
    question = read(address, di, year)
    assert read_request(request(question)) == question


@given(ADDRESSES, st.integers(0, 0xFFFF), YEARS, st.binary(min_size=1, max_size=190), st.integers(0, 4))
def test_an_answer_is_read_as_it_was_made(address: str, di: int, year: int, octets: bytes, wake: int) -> None:
    """Address, identifier and bytes of an answer come out, of the length foreseen, and whole only at its last byte."""
    question = read(address, di, year)
    width = 4 if year == 2007 else 2
    frame = framed(address, question.control | 0x80, di.to_bytes(width, "little") + octets)
    heard = b"\xfe" * wake + frame
    found = answer(heard, question)
    assert (found.address, found.di, found.octets) == (address, di, octets)
    assert len(frame) == answer_bytes(question, len(octets))
    assert is_whole(heard)
    assert not is_whole(heard[:-1])
    assert answer(heard, read(ANYONE, di, year)) == found


@given(st.sampled_from(ONE_VALUE), ADDRESSES, st.data())
def test_a_value_is_read_as_it_was_written(place: tuple[int, int], address: str, data: st.DataObject) -> None:
    """Any number that the digits can show comes out exactly, with its sign where there is one."""
    year, di = place
    item = items_of(di, year)[0]
    most = 10 ** (2 * item.octets) - 1
    if item.signed:
        most = 8 * 10 ** (2 * item.octets - 1) - 1
    number = data.draw(st.integers(-most if item.signed else 0, most))
    octets = bits_of(number, item.octets, item.signed).to_bytes(item.octets, "little")
    question = read(address, di, year)
    frame = framed(address, question.control | 0x80, di.to_bytes(4 if year == 2007 else 2, "little") + octets)
    assert amount(item, answer(frame, question).octets) == (number, -item.decimals)
    found = exchanged(request(question), frame)
    assert found.fault is None
    assert found.meanings[0].value is not None


@given(st.integers(0, 0xFFFFFFFF), st.booleans())
def test_digits_and_numbers_are_one(bits: int, signed: bool) -> None:
    """What is read as a number is written as the same digits; minus zero is the one that loses its sign."""
    number = digits_of(bits, 4, signed)
    if number:
        assert bits_of(number, 4, signed) == bits


@given(st.binary(max_size=40))
def test_noise_is_refused(noise: bytes) -> None:
    """Bytes that are no answer raise a fault and nothing else."""
    with pytest.raises(FrameFault):
        answer(noise)
