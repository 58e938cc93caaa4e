"""Serial servers and gateways without numbers: against pymodbus in RTU frames over TCP, and against what misbehaves."""

import socket
import threading
import time
from pathlib import Path

import pytest
from pymodbus.framer import FramerType
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.asker import Asker
from gateway.core.meter.dlt645 import framed, read_request
from gateway.core.meter.modbus import request, tcp_request, with_crc
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Ask, Job, Poll
from gateway.core.reading import LATE, SILENT, Fault, Reading
from gateway.core.site import Bus, Meter
from gateway.core.tcp_address import transport_of
from gateway.line import LineLostError, line_of, open_line
from gateway.ports import same_port
from gateway.profiles import load_profile
from gateway.sweep import BusRunner
from gateway.tests.test_tcp_line import pymodbus_server, raw_server

TIMEOUT_MS = 5000
HOME = Path("/nonexistent")  # only shipped profiles


def server_at(port: int, scheme: str = "rtu+tcp", baud: int = 115200) -> Bus:
    """Return the bus behind a TCP port of this machine."""
    return Bus("n", "%s://127.0.0.1:%d" % (scheme, port), baud, 8, "N", 1, 0)


def answer_of(unit: int, value: int) -> bytes:
    """Return the RTU answer with one register."""
    return with_crc(bytes((unit, 3, 2, value >> 8, value & 0xFF)))


def test_pymodbus_is_read_in_rtu_frames_over_tcp() -> None:
    """Registers that an independent server gives in RTU frames arrive exactly; what it refuses is a refusal."""
    device = SimDevice(id=5, simdata=[SimData(0, values=list(range(100, 120)), datatype=DataType.REGISTERS)])
    with pymodbus_server([device], FramerType.RTU) as port:
        bus = server_at(port)
        line = open_line(bus)
        try:
            asker = Asker(line, bus)
            for start in (0, 3, 18):
                answer = asker.ask(5, 3, start, 2, TIMEOUT_MS)
                assert answer.registers == (100 + start, 101 + start), answer.fault
                assert len(answer.request) == 8
            refused = asker.ask(5, 3, 900, 2, TIMEOUT_MS)
            assert refused.fault is not None and (refused.fault.kind, refused.fault.detail) == ("exception", "2")
        finally:
            line.close()


def test_a_dlt645_meter_behind_a_serial_server() -> None:
    """The frame of a DL/T 645 meter comes through in pieces of any size."""

    def talk(connection: socket.socket) -> None:
        while heard := connection.recv(64):
            question = read_request(heard)
            frame = framed(question.address, 0x91, question.di.to_bytes(4, "little") + b"\x64\x02\x75\x00")
            for piece in (b"\xfe\xfe" + frame[:3], frame[3:9], frame[9:]):
                time.sleep(0.02)  # no line is faster
                connection.sendall(piece)

    profile = load_profile("dlt645-2007-three-phase", HOME)
    meter = Meter("m", "n", 0, profile.id, "002241020208", (1, 1), (1, 1), 0)
    block = plan_blocks(profile, profile.polled()[:1], 115200)[0]
    with raw_server(talk) as port:
        bus = server_at(port)
        line = open_line(bus)
        answer = Asker(line, bus).ask_block(meter, block, TIMEOUT_MS)
        line.close()
    assert answer.registers == (0x0075, 0x0264), answer.fault


def test_nothing_is_faster_than_the_line_behind_the_server() -> None:
    """An answer that is there before its characters could have passed over the stated line is an old one."""

    def talk(connection: socket.socket) -> None:
        while connection.recv(8):
            connection.sendall(with_crc(bytes((1, 3, 200)) + bytes(200)))

    with raw_server(talk) as port:
        bus = server_at(port, baud=1200)
        line = open_line(bus)
        fault = Asker(line, bus).ask(1, 3, 0, 100, TIMEOUT_MS).fault
        line.close()
    assert fault is not None and fault.kind == LATE


@pytest.mark.parametrize("scheme", ["rtu+tcp", "unnumbered+tcp"])
def test_what_came_after_the_time_out_is_forgotten(scheme: str) -> None:
    """The late answer to a question that was given up is not taken for the answer to the next one."""
    heard = threading.Semaphore(0)
    late = threading.Event()

    def answered(question: bytes) -> bytes:
        value = question[-3] if scheme == "rtu+tcp" else question[9]
        if scheme == "rtu+tcp":
            return answer_of(1, question[3])
        return b"\0\2\0\0\0\5" + answer_of(1, value)[:-2]  # always the number 2

    def talk(connection: socket.socket) -> None:
        first = connection.recv(64)
        heard.release()
        late.wait(30)
        connection.sendall(answered(first))
        heard.release()
        while question := connection.recv(64):
            connection.sendall(answered(question))

    def asked(start: int) -> bytes:
        return request(1, 3, start, 1) if scheme == "rtu+tcp" else tcp_request(start, 1, 3, start, 1)

    with raw_server(talk) as port:
        line = open_line(server_at(port, scheme))
        assert line.exchange(asked(7), 7, 0, 20)[0] == b""
        assert heard.acquire(timeout=30)
        late.set()
        assert heard.acquire(timeout=30)
        # The late answer is on its way to us now; the loopback delivers it before what is sent after it.
        line.drain(200)
        frame, _elapsed = line.exchange(asked(8), 7, 0, TIMEOUT_MS)
        line.close()
    assert frame == answered(asked(8))


def test_a_gateway_with_numbers_of_its_own() -> None:
    """A gateway that answers every question with number 2 is silent by tcp://, and read by unnumbered+tcp://."""

    def talk(connection: socket.socket) -> None:
        while question := connection.recv(12):
            connection.sendall(bytes((0, 2, 0, 0, 0, 5, question[6], 3, 2, 0, question[9])))

    for scheme, kind in (("tcp", SILENT), ("unnumbered+tcp", None)):
        with raw_server(talk) as port:
            bus = server_at(port, scheme)
            line = open_line(bus)
            asker = Asker(line, bus)
            for start in (7, 8, 9):
                answer = asker.ask(1, 3, start, 1, TIMEOUT_MS if kind is None else 50)
                if start != 8:  # question 2 has the number that every answer has
                    assert (answer.fault.kind if answer.fault else None) == kind
                assert answer.registers in (None, (start,))
            line.close()


def test_without_numbers_a_time_out_is_followed_by_silence() -> None:
    """After a question that was given up, a line without numbers is left alone; one with numbers is not."""
    profile = load_profile("eastron-sdm630", HOME)
    blocks = plan_blocks(profile, profile.polled(), 9600)
    jobs = tuple(
        Job(Meter("m%d" % unit, "n", unit, profile.id, "", (1, 1), (1, 1), 0), profile, blocks) for unit in (1, 2)
    )
    waits = {}
    for scheme in ("tcp", "unnumbered+tcp", "rtu+tcp"):
        bus = server_at(502, scheme)
        poll = Poll(bus, jobs, 5000, transport_of(bus.port))
        now_ms = 100_000
        step = poll.next(now_ms)
        while not isinstance(step, Ask):
            now_ms = step.until_ms
            step = poll.next(now_ms)
        poll.unanswered(now_ms, now_ms)
        waits[scheme] = isinstance(poll.next(now_ms), Ask)
        assert len(step.frame) == (8 if scheme == "rtu+tcp" else 12)
    assert waits == {"tcp": True, "unnumbered+tcp": False, "rtu+tcp": False}


class StillClock:
    """The monotonic time of a sweep, moved by every look at it."""

    def __init__(self) -> None:
        self._now_ms = 0

    def monotonic_ms(self) -> int:
        """Return milliseconds that never go back."""
        self._now_ms += 100
        return self._now_ms

    def utc_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return 1_800_000_000_000 + self._now_ms


def test_a_serial_server_that_hangs_up_is_connected_again() -> None:
    """After the connection is lost the sweep goes on over a new one."""
    connections = []

    def talk(connection: socket.socket) -> None:
        connections.append(1)
        while question := connection.recv(8):
            if len(connections) == 1:
                return
            count = question[5]
            connection.sendall(with_crc(bytes((1, question[1], 2 * count)) + bytes(2 * count)))

    profile = load_profile("eastron-sdm630", HOME)
    points = profile.polled()[:1]
    job = Job(Meter("m", "n", 1, profile.id, "", (1, 1), (1, 1), 0), profile, plan_blocks(profile, points, 115200))
    outcomes: list[Reading | Fault] = []
    stopped = threading.Event()

    def deliver(found: object) -> None:
        assert isinstance(found, list)
        outcomes.extend(found)
        if any(isinstance(one, Reading) for one in found):
            stopped.set()

    with raw_server(talk) as port:
        bus = server_at(port)
        runner = BusRunner(Poll(bus, (job,), 1000), open_line(bus), StillClock(), deliver, "n")
        thread = threading.Thread(target=runner.run, args=(stopped,))
        thread.start()
        ended = stopped.wait(30)
        stopped.set()
        runner.wake()
        thread.join(30)
    assert ended and not thread.is_alive()
    assert outcomes[0] == Fault("m", outcomes[0].at_ms, SILENT, "the line is lost")


def test_a_closed_line_says_so() -> None:
    """Without a connection there is nothing to ask."""
    line = line_of(server_at(9))
    with pytest.raises(LineLostError):
        line.exchange(request(1, 3, 0, 1), 7, 0, 10)


def test_one_end_point_is_one_bus_in_whatever_frames() -> None:
    """Two schemes with one host and port mean the same connection."""
    assert same_port("tcp://10.0.0.7:502", "rtu+tcp://10.0.0.7")
    assert not same_port("tcp://10.0.0.7:502", "rtu+tcp://10.0.0.7:4001")
    assert not same_port("tcp://10.0.0.7:502", "/dev/ttyUSB0")
