"""Writing an export: from a stretch and the name of a format to whole files, or none."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from gateway.core.problem import Problem, ProblemError, problem
from gateway.exports.certificates import certificates
from gateway.exports.csv_file import csv_file
from gateway.exports.espi import espi_feed
from gateway.exports.ocmf import ocmf_records
from gateway.exports.stretch import Stretch
from gateway.exports.tables import parquet_tables

WPX, OCMF, PARQUET = "wpx", "ocmf", "parquet"
_ONE_FILE: dict[str, Callable[[Stretch], Iterator[bytes]]] = {
    "csv": csv_file, "espi": espi_feed, "gc": certificates,
}  # fmt: skip
# What can be made without a key of the gateway, and everything.
UNSIGNED_FORMATS = (*_ONE_FILE, PARQUET)
FORMATS = (WPX, *UNSIGNED_FORMATS, OCMF)
Sign = Callable[[bytes], bytes]


def export_parts(
    stretch: Stretch, form: str, version: str = "", sign: Sign | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (part, bytes) of an export; the part is "" where there is one file only."""
    if form == PARQUET:
        yield from parquet_tables(stretch)
    else:
        if form == OCMF:
            assert sign is not None
            chunks = ocmf_records(stretch, version, sign)
        else:
            chunks = _ONE_FILE[form](stretch)
        for chunk in chunks:
            yield "", chunk


def write_parts(path: str, parts: Iterator[tuple[str, bytes]]) -> list[str]:
    """Write what comes to *path*, a named part beside it under its own name; return the files."""
    files: dict[str, BinaryIO] = {}
    targets: dict[str, Path] = {}
    with ExitStack() as opened:
        try:
            for part, chunk in parts:
                if part not in files:
                    targets[part] = _target(Path(path), part)
                    files[part] = opened.enter_context(partial(targets[part]).open("wb"))
                files[part].write(chunk)
            for file in files.values():
                file.flush()
                os.fsync(file.fileno())
            for target in targets.values():
                partial(target).replace(target)
        except OSError as error:
            raise ProblemError(cannot_write(path, error)) from error
        finally:
            for target in targets.values():
                partial(target).unlink(missing_ok=True)
    return [str(target) for target in targets.values()]


def _target(path: Path, part: str) -> Path:
    target = path.with_name("%s.%s%s" % (path.stem, part, path.suffix)) if part else path
    check_target(target)
    return target


def partial(target: Path) -> Path:
    """Return where a file is written until it is whole."""
    return target.with_name(target.name + ".partial")


def check_target(target: Path) -> None:
    """Raise ProblemError where something stands that no file can take the place of."""
    if target.exists() and not target.is_file():
        raise ProblemError(
            problem("WP-EXP-005", str(target), "there is something that is no ordinary file", "choose another name")
        )


def cannot_write(path: str, error: OSError) -> Problem:
    """Return the problem that the file *path* cannot be written."""
    return problem(
        "WP-EXP-004",
        path,
        "the file cannot be written: {detail}",
        "choose a folder that exists, is writable and has room",
        detail=error.strerror or error,
    )


def exported(stretch: Stretch, form: str, files: list[str]) -> dict[str, Any]:
    """Return what was written, as the answer of a command."""
    return {"file": files[0], "files": files, "format": form, "stretch": stretch.name, "intervals": stretch.intervals}
