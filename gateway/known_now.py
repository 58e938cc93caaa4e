"""Known now: the figures of intervals and periods after all late truth about them, from records alone."""

from gateway.core.late_truth import with_late
from gateway.core.record import Account, Amendment, SelfUse

Figures = Account | SelfUse | Amendment


def current(records: list[tuple[int, Figures]]) -> list[tuple[int, Account | SelfUse]]:
    """Return the accounts and periods of *records* as they are known now, each with the sequence that says so.

    An amended account has the figures of its last amendment and the late registers of all; of a period the last one
    stands. Their order is that of the entries that were first.
    """
    found: dict[int, tuple[int, Account | SelfUse]] = {}  # by the sequence of the first entry
    periods: dict[int, int] = {}  # the first entry of a period by its last one
    for sequence, record in records:
        if isinstance(record, Account):
            found[sequence] = (sequence, record)
        elif isinstance(record, SelfUse):
            first = periods.get(record.amends, sequence)
            periods[sequence] = first
            found[first] = (sequence, record)
        elif record.amends in found:
            account = found[record.amends][1]
            assert isinstance(account, Account)
            found[record.amends] = (sequence, amended(account, record))
    return [found[first] for first in sorted(found)]


def amended(account: Account, amendment: Amendment) -> Account:
    """Return *account* with the figures of *amendment* in the place of its own."""
    return account._replace(
        spans=with_late(account.spans, amendment.spans),
        energies=amendment.energies,
        allocations=amendment.allocations,
        residuals=amendment.residuals,
        tallies=amendment.tallies,
        pools_before=amendment.pools_before,
        pools_after=amendment.pools_after,
        basis=amendment.basis,
    )
