"""The broker's configuration: mosquitto with TLS, client certificates, and a pair of topics for each gateway."""

from collections.abc import Sequence
from pathlib import Path

from cloud_sync.keys import write_whole
from cloud_sync.platform.authority import Authority
from cloud_sync.platform.revocations import REVOKED, Revocation, Revocations

SHIPPED = Path(__file__).parent / "mosquitto"
CRL = "crl.pem"


def write_broker_config(home: Path, folder: Path, hosts: Sequence[str], port: int, bind: str) -> list[Path]:
    """Write everything a broker needs into *folder*; return the files. Its own key and certificate are kept.

    hosts: the names and addresses by which gateways reach it; a certificate for others needs the old one removed.
    """
    authority = Authority(home)
    authority.platform_files()
    place = str(folder.absolute())
    text = (SHIPPED / "mosquitto.conf").read_text("ascii").format(folder=place, port=port, bind=bind)
    write_whole(folder / "mosquitto.conf", text.encode("utf-8"), 0o644)
    write_whole(folder / "acl", (SHIPPED / "acl").read_bytes(), 0o640)
    write_whole(folder / "ca.crt", authority.ca_pem().encode("ascii"), 0o644)
    if not (folder / "broker.crt").exists():
        certificate, key = authority.broker_files(hosts)
        write_whole(folder / "broker.key", key, 0o640)
        write_whole(folder / "broker.crt", certificate, 0o644)
    write_whole(folder / CRL, write_revoked(home, authority), 0o644)
    return [folder / name for name in ("mosquitto.conf", "acl", "ca.crt", "broker.crt", "broker.key", CRL)]


def write_revoked(home: Path, authority: Authority) -> bytes:
    """Write the list of revoked certificates as the revoked keys have it; return it."""
    revoked = Revocations(home / REVOKED).all()
    return authority.write_list((serial, one.at_ms) for one in revoked for serial in one.serials)


def revoke(home: Path, kid: bytes, gateway: str, at_ms: int, reason: str) -> Revocation:
    """Revoke the key *kid* of *gateway*, and every certificate that the gateway has; return what now holds."""
    authority, revocations = Authority(home), Revocations(home / REVOKED)
    revocations.add(Revocation(kid, gateway, at_ms, reason, tuple(authority.issued(gateway))))
    write_revoked(home, authority)
    found = revocations.of(kid)
    assert found is not None
    return found
