"""Control: the Unix socket between the command line and the daemon; one question, one answer, both JSON lines."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gateway.core.problem import Problem, ProblemError, problem
from gateway.frame import UnreachableError
from gateway.words import LANGUAGES, say

SOCKET_NAME = "control.sock"
QUESTION_BYTES_MAX = 64 * 1024
# An export of a long day can take seconds to gather.
ANSWER_TIMEOUT_S = 60.0
# The command line sends its question as soon as it is connected.
QUESTION_TIMEOUT_S = 10.0
# Nobody asks more at once; the files a process may open are for lines, the journal and the broker.
ASKERS_MAX = 32
_NO_QUESTION = b'{"error": "no question"}\n'

Answer = Callable[[dict[str, Any]], dict[str, Any]]
Answering = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def socket_path(home: Path) -> Path:
    """Return where the daemon of *home* listens."""
    return home / SOCKET_NAME


def unreachable(home: Path) -> Problem:
    """Return the problem that no daemon answers."""
    return problem(
        "WP-CLI-001",
        str(socket_path(home)),
        "the daemon does not answer",
        "start it with wattproof run, or name its folder with --home",
    )


def is_running(home: Path) -> bool:
    """Tell whether a daemon of *home* answers."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(socket_path(home)))
        except OSError:
            return False
        return True


def ask(home: Path, question: dict[str, Any]) -> dict[str, Any]:
    """Return the daemon's answer to *question*; raises UnreachableError where there is none."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_TIMEOUT_S)
        try:
            line.connect(str(socket_path(home)))
            line.sendall(json.dumps(question).encode() + b"\n")
            with line.makefile("rb") as answer:
                plain = dict(json.loads(answer.readline()))
            found = _problem_in(plain)
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise UnreachableError(unreachable(home)) from error
    if "error" in plain:
        raise ProblemError(
            problem(
                "WP-CLI-005",
                str(socket_path(home)),
                "the daemon does not understand the question {kind}",
                "it is of another version: start it anew, or use the command line it came with",
                kind=question.get("ask"),
            )
        )
    if found is not None:
        raise ProblemError(found)
    return plain


def _problem_in(plain: dict[str, Any]) -> Problem | None:
    """Return the problem that an answer tells, None where it tells none; raises an error where it cannot be said."""
    if "problem" not in plain:
        return None
    found = Problem(*plain["problem"])
    for language in LANGUAGES:
        say(found, language)
    return found


async def answer_line(line: bytes, answer: Answering) -> bytes:
    """Return the line that answers the question in *line*."""
    if not line:
        return b""
    try:
        question = json.loads(line)
        if not isinstance(question, dict):
            return _NO_QUESTION
        return json.dumps(await answer(question), ensure_ascii=False).encode() + b"\n"
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError):
        return _NO_QUESTION


async def serve(home: Path, answer: Answering) -> asyncio.Server:
    """Listen for questions and give them to *answer*; only the owner of the folder may ask."""
    path = socket_path(home)

    asking = 0

    async def on_question(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asking
        asking += 1
        try:
            if asking <= ASKERS_MAX:
                line = await asyncio.wait_for(reader.readline(), QUESTION_TIMEOUT_S)
                writer.write(await answer_line(line, answer))
                await asyncio.wait_for(writer.drain(), ANSWER_TIMEOUT_S)
        except ValueError:
            writer.write(_NO_QUESTION)  # it is longer than any question
        except (ConnectionError, TimeoutError):
            writer.transport.abort()  # whoever asked has gone, or reads nothing
        finally:
            asking -= 1
            writer.close()

    mask = os.umask(0o077)
    try:
        path.unlink(missing_ok=True)
        return await asyncio.start_unix_server(on_question, str(path), limit=QUESTION_BYTES_MAX)
    except OSError as error:
        raise ProblemError(
            problem(
                "WP-CLI-004",
                str(path),
                "the daemon cannot listen for questions here: {reason}",
                "choose a home folder that is writable and whose path has fewer than 90 characters",
                reason=error.strerror or error,
            )
        ) from error
    finally:
        os.umask(mask)
