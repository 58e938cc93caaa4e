"""Says which program holds a serial port, as far as the system lets us see."""

import os
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_LONGEST = 60  # characters of a command line that help to recognise it


class Holder(NamedTuple):
    """A process that has a port open."""

    pid: int
    program: str


def holder_of(port: str) -> Holder | None:
    """Return the process that has locked *port*, else one that has it open, else None."""
    pid = _locked_by(port) or _opened_by(port)
    return None if pid is None else Holder(pid, _program(pid))


def _locked_by(port: str) -> int | None:
    try:
        at = Path(port).stat()
        lines = (_PROC / "locks").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    place = "%02x:%02x:%d" % (os.major(at.st_dev), os.minor(at.st_dev), at.st_ino)
    for line in lines:
        # 1: FLOCK  ADVISORY  WRITE 15433 00:1a:5 0 EOF; "->" before those that only wait
        words = line.split()
        if len(words) >= 6 and words[1] == "FLOCK" and words[5] == place and words[4].isdigit():
            return int(words[4])
    return None


def _opened_by(port: str) -> int | None:
    """Return another process with *port* open; only those of the same user are seen, by root all."""
    device = str(Path(port).resolve())
    for folder in _PROC.glob("[0-9]*/fd"):
        pid = int(folder.parent.name)
        try:
            if pid != os.getpid() and any(str(fd.readlink()) == device for fd in folder.iterdir()):
                return pid
        except OSError:  # not ours to see, or gone by now
            continue
    return None


def _program(pid: int) -> str:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        words[0] = Path(words[0]).name
        text = " ".join(word for word in words if word) or (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return "?"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
