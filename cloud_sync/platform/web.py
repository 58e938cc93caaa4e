"""The web application of the platform: one page, its files, and the JSON behind it."""

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from string import printable
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_sync.platform.api import Answers, refused, routes
from cloud_sync.platform.enrol_route import enrol_route
from cloud_sync.platform.events import News
from cloud_sync.platform.report_page import report_routes
from cloud_sync.platform.reports import Reads
from gateway.core.problem import ProblemError, problem

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Guarded:
    """Puts the headers that keep foreign content out on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its query in ASCII, and add the headers to the answer's start."""
        scope = {**scope, "query_string": quote(scope.get("query_string", b""), safe=printable).encode()}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self.app(scope, receive, guarded)


def create_app(
    ledger: Reads,
    zone: str = "Asia/Shanghai",
    now: Callable[[], float] = time.time,
    home: Path | None = None,
    bucket: str = "",
) -> Starlette:
    """Return the application over *ledger*; *zone* is the park's, by which a day begins and ends.

    *home* is the platform's folder, where documents, tables and choices of the reports are; with it, gateways are
    enrolled for *bucket*.

    Before its server stops, call `app.state.news.end()`, so that open event streams end by themselves.
    """
    try:
        park_zone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ProblemError(
            problem(
                "WP-PLT-205",
                "zone",
                "There is no time zone named {zone}.",
                "Write a name of the IANA time zone database, such as Asia/Shanghai.",
                zone=zone,
            )
        ) from error

    async def page(request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    async def missing(request: Request, error: Exception) -> Response:
        nothing = problem(
            "WP-PLT-206",
            request.scope["path"],
            "There is nothing at this address.",
            "The page is at /, the list of figures at /api/v1/.",
        )
        return refused(request, 404, nothing)

    async def not_asked(request: Request, error: Exception) -> Response:
        only = problem(
            "WP-PLT-207",
            request.scope["path"],
            "This address only answers questions.",
            "Ask with GET; nothing is set here.",
        )
        answer = refused(request, 405, only)
        answer.headers["Allow"] = "GET, HEAD"
        return answer

    async def unanswerable(request: Request, error: Exception) -> Response:
        log.error("%s: %s", request.scope["path"], error)
        failed = problem(
            "WP-PLT-208",
            request.scope["path"],
            "The ledger does not give these figures: {reason}.",
            "Run `wattproof-platform verify`; figures too large to be added up are one gateway's own.",
            reason=error,
        )
        return refused(request, 500, failed)

    news = News(ledger)
    app = Starlette(
        routes=[
            Route("/", page),
            *report_routes(ledger, home, park_zone, now),
            *routes(Answers(ledger, park_zone, now)),
            Route("/api/v1/events", news.answer),
            *([enrol_route(home, bucket, now)] if home is not None else []),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={404: missing, 405: not_asked, sqlite3.Error: unanswerable},
    )
    app.add_middleware(Guarded)
    app.state.news = news
    return app
