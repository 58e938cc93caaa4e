"""Process: what a running process has used so far, as the kernel counts it."""

import os
from pathlib import Path
from typing import NamedTuple

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # fields of /proc/<pid>/stat after the name in brackets


class Usage(NamedTuple):
    """Processor seconds and bytes written since the process began; memory now.

    written: to the disk; handed_over: by all calls that write.
    """

    cpu_s: float
    written: int
    handed_over: int
    resident_kb: int
    proportional_kb: int


def usage(pid: int) -> Usage:
    """Return what process *pid* has used."""
    place = Path("/proc") / str(pid)
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    return Usage(
        (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_A_SECOND,
        _number(place / "io", "write_bytes"),
        _number(place / "io", "wchar"),
        _number(place / "status", "VmRSS"),
        _number(place / "smaps_rollup", "Pss"),
    )


def written_between(before: Usage, after: Usage) -> int:
    """Return the bytes written to the disk; where the file system hides them, what all writing calls handed over."""
    return after.written - before.written or after.handed_over - before.handed_over


def _number(path: Path, name: str) -> int:
    """Return the first number in the line of *path* that begins with *name*."""
    for line in path.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise ValueError(f"{path} has no line {name}")
