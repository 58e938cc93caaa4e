"""What a platform answers, or whoever sits between: believed, or refused by a problem that can be said."""

import datetime
from base64 import encodebytes
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from cloud_sync.enrolling import Answer, text_of
from gateway.core.problem import ProblemError
from gateway.enrolment import KEYS, TLS_KEY, request_of, take

VERSION_3, VERSION_19 = bytes.fromhex("a003020102"), bytes.fromhex("a003020112")
P256, P239 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030106")


def _home(folder: Path) -> Path:
    (folder / KEYS).mkdir()
    (folder / "gateway.toml").write_text('[gateway]\nid = "gw-1"\n')
    return folder


def _certificate(key: ec.EllipticCurvePublicKey, by: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    day = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key).serial_number(7)
    return builder.not_valid_before(day).not_valid_after(day + datetime.timedelta(days=1)).sign(by, hashes.SHA256())


def _pem(der: bytes) -> str:
    return "-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % encodebytes(der).decode()


@pytest.mark.parametrize(("known", "unknown"), [(P256, P239), (VERSION_3, VERSION_19)])
def test_a_certificate_of_a_curve_or_version_that_nobody_knows_is_not_believed(
    tmp_path: Path, known: bytes, unknown: bytes
) -> None:
    """The answer is refused with WP-KEY-018, whichever of its two certificates is of such a kind."""
    home, key = _home(tmp_path), ec.generate_private_key(ec.SECP256R1())
    good = _certificate(key.public_key(), key).public_bytes(serialization.Encoding.DER)
    strange = good.replace(known, unknown)
    assert strange != good
    for certificate, ca in ((good, strange), (strange, good), (strange, strange)):
        answer = Answer("gw-1", _pem(certificate), _pem(ca), "", "b0", "")
        with pytest.raises(ProblemError) as caught:
            take(home, text_of(answer), None)
        assert caught.value.problems[0].code == "WP-KEY-018"


def test_a_connection_key_of_another_kind_is_told(tmp_path: Path) -> None:
    """An RSA key in tls.key is refused with WP-KEY-017, in place of a failed assertion."""
    home = _home(tmp_path)
    form = serialization.PrivateFormat.PKCS8
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    )
    (home / KEYS / TLS_KEY).write_bytes(pem)
    with pytest.raises(ProblemError) as caught:
        request_of(home, None)
    assert caught.value.problems[0].code == "WP-KEY-017"
