"""TcpLine and Poll against pymodbus, an independent Modbus TCP server, and against servers that misbehave."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway.core.meter.modbus import tcp_request
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Ask, Job, Poll
from gateway.core.problem import ProblemError
from gateway.core.reading import Fault, Reading
from gateway.core.site import Bus, Meter
from gateway.line import LineLostError, open_line
from gateway.profiles import load_profile


def bus_at(port: int) -> Bus:
    """Return the bus behind a TCP port of this machine."""
    return Bus("n", "tcp://127.0.0.1:%d" % port, 9600, 8, "N", 1, 0)


@contextmanager
def pymodbus_server(devices: list[SimDevice], framer: FramerType = FramerType.SOCKET) -> Iterator[int]:
    """Serve *devices* by pymodbus, in the frames of *framer*; gives the TCP port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    servers: list[ModbusTcpServer] = []

    async def serve() -> None:
        server = ModbusTcpServer(devices, framer=framer, address=("127.0.0.1", port))
        servers.append(server)
        await server.serve_forever(background=True)
        ready.set()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield port
    finally:
        ended = asyncio.run_coroutine_threadsafe(servers[0].shutdown(), loop)  # type: ignore[no-untyped-call]
        ended.result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection after another by *talk*; gives the TCP port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            with connection:
                talk(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(30)


def swept(port: int, job: Job) -> list[Reading | Fault]:
    """Return what one sweep over TCP gives."""
    poll = Poll(bus_at(port), (job,), 60_000, "tcp")
    line = open_line(bus_at(port))
    outcomes: list[Reading | Fault] = []
    now_ms = 0
    while poll.cycle == 0:
        step = poll.next(now_ms)
        if isinstance(step, Ask):
            frame, elapsed_ms = line.exchange(step.frame, step.answer_bytes, step.earliest_ms, step.timeout_ms)
            assert frame
            outcomes += poll.answered(frame, elapsed_ms, now_ms, 1)
        else:
            now_ms = step.until_ms
    line.close()
    return outcomes


def test_pymodbus_serves_a_sweep(tmp_path: Path) -> None:
    """Every value that an independent server holds arrives exactly, and no other."""
    profile = load_profile("eastron-sdm630", tmp_path)
    truth = {point.address: float(point.address + 1) for point in profile.polled()}
    floats = [truth.get(address, 0.0) for address in range(0, 0x200, 2)]
    device = SimDevice(id=5, simdata=[SimData(0, values=floats, datatype=DataType.FLOAT32)])
    job = Job(
        Meter("m5", "n", 5, profile.id, "", (1, 1), (1, 1), 0), profile, plan_blocks(profile, profile.polled(), 9600)
    )
    with pymodbus_server([device]) as port:
        outcomes = swept(port, job)
    values = {outcome.quantity: outcome.value for outcome in outcomes if isinstance(outcome, Reading)}
    assert len(values) == len(outcomes) == len(profile.polled())
    for point in profile.polled():
        assert point.quantity is not None
        factor = {"V": 1000, "A": 1000, "kWh": 1000, "1": 1000, "Hz": 1000, "deg": 100, "%": 10, "kvarh": 1000}.get(
            point.unit, 1
        )
        assert values[point.quantity] == int(truth[point.address]) * factor, point.name


def test_an_old_answer_is_thrown_away_and_the_connection_stays_in_step() -> None:
    """Answers with other numbers, before the right one, are not taken; the next question finds its own answer."""

    def talk(connection: socket.socket) -> None:
        while question := connection.recv(12):
            number = question[0] << 8 | question[1]
            for old in (number - 1, number):
                connection.sendall(old.to_bytes(2, "big") + bytes((0, 0, 0, 5, 1, 3, 2, 0, old)))

    with raw_server(talk) as port:
        line = open_line(bus_at(port))
        for number in (7, 8, 9):
            frame, _elapsed = line.exchange(tcp_request(number, 1, 3, 0, 1), 11, 0, 5000)
            assert frame[-1] == number
        line.close()


def test_no_answer_keeps_the_connection() -> None:
    """A silent meter behind a gateway is silence, not a lost line."""

    def talk(connection: socket.socket) -> None:
        while connection.recv(12):
            pass

    with raw_server(talk) as port:
        line = open_line(bus_at(port))
        assert line.exchange(tcp_request(1, 1, 3, 0, 1), 11, 0, 50) == (b"", 50)
        assert line.exchange(tcp_request(2, 1, 3, 0, 1), 11, 0, 50) == (b"", 50)
        line.close()


def test_a_server_that_hangs_up_is_a_lost_line_and_can_be_opened_again() -> None:
    """A closed connection says so; the next opening works."""

    def talk(connection: socket.socket) -> None:
        connection.recv(12)

    with raw_server(talk) as port:
        line = open_line(bus_at(port))
        for _again in range(2):
            with pytest.raises(LineLostError):
                line.exchange(tcp_request(1, 1, 3, 0, 1), 11, 0, 5000)
            line.open()
        line.close()


def test_bytes_that_are_no_modbus_tcp_end_the_connection() -> None:
    """RTU frames inside TCP are given back once to be judged; then the line must be opened again."""

    def talk(connection: socket.socket) -> None:
        while connection.recv(12):
            connection.sendall(bytes.fromhex("01 03 02 00 07 f9 86 00"))

    with raw_server(talk) as port:
        line = open_line(bus_at(port))
        frame, _elapsed = line.exchange(tcp_request(1, 1, 3, 0, 1), 11, 0, 5000)
        assert frame.startswith(b"\x01\x03\x02")
        with pytest.raises(LineLostError):
            line.exchange(tcp_request(2, 1, 3, 0, 1), 11, 0, 5000)
        line.close()


def test_nobody_listens() -> None:
    """A closed port has a message of its own."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ProblemError) as error:
            open_line(bus_at(int(unused.getsockname()[1])))
    assert error.value.problems[0].code == "WP-BUS-008"
