"""Revoked keys at the platform's end: refused by name from then on, what came before stays and still verifies."""

import json
from pathlib import Path

from click.testing import CliRunner

from cloud_sync.keys import load_signer, new_key
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.cli import main
from cloud_sync.platform.enrolment import enrol
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import Gateway, config, interval


def revoke(platform: Platform, kid: bytes) -> None:
    command = ["--home", str(platform.home), "keys", "revoke", kid.hex(), "--reason", "stolen from the cabinet"]
    assert CliRunner().invoke(main, command).exit_code == 0


def test_fault_i07_a_stolen_key_is_revoked_while_the_platform_runs(platform: Platform, gateway: Gateway) -> None:
    """The next batch of the key is refused as such, another gateway is not touched, the ledger still audits clean."""
    assert platform.receipted("gw-1", gateway.send(config())) == [1]
    revoke(platform, gateway.signer.kid)
    after = gateway.send(interval(0, 900))
    assert platform.refused("gw-1", after) == ["revoked-key"]
    kept = platform.ledger.read("SELECT reason, detail FROM set_aside")[0]
    assert tuple(kept) == ("revoked-key", gateway.signer.kid.hex())
    other = Gateway("gw-2", load_signer(platform.home / "edge" / "gw-2.key"))
    assert platform.receipted("gw-2", other.send(config())) == [1]
    assert audit(platform.ledger, platform.ring).problems == ()


def test_a_gateway_goes_on_with_another_key(platform: Platform, gateway: Gateway) -> None:
    """Its chain goes on where it stood, signed by the key that was enrolled in place of the revoked one."""
    assert platform.receipted("gw-1", gateway.send(config())) == [1]
    revoke(platform, gateway.signer.kid)
    assert platform.refused("gw-1", gateway.sealed(gateway.batch(interval(0, 900)))) == ["revoked-key"]
    new_key(platform.home / "new.key")
    enrol(platform.home / "keys" / "gateways", "gw-1", platform.home / "new.pub")
    gateway.signer, gateway.sequence = load_signer(platform.home / "new.key"), 1
    gateway.link = platform.ledger.read("SELECT link FROM entry WHERE gateway = 'gw-1'")[0][0]
    assert platform.receipted("gw-1", gateway.send(interval(0, 900))) == [2]
    assert audit(platform.ledger, platform.ring).problems == ()


def test_what_is_revoked_is_shown(platform: Platform, gateway: Gateway, tmp_path: Path) -> None:
    """`keys show` tells since when and why; a second revocation changes neither; an unknown key id is refused."""
    revoke(platform, gateway.signer.kid)
    revoke(platform, gateway.signer.kid)
    shown = CliRunner().invoke(main, ["--home", str(platform.home), "keys", "show", "--json"])
    (one,) = json.loads(shown.stdout)["revoked"]
    assert (one["kid"], one["gateway"], one["reason"]) == (
        gateway.signer.kid.hex(), "gw-1", "stolen from the cabinet",
    )  # fmt: skip
    unknown = ["--home", str(platform.home), "keys", "revoke", "00" * 8, "--reason", "x"]
    assert CliRunner().invoke(main, unknown).stderr.startswith("WP-PLT-229")
