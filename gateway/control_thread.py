"""Control thread: answers questions while the daemon's loop waits for a slow disk.

The loop answers, as it alone may touch the journal. Where it does not within some seconds, what is known without the
journal is the answer, if there is one for the question; any other question waits.
"""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.control import Answer, serve, socket_path
from gateway.core.problem import ProblemError

PATIENCE_S = 2.0
LAST_WORDS_S = 1.0  # for answers that are under way when it ends

Meanwhile = Callable[[dict[str, Any]], dict[str, Any] | None]
Fail = Callable[[BaseException | None], None]


class ControlThread:
    """The thread, and the socket that it listens on."""

    def __init__(self, home: Path, answer: Answer, meanwhile: Meanwhile, fail: Fail) -> None:
        """answer is called on the loop, meanwhile in the thread; fail is told what broke, on the loop."""
        self._home = home
        self._answer = answer
        self._meanwhile = meanwhile
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._listening = self._loop.create_future()
        self._own: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="control", daemon=True)

    async def start(self) -> None:
        """Listen; raises ProblemError where that cannot be."""
        self._thread.start()
        await self._listening

    async def stop(self) -> None:
        """Listen no more."""
        self._own.call_soon_threadsafe(self._ended.set)
        await asyncio.to_thread(self._thread.join)
        socket_path(self._home).unlink(missing_ok=True)

    async def _serve(self) -> None:
        self._own, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self._own.set_exception_handler(
            lambda _, context: self._loop.call_soon_threadsafe(self._fail, context.get("exception"))
        )
        try:
            server = await serve(self._home, self._answered)
        except (ProblemError, OSError) as error:
            self._loop.call_soon_threadsafe(self._listening.set_exception, error)
            return
        self._loop.call_soon_threadsafe(self._listening.set_result, None)
        await self._ended.wait()
        server.close()
        answering = asyncio.all_tasks() - {asyncio.current_task()}
        if answering:
            await asyncio.wait(answering, timeout=LAST_WORDS_S)

    async def _answered(self, question: dict[str, Any]) -> dict[str, Any]:
        asked = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._on_loop(question), self._loop))
        done, _ = await asyncio.wait([asked], timeout=PATIENCE_S)
        answer = None if done else self._meanwhile(question)
        if answer is None:
            return await asked
        asked.cancel()
        return answer

    async def _on_loop(self, question: dict[str, Any]) -> dict[str, Any]:
        return self._answer(question)
