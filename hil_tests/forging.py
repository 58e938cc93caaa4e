"""What a forger with the gateway's own key can do: write a chain again from any entry on, and export it."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cloud_sync.core.batch import Batch, batch_of
from cloud_sync.core.canonical import encode
from cloud_sync.core.entry import chain
from cloud_sync.keys import KeyRing, Signer, load_public
from cloud_sync.seal import open_sealed, seal
from gateway.export import BATCH, END, ENTRY, Frame, read_frames
from hil_tests.paired import UP

Forge = Callable[[int, bytes], bytes]  # sequence and body in, body out


def framed(kind: int, *fields: object) -> bytes:
    """Return the bytes of one frame of an export."""
    item = encode([kind, *fields])
    return len(item).to_bytes(4, "big") + item


def ended(frames: list[bytes]) -> bytes:
    """Return *frames* with an end that fits them."""
    kinds = [frame[5] for frame in frames]
    others = len(frames) - kinds.count(ENTRY) - kinds.count(BATCH)
    digest = sha256(b"".join(frames)).digest()
    return b"".join(frames) + framed(END, kinds.count(ENTRY), kinds.count(BATCH), others, digest)


def frames_of(path: Path) -> list[Frame]:
    """Return the frames of an export."""
    return list(read_frames(path))


def forged(path: Path, keys: Path, signer: Signer, forge: Forge, only: int | None = None) -> bytes:
    """Return an export as written again by *forge* and signed by *signer*; all else in it stays as it was.

    only: number of the one batch that is forged, those after it being left as they were.
    """
    ring = KeyRing([load_public(keys / "gateway.pub")])
    found: list[bytes] = []
    head: tuple[int, bytes] | None = None
    number = 0
    for frame in frames_of(path):
        if frame.kind == BATCH:
            batch = open_sealed(frame.fields[0], UP, ring)
            assert isinstance(batch, Batch)
            touched = only is None or number == only
            if touched:
                follows = head is not None and head[0] + 1 == batch.first_sequence
                previous = head[1] if follows and head is not None else batch.previous_link
                bodies = tuple(forge(batch.first_sequence + n, body) for n, body in enumerate(batch.bodies))
                batch = batch_of(batch.gateway, batch.incarnation, batch.first_sequence, previous, bodies)
            found += _written(batch, seal(batch, signer, UP) if touched else frame.fields[0])
            head = (batch.last_sequence, batch.link)
            number += 1
        elif frame.kind not in (ENTRY, END):
            found.append(frame.raw)
    return ended(found)


def _written(batch: Batch, signed: bytes) -> list[bytes]:
    entries = chain(batch.previous_link, batch.first_sequence, batch.bodies)
    return [*(framed(ENTRY, one.sequence, batch.incarnation, one.link, one.body) for one in entries),
            framed(BATCH, signed)]  # fmt: skip
