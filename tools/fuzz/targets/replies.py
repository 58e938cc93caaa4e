"""Replies to what the command line asks: of the daemon on its socket, and of a platform over HTTP."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from threading import Thread
from typing import Any

from cloud_sync.enrolling import Request
from gateway.control import ask as ask_daemon
from gateway.control import socket_path
from gateway.core.problem import ProblemError
from gateway.enrolment import ask as ask_platform
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said

DAEMON, PLATFORM = range(2)
TOKENS = (
    b'{"problem": ["WP-JRN-001", "", "text {name}", "hint", {}]}', b'"error"', b"[" * 20, b"null", b"1e999", b"\\ud800",
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 403 no\r\n", b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n",
    b"\r\n\r\n", b"Location: file:///etc/passwd\r\n", b'{"problem": {"code": "WP-PLT-221", "what": "no"}}',
    b"ffffffff\r\n", b"302 ",
)  # fmt: skip
EXAMPLES = 60  # each is a connection
_REQUEST = Request("gw-1", "", "", "", "", "")


def seeds() -> Iterator[bytes]:
    """Yield answers of either kind: good ones, refusals, and what is none."""
    yield bytes((DAEMON,)) + b'{"intervals": 7}\n'
    yield bytes((DAEMON,)) + b'{"problem": ["WP-JRN-001", "journal", "it is {state}", "stop it", {"state": "open"}]}\n'
    yield bytes((DAEMON,)) + b'{"error": "no question"}\n'
    yield bytes((PLATFORM,)) + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    refusal = b'{"problem": {"code": "WP-PLT-221", "what": "no such code"}}'
    yield bytes((PLATFORM,)) + b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(refusal) + refusal
    yield bytes((PLATFORM,)) + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    yield bytes((PLATFORM,)) + b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"


class _Teller:
    """Answers whoever connects with the same bytes, then hangs up."""

    def __init__(self, line: socket.socket, address: Any) -> None:
        line.bind(address)
        line.listen(4)
        self.reply = b""
        self._line = line
        Thread(target=self._tell, daemon=True).start()

    def address(self) -> Any:
        return self._line.getsockname()

    def _tell(self) -> None:
        while True:
            asker, _ = self._line.accept()
            with asker, suppress(OSError):
                asker.recv(4096)
                asker.sendall(self.reply)
                asker.shutdown(socket.SHUT_WR)
                while asker.recv(4096):  # until the asker has seen enough
                    pass


@cache
def _tellers() -> tuple[_Teller, _Teller]:
    home = room_of("replies")
    return (
        _Teller(socket.socket(socket.AF_UNIX), str(socket_path(home))),
        _Teller(socket.socket(), ("127.0.0.1", 0)),
    )


def target(data: bytes) -> None:
    """What is answered is taken as a map or as bytes, or refused with a problem that can be said."""
    source = Source(data)
    kind = source.octet() % 2
    teller = _tellers()[kind]
    teller.reply = source.rest()
    try:
        if kind == DAEMON:
            assert isinstance(ask_daemon(room_of("replies"), {"ask": "tally"}), dict)
        else:
            assert ask_platform("http://127.0.0.1:%d" % teller.address()[1], _REQUEST, None) in teller.reply + bytes(1)
    except ProblemError as error:
        check_said(error.problems)
