"""CJ/T 188: the frames in which Chinese water, heat and gas meters are asked for their readout, and answer.

A frame is `FE.. 68 T A0..A6 C L DATA CS 16`: T is what the meter measures, the address has fourteen digits, lowest
pair first, and the check sum is the sum of all bytes. Unlike in DL/T 645, DATA is sent as it is. Meters send the
identifier of the readout (901F) with either byte first.
"""

from collections import namedtuple

from gateway.core.meter.modbus import FrameFault
from gateway.core.reading import CRC, EXCEPTION, FRAMING, LONG, SHORT, SILENT, WRONG_FUNCTION, WRONG_UNIT

START, END, WAKE = 0x68, 0x16, 0xFE
WAKE_BYTES = 4
READ = 0x01
_ANSWERS, _REFUSES, _FUNCTION = 0x80, 0x40, 0x3F  # bits of the control code
_HEAD_BYTES = 11  # from 68 to the length
LEAST_BYTES = 13  # a frame without DATA
ANSWERED_BYTES = LEAST_BYTES + 3  # with the identifier and the number of the question
MOST_GLITCHES = 8  # other bytes before a frame
ADDRESS_DIGITS = 14
ANYONE = "AAAAAAAAAAAAAA"
READOUT = b"\x1f\x90"  # as most meters want it; answers have it in either order
_READOUTS = (READOUT, b"\x90\x1f")
READOUT_DI = 0x901F  # which the standard prints so
WATER, HEAT, GAS = 0x10, 0x20, 0x30  # what the high digit of T means


class Frame(namedtuple("Frame", ("kind", "address", "control", "octets"))):
    """One frame: type of meter, address as printed on it (A for a wildcard digit), control code, DATA."""

    __slots__ = ()
    kind: int
    address: str
    control: int
    octets: bytes


class Question(namedtuple("Question", ("kind", "address", "sequence"))):
    """A question for the readout: which type of meter, whom, and a number that the answer repeats."""

    __slots__ = ()
    kind: int
    address: str
    sequence: int


def text_of(octets: bytes) -> str:
    """Return *octets*, lowest first on the wire, as hexadecimal digits, highest first."""
    return "".join(["%02X" % octet for octet in reversed(octets)])


def framed(frame: Frame) -> bytes:
    """Return the bytes of *frame*, without wake bytes."""
    assert len(frame.address) == ADDRESS_DIGITS and len(frame.octets) < 256
    body = bytes((START, frame.kind)) + bytes(reversed(bytes.fromhex(frame.address)))
    body += bytes((frame.control, len(frame.octets))) + frame.octets
    return body + bytes((sum(body) & 0xFF, END))


def request(question: Question) -> bytes:
    """Return the frame that asks *question*, behind the bytes that wake the meter."""
    octets = READOUT + bytes((question.sequence,))
    return bytes((WAKE,)) * WAKE_BYTES + framed(Frame(question.kind, question.address, READ, octets))


def opened(heard: bytes) -> Frame:
    """Return the one frame that *heard* is, behind its wake bytes; raises FrameFault where it is none."""
    at = 0
    while at < len(heard) and heard[at] == WAKE:
        at += 1
    frame = heard[at:]
    if not frame:
        raise FrameFault(SILENT, "no byte")
    if frame[0] != START:
        raise FrameFault(FRAMING, "68 is missing")
    if len(frame) < _HEAD_BYTES:
        raise FrameFault(SHORT, "%d of at least %d bytes" % (len(frame), LEAST_BYTES))
    length = LEAST_BYTES + frame[10]
    if len(frame) != length:
        raise FrameFault(SHORT if len(frame) < length else LONG, "%d bytes, %d expected" % (len(frame), length))
    if sum(frame[:-2]) & 0xFF != frame[-2]:
        raise FrameFault(CRC, "check sum %02x is wrong" % frame[-2])
    if frame[-1] != END:
        raise FrameFault(FRAMING, "16 is missing at the end")
    return Frame(frame[1], text_of(frame[2:9]), frame[9], frame[_HEAD_BYTES:-2])


def read_request(heard: bytes) -> Question:
    """Return what *heard* asks for; raises FrameFault where it is no question for the readout."""
    frame = opened(heard)
    if frame.control != READ or frame.octets[:2] not in _READOUTS:
        raise FrameFault(WRONG_FUNCTION, "control code %02x does not ask for the readout" % frame.control)
    if len(frame.octets) != 3:
        raise FrameFault(SHORT if len(frame.octets) < 3 else LONG, "%d bytes of a question" % len(frame.octets))
    return Question(frame.kind, frame.address, frame.octets[2])


def answered(question: Question, readout: bytes) -> Frame:
    """Return the frame in which a meter answers *question* with its *readout*."""
    octets = READOUT + bytes((question.sequence,)) + readout
    return Frame(question.kind, question.address, READ | _ANSWERS, octets)


def is_question(frame: bytes) -> bool:
    """Tell whether *frame* asks for a readout; no question of DL/T 645, which is woken alike, can be read as one."""
    try:
        read_request(frame)
    except FrameFault:
        return False
    return True


def frame_span(heard: bytes) -> "tuple[int, int] | None":
    """Return where the first frame in *heard* begins and ends by what it says of itself; None before that is there."""
    glitches = 0
    for at in range(len(heard) - _HEAD_BYTES + 1):
        if heard[at] == START and heard[at + 1] & 0xF0 in (WATER, HEAT, GAS):
            return (at, at + LEAST_BYTES + heard[at + 10])
        glitches += heard[at] != WAKE
        if glitches > MOST_GLITCHES:
            break
    return None


def is_whole(heard: bytes) -> bool:
    """Tell whether *heard* holds a frame to its end."""
    span = frame_span(heard)
    return span is not None and len(heard) >= span[1]


def _is_meant(question: Question, frame: Frame) -> bool:
    """Tell whether the meter that *frame* comes from is meant: AA stands for any two digits of its address."""
    pairs = [(question.address[at : at + 2], frame.address[at : at + 2]) for at in range(0, ADDRESS_DIGITS, 2)]
    return question.kind >> 4 == frame.kind >> 4 and not [one for one in pairs if one[0] not in ("AA", one[1])]


def answer(heard: bytes, question: "Question | None" = None) -> Frame:
    """Return the frame that answers *question*, or any where it is not known; raises FrameFault otherwise.

    Its octets are those of the readout alone. A heat meter asked as such may say more exactly which type it is.
    """
    frame = opened(heard)
    if question is not None and not _is_meant(question, frame):
        detail = "%02x %s answers, %02x %s was asked" % (frame.kind, frame.address, question.kind, question.address)
        raise FrameFault(WRONG_UNIT, detail)
    if not frame.control & _ANSWERS or frame.control & _FUNCTION != READ:
        raise FrameFault(WRONG_FUNCTION, "control code %02x answers no question for the readout" % frame.control)
    if frame.control & _REFUSES:
        status = frame.octets[1] if len(frame.octets) > 1 else 0
        raise FrameFault(EXCEPTION, "%d" % status)
    if len(frame.octets) < 3:
        raise FrameFault(SHORT, "%d of at least 3 bytes" % len(frame.octets))
    if frame.octets[:2] not in _READOUTS:
        raise FrameFault(WRONG_FUNCTION, "%s answers, 901F was asked" % frame.octets[:2].hex())
    if question is not None and frame.octets[2] != question.sequence:
        raise FrameFault(WRONG_FUNCTION, "number %d answers, %d was asked" % (frame.octets[2], question.sequence))
    return Frame(frame.kind, frame.address, frame.control, frame.octets[3:])
