"""Uplink: each promise of its table, with time as a plain number."""

from cloud_sync.core.receipt import (
    BAD_SIGNATURE,
    FORK,
    GAP,
    MALFORMED,
    REVOKED_KEY,
    TOO_LARGE,
    UNKNOWN_KEY,
    Receipt,
    Refusal,
    digest_of,
)
from cloud_sync.core.uplink import (
    BACKING_OFF,
    IDLE,
    IN_FLIGHT,
    REWINDING,
    STEPS,
    Fetch,
    FetchNewest,
    Freed,
    Send,
    SetAside,
    Uplink,
    Wait,
)

OWN = b"o" * 16
OLD = b"a" * 16


def make(count=3, window=4, through=0, incarnation=OWN):
    """Return an uplink that has *count* batches of two entries in flight, sent at time 0."""
    uplink = Uplink(through, window, timeout_ms=1000, pause_min_ms=100, pause_max_ms=1600)
    uplink.connected()
    for _ in range(count):
        action = uplink.next(0)
        assert isinstance(action, Fetch), action
        first = action.after + 1
        uplink.offer(first, first + 1, incarnation, b"raw%d" % first)
        assert isinstance(uplink.next(0), Send)
    return uplink


def test_the_newest_goes_out_of_turn_while_others_wait():
    """With the window full and more to fetch, each newly sealed batch is looked for once; with no backlog, never."""
    uplink = make(count=4)
    uplink.sealed()
    assert uplink.next(0) == FetchNewest(8) and uplink.next(0) == Wait(1000)
    uplink.sealed()
    assert uplink.next(0) == FetchNewest(8)
    uplink.receipted(receipt(8), b"r", 5)
    assert uplink.next(5) == Fetch(8)
    uplink.nothing()
    uplink.sealed()
    assert uplink.next(5) == Fetch(8)


def rest(uplink, now_ms=0):
    """Answer every Fetch with nothing and return what follows."""
    action = uplink.next(now_ms)
    if isinstance(action, Fetch):
        uplink.nothing()
        action = uplink.next(now_ms)
    return action


def receipt(through, incarnation=OWN):
    return Receipt("gw", incarnation, through, b"l" * 32, 777, b"", 0)


def refusal(first, reason, expected=0):
    return Refusal("gw", digest_of(b"raw%d" % first), reason, expected, 0)


def sent(uplink, now_ms):
    """Return the first sequences of everything that is sent now."""
    firsts = []
    while True:
        action = uplink.next(now_ms)
        if isinstance(action, Send):
            firsts.append(action.first)
        elif isinstance(action, Fetch):
            uplink.nothing()
        else:
            return firsts


def test_nothing_is_done_without_a_connection():
    """Before the road is open there is nothing to do, and nothing to wait for but that."""
    uplink = Uplink(0)
    assert uplink.next(0) == Wait(None)
    uplink.connected()
    assert uplink.next(0) == Fetch(0)
    uplink.lost()
    assert uplink.next(0) == Wait(None)


def test_it_starts_after_what_is_receipted():
    """The first batch that is fetched ends after the last receipt."""
    uplink = Uplink(41)
    uplink.connected()
    assert uplink.next(0) == Fetch(41)


def test_the_window_is_kept():
    """No more batches than the window are in flight; a receipt makes room."""
    uplink = make(count=2, window=2)
    assert uplink.next(0) == Wait(1000) and uplink.in_flight() == ((1, 2), (3, 4))
    assert uplink.receipted(receipt(2), b"r", 5) == (Freed(2, b"r"),)
    assert uplink.next(5) == Fetch(4) and uplink.state == IN_FLIGHT


def test_a_receipt_is_cumulative():
    """One receipt frees every batch up to it, and the receipts before it are not missed."""
    uplink = make(count=3)
    assert uplink.receipted(receipt(4), b"r", 5) == (Freed(4, b"r"),)
    assert uplink.in_flight() == ((5, 6),)
    assert uplink.receipted(receipt(6), b"s", 6) == (Freed(6, b"s"),)
    assert uplink.state == IDLE and rest(uplink, 6) == Wait(None)
    uplink.sealed()
    assert uplink.next(6) == Fetch(6)


def test_a_receipt_beyond_what_was_offered_moves_on():
    """After a restart the platform may keep more of this chain than was offered again; that is not sent."""
    uplink = make(count=1, incarnation=OLD)
    assert uplink.receipted(receipt(40, OLD), b"r", 1) == (Freed(40, b"r"),)
    assert uplink.next(1) == Fetch(40)


def test_fault_g03_receipts_of_another_chain_free_nothing():
    """A receipt of an incarnation that has nothing in flight frees nothing, however high it is."""
    uplink = make(count=2)
    assert uplink.receipted(receipt(99, OLD), b"r", 1) == ()
    assert uplink.receipted(receipt(1), b"r", 1) == () and len(uplink.in_flight()) == 2


def test_a_later_chain_waits_for_the_earlier_one():
    """A receipt for the new incarnation frees nothing before the old one's batches are receipted too."""
    uplink = make(count=0)
    for first, incarnation in ((1, OLD), (3, OWN)):
        uplink.next(0)
        uplink.offer(first, first + 1, incarnation, b"raw%d" % first)
        uplink.next(0)
    assert uplink.receipted(receipt(4, OWN), b"new", 1) == ()
    assert uplink.receipted(receipt(2, OLD), b"old", 2) == (Freed(2, b"old"), Freed(4, b"new"))
    assert uplink.state == IDLE


def test_the_oldest_is_offered_again_after_a_pause_that_doubles():
    """Unanswered for the time-out, it backs off 100, 200, 400 ms ... to the limit, and sends the oldest only."""
    uplink = make(count=3)
    now_ms = 0
    for pause_ms in (100, 200, 400, 800, 1600, 1600):
        assert rest(uplink, now_ms) == Wait(now_ms + 1000) and uplink.state == IN_FLIGHT
        now_ms += 1000
        assert uplink.next(now_ms) == Wait(now_ms + pause_ms) and uplink.state == BACKING_OFF
        now_ms += pause_ms
        assert sent(uplink, now_ms) == [1]
    assert uplink.again_count == 6
    uplink.receipted(receipt(2), b"r", now_ms)
    assert uplink.next(now_ms + 1000) == Wait(now_ms + 1100)


def test_chance_lengthens_a_pause_by_up_to_half():
    """Jitter is a plain argument: 0 adds nothing, one half of its span a quarter."""
    uplink = make(count=1)
    rest(uplink)
    assert uplink.next(1000, 500000) == Wait(1125)


def test_a_receipt_ends_a_pause():
    """Progress while backing off returns to work at once."""
    uplink = make(count=2)
    rest(uplink)
    uplink.next(1000)
    assert uplink.state == BACKING_OFF
    uplink.receipted(receipt(2), b"r", 1001)
    assert uplink.state == IN_FLIGHT and uplink.next(1001) == Wait(2001)


def test_fault_f10_a_new_connection_offers_all_again():
    """What was in flight when the road closed is sent again, in order, as soon as it is open."""
    uplink = make(count=3)
    uplink.lost()
    uplink.connected()
    assert sent(uplink, 50) == [1, 3, 5]
    rest(uplink, 50)
    uplink.next(1050)
    assert uplink.state == BACKING_OFF
    uplink.lost()
    uplink.connected()
    assert sent(uplink, 1051) == [1, 3, 5] and uplink.state == IN_FLIGHT


def test_a_gap_rewinds_to_the_expected_sequence():
    """After a refusal for a gap everything from there is fetched again, one batch until the first receipt."""
    uplink = make(count=2, through=10)
    assert uplink.refused(refusal(13, GAP, 3), 1) is None
    assert uplink.state == REWINDING and uplink.in_flight() == () and uplink.next(1) == Fetch(2)
    uplink.offer(3, 4, OLD, b"raw3")
    assert sent(uplink, 1) == [3] and uplink.next(1) == Wait(1001)
    uplink.receipted(receipt(4, OLD), b"r", 2)
    assert uplink.state == IDLE
    uplink.sealed()
    assert uplink.next(2) == Fetch(4)


def test_the_same_gap_again_is_answered_slowly():
    """A rewind that did not help is repeated after pauses that double, so a hopeless case costs little."""
    uplink = make(count=1, through=10)
    uplink.refused(refusal(11, GAP, 5), 0)
    now_ms = 0
    for pause_ms in (100, 200, 400):
        assert uplink.next(now_ms) == Fetch(4)
        uplink.offer(9, 10, OLD, b"raw9")
        uplink.next(now_ms)
        uplink.refused(refusal(9, GAP, 5), now_ms)
        assert uplink.next(now_ms) == Wait(now_ms + pause_ms) and uplink.state == REWINDING
        now_ms += pause_ms


def test_a_rewind_to_nothing_ends_idle():
    """When the outbox has nothing from the expected sequence on, the uplink rests."""
    uplink = make(count=1)
    uplink.refused(refusal(1, GAP, 0), 0)
    assert uplink.state == BACKING_OFF
    uplink = make(count=1, through=4)
    uplink.refused(refusal(5, GAP, 2), 0)
    assert rest(uplink) == Wait(None) and uplink.state == IDLE


def test_a_refused_key_is_tried_again_later():
    """Unknown keys and forks are never set aside: the oldest is offered again after a pause, the rest when it moves."""
    for reason in (UNKNOWN_KEY, REVOKED_KEY, FORK):
        uplink = make(count=3)
        rest(uplink)
        now_ms = 0
        for pause_ms in (100, 200, 400, 800):
            for first in (1, 3, 5):
                assert uplink.refused(refusal(first, reason), now_ms) is None
            assert uplink.next(now_ms) == Wait(now_ms + pause_ms) and uplink.last_refusal.reason == reason
            now_ms += pause_ms
            assert sent(uplink, now_ms) == [1]
        uplink.receipted(receipt(2), b"r", now_ms)
        assert sent(uplink, now_ms) == [3, 5] and uplink.last_refusal is None


def test_poison_is_set_aside_after_the_third_refusal():
    """A batch refused three times for its content is given up, and what follows is fetched again behind its hole."""
    for reason in (BAD_SIGNATURE, TOO_LARGE, MALFORMED):
        uplink = make(count=3)
        rest(uplink)
        now_ms = 0
        for pause_ms in (100, 200):
            assert uplink.refused(refusal(1, reason), now_ms) is None
            now_ms += pause_ms
            assert sent(uplink, now_ms) == [1]
        assert uplink.refused(refusal(1, reason), now_ms) == SetAside(1, 2, OWN, reason)
        assert uplink.in_flight() == () and uplink.next(now_ms) == Fetch(0)


def test_poison_behind_a_good_batch_leaves_it_in_flight():
    """Setting a batch aside takes only what follows it out of the flight."""
    uplink = make(count=3)
    rest(uplink)
    for now_ms in (0, 5000, 9000):
        aside = uplink.refused(refusal(3, MALFORMED), now_ms)
    assert aside == SetAside(3, 4, OWN, MALFORMED)
    assert uplink.in_flight() == ((1, 2),) and uplink.state == IN_FLIGHT


def test_refusals_of_unknown_messages_are_ignored():
    """A refusal whose digest is in no flight changes nothing: anyone may publish rubbish on a topic."""
    uplink = make(count=1)
    assert uplink.refused(refusal(99, MALFORMED), 0) is None
    assert uplink.state == IN_FLIGHT and uplink.last_refusal is None


def test_what_could_not_be_published_is_offered_later():
    """A batch that the connection did not take is sent again after a pause."""
    uplink = make(count=2)
    rest(uplink)
    uplink.unsent(99, 10)
    assert uplink.state == IN_FLIGHT
    uplink.unsent(1, 10)
    assert uplink.next(10) == Wait(110) and sent(uplink, 110) == [1]


def test_the_table_leads_everywhere_and_back():
    """Every state is reached and left by the table, and every event of it is met in some state."""
    states = {IDLE, IN_FLIGHT, BACKING_OFF, REWINDING}
    assert {state for state, _ in STEPS} == states and set(STEPS.values()) == states
