"""A gateway as the platform sees it: a key, a chain of records, sealed batches; for tests of the platform's end."""

from cloud_sync.core.batch import Batch, Hole, batch_of
from cloud_sync.core.canonical import encode
from cloud_sync.core.entry import GENESIS
from cloud_sync.core.topic import up_topic
from cloud_sync.keys import Signer
from cloud_sync.seal import seal
from gateway.core import record as records
from gateway.core.account.basis import Basis
from gateway.core.account.interval import Energy, Span
from gateway.core.account.storage import pool_of
from gateway.core.account.tally import Tally
from gateway.core.account.trace import Allocation, Residual

BUCKET = "b0"
SITE = """
[gateway]
id = "gw-1"
[[meter_point]]
name = "Intake"
role = "intake"
meter = "m-intake"
busbar = "LV1"
origin = "grid"
[[meter_point]]
name = "Hall"
role = "load"
meter = "m-hall"
busbar = "LV1"
"""
CHANNELS = (("m-intake", "active_power_total"), ("m-intake", "voltage_l1_n"), ("m-hall", "active_power_total"))


def stamp(utc_ms: int = 1_000_000) -> records.Stamp:
    """Return a stamp at *utc_ms*."""
    return records.Stamp(b"bootboot", utc_ms, utc_ms, "S", 50)


def config(site: str = SITE) -> records.Config:
    """Return a configuration entry of two meters."""
    return records.Config(stamp(), site, "", (), CHANNELS)


BASIS = Basis(("boundary=first-after", "gap=linear"), bytes(16), (3,))


def interval(start_s: int, end_s: int) -> records.Interval:
    """Return the closing of [start_s, end_s)."""
    return records.Interval(stamp(), 1, start_s, end_s, b"r" * 32, 2, 1_000_000)


def account(start_s: int, end_s: int, wh: int, flag: str = "") -> records.Account:
    """Return an account in which *wh* went from the intake to the hall."""
    start_ms, end_ms = start_s * 1000, end_s * 1000
    return records.Account(
        stamp(),
        1,
        start_s,
        end_s,
        b"s" * 32,
        (
            Span(
                "m-intake",
                "energy_active_import",
                (0, start_s),
                start_ms,
                (0, end_s),
                end_ms,
                0,
                1,
                wh,
                flag,
                (),
                (),
                0,
                0,
            ),
            Span(
                "m-hall", "energy_active_import", (1, start_s), start_ms, (1, end_s), end_ms, 0, 1, wh, "", (), (), 0, 0
            ),
        ),
        (Energy("Intake", wh, 0, flag), Energy("Hall", wh, 0, "")),
        (Allocation("flow", "Intake", "Hall", wh),),
        (Residual("LV1", "Intake", 0),),
        (Tally("Hall", "flow", "grid-2023", wh, 0, wh * 580, (("grid", wh),), ("grid-2023-cn",)),),
        (),
        (pool_of("Battery", (("grid", 5), ("solar", 7))),),
        BASIS,
    )


class Gateway:
    """Writes entries and seals them, as a real one does: one incarnation at a time."""

    def __init__(self, name: str, signer: Signer, incarnation: bytes = b"i" * 16) -> None:
        self.name = name
        self.signer = signer
        self.incarnation = incarnation
        self.sequence = 0
        self.link = GENESIS

    def batch(self, *written: tuple[object, ...] | bytes) -> Batch:
        """Return the next batch, of records or of bodies as they are."""
        bodies = tuple(one if isinstance(one, bytes) else encode(records.to_map(one)) for one in written)
        batch = batch_of(self.name, self.incarnation, self.sequence + 1, self.link, bodies)
        self.sequence, self.link = batch.last_sequence, batch.link
        return batch

    def sealed(self, batch: Batch | Hole) -> bytes:
        """Return *batch* signed for this gateway's topic."""
        return seal(batch, self.signer, up_topic(BUCKET, self.name))

    def send(self, *written: tuple[object, ...] | bytes) -> bytes:
        """Return the next batch, sealed."""
        return self.sealed(self.batch(*written))

    def restarted(self, incarnation: bytes) -> "Gateway":
        """Return this gateway after another start of its process."""
        other = Gateway(self.name, self.signer, incarnation)
        other.sequence, other.link = self.sequence, self.link
        return other
