"""Storage: an account of what a battery holds, by origin.

The rule is the mixing pool: charge adds the mix it was fed with, discharge gives the mix that is in the pool.
The pool counts energy as charged. With a round-trip efficiency of 850 permille a discharge of 85 Wh takes 100 Wh
out of the pool; the other 15 Wh are losses, booked by origin. So charge = discharge + losses + what the pool gained,
to the watt-hour, for every origin.
"""

from collections import namedtuple

from gateway.core.account.share import share
from gateway.core.site import Site

UNKNOWN = "unknown"  # origin of a discharge that the account cannot explain


class Pool(namedtuple("Pool", ("storage", "content"))):
    """What one storage meter point holds: content is ((origin, wh), ...), sorted by origin."""

    __slots__ = ()
    storage: str
    content: "tuple[tuple[str, int], ...]"


class Release(namedtuple("Release", ("pool", "mix", "losses"))):
    """A discharge: the pool after it, what it gave by origin, and what was lost by origin."""

    __slots__ = ()
    pool: Pool
    mix: "tuple[tuple[str, int], ...]"
    losses: "tuple[tuple[str, int], ...]"


def opening_pools(site: Site) -> "tuple[Pool, ...]":
    """Return the pools with which a site starts, one for every storage, as configured."""
    return tuple([Pool(row.meter_point, merged(((row.initial_origin, row.initial_wh),))) for row in site.storages])


def merged(*mixes: "tuple[tuple[str, int], ...]") -> "tuple[tuple[str, int], ...]":
    """Return the sum of mixes, sorted by origin, without empty ones."""
    total: "dict[str, int]" = {}
    for mix in mixes:
        for origin, wh in mix:
            total[origin] = total.get(origin, 0) + wh
    return tuple([(origin, total[origin]) for origin in sorted(total) if total[origin]])


def amount(mix: "tuple[tuple[str, int], ...]") -> int:
    """Return the energy of a mix."""
    return sum([wh for _, wh in mix])


def charge(pool: Pool, mix: "tuple[tuple[str, int], ...]") -> Pool:
    """Return the pool after it was charged with *mix*."""
    return Pool(pool.storage, merged(pool.content, mix))


def discharge(pool: Pool, wh: int, efficiency_permille: int) -> Release:
    """Take *wh* at the meter out of *pool*; what the pool cannot give has the origin "unknown"."""
    assert wh >= 0 and 0 < efficiency_permille <= 1000
    held = amount(pool.content)
    drawn = (wh * 2000 + efficiency_permille) // (2 * efficiency_permille)  # nearest to wh / efficiency
    known = wh
    if drawn > held:
        drawn = held
        known = min(wh, held * efficiency_permille // 1000)
    origins = [origin for origin, _ in pool.content]
    taken = share(drawn, [part for _, part in pool.content])
    given = share(known, taken)  # of what is taken, so that no origin gives more than was taken of it
    rest = [(origins[n], pool.content[n][1] - taken[n]) for n in range(len(origins))]
    lost = [(origins[n], taken[n] - given[n]) for n in range(len(origins))]
    mix = [(origins[n], given[n]) for n in range(len(origins))]
    mix.append((UNKNOWN, wh - known))
    return Release(Pool(pool.storage, merged(tuple(rest))), merged(tuple(mix)), merged(tuple(lost)))
