"""Key files of the gateway: which key signs now, which one did before, and the step from one to the other.

The journal decides: a change of key is done when its entry is committed. A kill before that leaves the old key, a kill
after it the new one, which is then put into its place at the next start.
"""

from pathlib import Path
from typing import NamedTuple

from cloud_sync.core.batch import read_envelope
from cloud_sync.keys import Signer, forget_key, load_signer, public_key_of, write_whole
from gateway.config import key_path
from gateway.core.problem import ProblemError, problem
from gateway.core.record import KeyChange
from gateway.figures import entry_record, key_changes
from gateway.journal import Journal


class Handover(NamedTuple):
    """A change of key that has no receipt yet: its entry, and the key before, which may still have to sign."""

    sequence: int
    former: Signer


class Signing(NamedTuple):
    """The key that signs, and the handovers before it as long as they have no receipt, oldest first."""

    signer: Signer
    handovers: tuple[Handover, ...]


def next_path(home: Path) -> Path:
    """Return where a new key waits until the journal has announced it."""
    return home / "keys" / "next.key"


def former_path(home: Path, kid: bytes) -> Path:
    """Return where a key is kept that has handed over."""
    return home / "keys" / "former" / (kid.hex() + ".key")


def changes(journal: Journal) -> list[tuple[int, KeyChange]]:
    """Return every change of key in *journal*, each with its sequence, oldest first."""
    found: list[tuple[int, KeyChange]] = []
    for sequence in key_changes(journal):
        record = entry_record(journal.entries(sequence, sequence)[0], str(journal.path))
        assert isinstance(record, KeyChange)
        found.append((sequence, record))
    return found


def signing(home: Path, journal: Journal) -> Signing:
    """Return the key that signs what *journal* holds next; finishes a step that was interrupted."""
    known = changes(journal)
    last = known[-1][1] if known else None
    if last is not None and next_path(home).exists() and load_signer(next_path(home)).kid == last.new_kid:
        take_over(home, last.old_kid)
    signer = load_signer(key_path(home))
    _write_public(home, signer)
    handovers = []
    for sequence, record in known:
        if signer.kid == record.old_kid:
            raise ProblemError(
                problem(
                    "WP-KEY-022", str(key_path(home)), "This key has handed over to {new} and signs no more.",
                    "Put the newer key back; or make another with `wattproof keys new --replace` and enrol it.",
                    new=record.new_kid.hex(),
                )
            )  # fmt: skip
        former = former_path(home, record.old_kid)
        if journal.receipted_through() >= sequence:
            forget_key(former)
        elif former.exists():
            handovers.append(Handover(sequence, load_signer(former)))
    if not _waiting_kids(journal) <= {signer.kid, *(record.old_kid for _, record in known)}:
        journal.unseal()  # The key was exchanged by hand: what has no receipt is signed again.
    return Signing(signer, tuple(handovers))


def _waiting_kids(journal: Journal) -> set[bytes]:
    """Return the ids of the keys that signed the first and the last batch without a receipt."""
    waiting = journal.next_sealed(journal.receipted_through())
    if waiting is None:
        return set()
    newest = journal.sealed_between(journal.head_sequence, journal.head_sequence)
    return {read_envelope(one.signed).kid for one in (waiting, *newest)}


def take_over(home: Path, old_kid: bytes) -> None:
    """Put the new key into the place of the old one, which is kept until the platform knows of the change."""
    former = former_path(home, old_kid)
    former.parent.mkdir(mode=0o700, exist_ok=True)
    if key_path(home).exists():
        _keep_public(home, key_path(home))
        key_path(home).rename(former)
    next_path(home).rename(key_path(home))
    next_path(home).with_suffix(".pub").unlink(missing_ok=True)
    _write_public(home, load_signer(key_path(home)))


def replace(home: Path) -> None:
    """Put the new key into the place of one that is worth nothing any more; its public half is kept."""
    path = key_path(home)
    if path.exists():
        _keep_public(home, path)
    next_path(home).rename(path)
    next_path(home).with_suffix(".pub").unlink(missing_ok=True)
    _write_public(home, load_signer(path))


def _keep_public(home: Path, path: Path) -> None:
    """Keep the public half of a key that goes: what it signed must be verified for years."""
    signer = load_signer(path)
    public = public_key_of(signer.algorithm, signer.public_bytes)
    kept = former_path(home, signer.kid).with_suffix(".pub")
    write_whole(kept, public.pem().encode("ascii"), 0o644)


def _write_public(home: Path, signer: Signer) -> None:
    path = key_path(home).with_suffix(".pub")
    pem = public_key_of(signer.algorithm, signer.public_bytes).pem().encode("ascii")
    if not path.exists() or path.read_bytes() != pem:
        write_whole(path, pem, 0o644)


def waiting_key(home: Path) -> Signer:
    """Return the new key that waits to be announced; raises ProblemError where there is none."""
    return load_signer(next_path(home))
