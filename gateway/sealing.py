"""Sealing: a configuration with other sealed parameters waits for a reason, and the gateway goes on without it."""

from dataclasses import replace
from typing import Any, NamedTuple

from gateway.books import usable
from gateway.config import Configuration
from gateway.core.problem import Problem, problem
from gateway.core.record import Config
from gateway.core.sealed import sealed_changes, sealed_parameters
from gateway.figures import entry_record
from gateway.journal import Journal
from gateway.text_file import parse_toml

Change = tuple[str, str, str]


class Acceptance(NamedTuple):
    """Who accepts a change of sealed parameters, and why."""

    by: str
    reason: str


def parameters_of(site: str, factors: str, profiles: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the sealed parameters of the texts of a configuration."""
    return sealed_parameters(parse_toml(site, ""), factors, {name: parse_toml(text, name) for name, text in profiles})


def changes_between(before: Config, after: Config) -> tuple[Change, ...]:
    """Return (what, before, after) of every sealed parameter that differs between two configurations."""
    return sealed_changes(parameters_of(*before[1:4]), parameters_of(*after[1:4]))


def plain_changes(changes: tuple[Change, ...]) -> list[dict[str, str]]:
    """Return the changes as plain values for JSON."""
    return [{"what": what, "before": before, "after": after} for what, before, after in changes]


def applied(changes: tuple[Change, ...], running: bool) -> dict[str, Any]:
    """Return the answer that a configuration was taken over."""
    return {"changes": plain_changes(changes), "running": running}


def change_lines(changes: tuple[Change, ...]) -> list[str]:
    """Return each change as a line for people."""
    return ["%s: %s -> %s" % change for change in changes]


def not_accepted(where: str, changes: tuple[Change, ...]) -> Problem:
    """Return the problem that sealed parameters were changed and nobody said why."""
    return problem(
        "WP-CFG-115",
        where,
        "sealed parameters were changed without a reason, so the former configuration goes on: {changes}",
        "put them back, or accept them: wattproof config apply --by NAME --reason TEXT",
        changes="; ".join(change_lines(changes)),
    )


def _last(journal: Journal) -> Config | None:
    """Return the last configuration that *journal* went by."""
    for sequence in journal.never_freed():
        for entry in journal.entries(sequence, sequence):
            record = entry_record(entry, str(journal.path))
            if isinstance(record, Config):
                return record
    return None


def accepted(configuration: Configuration, journal: Journal) -> tuple[Configuration, tuple[Change, ...]]:
    """Return the configuration to run by, and the changes that wait for a reason: *configuration* where none does."""
    before = _last(journal)
    old = usable(before) if before is not None else None
    if before is None or old is None:
        return configuration, ()  # the first one; or this version cannot go on with the former
    wanted = parameters_of(configuration.site_text, configuration.factors_text, configuration.profile_texts)
    changes = sealed_changes(parameters_of(*before[1:4]), wanted)
    return (replace(old, home=configuration.home), changes) if changes else (configuration, ())
