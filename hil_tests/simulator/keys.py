"""Keys of a life: Ed25519 from the seed, or, in most lives, a keyed hash of the same length in its place.

The hash costs a tenth. It is no signature, for whoever checks it could make it; nobody forges in these lives.
"""

from dataclasses import dataclass
from hashlib import blake2b, sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cloud_sync.core.batch import EDDSA, KID_BYTES
from cloud_sync.keys import PublicKey, Signer

_SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class HashedKey(PublicKey):
    """Checks what the keyed hash of the same secret made."""

    secret: bytes

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Tell whether *signature* is the keyed hash of *message*."""
        return signature == _hashed(self.secret, message)


def _hashed(secret: bytes, message: bytes) -> bytes:
    return blake2b(message, key=secret, digest_size=_SIGNATURE_BYTES).digest()


def key_pair(name: str, seed: int, ed25519: bool) -> tuple[Signer, PublicKey]:
    """Return what signs for *name*, and what its signatures are checked with."""
    secret = sha256(f"{seed}/key of {name}".encode()).digest()
    private = Ed25519PrivateKey.from_private_bytes(secret)
    octets = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    kid = sha256(octets).digest()[:KID_BYTES]
    if ed25519:
        return Signer(kid, EDDSA, octets, private.sign), PublicKey(kid, EDDSA, octets, private.public_key())
    signer = Signer(kid, EDDSA, octets, lambda message: _hashed(secret, message))
    return signer, HashedKey(kid, EDDSA, octets, private.public_key(), secret)
