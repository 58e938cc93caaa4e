"""Revocations: keys that speak for nobody any more, one file each: `keys/revoked/<key id>.toml`.

A running platform sees a new file at the next message. What was accepted before stays, and can still be verified.
"""

import json
import tomllib
from pathlib import Path
from typing import NamedTuple

from cloud_sync.keys import write_whole
from gateway.core.problem import ProblemError, problem

REVOKED = Path("keys") / "revoked"


class Revocation(NamedTuple):
    """Since when a key of a gateway is revoked, why, and the serial numbers of the certificates that went with it."""

    kid: bytes
    gateway: str
    at_ms: int
    reason: str
    serials: tuple[int, ...]


class Revocations:
    """The revoked keys in a folder; looked at again when the folder has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen = -1
        self._kept: dict[bytes, Revocation] = {}

    def of(self, kid: bytes) -> Revocation | None:
        """Return the revocation of the key *kid*, or None."""
        return self._now().get(kid)

    def all(self) -> list[Revocation]:
        """Return every revocation, oldest first."""
        return sorted(self._now().values(), key=lambda one: (one.at_ms, one.kid))

    def known(self, kid: bytes) -> Revocation | None:
        """Return the revocation of the key *kid* as of the last look."""
        return self._kept.get(kid)

    def _now(self) -> dict[bytes, Revocation]:
        try:
            changed = self.folder.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if changed != self._seen:
            self._kept = {one.kid: one for one in (_read(path) for path in sorted(self.folder.glob("*.toml")))}
            self._seen = changed
        return self._kept

    def add(self, one: Revocation) -> None:
        """Revoke; of a key that is revoked already, the first time stays."""
        if self.of(one.kid) is None:
            lines = ["gateway = %s" % _quoted(one.gateway), "at_ms = %d" % one.at_ms]
            lines += ["reason = %s" % _quoted(one.reason), "serials = %s" % json.dumps([hex(n) for n in one.serials])]
            path = self.folder / (one.kid.hex() + ".toml")
            write_whole(path, ("\n".join(lines) + "\n").encode("utf-8"), 0o644)


def _quoted(text: str) -> str:
    return json.dumps("".join(letter for letter in text if letter >= " " and letter != "\x7f"), ensure_ascii=False)


def _read(path: Path) -> Revocation:
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        serials = tuple(int(number, 16) for number in said["serials"])
        return Revocation(
            bytes.fromhex(path.stem), str(said["gateway"]), int(said["at_ms"]), str(said["reason"]), serials
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ProblemError(
            problem(
                "WP-PLT-228", str(path), "This revocation cannot be read: {reason}.",
                "Restore the file from a backup, or revoke the key again after removing it.", reason=error,
            )
        ) from error  # fmt: skip
