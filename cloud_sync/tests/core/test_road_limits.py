"""Nonces: each is good for one receipt, and only so many are remembered."""

from cloud_sync.core.freshness import PENDING_MAX, Anchor, Freshness
from cloud_sync.core.receipt import Receipt
from cloud_sync.core.uplink import PAUSE_MAX_MS, PAUSE_MIN_MS, POISON_REFUSALS, TIMEOUT_MS, WINDOW


def receipt(nonce, at_ms=7):
    return Receipt("g", b"i" * 16, 1, b"l" * 32, at_ms, nonce, 20)


def nonce(number):
    return bytes([number]) * 16


def test_a_nonce_is_good_for_one_receipt():
    """The answer says when its sending went out, whatever came in between; played again it says nothing."""
    fresh = Freshness()
    for number in (1, 2, 3):
        fresh.sent(nonce(number), 100 * number)
    assert fresh.answered(receipt(nonce(2), 9)) == Anchor(9, 20, 200)
    assert fresh.answered(receipt(nonce(2))) is None and fresh.answered(receipt(nonce(9))) is None
    assert fresh.answered(receipt(b"")) is None
    assert (fresh.answered(receipt(nonce(3))), fresh.answered(receipt(nonce(1)))) == (
        Anchor(7, 20, 300),
        Anchor(7, 20, 100),
    )


def test_eighty_are_remembered():
    """The oldest is forgotten when one more goes out."""
    for count, kept in ((80, True), (81, False)):
        fresh = Freshness()
        for number in range(count):
            fresh.sent(nonce(number), number)
        assert (fresh.answered(receipt(nonce(0))) is not None) == kept
        assert fresh.answered(receipt(nonce(count - 1))) == Anchor(7, 20, count - 1)
    assert PENDING_MAX == 80


def test_limits_of_the_road():
    """32 batches in flight, half a minute for an answer, pauses of one second to five minutes, three refusals."""
    assert (WINDOW, TIMEOUT_MS, PAUSE_MIN_MS, PAUSE_MAX_MS, POISON_REFUSALS) == (32, 30000, 1000, 300000, 3)
    assert PENDING_MAX > 2 * WINDOW
