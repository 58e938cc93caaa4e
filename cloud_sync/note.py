"""Note: a checkpoint that the platform cosigned, as three lines of text and a signature (C2SP tlog-cosignature).

    gateway id
    how many entries
    root over their links, in base64

    -- name and, in base64, key id (4 bytes), UTC in seconds (8 bytes) and signature

What is signed is "cosignature/v1", the time and the three lines. Any Ed25519 cosignature tool reads it.
"""

import binascii
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from cloud_sync.core.batch import EDDSA
from cloud_sync.core.receipt import NOTE_BYTES_MAX
from cloud_sync.core.topic import is_name
from cloud_sync.keys import ALGORITHM_NAMES, PublicKey, Signer

COSIGNER = "wattproof-platform"
SIZE_MAX = (1 << 63) - 1
_ED25519 = b"\x04"
_OTHER = b"\xff"  # Before the name of an algorithm that the format does not number.


class NoteError(ValueError):
    """Bytes are no cosigned checkpoint that can be believed."""


class Cosigned(NamedTuple):
    """A checkpoint that the holder of key *kid* found to continue all that it had cosigned before, at *at_s*."""

    origin: str
    size: int
    root: bytes
    at_s: int
    kid: bytes


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode("ascii")


def _body(origin: str, size: int, root: bytes) -> str:
    return "%s\n%d\n%s\n" % (origin, size, _base64(root))


def _message(body: str, at_s: int) -> bytes:
    return ("cosignature/v1\ntime %d\n" % at_s + body).encode("utf-8")


def _key_hash(algorithm: int, public_bytes: bytes) -> bytes:
    kind = _ED25519 if algorithm == EDDSA else _OTHER + ALGORITHM_NAMES[algorithm].encode("ascii")
    return sha256(COSIGNER.encode("ascii") + b"\n" + kind + public_bytes).digest()[:4]


def _note(body: str, key_hash: bytes, at_s: int, signature: bytes) -> bytes:
    line = _base64(key_hash + at_s.to_bytes(8, "big") + signature)
    return ("%s\n\u2014 %s %s\n" % (body, COSIGNER, line)).encode("utf-8")


def cosign(origin: str, size: int, root: bytes, at_s: int, signer: Signer) -> bytes:
    """Return the note that says that *signer* saw the tree of *size* entries with *root*."""
    body = _body(origin, size, root)
    signature = signer.sign(_message(body, at_s))
    return _note(body, _key_hash(signer.algorithm, signer.public_bytes), at_s, signature)


def read_note(raw: bytes, keys: Iterable[PublicKey]) -> Cosigned:
    """Return the checkpoint of a note that one of *keys* cosigned; raises NoteError where there is none."""
    origin, size, root, signed = _parts(raw)
    key_hash, at_s, signature = signed[:4], int.from_bytes(signed[4:12], "big"), signed[12:]
    body = _body(origin, size, root)
    if _note(body, key_hash, at_s, signature) != raw:
        raise NoteError("it is not spelt as such a note is")
    known = False
    for key in keys:
        if _key_hash(key.algorithm, key.public_bytes) == key_hash:
            known = True
            if key.verify(signature, _message(body, at_s)):
                return Cosigned(origin, size, root, at_s, key.kid)
    raise NoteError("the cosignature does not hold" if known else "the key of the cosigner is not here")


def size_in(raw: bytes) -> int:
    """Return the size that a note names, whoever signed it; raises NoteError where it is none."""
    return _parts(raw)[1]


def _parts(raw: bytes) -> tuple[str, int, bytes, bytes]:
    """Return origin, size, root and what the signature line holds; raises NoteError."""
    try:
        lines = raw[:NOTE_BYTES_MAX].decode("utf-8").split("\n")
        if len(raw) > NOTE_BYTES_MAX or len(lines) != 6 or lines[3] or lines[5]:
            raise NoteError("it is no note of three lines and one signature")
        words = lines[4].split(" ")
        if len(words) != 3 or not lines[1].isascii() or not lines[1].isdigit():
            raise NoteError("it is no checkpoint with a cosignature")
        size, root, signed = int(lines[1]), binascii.a2b_base64(lines[2]), binascii.a2b_base64(words[2])
    except (UnicodeDecodeError, binascii.Error, ValueError) as error:
        raise NoteError(str(error)) from error
    if not is_name(lines[0]) or not 0 < size <= SIZE_MAX or len(root) != 32 or not 12 < len(signed) <= 256:
        raise NoteError("a line of the checkpoint is out of range")
    return lines[0], size, root, signed
