"""A stretch of figures to be exported: closed intervals and periods in order, each with the configuration it rests on.

The figures come in step by step, so a day or a month passes through without being held.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple, Protocol

from cloud_sync.core.canonical import CanonicalError, decode
from cloud_sync.core.entry import Entry
from gateway.core.account.factor import FactorTable
from gateway.core.anchoring import is_claimable
from gateway.core.channel import Channel, account_channels
from gateway.core.meter.profile import DeviceProfile
from gateway.core.park_day import HOUR_S
from gateway.core.problem import ProblemError, problem
from gateway.core.record import Account, Config, RecordError, SelfUse, TimeAnchor, from_map
from gateway.core.site import Site
from gateway.core.site_reading import read_site
from gateway.factors import factors_of_text
from gateway.profiles import profile_of_text
from gateway.text_file import parse_toml

Current = Account | SelfUse


class Evidence(Protocol):
    """Where figures come from: a gateway's journal, an export, or the platform's ledger."""

    gateway: str

    def figures(self, start_s: int, end_s: int) -> list[tuple[int, Current]]:
        """Return (sequence, record) of the accounts and periods that start in [start_s, end_s), as known now."""

    def anchors(self) -> list[TimeAnchor]:
        """Return every anchor of time that is here."""

    def entry(self, sequence: int) -> Entry:
        """Return the entry of a configuration that they name; raises ProblemError where it is not here."""


class Terms(NamedTuple):
    """A configuration: its entry, the SHA-256 of that entry's bytes, and what it says."""

    sequence: int
    digest: str
    site: Site
    factors: FactorTable
    profiles: dict[str, DeviceProfile]
    channels: dict[tuple[str, str], Channel]


class Row(NamedTuple):
    """One closed interval or period: the entry that says it, the terms it was closed by, and itself."""

    sequence: int
    terms: Terms
    record: Current


def terms_of(entry: Entry) -> Terms:
    """Return what the configuration in *entry* says; raises ProblemError where it is none."""
    try:
        plain = decode(entry.body)
        config = from_map(plain) if isinstance(plain, dict) else None
    except (CanonicalError, RecordError):
        config = None
    if not isinstance(config, Config):
        raise ProblemError(
            problem(
                "WP-EXP-042", "entry %d" % entry.sequence, "a figure names this entry as its configuration; it is none",
                "the entries were changed from outside: verify them first",
            )
        )  # fmt: skip
    factors = factors_of_text(config.factors)
    site, problems = read_site(
        parse_toml(config.site, "gateway.toml"), [name for name, _ in config.profiles], list(factors.sets())
    )
    profiles = {}
    for name, text in config.profiles:
        profile, found = profile_of_text(text, name)
        problems += found
        if profile is not None:
            profiles[name] = profile
    if site is None or problems:
        raise ProblemError(*problems)
    channels = {(one.meter, one.quantity): one for one in account_channels(site, profiles)}
    return Terms(entry.sequence, sha256(entry.body).hexdigest(), site, factors, profiles, channels)


class Stretch:
    """The figures of a gateway from start_s to end_s, of a day or month called *name*."""

    def __init__(self, evidence: Evidence, name: str, start_s: int, end_s: int, step_s: int = HOUR_S) -> None:
        """Find what there is; raises ProblemError where no interval was closed."""
        self.name = name
        self.gateway = evidence.gateway
        self.intervals = 0
        self.first_s = self.last_s = start_s  # from the first closed interval to the end of the last one
        self.terms: list[Terms] = []
        self._evidence, self._start_s, self._end_s, self._step_s = evidence, start_s, end_s, step_s
        self._known: dict[int, Terms] = {}
        self._anchors = evidence.anchors()
        for row in self.rows():
            if row.terms not in self.terms:
                self.terms.append(row.terms)
            if isinstance(row.record, Account):
                self.first_s = self.first_s if self.intervals else row.record.start_s
                self.last_s = row.record.end_s
                self.intervals += 1
        if not self.intervals:
            raise ProblemError(
                problem(
                    "WP-EXP-041", name, "no interval of this time was closed",
                    "ask for another day; wattproof tally shows what a day has",
                )
            )  # fmt: skip

    @property
    def park(self) -> str:
        """The name of the park."""
        return self.terms[-1].site.park

    def rows(self) -> Iterator[Row]:
        """Yield intervals and periods in order of their start, an interval before the period that begins with it."""
        for at_s in range(self._start_s, self._end_s, self._step_s):
            found = self._evidence.figures(at_s, min(at_s + self._step_s, self._end_s))
            for sequence, record in sorted(found, key=lambda one: (one[1].start_s, isinstance(one[1], SelfUse))):
                yield Row(sequence, self._terms(record.config), record)

    def accounts(self) -> Iterator[tuple[Row, Account]]:
        """Yield the intervals alone."""
        for row in self.rows():
            if isinstance(row.record, Account):
                yield row, row.record

    def is_claimable(self, account: Account) -> bool:
        """Tell whether energy of an interval may be claimed by the hour: whether its time is known."""
        return is_claimable(account, self._anchors)

    def _terms(self, sequence: int) -> Terms:
        if sequence not in self._known:
            self._known[sequence] = terms_of(self._evidence.entry(sequence))
        return self._known[sequence]
