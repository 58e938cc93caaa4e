"""The platform's web page: requests with any path, query and headers, over a ledger with figures in it."""

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette

from cloud_sync.platform.api import PARAMETERS, ROUTES
from cloud_sync.platform.enrolment import Enrolment
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.receiver import Receiver
from cloud_sync.platform.web import HEADERS, create_app
from cloud_sync.tests.gateways import BUCKET, Gateway, account, config, interval
from tools.fuzz.identities import identity
from tools.fuzz.room import room_of

NOW_S = 120
TOKENS = (
    *(path.encode() for path in ROUTES), b"/static/", b"../", b"%2e%2e%2f", b"%00", b"%ff", b"?gateway=gw-1",
    b"&day=1970-01-01", b"&period=day", b"&method=688-hourly", b"&lang=zh", b"\nRange: bytes=0-", b"\nHost: ",
    b"\nAccept-Language: ", b"\nIf-None-Match: ", b"\nIf-Modified-Since: ", b"HEAD ", b"POST ", b"9999-12-31",
)  # fmt: skip


@cache
def _served() -> tuple[Starlette, "asyncio.Runner"]:
    """Return the page over a ledger with one interval, and the loop that it lives in."""
    home = room_of("page")
    (home / "keys" / "gw-1").mkdir(parents=True)
    (home / "keys" / "gw-1.pub").write_text(identity(1)[1].pem())
    ledger = Ledger(home / "ledger.sqlite")
    receiver = Receiver(ledger, Enrolment(home / "keys", ledger), identity(3)[0], BUCKET)
    gateway = Gateway("gw-1", identity(1)[0])
    answers = receiver.received("v1/b0/gw-1/up", gateway.send(config(), interval(0, 60), account(0, 60, 7)), 1000)
    assert len(answers) == 1
    assert ledger.read("SELECT count(*) FROM energy")[0][0] == 2
    return create_app(ledger, now=lambda: float(NOW_S)), asyncio.Runner()


def seeds() -> Iterator[bytes]:
    """Yield a request for each route and each file, with every parameter."""
    query = "&".join("%s=%s" % (name, "x") for name in PARAMETERS)
    for path in ROUTES:
        yield b"GET %s?gateway=gw-1&day=1970-01-01&period=day" % path.encode()
    yield b"GET /api/v1/flow?" + query.encode()
    yield b"GET /static/page.js\nRange: bytes=0-5,7-\nIf-None-Match: x"
    yield b"HEAD /"
    yield b"GET /static/..%2fweb.py"


async def _answer(app: Starlette, scope: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer to a request whose asker leaves at once."""
    told: list[Any] = []
    asked = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return asked.pop() if asked else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        told.append(message)

    await app(scope, receive, send)
    start = told[0]
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
    return start["status"], headers, b"".join(one.get("body", b"") for one in told[1:])


def target(data: bytes) -> None:
    """Every answer is no fault of the server, is JSON under /api/, and carries the guarding headers."""
    first, *lines = data.split(b"\n")
    method, _, address = first.partition(b" ")
    raw_path, _, query = address.partition(b"?")
    if not raw_path.startswith(b"/") or not raw_path.isascii() or not method.isalpha() or not method.isascii():
        return
    app, runner = _served()
    pairs = [line.split(b":", 1) for line in lines[:20] if b":" in line]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
        "method": method.decode().upper(), "path": unquote(raw_path.decode("ascii")), "raw_path": raw_path,
        "query_string": query, "headers": [(name.strip().lower(), value.strip()) for name, value in pairs],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "app": app,
    }  # fmt: skip
    status, headers, body = runner.run(_answer(app, scope))
    assert 200 <= status < 500, (status, body)
    assert all(headers.get(name.lower()) == value for name, value in HEADERS.items())
    if headers.get("content-type") == "application/json" and body:
        json.loads(body)
