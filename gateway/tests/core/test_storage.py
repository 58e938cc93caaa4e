"""The storage account: a mixing pool with losses."""

from gateway.core.account.storage import Pool, amount, charge, discharge, merged, opening_pools
from gateway.core.site import Site, Storage

PERMILLE = 850


def test_two_charges_mix_and_two_discharges_give_the_mix() -> None:
    """4 MWh solar and 2 MWh grid at 85 %: discharges of 3.0 and 2.1 MWh are 2.0 + 1.0 and 1.4 + 0.7."""
    pool = charge(charge(Pool("b", ()), (("solar", 4000000),)), (("grid", 2000000),))
    first = discharge(pool, 3000000, PERMILLE)
    assert first.mix == (("grid", 1000000), ("solar", 2000000))
    second = discharge(first.pool, 2100000, PERMILLE)
    assert second.mix == (("grid", 700000), ("solar", 1400000))
    assert second.pool.content == ()
    assert merged(first.losses, second.losses) == (("grid", 300000), ("solar", 600000))


def test_carbon_of_discharge_and_loss_is_the_carbon_charged() -> None:
    """At 0.8325 kg/kWh d1 carries 0.979412 t and d2 0.685588 t with their losses: 1.665 t in all."""
    pool = Pool("b", (("grid", 2000000), ("solar", 4000000)))
    first = discharge(pool, 3000000, PERMILLE)
    second = discharge(first.pool, 2100000, PERMILLE)
    carbon = []
    for release in (first, second):
        grid = sum([wh for origin, wh in release.mix + release.losses if origin == "grid"])
        carbon.append(grid * 832500)
    assert abs(carbon[0] - 979412 * 10**6) < 832500 and abs(carbon[1] - 685588 * 10**6) < 10**6
    assert sum(carbon) == 1665 * 10**9


def test_order_of_charge_and_discharge_matters_only_for_the_mix() -> None:
    """Solar in, 3.0 out, grid in, 2.1 out: before the last the pool holds 0.470588 solar and 2.0 grid."""
    release = discharge(Pool("b", (("solar", 4000000),)), 3000000, PERMILLE)
    assert release.mix == (("solar", 3000000),)
    pool = charge(release.pool, (("grid", 2000000),))
    assert pool.content == (("grid", 2000000), ("solar", 470588))
    assert discharge(pool, 2100000, PERMILLE).mix == (("grid", 1700000), ("solar", 400000))


def test_the_account_closes_for_every_origin() -> None:
    """What was in is out, lost or still there, origin by origin, over a thousand odd discharges."""
    start = (("grid", 777777), ("solar", 888888), ("wind", 999999))
    pool = Pool("b", start)
    out: "tuple[tuple[str, int], ...]" = ()
    for step in range(1000):
        release = discharge(pool, 1000 + step * 13 % 97, 871)
        assert release.pool.content == () or min([wh for _, wh in release.pool.content]) > 0
        assert amount(release.mix) == 1000 + step * 13 % 97
        pool = release.pool
        out = merged(out, release.mix, release.losses)
    assert merged(out, pool.content) == start


def test_a_discharge_beyond_the_account_is_unknown() -> None:
    """The pool gives what it can at its efficiency; the rest has the origin unknown."""
    release = discharge(Pool("b", (("solar", 1000),)), 1000, PERMILLE)
    assert release.mix == (("solar", 850), ("unknown", 150))
    assert release.losses == (("solar", 150),) and release.pool.content == ()
    empty = discharge(Pool("b", ()), 10, 1000)
    assert empty.mix == (("unknown", 10),) and empty.losses == ()


def test_no_discharge_changes_nothing() -> None:
    """A discharge of 0 leaves the pool and loses nothing."""
    pool = Pool("b", (("solar", 5),))
    assert tuple(discharge(pool, 0, PERMILLE)) == (pool, (), ())


def test_a_site_opens_its_accounts_as_configured() -> None:
    """Initial content is one origin; an empty storage has an empty account."""
    storages = (Storage("b1", 5000, "grid", 900), Storage("b2", 0, "grid", 900))
    site = Site("g", "p", 900, 5, 60, 30, 3600, "", (), (), (), (), storages)
    assert opening_pools(site) == (Pool("b1", (("grid", 5000),)), Pool("b2", ()))
