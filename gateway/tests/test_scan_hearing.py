"""What a scan tells apart: another master, DL/T 645, wrong check sums, exchanged wires, gateways on a network."""

import contextlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.core.meter.dlt645 import framed, opened
from gateway.core.meter.modbus import request, with_crc
from gateway.tests.pty_meter import PtyMeter


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a scan wait less than on wires; here everybody answers at once."""
    for name in ("_LISTEN_MS", "_SECOND_TIMEOUT_MS", "_NUMBER_TIMEOUT_MS"):
        monkeypatch.setattr("gateway.commissioning.scan." + name, 300)


NUMBER = "002241020208"


def scan(home: Path, port: str, *arguments: str, line: str = "9600 8N1") -> Result:
    """Scan two units at one setting, in English."""
    command = ["--lang", "en", "--home", str(home), "scan", port, "--units", "1-2", "--timeout-ms", "20"]
    settings = [] if port.startswith("tcp://") else ["--line", line]
    return CliRunner().invoke(main, [*command, *settings, *arguments])


def only_line(result: Result) -> dict[str, Any]:
    """Return what was said of the only line setting."""
    (line,) = json.loads(result.stdout)["lines"]
    assert isinstance(line, dict)
    return line


def test_a_line_with_another_master_is_not_disturbed(tmp_path: Path) -> None:
    """Frames that nobody asked for: their units are told, and nothing at all is sent."""
    talk = request(4, 3, 0, 2) + with_crc(bytes((4, 3, 4, 0, 1, 0, 2)))
    with PtyMeter(lambda question: []) as meter:
        ended = threading.Event()

        def speak() -> None:
            while not ended.wait(0.05):
                with contextlib.suppress(OSError):
                    meter.say(talk)

        other = threading.Thread(target=speak, daemon=True)
        other.start()
        result = scan(tmp_path, meter.port, "--json")
        text = scan(tmp_path, meter.port)
        ended.set()
        other.join()
        assert (meter.questions, meter.questions_645) == ([], [])
    heard = only_line(result)["overheard"]
    assert (result.exit_code, heard["asked"], heard["answered"]) == (1, ["4"], ["4"])
    assert "WP-BUS-042" in text.stderr and "another master is talking" in text.stdout


def test_the_only_dlt645_meter_tells_its_number(tmp_path: Path) -> None:
    """The wildcard read finds the meter, and its values the profile."""

    def answer(question: bytes) -> bytes:
        asked = opened(question)
        if asked.control == 0x13:
            return framed(NUMBER, 0x93, bytes.fromhex(NUMBER)[::-1])
        # Voltages of 220.3 V, a digit behind the point, whatever is asked for; 2007, table A.3
        return framed(NUMBER, 0x91, asked.octets + bytes((0x03, 0x22)) * (3 if asked.octets[1] == 0xFF else 1))

    with PtyMeter(lambda question: [], answer) as meter:
        result = scan(tmp_path, meter.port, "--json")
        assert {opened(question).control for question in meter.questions_645} <= {0x11, 0x13, 0x01}
    (found,) = only_line(result)["found"]
    assert (found["protocol"], found["unit"], found["address"]) == ("dlt645", None, NUMBER)
    assert any(name.startswith("dlt645-2007") for name in found["models"])


def test_two_dlt645_meters_at_once_are_said_so(tmp_path: Path) -> None:
    """What two meters answer together is no frame: one has to be connected alone."""
    with PtyMeter(lambda question: [], lambda question: b"\xfe\xfe\x68\x12\x77\x68\x91\x5b\x00\x16") as meter:
        result = scan(tmp_path, meter.port, "--json")
    assert only_line(result)["several_dlt645"] is True


def test_wrong_check_sums_are_told_from_foreign_bytes(tmp_path: Path) -> None:
    """Unit 1 answers for itself with a wrong check sum, unit 2 gives bytes of something else."""

    def respond(question: bytes) -> list[tuple[float, bytes]]:
        if question[0] == 2:
            return [(0.0, b"\x91\x5b\x12\x34\x56")]
        good = with_crc(bytes((question[0], question[1], 4, 1, 2, 3, 4)))
        return [(0.0, good[:-1] + bytes((good[-1] ^ 1,)))]

    with PtyMeter(respond) as meter:
        result = scan(tmp_path, meter.port, "--json")
    line = only_line(result)
    assert (line["damaged_units"], line["garbled_units"], line["found"]) == ([1], [2], [])
    assert line["looks_swapped"] is False and "WP-BUS-010" in result.stderr


def test_exchanged_wires_are_suspected(tmp_path: Path) -> None:
    """After every question nothing but ones and zeros."""
    with PtyMeter(lambda question: [(0.0, bytes.fromhex("00 7f df fe fd ff ff b1"))]) as meter:
        result = scan(tmp_path, meter.port)
    assert result.exit_code == 1 and "A and B look exchanged" in result.stdout


class Gateway(socketserver.ThreadingTCPServer):
    """A Modbus TCP gateway: `answer` gives what comes after the seven bytes of the header, None to hang up."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: Callable[[int, bytes], bytes | None]) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Connection)


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Gateway)
        while len(question := self.request.recv(12)) == 12:
            server.asked.append(question)
            answer = server.answer(question[6], question[7:])
            if answer is None:
                return
            self.request.sendall(question[:4] + (len(answer) + 1).to_bytes(2, "big") + question[6:7] + answer)


@contextlib.contextmanager
def network(answer: Callable[[int, bytes], bytes | None]) -> Iterator[tuple[str, Gateway]]:
    """Serve a gateway on the loopback; give its port and itself."""
    with Gateway(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield "tcp://127.0.0.1:%d" % server.server_address[1], server
        server.shutdown()
        thread.join()


def test_units_behind_a_gateway_on_a_network(tmp_path: Path) -> None:
    """Unit 2 is there; of unit 1 the gateway says that it does not respond, so it is not."""

    def answer(unit: int, asked: bytes) -> bytes:
        if unit == 1:
            return bytes((asked[0] | 0x80, 11))
        return bytes((asked[0] | 0x80, 2))

    with network(answer) as (port, server):
        result = scan(tmp_path, port, "--json")
        assert {question[7] for question in server.asked} <= {3, 4}
    line = only_line(result)
    assert (line["line"], [(one["unit"], one["exception"]) for one in line["found"]]) == (None, [(2, 2)])
    assert line["any_unit"] is False


def test_a_device_that_looks_at_no_unit_id_is_one_device(tmp_path: Path) -> None:
    """Unit ids beyond those asked for are answered as well: that is said, and only one meter would be added."""
    with network(lambda unit, asked: bytes((asked[0] | 0x80, 2))) as (port, _server):
        result = scan(tmp_path, port, "--json")
        text = scan(tmp_path, port)
    assert only_line(result)["any_unit"] is True
    assert [one["unit"] for one in only_line(result)["found"]] == [1, 2]
    assert "whatever unit id" in text.stdout


def test_a_gateway_that_hangs_up_on_units_it_does_not_know(tmp_path: Path) -> None:
    """The connection is made anew, and the units behind are still found."""
    with network(lambda unit, asked: None if unit == 1 else bytes((asked[0] | 0x80, 2))) as (port, _server):
        result = scan(tmp_path, port, "--json")
    assert [one["unit"] for one in only_line(result)["found"]] == [2]


def test_several_settings_are_told_one_by_one(tmp_path: Path) -> None:
    """Away from a terminal the scan says on the error channel which setting it tries; with --json it says nothing."""
    with PtyMeter(lambda question: []) as meter:
        result = scan(tmp_path, meter.port, "--line", "9600 8E1", line="19200 8N1")
    assert "1/2  19200 8N1\n2/2  9600 8E1\n" in result.stderr
