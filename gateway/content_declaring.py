"""Content declaring: what a storage really holds against its account; the open interval books the difference."""

from typing import Any

from gateway.core.account import declared
from gateway.core.account.closing import held_of, storage_of
from gateway.core.account.storage import amount, corrected
from gateway.core.notation import WATT_HOURS, measure
from gateway.core.problem import ProblemError, problem
from gateway.core.record import Declaration
from gateway.core.settlement import Settlement
from gateway.declaring import Declaring, who_and_why
from gateway.figures import current_account


def content_declared(
    declaring: Declaring, asked: dict[str, Any], stamp: Any, config: int, settlement: Settlement
) -> tuple[Declaration, dict[str, Any]]:
    """Return the declaration of a storage's content that *asked* means, and what it leads to.

    The account it is compared with is that at the start of the interval of the moment; both count energy as charged.
    """
    name, at_ms = str(asked["subject"]), int(asked["at_ms"])
    by, reason = who_and_why(asked, stamp.utc_ms)
    text = str(dict(asked["values"]).get(declared.HELD, ""))
    held_wh = measure(text, WATT_HOURS)
    site = declaring.configuration.site
    if name not in [row.meter_point for row in site.storages] or settlement.start_s is None:
        raise ProblemError(
            problem(
                "WP-ACC-112", name, "no account is kept of a storage of this name",
                "[[storage]] in gateway.toml names them, and an account begins with the first interval",
            )
        )  # fmt: skip
    if held_wh is None or held_wh < 0:
        raise ProblemError(
            problem(
                "WP-ACC-113", name, "{text} is no content of a storage",
                'write the energy it holds, as charged, as "120 kWh"', text=text,
            )
        )  # fmt: skip
    found = current_account(declaring.journal, at_ms // 1000)
    pools = found[1].pools_before if found else settlement.pools
    known_wh = amount(held_of(pools, name).content) + sum(wh for row, wh in settlement.corrections if row == name)
    difference_wh = held_wh - known_wh
    pool = held_of(settlement.pools, name)
    _, lost = corrected(pool, difference_wh, storage_of(site, name), settlement.start_s)
    values = (
        (declared.BOOKED, "%d" % settlement.start_s), (declared.HELD, text), (declared.DIFFERENCE, "%d" % difference_wh)
    )  # fmt: skip
    record = Declaration(stamp, config, declared.CONTENT, name, at_ms, by, reason, tuple(sorted(values)))
    answer = {
        "what": record.what, "subject": name, "at_ms": at_ms, "by": by, "reason": reason, "values": dict(values),
        "effects": [], "pending": False, "entry": None,
        "content": {"account_wh": known_wh, "declared_wh": held_wh, "lost": [list(row) for row in lost]},
    }  # fmt: skip
    return record, answer
