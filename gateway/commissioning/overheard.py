"""What bytes on a line say that nobody asked for: frames of another master, or noise as of exchanged wires."""

from dataclasses import dataclass

from gateway.core.meter import dlt645
from gateway.core.meter.modbus import EXCEPTION_BYTES, FUNCTIONS, REQUEST_BYTES, FrameFault, crc_holds

_LEAST_NOISE_BYTES = 4  # of fewer, nothing can be said
_SWAPPED_PERCENT = 70
_ANSWERS_645 = 0x80  # bit of the control code


@dataclass(frozen=True)
class Overheard:
    """What was heard before anything was asked: how many bytes, whom another master asked, and who answered."""

    octets: int
    asked: tuple[str, ...]
    answered: tuple[str, ...]
    looks_swapped: bool

    @property
    def another_master(self) -> bool:
        """Whether someone else asks meters on this line."""
        return bool(self.asked or self.answered)


def overheard(heard: bytes) -> Overheard:
    """Return what *heard* tells; frames are believed by their check sums alone."""
    asked: set[str] = set()
    answered: set[str] = set()
    at = 0
    while at < len(heard):
        length = _request_bytes(heard[at:])
        if length:
            asked.add(str(heard[at]))
        else:
            length = _answer_bytes(heard[at:])
            if length:
                answered.add(str(heard[at]))
            else:
                length = _frame_645(heard[at:], asked, answered)
        at += length or 1
    return Overheard(len(heard), tuple(sorted(asked)), tuple(sorted(answered)), looks_swapped(heard))


def _request_bytes(heard: bytes) -> int:
    """Return the length of the read request that *heard* begins with, or 0."""
    frame = heard[:REQUEST_BYTES]
    return len(frame) if len(frame) == REQUEST_BYTES and frame[1] in FUNCTIONS and crc_holds(frame) else 0


def _answer_bytes(heard: bytes) -> int:
    """Return the length of the answer to a read that *heard* begins with, or 0."""
    if len(heard) < EXCEPTION_BYTES:
        return 0
    if heard[1] & 0x7F not in FUNCTIONS:
        return 0
    length = EXCEPTION_BYTES if heard[1] & 0x80 else 5 + heard[2]
    return length if length <= len(heard) and crc_holds(heard[:length]) else 0


def _frame_645(heard: bytes, asked: set[str], answered: set[str]) -> int:
    if heard[0] != dlt645.START:
        return 0
    span = dlt645.frame_span(heard)
    if span is None or span[0]:
        return 0
    try:
        frame = dlt645.opened(heard[: span[1]])
    except FrameFault:
        return 0
    (answered if frame.control & _ANSWERS_645 else asked).add(frame.address)
    return span[1]


def looks_swapped(heard: bytes) -> bool:
    """Tell whether *heard* is of the bytes that a line with A and B exchanged gives: nearly all ones or zeros."""
    if len(heard) < _LEAST_NOISE_BYTES:
        return False
    flat = [octet for octet in heard if octet.bit_count() <= 1 or octet.bit_count() >= 7]
    return 100 * len(flat) >= _SWAPPED_PERCENT * len(heard)
