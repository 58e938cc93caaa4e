"""Freshness: a receipt tells the time only if it answers what was sent, and once."""

from cloud_sync.core.freshness import PENDING_MAX, Anchor, Freshness
from cloud_sync.core.receipt import NONCE_BYTES, Receipt


def nonce(number):
    """Return the nonce of a sending."""
    return number.to_bytes(NONCE_BYTES, "big")


def receipt(number):
    """Return a receipt that carries a nonce."""
    return Receipt("gw-1", b"i" * 16, 12, b"l" * 32, 1700000000000, nonce(number), 20)


def test_the_receipt_of_a_sending_tells_the_time_once():
    """It was read after that sending; the same receipt again, or one of another nonce, tells nothing."""
    fresh = Freshness()
    fresh.sent(nonce(1), 5000)
    fresh.sent(nonce(2), 6000)
    assert fresh.answered(receipt(3)) is None
    assert fresh.answered(receipt(2)) == Anchor(1700000000000, 20, 6000)
    assert fresh.answered(receipt(2)) is None
    assert fresh.answered(receipt(1)) == Anchor(1700000000000, 20, 5000)
    assert Freshness().answered(receipt(1)) is None


def test_only_the_last_sendings_are_waited_for():
    """Of one more than are kept, the oldest has no answer any more, and all others have."""
    fresh = Freshness()
    for number in range(PENDING_MAX + 1):
        fresh.sent(nonce(number), number)
    assert fresh.answered(receipt(0)) is None
    for number in range(1, PENDING_MAX + 1):
        assert fresh.answered(receipt(number)).sent_ms == number
