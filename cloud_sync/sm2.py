"""SM2 signatures with SM3 (GB/T 32918.2) by OpenSSL's own library, and SM2 keys as DER.

The signer's name that the digest covers is the default of GM/T 0009: every verifier outside takes it unasked.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import utils

from gateway.core.problem import ProblemError, problem

SIGNATURE_BYTES = 64  # r and s, 32 bytes each
POINT_BYTES = 65
_USER_ID = b"1234567812345678"
_LIBRARY = "libcrypto.so.3"
# An SM2 key is an elliptic-curve key on the curve sm2p256v1: its DER differs in the key's own bytes alone.
_PUBLIC_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_PRIVATE_HEAD = bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420")
_PRIVATE_TAIL = bytes.fromhex("a144034200")
_SCALAR_BYTES = 32
_DER_SIGNATURE_MAX = 80


def public_der(point: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a public key, given as its uncompressed point."""
    return _PUBLIC_HEAD + point


def point_of_public(der: bytes) -> bytes | None:
    """Return the point of a SubjectPublicKeyInfo, or None where it is no SM2 key."""
    if not der.startswith(_PUBLIC_HEAD) or len(der) != len(_PUBLIC_HEAD) + POINT_BYTES:
        return None
    return der[len(_PUBLIC_HEAD) :]


def private_der(scalar: bytes, point: bytes) -> bytes:
    """Return the PKCS #8 form of a private key and its point."""
    return _PRIVATE_HEAD + scalar + _PRIVATE_TAIL + point


def point_of_private(der: bytes) -> bytes | None:
    """Return the point of a PKCS #8 private key, or None where it is no SM2 key."""
    if len(der) != len(_PRIVATE_HEAD) + _SCALAR_BYTES + len(_PRIVATE_TAIL) + POINT_BYTES:
        return None
    return der[-POINT_BYTES:] if der.startswith(_PRIVATE_HEAD) else None


@cache
def _library() -> ctypes.CDLL:
    """Return OpenSSL's library with the types of all that is called here; raises ProblemError where there is none."""
    try:
        library = ctypes.CDLL(_LIBRARY)
        _declare(library)
    except (OSError, AttributeError) as error:
        raise ProblemError(
            problem(
                "WP-KEY-010", _LIBRARY, "SM2 needs the library of OpenSSL 3, which is not there: {reason}.",
                "Install OpenSSL 3 (Debian: libssl3), or take a key of another suite.", reason=error,
            )
        ) from error  # fmt: skip
    return library


def _declare(library: ctypes.CDLL) -> None:
    pointer, count, text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    for name, result, *takes in (
        ("EVP_PKEY_free", None, pointer),
        ("EVP_MD_CTX_new", pointer),
        ("EVP_MD_CTX_free", None, pointer),
        ("EVP_PKEY_CTX_new", pointer, pointer, pointer),
        ("EVP_PKEY_CTX_free", None, pointer),
        ("EVP_PKEY_CTX_set1_id", ctypes.c_int, pointer, text, count),
        ("EVP_MD_CTX_set_pkey_ctx", None, pointer, pointer),
        ("EVP_sm3", pointer),
        ("EVP_DigestSignInit", ctypes.c_int, pointer, pointer, pointer, pointer, pointer),
        ("EVP_DigestSign", ctypes.c_int, pointer, text, ctypes.POINTER(count), text, count),
        ("EVP_DigestVerifyInit", ctypes.c_int, pointer, pointer, pointer, pointer, pointer),
        ("EVP_DigestVerify", ctypes.c_int, pointer, text, count, text, count),
        ("EVP_PKEY_Q_keygen", pointer, pointer, text, text),
        ("EVP_PKEY_get_bn_param", ctypes.c_int, pointer, text, ctypes.POINTER(pointer)),
        ("EVP_PKEY_get_octet_string_param", ctypes.c_int, pointer, text, text, count, ctypes.POINTER(count)),
        ("BN_bn2binpad", ctypes.c_int, pointer, text, ctypes.c_int),
        ("BN_clear_free", None, pointer),
        ("d2i_AutoPrivateKey", pointer, pointer, ctypes.POINTER(text), ctypes.c_long),
        ("d2i_PUBKEY", pointer, pointer, ctypes.POINTER(text), ctypes.c_long),
        ("ERR_clear_error", None),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(takes)


def _check(worked: object) -> None:
    """Raise ValueError where OpenSSL says no."""
    if not worked or worked == -1:
        _library().ERR_clear_error()
        raise ValueError("OpenSSL refuses the SM2 key")


@contextmanager
def _key(read: str, der: bytes) -> Iterator[Any]:
    """Give the key in *der* as OpenSSL holds it; raises ValueError where it is none."""
    library = _library()
    key = getattr(library, read)(None, ctypes.byref(ctypes.c_char_p(der)), len(der))
    _check(key)
    try:
        yield key
    finally:
        library.EVP_PKEY_free(key)


@contextmanager
def _digesting(begin: str, key: Any) -> Iterator[Any]:
    """Give a context that digests the signer's name and then a message, to sign or to verify with *key*."""
    library = _library()
    digest, named = library.EVP_MD_CTX_new(), library.EVP_PKEY_CTX_new(key, None)
    try:
        _check(digest and named)
        _check(library.EVP_PKEY_CTX_set1_id(named, _USER_ID, len(_USER_ID)) == 1)
        library.EVP_MD_CTX_set_pkey_ctx(digest, named)
        _check(getattr(library, begin)(digest, None, library.EVP_sm3(), None, key) == 1)
        yield digest
    finally:
        library.EVP_MD_CTX_free(digest)
        library.EVP_PKEY_CTX_free(named)


def new_private() -> bytes:
    """Return a new private key (PKCS #8 DER)."""
    library = _library()
    key = library.EVP_PKEY_Q_keygen(None, None, b"SM2")
    _check(key)
    number = ctypes.c_void_p()
    try:
        scalar, point = ctypes.create_string_buffer(_SCALAR_BYTES), ctypes.create_string_buffer(POINT_BYTES)
        length = ctypes.c_size_t()
        _check(library.EVP_PKEY_get_bn_param(key, b"priv", ctypes.byref(number)) == 1)
        _check(library.BN_bn2binpad(number, scalar, _SCALAR_BYTES) == _SCALAR_BYTES)
        _check(library.EVP_PKEY_get_octet_string_param(key, b"pub", point, POINT_BYTES, ctypes.byref(length)) == 1)
        _check(length.value == POINT_BYTES and point.raw[0] == 4)
        return private_der(scalar.raw, point.raw)
    finally:
        library.BN_clear_free(number)
        library.EVP_PKEY_free(key)


def signing(private: bytes) -> Callable[[bytes], bytes]:
    """Return what signs with a private key (PKCS #8 DER); raises ValueError where it is none that fits its point."""
    point = point_of_private(private)
    if point is None:
        raise ValueError("no SM2 key")

    def sign(message: bytes) -> bytes:
        library = _library()
        with _key("d2i_AutoPrivateKey", private) as key, _digesting("EVP_DigestSignInit", key) as digest:
            signature = ctypes.create_string_buffer(_DER_SIGNATURE_MAX)
            length = ctypes.c_size_t(_DER_SIGNATURE_MAX)
            _check(library.EVP_DigestSign(digest, signature, ctypes.byref(length), message, len(message)) == 1)
            r, s = utils.decode_dss_signature(signature.raw[: length.value])
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    if not verifies(point, sign(b"a key and its own public half"), b"a key and its own public half"):
        raise ValueError("the SM2 key and its point do not belong together")
    return sign


def check_point(point: bytes) -> None:
    """Raise ValueError where *point* is no public key."""
    with _key("d2i_PUBKEY", public_der(point)):
        pass


def verifies(point: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether *signature*, as r and s, over *message* was made by the holder of the key with *point*."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    der = utils.encode_dss_signature(r, s)
    library = _library()
    with _key("d2i_PUBKEY", public_der(point)) as key, _digesting("EVP_DigestVerifyInit", key) as digest:
        holds: bool = library.EVP_DigestVerify(digest, der, len(der), message, len(message)) == 1
    if not holds:
        library.ERR_clear_error()
    return holds
