"""Room: a folder of a target's own for files, which ends with the process."""

import tempfile
from functools import cache
from pathlib import Path

_KEPT: list["tempfile.TemporaryDirectory[str]"] = []


@cache
def room_of(name: str) -> Path:
    """Return the folder of the target *name*."""
    _KEPT.append(tempfile.TemporaryDirectory(prefix="fuzz-%s-" % name))
    return Path(_KEPT[-1].name)
