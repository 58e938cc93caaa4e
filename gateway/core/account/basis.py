"""Basis: what the tallies of one record rest on, said once for all of them: rule switches, configuration, entries."""

import hashlib
from collections import namedtuple

from gateway.core.account.trace import SELF_USE
from gateway.core.site import SelfUseRule, Site, Storage

DIGEST_BYTES = 16


class Basis(namedtuple("Basis", ("switches", "configuration", "entries"))):
    """What tallies rest on besides their own method and rows of factors.

    switches: the choices in force where a rule leaves one, sorted, such as "boundary=first-after". configuration:
    the first 16 bytes of the SHA-256 of the body of the Config entry by which the figures were made. entries: the
    sequences of the entries that hold their registers, ascending: accounts, and amendments with what came late.
    """

    __slots__ = ()
    switches: "tuple[str, ...]"
    configuration: bytes
    entries: "tuple[int, ...]"


def digest_of(body: bytes) -> bytes:
    """Return the name of the configuration whose Config entry has this *body*."""
    return hashlib.sha256(body).digest()[:DIGEST_BYTES]


def storage_switches(storages: "tuple[Storage, ...]") -> "list[str]":
    """Return by which rule the discharge of each storage is explained by its charge."""
    return ["storage:%s=%s" % (one.meter_point, one.rule) for one in storages]


def self_use_switches(rule: SelfUseRule) -> "list[str]":
    """Return what a park chose where the text of the self-use method is open."""
    return [
        "charging=" + rule.charging, "export=" + rule.export, "own_use=" + rule.own_use, "period_s=%d" % rule.period_s,
    ]  # fmt: skip


def switches_of(site: Site, method: str) -> "tuple[str, ...]":
    """Return all choices of *site* that figures by *method* rest on."""
    found = ["boundary=" + site.boundary, "gap=" + site.gap_shape] + storage_switches(site.storages)
    if method == SELF_USE:
        found += self_use_switches(site.self_use)
    return tuple(sorted(found))
