"""Succession: what a configuration takes over from the one that wrote the journal before it."""

from cloud_sync.core.canonical import decode
from gateway.config import Configuration
from gateway.core.problem import ProblemError, problem
from gateway.core.record import Config, from_map
from gateway.journal import Journal


def config_at(journal: Journal, sequence: int) -> Config | None:
    """Return the configuration that entry *sequence* holds; None where the entry is not kept."""
    found = journal.entries(sequence, sequence)
    if not found:
        return None
    plain = decode(found[0].body)
    assert isinstance(plain, dict)
    record = from_map(plain)
    assert isinstance(record, Config)
    return record


def check_identity(journal: Journal, old: Configuration, new: Configuration) -> None:
    """Refuse to go on under another name: what is signed for one topic cannot be proven under another."""
    kept = (old.site.gateway, old.bucket)
    wanted = (new.site.gateway, new.bucket)
    if kept[0] != wanted[0] or (kept[1] and wanted[1] and kept[1] != wanted[1]):
        raise ProblemError(
            problem(
                "WP-JRN-009",
                str(journal.path),
                "this journal belongs to gateway {kept}, but the configuration names {wanted}",
                "give the gateway its name and bucket back, or move the journal away to begin anew",
                kept="/".join(kept),
                wanted="/".join(wanted),
            )
        )
