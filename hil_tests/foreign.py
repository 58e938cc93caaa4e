"""Programs by others on an emulated line: which are there, and a libmodbus meter made from foreign_meter.c."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WANT = "for want of "  # how the reason of a test begins that cannot run here; the end of the run counts these
_SOURCE = Path(__file__).with_name("foreign_meter.c")


def wanted(*programs: str) -> None:
    """Skip the test, loudly, where one of *programs* is missing."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(WANT + program)


def made_meter(folder: Path) -> Path:
    """Compile the libmodbus meter into *folder*, and return it."""
    wanted("gcc")
    if not Path("/usr/include/modbus/modbus.h").exists():
        pytest.skip(WANT + "libmodbus-dev")
    program = folder / "foreign_meter"
    command = ["gcc", "-O1", "-I/usr/include/modbus", "-o", str(program), str(_SOURCE), "-lmodbus"]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return program


@contextmanager
def foreign_meter(program: Path, link: str, baud: int, unit: int, words: dict[int, int]) -> Iterator[None]:
    """Let a libmodbus meter serve input registers on a port of the bus until the end of the block."""
    own = [f"{at:x}={word:x}" for at, word in words.items()]
    process = subprocess.Popen([str(program), link, str(baud), "N", str(unit), *own], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate(timeout=30)
