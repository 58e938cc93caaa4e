"""Reads the text files that people write, and the TOML in them, and says clearly what keeps them from being read."""

import re
import tomllib
from pathlib import Path
from typing import Any

from gateway.core.problem import ProblemError, problem

FILE_BYTES_MAX = 1024 * 1024  # a site of 200 meters has some 60 KB
_PLACE_IN_TOML = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)")


def read_text(path: Path, most: int = FILE_BYTES_MAX) -> str:
    """Return the text in *path*, of at most *most* bytes; raises ProblemError where it cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
        if len(raw) <= most:
            return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise ProblemError(
            problem(
                "WP-CFG-031",
                str(path),
                "there is no such file",
                "check the path; --home names the folder of a configuration (docs/operations.md shows an example)",
            )
        ) from error
    except OSError as error:
        raise ProblemError(
            problem(
                "WP-CFG-032",
                str(path),
                "the file cannot be read: {reason}",
                "check that it is a file, and its permissions",
                reason=error.strerror or error,
            )
        ) from error
    except UnicodeDecodeError as error:
        raise ProblemError(
            problem(
                "WP-CFG-043",
                str(path),
                "the file is not text in UTF-8",
                "save it as UTF-8; or this is not the file that is meant",
            )
        ) from error
    raise ProblemError(
        problem(
            "WP-CFG-039",
            str(path),
            "the file has more than {most} bytes",
            "such a file is hardly what is meant: give the right one",
            most=most,
        )
    )


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Return the tables of *text*; raises ProblemError with line and column where it is no TOML."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, and a number of too many digits
        found = _PLACE_IN_TOML.fullmatch(str(error))
        lines = text.splitlines() or [""]
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
        if found and found[2]:
            line, column = found[2], found[3]
        raise ProblemError(
            problem(
                "WP-CFG-030",
                "%s:%s:%s" % (where, line, column),
                "this is no TOML: {reason}",
                "look at line {line}, column {column}",
                reason=found[1] if found else error,
                line=line,
                column=column,
            )
        ) from error


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables in the file *path*; raises ProblemError where it cannot be read."""
    return parse_toml(read_text(path), str(path))
