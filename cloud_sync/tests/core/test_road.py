"""The road from uplink to intake and back, in memory, under loss, repetition, overtaking, restarts and roll-backs."""

from cloud_sync.core.receipt import FORK, GAP, MALFORMED
from cloud_sync.tests.core.road_model import POISON, Road

SEEDS = tuple(range(1, 13))


def live_through(road, steps, restarts=False, roll_backs=False, restores=False):
    """Write and send for some simulated time, while what the flags allow happens at random."""
    for step in range(steps):
        road.write(tuple([b"%d.%d" % (step, part) for part in range(1 + road.dice.below(3))]))
        road.loss_percent = (0, 10, 40, 100)[road.dice.below(4)]
        road.step(road.now_ms + 100 + road.dice.below(8000))
        chance = road.dice.below(20)
        if restarts and chance == 0:
            road.boot()
        elif roll_backs and chance == 1:
            road.journal.forget(1 + road.dice.below(4))
            road.boot()
        elif restores and chance == 2:
            road.shelf = road.backup.copy()
        elif chance < 6:
            road.backup = road.shelf.copy()


def checked(seed, **happenings):
    print("seed", seed, happenings)
    road = Road(seed, (1, 4, 12)[seed % 3])
    live_through(road, 60, **happenings)
    road.write((b"last",))
    road.settle()
    return road


def test_a_good_road_sends_each_batch_once():
    """Without loss every batch is sent once and nothing is refused."""
    road = Road(7)
    for number in range(50):
        road.write((b"%d" % number,))
        road.step(road.now_ms + 1000)
    road.settle()
    assert road.missing() == [] and road.refusals == [] and road.uplink.sent_count == 50


def test_fault_f03_nothing_is_lost_and_nothing_kept_twice_under_loss():
    """Every entry is kept exactly once though messages are lost, repeated and overtake each other."""
    for seed in SEEDS:
        road = checked(seed)
        assert road.missing() == [] and len(road.shelf.entries) == len(road.journal.entries)
        assert FORK not in road.refusals and not road.set_aside


def test_the_newest_is_seen_while_a_backlog_is_given():
    """Three hundred batches wait and one is written a second: the platform sees each of these within two seconds."""
    road = Road(5)
    road.uplink.lost()
    for number in range(300):
        road.write((b"%d" % number,))
    road.uplink.connected()
    late = 0
    while road.journal.through < 300:
        road.write((b"live",))
        road.step(road.now_ms + 2000)
        seen = max(road.shelf.newest, max([one[1] for one in road.shelf.chains.values()] + [0]))
        late = max(late, len(road.journal.entries) - seen)
    road.settle()
    assert late == 0 and road.missing() == [] and not road.set_aside
    assert set(road.refusals) <= {GAP}  # of copies that the network made of what already waits


def test_restarts_open_a_new_chain_each():
    """A gateway that restarts goes on with the same sequence in a new incarnation; nothing is lost or forked."""
    for seed in SEEDS:
        road = checked(seed, restarts=True)
        assert road.missing() == [] and len(road.shelf.entries) == len(road.journal.entries)
        assert FORK not in road.refusals and road.shelf.branches == 0


def test_fault_d12_a_card_that_forgets_makes_branches_and_never_a_fork():
    """What a rolled-back gateway wrote anew is kept beside what the platform had, and no batch is refused as a fork."""
    branches = 0
    for seed in SEEDS:
        road = checked(seed, restarts=True, roll_backs=True)
        assert road.missing() == [] and FORK not in road.refusals
        branches += road.shelf.branches
    assert branches > 0


def test_fault_g02_a_platform_restored_from_a_backup_is_filled_again():
    """What the platform lost is offered again from where it expects, though receipts had freed it."""
    gaps = 0
    for seed in SEEDS:
        road = checked(seed, restarts=True, restores=True)
        # The last batch proves the chain: all before it must have come again for it to be receipted.
        assert road.missing() == [] and FORK not in road.refusals
        gaps += road.refusals.count(GAP)
    assert gaps > 0


def test_fault_g07_a_poisoned_batch_is_set_aside_and_the_rest_flows():
    """Refused once out of turn and three times in its turn, a batch is declared as a hole; those after it are kept."""
    road = Road(3)
    for number in range(20):
        road.write((POISON,) if number == 5 else (b"%d" % number,))
    road.settle()
    assert road.set_aside == [(6, 6, MALFORMED)] and road.refusals.count(MALFORMED) == 4
    assert road.missing() == [6] and len(road.shelf.entries) == 20


def test_two_gateways_from_one_card_are_kept_apart():
    """A cloned card gives two incarnations from the same parent: both are kept, the second as a branch."""
    road = Road(5)
    road.write((b"common",))
    road.settle()
    entries, outbox = list(road.journal.entries), list(road.journal.outbox)
    road.boot()
    road.write((b"one",))
    road.settle()
    road.journal.entries, road.journal.outbox, road.journal.through = entries, outbox, 1
    road.boot()
    road.write((b"other",))
    road.settle()
    bodies = sorted([body for _, body in road.shelf.entries.values()])
    assert bodies == [b"common", b"one", b"other"] and road.shelf.branches == 1 and FORK not in road.refusals
