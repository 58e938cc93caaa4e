"""Books: what the journal holds about intervals and periods closed before, for the truth that comes late."""

from gateway.config import Configuration, configuration_of
from gateway.core.account.declared import booked_in, difference_of
from gateway.core.late_truth import Books, Past
from gateway.core.problem import ProblemError
from gateway.core.record import KIND_DECLARATION, KIND_SELF_USE, Account, Config, Declaration
from gateway.figures import current_account, entry_record, record_of
from gateway.journal import Journal


class JournalBooks(Books):
    """The intervals and periods in a gateway's journal; configurations are read once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._configurations: dict[int, Configuration | None] = {}
        self._measured: dict[tuple[int, int], dict[tuple[str, str], int]] = {}  # while no entry is added
        self._head = 0

    def interval(self, at_s: int) -> Past | None:
        """Return the interval that holds *at_s*, None where it or a usable configuration of it is not here."""
        found = current_account(self._journal, at_s)
        if found is None:
            return None
        account = found[1]
        configuration = self._configuration(account)
        if configuration is None:
            return None
        return Past(
            configuration.site,
            configuration.factors,
            account.start_s,
            account.end_s,
            account.spans,
            account.energies,
            account.pools_before,
            self._corrections(account.start_s),
        )

    def _corrections(self, start_s: int) -> tuple[tuple[str, int], ...]:
        """Return the declared contents that are booked in the interval that begins at *start_s*."""
        found = []
        for sequence in self._journal.figures_between(start_s, start_s + 1, (KIND_DECLARATION,)):
            for entry in self._journal.entries(sequence, sequence):
                record = entry_record(entry, str(self._journal.path))
                if isinstance(record, Declaration) and booked_in(record.values) == start_s:
                    found.append((record.subject, difference_of(record.values)))
        return tuple(found)

    def measured(self, start_s: int, end_s: int) -> dict[tuple[str, str], int]:
        """Return the energies of the registers that were measured through the closed interval [start_s, end_s)."""
        if self._head != self._journal.head_sequence:
            self._head, self._measured = self._journal.head_sequence, {}
        if (start_s, end_s) not in self._measured:
            self._measured[start_s, end_s] = super().measured(start_s, end_s)
        return self._measured[start_s, end_s]

    def period(self, at_s: int) -> tuple[int, int] | None:
        """Return start and end of the closed period that holds *at_s*."""
        sequence = self._journal.last_figure(at_s, KIND_SELF_USE)
        record = record_of(self._journal, self._journal.entries(sequence, sequence)[0]) if sequence else None
        return (record.start_s, record.end_s) if record is not None and at_s < record.end_s else None

    def _configuration(self, account: Account) -> Configuration | None:
        if account.config not in self._configurations:
            found = None
            for entry in self._journal.entries(account.config, account.config):
                record = entry_record(entry, str(self._journal.path))
                if isinstance(record, Config):
                    found = usable(record)
            self._configurations[account.config] = found
        return self._configurations[account.config]


def usable(record: Config) -> Configuration | None:
    """Return what a recorded configuration means, None where this version cannot use it."""
    try:
        return configuration_of(record.site, record.factors, record.profiles)
    except ProblemError:
        return None
