"""The published self-use rule: three users, four hours, storage."""

from gateway.core.account.self_use import Renewable, allocate
from gateway.core.account.share import share

MWH = 1000000
# Hour: RE generation, of it charged, RE discharged, export, consumption of A, B, C; from the rule's own formula.
HOURS = (
    (2000000, 0, 800000, 0, (3 * MWH, 2 * MWH, 1 * MWH)),
    (8000000, 1500000, 0, 500000, (3 * MWH, 2 * MWH, 1 * MWH)),
    (7000000, 0, 0, 1000000, (4 * MWH, 0, 2 * MWH)),
    (1000000, share(MWH, (1, 6))[0], 0, 0, (2 * MWH, 2 * MWH, 2 * MWH)),
)


def _day() -> "tuple[int, dict[str, int]]":
    total = 0
    used = {"A": 0, "B": 0, "C": 0}
    for generated, charged, discharged, export, loads in HOURS:
        users = tuple([(name, loads[n]) for n, name in enumerate(("A", "B", "C"))])
        trace = allocate((Renewable("solar", generated, charged, discharged),), export, users)
        assert trace.loss_wh == 0
        total += trace.self_use_wh
        for name, wh in users:
            assert sum([row.wh for row in trace.allocations if row.sink == name]) == wh
        for row in trace.allocations:
            if row.source == "origin:solar":
                used[row.sink] += row.wh
    return total, used


def test_four_hours_with_storage_come_out_as_published() -> None:
    """Self-use 15.657143 MWh; users 8.685714, 3.219048 and 3.752381 MWh, each within 1 Wh in one hour."""
    total, used = _day()
    assert total == 15657143
    assert sum(used.values()) == total
    assert abs(used["A"] - 8685714) <= 1 and abs(used["B"] - 3219048) <= 1 and abs(used["C"] - 3752381) <= 1


def test_hours_are_not_shared_as_one_period() -> None:
    """On the four-hour total user A would have 7.828571 MWh: the rule is by the hour."""
    assert _day()[1]["A"] != 7828571
    whole = allocate(
        (Renewable("solar", 18 * MWH, 1642857, 800000),),
        1500000,
        (("A", 12 * MWH), ("B", 6 * MWH), ("C", 6 * MWH)),
    )
    assert [row.wh for row in whole.allocations if row.source == "origin:solar"] == [7828571, 3914286, 3914286]


def test_what_self_use_does_not_cover_came_from_the_grid() -> None:
    """Hour 1: A consumed 3 MWh, 1.4 of them self-use, so 1.6 from the grid."""
    users = (("A", 3 * MWH), ("B", 2 * MWH), ("C", 1 * MWH))
    trace = allocate((Renewable("solar", 2 * MWH, 0, 800000),), 0, users)
    cells = {(row.source, row.sink): row.wh for row in trace.allocations}
    assert cells["origin:solar", "A"] == 1400000 and cells["origin:grid", "A"] == 1600000
    assert cells["origin:solar", "B"] == 933333 and cells["origin:solar", "C"] == 466667


def test_no_user_uses_more_than_was_consumed() -> None:
    """Self-use of 100 with a consumption of 60 gives the users 60 and the rest to loss."""
    trace = allocate((Renewable("wind", 100, 0, 0),), 0, (("A", 40), ("B", 20)))
    cells = {(row.source, row.sink): row.wh for row in trace.allocations}
    assert cells == {("origin:wind", "A"): 40, ("origin:wind", "B"): 20, ("origin:wind", "loss"): 40}
    assert trace.self_use_wh == 100 and trace.loss_wh == 40


def test_export_is_taken_off_renewables_down_to_nothing() -> None:
    """An export above all renewable energy leaves no self-use, and not less than none."""
    trace = allocate((Renewable("solar", 10, 0, 0),), 25, (("A", 40),))
    assert trace.self_use_wh == 0
    assert [tuple(row) for row in trace.allocations] == [("688-hourly", "origin:grid", "A", 40)]


def test_origins_share_the_export_and_the_users() -> None:
    """Solar 60 and wind 30 with export 30 leave 40 and 20; two users get them in proportion, exactly."""
    trace = allocate((Renewable("solar", 60, 0, 0), Renewable("wind", 30, 0, 0)), 30, (("A", 30), ("B", 60)))
    cells = {(row.source, row.sink): row.wh for row in trace.allocations}
    assert cells["origin:solar", "A"] + cells["origin:wind", "A"] == 20
    assert cells["origin:solar", "A"] + cells["origin:solar", "B"] == 40
    assert cells["origin:grid", "A"] == 10 and cells["origin:grid", "B"] == 20


def test_nobody_home_is_all_loss() -> None:
    """Without any consumption self-use is loss; without anything there is nothing."""
    assert allocate((Renewable("solar", 5, 0, 0),), 0, (("A", 0),)).loss_wh == 5
    assert allocate((), 0, ()).allocations == ()
