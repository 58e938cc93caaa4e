"""Changes of key at the platform's end: followed where they hold, and not otherwise."""

import pytest

from cloud_sync.key_change import announce, successor
from cloud_sync.keys import load_signer, new_key
from cloud_sync.platform.auditing import audit
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import Gateway, config, interval, stamp


def test_fault_i07_the_old_key_signs_nothing_after_it_handed_over(platform: Platform, gateway: Gateway) -> None:
    """What the old key signs after the change is refused by name; what it signed before is still receipted."""
    new_key(platform.home / "new.key")
    old, new = gateway.signer, load_signer(platform.home / "new.key")
    before = gateway.send(config())
    change = gateway.send(announce(stamp(), "gw-1", old, new))
    assert platform.receipted("gw-1", before) == [1] and platform.receipted("gw-1", change) == [2]
    stolen = gateway.sealed(gateway.batch(interval(0, 900)))
    assert platform.refused("gw-1", stolen) == ["revoked-key"]
    assert platform.receipted("gw-1", change) == [2]  # the receipt was lost: it comes again
    gateway.signer, gateway.sequence = new, 2
    gateway.link = platform.ledger.read("SELECT link FROM entry WHERE gateway = 'gw-1' AND sequence = 2")[0][0]
    assert platform.receipted("gw-1", gateway.send(interval(0, 900))) == [3]
    assert audit(platform.ledger, platform.ring).problems == ()


def test_held_batches_of_the_new_key_follow_the_change(platform: Platform, gateway: Gateway) -> None:
    """Two changes in a row come in order, and a batch of the newest key at last."""
    signers = [gateway.signer]
    for name in ("second", "third"):
        new_key(platform.home / (name + ".key"))
        signers.append(load_signer(platform.home / (name + ".key")))
    sent = [gateway.send(config())]
    for old, new in zip(signers, signers[1:], strict=False):
        sent.append(gateway.send(announce(stamp(), "gw-1", old, new)))
        gateway.signer = new
    sent.append(gateway.send(interval(0, 900)))
    assert [platform.receipted("gw-1", one) for one in sent] == [[1], [2], [3], [4]]


def test_a_false_change_of_key_is_not_followed(platform: Platform, gateway: Gateway) -> None:
    """Without proof, for another gateway, by another key, or to a key of another gateway: nobody is enrolled by it."""
    new_key(platform.home / "new.key")
    old, new = gateway.signer, load_signer(platform.home / "new.key")
    other = load_signer(platform.home / "edge" / "gw-2.key")
    good = announce(stamp(), "gw-1", old, new)
    for lie in (
        good._replace(proof=bytes(64)),
        good._replace(proof=old.sign(b"")),
        announce(stamp(), "gw-2", old, new),
        announce(stamp(), "gw-1", other, new),
        good._replace(algorithm=-7),
        good._replace(public_key=other.public_bytes),
        good._replace(new_kid=other.kid),
        announce(stamp(), "gw-1", old, other),
        announce(stamp(), "gw-1", old, old),
    ):
        assert len(platform.receipted("gw-1", gateway.send(lie))) == 1
        if lie.new_kid != other.kid or lie.public_key != other.public_bytes:
            with pytest.raises(ValueError, match="key"):
                successor(lie, "gw-1", old.kid)
    assert platform.count("handover") == 0 and len(platform.receiver.enrolment.of("gw-1")) == 1
    gateway.signer = new
    assert platform.refused("gw-1", gateway.send(interval(0, 900))) == ["unknown-key"]
