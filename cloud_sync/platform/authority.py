"""The platform's small certificate authority: it signs who may connect to the broker, and lists who may no more.

`pki/` in the platform's home: `ca.key` (0600) and `ca.crt`, the platform's own `platform.key` and `platform.crt`,
every certificate issued as `issued/<gateway>/<serial>.crt`, and the list of those revoked, `crl.pem`.
"""

import datetime
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud_sync.enrolling import fingerprint_of, names_of
from cloud_sync.keys import write_whole
from cloud_sync.platform.enrolment import RESERVED
from gateway.core.problem import ProblemError, problem

PKI = "pki"
YEARS = 10  # of the authority, the broker and the list; who they speak for changes sooner
CLIENT_DAYS = 397
_EARLY = datetime.timedelta(days=1)  # A gateway whose clock is a little behind must not refuse what is new.
_PEM = serialization.Encoding.PEM


class Authority:
    """The authority in the home folder of a platform; made the first time it is asked for."""

    def __init__(self, home: Path) -> None:
        """Open or make it; raises ProblemError where its files cannot be used."""
        self.folder = home / PKI
        if not (self.folder / "ca.crt").exists():
            self._make()
        try:
            key = serialization.load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
            self.certificate = x509.load_pem_x509_certificate((self.folder / "ca.crt").read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise ProblemError(
                problem(
                    "WP-PLT-220", str(self.folder), "The certificate authority cannot be used: {reason}.",
                    "Restore ca.key and ca.crt from the backup of the platform; a new authority means that every"
                    " gateway must be enrolled anew.", reason=error,
                )
            ) from error  # fmt: skip
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key

    @property
    def fingerprint(self) -> bytes:
        """Return the fingerprint that codes carry."""
        return fingerprint_of(self.certificate)

    def ca_pem(self) -> str:
        """Return the authority's certificate."""
        return self.certificate.public_bytes(_PEM).decode("ascii")

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Wattproof platform authority")])
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        root = (
            _builder(name, name, key.public_key(), datetime.timedelta(days=366 * YEARS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_whole(self.folder / "ca.key", _pkcs8(key), 0o600)
        write_whole(self.folder / "ca.crt", root.public_bytes(_PEM), 0o644)

    def _sign(
        self, name: x509.Name, alternative: x509.SubjectAlternativeName, key: ec.EllipticCurvePublicKey, days: int,
        use: x509.ObjectIdentifier,
    ) -> x509.Certificate:  # fmt: skip
        return (
            _builder(name, self.certificate.subject, key, datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(alternative, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip

    def issue(self, gateway: str, key: ec.EllipticCurvePublicKey) -> str:
        """Return a certificate with which *gateway* may connect, and keep a copy."""
        name, alternative = names_of(gateway)
        certificate = self._sign(name, alternative, key, CLIENT_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH)
        pem = certificate.public_bytes(_PEM)
        write_whole(self.folder / "issued" / gateway / f"{certificate.serial_number:x}.crt", pem, 0o644)
        return pem.decode("ascii")

    def issued(self, gateway: str) -> list[int]:
        """Return the serial numbers of all that was issued to *gateway*."""
        return sorted(int(path.stem, 16) for path in (self.folder / "issued" / gateway).glob("*.crt"))

    def platform_files(self) -> tuple[Path, Path]:
        """Return certificate and key with which the platform connects to the broker; made where there are none."""
        certificate, key = self.folder / "platform.crt", self.folder / "platform.key"
        if not certificate.exists():
            own = ec.generate_private_key(ec.SECP256R1())
            name, alternative = names_of(RESERVED)
            signed = self._sign(name, alternative, own.public_key(), 366 * YEARS, ExtendedKeyUsageOID.CLIENT_AUTH)
            write_whole(key, _pkcs8(own), 0o600)
            write_whole(certificate, signed.public_bytes(_PEM), 0o644)
        return certificate, key

    def broker_files(self, hosts: Iterable[str]) -> tuple[bytes, bytes]:
        """Return certificate and key of a broker that is reached by *hosts*: names and addresses."""
        own = ec.generate_private_key(ec.SECP256R1())
        names = list(hosts)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternative = x509.SubjectAlternativeName([_host(name) for name in names])
        signed = self._sign(subject, alternative, own.public_key(), 366 * YEARS, ExtendedKeyUsageOID.SERVER_AUTH)
        return signed.public_bytes(_PEM), _pkcs8(own)

    def write_list(self, revoked: Iterable[tuple[int, int]]) -> bytes:
        """Write the list of revoked certificates, given as serial number and time in ms; return it too."""
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - _EARLY)
            .next_update(now + datetime.timedelta(days=366 * YEARS))
        )
        for serial, at_ms in sorted(revoked):
            one = x509.RevokedCertificateBuilder().serial_number(serial)
            moment = datetime.datetime.fromtimestamp(at_ms // 1000, datetime.UTC)
            builder = builder.add_revoked_certificate(one.revocation_date(moment).build())
        pem = builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM)
        write_whole(self.folder / "crl.pem", pem, 0o644)
        return pem


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lasts: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + lasts)
    )


def _pkcs8(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
