"""Meters that answer anything at any time: the questions of a bus and whatever comes back, down to readings."""

from collections.abc import Iterator
from functools import cache

import device_profiles
from gateway.core.meter.cjt188 import Frame, is_question
from gateway.core.meter.cjt188 import framed as framed_188
from gateway.core.meter.cjt188 import read_request as read_request_188
from gateway.core.meter.decoding import READING_MAX
from gateway.core.meter.dlt645 import framed as framed_645
from gateway.core.meter.dlt645 import read_request as read_request_645
from gateway.core.meter.modbus import FrameFault, read_request, with_crc
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Ask, Job, Poll
from gateway.core.meter.profile import DeviceProfile
from gateway.core.meter.sunspec import Walk, found_at
from gateway.core.meter.sunspec_models import HEAD, MARKER
from gateway.core.reading import Fault, Reading
from gateway.core.site import Bus, Meter
from gateway.core.tcp_address import RTU_FRAMES, TCP_FRAMES
from gateway.profiles import profile_of_text
from tools.fuzz.source import Source

WALK, MODBUS, NETWORK, MIXED = range(4)
_SERIAL = Bus("a", "/dev/ttyUSB0", 9600, 8, "N", 1, 10)
_NET = Bus("n", "tcp://10.0.0.9:502", 9600, 8, "N", 1, 10)
_STEPS_MAX = 60
_METERS = {
    WALK: ("sunspec-103",),
    MODBUS: ("eastron-sdm120", "sunspec-103", "chint-ddsu666"),
    NETWORK: ("eastron-sdm120", "sunspec-103"),
    MIXED: ("dlt645-2007-three-phase", "cjt188-2004-heat", "abb-ev3"),
}
_NUMBERS = {"dlt645": "002241020208", "cjt188": "31271824191268"}
TOKENS = (
    b"\x53\x75\x6e\x53", b"\x00\x67\x00\x32", b"\x00\x01\x00\x42", b"\xff\xff\x00\x00", b"\x7f\xc0\x00\x00",
    b"\xfe\xfe\xfe\xfe\x68", b"\x68" + bytes(7) + b"\x68\x91", b"\xff" * 8,
)  # fmt: skip


@cache
def _profile(name: str) -> DeviceProfile:
    profile, problems = profile_of_text(device_profiles.text(name), name)
    assert profile is not None and not problems
    return profile


@cache
def _jobs(kind: int) -> tuple[Job, ...]:
    jobs = []
    bus = _NET if kind == NETWORK else _SERIAL
    for unit, name in enumerate(_METERS[kind], 1):
        profile = _profile(name)
        serial = next((number for head, number in _NUMBERS.items() if name.startswith(head)), "")
        meter = Meter("m%d" % unit, bus.name, unit, name, serial, (1, 1), (1, 1), 100_000)
        jobs.append(Job(meter, profile, plan_blocks(profile, profile.polled(), bus.baud, bus.turnaround_ms)))
    return tuple(jobs)


def seeds() -> Iterator[bytes]:
    """Yield a walk along a chain of models, and buses whose meters answer well, strangely and not at all."""
    chain = b"\x00\x53\x75\x6e\x53" + b"\x00\x00\x01\x00\x42" + b"\x00\x00\x67\x00\x32" + b"\x00\xff\xff\x00\x00"
    yield bytes((WALK,)) + chain
    yield bytes((WALK, 1, 1)) + chain
    for kind in (MODBUS, NETWORK, MIXED):
        yield bytes((kind,)) + bytes((0, 200)) * 20
        yield bytes((kind,)) + bytes((1, 200, 6, 0x42, 0xF6, 0, 0, 1, 2)) * 12
        yield bytes((kind,)) + bytes((2, 9, 4, 1, 0x83, 2, 0, 3, 50, 5, 0, 0, 2)) * 5
        yield bytes((kind,)) + bytes((5, 100, 0, 6, 3, 0, 7, 4, 1)) * 5


def target(data: bytes) -> None:
    """Whatever meters answer, it becomes readings within the figures' bounds or faults that say what was wrong."""
    source = Source(data)
    kind = source.octet() % 4
    if kind == WALK:
        _walk(source)
    else:
        _poll(kind, source)


def _walk(source: Source) -> None:
    """A walk ends, within the registers there are; the points found lie inside the models that were found."""
    profile = _profile("sunspec-103")
    assert profile.sunspec is not None
    walk = Walk(profile.sunspec)
    steps = 0
    while walk.at is not None:
        assert 0 <= walk.at <= 0x10000 - HEAD
        steps += 1
        if source.octet() & 1 or not source:
            walk.refused()
        else:
            walk.take((source.number(2), source.number(2)))
    assert steps <= 110
    found = None if walk.layout is None else found_at(profile, walk.layout)
    if found is None or walk.layout is None:
        return
    for point in found.points:
        inside = [one for one in walk.layout.chain if one[1] <= point.address and point.last < one[1] + HEAD + one[2]]
        assert inside or point.name == "sunspec_marker", point
    if found.asked():
        plan_blocks(found, found.asked(), 9600)


def _right(frame: bytes, octets: bytes, numbered: bool) -> bytes:
    """Return an answer that fits the question in *frame* and holds *octets* as its figures."""
    try:
        if is_question(frame):
            asked_188 = read_request_188(frame)
            body = b"\x90\x1f" + bytes((asked_188.sequence,)) + octets.ljust(42, b"\x00")[:42]
            return framed_188(Frame(asked_188.kind, _NUMBERS["cjt188"], 0x81, body))
        asked_645 = read_request_645(frame)
        named = bytes(asked_645.di >> 8 * place & 0xFF for place in range(4))
        return framed_645(_NUMBERS["dlt645"], 0x91, named + octets[:190])
    except FrameFault:
        asked = read_request(frame)
    figures = (MARKER[0].to_bytes(2, "big") + MARKER[1].to_bytes(2, "big")) if octets == b"S" else octets
    size = 2 * asked.count
    body = bytes((asked.unit, asked.function, size & 0xFF)) + figures[:size].ljust(size, figures[-1:] or b"\x00")
    if not numbered:
        return with_crc(body)
    return frame[:2] + b"\x00\x00" + len(body).to_bytes(2, "big") + body


def _poll(kind: int, source: Source) -> None:
    numbered = kind == NETWORK
    poll = Poll(_NET if numbered else _SERIAL, _jobs(kind), 1000, TCP_FRAMES if numbered else RTU_FRAMES)
    now_ms, last = 1_000_000, b""
    for _ in range(_STEPS_MAX):
        if not source:
            break
        step = poll.next(now_ms)
        if not isinstance(step, Ask):
            assert step.until_ms > now_ms
            now_ms = step.until_ms
            continue
        what, elapsed_ms = source.octet() % 8, source.octet() * 4
        now_ms += elapsed_ms + 10
        outcomes: list[Reading | Fault] = []
        if what == 0:
            outcomes += poll.unanswered(now_ms, now_ms)
        elif what == 5:
            outcomes += poll.answered(b"", -1, now_ms, now_ms)
        elif what == 6:
            outcomes += poll.line_lost(now_ms)
        else:
            octets = source.chunk()
            heard = octets if what == 2 else last if what == 3 else _right(step.frame, octets, numbered)
            if what == 4 and heard:
                at = source.number(2) % len(heard)
                heard = heard[:at] + source.octets(1) + heard[at:]
            last = heard
            outcomes += poll.answered(heard, elapsed_ms, now_ms, now_ms) if heard else poll.unanswered(now_ms, now_ms)
        if what == 7:
            poll.boundary(now_ms // 1000)
        for one in outcomes:
            assert one.meter in {job.meter.name for job in _jobs(kind)}
            if isinstance(one, Fault):
                assert one.kind and one.detail
            else:
                assert one.value is None or abs(one.value) <= READING_MAX
        poll.take_notices()
    assert len(poll.meters()) == len(poll.known()) == len(_jobs(kind))
