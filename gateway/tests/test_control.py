"""Tests of the control socket in the hands of whoever may open it."""

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import control

Ask = Callable[[bytes], Awaitable[bytes]]


async def _answer(question: dict[str, Any]) -> dict[str, Any]:
    if question.get("ask") == "long":
        return {"text": "x" * 8_000_000}
    return {"number": int(question["number"])}


def _served(home: Path, play: Callable[[Ask], Awaitable[None]]) -> list[dict[str, Any]]:
    """Play against a served socket; return what asyncio had to report."""
    reported: list[dict[str, Any]] = []

    async def ask(raw: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(control.socket_path(home)))
        writer.write(raw)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.transport.abort()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        server = await control.serve(home, _answer)
        await play(ask)
        server.close()

    asyncio.run(main())
    return reported


def test_only_the_owner_may_ask(tmp_path: Path) -> None:
    """The socket can be opened by nobody else."""

    async def play(_ask: Ask) -> None:
        assert stat.S_IMODE(control.socket_path(tmp_path).stat().st_mode) & 0o077 == 0

    assert _served(tmp_path, play) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\n", b"\xff\xfe\n", b"[]\n", b"7\n", b"{}\n", b'{"number": "x"}\n', b'{"number": 1e999}\n',
        b"[" * 60_000 + b"\n", b"x" * 200_000 + b"\n",
    ],
)  # fmt: skip
def test_what_is_no_question_is_told(tmp_path: Path, raw: bytes) -> None:
    """Garbage of any size gets an answer that says so, and the next question is answered."""

    async def play(ask: Ask) -> None:
        assert await ask(raw) in (b'{"error": "no question"}\n', b"")
        assert json.loads(await ask(b'{"number": 7}\n')) == {"number": 7}

    assert _served(tmp_path, play) == []


def test_fault_i12_those_who_ask_nothing_or_read_nothing_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent connections and slow readers are closed after a while, and until then others are answered."""
    monkeypatch.setattr(control, "QUESTION_TIMEOUT_S", 0.5)
    monkeypatch.setattr(control, "ANSWER_TIMEOUT_S", 0.5)

    async def play(ask: Ask) -> None:
        path = str(control.socket_path(tmp_path))
        silent = [await asyncio.open_unix_connection(path) for _ in range(control.ASKERS_MAX - 2)]
        slow = await asyncio.open_unix_connection(path, limit=1)
        slow[1].write(b'{"ask": "long"}\n')
        assert json.loads(await ask(b'{"number": 7}\n')) == {"number": 7}
        for reader, writer in silent:
            assert await reader.read() == b""
            writer.close()
        while await slow[0].read(65536):
            await asyncio.sleep(0)
        slow[1].transport.abort()

    async def whole(ask: Ask) -> None:
        try:
            await play(ask)
        except ConnectionError:
            return  # a slow reader is cut off

    assert _served(tmp_path, whole) == []


def test_fault_i12_more_than_enough_connections_are_turned_away(tmp_path: Path) -> None:
    """However many connect, the daemon keeps only so many open, and answers again when they have gone."""

    async def play(ask: Ask) -> None:
        path = str(control.socket_path(tmp_path))
        many = [await asyncio.open_unix_connection(path) for _ in range(control.ASKERS_MAX + 5)]
        for reader, _ in many[control.ASKERS_MAX :]:
            assert await reader.read() == b""
        for _, writer in many:
            writer.close()
            await writer.wait_closed()
        while not (found := await ask(b'{"number": 7}\n')):
            await asyncio.sleep(0)
        assert json.loads(found) == {"number": 7}

    assert _served(tmp_path, play) == []
