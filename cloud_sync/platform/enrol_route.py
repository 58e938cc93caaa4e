"""The one address of the platform that takes something: POST /api/v1/enrol, a gateway's request for enrolment."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cloud_sync.enrolling import PATH, TEXT_BYTES_MAX, read_request
from cloud_sync.platform.answering import answer
from cloud_sync.platform.api import refused
from gateway.core.problem import ProblemError


def enrol_route(home: Path, bucket: str, now: Callable[[], float]) -> Route:
    """Return the route; who has no valid code and no enrolled key is told why, and nothing is done."""

    async def enrol(request: Request) -> Response:
        raw = b""
        async for piece in request.stream():
            raw += piece
            if len(raw) > TEXT_BYTES_MAX:
                break
        try:
            asked = read_request(raw)
            said = await asyncio.to_thread(answer, home, asked, bucket, int(now() * 1000))
        except ProblemError as error:
            return refused(request, 403, error.problems[0])
        return PlainTextResponse(said, media_type="application/json", headers={"Cache-Control": "no-store"})

    return Route(PATH, enrol, methods=["POST"])
