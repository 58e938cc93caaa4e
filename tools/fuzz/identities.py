"""Keys that are the same in every run, so that an input means the same each time."""

from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256

from cloud_sync.core.batch import EDDSA, ES256
from cloud_sync.keys import PublicKey, Signer, parse_public


@cache
def identity(number: int, algorithm: int = EDDSA) -> tuple[Signer, PublicKey]:
    """Return the key number *number* of a kind, as who signs with it and who checks."""
    if algorithm == ES256:
        return _es256(number)
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    public = _public(private.public_key())
    return Signer(public.kid, EDDSA, public.public_bytes, private.sign), public


def _es256(number: int) -> tuple[Signer, PublicKey]:
    private = ec.derive_private_key(number, ec.SECP256R1())
    public = _public(private.public_key())

    def sign(message: bytes) -> bytes:
        r, s = utils.decode_dss_signature(private.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return Signer(public.kid, ES256, public.public_bytes, sign), public


def _public(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> PublicKey:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return parse_public(key.public_bytes(serialization.Encoding.PEM, form), "key")
