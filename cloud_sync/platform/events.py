"""News of the ledger as server-sent events: a new interval, new readings, a new receipt, a park composed.

The ledger is looked at once a second for all watchers together; an event says only that there is news and of
which gateway, and the page asks for the figures it shows.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cloud_sync.platform.api import refused
from cloud_sync.platform.reports import Reads, rows
from gateway.core.problem import problem

LOOK_S = 1.0  # how often the ledger is looked at
BEAT_S = 5.0  # a beat at least this often, so that a page notices a dead connection
WATCHERS_MAX = 200  # open streams; each costs a task and a socket

Mark = dict[str, int | None]


class News:
    """What is new in the ledger, for any number of watchers up to WATCHERS_MAX."""

    def __init__(self, ledger: Reads) -> None:
        self.ledger = ledger
        self.watchers = 0
        self.ended = False
        self._looked = float("-inf")
        self._looking = asyncio.Lock()
        self._marks: dict[str, Mark] = {}

    def end(self) -> None:
        """Let every stream end by itself within LOOK_S; call it before the server stops. From any thread."""
        self.ended = True

    async def marks(self) -> dict[str, Mark]:
        """Return the newest of each kind, by gateway; asks the ledger at most every LOOK_S, on a thread."""
        async with self._looking:  # one asks for all who wait
            if time.monotonic() - self._looked >= LOOK_S * 0.9:
                self._marks = await asyncio.to_thread(self._look)
                self._looked = time.monotonic()
            return self._marks

    def _look(self) -> dict[str, Mark]:
        question = (
            "SELECT name, (SELECT max(start_s) FROM interval WHERE gateway = name) AS interval,"
            " (SELECT max(at_ms) FROM live WHERE gateway = name) AS readings,"
            " (SELECT max(head_sequence) FROM chain WHERE gateway = name) AS receipt,"
            " (SELECT max(start_s) FROM composed WHERE gateway = name AND state = 'whole') AS composed"
            " FROM (SELECT name FROM gateway UNION SELECT gateway FROM chain UNION SELECT 'park/' || name FROM park)"
        )
        return {row.pop("name"): row for row in rows(self.ledger, question)}

    async def stream(self, request: Request) -> AsyncIterator[str]:
        """Yield an event for each change, and beats while there is none, until the watcher leaves."""
        self.watchers += 1
        try:
            seen = await self.marks()
            silent_s = 0.0
            yield "retry: 2000\nevent: beat\ndata: {}\n\n"
            while not (self.ended or await request.is_disconnected()):
                await asyncio.sleep(LOOK_S)
                silent_s += LOOK_S
                marks = await self.marks()
                news = [("gateway", gateway) for gateway in marks if gateway not in seen]
                news += [
                    (kind, gateway)
                    for gateway, mark in marks.items()
                    for kind, newest in mark.items()
                    if newest != seen.get(gateway, {}).get(kind)
                ]
                seen = marks
                for kind, gateway in news:
                    yield f"event: {kind}\ndata: {json.dumps({'gateway': gateway})}\n\n"
                if news:
                    silent_s = 0.0
                elif silent_s >= BEAT_S:
                    silent_s = 0.0
                    yield "event: beat\ndata: {}\n\n"
        finally:
            self.watchers -= 1

    async def answer(self, request: Request) -> Response:
        """Answer GET /api/v1/events."""
        if self.watchers >= WATCHERS_MAX:
            full = problem(
                "WP-PLT-204",
                "events",
                "{limit} pages are already watching.",
                "Close pages that nobody looks at; the figures themselves can still be asked for.",
                limit=WATCHERS_MAX,
            )
            return refused(request, 503, full)
        return StreamingResponse(
            self.stream(request), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )
