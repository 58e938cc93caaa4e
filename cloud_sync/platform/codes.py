"""One-time codes: who was given one, until when it holds, and what became of it; one small file each.

`codes/<name>.toml` holds the gateway, the digest of the code and its end. The code itself is printed once and kept
nowhere. `codes/<name>.used` holds the key that it was used for, so that the same request may be answered again.
"""

import hmac
import json
import os
import tomllib
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization

from cloud_sync.enrolling import Code, Request, code_name, new_code, read_csr, request_digest
from cloud_sync.keys import write_whole
from gateway.core.problem import Problem, ProblemError, problem

CODES = "codes"


def make_code(home: Path, gateway: str, fingerprint: bytes, until_ms: int) -> Code:
    """Return a new code for *gateway*, which holds until *until_ms*."""
    code = new_code(fingerprint)
    name = code_name(code.key())
    quoted = json.dumps(gateway, ensure_ascii=False)
    text = 'gateway = %s\nkey = "%s"\nuntil_ms = %d\n' % (quoted, code.key().hex(), until_ms)
    write_whole(home / CODES / (name + ".toml"), text.encode("utf-8"), 0o600)
    return code


def key_of(home: Path, request: Request, now_ms: int) -> bytes:
    """Return the key of the code that *request* was made with; raises ProblemError where it does not hold."""
    kept = _kept(home, request.code)
    key = b"" if kept is None else kept.key
    if kept is None or not hmac.compare_digest(request_digest(request, key), request.digest):
        raise ProblemError(
            problem(
                "WP-PLT-221", request.gateway, "The enrolment code is not one that this platform gave.",
                "Check the code and the platform's address; `wattproof-platform enrol new` prints another code.",
            )
        )  # fmt: skip
    if kept.gateway != request.gateway:
        raise ProblemError(
            problem(
                "WP-PLT-222", request.gateway, "The enrolment code was given to another gateway, {owner}.",
                "Take the code of this gateway; its name is `id` in gateway.toml.", owner=kept.gateway,
            )
        )  # fmt: skip
    used = _used(home, request)
    if used not in (None, _use(request)):
        raise ProblemError(_used_already(request))
    if now_ms > kept.until_ms:
        raise ProblemError(
            problem(
                "WP-PLT-224", request.gateway, "The enrolment code is no longer valid.",
                "`wattproof-platform enrol new` prints another code.",
            )
        )  # fmt: skip
    return key


class _Kept(NamedTuple):
    """What the platform keeps of a code."""

    gateway: str
    key: bytes
    until_ms: int


def _kept(home: Path, name: str) -> _Kept | None:
    """Return what is kept of the code called *name*; None where there is none that can be read."""
    if len(name) != 16 or not name.isalnum():
        return None
    try:
        said = tomllib.loads((home / CODES / (name + ".toml")).read_text("utf-8"))
        found = _Kept(str(said["gateway"]), bytes.fromhex(str(said["key"])), int(said["until_ms"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return found if found.key else None


def _used_already(request: Request) -> Problem:
    return problem(
        "WP-PLT-223", request.gateway, "The enrolment code was used already, for another key.",
        "If that was not this gateway, revoke the key; `wattproof-platform enrol new` prints another code.",
    )  # fmt: skip


def use(home: Path, request: Request) -> None:
    """Use the code up, for the two keys of *request*; raises ProblemError where another was faster."""
    try:
        descriptor = os.open(home / CODES / (request.code + ".used"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if _used(home, request) != _use(request):  # another was faster
            raise ProblemError(_used_already(request)) from None
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(_use(request))
        file.flush()
        os.fsync(file.fileno())


def _use(request: Request) -> str:
    """Return what a code is used for: the two keys of the request. Its signatures differ from time to time."""
    key = read_csr(request)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_bytes(serialization.Encoding.PEM, form).decode("ascii") if key is not None else ""
    return request.public_key + pem


def _used(home: Path, request: Request) -> str | None:
    try:
        return (home / CODES / (request.code + ".used")).read_text("utf-8")
    except FileNotFoundError:
        return None
