"""Storage: an account of what a battery holds, by origin and by when it was charged.

Each storage keeps one rule, fixed before its energy is known. Mixing pool: discharge gives the mix of all that is
held. First in, first out: discharge takes the oldest charge. Last in, first out: it takes the newest. Inside the
charge of one interval, whatever the rule, discharge takes the mix of that charge.

The account counts energy as charged. With a round-trip efficiency of 850 permille a discharge of 85 Wh takes 100 Wh
out of the account; the other 15 Wh are losses, booked by origin. So charge = discharge + losses + what the account
gained, to the watt-hour, for every origin. All rules come to the same once the storage is empty; they differ by hour.
"""

from collections import namedtuple

from gateway.core.account.share import share
from gateway.core.site import LIFO, MIXING, Park, Site, Storage

UNKNOWN = "unknown"  # origin of a discharge that the account cannot explain
# Charges of two days of 15-minute intervals. Of more, the two oldest become one: those of a battery that is cycled
# daily are long used by then, and the record of an interval stays small.
MOST_LAYERS = 192


class Layer(namedtuple("Layer", ("since_s", "mix"))):
    """What is left of the charge of the interval that began at since_s; a mixing pool is one layer of since_s 0."""

    __slots__ = ()
    since_s: int
    mix: "tuple[tuple[str, int], ...]"


class Pool(namedtuple("Pool", ("storage", "layers"))):
    """What one storage meter point holds, the oldest charge first; no layer is empty."""

    __slots__ = ()
    storage: str
    layers: "tuple[Layer, ...]"

    @property
    def content(self) -> "tuple[tuple[str, int], ...]":
        """Return ((origin, wh), ...), sorted by origin."""
        return merged(*[layer.mix for layer in self.layers])


class Release(namedtuple("Release", ("pool", "mix", "losses"))):
    """A discharge: the pool after it, what it gave by origin, and what was lost by origin."""

    __slots__ = ()
    pool: Pool
    mix: "tuple[tuple[str, int], ...]"
    losses: "tuple[tuple[str, int], ...]"


def opening_pools(site: "Site | Park") -> "tuple[Pool, ...]":
    """Return the pools with which a site starts, one for every storage, as configured."""
    return tuple([pool_of(row.meter_point, ((row.initial_origin, row.initial_wh),)) for row in site.storages])


def pool_of(storage: str, mix: "tuple[tuple[str, int], ...]") -> Pool:
    """Return the pool that holds *mix*, as charged before anything else."""
    return _pool(storage, [Layer(0, mix)])


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


def charge(pool: Pool, mix: "tuple[tuple[str, int], ...]", storage: Storage, start_s: int) -> Pool:
    """Return the pool after it was charged with *mix* in the interval that begins at *start_s*."""
    since_s = 0 if storage.rule == MIXING else start_s
    rows = _layers(pool, storage)
    if rows and rows[-1].since_s >= since_s:
        last = rows.pop()
        return _pool(pool.storage, rows + [Layer(last.since_s, merged(last.mix, mix))])
    return _pool(pool.storage, rows + [Layer(since_s, mix)])


def _layers(pool: Pool, storage: Storage) -> "list[Layer]":
    """Return what is held, the oldest first; a mixing pool has one layer, also where the rule was another before."""
    return [Layer(0, pool.content)] if storage.rule == MIXING else list(pool.layers)


def _pool(storage: str, rows: "list[Layer]") -> Pool:
    kept = [Layer(since_s, merged(mix)) for since_s, mix in rows if amount(mix)]
    while len(kept) > MOST_LAYERS:
        kept[:2] = [Layer(kept[0].since_s, merged(kept[0].mix, kept[1].mix))]
    return Pool(storage, tuple(kept))


def discharge(pool: Pool, wh: int, storage: Storage) -> Release:
    """Take *wh* at the meter out of *pool*; what the pool cannot give has the origin "unknown"."""
    permille = storage.efficiency_permille
    assert wh >= 0 and 0 < permille <= 1000
    held = amount(pool.content)
    drawn = (wh * 2000 + permille) // (2 * permille)  # nearest to wh / efficiency
    known = wh
    if drawn > held:
        drawn = held
        known = min(wh, held * permille // 1000)
    rest = []
    parts: "list[tuple[str, int]]" = []  # what is taken: origin, and how much of it
    layers = _layers(pool, storage)
    for layer in reversed(layers) if storage.rule == LIFO else layers:
        from_layer = min(drawn, amount(layer.mix))
        taken = share(from_layer, [part for _, part in layer.mix])
        drawn -= from_layer
        parts += [(layer.mix[n][0], taken[n]) for n in range(len(taken))]
        rest.append(Layer(layer.since_s, tuple([(o, left - taken[n]) for n, (o, left) in enumerate(layer.mix)])))
    out = merged(tuple(parts))
    given = share(known, [part for _, part in out])  # of what is taken, so that no origin gives more than that
    mix = [(out[n][0], given[n]) for n in range(len(out))]
    lost = [(out[n][0], out[n][1] - given[n]) for n in range(len(out))]
    mix.append((UNKNOWN, wh - known))
    after = _pool(pool.storage, sorted(rest, key=lambda layer: layer.since_s))
    return Release(after, merged(tuple(mix)), merged(tuple(lost)))


def corrected(
    pool: Pool, difference_wh: int, storage: Storage, start_s: int
) -> "tuple[Pool, tuple[tuple[str, int], ...]]":
    """Return *pool* after a person declared what it really holds, and what was lost by origin.

    What is there and was not known has the origin "unknown". What is not there was lost: of every charge its part,
    whatever the rule, for nobody saw it go.
    """
    if difference_wh >= 0:
        return charge(pool, ((UNKNOWN, difference_wh),), storage, start_s), ()
    parts = [(layer.since_s, origin, wh) for layer in pool.layers for origin, wh in layer.mix]
    taken = share(min(-difference_wh, amount(pool.content)), [wh for _, _, wh in parts])
    left = []
    for layer in pool.layers:
        own = [number for number in range(len(parts)) if parts[number][0] == layer.since_s]
        left.append(Layer(layer.since_s, tuple([(parts[n][1], parts[n][2] - taken[n]) for n in own])))
    lost = merged(tuple([(parts[n][1], taken[n]) for n in range(len(parts))]))
    return _pool(pool.storage, left), lost
