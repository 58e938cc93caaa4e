"""Our frames and those of pymodbus, an independent implementation, are the same bytes with the same meaning."""

from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.framer.base import FramerBase
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)

from gateway.core.meter import modbus

REQUESTS: dict[int, type[ModbusPDU]] = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
RESPONSES: dict[int, type[ModbusPDU]] = {3: ReadHoldingRegistersResponse, 4: ReadInputRegistersResponse}

units = st.integers(1, 247)
functions = st.sampled_from((3, 4))
registers = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125)
transactions = st.integers(0, 0xFFFF)
places = st.tuples(st.integers(0, 0xFF83), st.integers(1, 125))


def rtu() -> FramerBase:
    """Return the serial framer of pymodbus."""
    return FramerRTU(DecodePDU(True))


def socket() -> FramerBase:
    """Return the TCP framer of pymodbus."""
    return FramerSocket(DecodePDU(True))


@given(units, functions, places, transactions)
def test_requests_are_the_same_bytes(unit: int, function: int, place: tuple[int, int], transaction: int) -> None:
    """Every read request, serial and TCP, is what pymodbus would send, and is read back from it."""
    start, count = place
    pdu = REQUESTS[function](dev_id=unit, transaction_id=transaction, address=start, count=count)
    serial, tcp = rtu().buildFrame(pdu), socket().buildFrame(pdu)
    assert modbus.request(unit, function, start, count) == serial
    assert modbus.tcp_request(transaction, unit, function, start, count) == tcp
    assert modbus.read_request(serial) == (unit, function, start, count, None)
    assert modbus.read_request(tcp) == (unit, function, start, count, transaction)


@given(units, functions, registers, transactions)
def test_answers_give_their_registers(unit: int, function: int, values: list[int], transaction: int) -> None:
    """Every answer that pymodbus builds, serial and TCP, gives the registers that were put in."""
    pdu = RESPONSES[function](dev_id=unit, transaction_id=transaction, registers=values)
    serial, tcp = rtu().buildFrame(pdu), socket().buildFrame(pdu)
    assert len(serial) == modbus.answer_bytes(len(values))
    assert len(tcp) == modbus.tcp_answer_bytes(len(values)) == modbus.tcp_length(tcp[:6])
    assert modbus.answer(serial, unit, function, len(values)) == tuple(values)
    assert modbus.tcp_answer(tcp, transaction, unit, function, len(values)) == tuple(values)


@given(units, functions, st.integers(1, 11), st.integers(1, 125))
def test_exceptions_give_their_code(unit: int, function: int, code: int, count: int) -> None:
    """Every refusal that pymodbus builds is a fault with its code, never registers."""
    pdu = ExceptionResponse(function, code, unit, 7)
    assert kind_of(rtu().buildFrame(pdu), unit, function, count) == ("exception", str(code))
    try:
        modbus.tcp_answer(socket().buildFrame(pdu), 7, unit, function, count)
        raise AssertionError("believed")
    except modbus.FrameFault as fault:
        assert (fault.kind, fault.detail) == ("exception", str(code))


def kind_of(frame: bytes, unit: int, function: int, count: int) -> tuple[str, str] | None:
    """Return kind and detail of the fault of an answer, None where it is believed."""
    try:
        modbus.answer(frame, unit, function, count)
    except modbus.FrameFault as fault:
        return fault.kind, fault.detail
    return None


@given(st.binary(max_size=260), units, functions, st.integers(1, 125))
def test_noise_is_never_believed_and_never_crashes(noise: bytes, unit: int, function: int, count: int) -> None:
    """Arbitrary bytes end in a fault of a known kind."""
    assert kind_of(noise, unit, function, count) is not None
    for frame in (noise, modbus.with_crc(noise)):
        try:
            modbus.read_request(frame)
        except modbus.FrameFault as fault:
            assert fault.kind


@given(units, functions, registers, st.data())
def test_answer_to_another_question_is_never_believed(
    unit: int, function: int, values: list[int], data: st.DataObject
) -> None:
    """A sound answer is believed for exactly its own unit, function and number of registers."""
    frame = rtu().buildFrame(RESPONSES[function](dev_id=unit, registers=values))
    asked = (data.draw(units), data.draw(functions), data.draw(st.integers(1, 125)))
    believed = kind_of(frame, *asked) is None
    assert believed == (asked == (unit, function, len(values)))


@given(units, functions, registers, st.data())
def test_up_to_three_flipped_bits_are_found(unit: int, function: int, values: list[int], data: st.DataObject) -> None:
    """CRC-16 finds every one, two or three flipped bits in a frame of this length."""
    frame = bytearray(rtu().buildFrame(RESPONSES[function](dev_id=unit, registers=values)))
    bits = data.draw(st.sets(st.integers(0, 8 * len(frame) - 1), min_size=1, max_size=3))
    for bit in bits:
        frame[bit // 8] ^= 1 << bit % 8
    assert kind_of(bytes(frame), unit, function, len(values)) is not None
