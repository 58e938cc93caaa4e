"""Closed records: what the settlement closed, stamped and made into the records of the journal."""

import os

from gateway.core.account.basis import Basis
from gateway.core.late_truth import Late
from gateway.core.record import KIND_SELF_USE, Account, Amendment, Interval, SelfUse, Stamp
from gateway.core.settlement import ClosedInterval, ClosedPeriod
from gateway.figures import account_of
from gateway.journal import Journal
from gateway.rows import interval_rows, rows_root

SEED_BYTES = 32


def interval_records(stamp: Stamp, config: int, one: ClosedInterval, basis: Basis) -> tuple[Interval, Account]:
    """Return an interval with the root of its salted rows, and its account."""
    seed = os.urandom(SEED_BYTES)
    rows = interval_rows(one.start_s, one.end_s, one.allocations)
    interval = Interval(stamp, config, one.start_s, one.end_s, rows_root(seed, rows), len(rows), one.complete_ppm)
    account = Account(
        stamp,
        config,
        one.start_s,
        one.end_s,
        seed,
        one.spans,
        one.energies,
        one.allocations,
        one.residuals,
        one.tallies,
        one.pools_before,
        one.pools_after,
        basis,
    )
    return interval, account


def late_record(stamp: Stamp, config: int, late: Late, basis: Basis, journal: Journal) -> Amendment:
    """Return late truth as the amendment of the account that *journal* has of its interval."""
    amended = account_of(journal, late.start_s) if late.whole else None
    amends = amended[0] if amended is not None else 0
    return Amendment(stamp, config, late.start_s, late.end_s, amends, *late[3:], basis)


def period_record(stamp: Stamp, config: int, one: ClosedPeriod, basis: Basis, journal: Journal) -> SelfUse:
    """Return a period of the self-use method; a late one names the entry in whose place it comes."""
    amended = journal.last_figure(one.start_s, KIND_SELF_USE) if one.late else None
    return SelfUse(stamp, config, one.start_s, one.end_s, one.allocations, one.tallies, amended or 0, basis)
