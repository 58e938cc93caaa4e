"""Roads: one sender for each platform that gets the gateway's batches, each with a mark of its own in the journal."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from cloud_sync.core.batch import Sealed
from cloud_sync.core.freshness import Anchor
from cloud_sync.keys import KeyRing, Signer, load_public
from cloud_sync.sender import Sender, Settings, broker_settings
from gateway.config import Configuration, UplinkSettings
from gateway.enrolment import certificate_end_ms
from gateway.frame import plain_problem
from gateway.journal import Journal
from gateway.journal_file import UnwrittenError
from gateway.key_files import Signing
from gateway.questions import utc_text

RENEW_BEFORE_MS = 60 * 86_400_000  # Two months are enough for a visit to a site without a route to the platform.
SPREAD_S = 6.0  # A broker that starts anew gets its gateways back over so long.


class Outbox:
    """The journal as one platform sees it: its own receipts, and holes where it refused a batch."""

    def __init__(self, journal: Journal, platform: str) -> None:
        self._journal = journal
        self._platform = platform

    def receipted_through(self) -> int:
        """Return the highest sequence that a receipt of this platform covers, or 0."""
        return self._journal.receipted_through(self._platform)

    def next_sealed(self, after: int) -> Sealed | None:
        """Return the first sealed batch that ends after *after*; of one that this platform refused, its hole."""
        return self._journal.next_sealed(after, self._platform)

    def newest_sealed(self) -> Sealed | None:
        """Return the sealed batch with the last entries; of one that this platform refused, its hole."""
        return self._journal.newest_sealed(self._platform)

    def link_at(self, sequence: int) -> bytes | None:
        """Return the link of entry *sequence*, or None where it is not kept (any more)."""
        return self._journal.link_at(sequence)

    def digests(self, first: int, last: int) -> tuple[bytes, ...]:
        """Return the SHA-256 of the bodies of the entries from *first* to *last*, both included."""
        return self._journal.digests(first, last)

    def receipted(self, through: int, signed: bytes) -> None:
        """Keep a receipt of this platform; one that the disk does not take is asked for again after the next start."""
        with suppress(UnwrittenError):
            self._journal.receipted(through, signed, self._platform)

    def cosigned(self, size: int, note: bytes) -> None:
        """Keep the note by which this platform cosigned the checkpoint over *size* entries, if the disk takes it."""
        with suppress(UnwrittenError):
            self._journal.cosigned(size, note, self._platform)

    def set_aside(self, first: int, refusal: str, hole: bytes) -> None:
        """Offer this platform *hole* in place of the batch that starts at *first* from now on."""
        self._journal.set_aside(first, refusal, hole, self._platform)


def connection_settings(configuration: Configuration, uplink: UplinkSettings) -> Settings:
    """Return how the broker of *uplink* is reached; raises ProblemError with what is wrong with it."""
    files = [configuration.home / name if name else None for name in (uplink.ca, uplink.certificate, uplink.key)]
    return broker_settings(uplink.broker, configuration.site.gateway, *files)._replace(spread_s=SPREAD_S)


class RoadEnd(NamedTuple):
    """The far end of one road: how its broker is reached, and whose receipts are believed."""

    uplink: UplinkSettings
    settings: Settings
    platform: KeyRing
    certificate_until_ms: int | None = None


def road_ends(configuration: Configuration, known_ms: Callable[[], int | None]) -> list[RoadEnd]:
    """Return the far ends of all roads; raises ProblemError with what is wrong with keys and addresses.

    known_ms: gives the time that certificates are judged by, None while it is not known.
    """
    return [
        RoadEnd(
            uplink,
            connection_settings(configuration, uplink)._replace(known_ms=known_ms),
            KeyRing([load_public(configuration.home / uplink.platform_key)]),
            certificate_end_ms(configuration.home / uplink.certificate) if uplink.certificate else None,
        )
        for uplink in configuration.uplinks
    ]


class Roads:
    """The roads of a running gateway; what stops one of them holds up no other."""

    def __init__(
        self,
        ends: list[RoadEnd],
        gateway: str,
        journal: Journal,
        signing: Signing | None,
        wake: Callable[[], None],
        on_anchor: Callable[[Anchor], None] | None = None,
        on_unjudged: Callable[[], None] | None = None,
    ) -> None:
        """Prepare a sender for each platform.

        on_anchor is told the time of every fresh receipt; on_unjudged, that a certificate's time was not judged.
        """
        self._journal = journal
        self._senders: dict[str, Sender] = {}
        self._known_ms: Callable[[], int | None] = lambda: None
        self._until_ms: dict[str, int] = {}
        for uplink, settings, platform, until_ms in ends:
            self._known_ms = settings.known_ms or self._known_ms
            if until_ms is not None:
                self._until_ms[uplink.platform] = until_ms
            assert signing is not None, "what is sent is signed"
            outbox = Outbox(journal, uplink.platform)
            self._senders[uplink.platform] = Sender(
                outbox,
                settings,
                gateway,
                uplink.bucket,
                signing.signer,
                platform,
                wake,
                on_anchor,
                on_unjudged=on_unjudged,
                former=signing.handovers,
            )

    def start(self) -> None:
        """Open the connections."""
        for sender in self._senders.values():
            sender.start()
            sender.sealed()

    def stop(self) -> None:
        """Close the connections."""
        for sender in self._senders.values():
            sender.stop()

    def sealed(self) -> None:
        """Note that the journal has another sealed batch; `step` will fetch it."""
        for sender in self._senders.values():
            sender.sealed()

    def change_key(self, sequence: int, new: Signer) -> None:
        """Sign with *new* what comes after entry *sequence*."""
        for sender in self._senders.values():
            sender.change_key(sequence, new)

    def step(self, now_ms: int) -> int | None:
        """Do what is due; return after how many ms to call again at the latest, None where there is no road."""
        return min((sender.step(now_ms) for sender in self._senders.values()), default=None)

    def status(self, without_journal: bool = False) -> list[dict[str, Any]]:
        """Return how each road does, for `wattproof status`."""
        return [
            self._told(platform, sender, None if without_journal else self._journal.receipted_through(platform))
            for platform, sender in self._senders.items()
        ]

    def _told(self, platform: str, sender: Sender, receipted: int | None) -> dict[str, Any]:
        road = sender.status()
        receipt = road.last_receipt
        return {
            "platform": platform,
            "state": road.state,
            "connected": road.connected,
            "in_flight": [list(pair) for pair in road.in_flight],
            "sent": road.sent,
            "receipted": receipted,
            "last_receipt_through": receipt.through_sequence if receipt else None,
            "last_receipt_at": utc_text(receipt.at_ms) if receipt else None,
            "refusal": road.last_refusal.reason if road.last_refusal else None,
            "trouble": plain_problem(road.trouble) if road.trouble else None,
            **self._certificate(platform),
        }

    def _certificate(self, platform: str) -> dict[str, Any]:
        """Return until when the gateway's certificate holds, and whether to renew it, where the time is known."""
        known_ms, until_ms = self._known_ms(), self._until_ms.get(platform)
        soon = known_ms is not None and until_ms is not None and until_ms - known_ms < RENEW_BEFORE_MS
        return {"certificate_until": None if until_ms is None else utc_text(until_ms), "certificate_due": soon}
