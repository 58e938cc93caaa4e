"""Enrolment: which keys speak for which gateway, as files that a person can look at.

`keys/gateways/<gateway>.pub`, and after a change of key further ones as `keys/gateways/<gateway>/<anything>.pub`.
A file that is removed ends the trust at once; what was accepted before can still be verified, for the ledger
remembers every key that was enrolled.
"""

import logging
import os
from pathlib import Path

from cloud_sync.core.canonical import CanonicalError, decode
from cloud_sync.core.receipt import REVOKED_KEY
from cloud_sync.core.topic import is_name
from cloud_sync.key_change import successor
from cloud_sync.keys import KeyRing, PublicKey, load_public
from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.place import Place
from cloud_sync.platform.revocations import REVOKED, Revocations
from cloud_sync.seal import SealError
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.record import KeyChange, RecordError, from_map

log = logging.getLogger(__name__)

# The name the platform's own certificate carries: the broker gives it the right to all topics.
RESERVED = "platform"


class Enrolment:
    """The keys of the enrolled gateways; looked at again when one of the folders has changed."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder = folder
        self.ledger = ledger
        self.revocations = Revocations(folder.parent / REVOKED.name)
        self._seen: tuple[tuple[Path, int], ...] | None = None
        self._rings: dict[str, KeyRing] = {}
        self._handed_over: dict[tuple[str, bytes], int] = {}
        self.refresh()

    def of(self, gateway: str) -> KeyRing:
        """Return the keys that speak for *gateway*; an empty ring where it is not enrolled."""
        return self._rings.get(gateway, KeyRing())

    def check(self, gateway: str, kid: bytes, last_sequence: int) -> None:
        """Raise SealError where the key *kid* is revoked, or handed over to another before entry *last_sequence*."""
        if self.revocations.known(kid) is not None:
            raise SealError(REVOKED_KEY, kid.hex())
        handed_over = self._handed_over.get((gateway, kid))
        if handed_over is not None and last_sequence > handed_over:
            raise SealError(REVOKED_KEY, "%s, which handed over in entry %d" % (kid.hex(), handed_over))

    def learn(self, place: Place, body: bytes, signed_by: bytes) -> None:
        """Enrol the successor that the key *signed_by* announces; what does not hold, or is no news, is left alone."""
        try:
            plain = decode(body)
            change = from_map(plain) if isinstance(plain, dict) else None
            if not isinstance(change, KeyChange):
                return
            public = successor(change, place.gateway, signed_by)
        except (CanonicalError, RecordError, ValueError) as error:
            log.warning("%s: a change of key in entry %d does not hold: %s", place.gateway, place.sequence, error)
            return
        gone = self.revocations.known(public.kid) is not None or (place.gateway, public.kid) in self._handed_over
        others = [name for name, ring in self._rings.items() if name != place.gateway and ring.find(public.kid)]
        if gone or others or (place.gateway, signed_by) in self._handed_over:
            log.warning("%s: the change of key in entry %d is not followed", place.gateway, place.sequence)
            return
        # Before the commit: should that fail, the gateway sends the announcement again.
        enrol_key(self.folder, place.gateway, public, place.gateway)
        place.write(
            "INSERT INTO handover VALUES (?, ?, ?, ?, ?, ?)",
            *(signed_by, public.kid, place.incarnation, place.sequence, place.received_ms),
        )
        self._seen = None

    def gateways(self) -> list[str]:
        """Return the names of the enrolled gateways."""
        return sorted(self._rings)

    def refresh(self) -> None:
        """Read the folder again if it has changed; raises ProblemError, and keeps what was, where a file is broken."""
        self.revocations.all()
        if self._seen is not None and self._seen == _times([folder for folder, _ in self._seen]):
            return
        self._seen = _times([self.folder, *sorted(self.folder.glob("*/"))])
        found = enrolled(self.folder)
        with self.ledger.writing() as connection:
            for name, keys in found.items():
                for key in keys:
                    connection.execute(
                        "INSERT INTO gateway VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (name, key.kid, key.pem())
                    )
        self._rings = {name: KeyRing(keys) for name, keys in found.items()}
        rows = self.ledger.read("SELECT gateway, old_kid, sequence FROM handover")
        self._handed_over = {(row["gateway"], row["old_kid"]): row["sequence"] for row in rows}


def _times(folders: list[Path]) -> tuple[tuple[Path, int], ...]:
    """Return when each of *folders* last gained or lost a file; 0 for one that is not there."""
    times = []
    for folder in folders:
        try:
            times.append((folder, folder.stat().st_mtime_ns))
        except FileNotFoundError:
            times.append((folder, 0))
    return tuple(times)


def enrolled(folder: Path) -> dict[str, list[PublicKey]]:
    """Return the public keys in *folder* by gateway; raises ProblemError naming every broken file."""
    found: dict[str, list[PublicKey]] = {}
    problems: list[Problem] = []
    for path in sorted([*folder.glob("*.pub"), *folder.glob("*/*.pub")]):
        name = path.stem if path.parent == folder else path.parent.name
        try:
            found.setdefault(name, []).append(load_public(path))
        except ProblemError as error:
            problems.extend(error.problems)
    if problems:
        raise ProblemError(*problems)
    return found


def check_name(gateway: str) -> None:
    """Raise ProblemError where *gateway* cannot be the name of one."""
    if not is_name(gateway) or gateway.startswith(".") or gateway == RESERVED:
        raise ProblemError(
            problem(
                "WP-PLT-020",
                gateway,
                "This cannot be the name of a gateway.",
                "Take the id of its gateway.toml: up to 64 bytes, without blanks and / + # $, and not {reserved}.",
                reserved=RESERVED,
            )
        )


def enrol(folder: Path, gateway: str, source: Path) -> tuple[Path, PublicKey]:
    """Take the key in the file *source* as one of *gateway*; return the file it is in now, and the key."""
    check_name(gateway)
    key = load_public(source)
    return enrol_key(folder, gateway, key, str(source)), key


def enrol_key(folder: Path, gateway: str, key: PublicKey, where: str) -> Path:
    """Take *key*, which came from *where*, as one of *gateway*; return the file it is in now."""
    others = enrolled(folder)
    owner = next((name for name, keys in others.items() if any(other.kid == key.kid for other in keys)), None)
    if owner is not None and owner != gateway:
        raise ProblemError(
            problem(
                "WP-PLT-021",
                where,
                "This is the key of gateway {owner} already.",
                "Every gateway needs a key of its own: make one on {gateway} with `wattproof keys new`.",
                owner=owner,
                gateway=gateway,
            )
        )
    path = folder / f"{gateway}.pub"
    if owner is None:
        if path.exists():
            path = folder / gateway / f"{key.kid.hex()}.pub"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(path.name + ".new")
            beside.write_text(key.pem(), "ascii")
            beside.rename(path)
            os.utime(folder)  # a running platform looks at the folder's time
        except OSError as error:
            raise ProblemError(
                problem(
                    "WP-PLT-022",
                    str(path),
                    "The key cannot be kept here: {reason}.",
                    "Run as the user who owns the platform's folder.",
                    reason=error.strerror,
                )
            ) from error
    return path
