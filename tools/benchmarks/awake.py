"""Awake: keeps virtual processors from halting, for one that halts wakes milliseconds late from every sleep."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

# Of the class that runs only while nobody else wants the processor; ends with who started it.
_KEEPER = """
import os, sys
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""


@contextlib.contextmanager
def processors_awake() -> Iterator[None]:
    """Keep all processors awake until this is left; their time goes to whoever else wants it."""
    command = [sys.executable, "-c", _KEEPER, str(os.getpid())]
    keepers = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for keeper in keepers:
            keeper.kill()
        for keeper in keepers:
            keeper.wait()
