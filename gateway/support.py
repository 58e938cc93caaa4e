"""Support bundle: what helps whoever is asked for help, in one file, and nothing that must stay here."""

import json
import platform as machine
import sqlite3
import ssl
import stat
import zipfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from cryptography import x509

from cloud_sync.enrolling import UNREADABLE
from cloud_sync.keys import ALGORITHM_NAMES, load_public
from gateway import VERSION
from gateway.config import SITE_FILE
from gateway.core.problem import ProblemError
from gateway.exports import writing
from gateway.frame import plain_problem
from gateway.secrecy import masked, masked_file
from gateway.text_file import read_text

EVENTS = 500  # The last ones; some days of a busy cabinet.
_ABOUT = """Made by `wattproof support`. What is in it:
versions.json  the programs and libraries of this gateway
gateway.toml   its configuration, without what looks like a secret
factors.toml   its own factors, where it has any
status.json    what the daemon says of itself, or the journal where none runs
events.json    the last events of the journal
keys.json      public keys and certificates; no private key, no code
"""


def write_bundle(home: Path, path: Path, answers: Callable[[dict[str, Any]], dict[str, Any]]) -> list[str]:
    """Write the bundle of *home* to *path*; return what is in it. *answers* asks the daemon or the journal."""
    parts = {"about.txt": _ABOUT, "versions.json": _json(_versions()), "keys.json": _json(_keys(home))}
    for name in (SITE_FILE, "factors.toml"):
        if (home / name).exists():
            parts[name] = masked_file(_told(partial(read_text, home / name)))
    for name, question in (
        ("status.json", {"ask": "status"}),
        ("events.json", {"ask": "events", "count": EVENTS}),
    ):
        parts[name] = masked(_told(partial(_answered, answers, question)))
    writing.check_target(path)
    unfinished = writing.partial(path)
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, text in sorted(parts.items()):
                bundle.writestr(name, text)
        unfinished.replace(path)
    except OSError as error:
        raise ProblemError(writing.cannot_write(str(path), error)) from error
    return sorted(parts)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _answered(answers: Callable[[dict[str, Any]], dict[str, Any]], question: dict[str, Any]) -> str:
    return _json(answers(question))


def _told(look: Callable[[], str]) -> str:
    """Return what *look* gives, or why it gives nothing: a bundle is asked for when something is wrong."""
    try:
        return look()
    except ProblemError as error:
        return _json({"problems": [plain_problem(one) for one in error.problems]})


def _versions() -> dict[str, Any]:
    return {
        "wattproof": VERSION,
        "python": machine.python_version(),
        "system": machine.platform(),
        "openssl": ssl.OPENSSL_VERSION,
        "sqlite": sqlite3.sqlite_version,
        "packages": {one.name: one.version for one in sorted(distributions(), key=lambda one: one.name.lower())},
    }


def _keys(home: Path) -> list[dict[str, Any]]:
    """Return the files of `keys/`: their rights, and of public ones who they are."""
    found = []
    for path in sorted((home / "keys").rglob("*")):
        if not path.is_file():
            continue
        one: dict[str, Any] = {"file": str(path.relative_to(home)), "mode": "%04o" % stat.S_IMODE(path.stat().st_mode)}
        if path.suffix == ".pub":
            one |= _public(path)
        elif path.suffix == ".crt":
            one |= _certificate(path)
        found.append(one)
    return found


def _public(path: Path) -> dict[str, str]:
    try:
        key = load_public(path)
    except ProblemError as error:
        return {"problem": error.problems[0].code}
    return {"kid": key.kid.hex(), "algorithm": ALGORITHM_NAMES[key.algorithm]}


def _certificate(path: Path) -> dict[str, str]:
    try:
        one = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, *UNREADABLE) as error:
        return {"problem": str(error)}
    return {
        "subject": one.subject.rfc4514_string(),
        "issuer": one.issuer.rfc4514_string(),
        "from": one.not_valid_before_utc.isoformat(),
        "until": one.not_valid_after_utc.isoformat(),
    }
