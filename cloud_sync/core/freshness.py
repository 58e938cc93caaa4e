"""Freshness: tells a receipt that answers what was sent just now from one that was kept back or played again.

Each sending carries a nonce of its own, beside the signed batch, which stays as it was first made. The platform puts
the nonce into the receipt that it signs, so its time was read after the sending. A nonce is good for one receipt.
"""

from collections import namedtuple

from cloud_sync.core.receipt import NONCE_BYTES, Receipt

PENDING_MAX = 80  # Sendings that may still be answered; more than twice what is in flight.


class Anchor(namedtuple("Anchor", ("at_ms", "bound_ms", "sent_ms"))):
    """The platform's clock, which is right within bound_ms, showed at_ms at some moment after our own sent_ms."""

    __slots__ = ()
    at_ms: int
    bound_ms: int
    sent_ms: int


class Freshness:
    """The nonces that wait for their receipt."""

    def __init__(self) -> None:
        self._pending: "list[tuple[bytes, int]]" = []  # nonce and when it was sent, oldest first

    def sent(self, nonce: bytes, now_ms: int) -> None:
        """Note that *nonce* goes out at *now_ms* of our monotonic clock."""
        assert len(nonce) == NONCE_BYTES
        self._pending.append((nonce, now_ms))
        if len(self._pending) > PENDING_MAX:
            self._pending.pop(0)

    def answered(self, receipt: Receipt) -> "Anchor | None":
        """Return the time of a verified *receipt* if it answers a sending, and forget that one."""
        for index in range(len(self._pending)):
            nonce, sent_ms = self._pending[index]
            if nonce == receipt.nonce:
                self._pending.pop(index)
                return Anchor(receipt.at_ms, receipt.bound_ms, sent_ms)
        return None
