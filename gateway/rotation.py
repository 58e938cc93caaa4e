"""Rotation: hands over from the key that signs to a new one, by an entry of the journal."""

from typing import Any

from cloud_sync.keys import Signer
from gateway.clock import Clock
from gateway.config import Configuration
from gateway.core.problem import Problem, ProblemError, problem
from gateway.journal import Journal
from gateway.key_files import Signing, signing, take_over, waiting_key
from gateway.offline import journal_at_home
from gateway.recorder import Recorder
from gateway.sealing import accepted


def nothing_signed(configuration: Configuration) -> Problem:
    """Return the problem that this gateway signs nothing."""
    return problem(
        "WP-KEY-023", str(configuration.home), "This gateway has no uplink: it signs nothing, and no key hands over.",
        "Write [uplink] into gateway.toml first, and start it.",
    )  # fmt: skip


def settle(configuration: Configuration) -> None:
    """Finish a step from key to key that was interrupted; only while no daemon runs."""
    _opened(configuration)[0].close()


def rotate(configuration: Configuration, clock: Clock) -> dict[str, Any]:
    """Hand over to the new key that waits, in a journal that no daemon has open."""
    journal, kept = _opened(configuration)
    try:
        recorder = Recorder(accepted(configuration, journal)[0], journal, clock, kept.signer)
        recorder.open_books()
        new = waiting_key(configuration.home)
        recorder.change_key(new, lambda _: take_over(configuration.home, kept.signer.kid))
        sequence = journal.head_sequence
    finally:
        journal.close()
    return handed_over(sequence, kept.signer, new)


def handed_over(sequence: int, old: Signer, new: Signer) -> dict[str, Any]:
    """Return what is answered once the entry *sequence* has handed over from one key to the other."""
    return {"entry": sequence, "old_kid": old.kid.hex(), "kid": new.kid.hex()}


def _opened(configuration: Configuration) -> tuple[Journal, Signing]:
    if not configuration.uplinks:
        raise ProblemError(nothing_signed(configuration))
    journal = journal_at_home(configuration)
    try:
        return journal, signing(configuration.home, journal)
    except BaseException:
        journal.close()
        raise
