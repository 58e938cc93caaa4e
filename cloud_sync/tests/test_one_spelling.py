"""One value has one spelling, and a signature holds by the algorithm of its key alone: for whatever is signed."""

import hmac
import json
import zlib
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils

from cloud_sync.core.batch import EDDSA, ES256, SM2, batch_of, batch_payload, envelope, protected_header, signing_bytes
from cloud_sync.core.canonical import CanonicalError, decode, encode
from cloud_sync.core.entry import GENESIS
from cloud_sync.core.receipt import BAD_SIGNATURE, FORK, MALFORMED, UNKNOWN_KEY, Receipt, Refusal, answer_payload
from cloud_sync.enrolling import Code, make_request, proven, read_code, read_request, text_of
from cloud_sync.key_change import announce, successor
from cloud_sync.keys import KeyRing, PublicKey, Signer, load_public, load_signer, new_key, public_key_of
from cloud_sync.note import COSIGNER, NoteError, cosign, read_note
from cloud_sync.seal import SealError, open_answer, open_sealed
from cloud_sync.tests.gateways import stamp
from gateway.core.problem import ProblemError

UP, DOWN = "v1/b0/gw-1/up", "v1/b0/gw-1/down"
SUITES = {"Ed25519": EDDSA, "ES256": ES256, "SM2": SM2}
FOREIGN = (0, 1, 5, -37, -257, -259, -65535, 1 << 40)  # none, HMAC, RSA, and what no register has
Pairs = dict[int, tuple[Signer, PublicKey]]
Opens = Callable[[bytes], object]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """Return a key of each kind, as who signs and who checks."""
    folder = tmp_path_factory.mktemp("keys")
    for name, algorithm in SUITES.items():
        new_key(folder / (name + ".key"), algorithm)
    return {
        algorithm: (load_signer(folder / (name + ".key")), load_public(folder / (name + ".pub")))
        for name, algorithm in SUITES.items()
    }


def _ring(pairs: Pairs) -> KeyRing:
    return KeyRing([public for _, public in pairs.values()])


BATCH = batch_payload(batch_of("gw-1", bytes(16), 1, GENESIS, (b"\x01", b"\xa0")))
RECEIPT = answer_payload(Receipt("gw-1", bytes(16), 2, bytes(32), 5, b"", 0))
REFUSAL = answer_payload(Refusal("gw-1", bytes(16), FORK, 0, 5))


def _messages(pairs: Pairs) -> list[tuple[bytes, str, Opens]]:
    """Return each kind of signed message: its payload, its topic, and what opens it."""
    ring = _ring(pairs)
    return [
        (zlib.compress(BATCH), UP, lambda raw: open_sealed(raw, UP, ring)),
        (RECEIPT, DOWN, lambda raw: open_answer(raw, DOWN, ring)),
        (REFUSAL, DOWN, lambda raw: open_answer(raw, DOWN, ring)),
    ]


def _made(header: bytes, payload: bytes, topic: str, signer: Signer) -> bytes:
    return envelope(header, payload, signer.sign(signing_bytes(header, topic, payload)))


def _reason(opens: Opens, raw: bytes) -> str:
    with pytest.raises(SealError) as caught:
        opens(raw)
    return caught.value.reason


@pytest.mark.parametrize("name", SUITES)
def test_fault_i20_no_header_makes_another_algorithm_of_a_key(pairs: Pairs, name: str) -> None:
    """Whichever algorithm a header states for a key, and whoever signs: only its own opens a message."""
    own, _ = pairs[SUITES[name]]
    for payload, topic, opens in _messages(pairs):
        for stated in (*SUITES.values(), *FOREIGN):
            header = protected_header(stated, own.kid)
            for signing, _ in pairs.values():
                raw = _made(header, payload, topic, signing)
                if stated == own.algorithm and signing is own:
                    assert opens(raw)
                else:
                    assert _reason(opens, raw) == BAD_SIGNATURE
        stranger = protected_header(own.algorithm, b"nobodys!")
        assert _reason(opens, _made(stranger, payload, topic, own)) == UNKNOWN_KEY


@pytest.mark.parametrize("name", SUITES)
def test_signatures_of_another_shape_do_not_hold(pairs: Pairs, name: str) -> None:
    """Empty, of zeros, cut, longer, in DER, over the message alone or over another topic: none is a signature."""
    own, public = pairs[SUITES[name]]
    for payload, topic, opens in _messages(pairs):
        header = protected_header(own.algorithm, own.kid)
        good = own.sign(signing_bytes(header, topic, payload))
        assert opens(envelope(header, payload, good))
        r, s = int.from_bytes(good[:32], "big"), int.from_bytes(good[32:], "big")
        for wrong in (
            b"", bytes(64), b"\xff" * 64, good[:-1], good + b"\x00", utils.encode_dss_signature(r, s),
            good[32:] + good[:32], own.sign(payload), own.sign(signing_bytes(header, topic + "/", payload)),
            own.sign(signing_bytes(header, "", payload)),
        ):  # fmt: skip
            assert not public.verify(wrong, signing_bytes(header, topic, payload))
            with pytest.raises(SealError) as caught:
                opens(b"\xd2" + encode([header, {}, payload, wrong]))
            assert caught.value.reason in (BAD_SIGNATURE, MALFORMED)


def test_headers_beside_our_two_are_refused(pairs: Pairs) -> None:
    """Algorithm or key in the unprotected header, `crit`, more headers, or the two in another order or spelling."""
    own, _ = pairs[EDDSA]
    kid = cbor2.dumps(own.kid)
    headers = (
        b"", b"\xa0", encode({1: EDDSA}), encode({4: own.kid}), encode({1: EDDSA, 2: [1], 4: own.kid}),
        encode({1: EDDSA, 3: 0, 4: own.kid}), encode({1: "EdDSA", 4: own.kid}),
        b"\xa3\x01\x27\x04" + kid + b"\x18\x63\x01",
        b"\xa2\x04" + kid + b"\x01\x27", b"\xa2\x01\x38\x07\x04" + kid, b"\xbf\x01\x27\x04" + kid + b"\xff",
        b"\xa2\x18\x01\x27\x04" + kid, b"\xa3\x01\x27\x01\x27\x04" + kid, protected_header(EDDSA, own.kid) + b"\x00",
    )  # fmt: skip
    for payload, topic, opens in _messages(pairs):
        for header in headers:
            assert _reason(opens, _made(header, payload, topic, own)) == MALFORMED
        good = protected_header(EDDSA, own.kid)
        signature = own.sign(signing_bytes(good, topic, payload))
        for unprotected in ({1: EDDSA}, {1: ES256}, {4: own.kid}, {2: [1]}, {"alg": "none"}):
            raw = b"\xd2" + cbor2.dumps([good, unprotected, payload, signature])
            assert _reason(opens, raw) == MALFORMED
        for raw in (
            cbor2.dumps([good, {}, payload, signature]),  # without its tag
            b"\xd8\x12" + encode([good, {}, payload, signature]),  # the tag, longer
            b"\xd1" + encode([good, {}, payload, signature]),  # COSE_Mac0
            b"\xd2\x9f" + encode([good, {}, payload, signature])[1:] + b"\xff",
            b"\xd2" + encode([good, {}, payload, signature]) + b"\x00",
            b"\xd2" + encode([good, {}, payload, signature, b""]),
        ):
            assert _reason(opens, raw) == MALFORMED


def _zeros(size: int, message: bytes) -> bytes:
    """Return a signature of nobody."""
    assert message
    return bytes(size)


def _spellings(payload: bytes) -> list[bytes]:
    """Return *payload*, a map, in other spellings of the same value, and maps that come near it."""
    plain = cbor2.loads(payload)
    pieces = [cbor2.dumps(key) + cbor2.dumps(value) for key, value in plain.items()]
    head, first = payload[:1], payload[1:2]
    return [
        b"\xbf" + b"".join(pieces) + b"\xff",  # of indefinite length
        head + b"".join(reversed(pieces)),  # in another order
        bytes((head[0] + 1,)) + pieces[0] + b"".join(pieces),  # a key twice
        b"\xb8" + bytes((head[0] & 31,)) + payload[1:],  # its length, longer
        head + b"\x18" + first + payload[2:],  # a key, longer
        payload + b"\x00", payload[:-1], payload + payload,
        b"\xd9\xd9\xf7" + payload,  # with a tag
        head + first + cbor2.dumps(float(plain[0])) + payload[3:],  # a float for a whole number
    ]  # fmt: skip


def test_fault_i19_second_spellings_of_a_signed_payload_are_refused(pairs: Pairs) -> None:
    """Whoever signs it rightly: a batch, receipt or refusal whose CBOR is not the one spelling is malformed."""
    own, _ = pairs[ES256]
    header = protected_header(ES256, own.kid)
    ring = _ring(pairs)
    for payload in (BATCH, RECEIPT, REFUSAL):
        for other in _spellings(payload):
            assert other != payload
            with pytest.raises(CanonicalError):
                decode(other)
            if payload is BATCH:
                raw = _made(header, zlib.compress(other), UP, own)
                assert _reason(lambda raw: open_sealed(raw, UP, ring), raw) == MALFORMED
            else:
                raw = _made(header, other, DOWN, own)
                assert _reason(lambda raw: open_answer(raw, DOWN, ring), raw) == MALFORMED


@pytest.mark.parametrize("name", SUITES)
def test_a_note_is_cosigned_by_the_algorithm_of_its_key(pairs: Pairs, name: str) -> None:
    """Under the name of one key, neither another key's signature nor an empty one holds; nor by another algorithm."""
    own, public = pairs[SUITES[name]]
    root = sha256(b"root").digest()
    good = cosign("gw-1", 7, root, 1_700_000_000, own)
    assert read_note(good, [public]).kid == own.kid
    others = [one for signer, one in pairs.values() if signer is not own]
    for signer, _ in pairs.values():
        if signer is not own:
            with pytest.raises(NoteError):
                read_note(good, others)
            posing = Signer(own.kid, own.algorithm, own.public_bytes, signer.sign)
            with pytest.raises(NoteError):
                read_note(cosign("gw-1", 7, root, 1_700_000_000, posing), _ring(pairs))
            renamed = Signer(own.kid, signer.algorithm, own.public_bytes, own.sign)
            with pytest.raises(NoteError):
                read_note(cosign("gw-1", 7, root, 1_700_000_000, renamed), _ring(pairs))
    for size in (0, 1, 64):
        empty = Signer(own.kid, own.algorithm, own.public_bytes, partial(_zeros, size))
        with pytest.raises(NoteError):
            read_note(cosign("gw-1", 7, root, 1_700_000_000, empty), _ring(pairs))


def test_a_note_has_one_spelling(pairs: Pairs) -> None:
    """Zeros before the size, other line ends, base64 with other last bits or without its end, two lines: no note."""
    own, public = pairs[EDDSA]
    good = cosign("gw-1", 7, sha256(b"root").digest(), 1_700_000_000, own)
    lines = good.split(b"\n")
    assert lines[2].endswith(b"=") and len(lines) == 6
    last = lines[2][-2:-1]
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bits = letters[letters.index(last) + 1 : letters.index(last) + 2]
    for other in (
        good.replace(b"\n7\n", b"\n07\n"), good.replace(b"\n7\n", b"\n+7\n"), good.replace(b"\n7\n", b"\n7 \n"),
        good.replace(b"\n", b"\r\n"), good + b"\n", good[:-1], good + lines[4] + b"\n", b"\xef\xbb\xbf" + good,
        good.replace(lines[2], lines[2][:-1]), good.replace(lines[2], lines[2] + b"="),
        good.replace(lines[2], lines[2][:-2] + bits + b"="), good.replace(lines[2], lines[2][:9] + b" " + lines[2][9:]),
        good.replace(COSIGNER.encode(), b"wattproof-platforn"), good.replace(b"\xe2\x80\x94", b"-"),
    ):  # fmt: skip
        assert other != good
        with pytest.raises(NoteError):
            read_note(other, [public])


def test_a_successor_proves_its_key_by_its_own_algorithm(pairs: Pairs) -> None:
    """A change of key whose algorithm, key, key id or proof is another kind's, empty, or spelt otherwise is refused."""
    old = pairs[EDDSA][0]
    for algorithm, (new, _) in pairs.items():
        if new is old:
            continue
        change = announce(stamp(), "gw-1", old, new)
        assert successor(change, "gw-1", old.kid).algorithm == algorithm
        for stated in (*SUITES.values(), *FOREIGN):
            if stated != algorithm:
                with pytest.raises(ValueError):
                    successor(change._replace(algorithm=stated), "gw-1", old.kid)
        x_only = bytes((2 + change.public_key[64] % 2,)) + change.public_key[1:33]
        for wrong in (
            change._replace(proof=b""), change._replace(proof=bytes(64)), change._replace(proof=old.sign(b"")),
            change._replace(proof=new.sign(b"")), change._replace(new_kid=old.kid), change._replace(public_key=x_only),
            change._replace(public_key=b"\x04" + bytes(64)), change._replace(public_key=change.public_key + b"\x00"),
            announce(stamp(), "gw-2", old, new), change._replace(public_key=old.public_bytes),
        ):  # fmt: skip
            with pytest.raises(ValueError):
                successor(wrong, "gw-1", old.kid)
        with pytest.raises(ValueError):
            successor(change, "gw-1", new.kid)


def test_a_compressed_point_is_no_second_spelling_of_a_key() -> None:
    """P-256 keys have one spelling of 65 bytes: the key id is made of it."""
    public = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_numbers()
    whole = b"\x04" + public.x.to_bytes(32, "big") + public.y.to_bytes(32, "big")
    assert public_key_of(ES256, whole).public_bytes == whole
    for other in (bytes((2 + public.y % 2,)) + whole[1:33], bytes((6 + public.y % 2,)) + whole[1:], whole[1:], b""):
        with pytest.raises(ValueError):
            public_key_of(ES256, other)


@pytest.mark.parametrize("name", SUITES)
def test_an_enrolment_is_proven_by_the_key_that_it_names(pairs: Pairs, name: str) -> None:
    """A request whose proof is another key's, empty, or in other digits is not proven; names stand in it once."""
    own, public = pairs[SUITES[name]]
    request = make_request("gw-1", own, public, "csr", Code(bytes(10), bytes(16)))
    assert proven(request, public) and read_request(text_of(request)) == request
    for other, other_public in pairs.values():
        if other is not own:
            assert not proven(make_request("gw-1", other, public, "csr", None)._replace(code=request.code), public)
            assert not proven(request, other_public)
    for proof in (
        "",
        "00" * 64,
        request.proof.upper() + " ",
        " " + request.proof,
        request.proof[:2] + " " + request.proof[2:],
    ):
        assert not proven(request._replace(proof=proof), public)
    assert request.proof.upper() == request.proof or not proven(request._replace(proof=request.proof.upper()), public)
    text = text_of(request)
    assert json.loads(text)["gateway"] == "gw-1"
    with pytest.raises(ProblemError):
        read_request(text.replace('"gateway": "gw-1"', '"gateway": "gw-2", "gateway": "gw-1"'))


def test_a_code_has_one_spelling() -> None:
    """Small letters, blanks and dashes are a matter of typing; another last bit is another code, and none."""
    code = Code(bytes(range(10)), bytes(range(16)))
    text = code.text()
    assert read_code(text.lower().replace("-", " ")) == code
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    other = text[:-1] + letters[letters.index(text[-1]) ^ 1]
    with pytest.raises(ProblemError):
        read_code(other)
    assert hmac.compare_digest(read_code(text).key(), code.key())


def test_keys_of_one_kind_are_none_of_another(pairs: Pairs, tmp_path: Path) -> None:
    """A signature by each kind of key, over the same message, holds for that key alone."""
    for signer, public in pairs.values():
        signature = signer.sign(b"message")
        holding = [one for _, one in pairs.values() if one.verify(signature, b"message")]
        assert holding == [public]
        assert not public.verify(b"", b"message") and not public.verify(signature, b"")
