"""Cosigned checkpoints: notes as the platform makes them, and the proofs that tie entries and notes to each other."""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256

from cloud_sync.core.batch import ES256
from cloud_sync.core.merkle import inclusion_path, root_from
from cloud_sync.core.tree import EMPTY, Growth, Tree, continues, grown, is_tree, root_of
from cloud_sync.keys import KeyRing, Signer
from cloud_sync.note import COSIGNER, NoteError, cosign, read_note, size_in
from cloud_sync.tests.gateways import stamp
from gateway.core.problem import ProblemError
from gateway.core.record import Checkpoint
from gateway.witness import Witness
from tools.fuzz.identities import identity
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said

AS_IT_IS, COSIGNED, EDITED, OTHER_KEY, INCLUSION, CONSISTENCY, WITNESS = range(7)
TOKENS = (
    b"\xe2\x80\x94 wattproof-platform ", b"\n\n", b"gw-1\n", b"=\n", b"==", b"A" * 43 + b"=\n", b"0", b"\n7\n", b"\r\n",
    b"cosignature/v1\ntime 0\n", b"\xff" * 8,
)  # fmt: skip
_AT_S = 1_700_000_000
_LEAVES = 24


@cache
def _links() -> tuple[bytes, ...]:
    return tuple(sha256(b"%d" % number).digest() for number in range(_LEAVES))


@cache
def _tree(size: int) -> Tree:
    return grown(EMPTY, _links()[:size])


def _good() -> bytes:
    return cosign("gw-1", 7, root_of(_tree(7)), _AT_S, identity(1)[0])


def seeds() -> Iterator[bytes]:
    """Yield notes by either kind of key, notes to be signed here, and proofs that hold."""
    yield bytes((AS_IT_IS,)) + _good()
    yield bytes((AS_IT_IS,)) + cosign("gw-1", 7, root_of(_tree(7)), _AT_S, identity(2, ES256)[0])
    yield bytes((COSIGNED, 0)) + b"\n".join(_good().split(b"\n")[:3])
    yield bytes((COSIGNED, 1)) + b"gw-1\n07\n" + b"A" * 43 + b"="
    yield bytes((EDITED, 0, 30, 1))
    yield bytes((OTHER_KEY, 0)) + b"gw-1"
    yield bytes((INCLUSION, 5, 21)) + b"".join(inclusion_path(_links()[:21], 5))
    yield bytes((CONSISTENCY, 6, 21)) + b"".join(Growth(_tree(6), _links()[6:21]).consistency())
    yield bytes((WITNESS, 0, 7, 1, 2, 6, 7, 6, 0, 12, 1, 1, 7, 12, 1, 2, 11, 12, 11, 3, 12, 12, 1, 4, 3, 0, 5, 0, 0))


def _key_name(signer: Signer, kind: bytes) -> bytes:
    """Return the name of a key in a note, by the text of C2SP."""
    return sha256(COSIGNER.encode() + b"\n" + kind + signer.public_bytes).digest()[:4]


def _line(name: bytes, at_s: int, signature: bytes) -> bytes:
    return b"\n\xe2\x80\x94 " + COSIGNER.encode() + b" " + b64encode(name + at_s.to_bytes(8, "big") + signature) + b"\n"


def target(data: bytes) -> None:
    """A note is believed in its one spelling and by the key that it names; a proof, as the tree itself gives it."""
    source = Source(data)
    kind = source.octet() % 7
    if kind in (INCLUSION, CONSISTENCY):
        _proof(kind, source)
    elif kind == WITNESS:
        _witness(source)
    else:
        _note(kind, source)


def _note(kind: int, source: Source) -> None:
    ring = KeyRing([identity(1)[1], identity(2, ES256)[1]])
    ed25519, es256 = identity(1)[0], identity(2, ES256)[0]
    forged = False
    if kind == AS_IT_IS:
        raw = source.rest()
    elif kind == COSIGNED:
        at_s = source.octet()
        body = source.rest().rstrip(b"\n") + b"\n"
        signature = ed25519.sign(b"cosignature/v1\ntime %d\n" % at_s + body)
        raw = body + _line(_key_name(ed25519, b"\x04"), at_s, signature)
    elif kind == EDITED:
        whole = bytearray(_good())
        whole[source.number(2) % len(whole)] ^= source.octet() or 1
        raw, forged = bytes(whole), True
    else:  # who signs, by which algorithm the name says, and with which bytes
        choice, body = source.octet(), b"gw-1\n7\n" + _good().split(b"\n")[2] + b"\n"
        message = b"cosignature/v1\ntime %d\n" % _AT_S + body
        named, signing = (ed25519, es256) if choice & 1 else (es256, ed25519)
        signature = (signing.sign(message), b"", bytes(64), named.sign(message[:-1]))[choice // 2 % 4]
        name = _key_name(named, b"\x04" if choice & 16 else b"\xffES256")
        raw, forged = body + _line(name, _AT_S, signature), True
    try:
        assert size_in(raw) > 0
    except NoteError as error:
        assert str(error)
    try:
        found = read_note(raw, ring)
    except NoteError as error:
        assert str(error)
        return
    assert not forged, "a note was believed that nobody cosigned so"
    if found.kid == ed25519.kid:
        assert cosign(found.origin, found.size, found.root, found.at_s, ed25519) == raw


def _path(source: Source) -> tuple[bytes, ...]:
    """Return a path of whole hashes and what is left."""
    path = []
    while source:
        path.append(source.octets(32))
    return tuple(path)


def _proof(kind: int, source: Source) -> None:
    """What leads to the root of a tree is the path in that tree, and for no other leaf or size."""
    if kind == INCLUSION:
        index, count = source.octet(), source.octet()
        path = _path(source)
        size = count % _LEAVES + 1
        found = root_from(_links()[index % _LEAVES], index, count, path)
        if found == root_of(_tree(size)) and count == size:
            assert path == inclusion_path(_links()[:size], index)
        return
    size, later = source.octet(), source.octet()
    path = _path(source)
    first, last = size % _LEAVES, later % _LEAVES
    if continues(size, root_of(_tree(first)), later, root_of(_tree(last)), path) and (first, last) == (size, later):
        assert path == (() if size == later else Growth(_tree(size), _links()[size:later]).consistency())


def _witness(source: Source) -> None:
    """Any row of notes, proofs and checkpoints is tied together, or refused with a problem that can be said."""
    witness = Witness(KeyRing([identity(1)[1]]))
    try:
        while source:
            kind, size, later = source.octet() % 6, source.octet() % _LEAVES, source.octet() % _LEAVES
            if kind == 0:
                root = root_of(_tree(size)) if later else b"r" * 32
                witness.take_note(cosign("gw-1", size, root, _AT_S, identity(1)[0]), "gw-1", set(), "note")
            elif kind == 1 and size < later:
                path = list(Growth(_tree(size), _links()[size:later]).consistency()) if size else []
                witness.take_consistency(1, size, later, path if source.octet() % 4 else [source.octets(32)])
            elif kind == 2 and size < later:
                path = list(inclusion_path(_links()[:later], size))
                witness.take_inclusion(2, later, size + 1, path, _links()[source.octet() % _LEAVES])
            elif kind == 3:
                peaks = _tree(later).peaks if source.octet() else (source.octets(31),)
                assert is_tree(Tree(size, peaks)) or size != later or peaks != _tree(size).peaks
                own = Checkpoint(stamp(), "gw-1", size, root_of(Tree(size, peaks)), peaks, 0)
                wrong = witness.take_own(size + 1, own, "gw-1")
                if wrong is not None:
                    check_said([wrong])
            elif kind == 4:
                witness.take_link(_links()[size])
            else:
                witness.skip()
        witness.judge()
    except ProblemError as error:
        check_said(error.problems)
