"""CJ/T 188: the frames in which Chinese water, heat and gas meters are asked for their readout, and answer.

A frame is `FE.. 68 T A0..A6 C L DATA CS 16`: T is what the meter measures, the address has fourteen digits, lowest
pair first, and the check sum is the sum of all bytes. Unlike in DL/T 645, DATA is sent as it is. The readout (901F)
names the unit of each figure. Meters send the identifier with either byte first, and some put units before figures.
"""

from collections import namedtuple

from gateway.core.meter.bcd import digits_of
from gateway.core.meter.modbus import FrameFault
from gateway.core.reading import CRC, DIGITS, EXCEPTION, FRAMING, LONG, SHORT, SILENT, WRONG_FUNCTION, WRONG_UNIT

START, END, WAKE = 0x68, 0x16, 0xFE
WAKE_BYTES = 4
READ = 0x01
_ANSWERS, _REFUSES, _FUNCTION = 0x80, 0x40, 0x3F  # bits of the control code
_HEAD_BYTES = 11  # from 68 to the length
LEAST_BYTES = 13  # a frame without DATA
ADDRESS_DIGITS = 14
ANYONE = "AAAAAAAAAAAAAA"
READOUT = b"\x1f\x90"  # as most meters want it; answers have it in either order
_READOUTS = (READOUT, b"\x90\x1f")
WATER, HEAT, GAS = 0x10, 0x20, 0x30  # what the high digit of T means

ENERGY, POWER, VOLUME, FLOW = "energy", "power", "volume", "flow"
# Unit codes of CJ/T 188-2004, as (dimension, unit, power of ten towards it).
UNITS = {
    0x01: (ENERGY, "J", 0), 0x02: (ENERGY, "Wh", 0), 0x05: (ENERGY, "kWh", 0), 0x08: (ENERGY, "MWh", 0),
    0x0A: (ENERGY, "MWh", 2), 0x0B: (ENERGY, "kJ", 0), 0x0E: (ENERGY, "MJ", 0), 0x11: (ENERGY, "GJ", 0),
    0x13: (ENERGY, "GJ", 2), 0x14: (POWER, "W", 0), 0x17: (POWER, "kW", 0), 0x1A: (POWER, "MW", 0),
    0x29: (VOLUME, "L", 0), 0x2C: (VOLUME, "m3", 0), 0x32: (FLOW, "L/h", 0), 0x35: (FLOW, "m3/h", 0),
}  # fmt: skip
_FIGURE_OCTETS, _DECIMALS = 4, 2
_TIME_OCTETS, _STATUS_OCTETS = 7, 2


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


class Figure(namedtuple("Figure", ("name", "mantissa", "exponent", "unit", "text"))):
    """One value of a readout: mantissa * 10**exponent in unit; or text, where it is no amount (mantissa is None)."""

    __slots__ = ()
    name: str
    mantissa: "int | None"
    exponent: int
    unit: str
    text: "str | None"


def _text(octets: bytes) -> str:
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
    return Frame(frame[1], _text(frame[2:9]), frame[9], frame[_HEAD_BYTES:-2])


def read_request(heard: bytes) -> Question:
    """Return what *heard* asks for; raises FrameFault where it is no question for the readout."""
    frame = opened(heard)
    if frame.control != READ or frame.octets[:2] not in _READOUTS:
        raise FrameFault(WRONG_FUNCTION, "control code %02x does not ask for the readout" % frame.control)
    if len(frame.octets) != 3:
        raise FrameFault(SHORT if len(frame.octets) < 3 else LONG, "%d bytes of a question" % len(frame.octets))
    return Question(frame.kind, frame.address, frame.octets[2])


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


# What the readouts hold in order: figures with a unit as (name, dimension), then (name, bytes, decimals, unit).
_VOLUMES = (("volume", VOLUME), ("volume_settled", VOLUME))
_HEATS = (
    ("energy_settled", ENERGY), ("energy", ENERGY), ("power", POWER), ("flow_digits", FLOW), ("volume", VOLUME),
)  # fmt: skip
_TEMPERATURES = (
    ("temperature_supply", 3, 2, "degC"), ("temperature_return", 3, 2, "degC"), ("operating_hours", 3, 0, "h"),
)  # fmt: skip
_MEDIA = {WATER: "water", HEAT: "heat", GAS: "gas"}


def figures_of(readout: Frame) -> "tuple[Figure, ...]":
    """Return every figure of an answered readout; raises FrameFault where a length, unit or digit is wrong."""
    medium = readout.kind & 0xF0
    if medium not in _MEDIA:
        raise FrameFault(WRONG_UNIT, "type %02x is no meter of water, heat or gas" % readout.kind)
    united, plain = (_HEATS, _TEMPERATURES) if medium == HEAT else (_VOLUMES, ())
    octets = readout.octets
    wanted = 5 * len(united) + sum([one[1] for one in plain]) + _TIME_OCTETS + _STATUS_OCTETS
    if len(octets) != wanted:
        raise FrameFault(SHORT if len(octets) < wanted else LONG, "%d bytes of a readout of %d" % (len(octets), wanted))
    unit_first = _unit_first(octets, united)
    found, at = [], 0
    for name, _dimension in united:
        code, digits = (octets[at], octets[at + 1 : at + 5]) if unit_first else (octets[at + 4], octets[at : at + 4])
        unit = UNITS[code]
        shown = (
            name if name == "flow_digits" or medium == HEAT and name == "volume" else "%s_%s" % (name, _MEDIA[medium])
        )
        if name == "flow_digits":  # makers do not agree on its decimals
            found.append(Figure(shown, None, 0, unit[1], _digits(shown, digits)[0]))
        else:
            found.append(_figure(shown, digits, _DECIMALS - unit[2], unit[1]))
        at += 5
    for name, count, decimals, unit_name in plain:
        found.append(_figure(name, octets[at : at + count], decimals, unit_name))
        at += count
    time = _digits("time", octets[at : at + _TIME_OCTETS])[0]
    found.append(Figure("time_yyyymmddhhmmss", None, 0, "", time))
    found.append(Figure("status_word", None, 0, "", _text(octets[at + _TIME_OCTETS :])))
    return tuple(found)


def _unit_first(octets: bytes, united: "tuple[tuple[str, str], ...]") -> bool:
    """Tell whether each unit stands before its figure; raises FrameFault where it stands on neither side."""
    for first in (False, True):
        codes = [octets[5 * place + (0 if first else _FIGURE_OCTETS)] for place in range(len(united))]
        if [UNITS.get(code, ("",))[0] for code in codes] == [one[1] for one in united]:
            return first
    codes = [octets[5 * place + _FIGURE_OCTETS] for place in range(len(united))]
    raise FrameFault(FRAMING, "unit codes %s" % " ".join(["%02x" % code for code in codes]))


def _digits(name: str, octets: bytes) -> "tuple[str, int]":
    text = _text(octets)
    number = digits_of(int(text, 16), len(octets))
    if number is None:
        raise FrameFault(DIGITS, "%s %s" % (name, text))
    return (text, number)


def _figure(name: str, octets: bytes, decimals: int, unit: str) -> Figure:
    if octets == b"\xff" * len(octets):
        return Figure(name, None, 0, unit, None)
    return Figure(name, _digits(name, octets)[1], -decimals, unit, None)
