"""Change of key: a gateway's key names its successor, in the chain, and the successor proves that it is held.

The entry is signed by the old key with the batch it is in; its proof is the new key's signature. From the next batch on
the new key signs, and the old one nothing after the entry.
"""

from cloud_sync.core.canonical import encode
from cloud_sync.keys import PublicKey, Signer, public_key_of
from gateway.core.record import KIND_KEY_CHANGE, KeyChange, Stamp

_PURPOSE = "wattproof key change 1"
# A body is a map of seven members whose first is its kind.
_HEAD = bytes((0xA7, 0x00, KIND_KEY_CHANGE))


def _statement(gateway: str, old_kid: bytes, new_kid: bytes) -> bytes:
    return encode([_PURPOSE, gateway, old_kid, new_kid])


def announce(stamp: Stamp, gateway: str, old: Signer, new: Signer) -> KeyChange:
    """Return the record by which *old* hands over to *new*."""
    proof = new.sign(_statement(gateway, old.kid, new.kid))
    return KeyChange(stamp, old.kid, new.kid, new.algorithm, new.public_bytes, proof)


def is_change(body: bytes) -> bool:
    """Tell whether the body of an entry is a change of key, without opening it."""
    return body.startswith(_HEAD)


def successor(change: KeyChange, gateway: str, signed_by: bytes) -> PublicKey:
    """Return the key that *change* hands over to; raises ValueError where it does not hold.

    signed_by: the id of the key that signed the batch with this record.
    """
    if change.old_kid != signed_by:
        raise ValueError("another key than %s announces its successor" % change.old_kid.hex())
    public = public_key_of(change.algorithm, change.public_key)
    if public.kid != change.new_kid or public.kid == signed_by:
        raise ValueError("the successor's key id is not that of its key")
    if not public.verify(change.proof, _statement(gateway, change.old_kid, change.new_kid)):
        raise ValueError("the successor did not prove that its key is held")
    return public
