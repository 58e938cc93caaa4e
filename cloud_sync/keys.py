"""Keys: signing keys and public keys in files, each known by its key id.

A key id (kid) is the first 8 bytes of SHA-256 over the public key (Ed25519: 32 bytes; P-256 and SM2: the
uncompressed point, 65 bytes). The algorithm belongs to the key, never to the message.
"""

import base64
import binascii
import os
import stat
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from cloud_sync import sm2, tpm
from cloud_sync.core.batch import EDDSA, ES256, KID_BYTES, SM2
from gateway.core.problem import Problem, ProblemError, problem

SigningError = tpm.SigningError
ALGORITHM_NAMES = {EDDSA: "Ed25519", ES256: "ES256", SM2: "SM2"}
SUITES = {"eddsa": (EDDSA, False), "es256-tpm": (ES256, True), "sm2": (SM2, False)}  # algorithm; in a TPM?
_FILE_BYTES_MAX = 16 * 1024  # A PEM key has some hundred bytes; whatever is longer is another file.
_Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
_Public = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
_RANDOM_BYTES = 32


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are checked with."""

    kid: bytes
    algorithm: int
    public_bytes: bytes
    key: _Public | None  # None for SM2, which the library behind the others does not know

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Tell whether *signature* over *message* was made by the holder of this key."""
        if self.key is None:
            return sm2.verifies(self.public_bytes, signature, message)
        try:
            if isinstance(self.key, ed25519.Ed25519PublicKey):
                self.key.verify(signature, message)
            else:
                if len(signature) != 64:
                    return False
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                self.key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def pem(self) -> str:
        """Return the key as a PEM text (SubjectPublicKeyInfo)."""
        if self.key is None:
            return _pem("PUBLIC KEY", sm2.public_der(self.public_bytes)).decode("ascii")
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


@dataclass(frozen=True)
class Signer:
    """What signs: a key in a file, or in a TPM, of whatever algorithm."""

    kid: bytes
    algorithm: int
    public_bytes: bytes
    sign: Callable[[bytes], bytes]


class KeyRing:
    """Public keys by key id."""

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._keys = {key.kid: key for key in keys}

    @classmethod
    def load(cls, folder: Path) -> "KeyRing":
        """Return the ring of all `*.pub` files of *folder*; raises ProblemError naming every broken one."""
        keys: list[PublicKey] = []
        problems: list[Problem] = []
        for path in sorted(folder.glob("*.pub")):
            try:
                keys.append(load_public(path))
            except ProblemError as error:
                problems.extend(error.problems)
        if problems:
            raise ProblemError(*problems)
        return cls(keys)

    def find(self, kid: bytes) -> PublicKey | None:
        """Return the key with *kid*, or None."""
        return self._keys.get(kid)

    def joined(self, key: PublicKey) -> "KeyRing":
        """Return this ring with *key* in it too."""
        return KeyRing([*self._keys.values(), key])

    def __iter__(self) -> Iterator[PublicKey]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)


def new_key(path: Path, algorithm: int = EDDSA, in_tpm: bool = False) -> PublicKey:
    """Make a signing key, write it to *path* (0600) and its public half beside it (`.pub`); return the latter.

    in_tpm: the key itself (ES256) stays in the TPM; the file says where.
    """
    if path.exists():
        raise ProblemError(
            problem(
                "WP-KEY-001", str(path), "There is a key already.",
                "Signatures made with it can only be checked with its public half; move both away first.",
            )
        )  # fmt: skip
    _check_randomness()
    if in_tpm:
        assert algorithm == ES256
        handle = tpm.new_tpm_key()
        pem = tpm.public_pem(handle)
        text = 'suite = "es256-tpm"\nhandle = "%s"\npublic_key = """\n%s"""\n' % (handle, pem.decode("ascii"))
        public, written = parse_public(pem, str(path)), text.encode("ascii")
    elif algorithm == SM2:
        private_sm2 = sm2.new_private()
        written = _pem("PRIVATE KEY", private_sm2)
        public = _sm2_public(sm2.point_of_private(private_sm2) or b"")
    else:
        private: _Private
        if algorithm == EDDSA:
            private = ed25519.Ed25519PrivateKey.generate()
        else:
            assert algorithm == ES256
            private = ec.generate_private_key(ec.SECP256R1())
        written = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = _public(private.public_key())
    write_whole(path, written, 0o600)
    write_whole(path.with_suffix(".pub"), public.pem().encode("ascii"), 0o644)
    return public


def _check_randomness() -> None:
    """Wait until the system has gathered randomness, as at a first boot; refuse what is plainly none."""
    first, second = os.getrandom(_RANDOM_BYTES), os.getrandom(_RANDOM_BYTES)
    if first == second or len(set(first)) < 8:
        raise ProblemError(
            problem(
                "WP-KEY-011", "getrandom", "The random numbers of this system are not random; no key was made.",
                "Make no keys on this machine until its kernel or its virtual machine is repaired.",
            )
        )  # fmt: skip


def load_signer(path: Path) -> Signer:
    """Return the signer of the PEM file *path* (PKCS #8, not encrypted)."""
    raw = _read(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ProblemError(
            problem(
                "WP-KEY-002", str(path), "Others may read this signing key (mode {mode}).",
                "Run: chmod 600 {path}. If others could log in here, make a new key.",
                mode="%04o" % mode, path=path,
            )
        )  # fmt: skip
    try:
        if not raw.lstrip().startswith(b"-----"):
            return _tpm_signer(raw, path)
        der = _der("PRIVATE KEY", raw)
        point = sm2.point_of_private(der)
        if point is not None:
            public = _sm2_public(point)
            return Signer(public.kid, SM2, point, sm2.signing(der))
        private = serialization.load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ProblemError(
            problem(
                "WP-KEY-003", str(path), "This is no signing key in PEM form (PKCS #8, without a password).",
                "Restore the file from a backup, or make a new key and enrol it at the platform.",
            )
        ) from None  # fmt: skip
    if isinstance(private, ed25519.Ed25519PrivateKey):
        public = _public(private.public_key())
        return Signer(public.kid, public.algorithm, public.public_bytes, private.sign)
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
        public = _public(private.public_key())
        return Signer(public.kid, public.algorithm, public.public_bytes, _es256(private))
    raise ProblemError(_wrong_kind(path))


def _tpm_signer(raw: bytes, path: Path) -> Signer:
    """Return the signer of a file that says where in a TPM its key is; raises ValueError where it does not."""
    said = tomllib.loads(raw.decode("utf-8"))
    handle, pem = said.get("handle"), said.get("public_key")
    if said.get("suite") != "es256-tpm" or not isinstance(handle, str) or not isinstance(pem, str):
        raise ValueError("no key in a TPM")
    if int(handle, 16) >> 24 != 0x81:
        raise ValueError("no handle of a lasting key")
    public = parse_public(pem.encode("utf-8"), str(path))
    if public.algorithm != ES256:
        raise ValueError("no P-256 key")
    return Signer(public.kid, ES256, public.public_bytes, tpm.signing(handle))


def forget_key(path: Path) -> None:
    """Remove a signing key for good, from its TPM too; of no effect where there is none."""
    if path.exists():
        text = _read(path)
        if not text.lstrip().startswith(b"-----"):
            tpm.forget(str(tomllib.loads(text.decode("utf-8"))["handle"]))
        path.unlink()


def load_public(path: Path) -> PublicKey:
    """Return the public key of the PEM file *path* (SubjectPublicKeyInfo)."""
    if not path.exists():
        raise ProblemError(
            problem(
                "WP-KEY-009", str(path), "There is no public key here.",
                "Copy it from whoever it belongs to: `keys new` writes it beside the key, as a file *.pub.",
            )
        )  # fmt: skip
    return parse_public(_read(path), str(path))


def parse_public(pem: bytes, where: str) -> PublicKey:
    """Return the public key of a PEM text that came from *where*."""
    try:
        point = sm2.point_of_public(_der("PUBLIC KEY", pem))
        if point is not None:
            sm2.check_point(point)
            return _sm2_public(point)
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ProblemError(
            problem(
                "WP-KEY-004", where, "This is no public key in PEM form.",
                "Copy the file again; it begins with -----BEGIN PUBLIC KEY-----.",
            )
        ) from None  # fmt: skip
    if isinstance(key, ed25519.Ed25519PublicKey):
        return _public(key)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return _public(key)
    raise ProblemError(_wrong_kind(Path(where)))


def _wrong_kind(path: Path) -> Problem:
    return problem(
        "WP-KEY-005", str(path), "This key is neither Ed25519 nor P-256 nor SM2.",
        "Make a key with `wattproof keys new`, or take one of these kinds.",
    )  # fmt: skip


def _public(key: _Public) -> PublicKey:
    if isinstance(key, ed25519.Ed25519PublicKey):
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return PublicKey(sha256(raw).digest()[:KID_BYTES], EDDSA, raw, key)
    raw = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return PublicKey(sha256(raw).digest()[:KID_BYTES], ES256, raw, key)


def public_key_of(algorithm: int, raw: bytes) -> PublicKey:
    """Return the public key of its own bytes, as a key id is made of them; raises ValueError where they are none."""
    if algorithm == EDDSA:
        return _public(ed25519.Ed25519PublicKey.from_public_bytes(raw))
    if algorithm == ES256 and len(raw) == sm2.POINT_BYTES:
        return _public(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw))
    if algorithm == SM2 and len(raw) == sm2.POINT_BYTES:
        sm2.check_point(raw)
        return _sm2_public(raw)
    raise ValueError("no key of algorithm %d" % algorithm)


def _sm2_public(point: bytes) -> PublicKey:
    return PublicKey(sha256(point).digest()[:KID_BYTES], SM2, point, None)


def _pem(label: str, der: bytes) -> bytes:
    body = base64.encodebytes(der).replace(b"\n", b"")
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return b"\n".join([b"-----BEGIN %s-----" % label.encode(), *lines, b"-----END %s-----" % label.encode(), b""])


def _der(label: str, pem: bytes) -> bytes:
    """Return the bytes of the first PEM block of the kind *label*; b"" where there is none."""
    _, _, rest = pem.partition(b"-----BEGIN %s-----" % label.encode())
    body, end, _ = rest.partition(b"-----END %s-----" % label.encode())
    try:
        return base64.b64decode(b"".join(body.split()), validate=True) if end else b""
    except binascii.Error:
        return b""


def _es256(private: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    def sign(message: bytes) -> bytes:
        r, s = utils.decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise ProblemError(
            problem("WP-KEY-006", str(path), "There is no key file here.", "Make one with `wattproof keys new`.")
        ) from None
    except OSError as error:
        raise ProblemError(
            problem(
                "WP-KEY-007", str(path), "The key file cannot be read: {reason}.",
                "Run as the user who owns the file.", reason=error.strerror,
            )
        ) from error  # fmt: skip
    return raw[:_FILE_BYTES_MAX]


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write a whole file or none: beside it, flushed, then renamed, then the folder flushed."""
    beside = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ProblemError(
            problem(
                "WP-KEY-008", str(path), "The key file cannot be written: {reason}.",
                "Choose a folder that this user may write to.", reason=error.strerror,
            )
        ) from error  # fmt: skip
