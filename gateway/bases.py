"""Bases: what the tallies of a record rest on, found in the journal, and checked when the record is read again."""

from gateway.books import usable
from gateway.config import Configuration
from gateway.core.account.basis import Basis, digest_of, switches_of
from gateway.core.account.trace import FLOW, SELF_USE
from gateway.core.record import KIND_ACCOUNT, KIND_AMENDMENT, Account, Amendment, Config, SelfUse
from gateway.core.site import Site
from gateway.figures import account_of, entry_record, record_of
from gateway.journal import Journal


class JournalBases:
    """Says what a record that is about to be written rests on."""

    def __init__(self, journal: Journal, running: Configuration) -> None:
        """running: the configuration the gateway runs by, which nobody need read from its record again."""
        self._journal = journal
        self._running = running
        self._known: dict[int, tuple[Site, bytes]] = {}  # by the sequence of the configuration
        self._pending: list[tuple[int, int]] = []  # start and sequence of what waits for its commit

    def of_account(self, sequence: int, config: int, start_s: int) -> Basis:
        """Return what the account in the entry *sequence* rests on: its own registers."""
        self._pending.append((start_s, sequence))
        return self._basis(config, FLOW, (sequence,))

    def of_late(self, sequence: int, config: int, start_s: int, whole: bool) -> Basis:
        """Return what an amendment rests on: its account, by whose configuration it is made, and all amendments."""
        account = account_of(self._journal, start_s) if whole else None
        if account is None:
            return self._basis(config, FLOW, (sequence,))
        self._pending.append((start_s, sequence))
        return self._basis(account[1].config, FLOW, self._entries(start_s, start_s + 1))

    def of_period(self, config: int, start_s: int, end_s: int, late: bool) -> Basis:
        """Return what a period of the self-use method rests on: all that was recorded of its intervals."""
        last = account_of(self._journal, end_s - 1) if late else None
        return self._basis(last[1].config if last is not None else config, SELF_USE, self._entries(start_s, end_s))

    def committed(self) -> None:
        """Take it that the journal has everything now."""
        self._pending = []

    def _entries(self, start_s: int, end_s: int) -> tuple[int, ...]:
        found = self._journal.figures_between(start_s, end_s, (KIND_ACCOUNT,))
        for sequence in self._journal.figures_between(start_s, end_s, (KIND_AMENDMENT,)):
            record = record_of(self._journal, self._journal.entries(sequence, sequence)[0])
            if isinstance(record, Amendment) and record.amends:
                found.append(sequence)
        found += [sequence for at_s, sequence in self._pending if start_s <= at_s < end_s]
        return tuple(sorted(found))

    def _basis(self, config: int, method: str, entries: tuple[int, ...]) -> Basis:
        if config not in self._known:
            entry = self._journal.entries(config, config)[0]
            record = entry_record(entry, str(self._journal.path))
            assert isinstance(record, Config), "the figures were made by it"
            configuration = self._running if record.site == self._running.site_text else usable(record)
            assert configuration is not None, "the figures were made by it"
            self._known[config] = (configuration.site, digest_of(entry.body))
        site, digest = self._known[config]
        return Basis(switches_of(site, method), digest, entries)


class ReadBases:
    """Finds what records say they rest on and do not, from the entries of a chain as they pass."""

    def __init__(self) -> None:
        self._digests: dict[int, bytes] = {}
        self._entries: dict[int, list[int]] = {}  # by the start of their interval

    def configured(self, sequence: int, body: bytes) -> None:
        """Take the body of a configuration."""
        self._digests[sequence] = digest_of(body)

    def account(self, sequence: int, record: Account, configuration: Configuration) -> list[str]:
        """Return what is wrong with the basis of an account."""
        self._entries[record.start_s] = [sequence]
        return self._wrong(record.basis, configuration.site, record.config, FLOW, (sequence,))

    def late(
        self, sequence: int, record: Amendment, account: Account | None, configuration: Configuration, whole: bool
    ) -> list[str]:
        """Return what is wrong with the basis of an amendment; *whole*: all about its interval has passed."""
        if account is None and not record.amends:
            return self._wrong(record.basis, configuration.site, record.config, FLOW, (sequence,))
        passed = self._entries.setdefault(record.start_s, [])
        passed.append(sequence)
        if account is None:  # it is older than the entries that are here, and so is its configuration
            found = [] if record.basis.entries[-1:] == (sequence,) and _fits(record.basis, passed) else [ENTRIES]
            return found if record.amends in record.basis.entries else [ENTRIES]
        expected = tuple(passed) if whole else None
        found = self._wrong(record.basis, configuration.site, account.config, FLOW, expected)
        return found if whole or _fits(record.basis, passed) else [*found, ENTRIES]

    def period(self, record: SelfUse, config: int, configuration: Configuration, whole: bool) -> list[str]:
        """Return what is wrong with the basis of a period made by the configuration in the entry *config*."""
        passed = sorted(
            sequence
            for at_s, found in self._entries.items()
            if record.start_s <= at_s < record.end_s
            for sequence in found
        )
        wrong = self._wrong(record.basis, configuration.site, config, SELF_USE, tuple(passed) if whole else None)
        return wrong if whole or _fits(record.basis, passed) else [*wrong, ENTRIES]

    def _wrong(self, basis: Basis, site: Site, config: int, method: str, entries: tuple[int, ...] | None) -> list[str]:
        found = []
        if basis.switches != switches_of(site, method):
            found.append("the list of rule switches")
        if basis.configuration != self._digests[config]:
            found.append("the hash of the configuration")
        if entries is not None and basis.entries != entries:
            found.append(ENTRIES)
        return found


ENTRIES = "the list of entries it rests on"


def _fits(basis: Basis, passed: list[int]) -> bool:
    """Tell whether a list of entries is in order, and has all that have *passed*."""
    entries = list(basis.entries)
    return entries == sorted(set(entries)) and set(passed) <= set(entries)
