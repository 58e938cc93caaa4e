"""Self-use: the published rule of tracing green power inside a project with several users (method 688-hourly).

In each period the project's self-use is S = G - C + D - X: renewable generation, less the renewable energy put
into storage, plus the renewable energy that storage released, less export. Every user gets the share of S that
the user has in the consumption of the period; the rest of what a user consumed came from the grid.
The rule looks at the project as a whole, so its sources are origins ("origin:solar"), not single plants.
"""

from collections import namedtuple

from gateway.core.account.share import share, share_table
from gateway.core.account.trace import LOSS, ORIGIN, SELF_USE, Allocation

GRID = "grid"


class Renewable(namedtuple("Renewable", ("origin", "generated_wh", "charged_wh", "discharged_wh"))):
    """What one renewable origin gave in a period, what of it went into storage, and what storage gave back of it."""

    __slots__ = ()
    origin: str
    generated_wh: int
    charged_wh: int
    discharged_wh: int


class SelfUseTrace(namedtuple("SelfUseTrace", ("allocations", "self_use_wh", "loss_wh"))):
    """Who used what; self_use_wh is S, and loss_wh the part of it that exceeds all consumption."""

    __slots__ = ()
    allocations: "tuple[Allocation, ...]"
    self_use_wh: int
    loss_wh: int


def allocate(renewables: "tuple[Renewable, ...]", export_wh: int, users: "tuple[tuple[str, int], ...]") -> SelfUseTrace:
    """Return the trace of one period; users are (name, consumption in Wh).

    Export is taken off all renewable origins in proportion, and no further than to nothing. A user cannot use more
    than the user consumed: what self-use exceeds all consumption by goes to the sink "loss".
    """
    ready = []
    for row in renewables:
        wh = row.generated_wh - row.charged_wh + row.discharged_wh
        assert wh >= 0 and row.origin != GRID
        ready.append(wh)
    exported = share(min(export_wh, sum(ready)), ready)
    rows = [ready[n] - exported[n] for n in range(len(ready))]
    self_use = sum(rows)
    consumption = sum([wh for _, wh in users])
    used = min(self_use, consumption)
    loss = self_use - used
    shares = list(share(used, [wh for _, wh in users])) if used else [0] * len(users)
    table = share_table(rows, shares + [loss])
    allocations = []
    for n in range(len(renewables)):
        for column in range(len(users) + 1):
            if table[n][column]:
                sink = users[column][0] if column < len(users) else LOSS
                allocations.append(Allocation(SELF_USE, ORIGIN + renewables[n].origin, sink, table[n][column]))
    for n in range(len(users)):
        if users[n][1] > shares[n]:
            allocations.append(Allocation(SELF_USE, ORIGIN + GRID, users[n][0], users[n][1] - shares[n]))
    return SelfUseTrace(tuple(allocations), self_use, loss)
