"""DL/T 645: the frames in which Chinese electricity meters are asked and answer, of 2007 and of 1997.

Only reading exists here: nothing built on this can set, clear, freeze or switch a meter.
A frame is `FE.. 68 A0..A5 68 C L DATA CS 16`: the address has twelve digits, lowest pair first; each byte of DATA is
sent with 33H added; the check sum is but the sum of all bytes. So an answer is believed only where address, control
code, length, check sum and data identifier (DI) are those of the question, and its digits are digits.
"""

from collections import namedtuple

from gateway.core.meter.modbus import FrameFault
from gateway.core.reading import CRC, EXCEPTION, FRAMING, LONG, SHORT, SILENT, WRONG_FUNCTION, WRONG_UNIT

START, END, WAKE = 0x68, 0x16, 0xFE
WAKE_BYTES = 4  # how many FE go before a question, to wake the receiver; meters put any number before an answer
MOST_GLITCHES = 8  # other bytes before a frame: glitches of a line that changes its direction
_SHIFT = 0x33  # added to every byte of DATA
_HEAD_BYTES = 10  # from the first 68 to the length
LEAST_BYTES = 12  # a frame without DATA
MOST_OCTETS = 200  # of DATA in a read; DL/T 645-2007, 5.2
ADDRESS_DIGITS = 12
ANYONE = "AAAAAAAAAAAA"  # answered by whoever is there: for a line with a single meter
EVERYONE = "999999999999"  # heard by all, answered by nobody

READ, READ_ON, READ_ADDRESS = 0x11, 0x12, 0x13  # 2007
READ_1997, READ_ON_1997 = 0x01, 0x02
_DI_OCTETS = {READ: 4, READ_ON: 4, READ_ADDRESS: 0, READ_1997: 2, READ_ON_1997: 2}
_ANSWERS, _REFUSES, _GOES_ON, _FUNCTION = 0x80, 0x40, 0x20, 0x1F  # bits of the control code

# Bits of the error byte; DL/T 645-2007, annex B.
ERROR_NAMES = (
    "other error",
    "no such data",
    "password wrong or not authorised",
    "baud rate cannot be changed",
    "too many year zones",
    "too many day periods",
    "too many tariffs",
)


class Frame(namedtuple("Frame", ("address", "control", "octets"))):
    """One frame: address as printed on the meter (A for a wildcard digit), control code, DATA without the 33H."""

    __slots__ = ()
    address: str
    control: int
    octets: bytes


class Question(namedtuple("Question", ("address", "control", "di", "sequence"))):
    """A read: whom, by which control code, which data identifier, and for a read that goes on the frame number."""

    __slots__ = ()
    address: str
    control: int
    di: int
    sequence: int


class Answer(namedtuple("Answer", ("address", "control", "di", "octets", "more", "sequence"))):
    """A believable answer: octets behind the data identifier, lowest first; more: it goes on in another frame.

    sequence: the number of a frame that goes on, else 0. control: that of the question.
    """

    __slots__ = ()
    address: str
    control: int
    di: int
    octets: bytes
    more: bool
    sequence: int


def year_of(control: int) -> int:
    """Return the issue of the standard that a control code of reading belongs to, 2007 or 1997."""
    return 1997 if control & _FUNCTION in (READ_1997, READ_ON_1997) else 2007


def is_address(text: str) -> bool:
    """Tell whether *text* is the number of a meter: twelve digits, and not the one that means everyone."""
    return len(text) == ADDRESS_DIGITS and all(sign in "0123456789" for sign in text) and text != EVERYONE


def hex_text(octets: bytes) -> str:
    """Return *octets*, lowest first on the wire, as hexadecimal digits, highest first."""
    return "".join(["%02X" % octet for octet in reversed(octets)])


def _address_octets(address: str) -> bytes:
    assert len(address) == ADDRESS_DIGITS and all(sign in "0123456789A" for sign in address)
    return bytes(reversed(bytes.fromhex(address)))


def _address_text(octets: bytes) -> str:
    text = hex_text(octets)
    for place in range(0, ADDRESS_DIGITS, 2):
        pair = text[place : place + 2]
        if pair != "AA" and not all(sign in "0123456789" for sign in pair):
            raise FrameFault(FRAMING, "%s is no address" % text)
    return text


def framed(address: str, control: int, octets: bytes) -> bytes:
    """Return the frame of *octets*, without wake bytes; for reading and its answers only."""
    assert control & _FUNCTION in _DI_OCTETS and len(octets) <= 255
    body = bytes((START,)) + _address_octets(address) + bytes((START, control, len(octets)))
    body += bytes([(octet + _SHIFT) & 0xFF for octet in octets])
    return body + bytes((sum(body) & 0xFF, END))


def request(question: Question) -> bytes:
    """Return the frame that asks *question*, behind the bytes that wake the meter."""
    width = _DI_OCTETS[question.control]
    octets = bytes([question.di >> 8 * place & 0xFF for place in range(width)])
    if question.control in (READ_ON, READ_ON_1997):
        octets += bytes((question.sequence,))
    return bytes((WAKE,)) * WAKE_BYTES + framed(question.address, question.control, octets)


def read(address: str, di: int, year: int = 2007) -> Question:
    """Return the question for the data identifier *di*."""
    assert 0 <= di < 1 << (32 if year == 2007 else 16)
    return Question(address, READ if year == 2007 else READ_1997, di, 0)


def read_address() -> Question:
    """Return the question for the address of the only meter on the line."""
    return Question(ANYONE, READ_ADDRESS, 0, 0)


def read_on(question: Question, sequence: int) -> Question:
    """Return the question for frame number *sequence* (1 to 255) of the answer to *question*, which goes on."""
    assert 1 <= sequence <= 255
    control = READ_ON if year_of(question.control) == 2007 else READ_ON_1997
    return Question(question.address, control, question.di, sequence)


def answer_bytes(question: Question, octets: int) -> int:
    """Return the length of the answer with *octets* bytes behind the data identifier, without wake bytes."""
    width = 6 if question.control == READ_ADDRESS else _DI_OCTETS[question.control]
    return LEAST_BYTES + width + octets + (question.control in (READ_ON, READ_ON_1997))


def _wake_bytes(heard: bytes) -> int:
    count = 0
    while count < len(heard) and heard[count] == WAKE:
        count += 1
    return count


def frame_span(heard: bytes) -> "tuple[int, int] | None":
    """Return where the first frame in *heard* begins and ends by what it says of itself; None before that is there.

    Half a second of silence inside a frame is legal, so only its length tells where it ends.
    """
    glitches = 0
    for at in range(len(heard) - _HEAD_BYTES + 1):
        if heard[at] == START and heard[at + 7] == START:
            return (at, at + LEAST_BYTES + heard[at + 9])
        glitches += heard[at] != WAKE
        if glitches > MOST_GLITCHES:
            break
    return None


def is_whole(heard: bytes) -> bool:
    """Tell whether *heard* holds a frame to its end."""
    span = frame_span(heard)
    return span is not None and len(heard) >= span[1]


def opened(heard: bytes) -> Frame:
    """Return the one frame that *heard* is, behind its wake bytes; raises FrameFault where it is none."""
    frame = heard[_wake_bytes(heard) :]
    if not frame:
        raise FrameFault(SILENT, "no byte")
    if frame[0] != START or (len(frame) > 7 and frame[7] != START):
        raise FrameFault(FRAMING, "68 is missing")
    if len(frame) < _HEAD_BYTES:
        raise FrameFault(SHORT, "%d of at least %d bytes" % (len(frame), LEAST_BYTES))
    length = LEAST_BYTES + frame[9]
    if len(frame) != length:
        raise FrameFault(SHORT if len(frame) < length else LONG, "%d bytes, %d expected" % (len(frame), length))
    if sum(frame[:-2]) & 0xFF != frame[-2]:
        raise FrameFault(CRC, "check sum %02x is wrong" % frame[-2])
    if frame[-1] != END:
        raise FrameFault(FRAMING, "16 is missing at the end")
    octets = bytes([(octet - _SHIFT) & 0xFF for octet in frame[_HEAD_BYTES:-2]])
    return Frame(_address_text(frame[1:7]), frame[8], octets)


def _number(octets: bytes) -> int:
    total = 0
    for octet in reversed(octets):
        total = total << 8 | octet
    return total


def read_request(frame: bytes) -> Question:
    """Return what *frame* asks for; raises FrameFault where it is no read request."""
    found = opened(frame)
    control, octets = found.control, found.octets
    if control not in _DI_OCTETS:
        raise FrameFault(WRONG_FUNCTION, "control code %02x does not read" % control)
    width = _DI_OCTETS[control]
    wanted = width + (control in (READ_ON, READ_ON_1997))
    if len(octets) != wanted:
        raise FrameFault(SHORT if len(octets) < wanted else LONG, "%d bytes of a question" % len(octets))
    return Question(found.address, control, _number(octets[:width]), octets[-1] if wanted > width else 0)


def _same_address(asked: str, found: str) -> bool:
    """Tell whether a meter with the address *found* is meant by *asked*, in which AA stands for any two digits."""
    for place in range(0, ADDRESS_DIGITS, 2):
        pair = asked[place : place + 2]
        if pair != "AA" and pair != found[place : place + 2]:
            return False
    return True


def answer(heard: bytes, question: "Question | None" = None) -> Answer:
    """Return the answer to *question* in *heard*; raises FrameFault where it is not to be believed.

    Without a question, from a trace that has none, the frame is judged by itself.
    """
    frame = opened(heard)
    control = frame.control & _FUNCTION
    if question is not None:
        if question.address == EVERYONE:
            raise FrameFault(WRONG_UNIT, "a broadcast has no answer")
        if not _same_address(question.address, frame.address):
            raise FrameFault(WRONG_UNIT, "%s answers, %s was asked" % (frame.address, question.address))
        if not frame.control & _ANSWERS or control != question.control:
            detail = "control code %02x answers, %02x was asked" % (frame.control, question.control)
            raise FrameFault(WRONG_FUNCTION, detail)
    elif not frame.control & _ANSWERS or control not in _DI_OCTETS:
        raise FrameFault(WRONG_FUNCTION, "control code %02x answers no read" % frame.control)
    if frame.control & _REFUSES:
        if len(frame.octets) != 1:
            raise FrameFault(LONG if frame.octets else SHORT, "%d bytes of a refusal" % len(frame.octets))
        raise FrameFault(EXCEPTION, "%d" % frame.octets[0])
    if control == READ_ADDRESS:
        return _address_answer(frame)
    width = _DI_OCTETS[control]
    goes_on = control in (READ_ON, READ_ON_1997)
    least = width + 1 + goes_on
    if len(frame.octets) < least:
        raise FrameFault(SHORT, "%d of at least %d bytes" % (len(frame.octets), least))
    di, octets, sequence = _number(frame.octets[:width]), frame.octets[width:], 0
    if goes_on:
        octets, sequence = octets[:-1], octets[-1]
    if question is not None and (di, sequence) != (question.di, question.sequence):
        wanted = di_text(question.di, question.control)
        raise FrameFault(WRONG_FUNCTION, "%s answers, %s was asked" % (di_text(di, control), wanted))
    return Answer(frame.address, control, di, octets, bool(frame.control & _GOES_ON), sequence)


def _address_answer(frame: Frame) -> Answer:
    if len(frame.octets) != 6:
        raise FrameFault(SHORT if len(frame.octets) < 6 else LONG, "%d of 6 bytes" % len(frame.octets))
    if hex_text(frame.octets) != frame.address:
        raise FrameFault(WRONG_UNIT, "%s answers for %s" % (frame.address, hex_text(frame.octets)))
    return Answer(frame.address, READ_ADDRESS, 0, frame.octets, False, 0)


def di_text(di: int, control: int) -> str:
    """Return a data identifier as the standard prints it: eight hexadecimal digits, or four in 1997."""
    return ("%08X" if year_of(control) == 2007 else "%04X") % di


def joined(answers: "tuple[Answer, ...]") -> Answer:
    """Return as one what came in several frames so far; raises FrameFault where one is missing or does not belong."""
    first, octets = answers[0], b""
    for place in range(len(answers)):
        one = answers[place]
        if one.sequence != place or one.di != first.di or one.address != first.address:
            raise FrameFault(SHORT, "frame %d is missing" % place)
        if place < len(answers) - 1 and not one.more:
            raise FrameFault(LONG, "the answer ended with frame %d" % place)
        octets += one.octets
    return Answer(first.address, first.control, first.di, octets, answers[-1].more, 0)


def error_text(error: int) -> str:
    """Return the error byte of a refusal in words."""
    found = [ERROR_NAMES[bit] for bit in range(len(ERROR_NAMES)) if error >> bit & 1]
    return ", ".join(found) or "no reason"
