"""The storage account: mixing pool, first in first out, last in first out, each with losses."""

from gateway.core.account.storage import (
    MOST_LAYERS,
    Layer,
    Pool,
    amount,
    charge,
    corrected,
    discharge,
    merged,
    opening_pools,
    pool_of,
)
from gateway.core.site import FIFO, LIFO, MIXING, STORAGE_RULES, SelfUseRule, Site, Storage

HOURLY = SelfUseRule(3600, "proportional", "user", "renewable")
EMPTY = pool_of("b", ())


def _storage(rule: str = MIXING, permille: int = 850) -> Storage:
    return Storage("b", 0, "grid", permille, rule)


BATTERY = _storage()


def test_two_charges_mix_and_two_discharges_give_the_mix() -> None:
    """4 MWh solar and 2 MWh grid at 85 %: discharges of 3.0 and 2.1 MWh are 2.0 + 1.0 and 1.4 + 0.7."""
    pool = charge(charge(EMPTY, (("solar", 4000000),), BATTERY, 0), (("grid", 2000000),), BATTERY, 900)
    first = discharge(pool, 3000000, BATTERY)
    assert first.mix == (("grid", 1000000), ("solar", 2000000))
    second = discharge(first.pool, 2100000, BATTERY)
    assert second.mix == (("grid", 700000), ("solar", 1400000))
    assert second.pool.content == ()
    assert merged(first.losses, second.losses) == (("grid", 300000), ("solar", 600000))


def test_carbon_of_discharge_and_loss_is_the_carbon_charged() -> None:
    """At 0.8325 kg/kWh d1 carries 0.979412 t and d2 0.685588 t with their losses: 1.665 t in all."""
    pool = pool_of("b", (("grid", 2000000), ("solar", 4000000)))
    first = discharge(pool, 3000000, BATTERY)
    second = discharge(first.pool, 2100000, BATTERY)
    carbon = []
    for release in (first, second):
        grid = sum([wh for origin, wh in release.mix + release.losses if origin == "grid"])
        carbon.append(grid * 832500)
    assert abs(carbon[0] - 979412 * 10**6) < 832500 and abs(carbon[1] - 685588 * 10**6) < 10**6
    assert sum(carbon) == 1665 * 10**9


def test_order_of_charge_and_discharge_matters_only_for_the_mix() -> None:
    """Solar in, 3.0 out, grid in, 2.1 out: before the last the pool holds 0.470588 solar and 2.0 grid."""
    release = discharge(pool_of("b", (("solar", 4000000),)), 3000000, BATTERY)
    assert release.mix == (("solar", 3000000),)
    pool = charge(release.pool, (("grid", 2000000),), BATTERY, 900)
    assert pool.content == (("grid", 2000000), ("solar", 470588))
    assert discharge(pool, 2100000, BATTERY).mix == (("grid", 1700000), ("solar", 400000))


def test_the_account_closes_for_every_origin() -> None:
    """What was in is out, lost or still there, origin by origin, over a thousand odd discharges."""
    start = (("grid", 777777), ("solar", 888888), ("wind", 999999))
    pool = pool_of("b", start)
    out: "tuple[tuple[str, int], ...]" = ()
    for step in range(1000):
        release = discharge(pool, 1000 + step * 13 % 97, _storage(permille=871))
        assert release.pool.content == () or min([wh for _, wh in release.pool.content]) > 0
        assert amount(release.mix) == 1000 + step * 13 % 97
        pool = release.pool
        out = merged(out, release.mix, release.losses)
    assert merged(out, pool.content) == start


def test_a_discharge_beyond_the_account_is_unknown() -> None:
    """The pool gives what it can at its efficiency; the rest has the origin unknown."""
    release = discharge(pool_of("b", (("solar", 1000),)), 1000, BATTERY)
    assert release.mix == (("solar", 850), ("unknown", 150))
    assert release.losses == (("solar", 150),) and release.pool.content == ()
    empty = discharge(EMPTY, 10, _storage(permille=1000))
    assert empty.mix == (("unknown", 10),) and empty.losses == ()


def test_no_discharge_changes_nothing() -> None:
    """A discharge of 0 leaves the pool and loses nothing."""
    pool = pool_of("b", (("solar", 5),))
    assert tuple(discharge(pool, 0, BATTERY)) == (pool, (), ())


def test_a_site_opens_its_accounts_as_configured() -> None:
    """Initial content is one origin; an empty storage has an empty account."""
    storages = (Storage("b1", 5000, "grid", 900, MIXING), Storage("b2", 0, "grid", 900, MIXING))
    site = Site("g", "p", 900, 5, 60, 30, HOURLY, "", (), (), (), (), storages, 60, "first-after", "linear")
    assert opening_pools(site) == (pool_of("b1", (("grid", 5000),)), pool_of("b2", ()))


def _worked(rule: str) -> "list[dict[str, int]]":
    """Return the mixes of d1 and d2 after 4 MWh of solar, then 2 MWh of grid power, at 85 %; the storage ends empty."""
    storage = _storage(rule)
    pool = charge(charge(EMPTY, (("solar", 4000000),), storage, 0), (("grid", 2000000),), storage, 900)
    first = discharge(pool, 3000000, storage)
    second = discharge(first.pool, 2100000, storage)
    assert second.pool == EMPTY
    return [dict(first.mix), dict(second.mix)]


def test_each_rule_gives_its_own_discharges_and_the_same_total() -> None:
    """d1 3.0 and d2 2.1 MWh: fifo 3.0 + 0 and 0.4 + 1.7, lifo 1.3 + 1.7 and 2.1 + 0, mixing 2.0 + 1.0 and 1.4 + 0.7."""
    assert _worked(FIFO) == [{"solar": 3000000}, {"solar": 400000, "grid": 1700000}]
    assert _worked(LIFO) == [{"solar": 1300000, "grid": 1700000}, {"solar": 2100000}]
    assert _worked(MIXING) == [{"solar": 2000000, "grid": 1000000}, {"solar": 1400000, "grid": 700000}]


def test_one_charge_is_mixed_whatever_the_rule() -> None:
    """What came in in one interval has no order: 3 solar and 1 grid charged together come out 3 : 1 by every rule."""
    for rule in STORAGE_RULES:
        storage = _storage(rule, 1000)
        pool = charge(EMPTY, (("grid", 100), ("solar", 300)), storage, 900)
        assert discharge(pool, 40, storage).mix == (("grid", 10), ("solar", 30))


def test_the_layers_say_when_what_is_left_was_charged() -> None:
    """After a discharge of half of it the oldest charge is less (fifo), or the newest is gone (lifo)."""
    for rule, left in (
        (FIFO, (Layer(900, (("grid", 50),)), Layer(1800, (("solar", 50),)))),
        (LIFO, (Layer(900, (("grid", 100),)),)),
    ):
        storage = _storage(rule, 1000)
        pool = charge(charge(EMPTY, (("grid", 100),), storage, 900), (("solar", 50),), storage, 1800)
        assert discharge(pool, 50, storage).pool == Pool("b", left)


def test_a_mixing_pool_is_one_layer_whatever_was_before() -> None:
    """A storage whose rule was fifo until now goes on with the mix of all its layers."""
    layered = Pool("b", (Layer(900, (("grid", 100),)), Layer(1800, (("solar", 300),))))
    assert discharge(layered, 40, _storage(MIXING, 1000)).mix == (("grid", 10), ("solar", 30))


def test_the_layers_are_bounded() -> None:
    """Of more charges than are kept apart, the two oldest are one; no watt-hour is lost by it."""
    storage = _storage(FIFO, 1000)
    pool = EMPTY
    for number in range(MOST_LAYERS + 10):
        pool = charge(pool, (("solar", number + 1),), storage, 900 * (number + 1))
    assert len(pool.layers) == MOST_LAYERS
    assert amount(pool.content) == (MOST_LAYERS + 10) * (MOST_LAYERS + 11) // 2
    assert pool.layers[0] == Layer(900, (("solar", sum(range(12))),))


def test_a_declared_content_takes_of_every_charge_or_adds_what_nobody_knows() -> None:
    """60 of 300 gone are 20 of the first charge and 40 of the second; 60 more have the origin unknown."""
    storage = _storage(FIFO, 1000)
    pool = Pool("b", (Layer(900, (("grid", 100),)), Layer(1800, (("grid", 50), ("solar", 150)))))
    after, lost = corrected(pool, -60, storage, 2700)
    assert after == Pool("b", (Layer(900, (("grid", 80),)), Layer(1800, (("grid", 40), ("solar", 120)))))
    assert lost == (("grid", 30), ("solar", 30))
    after, lost = corrected(pool, 60, storage, 2700)
    assert after == Pool("b", pool.layers + (Layer(2700, (("unknown", 60),)),)) and lost == ()
    after, lost = corrected(pool, -1000, storage, 2700)  # no more can be gone than was there
    assert after.content == () and lost == (("grid", 150), ("solar", 150))
