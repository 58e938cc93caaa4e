"""Control socket: a line that came on it, answered from the journal of a small park."""

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from gateway.control import answer_line
from gateway.core.problem import ProblemError
from gateway.questions import answer_from_journal
from gateway.tests.small_park import DAY, DAY_START_S, SmallPark
from tools.fuzz.room import room_of
from tools.fuzz.spoken import check_said

TOKENS = (
    b'{"ask": ', b'"explain"', b'"tally"', b'"trace"', b'"export"', b'"day": ', b'"at_s": ', b'"method": ', b'"path": ',
    b"1e999", b"NaN", b"\\ud800", b"[" * 20, b"{", b"null", b"99999999999999999999", DAY.encode(), b"688-hourly",
)  # fmt: skip
_INTERVAL_S = 900


@cache
def _park() -> SmallPark:
    """Return a park with two closed intervals."""
    park = SmallPark(room_of("control"))
    for number in range(3):
        park.count("m-intake", "energy_active_import", 100_000)
        park.count("m-mill", "energy_active_import", 1_000)
        park.read_at(DAY_START_S + number * _INTERVAL_S)
    return park


def seeds() -> Iterator[bytes]:
    """Yield one question of each kind, and lines that are none."""
    for question in (
        {"ask": "tally", "day": DAY},
        {"ask": "trace", "at_s": DAY_START_S + _INTERVAL_S},
        {"ask": "trace", "at_s": DAY_START_S, "method": "688-hourly"},
        {"ask": "explain", "at_s": DAY_START_S, "point": "Mill"},
        {"ask": "export", "day": DAY, "path": "day"},
        {"ask": "nothing"},
    ):
        yield json.dumps(question).encode()
    yield b"[" * 2000
    yield b'{"ask": "trace", "at_s": 1e999}'


async def _answer(question: dict[str, Any]) -> dict[str, Any]:
    park = _park()
    if "path" in question:
        question["path"] = str(room_of("control") / "day.export")
    try:
        return answer_from_journal(park.configuration, park.journal, question)
    except ProblemError as error:
        check_said(error.problems)
        return {"problem": error.problems[0].code}


def target(data: bytes) -> None:
    """Whatever comes, the answer is one line of JSON."""
    line = data.split(b"\n", 1)[0]
    answered = asyncio.run(answer_line(line, _answer))
    if not line:
        assert not answered
        return
    assert answered.endswith(b"\n") and answered.count(b"\n") == 1
    assert isinstance(json.loads(answered), dict)
