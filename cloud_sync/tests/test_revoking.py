"""Revoked keys at the platform's end: refused by name from then on, what came before stays and still verifies."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

from click.testing import CliRunner

from cloud_sync.key_change import announce
from cloud_sync.keys import load_signer, new_key
from cloud_sync.platform.auditing import audit
from cloud_sync.platform.cli import main
from cloud_sync.platform.enrolment import enrol
from cloud_sync.platform.yearly_report import make_report
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import Gateway, account, config, interval, stamp


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


def test_the_report_rests_on_keys_that_are_revoked_or_handed_over(platform: Platform, gateway: Gateway) -> None:
    """Both stand among what a report rests on, with time, reason and entry."""
    site = (
        '[gateway]\nid = "gw-1"\npark = "P"\n[[meter_point]]\nname = "Hall"\nrole = "load"\nmeter = "m"\nbusbar = "L"\n'
    )
    new_key(platform.home / "new.key")
    old, new = gateway.signer, load_signer(platform.home / "new.key")
    for record in (config(site), interval(1_699_999_200, 1_700_000_100), account(1_699_999_200, 1_700_000_100, 7)):
        assert platform.receipted("gw-1", gateway.send(record))
    assert platform.receipted("gw-1", gateway.send(announce(stamp(), "gw-1", old, new))) == [4]
    revoke(platform, new.kid)
    report = make_report(platform.ledger, platform.home, ZoneInfo("Asia/Shanghai"), "2023", None, 1_700_000_200)
    (basis,) = [one for one in report.plain()["sections"].values() if one["id"] == "basis"]
    rows = dict(basis["tables"][0]["rows"])
    assert rows["gw-1, key " + old.kid.hex()] == "handed over to %s in entry 4" % new.kid.hex()
    assert rows["gw-1, key " + new.kid.hex()].endswith(": stolen from the cabinet")


def test_fault_i06_the_batches_of_another_gateway_are_not_taken(platform: Platform, gateway: Gateway) -> None:
    """Sent on the topic of another gateway, or signed by another's key for its own, they are refused and not kept."""
    stolen = gateway.send(config())
    assert platform.refused("gw-2", stolen) == ["unknown-key"]
    forger = Gateway("gw-1", load_signer(platform.home / "edge" / "gw-2.key"))
    assert platform.refused("gw-1", forger.send(config())) == ["unknown-key"]
    assert platform.count("entry") == 0
    assert platform.receipted("gw-1", stolen) == [1]
    assert platform.receipted("gw-1", stolen) == [1] and platform.count("entry") == 1
