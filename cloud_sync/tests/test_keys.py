"""Key files: made, read and refused, each refusal with its code."""

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cloud_sync.core.batch import EDDSA, ES256
from cloud_sync.keys import KeyRing, load_public, load_signer, new_key
from gateway.core.problem import ProblemError
from gateway.words import say

# The first test vector of RFC 8032 section 7.1.
RFC8032_SECRET = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
RFC8032_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
RFC8032_SIGNATURE = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
    "d25bf5f0595bbe24655141438e7a100b"
)


def _code(function: object, *arguments: object) -> str:
    with pytest.raises(ProblemError) as caught:
        function(*arguments)  # type: ignore[operator]
    for one in caught.value.problems:
        assert say(one)
    return caught.value.problems[0].code


def test_the_signature_is_that_of_rfc_8032(tmp_path: Path) -> None:
    """A PKCS #8 file of the secret key of RFC 8032 section 7.1 gives its public key and its signature."""
    der = bytes.fromhex("302e020100300506032b657004220420" + RFC8032_SECRET)
    done = subprocess.run(["openssl", "pkey", "-inform", "DER"], input=der, capture_output=True, check=True)
    path = tmp_path / "a.key"
    path.write_bytes(done.stdout)
    path.chmod(0o600)
    signer = load_signer(path)
    assert signer.public_bytes.hex() == RFC8032_PUBLIC
    assert signer.sign(b"").hex() == RFC8032_SIGNATURE
    assert signer.kid == sha256(bytes.fromhex(RFC8032_PUBLIC)).digest()[:8]


@pytest.mark.parametrize("algorithm", [EDDSA, ES256])
def test_a_new_key_signs_what_its_public_half_verifies(tmp_path: Path, algorithm: int) -> None:
    """The two files belong together; only the owner can read the first; nothing else is left in the folder."""
    path = tmp_path / "deep" / "gw.key"
    public = new_key(path, algorithm)
    signer = load_signer(path)
    again = load_public(path.with_suffix(".pub"))
    assert signer.kid == public.kid == again.kid and len(signer.kid) == 8
    assert signer.algorithm == again.algorithm == algorithm
    signature = signer.sign(b"message")
    assert len(signature) == 64
    assert again.verify(signature, b"message")
    assert not again.verify(signature, b"other") and not again.verify(bytes(64), b"message")
    assert not again.verify(b"", b"message")
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["gw.key", "gw.pub"]


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """Making a key where there is one is a problem, and the old one stays."""
    new_key(tmp_path / "gw.key")
    before = (tmp_path / "gw.key").read_bytes()
    assert _code(new_key, tmp_path / "gw.key") == "WP-KEY-001"
    assert (tmp_path / "gw.key").read_bytes() == before


def test_a_signing_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Any bit for group or others is a problem."""
    new_key(tmp_path / "gw.key")
    for mode in (0o640, 0o604, 0o610, 0o666):
        (tmp_path / "gw.key").chmod(mode)
        assert _code(load_signer, tmp_path / "gw.key") == "WP-KEY-002"


def test_broken_missing_and_wrong_keys_are_told_apart(tmp_path: Path) -> None:
    """Each kind of bad key file has its own code; a file of any size or content never raises anything else."""
    bad = tmp_path / "bad.key"
    for content in (b"", b"rubbish", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", bytes(100_000)):
        bad.write_bytes(content)
        bad.chmod(0o600)
        assert _code(load_signer, bad) == "WP-KEY-003"
        assert _code(load_public, bad) == "WP-KEY-004"
    assert _code(load_signer, tmp_path / "none.key") == "WP-KEY-006"
    assert _code(load_public, tmp_path / "none.pub") == "WP-KEY-009"
    assert _code(load_public, tmp_path) == "WP-KEY-007"
    (tmp_path / "file").write_bytes(b"")
    assert _code(new_key, tmp_path / "file" / "gw.key") == "WP-KEY-008"


@pytest.mark.parametrize("kind", ["rsa", "p384"])
def test_other_kinds_of_keys_are_refused(tmp_path: Path, kind: str) -> None:
    """RSA and other curves are neither signers nor public keys of ours."""
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP384R1())
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret, public = tmp_path / "a.key", tmp_path / "a.pub"
    secret.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    secret.chmod(0o600)
    public.write_bytes(key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo))
    assert _code(load_signer, secret) == "WP-KEY-005"
    assert _code(load_public, public) == "WP-KEY-005"


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    """A key with a password cannot be used by a daemon that starts alone; that is said and not crashed upon."""
    key = ec.generate_private_key(ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(b"secret")
    path = tmp_path / "a.key"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    path.chmod(0o600)
    assert _code(load_signer, path) == "WP-KEY-003"


def test_a_ring_finds_keys_and_names_every_broken_file(tmp_path: Path) -> None:
    """All public keys of a folder are found by key id; all broken ones are reported at once."""
    first, second = new_key(tmp_path / "a.key"), new_key(tmp_path / "b.key", ES256)
    ring = KeyRing.load(tmp_path)
    assert len(ring) == 2 and {key.kid for key in ring} == {first.kid, second.kid}
    found = ring.find(second.kid)
    assert found is not None and found.algorithm == ES256
    assert ring.find(bytes(8)) is None
    (tmp_path / "c.pub").write_text("x")
    (tmp_path / "d.pub").write_text("y")
    with pytest.raises(ProblemError) as caught:
        KeyRing.load(tmp_path)
    assert [Path(one.where).name for one in caught.value.problems] == ["c.pub", "d.pub"]
