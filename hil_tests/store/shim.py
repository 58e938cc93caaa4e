"""The shim between a journal and its storage: compiled here, and the workers that run under it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from hil_tests.store.worker import Run

SOURCE = Path(__file__).with_name("shim.c")
COUNT, KILL, TORN, FAIL_ONCE, FAIL_FOREVER = range(5)
EVERY_CALL = 0
MEMORY = Path("/dev/shm")


def compiler() -> str | None:
    """Return the C compiler of this machine, None where it has none."""
    return shutil.which("gcc") or shutil.which("cc")


def preloadable(source: Path, folder: Path) -> Path:
    """Compile *source* into a library in *folder* that a program can be started with, and return it."""
    program = compiler()
    assert program is not None
    library = folder / (source.stem + ".so")
    command = [program, "-shared", "-fPIC", "-O2", "-Wall", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return library


def fast_folder(otherwise: Path, name: str) -> Path:
    """Return an empty folder in memory where the machine has one to write to; else one inside *otherwise*."""
    base = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else otherwise
    folder = base / ("wattproof-%s-%d" % (name, os.getpid()))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


class Told(NamedTuple):
    """What a writer told, and how it ended (below 0: by that signal)."""

    status: int
    steps: int  # that it told as done
    contents: list[str]  # after 0, 1, 2 ... steps, where asked for
    failure: str
    calls: int


class Workers:
    """The process under the shim that forks writers."""

    def __init__(self, library: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hil_tests.store.worker"],
            env={**os.environ, "LD_PRELOAD": str(library)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def run(self, run: Run) -> Told:
        """Let one writer run to its end, and return what it told."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(run._asdict()) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        steps, calls, contents, failure = 0, 0, [], ""
        for line in answer["told"]:
            word, _, rest = line.partition(" ")
            if word == "step":
                steps = int(rest)
            elif word == "content":
                contents.append(rest)
            elif word == "failed":
                failure = rest
            elif word == "calls":
                calls = int(rest)
        return Told(answer["status"], steps, contents, failure, calls)
