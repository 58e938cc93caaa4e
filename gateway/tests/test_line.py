"""SerialLine on a pseudo-terminal: what comes back, whose the port is, and what is said when it is not ours."""

import os
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway import ports
from gateway.clock import Clock
from gateway.core.meter.modbus import FrameFault, answer, request, with_crc
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.poll import Job, Poll
from gateway.core.problem import ProblemError
from gateway.core.reading import SILENT, Fault, Notice, Reading
from gateway.core.site import Bus, Meter
from gateway.line import LineLostError, SerialLine, open_line
from gateway.port_holder import holder_of
from gateway.ports import same_port, why_not
from gateway.profiles import load_profile
from gateway.sweep import BusRunner
from gateway.tests.pty_meter import PtyMeter, Respond, registers_answer

QUESTION = request(1, 4, 0x48, 2)
ANSWER = with_crc(bytes.fromhex("01040446 2a7521"))


def bus_at(port: str, baud: int = 115200) -> Bus:
    """Return a bus at *port*."""
    return Bus("a", port, baud, 8, "N", 1, 0)


def asked_of(respond: Respond, timeout_ms: int = 400) -> tuple[bytes, int]:
    """Ask one question of a meter that responds like this."""
    with PtyMeter(respond) as meter:
        line = open_line(bus_at(meter.port))
        try:
            return line.exchange(QUESTION, 9, 0, timeout_ms)
        finally:
            line.close()


def code_of(error: ProblemError) -> str:
    """Return the code of the only problem."""
    assert len(error.problems) == 1
    return error.problems[0].code


def test_the_answer_comes_back() -> None:
    """The bytes of the answer, and nothing else."""
    assert asked_of(lambda question: [(0.01, ANSWER)])[0] == ANSWER


def test_a_pseudo_terminal_is_opened_with_any_parity() -> None:
    """A terminal that drops parity bits opens at 2400 8E1 as often as wanted; its other end sees speed and parity."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    sticky = 0o10000000000  # CMSPAR of asm-generic/termbits.h
    try:
        for baud, parity in ((2400, "E"), (2400, "E"), (9600, "O"), (9600, "N"), (2400, "E")):
            line = open_line(Bus("a", os.ttyname(theirs), baud, 8, parity, 1, 0))
            control, speed = (termios.tcgetattr(ours)[place] for place in (2, 5))
            line.close()
            seen = "N" if not control & sticky else "O" if control & termios.PARODD else "E"
            assert (speed, seen) == (getattr(termios, "B%d" % baud), parity)
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_question_goes_out_as_it_is() -> None:
    """The meter hears exactly the frame."""
    with PtyMeter(lambda question: [(0, ANSWER)]) as meter:
        line = open_line(bus_at(meter.port))
        line.exchange(QUESTION, 9, 0, 400)
        line.close()
        assert meter.questions == [QUESTION]


def test_silence_is_nothing() -> None:
    """No answer is no byte, and never before the whole time-out is over."""
    heard, elapsed_ms = asked_of(lambda question: [], 50)
    assert heard == b"" and elapsed_ms >= 50


def test_half_an_answer_stays_half() -> None:
    """What stops in the middle comes back as it is; Poll judges it."""
    assert asked_of(lambda question: [(0, ANSWER[:5])], 60)[0] == ANSWER[:5]


def test_bytes_behind_the_answer_are_seen() -> None:
    """An answer that comes twice is longer than one."""
    assert asked_of(lambda question: [(0.01, ANSWER + ANSWER)])[0] == ANSWER + ANSWER


def test_a_pause_inside_an_answer_is_waited_out() -> None:
    """Adapters hand bytes over in bundles with pauses of some ms between: the length tells when all are there."""
    assert asked_of(lambda question: [(0, ANSWER[:4]), (0.06, ANSWER[4:])])[0] == ANSWER


def test_a_refusal_is_not_waited_out() -> None:
    """An exception of five bytes is complete, however long the answer would have been."""
    refusal = with_crc(b"\x01\x84\x02")
    heard, elapsed_ms = asked_of(lambda question: [(0, refusal)], 20_000)
    assert heard == refusal
    assert elapsed_ms < 20_000


def test_the_echo_of_the_question_is_no_answer() -> None:
    """An adapter that hears itself gives the question back first."""
    assert asked_of(lambda question: [(0, question), (0.02, ANSWER)])[0] == ANSWER


def test_what_came_before_the_question_is_forgotten() -> None:
    """A late answer that waits in the buffer is gone before the next question goes out."""
    with PtyMeter(lambda question: [(0.01, ANSWER)]) as meter:
        line = open_line(bus_at(meter.port))
        meter.say(b"\x01\x04\x04\x00\x00\x00\x01\x3a\x44")
        assert line.exchange(QUESTION, 9, 0, 400)[0] == ANSWER
        line.close()


def test_a_jammed_line_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that does not fall silent is told by a time below zero, and its bytes are believed by nobody."""
    monkeypatch.setattr("gateway.line._JAM_S", 0.005)
    with PtyMeter(lambda question: []) as meter:
        line = open_line(bus_at(meter.port))
        meter.say(b"\x55" * 3000)
        heard, elapsed_ms = line.exchange(QUESTION, 9, 5, 400)
        line.close()
    assert elapsed_ms < 0
    with pytest.raises(FrameFault):
        answer(heard, 1, 4, 2)


def test_an_answer_that_drips_is_given_up() -> None:
    """A meter that gives a byte now and then gets the whole time-out once, not one for every byte."""
    with PtyMeter(lambda question: [(0.15, bytes((octet,))) for octet in ANSWER]) as meter:
        line = open_line(bus_at(meter.port))
        heard, elapsed_ms = line.exchange(QUESTION, 9, 0, 400)
        line.close()
    assert ANSWER.startswith(heard) and len(heard) <= 3 and elapsed_ms >= 400


def test_an_adapter_that_is_pulled_is_a_lost_line() -> None:
    """When the port goes away the exchange says so, instead of counting a silent meter."""
    with PtyMeter(lambda question: []) as meter:
        line = open_line(bus_at(meter.port))
        meter.unplug()
        with pytest.raises(LineLostError) as lost:
            line.exchange(QUESTION, 9, 0, 200)
        assert code_of(lost.value) == "WP-BUS-001"
        line.close()


def test_one_port_has_one_owner_by_whatever_name(tmp_path: Path) -> None:
    """A port that is open cannot be opened again, neither by its name nor by a link to it."""
    with PtyMeter(lambda question: []) as meter:
        link = tmp_path / "usb-adapter"
        link.symlink_to(meter.port)
        line = open_line(bus_at(meter.port))
        for name in (meter.port, str(link)):
            with pytest.raises(ProblemError) as busy:
                open_line(bus_at(name))
            assert code_of(busy.value) == "WP-BUS-006"
        line.close()
        open_line(bus_at(str(link))).close()


def test_two_names_of_one_port_are_recognised(tmp_path: Path) -> None:
    """A link means the port it leads to; other ports and networks are others."""
    with PtyMeter(lambda question: []) as one, PtyMeter(lambda question: []) as other:
        link = tmp_path / "usb-adapter"
        link.symlink_to(one.port)
        assert same_port(str(link), one.port)
        assert not same_port(str(link), other.port)
        assert not same_port("tcp://10.0.0.1:502", one.port)
        assert not same_port("/dev/absent-1", "/dev/absent-2")
        assert not same_port("/dev/nul\x00", "/dev/absent-2")


def test_two_names_of_one_network_place_are_recognised() -> None:
    """The usual port may be left out, names know no capitals, and an address of numbers has many spellings."""
    for one, other in (
        ("tcp://10.0.0.1", "tcp://10.0.0.1:502"),
        ("tcp://10.0.0.1:502/", "tcp://10.0.0.1:502"),
        ("tcp://Meter.Park.example", "tcp://meter.park.example:502"),
        ("tcp://localhost:5020", "tcp://127.0.0.1:5020"),
        ("tcp://[2001:db8::1]", "tcp://[2001:DB8:0:0::1]:502"),
    ):
        assert same_port(one, other), (one, other)
    for one, other in (
        ("tcp://10.0.0.1", "tcp://10.0.0.2"),
        ("tcp://10.0.0.1:502", "tcp://10.0.0.1:503"),
        ("tcp://10.0.0.1", "/dev/ttyUSB0"),
    ):
        assert not same_port(one, other), (one, other)


def test_a_passing_name_is_advised_against(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter called ttyUSB0 that has a name of its own is better called by that; a stable name needs no advice."""
    by_id, by_path = tmp_path / "by-id", tmp_path / "by-path"
    by_id.mkdir()
    by_path.mkdir()
    (tmp_path / "ttyUSB0").write_text("")
    (by_id / "usb-FTDI_A9-if00-port0").symlink_to(tmp_path / "ttyUSB0")
    (by_path / "pci-0-usb-1").symlink_to(tmp_path / "ttyUSB0")
    monkeypatch.setattr(ports, "_BY_ID", by_id)
    monkeypatch.setattr(ports, "_BY_PATH", by_path)
    monkeypatch.setattr(ports, "_PASSING", (str(tmp_path / "ttyUSB"),))
    stable = str(by_id / "usb-FTDI_A9-if00-port0")
    advice = ports.advise("bus[0].port", str(tmp_path / "ttyUSB0"))
    assert advice is not None and advice.code == "WP-BUS-070" and advice.values["stable"] == stable
    assert ports.advise("bus[0].port", stable) is None
    for number in (1, 2):  # a second adapter that has no name by id of its own, so the name by id may be either's
        (tmp_path / f"ttyUSB{number}").write_text("")
    (by_path / "pci-0-usb-2").symlink_to(tmp_path / "ttyUSB1")
    found = [ports.stable_name(str(tmp_path / f"ttyUSB{number}")) for number in range(3)]
    assert found == [str(by_path / "pci-0-usb-1"), str(by_path / "pci-0-usb-2"), None]


def test_a_busy_port_names_its_holder() -> None:
    """Who has locked a port is said by program and process id, also where it was asked for by another name."""
    with PtyMeter(lambda question: []) as meter:
        assert holder_of(meter.port) is None
        line = open_line(bus_at(meter.port))
        holder = holder_of(meter.port)
        with pytest.raises(ProblemError) as busy:
            open_line(bus_at(meter.port))
        line.close()
    assert holder is not None and holder.pid == os.getpid() and "python" in holder.program
    assert busy.value.problems[0].values["pid"] == os.getpid()


def test_a_port_that_is_open_without_a_lock_names_its_holder() -> None:
    """A program that only opened the port is found by what it has open."""
    with PtyMeter(lambda question: []) as meter:
        program = "import sys; port = open(sys.argv[1], 'rb', 0); print('open', flush=True); sys.stdin.read()"
        command = [sys.executable, "-c", program, meter.port]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None and other.stdin is not None
            assert other.stdout.readline() == "open\n"
            holder = holder_of(meter.port)
            other.stdin.close()
            assert other.wait(30) == 0
    assert holder is not None and holder.pid == other.pid and "import sys" in holder.program


def test_what_is_said_of_a_port_that_is_none(tmp_path: Path) -> None:
    """A missing path, a file, a device without a line: each has its own message."""
    file = tmp_path / "file"
    file.write_text("no port")
    for path, codes in (
        (str(tmp_path / "absent"), {"WP-BUS-002", "WP-BUS-003"}),
        (str(file), {"WP-BUS-004"}),
        ("/dev/null", {"WP-BUS-004"}),
    ):
        with pytest.raises(ProblemError) as error:
            SerialLine(bus_at(path)).open()
        assert code_of(error.value) in codes, path


def test_what_is_said_without_permission() -> None:
    """A port of another group names the group command."""
    assert why_not("a", "/dev/ttyUSB0", PermissionError(13, "Permission denied")).code == "WP-BUS-005"


def test_a_bus_runs_and_comes_back_after_the_adapter_was_pulled(tmp_path: Path) -> None:
    """Readings come, stop while the port is away, and come again through the same stable name of another device."""
    profile = load_profile("eastron-sdm630", tmp_path)
    link = tmp_path / "bus"
    job = Job(
        Meter("m1", "a", 1, profile.id, "", (1, 1), (1, 1), 0),
        profile,
        plan_blocks(profile, profile.polled(), 115200),
    )
    first, again, lost = threading.Event(), threading.Event(), threading.Event()
    told: list[Notice] = []
    replaced = threading.Event()

    def deliver(outcomes: Sequence[Reading | Fault]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Reading):
                (again if replaced.is_set() else first).set()
            elif outcome.kind == SILENT and outcome.detail == "the line is lost":
                lost.set()

    def respond(question: bytes) -> list[tuple[float, bytes]]:
        return [(0.005, registers_answer(question, lambda address: 0x3F80 if address % 2 == 0 else 0))]

    stopped = threading.Event()
    with PtyMeter(respond) as one:
        link.symlink_to(one.port)
        bus = bus_at(str(link))
        runner = BusRunner(Poll(bus, (job,), 100), open_line(bus), Clock(), deliver, "a", told.append)
        thread = threading.Thread(target=runner.run, args=(stopped,))
        thread.start()
        try:
            assert first.wait(30)
            link.unlink()
            one.unplug()
            assert lost.wait(30)
            with PtyMeter(respond) as other:
                link.symlink_to(other.port)
                replaced.set()
                assert again.wait(30)
                codes = [notice.code for notice in told if notice.code.startswith("bus-")]
                # Where the other device is there before the first look for it, the loss itself is not told.
                assert codes in (["bus-lost", "bus-back"], ["bus-back"])
                assert told[-1].details == {"bus": "a", "port": other.port}
                stopped.set()
                runner.wake()
                thread.join(30)
                assert not thread.is_alive()
        finally:
            stopped.set()
            runner.wake()
            thread.join(30)


def test_an_echo_and_a_jam_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an adapter that hears itself a person is told once; of a jammed line when it begins and when it is over."""
    monkeypatch.setattr("gateway.line._JAM_S", 0.005)
    profile = load_profile("eastron-sdm630", tmp_path)
    job = Job(
        Meter("m1", "a", 1, profile.id, "", (1, 1), (1, 1), 0),
        profile,
        plan_blocks(profile, profile.polled(), 115200),
    )
    told: list[Notice] = []
    echo, jam, free, stopped = threading.Event(), threading.Event(), threading.Event(), threading.Event()

    def tell(notice: Notice) -> None:
        told.append(notice)
        {"bus-echo": echo, "bus-jam": jam, "bus-free": free}.get(notice.code, threading.Event()).set()

    def respond(question: bytes) -> list[tuple[float, bytes]]:
        return [(0, question), (0.005, registers_answer(question, lambda address: 0))]

    with PtyMeter(respond) as meter:
        bus = bus_at(meter.port)
        runner = BusRunner(Poll(bus, (job,), 100), open_line(bus), Clock(), lambda outcomes: None, "a", tell)
        thread = threading.Thread(target=runner.run, args=(stopped,))
        thread.start()
        try:
            assert echo.wait(30)
            while not jam.is_set():
                meter.say(b"\x55" * 3000)
                jam.wait(0.01)
            assert free.wait(30)
        finally:
            stopped.set()
            runner.wake()
            thread.join(30)
    codes = [notice.code for notice in told if notice.code.startswith("bus-")]
    assert codes[:3] == ["bus-echo", "bus-jam", "bus-free"] and codes.count("bus-echo") == 1
