"""SM2 with SM3 against the published example and against the openssl program, both ways."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import utils

from cloud_sync import sm2
from cloud_sync.core.batch import SM2
from cloud_sync.keys import load_public, load_signer, new_key, parse_public
from gateway.core.problem import ProblemError

# GB/T 32918.5-2017 (GM/T 0003.5-2012), annex A.2: signature of the message "message digest".
SECRET = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
POINT = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a"
    "6632f6072da9ad13"
)
SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d484"
    "0b69c485bbc1aa"
)
OPENSSL_SM2 = ("-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678")


def test_the_published_signature_holds() -> None:
    """The signature of the standard's example verifies; with any byte of it changed it does not."""
    assert sm2.verifies(POINT, SIGNATURE, b"message digest")
    for index in range(len(SIGNATURE)):
        changed = SIGNATURE[:index] + bytes((SIGNATURE[index] ^ 1,)) + SIGNATURE[index + 1 :]
        assert not sm2.verifies(POINT, changed, b"message digest")
    assert not sm2.verifies(POINT, SIGNATURE, b"message digests")
    for wrong in (b"", SIGNATURE[:63], bytes(64), b"\xff" * 64):
        assert not sm2.verifies(POINT, wrong, b"message digest")


def test_the_published_key_signs() -> None:
    """What the private key of the example signs, its public key verifies, and never twice with the same bytes."""
    sign = sm2.signing(sm2.private_der(SECRET, POINT))
    first, second = sign(b"message digest"), sign(b"message digest")
    assert first != second and all(sm2.verifies(POINT, one, b"message digest") for one in (first, second))


def test_openssl_verifies_what_we_sign(tmp_path: Path) -> None:
    """The openssl program takes our key file and our signature as its own."""
    new_key(tmp_path / "gw.key", SM2)
    message = tmp_path / "message"
    message.write_bytes(b"a batch" * 1000)
    signature = load_signer(tmp_path / "gw.key").sign(message.read_bytes())
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    (tmp_path / "signature").write_bytes(utils.encode_dss_signature(r, s))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(tmp_path / "gw.pub"), "-in", str(message)]
    done = subprocess.run(
        [*command, "-sigfile", str(tmp_path / "signature"), *OPENSSL_SM2], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, "Signature Verified Successfully")


def test_we_verify_what_openssl_signs(tmp_path: Path) -> None:
    """A key pair and a signature that the openssl program made are taken here."""
    key, message = tmp_path / "gw.key", tmp_path / "message"
    message.write_bytes(b"another batch")
    for command in (
        ["genpkey", "-algorithm", "SM2", "-out", str(key)],
        ["pkey", "-in", str(key), "-pubout", "-out", str(tmp_path / "gw.pub")],
        ["pkeyutl", "-sign", "-inkey", str(key), "-in", str(message), "-out", str(tmp_path / "sig"), *OPENSSL_SM2],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    key.chmod(0o600)
    public = load_public(tmp_path / "gw.pub")
    r, s = utils.decode_dss_signature((tmp_path / "sig").read_bytes())
    assert public.algorithm == SM2
    assert public.verify(r.to_bytes(32, "big") + s.to_bytes(32, "big"), b"another batch")
    assert load_signer(key).kid == public.kid
    assert public.verify(load_signer(key).sign(b"ours"), b"ours")


def test_a_broken_sm2_key_is_refused(tmp_path: Path) -> None:
    """A point that is not on the curve, and a private key with the point of another, are no keys."""
    with pytest.raises(ProblemError) as caught:
        parse_public(_pem("PUBLIC KEY", sm2.public_der(b"\x04" + b"\x01" * 64)), "here")
    assert caught.value.problems[0].code == "WP-KEY-004"
    other = sm2.point_of_private(sm2.new_private())
    assert other is not None
    path = tmp_path / "gw.key"
    path.write_bytes(_pem("PRIVATE KEY", sm2.private_der(SECRET, other)))
    path.chmod(0o600)
    with pytest.raises(ProblemError) as caught:
        load_signer(path)
    assert caught.value.problems[0].code == "WP-KEY-003"


def _pem(label: str, der: bytes) -> bytes:
    command = ["openssl", "base64"]
    body = subprocess.run(command, input=der, capture_output=True, check=True).stdout
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), body, label.encode())
