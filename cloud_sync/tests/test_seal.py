"""Sealed messages: believed when whole and rightly signed, refused with the right reason otherwise."""

import os
import subprocess
import zlib
from pathlib import Path

import cbor2
import pytest

from cloud_sync.core.batch import (
    BATCH_BYTES_MAX,
    EDDSA,
    ES256,
    PAYLOAD_BYTES_MAX,
    Batch,
    batch_of,
    batch_payload,
    envelope,
    hole_of,
    protected_header,
    signing_bytes,
)
from cloud_sync.core.canonical import encode
from cloud_sync.core.entry import GENESIS
from cloud_sync.core.receipt import (
    BAD_SIGNATURE,
    GAP,
    MALFORMED,
    TOO_LARGE,
    UNKNOWN_KEY,
    Receipt,
    Refusal,
    digest_of,
)
from cloud_sync.keys import KeyRing, Signer, load_public, load_signer, new_key
from cloud_sync.seal import SealError, open_answer, open_sealed, seal, seal_answer

UP = "v1/b0/gw-1/up"
DOWN = "v1/b0/gw-1/down"


def _batch(gateway: str = "gw-1") -> Batch:
    return batch_of(gateway, bytes(range(16)), 1, GENESIS, (b"first body", b"second body"))


@pytest.fixture(params=[EDDSA, ES256], ids=["Ed25519", "ES256"])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Signer, KeyRing]:
    new_key(tmp_path / "gw.key", request.param)
    return load_signer(tmp_path / "gw.key"), KeyRing.load(tmp_path)


def _reason(raw: bytes, topic: str, ring: KeyRing) -> str:
    with pytest.raises(SealError) as caught:
        open_sealed(raw, topic, ring)
    return caught.value.reason


def _signed(payload: bytes, signer: Signer, topic: str = UP) -> bytes:
    protected = protected_header(signer.algorithm, signer.kid)
    return envelope(protected, payload, signer.sign(signing_bytes(protected, topic, payload)))


def test_a_sealed_batch_comes_back(pair: tuple[Signer, KeyRing]) -> None:
    """Both algorithms: the batch and the hole that were sealed are the ones that are opened."""
    signer, ring = pair
    assert open_sealed(seal(_batch(), signer, UP), UP, ring) == _batch()
    assert open_sealed(seal(hole_of(_batch()), signer, UP), UP, ring) == hole_of(_batch())


def test_every_flipped_bit_is_refused(pair: tuple[Signer, KeyRing]) -> None:
    """Each bit of a sealed batch, and of a receipt, flipped alone makes it unbelievable."""
    signer, ring = pair
    raw = seal(_batch(), signer, UP)
    answer = seal_answer(Receipt("gw-1", bytes(16), 2, bytes(32), 5, b"", 0), signer, DOWN)
    for whole, topic, read in ((raw, UP, open_sealed), (answer, DOWN, open_answer)):
        for at in range(len(whole)):
            for bit in range(8):
                broken = bytearray(whole)
                broken[at] ^= 1 << bit
                with pytest.raises(SealError):
                    read(bytes(broken), topic, ring)


def test_every_truncation_is_refused(pair: tuple[Signer, KeyRing]) -> None:
    """Cut at any byte, or with a byte more, a sealed batch is malformed."""
    signer, ring = pair
    raw = seal(_batch(), signer, UP)
    for end in range(len(raw)):
        assert _reason(raw[:end], UP, ring) == MALFORMED
    assert _reason(raw + b"\x00", UP, ring) == MALFORMED


def test_the_topic_is_signed_too(pair: tuple[Signer, KeyRing]) -> None:
    """The same bytes on another gateway's topic, another bucket's or the down topic are not believed."""
    signer, ring = pair
    raw = seal(_batch(), signer, UP)
    for topic in ("v1/b0/gw-2/up", "v1/b1/gw-1/up", DOWN, "elsewhere"):
        assert _reason(raw, topic, ring) == BAD_SIGNATURE


def test_a_gateway_cannot_speak_for_another(pair: tuple[Signer, KeyRing]) -> None:
    """A batch that names another gateway than its topic is malformed, though rightly signed."""
    signer, ring = pair
    assert _reason(seal(_batch("gw-2"), signer, UP), UP, ring) == MALFORMED
    answer = seal_answer(Receipt("gw-2", bytes(16), 2, bytes(32), 5, b"", 0), signer, DOWN)
    with pytest.raises(SealError) as caught:
        open_answer(answer, DOWN, ring)
    assert caught.value.reason == MALFORMED


def test_an_unknown_key_is_named_as_such(pair: tuple[Signer, KeyRing]) -> None:
    """Without the key in the ring the reason is unknown-key, which a gateway waits for."""
    signer, _ = pair
    assert _reason(seal(_batch(), signer, UP), UP, KeyRing()) == UNKNOWN_KEY


def test_fault_i20_the_algorithm_belongs_to_the_key(pair: tuple[Signer, KeyRing]) -> None:
    """A header that names another algorithm than the key's is refused before any signature is tried."""
    signer, ring = pair
    other = Signer(signer.kid, EDDSA if signer.algorithm == ES256 else ES256, signer.public_bytes, signer.sign)
    assert _reason(seal(_batch(), other, UP), UP, ring) == BAD_SIGNATURE


def test_inflating_is_capped_and_whole(pair: tuple[Signer, KeyRing]) -> None:
    """A signed bomb is too large; a cut, doubled or plain stream and a payload that is no batch are malformed."""
    signer, ring = pair
    assert _reason(_signed(zlib.compress(bytes(PAYLOAD_BYTES_MAX + 1)), signer), UP, ring) == TOO_LARGE
    stream = zlib.compress(batch_payload(_batch()))
    for payload in (stream[:-1], stream + stream, batch_payload(_batch()), b"", zlib.compress(b"\xa0")):
        assert _reason(_signed(payload, signer), UP, ring) == MALFORMED


def test_what_is_too_large_is_neither_sealed_nor_opened(pair: tuple[Signer, KeyRing]) -> None:
    """128 KiB is the limit of a message on both ends."""
    signer, ring = pair
    with pytest.raises(SealError) as caught:
        seal(batch_of("gw-1", bytes(16), 1, GENESIS, (os.urandom(BATCH_BYTES_MAX),)), signer, UP)
    assert caught.value.reason == TOO_LARGE
    assert _reason(bytes(BATCH_BYTES_MAX + 1), UP, ring) == TOO_LARGE


def test_answers_come_back(pair: tuple[Signer, KeyRing]) -> None:
    """A receipt and a refusal are opened as they were sealed; a batch is no answer."""
    signer, ring = pair
    for answer in (Receipt("gw-1", bytes(16), 2, bytes(32), 5, b"", 0), Refusal("gw-1", digest_of(b""), GAP, 3, 5)):
        assert open_answer(seal_answer(answer, signer, DOWN), DOWN, ring) == answer
    with pytest.raises(SealError) as caught:
        open_answer(_signed(encode({0: 1}), signer, DOWN), DOWN, ring)
    assert caught.value.reason == MALFORMED


def test_openssl_agrees_on_the_signature(tmp_path: Path) -> None:
    """The openssl command verifies the Ed25519 signature over the structure that cbor2 rebuilds from the message."""
    new_key(tmp_path / "gw.key")
    raw = seal(_batch(), load_signer(tmp_path / "gw.key"), UP)
    tag = cbor2.loads(raw)
    assert tag.tag == 18
    protected, unprotected, payload, signature = tag.value
    assert not unprotected
    assert cbor2.loads(protected) == {1: -8, 4: load_public(tmp_path / "gw.pub").kid}
    (tmp_path / "message").write_bytes(cbor2.dumps(["Signature1", protected, UP.encode(), payload]))
    (tmp_path / "signature").write_bytes(signature)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "gw.pub", "-rawin", "-in", "message"]
    done = subprocess.run([*command, "-sigfile", "signature"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "Verified Successfully" in done.stdout
